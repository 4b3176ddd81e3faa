"""The server's SQLite file: who may write when, and when a write counts as done. The SQL itself is in `tables`.

One thread writes. It takes every job that waits, runs each in a savepoint of one transaction, commits once, and
only then lets the callers go on: what was acknowledged is on disk, and a busy moment costs one fsync, not fifty.
Readers use a connection per thread and never wait for the writer (write-ahead log).
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from trainer.errors import ServerError
from trainer.server.migrations import migrate
from trainer.server.patterns import matches

T = TypeVar("T")
Job = tuple[Callable[[sqlite3.Connection], object], "Future[object]"]

_MAX_BATCH = 64
"""Jobs per transaction: bounds how long the first of them waits for the last."""


def now_micros() -> int:
    """Return the time as the tables hold it: microseconds since 1970 UTC."""
    return time.time_ns() // 1000


class Store:
    """The database of one data folder. Thread-safe; `close` it."""

    def __init__(self, path: Path) -> None:
        """Open (or create) the database.

        Raises:
            ServerError: If the file was written by a newer version of this program, or is no database.
        """
        self.path = path
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._writer = self._open_writer()
        self._thread = threading.Thread(target=self._write_forever, name="store-writer", daemon=True)
        self._thread.start()

    def _open_writer(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=10)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA wal_autocheckpoint = 4000")
            if problem := migrate(connection):
                connection.close()
                raise ServerError(
                    f"The database {self.path} {problem}.", hint="Update sweep-tui, or give another --data-dir."
                )
            connection.executescript(files("trainer.server").joinpath("schema.sql").read_text(encoding="utf-8"))
        except sqlite3.DatabaseError as error:
            connection.close()
            raise ServerError(
                f"The database {self.path} cannot be used: {error}.", hint="Move it away, or give another --data-dir."
            ) from error
        connection.row_factory = sqlite3.Row
        connection.create_function("regexp", 2, matches, deterministic=True)
        return connection

    def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run `job` in a transaction and return its result once that is on disk.

        What the job raises is raised here, and nothing of the job is kept.
        """
        future: Future[object] = Future()
        self._jobs.put((job, future))
        return future.result()  # type: ignore[return-value]

    def _write_forever(self) -> None:
        while True:
            first = self._jobs.get()
            if first is None:
                return
            batch = [first]
            stopping = False
            while len(batch) < _MAX_BATCH and not self._jobs.empty():
                job = self._jobs.get()
                if job is None:
                    stopping = True
                    break
                batch.append(job)
            self._write_batch(batch)
            if stopping:
                return

    def _write_batch(self, batch: list[Job]) -> None:
        done: list[tuple[Future[object], object]] = []
        connection = self._writer
        try:
            connection.execute("BEGIN IMMEDIATE")
            for job, future in batch:
                connection.execute("SAVEPOINT job")
                try:
                    result = job(connection)
                except Exception as error:
                    # The caller's error, handed to the caller; the other jobs of the batch stay whole.
                    if not connection.in_transaction:  # SQLite itself rolled everything back (disk full)
                        raise
                    connection.execute("ROLLBACK TO job")
                    future.set_exception(error)
                else:
                    done.append((future, result))
                connection.execute("RELEASE job")
            connection.execute("COMMIT")
        except Exception as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for future, result in done:
            future.set_result(result)

    @property
    def reader(self) -> sqlite3.Connection:
        """Return this thread's reading connection."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=10)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA cache_size = -4000")
            connection.create_function("regexp", 2, matches, deterministic=True)
            self._local.connection = connection
            with self._readers_lock:
                self._readers.append(connection)
        return connection

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Yield this thread's reading connection on one unchanging state of the database."""
        connection = self.reader
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("ROLLBACK")

    def close(self) -> None:
        """Finish the writes that wait, and close every connection."""
        self._jobs.put(None)
        self._thread.join()
        with self._readers_lock:
            for connection in self._readers:
                connection.close()
            self._readers.clear()
        self._writer.close()
