"""Hostile requests over real HTTP: 4xx or a GraphQL error, soon, and the server goes on; no secret is told."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import re
import runpy
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests
import wandb

from tests.contract.server_fixtures import eventually, graphql, project, server
from trainer.server.lifecycle import ServerAddress, ensure_running, stop_server

__all__ = ["project", "server"]

_UPSERT = """mutation U($p: String!, $n: String!) {
  upsertBucket(input: {modelName: $p, name: $n}) { bucket { id name } } }"""
_ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "150"))
"""Mutated requests; more on demand: `FUZZ_ROUNDS=20000 pytest -n 0 tests/contract/test_server_security.py`."""
_SOON = 20.0
"""Seconds; alone on a machine each takes milliseconds."""
_ODD: list[Any] = [
    None, True, -1, 0, 2**31, 2**63, -(10**40), 1e308, "", "\0", "a\0b", "../..", "%2e%2e", "x" * 5000, "💥",
    "[" * 2000, [], [[]], {}, {"$regex": "(a+)+b"}, '{"$or": [{}]}', "UnVuOjE=", "9" * 30, '{"a": NaN}', ["a"] * 200,
]  # fmt: skip


def sdk_documents() -> list[str]:
    """Return the GraphQL documents that the installed SDK sends."""
    root = Path(wandb.__file__).parent
    files = [root / "apis/_generated/operations.py", root / "sdk/artifacts/_generated/operations.py"]
    return [text for file in files for name, text in runpy.run_path(str(file)).items() if name.endswith("_GQL")]


def assert_refused_or_answered(reply: requests.Response, what: object) -> None:
    assert reply.status_code < 500, (what, reply.text[:500])
    assert reply.elapsed.total_seconds() < _SOON, what
    assert "server failed" not in reply.text, (what, reply.text[:500])


def test_documents_of_the_sdk_with_odd_variables_are_never_a_fault(server: ServerAddress, project: str) -> None:
    graphql(server, _UPSERT, p=project, n="r")
    chance = random.Random(4711)
    documents = sdk_documents()
    assert len(documents) > 60
    session = requests.Session()
    for number in range(_ROUNDS):
        document = chance.choice(documents)
        variables: dict[str, Any] = {}
        for name in re.findall(r"\$(\w+): ", document):
            usual = {"entity": "local", "entityName": "local", "project": project, "projectName": project, "name": "r"}
            is_usual = name in usual and chance.random() < 0.7
            variables[name] = usual[name] if is_usual else chance.choice(_ODD)
        if chance.random() < 0.2:
            place = chance.randrange(len(document))
            document = (
                document[:place] + chance.choice(["{", "}", "@", "...", "\0", '"', " x: ", "é"]) + document[place:]
            )
        body = json.dumps({"query": document, "variables": variables})
        reply = session.post(f"{server.base_url}/graphql", data=body, auth=("api", server.api_key), timeout=60)
        assert_refused_or_answered(reply, (number, body[:2000]))
    assert graphql(server, "{ viewer { entity } }")["viewer"]["entity"] == "local"


def resident_bytes(server: ServerAddress) -> int:
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(server.pid)], capture_output=True, text=True, check=True)
    return int(shown.stdout) * 1024


def odd_value(chance: random.Random, depth: int = 3) -> Any:
    if depth and chance.random() < 0.4:
        inner = [odd_value(chance, depth - 1) for _ in range(chance.randrange(5))]
        return inner if chance.random() < 0.5 else {str(chance.choice(_ODD))[:50]: item for item in inner}
    return chance.choice(_ODD)


def test_odd_streams_of_a_known_run_are_never_refused(server: ServerAddress, project: str) -> None:
    graphql(server, _UPSERT, p=project, n="r")
    chance = random.Random(4712)
    session = requests.Session()
    url = f"{server.base_url}/files/local/{project}/r/file_stream"
    names = ["wandb-history.jsonl", "wandb-events.jsonl", "wandb-summary.json", "output.log", "other", ""]
    before = resident_bytes(server)
    for number in range(_ROUNDS):
        chunk = {"offset": chance.choice([0, 0, 1, 7, *_ODD]), "content": [odd_value(chance)] * chance.choice([1, 3])}
        lines = [json.dumps(odd_value(chance)), '{"_step": NaN, "x": 1e999}', '{"a":' * 900 + "1" + "}" * 900, "{"]
        files = {
            chance.choice(names): chance.choice([chunk, {**chunk, "content": lines}, odd_value(chance)])
            for _ in range(chance.randrange(4))
        }
        body = {
            "files": chance.choice([files, files, files, odd_value(chance)]),
            "uploaded": odd_value(chance),
            **({chance.choice(["complete", "exitcode", "preempting", "dropped"]): odd_value(chance)}),
        }
        reply = session.post(url, data=json.dumps(body), auth=("api", server.api_key), timeout=60)
        assert_refused_or_answered(reply, (number, str(body)[:2000]))
        assert reply.status_code == 200, (number, str(body)[:2000])
    for sent in (b"", b"[]", b"{", b"\xff\xfe", b'{"files": ' + b"[" * 100_000, b"null"):
        for headers in ({}, {"Content-Encoding": "gzip"}):
            reply = session.post(url, data=sent, headers=headers, auth=("api", server.api_key), timeout=60)
            assert_refused_or_answered(reply, sent[:50])
    fields = "state historyLineCount eventsLineCount logLineCount config summaryMetrics history logLines(first: 9) {"
    read = f'run(name: "r") {{ {fields} edges {{ node {{ line }} }} }} }}'
    document = f"query Q($p: String) {{ project(name: $p) {{ {read} }} }}"
    assert graphql(server, document, p=project)["project"]["run"]["historyLineCount"] is not None
    assert resident_bytes(server) < max(before + 60_000_000, 150_000_000)


def upload_addresses(server: ServerAddress, project: str, contents: dict[str, bytes]) -> dict[str, str]:
    """Return where to PUT the files of a new version of an artifact."""
    document = """mutation C($p: String!) { createArtifact(input: {entityName: "local", projectName: $p,
        artifactTypeName: "t", artifactCollectionName: "a", digest: "d"}) { artifact { id } } }"""
    artifact = graphql(server, document, p=project)["createArtifact"]["artifact"]["id"]
    document = """mutation F($files: [CreateArtifactFileSpecInput!]!) { createArtifactFiles(input: {
        artifactFiles: $files}) { files { edges { node { name uploadUrl } } } } }"""
    specs = [
        {"artifactID": artifact, "name": name, "md5": base64.b64encode(hashlib.md5(content).digest()).decode()}
        for name, content in contents.items()
    ]
    edges = graphql(server, document, files=specs)["createArtifactFiles"]["files"]["edges"]
    return {edge["node"]["name"]: edge["node"]["uploadUrl"] for edge in edges}


def test_odd_uploads_of_artifacts_are_refused_and_leave_no_file_behind(server: ServerAddress, project: str) -> None:
    graphql(server, _UPSERT, p=project, n="r")
    contents = {"a.bin": os.urandom(3_000_000), "dir/b c%20ü.txt": b"b" + os.urandom(9)}
    addresses = upload_addresses(server, project, contents)
    chance = random.Random(4713)
    before = resident_bytes(server)
    for _ in range(_ROUNDS // 3):
        name = chance.choice(list(addresses))
        url, content = addresses[name], contents[name]
        place = chance.randrange(len(server.base_url) + 1, len(url))
        changed = url[:place] + chance.choice(["", "0", "/", "%00", "%2e%2e/", "💥", "?", "&signature=x"]) + url[place:]
        sent = chance.choice([b"", content[:-1], content + b"x", content[::-1]])
        headers = chance.choice(
            [{}, {"Content-MD5": "x"}, {"Content-Encoding": "gzip"}, {"Content-Range": "bytes 0-1/9"}, {"Expect": "y"}]
        )
        for target in (changed, url):
            reply = requests.put(target, data=sent, headers=headers, timeout=60)
            assert_refused_or_answered(reply, (target, len(sent), headers))
        assert requests.put(url, data=sent, timeout=60).status_code == 400, "its digest is another"
    assert all(requests.get(url, timeout=20).status_code == 404 for url in addresses.values())
    for name, url in addresses.items():
        assert requests.put(url, data=contents[name], timeout=60).status_code == 200
        assert requests.get(url, timeout=20).content == contents[name]
    assert resident_bytes(server) < max(before + 60_000_000, 150_000_000)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "HEAD", "DELETE", "PATCH", "PROPFIND"])
def test_other_methods_and_odd_paths_are_4xx(server: ServerAddress, method: str) -> None:
    host = server.base_url.removeprefix("http://")
    name, _, port = host.partition(":")
    for path in (
        "/graphql",
        "/storage/1/x",
        "/%2e%2e/api_key",
        "/files/..%2f..%2fapi_key/x/y/file_stream",
        "/\x7f",
        "*",
    ):
        with socket.create_connection((name, int(port)), timeout=20) as connection:
            connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            head = connection.recv(4096).decode("latin-1")
        assert re.match(r"HTTP/1.1 4\d\d ", head), (method, path, head[:200])
        assert server.api_key not in head


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\n\r\n\0\0\0",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: HERE\r\nAuthorization: Basic \xff\xfe\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: HERE\r\n" + b"X: y\r\n" * 100_000 + b"\r\n",
        b"GET /storage/" + b"9" * 5000 + b"/x HTTP/1.1\r\nHost: HERE\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nHost: HERE\r\nContent-Length: -5\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nHost: HERE\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_hardly_http_is_refused(server: ServerAddress, sent: bytes) -> None:
    host = server.base_url.removeprefix("http://")
    name, _, port = host.partition(":")
    with socket.create_connection((name, int(port)), timeout=20) as connection:
        try:
            connection.sendall(sent.replace(b"HERE", host.encode()))
            head = connection.recv(4096)
        except (ConnectionResetError, BrokenPipeError):
            head = b""  # closed while it was still being sent
    assert head == b"" or re.match(rb"HTTP/1.1 4\d\d ", head), head[:200]


def test_pages_of_other_sites_cannot_use_a_browsers_credentials(server: ServerAddress) -> None:
    body = json.dumps({"query": "{ viewer { id } }"})
    own = {"Origin": server.base_url, "Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}
    for headers, code in (
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain;charset=UTF-8"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (own, 200),
        ({}, 200),
    ):
        auth = ("api", server.api_key)
        reply = requests.post(f"{server.base_url}/graphql", data=body, headers=headers, auth=auth, timeout=20)
        assert reply.status_code == code, headers


def test_only_env_tells_the_key_and_nothing_a_signature(tmp_path: Path) -> None:
    address = ensure_running(tmp_path, timeout_seconds=60)
    try:
        graphql(address, _UPSERT, p="p", n="r")
        announce = """mutation { createRunFiles(input: {entityName: "local", projectName: "p", runName: "r",
          files: ["a.txt"]}) { files { uploadUrl } } }"""
        url = graphql(address, announce)["createRunFiles"]["files"][0]["uploadUrl"]
        assert requests.put(url, data=b"x", timeout=20).status_code == 200
        (stored,) = upload_addresses(address, "p", {"b.txt": b"b"}).values()
        told = [
            requests.put(stored, data=b"another digest", timeout=20).text,
            requests.put(url + "0", data=b"x", timeout=20).text,
            requests.get(url.replace("/1/", "/2/"), timeout=20).text,
        ]
        assert requests.put(stored, data=b"b", timeout=20).status_code == 200
        auth = ("api", address.api_key)
        for path in ("/", "/local/p", "/local/p/artifacts", "/local/p/artifacts/t", "/nowhere"):
            told.append(requests.get(address.base_url + path, auth=auth, timeout=20).text)
        # A fault of the server itself, with what was sent all around it.
        with sqlite3.connect(tmp_path / "server.sqlite") as connection:
            connection.execute("UPDATE runs SET tags = 'no JSON'")
        connection.close()
        document = 'query Q($s: String) { project(name: "p") { run(name: "r") { tags } } }'
        broken = requests.post(
            f"{address.base_url}/graphql?signature={url}",
            json={"query": document, "variables": {"s": url, "t": address.api_key}},
            auth=auth,
            headers={"Referer": url, "Cookie": f"key={address.api_key}"},
            timeout=20,
        )
        assert "its log says more" in broken.text
        told += [broken.text, requests.get(f"{address.base_url}/local/p/runs/r", auth=auth, timeout=20).text]
        wrong = ("api", address.api_key[:-1] + "x")
        told.append(requests.post(f"{address.base_url}/graphql", data=b"{", auth=wrong, timeout=20).text)
        told.append(requests.post(f"{address.base_url}/graphql", data=b"{", auth=auth, timeout=20).text)
        told += [shown_by(tmp_path, "server", "status"), shown_by(tmp_path, "server", "status", "--json")]
        assert address.api_key in shown_by(tmp_path, "env"), "what a program needs is told on purpose"
    finally:
        stop_server(tmp_path, timeout_seconds=60)
    logged = "".join(path.read_text() for path in tmp_path.glob("server.log*"))
    assert "Traceback" in logged
    signatures = [one.rpartition("=")[2] for one in (url, stored)]
    for text in [*told, logged]:
        assert address.api_key not in text
        assert not any(signature in text for signature in signatures)


def shown_by(folder: Path, *arguments: str) -> str:
    argv = [sys.executable, "-m", "trainer", *arguments, "--data-dir", str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=True, stdin=subprocess.DEVNULL)
    return done.stdout + done.stderr


def test_idle_connections_and_half_requests_do_not_shut_others_out(server: ServerAddress) -> None:
    host = server.base_url.removeprefix("http://")
    name, _, port = host.partition(":")
    held = [socket.create_connection((name, int(port)), timeout=20) for _ in range(300)]
    try:
        for connection in held[:150]:
            connection.sendall(b"POST /graphql HTTP/1.1\r\nHost: ")
        start = time.monotonic()
        assert eventually(lambda: graphql(server, "{ viewer { id } }"), seconds=20)
        assert time.monotonic() - start < _SOON
    finally:
        for connection in held:
            connection.close()
