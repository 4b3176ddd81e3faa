"""Why a server cannot be reached, each time in one sentence with the way out: real sockets, TLS and proxies."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from trainer.errors import ServerError, ServerLostError
from trainer.settings import Connection, ServerKind
from trainer.tracking.answers import UnknownFieldError
from trainer.tracking.transport import GraphQLTransport

KEY = "k" * 40
CERTIFICATE = Path(__file__).parents[2] / "data/tls/self_signed.pem"
"""Of `localhost`, by an authority that nobody knows; with its key."""


class _Handler(BaseHTTPRequestHandler):
    """Answers what its server was given, and keeps what was asked, headers included."""

    server: _Server

    def do_POST(self) -> None:  # noqa: N802 - the name that http.server calls
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append(f"{self.headers}\n{body.decode()}")
        status, headers, text = self.server.answer
        text = text(body.decode()) if callable(text) else text
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_CONNECT = do_POST  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Keep test output quiet."""


class _Server(ThreadingHTTPServer):
    answer: tuple[int, dict[str, str], str | Callable[[str], str]] = (200, {}, '{"data": {"ok": true}}')

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, *_: object) -> None:
        """A client that breaks off its handshake is what is tested."""


@contextmanager
def serving(*, tls: bool = False) -> Iterator[_Server]:
    server = _Server()
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def said_by(base_url: str, kind: type[ServerError] = ServerLostError) -> str:
    with pytest.raises(kind) as caught:
        GraphQLTransport(Connection(ServerKind.SELF_HOSTED, base_url, KEY, "me"), 5).execute("query Q { a }", {})
    said = str(caught.value)
    assert KEY not in said and "Traceback" not in said and "Pool" not in said and caught.value.hint
    return said


def test_a_certificate_is_told_from_a_wrong_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tls=True) as server:
        port = server.server_address[1]
        said = said_by(f"https://localhost:{port}")
        assert "certificate that cannot be trusted" in said and "REQUESTS_CA_BUNDLE" in said
        said_by(f"http://localhost:{port}")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
        connection = Connection(ServerKind.SELF_HOSTED, f"https://localhost:{port}", KEY, "me")
        assert GraphQLTransport(connection, 5).execute("{ a }", {}) == {"ok": True}, "the way out is one"
        assert "certificate of another name" in said_by(f"https://127.0.0.1:{port}")
    with serving() as server:
        said = said_by(f"https://127.0.0.1:{server.server_address[1]}")
        assert "does not speak https" in said and "http://" in said


def test_a_name_that_nobody_has() -> None:
    said = said_by("http://no-such-host.invalid")
    assert "cannot be resolved" in said or "no such host" in said


def test_a_proxy_that_is_away_or_wants_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    said = said_by("https://wandb.example.com")
    assert "the proxy cannot be reached" in said and "HTTPS_PROXY" in said
    with serving() as proxy:
        proxy.answer = (407, {"Proxy-Authenticate": "Basic"}, "")
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.server_address[1]}")
        assert "the proxy refused" in said_by("https://wandb.example.com")
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.server_address[1]}")
        assert "proxy" in said_by("http://wandb.example.com")


@pytest.mark.parametrize(
    ("status", "headers", "text", "expected"),
    [
        (200, {"Content-Type": "text/html"}, "<html>Welcome to our hotel</html>", "login page"),
        (404, {"Content-Type": "text/html"}, "<html>nothing here</html>", "without a path"),
        (403, {"Content-Type": "text/html"}, "<html>blocked by policy</html>", "HTTP 403, a web page"),
        (400, {}, "The plain HTTP request was sent to HTTPS port", "wants https"),
        (200, {}, '"hello"', "does not answer like a W&B server"),
    ],
)
def test_what_is_no_wandb_server(status: int, headers: dict[str, str], text: str, expected: str) -> None:
    with serving() as server:
        server.answer = (status, headers, text)
        assert expected in said_by(f"http://127.0.0.1:{server.server_address[1]}", ServerError)


def test_who_sends_us_on_gets_neither_key_nor_question_there() -> None:
    with serving() as here, serving() as elsewhere:
        for status in (301, 302, 307, 308):
            here.answer = (status, {"Location": f"http://localhost:{elsewhere.server_address[1]}/graphql"}, "")
            said = said_by(f"http://127.0.0.1:{here.server_address[1]}", ServerError)
            assert "sends on to http://localhost" in said
        here.answer = (301, {"Location": "https://127.0.0.1/graphql"}, "")
        assert "Use https://127.0.0.1." in said_by(f"http://127.0.0.1:{here.server_address[1]}", ServerError)
        assert elsewhere.asked == []


def test_a_field_that_an_older_server_does_not_know_is_done_without() -> None:
    document = "query Q { run { ...F note } } fragment F on Run { id jobType notes }"

    def older(asked: str) -> str:
        query = json.loads(asked)["query"]
        for name in ("jobType", "notes"):
            if name in query:
                return json.dumps({"errors": [{"message": f'Cannot query field "{name}" on type "Run".'}]})
        return '{"data": {"run": {"id": "1"}}}'

    with serving() as server:
        connection = Connection(ServerKind.SELF_HOSTED, f"http://127.0.0.1:{server.server_address[1]}", KEY, "me")
        transport = GraphQLTransport(connection, 5)
        server.answer = (200, {}, older)
        assert transport.execute(document, {}) == {"run": {"id": "1"}}
        assert (len(server.asked), transport.execute(document, {}), len(server.asked)) == (3, {"run": {"id": "1"}}, 4)
        server.answer = (400, {}, '{"errors": [{"message": "Cannot query field \\"note\\" on type \\"Run\\"."}]}')
        with pytest.raises(UnknownFieldError, match="too old for this: it does not know note"):
            transport.execute(document, {})
