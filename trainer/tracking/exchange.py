"""One HTTP exchange that ends in time, whatever the server does: silence, a byte a minute, half an answer.

`requests` bounds each wait for bytes, not all of them together, and nothing can interrupt a thread that waits. So
exchanges happen in threads of their own, lanes: whoever asks waits for one until a deadline, and then leaves it behind
with its connection broken, by which it ends, too. Knows HTTP; knows nothing of what is asked.
"""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

CONNECT_SECONDS = 5.0
_IDLE_SECONDS = 20.0
"""A lane that nobody needs for this long ends."""
MOST_LEFT_BEHIND = 4
"""Lanes that may hang at once, in a look-up of a name say, which nothing breaks off; beyond, nothing more is begun."""
_CHUNK = 16 * 1024
FAIR_BYTES_PER_SECOND = 10_000
"""A body may take longer than the deadline as long as it arrives this fast: a slow line is no dead server."""
MOST_EXTRA_SECONDS = 60.0
_own = threading.local()


class LateError(requests.Timeout):
    """The deadline passed."""


class ClosedError(requests.RequestException):
    """The exchanges were closed."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered, whole."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """Return what it holds as JSON.

        Raises:
            ValueError: If it is none.
        """
        return json.loads(self.content)

    @property
    def text(self) -> str:
        """It as a text, whatever it is."""
        return self.content.decode(errors="replace")


@dataclass(slots=True)
class _Job:
    url: str
    body: Any
    deadline: float
    done: threading.Event = field(default_factory=threading.Event)
    reply: Reply | None = None
    error: Exception | None = None


class Exchanges:
    """Exchanges with one server; as many at a time as threads ask. Safe to share between threads."""

    def __init__(self, make_session: Callable[[], requests.Session]) -> None:
        """Begin with no thread and no connection.

        Args:
            make_session: Makes what signs the requests of a lane.
        """
        self._make_session = make_session
        self._lock = threading.Lock()
        self._idle: list[_Lane] = []
        self._at_work: set[_Lane] = set()
        self._left_behind: set[_Lane] = set()
        self._readers: set[_Reader] = set()
        self.closed = threading.Event()
        """Set for good by `close`."""

    def post(self, url: str, body: Any, deadline: float) -> Reply:
        """Post JSON and return the answer.

        Args:
            url: Where.
            body: What is to be sent as JSON.
            deadline: By the clock of `monotonic`; a long answer that arrives at a fair rate has longer.

        Raises:
            LateError: If there is no whole answer until then.
            ClosedError: If the exchanges are closed, also meanwhile.
            requests.RequestException: For what else happened to the connection.
        """
        lane, job = self._lane(), _Job(url, body, deadline)
        lane.jobs.put(job)
        while not job.done.wait(max(job.deadline - time.monotonic(), 0.0)):
            # Bytes that arrive at a fair rate have moved it.
            if job.deadline <= time.monotonic():
                self._leave(lane)
                raise LateError("no whole answer in time")
        self._is_free(lane)
        if self.closed.is_set():
            raise ClosedError("closed")
        if job.error is not None:
            raise job.error
        assert job.reply is not None
        return job.reply

    @contextmanager
    def opened(self, session: requests.Session, url: str, timeout: tuple[float, float]) -> Iterator[requests.Response]:
        """Open an address that is read bit by bit, by whoever asks; `close` breaks it off.

        Raises:
            requests.RequestException: If it cannot be opened.
        """
        if self.closed.is_set():
            raise ClosedError("closed")
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter())
        _own.lane = reader = _Reader()
        with self._lock:
            self._readers.add(reader)
        try:
            with session.get(url, stream=True, timeout=timeout) as response:
                yield response
        finally:
            with self._lock:
                self._readers.discard(reader)

    def close(self) -> None:
        """Break every connection: who waits hears of it at once, and nothing more is begun."""
        with self._lock:
            self.closed.set()
            lanes = [*self._idle, *self._at_work, *self._left_behind, *self._readers]
            self._idle.clear()
        for lane in lanes:
            lane.break_off()

    def _lane(self) -> _Lane:
        with self._lock:
            if self.closed.is_set():
                raise ClosedError("closed")
            if len(self._left_behind) >= MOST_LEFT_BEHIND:
                raise LateError("earlier requests still hang")
            lane = self._idle.pop() if self._idle else _Lane(self._make_session, self._retire)
            self._at_work.add(lane)
        return lane

    def _is_free(self, lane: _Lane) -> None:
        with self._lock:
            self._at_work.discard(lane)
            if not self.closed.is_set():
                self._idle.append(lane)
                return
        lane.break_off()

    def _leave(self, lane: _Lane) -> None:
        with self._lock:
            self._at_work.discard(lane)
            self._left_behind.add(lane)
        lane.break_off()

    def _retire(self, lane: _Lane) -> bool:
        """Return whether an idle lane may end: nobody has taken it meanwhile."""
        with self._lock:
            if lane in self._at_work:
                return False
            self._left_behind.discard(lane)
            if lane in self._idle:
                self._idle.remove(lane)
            return True


class _Reader:
    """Whoever uses connections."""

    def __init__(self) -> None:
        self.connection: HTTPConnection | None = None

    def break_off(self) -> None:
        """End what is under way."""
        connection = self.connection
        sock = connection.sock if connection is not None else None
        if isinstance(sock, socket.socket):
            with suppress(OSError):
                # Past `SSLSocket.shutdown`, which would take away what its thread is reading with.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _Lane(_Reader):
    """A thread with connections of its own, which does one exchange after another."""

    def __init__(self, make_session: Callable[[], requests.Session], may_end: Callable[[_Lane], bool]) -> None:
        super().__init__()
        self.jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._is_broken = False
        self._make_session = make_session
        self._may_end = may_end
        # A daemon: what hangs in the look-up of a name must not keep a program that has ended.
        threading.Thread(target=self._work, name="exchange", daemon=True).start()

    def break_off(self) -> None:
        """End what is under way, and the thread after it."""
        self._is_broken = True
        self.jobs.put(None)
        super().break_off()

    def _work(self) -> None:
        _own.lane = self
        session = self._make_session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter())
        with session:
            while True:
                try:
                    job = self.jobs.get(timeout=_IDLE_SECONDS)
                except queue.Empty:
                    if self._may_end(self):
                        return
                    continue
                if job is None:
                    self._may_end(self)
                    return
                try:
                    job.reply = self._exchange(session, job)
                except Exception as error:  # handed to whoever asked, who is in another thread
                    job.error = error
                job.done.set()

    def _exchange(self, session: requests.Session, job: _Job) -> Reply:
        left = max(job.deadline - time.monotonic(), 0.05)
        timeout = (min(left, CONNECT_SECONDS), left)
        # Who sends us on is no W&B server, and what is sent on becomes a GET.
        with session.post(job.url, json=job.body, stream=True, timeout=timeout, allow_redirects=False) as response:
            parts, received, deadline = [], 0, job.deadline
            for part in response.iter_content(_CHUNK):
                parts.append(part)
                received += len(part)
                job.deadline = deadline + min(received / FAIR_BYTES_PER_SECOND, MOST_EXTRA_SECONDS)
                if self._is_broken:
                    raise LateError("given up")
            return Reply(response.status_code, response.headers, b"".join(parts))


def bits_of(response: requests.Response, most_bytes: int) -> Iterator[bytes]:
    """Yield the bytes of an answer as they arrive, not only once there are many: who reads may want to stop."""
    read_some = getattr(response.raw, "read1", None)
    if read_some is None:  # urllib3 before 2.1
        yield from response.iter_content(most_bytes)
        return
    while part := read_some(most_bytes, decode_content=True):
        yield part


class _Noted(HTTPConnection):
    """Lets its lane know of it while it is used."""

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send."""
        lane = getattr(_own, "lane", None)
        if lane is not None:
            lane.connection = self
        super().request(*args, **kwargs)


class _NotedSecure(HTTPSConnection):
    """The same over TLS."""

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send."""
        lane = getattr(_own, "lane", None)
        if lane is not None:
            lane.connection = self
        super().request(*args, **kwargs)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Noted


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _NotedSecure


class _Adapter(HTTPAdapter):
    """Makes connections that can be broken off."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Have pools of such connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Have pools of such connections behind a proxy, too."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        return manager
