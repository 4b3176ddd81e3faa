"""A server between a client and the embedded one: passes everything on, but for what a test has it answer or change."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

Answer = tuple[int, str]
"""A status and a body."""


def errors(status: int, message: str) -> Answer:
    """Return an answer as W&B's server words what it refuses."""
    return status, json.dumps({"errors": [{"message": message}]})


class Relay(ThreadingHTTPServer):
    """Listens on a port of its own."""

    def __init__(self, target: str) -> None:
        """Create it for the server at an address."""
        self.target = target
        self.asked: list[tuple[str, str]] = []
        """Of each request: its Authorization, and its document, or its path where it has none."""
        self.refuses: Callable[[str], Answer | None] = lambda document: None
        """Answers a document itself; None passes it on."""
        self.amends: Callable[[str, Any], Any] = lambda document, answer: answer
        """Changes what is answered to a document."""
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Relay

    def _relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        document = json.loads(body)["query"] if self.path == "/graphql" else self.path
        self.server.asked.append((self.headers.get("Authorization", ""), document))
        refused = self.server.refuses(document)
        status, text = refused if refused is not None else self._pass_on(body, document)
        data = text.encode() if isinstance(text, str) else text
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET = do_PUT = _relay  # noqa: N815 - names that http.server calls

    def _pass_on(self, body: bytes, document: str) -> tuple[int, str | bytes]:
        kept = {name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers}
        answer = requests.request(
            self.command, self.server.target + self.path, data=body, headers=kept, timeout=30, allow_redirects=False
        )
        if self.path != "/graphql" or answer.status_code != 200:
            return answer.status_code, answer.content
        # Addresses of files lead through here, too.
        told = json.loads(answer.text.replace(self.server.target, self.server.base_url))
        return 200, json.dumps(self.server.amends(document, told))

    def log_message(self, *_: object) -> None:
        """Keep test output quiet."""


@contextmanager
def relayed(target: str) -> Iterator[Relay]:
    """Run a relay to the server at an address."""
    relay = Relay(target)
    thread = threading.Thread(target=relay.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield relay
    finally:
        relay.shutdown()
        relay.server_close()
        thread.join()
