"""The server's SQLite file: who may write when, and when a write counts as done. The SQL itself is in `tables`.

One thread writes. It takes every job that waits, runs each in a savepoint of one transaction, commits once, and
only then lets the callers go on: what was acknowledged is on disk, and a busy moment costs one fsync, not fifty.
Readers use a connection per thread and never wait for the writer (write-ahead log). A write that the disk refuses
raises for every caller of its batch; the next one tries anew, on a fresh connection where the old one may be in doubt.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from trainer.errors import ServerError, StorageError
from trainer.server.faults import Faults
from trainer.server.migrations import migrate
from trainer.server.patterns import matches

T = TypeVar("T")
Job = tuple[Callable[[sqlite3.Connection], object], "Future[object]"]

_MAX_BATCH = 64
"""Jobs per transaction: bounds how long the first of them waits for the last."""
_KEEPS_CONNECTION = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY)
"""Faults that leave the writing connection as it was; after any other a new one is opened."""


def now_micros() -> int:
    """Return the time as the tables hold it: microseconds since 1970 UTC."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class _Alone:
    """A job that shares no transaction with others."""

    job: Callable[[sqlite3.Connection], object]

    def __call__(self, connection: sqlite3.Connection) -> object:
        return self.job(connection)


class Store:
    """The database of one data folder. Thread-safe; `close` it."""

    def __init__(self, path: Path) -> None:
        """Open (or create) the database.

        Raises:
            ServerError: If the file was written by a newer version of this program, or is no database.
        """
        self.path = path
        self.faults = Faults(path)
        self.opened_at = now_micros()
        self.lost: StorageError | None = None
        """Set once the file is no longer where it was: nothing more is acknowledged, and the server is to end."""
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._writer: sqlite3.Connection | None = self._open_writer(create=True)
        self._log = path.with_name(path.name + "-wal")
        self._places = {place: _identity(place) for place in (path, self._log)}
        self._thread = threading.Thread(target=self._write_forever, name="store-writer", daemon=True)
        self._thread.start()

    def _open_writer(self, *, create: bool) -> sqlite3.Connection:
        mode = "rwc" if create else "rw"
        try:
            connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode={mode}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                timeout=10,
            )
        except sqlite3.DatabaseError as error:
            raise self._unusable(error) from error
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA wal_autocheckpoint = 4000")
            if problem := migrate(connection, self.path):
                connection.close()
                raise ServerError(
                    f"The database {self.path} {problem}.", hint="Update sweep-tui, or give another --data-dir."
                )
            connection.executescript(files("trainer.server").joinpath("schema.sql").read_text(encoding="utf-8"))
        except (ServerError, OSError):
            connection.close()
            raise
        except sqlite3.DatabaseError as error:
            connection.close()
            raise self._unusable(error) from error
        connection.row_factory = sqlite3.Row
        connection.create_function("regexp", 2, matches, deterministic=True)
        return connection

    def _unusable(self, error: sqlite3.DatabaseError) -> ServerError:
        return self.faults.of(error) or ServerError(
            f"The database {self.path} cannot be used: {error}.", hint="Move it away, or give another --data-dir."
        )

    def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run `job` in a transaction and return its result once that is on disk.

        What the job raises is raised here, and nothing of the job is kept.

        Raises:
            StorageError: If the disk did not take it.
        """
        future: Future[object] = Future()
        self._jobs.put((job, future))
        return future.result()  # type: ignore[return-value]

    def alone(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run `job` on the writing connection outside of any transaction, while nobody else writes (`VACUUM`).

        Raises:
            StorageError: If the disk failed at it.
        """
        future: Future[object] = Future()
        self._jobs.put((_Alone(job), future))
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
            for _, together in groupby(batch, key=lambda item: isinstance(item[0], _Alone) and id(item)):
                self._write_batch(list(together))
            if stopping:
                return

    def _write_batch(self, batch: list[Job]) -> None:
        try:
            done = self._commit(batch)
        except Exception as error:
            # The writer's thread must outlive whatever happens to a batch: every caller waits for it.
            fault = self.fault_of(error)
            self._recover(error)
            if fault is not None:
                self.faults.write_failed(fault)
            for _, future in batch:
                if not future.done():
                    future.set_exception(fault or error)
            return
        self.faults.write_worked()
        for future, result in done:
            future.set_result(result)

    def _commit(self, batch: list[Job]) -> list[tuple[Future[object], object]]:
        """Run jobs in one transaction; return the results of those that may be acknowledged."""
        if self.lost is not None:
            raise self.lost
        connection = self._writer
        if connection is None:
            connection = self._reopen_writer()
        done: list[tuple[Future[object], object]] = []
        if isinstance(batch[0][0], _Alone):
            return [(batch[0][1], batch[0][0](connection))]
        connection.execute("BEGIN IMMEDIATE")
        for job, future in batch:
            connection.execute("SAVEPOINT job")
            try:
                result = job(connection)
            except Exception as error:
                # The caller's error, handed to the caller; the other jobs of the batch stay whole.
                if not connection.in_transaction or self.faults.of(error) is not None:
                    raise
                connection.execute("ROLLBACK TO job")
                future.set_exception(error)
            else:
                done.append((future, result))
            connection.execute("RELEASE job")
        connection.execute("COMMIT")
        self.check_place()
        return done

    def _reopen_writer(self) -> sqlite3.Connection:
        self.check_place()
        self._writer = self._open_writer(create=False)
        # SQLite removes the log with the last connection, and makes a new one.
        self._places[self._log] = _identity(self._log)
        return self._writer

    def _recover(self, error: Exception) -> None:
        """Leave no transaction open; give up a connection that may be in doubt."""
        connection = self._writer
        if connection is None:
            return
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            is_sound = not isinstance(error, sqlite3.Error) or (
                getattr(error, "sqlite_errorcode", 0) & 0xFF in _KEEPS_CONNECTION
            )
        except sqlite3.Error:
            is_sound = False
        if not is_sound:
            self._writer = None
            self._places[self._log] = None
            connection.close()

    def fault_of(self, error: BaseException | None) -> StorageError | None:
        """Return the fault of the disk that an error means, None for none.

        A database that is gone is named as such, whatever SQLite says of it.
        """
        fault = self.faults.of(error)
        if fault is not None:
            try:
                self.check_place()
            except StorageError as lost:
                return lost
        return fault

    def check_place(self) -> None:
        """See that the database is still the file that was opened: one that was deleted takes writes as if it were.

        Raises:
            StorageError: If it was deleted, moved or replaced; from then on nothing is acknowledged.
        """
        if self.lost is not None:
            raise self.lost
        for place, known in self._places.items():
            found = _identity(place)
            if known is None:
                self._places[place] = found
            elif found != known:
                self.lost = StorageError(
                    f"{place} was deleted, moved or replaced while the server ran.",
                    hint="The server ends; start it again.",
                )
                raise self.lost

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
        if self._writer is not None:
            self._writer.close()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
