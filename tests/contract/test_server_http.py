"""Who gets in, what is bounded, and how the process is found, over real HTTP."""

from __future__ import annotations

import base64
import gzip
import json
import os
import signal
import socket
import stat
import statistics
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest
import requests

from tests.contract.server_fixtures import eventually, graphql, project, server
from trainer.errors import PortTakenError, ServerError, ServerRunningError
from trainer.server.lifecycle import ServerAddress, ensure_running, find_running, serve_foreground, stop_server

__all__ = ["project", "server"]

_START = """mutation U($p: String!, $n: String!) {
  upsertBucket(input: {modelName: $p, name: $n}) { bucket { id name } } }"""
_FILES = """mutation F($p: String!, $n: String!, $f: [String!]!) {
  createRunFiles(input: {entityName: "local", projectName: $p, runName: $n, files: $f}) {
    files { name uploadUrl } } }"""


@pytest.mark.parametrize("auth", [None, ("api", "x" * 40), ("user", "KEY"), ("api", "")])
@pytest.mark.parametrize("path", ["/graphql", "/files/local/p/r/file_stream", "/", "/local/p/runs/r", "/nowhere"])
def test_no_route_opens_without_the_key(server: ServerAddress, path: str, auth: tuple[str, str] | None) -> None:
    given = None if auth is None else (auth[0], auth[1].replace("KEY", server.api_key))
    method = "GET" if path in ("/", "/local/p/runs/r", "/nowhere") else "POST"
    reply = requests.request(method, server.base_url + path, json={}, auth=given, timeout=10)
    assert reply.status_code == 401
    assert server.api_key not in reply.text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", ""])
def test_another_host_name_is_refused_even_with_the_key(server: ServerAddress, host: str) -> None:
    port = server.base_url.rpartition(":")[2]
    headers = {"Host": host.format(port=port)}
    reply = requests.get(server.base_url + "/", headers=headers, auth=("api", server.api_key), timeout=10)
    assert 400 <= reply.status_code < 500
    good = {"Host": f"localhost:{port}"}
    assert requests.get(server.base_url + "/", headers=good, auth=("api", server.api_key), timeout=10).ok


def test_health_needs_the_key_too(server: ServerAddress) -> None:
    assert requests.get(server.base_url + "/healthz", timeout=10).status_code == 401
    assert requests.get(server.base_url + "/healthz", auth=("api", server.api_key), timeout=10).text == "ok\n"


def test_answers_on_a_kept_connection_are_not_held_back(server: ServerAddress) -> None:
    connection = HTTPConnection(server.base_url.removeprefix("http://"), timeout=10)
    headers = {"Authorization": "Basic " + base64.b64encode(f"api:{server.api_key}".encode()).decode()}
    seconds = []
    for _ in range(15):
        start = time.perf_counter()
        connection.request("GET", "/healthz", headers=headers)
        assert connection.getresponse().read() == b"ok\n"
        seconds.append(time.perf_counter() - start)
    connection.close()
    # With Nagle's algorithm on, a small answer waits for the client's delayed acknowledgement: 40 ms on Linux.
    assert statistics.median(seconds) < 0.03


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"query": 3}',
        b'{"query": "{ viewer { id } }", "variables": []}',
        b"[" * 5000,
    ],
)
def test_malformed_requests_are_400(server: ServerAddress, body: bytes) -> None:
    for path in ("/graphql", "/files/local/p/r/file_stream"):
        reply = requests.post(server.base_url + path, data=body, auth=("api", server.api_key), timeout=10)
        expected = (400,) if path == "/graphql" else (400, 404)
        assert reply.status_code in expected, reply.text


def test_a_stream_of_an_unknown_run_is_404_and_gzip_is_understood(server: ServerAddress, project: str) -> None:
    url = f"{server.base_url}/files/local/{project}/r/file_stream"
    auth = ("api", server.api_key)
    assert requests.post(url, json={}, auth=auth, timeout=10).status_code == 404
    graphql(server, _START, p=project, n="r")
    chunk = {"files": {"wandb-history.jsonl": {"offset": 0, "content": ['{"_step":0,"a":1}']}}}
    packed = gzip.compress(json.dumps(chunk).encode())
    reply = requests.post(url, data=packed, headers={"Content-Encoding": "gzip"}, auth=auth, timeout=10)
    assert reply.json() == {"exitcode": None, "limits": {}}
    found = graphql(server, 'query Q($p: String) { project(name: $p) { run(name: "r") { history } } }', p=project)
    assert found["project"]["run"]["history"] == ['{"_step":0,"a":1}']


def test_a_stream_takes_more_than_the_sdk_sends_and_refuses_only_what_it_cannot_send(
    server: ServerAddress, project: str
) -> None:
    graphql(server, _START, p=project, n="r")
    url, auth = f"{server.base_url}/files/local/{project}/r/file_stream", ("api", server.api_key)
    row = json.dumps({"_step": 0, "a": 1, "text": "x" * 2**20})
    chunk = {"files": {"wandb-history.jsonl": {"offset": 0, "content": [row] * 40}}}
    assert requests.post(url, json=chunk, auth=auth, timeout=60).status_code == 200
    packer = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)
    bomb = b"".join(packer.compress(b" " * 2**20) for _ in range(257)) + packer.flush()
    headers = {"Content-Encoding": "gzip"}
    assert requests.post(url, data=bomb, headers=headers, auth=auth, timeout=60).status_code == 413
    assert requests.post(url, data=b'{"files": ', auth=auth, timeout=10).status_code == 400
    found = graphql(
        server, 'query Q($p: String) { project(name: $p) { run(name: "r") { historyLineCount } } }', p=project
    )
    assert found["project"]["run"]["historyLineCount"] == 40


def test_files_go_in_and_out_at_signed_addresses_only(server: ServerAddress, project: str) -> None:
    graphql(server, _START, p=project, n="r")
    names = ["a b/HT%3ML ü?#.html", "./plain.txt"]
    files = graphql(server, _FILES, p=project, n="r", f=names)["createRunFiles"]["files"]
    assert [file["name"] for file in files] == ["a b/HT%3ML ü?#.html", "plain.txt"]
    for file in files:
        url = file["uploadUrl"]
        assert url.startswith(server.base_url)
        assert requests.get(url, timeout=10).status_code == 404
        assert requests.put(url, data=b"hello", timeout=10).status_code == 200
        got = requests.get(url, timeout=10)
        assert got.content == b"hello"
        assert got.headers["Access-Control-Allow-Origin"] == "*"
        assert requests.options(url, timeout=10).headers["Access-Control-Allow-Origin"] == "*"
        assert requests.put(url[:-1] + ("0" if url[-1] != "0" else "1"), data=b"bad", timeout=10).status_code == 403
        assert requests.get(url.partition("?")[0], timeout=10).status_code == 403
        assert requests.get(url, timeout=10).content == b"hello"


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "..\\x", "", "a\x00b"])
def test_file_names_cannot_leave_the_run(server: ServerAddress, project: str, name: str) -> None:
    graphql(server, _START, p=project, n="r")
    reply = requests.post(
        server.base_url + "/graphql",
        json={"query": _FILES, "variables": {"p": project, "n": "r", "f": [name]}},
        auth=("api", server.api_key),
        timeout=10,
    )
    assert reply.status_code == 200
    assert "cannot name a file" in reply.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "path",
    ["/storage/../api_key", "/storage/1/../../api_key", "/storage/%2e%2e/api_key", "/storage/" + "9" * 50 + "/x"],
)
def test_paths_are_confined(server: ServerAddress, path: str) -> None:
    connection = HTTPConnection("127.0.0.1", int(server.base_url.rpartition(":")[2]), timeout=10)
    connection.request("GET", path)
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    assert 400 <= reply.status < 500
    assert server.api_key not in text


def test_pages_show_runs_and_escape_what_they_show(server: ServerAddress, project: str) -> None:
    document = """mutation U($p: String!) { upsertBucket(input: {modelName: $p, name: "r",
      displayName: "<script>alert(1)</script>"}) { bucket { id } } }"""
    graphql(server, document, p=project)
    for path in (f"/local/{project}", f"/local/{project}/runs/r"):
        reply = requests.get(server.base_url + path, auth=("api", server.api_key), timeout=10)
        assert reply.ok
        assert "<script>" not in reply.text
        assert "&lt;script&gt;" in reply.text
        assert server.api_key not in reply.text
    assert (
        requests.get(f"{server.base_url}/local/{project}/runs/x", auth=("api", server.api_key), timeout=10).status_code
        == 404
    )


def test_the_data_folder_is_private_and_the_log_holds_no_key(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    address = ensure_running(folder, timeout_seconds=60)
    try:
        requests.post(address.base_url + "/graphql", json={"query": "{"}, auth=("api", address.api_key), timeout=10)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "api_key").stat().st_mode) == 0o600
        assert len(address.api_key) >= 40
        assert address.api_key not in repr(address)
        assert address.api_key not in (folder / "server.log").read_text()
    finally:
        stop_server(folder)


def test_many_callers_start_one_server_which_is_found_again(tmp_path: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        addresses = list(pool.map(lambda _: ensure_running(tmp_path, timeout_seconds=60), range(6)))
    try:
        assert len({address.pid for address in addresses}) == 1
        assert find_running(tmp_path) == addresses[0]
    finally:
        assert stop_server(tmp_path) is True
    assert find_running(tmp_path) is None
    assert stop_server(tmp_path) is False


def test_after_a_kill_the_record_misleads_nobody_and_port_and_key_stay(tmp_path: Path) -> None:
    first = ensure_running(tmp_path, timeout_seconds=60)
    os.kill(first.pid, signal.SIGKILL)
    eventually(lambda: find_running(tmp_path) is None)
    second = ensure_running(tmp_path, timeout_seconds=60)
    try:
        assert (second.base_url, second.api_key) == (first.base_url, first.api_key)
        assert second.pid != first.pid
    finally:
        stop_server(tmp_path)


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"Port {port} is in use"):
            serve_foreground(port, tmp_path)
        argv = [sys.executable, "-m", "trainer.server", "--data-dir", str(tmp_path), "--port", str(port)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines() == [
        f"Port {port} is in use. Give another --port, or none to have one chosen."
    ]


def test_two_servers_do_not_share_a_folder(tmp_path: Path) -> None:
    ensure_running(tmp_path, timeout_seconds=60)
    try:
        with pytest.raises(ServerRunningError, match="already runs"):
            serve_foreground(None, tmp_path)
    finally:
        stop_server(tmp_path)


def test_a_broken_database_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "server.sqlite").write_bytes(b"this is no database, " * 100)
    with pytest.raises(ServerError, match="did not start") as raised:
        ensure_running(tmp_path, timeout_seconds=60)
    assert "server.sqlite cannot be used" in str(raised.value)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_when_told(tmp_path: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "trainer.server", "--data-dir", str(tmp_path)], stderr=subprocess.PIPE, text=True
    )
    eventually(lambda: find_running(tmp_path))
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in said
    assert not (tmp_path / "server.json").exists()


def test_it_ends_by_itself_when_idle_but_not_during_a_run(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "trainer.server", "--data-dir", str(tmp_path), "--idle-minutes", "0.0001"],
        stderr=subprocess.DEVNULL,
    )
    address = eventually(lambda: find_running(tmp_path))
    graphql(address, _START, p="p", n="r")
    waiter = threading.Thread(target=process.wait)
    waiter.start()
    waiter.join(6)
    assert waiter.is_alive()
    url = f"{address.base_url}/files/local/p/r/file_stream"
    requests.post(url, json={"complete": True, "exitcode": 0}, auth=("api", address.api_key), timeout=10)
    waiter.join(60)
    assert process.returncode == 0


def test_half_a_surrogate_pair_is_stored_as_a_question_mark(server: ServerAddress, project: str) -> None:
    document = """mutation U($p: String!, $d: String!, $c: JSONString) { upsertBucket(input: {modelName: $p, name: "r",
      displayName: $d, config: $c}) { bucket { displayName config } } }"""
    found = graphql(server, document, p=project, d="a\ud800b \U0001f4a5", c='{"k": {"value": "\\ud800"}}')
    assert found["upsertBucket"]["bucket"]["displayName"] == "a?b \U0001f4a5"
    assert json.loads(found["upsertBucket"]["bucket"]["config"]) == {"k": {"value": "?"}}
