"""Uploads of artifacts when something breaks: half a file, other bytes than promised, a server that is killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import requests

from tests.contract.server_fixtures import (
    environ,
    eventually,
    graphql,
    project,
    run_program,
    server,
    wandb_environ,
)
from tests.contract.test_server_sdk import result_of
from trainer.server.lifecycle import ServerAddress, ensure_running, stop_server

__all__ = ["environ", "project", "server"]

_CREATE = """mutation C($p: String!) { createArtifact(input: {entityName: "local", projectName: $p,
  artifactTypeName: "t", artifactCollectionName: "a", digest: "d"}) { artifact { id } } }"""
_ANNOUNCE = """mutation F($files: [CreateArtifactFileSpecInput!]!) {
  createArtifactFiles(input: {artifactFiles: $files}) { files { edges { node { uploadUrl directUrl } } } } }"""


def test_half_a_file_and_other_bytes_than_promised_are_never_taken_for_the_file(
    server: ServerAddress, project: str
) -> None:
    made = graphql(server, _CREATE, p=project)["createArtifact"]["artifact"]["id"]
    promised = "XrY7u+Ae7tCTyyK7j1rNww=="  # of b"hello world"
    spec = {"artifactID": made, "name": "f", "md5": promised}
    node = graphql(server, _ANNOUNCE, files=[spec])["createArtifactFiles"]["files"]["edges"][0]["node"]
    url = urlsplit(node["uploadUrl"])
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=10) as line:
        head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 11\r\n\r\n"
        line.sendall(head.encode() + b"hello")
    assert requests.get(node["directUrl"], timeout=10).status_code == 404
    wrong = requests.put(node["uploadUrl"], data=b"hello w0rld", timeout=10)
    assert wrong.status_code == 400
    assert promised in wrong.text
    assert requests.get(node["directUrl"], timeout=10).status_code == 404
    assert requests.put(node["uploadUrl"], data=b"hello world", timeout=10).status_code == 200
    assert requests.get(node["directUrl"], timeout=10).content == b"hello world"
    assert requests.get(node["directUrl"], headers={"Range": "bytes=6-"}, timeout=10).content == b"world"


_LOG = """
import pathlib, sys, wandb
with wandb.init(project=sys.argv[1], id="r") as run:
    artifact = wandb.Artifact("big", "x")
    for number in range(40):
        path = pathlib.Path(f"big{number}")
        path.write_bytes(bytes([number]) * 1_000_000)
        artifact.add_file(path)
    print("logging", flush=True)
    run.log_artifact(artifact).wait()
"""
_READ = """
import json, pathlib, sys, wandb
found = wandb.Api().artifact(f"{sys.argv[1]}/big:latest")
found.download(root="down"); found.verify(root="down")
versions = [a.version for a in wandb.Api().artifacts("x", f"{sys.argv[1]}/big")]
print("RESULT" + json.dumps([found.version, versions, found.size, wandb.Api().run(f"{sys.argv[1]}/r").state]))
"""


def test_a_server_killed_in_the_middle_of_uploads_ends_with_one_whole_version(
    tmp_path: Path, isolated_home: Path, project: str
) -> None:
    data = tmp_path / "data"
    address = ensure_running(data, timeout_seconds=60)
    try:
        environ = wandb_environ(address, isolated_home)
        writer = subprocess.Popen(
            [sys.executable, "-c", _LOG, project],
            cwd=tmp_path, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        files = data / "files"
        for enough in (3, 20):
            eventually(lambda: _bytes_in(files) >= enough * 1_000_000 or writer.poll() is not None, 60)  # noqa: B023
            os.kill(address.pid, signal.SIGKILL)
            address = ensure_running(data, timeout_seconds=60)
        assert writer.wait(timeout=150) == 0
        assert result_of(run_program(_READ, environ, tmp_path, project)) == ["v0", ["v0"], 40_000_000, "finished"]
        assert not list(files.glob("*.part"))
    finally:
        stop_server(data)


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.glob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total
