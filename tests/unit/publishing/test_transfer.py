"""Large files go from server to server in pieces, whole or not at all; real HTTP on both sides."""

from __future__ import annotations

import hashlib
import threading
import tracemalloc
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from trainer.publishing.link import Link
from trainer.publishing.patience import Patience
from trainer.publishing.run_facts import StoredFile
from trainer.publishing.transfer import IN_MEMORY, transfer
from trainer.settings import Connection, ServerKind

BLOCK = b"0123456789abcdef" * 4096
BLOCKS = 2 * IN_MEMORY // len(BLOCK)


class Handler(BaseHTTPRequestHandler):
    """Gives a large file, breaking off as often as it is told to; takes files and keeps what they came to."""

    breaks = 0
    stored: list[tuple[int, str]] = []

    def do_GET(self) -> None:
        blocks = BLOCKS if self.path == "/large" else 1
        self.send_response(200)
        self.send_header("Content-Length", str(blocks * len(BLOCK)))
        self.end_headers()
        is_broken, Handler.breaks = Handler.breaks > 0, Handler.breaks - 1
        for _ in range(blocks // 2 if is_broken else blocks):
            self.wfile.write(BLOCK)
        self.close_connection = True

    def do_PUT(self) -> None:
        left, digest = int(self.headers["Content-Length"]), hashlib.md5()
        while left and (part := self.rfile.read(min(left, len(BLOCK)))):
            digest.update(part)
            left -= len(part)
        if not left:
            Handler.stored.append((int(self.headers["Content-Length"]), digest.hexdigest()))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    Handler.breaks, Handler.stored = 0, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("name", "blocks", "breaks"), [("large", BLOCKS, 0), ("large", BLOCKS, 2), ("small", 1, 0)])
def test_a_file_arrives_whole_however_often_its_server_breaks_off(
    address: str, name: str, blocks: int, breaks: int
) -> None:
    Handler.breaks = breaks
    told: list[str] = []
    patience = Patience(lambda: None, told.append, sleep=lambda _: None)
    link = Link(Connection(ServerKind.EMBEDDED, address, "key", "e"), told.append, patience)
    sent: list[int] = []
    tracemalloc.start()
    transfer(
        link, StoredFile(name, blocks * len(BLOCK), "", f"{address}/{name}"), link, f"{address}/x", [], sent.append
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert Handler.stored == [(blocks * len(BLOCK), hashlib.md5(BLOCK * blocks).hexdigest())]
    assert sum(sent) >= blocks * len(BLOCK)
    assert len(told) == (2 if breaks else 0), told
    assert peak < IN_MEMORY // 2
