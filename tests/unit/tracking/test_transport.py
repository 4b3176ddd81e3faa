"""How a request fails: against a real HTTP server on loopback that answers as told."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from trainer.errors import (
    AccessError,
    AuthenticationError,
    NotFoundError,
    ServerBusyError,
    ServerError,
    ServerLostError,
)
from trainer.settings import Connection, ServerKind
from trainer.tracking.transport import GraphQLTransport
from trainer.tracking.wandb_client import WandbClient

KEY = "k" * 40
Answer = tuple[int, dict[str, str], str]


class AnsweringServer(ThreadingHTTPServer):
    """Gives its answers in turn, the last one for ever; keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[tuple[str, dict[str, Any]]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def connection(self) -> Connection:
        return Connection(ServerKind.SELF_HOSTED, f"http://127.0.0.1:{self.server_address[1]}", KEY, "me")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: AnsweringServer

    def do_POST(self) -> None:  # noqa: N802 - the name that http.server calls
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.headers["Authorization"], json.loads(body)))
        answers = self.server.answers
        status, headers, text = answers.pop(0) if len(answers) > 1 else answers[0]
        if status == 0:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(text.encode()))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Keep test output quiet."""


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    answering = AnsweringServer()
    thread = threading.Thread(target=answering.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield answering
    answering.shutdown()
    answering.server_close()
    thread.join()


def data(**fields: object) -> Answer:
    return 200, {}, json.dumps({"data": fields})


def errors(status: int, message: str) -> Answer:
    return status, {}, json.dumps({"errors": [{"message": message}]})


def execute(server: AnsweringServer, *answers: Answer, timeout_seconds: float = 5.0) -> dict[str, Any]:
    server.answers = list(answers)
    return GraphQLTransport(server.connection, timeout_seconds).execute("query Q { viewer { id } }", {"a": 1})


def test_the_key_goes_as_basic_auth_and_the_data_comes_back(server: AnsweringServer) -> None:
    assert execute(server, data(viewer={"id": "1"})) == {"viewer": {"id": "1"}}
    authorization, body = server.requests[0]
    assert base64.b64decode(authorization.removeprefix("Basic ")).decode() == f"api:{KEY}"
    assert body == {"query": "query Q { viewer { id } }", "variables": {"a": 1}}


@pytest.mark.parametrize(
    ("answer", "expected", "said"),
    [
        (errors(401, "bad key"), AuthenticationError, "bad key"),
        (errors(403, "not yours"), AccessError, "not yours"),
        (errors(200, "permission denied to create a sweep"), AccessError, "Ask for write access"),
        (errors(404, "no such agent"), NotFoundError, "no such agent"),
        (errors(200, "Sweep not found"), NotFoundError, "Sweep not found"),
        (errors(400, "unknown operation Foo"), ServerError, "unknown operation Foo"),
        (errors(200, "quota used up"), ServerError, "quota used up"),
        ((200, {}, "<html>hello</html>"), ServerError, "does not answer like a W&B server"),
        ((404, {}, "<html>nothing here</html>"), ServerError, "HTTP 404"),
    ],
)
def test_refusals_are_named_at_once_and_never_show_the_key(
    server: AnsweringServer, answer: Answer, expected: type[Exception], said: str
) -> None:
    with pytest.raises(expected) as caught:
        execute(server, answer)
    assert type(caught.value) is expected
    assert said in str(caught.value)
    assert KEY not in str(caught.value)
    assert len(server.requests) == 1


def test_what_passes_is_tried_again_when_the_server_says(server: AnsweringServer) -> None:
    busy = (429, {"Retry-After": "0.05"}, "")
    assert execute(server, busy, (503, {"Retry-After": "0.05"}, ""), data(ok=True)) == {"ok": True}
    assert len(server.requests) == 3


def test_a_wait_longer_than_the_timeout_is_not_begun(server: AnsweringServer) -> None:
    with pytest.raises(ServerBusyError, match="429") as caught:
        execute(server, (429, {"Retry-After": "3600"}, ""))
    assert caught.value.retry_in_seconds == 3600
    assert len(server.requests) == 1


def test_a_server_that_keeps_failing_is_an_error_with_its_words(server: AnsweringServer) -> None:
    failing = (500, {"Retry-After": "0.05"}, '{"error": "disk full"}')
    with pytest.raises(ServerError, match="disk full") as caught:
        execute(server, failing, timeout_seconds=0.3)
    assert not isinstance(caught.value, ServerLostError)
    assert len(server.requests) > 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((504, {}, ""), ServerLostError),
        ((500, {}, '{"error": "disk full"}'), ServerError),
        ((0, {}, ""), ServerLostError),
    ],
)
def test_what_may_have_been_done_is_not_sent_again(
    server: AnsweringServer, answer: Answer, expected: type[Exception]
) -> None:
    server.answers = [answer]
    client = WandbClient(server.connection, timeout_seconds=5)
    with pytest.raises(expected):
        client.create_sweep({"method": "grid", "parameters": {"x": {"values": [1]}}}, "me", "p")
    assert len(server.requests) == 1


def test_what_was_refused_as_too_much_is_sent_again(server: AnsweringServer) -> None:
    server.answers = [(429, {"Retry-After": "0.05"}, ""), data(done=True)]
    assert GraphQLTransport(server.connection, 5).execute("mutation { a }", {}, repeatable=False) == {"done": True}
    assert len(server.requests) == 2


def test_a_dropped_connection_is_tried_once_more(server: AnsweringServer) -> None:
    assert execute(server, (0, {}, ""), data(ok=True)) == {"ok": True}


def test_nobody_there_is_a_lost_server() -> None:
    connection = Connection(ServerKind.SELF_HOSTED, "http://127.0.0.1:9", KEY, "me")
    with pytest.raises(ServerLostError, match="connection refused"):
        GraphQLTransport(connection, 2.0).execute("{ a }", {})


def test_silence_is_a_lost_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connection = Connection(ServerKind.SELF_HOSTED, f"http://127.0.0.1:{silent.getsockname()[1]}", KEY, "me")
        with pytest.raises(ServerLostError, match=r"within 0\.2 s"):
            GraphQLTransport(connection, 0.2).execute("{ a }", {})
