"""A proxy on loopback that counts what passes to a W&B server, and spoils answers as told. Its server is a real one."""

from __future__ import annotations

import http.client
import json
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from trainer.settings import Connection

_OPERATION = re.compile(r"\s*(?:query|mutation)\s+(\w+)")
_OWN = {"transfer-encoding", "connection", "content-length", "date", "server"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """One request that arrived."""

    operation: str
    """Name of the GraphQL operation; the path of any other request."""
    at: float
    """By the clock of `monotonic`."""
    document: str = ""


Fault = Callable[["Exchange"], None]
"""Answers in place of the server."""


def busy(retry_after: str | None = None, *, left: int | None = None, reset: int | None = None) -> Fault:
    """Refuse with 429, as W&B documents it: `RateLimit-*` of the window, or `Retry-After`, or no word."""
    given = {"Retry-After": retry_after, "RateLimit-Reset": reset}
    headers = {name: str(value) for name, value in given.items() if value is not None}
    if left is not None:
        headers |= {"RateLimit-Limit": "1000", "RateLimit-Remaining": str(left)}
    return lambda exchange: exchange.send(Answer(429, b'{"error": "rate limit exceeded"}', headers))


def failing(status: int = 502) -> Fault:
    """Answer with a failure."""
    return lambda exchange: exchange.send(Answer(status, b"<html>Bad Gateway</html>"))


def portal(exchange: Exchange) -> None:
    """Answer as the page where a hotel's network wants a room number."""
    exchange.send(Answer(200, b"<html><form>Room number</form></html>", {"Content-Type": "text/html"}))


def silent(exchange: Exchange) -> None:
    """Take the request and never answer, until the proxy is well again or closed."""
    exchange.wait()


def trickling(exchange: Exchange) -> None:
    """Answer a byte at a time, for ever."""
    exchange.trickle(b"HTTP/1.1 200 OK\r\nX-Padding: ")


def trickling_body(exchange: Exchange) -> None:
    """Answer with a head at once, and a byte at a time after it."""
    exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    exchange.trickle(b"{")


def cut(exchange: Exchange) -> None:
    """Send half of the server's answer, and close."""
    answer = exchange.ask_server()
    exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer.body))
    exchange.raw(answer.body[: len(answer.body) // 2])
    exchange.handler.close_connection = True
    exchange.handler.connection.shutdown(socket.SHUT_RDWR)


def reset(exchange: Exchange) -> None:
    """Break the connection."""
    exchange.handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    exchange.handler.close_connection = True
    exchange.handler.connection.close()


@dataclass(slots=True)
class Exchange:
    """A request that waits for its answer."""

    handler: _Handler
    operation: str
    body: bytes
    fault: Fault | None = None

    def ask_server(self) -> Answer:
        """Return what the server says."""
        handler = self.handler
        target = http.client.HTTPConnection(handler.server.host, handler.server.port, timeout=30)
        try:
            headers = {name: value for name, value in handler.headers.items() if name.lower() not in _OWN | {"host"}}
            target.request(handler.command, handler.path, self.body, headers)
            found = target.getresponse()
            return Answer(
                found.status,
                # Addresses of files lead through here, too.
                found.read().replace(
                    handler.server.target.base_url.encode(), handler.server.connection.base_url.encode()
                ),
                {name: value for name, value in found.getheaders() if name.lower() not in _OWN},
            )
        except OSError:
            return Answer(502, b"the server behind the proxy is away")
        finally:
            target.close()

    def send(self, answer: Answer) -> None:
        """Send an answer."""
        handler = self.handler
        handler.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(answer.body)

    def raw(self, content: bytes) -> None:
        """Send bytes as they are."""
        self.handler.wfile.write(content)
        self.handler.wfile.flush()

    def wait(self) -> None:
        """Wait until the fault is over, then break the connection."""
        self._until_well(lambda: None)

    def trickle(self, beginning: bytes) -> None:
        """Send a beginning, then a byte now and then until the fault is over or nobody listens."""
        self.raw(beginning)
        self._until_well(lambda: self.raw(b"x"))

    def _until_well(self, meanwhile: Callable[[], None]) -> None:
        proxy = self.handler.server
        while proxy.fault is self.fault and not proxy.closing.wait(0.02):
            meanwhile()
        self.handler.close_connection = True


class FaultyProxy(ThreadingHTTPServer):
    """Stands between a client and its server. Give clients `connection`; set `fault` to spoil what is asked."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, target: Connection) -> None:
        self.target = target
        address = urlsplit(target.base_url)
        self.host, self.port = address.hostname or "127.0.0.1", address.port or 80
        self.fault: Fault | None = None
        self.only: frozenset[str] = frozenset()
        """Operations that are spoiled; empty for all."""
        self.headers: dict[str, str] = {}
        """Added to every answer of the server."""
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._in_flight = self.most_in_flight = 0
        super().__init__(("127.0.0.1", 0), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away."""

    @property
    def connection(self) -> Connection:
        """The way to the server, through here."""
        return replace(self.target, base_url=f"http://127.0.0.1:{self.server_address[1]}")

    @property
    def requests(self) -> list[Request]:
        """What arrived, in its order."""
        with self._lock:
            return list(self._requests)

    @property
    def counts(self) -> Counter[str]:
        """How often each operation was asked for."""
        return Counter(request.operation for request in self.requests)

    def forget(self) -> None:
        """Count from nothing."""
        with self._lock:
            self._requests.clear()
            self.most_in_flight = self._in_flight

    @contextmanager
    def spoiling(self, fault: Fault, *only: str) -> Iterator[None]:
        """Spoil answers for a while; what hangs then is let go."""
        self.only, self.fault = frozenset(only), fault
        try:
            yield
        finally:
            self.fault = None

    def close(self) -> None:
        """End; who waits is let go."""
        self.closing.set()
        self.shutdown()
        self.server_close()
        self._thread.join()

    def note(self, request: Request) -> None:
        """Count a request."""
        with self._lock:
            self._requests.append(request)

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Count a request that is being answered."""
        with self._lock:
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            yield
        finally:
            with self._lock:
                self._in_flight -= 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FaultyProxy

    def _pass(self) -> None:
        proxy = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        document = _document(body) if self.path.endswith("/graphql") else ""
        found = _OPERATION.match(document)
        operation = found[1] if found else self.path.partition("?")[0]
        proxy.note(Request(operation, time.monotonic(), document))
        fault = proxy.fault
        with proxy.under_way():
            if fault is not None and (not proxy.only or operation in proxy.only):
                fault(Exchange(self, operation, body, fault))
                return
            answer = Exchange(self, operation, body).ask_server()
            Exchange(self, operation, body).send(replace(answer, headers={**answer.headers, **proxy.headers}))

    do_GET = do_POST = do_PUT = do_DELETE = _pass  # noqa: N815 - the names that http.server calls

    def log_message(self, *_: object) -> None:
        """Keep test output quiet."""


def _document(body: bytes) -> str:
    try:
        return str(json.loads(body).get("query", ""))
    except (ValueError, AttributeError):
        return ""
