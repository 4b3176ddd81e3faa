"""`sweep-tui serve` and `sweep-tui server …`, as a user types them, with the server running and without."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.contract.server_fixtures import eventually, graphql, run_program, wandb_environ
from trainer.server import lifecycle
from trainer.server.data_folder import is_locked
from trainer.server.lifecycle import ServerAddress, ensure_running, find_running, stop_server

_UPSERT = """mutation U($p: String!, $n: String!) {
  upsertBucket(input: {modelName: $p, name: $n}) { bucket { id name } } }"""
_PROGRAM = """
import os, wandb
for number in range(2):
    run = wandb.init(project="big", id=f"r{number}")
    for step in range(300):
        run.log({"loss": 1 / (step + 1), "note": "x" * 500})
    with open("model.bin", "wb") as file:
        file.write(os.urandom(200_000))
    run.save("model.bin")
    run.finish()
run = wandb.init(project="big", id="r2")
artifact = wandb.Artifact("model", type="model")
artifact.add_file("model.bin")
run.log_artifact(artifact)
run.finish()
"""


def cli(*arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run `python -m trainer …` without a terminal and check its exit code."""
    argv = [sys.executable, "-m", "trainer", *map(str, arguments)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == code, (argv, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done


def status(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cli("server", "status", "--data-dir", folder, "--json").stdout)
    return found


@pytest.fixture
def address(tmp_path: Path) -> Iterator[ServerAddress]:
    yield ensure_running(tmp_path / "data", timeout_seconds=60)
    stop_server(tmp_path / "data", timeout_seconds=60)


def test_the_care_of_a_server_from_status_to_delete(address: ServerAddress, tmp_path: Path) -> None:
    folder, home = tmp_path / "data", tmp_path / "home"
    home.mkdir()
    run_program(_PROGRAM, wandb_environ(address, home), home)
    graphql(address, _UPSERT, p="other", n="live")

    shown = cli("server", "status", "--data-dir", folder)
    assert f"running at {address.base_url}, process {address.pid}" in shown.stdout
    assert "local/big" in shown.stdout
    found = status(folder)
    assert (found["running"], found["answers"], found["pid"]) == (True, True, address.pid)
    usage = {one["project"]: one for one in found["projects"]}
    assert (usage["big"]["runs"], usage["big"]["live_runs"], usage["other"]["live_runs"]) == (3, 0, 1)
    assert usage["big"]["row_bytes"] > 600 * 500
    assert usage["big"]["file_bytes"] > 3 * 200_000

    refused = cli("server", "stop", "--data-dir", folder, code=2)
    assert "1 run is live" in refused.stderr
    assert "--yes" in refused.stderr
    assert "live" in cli("server", "delete-project", "other", "--data-dir", folder, "--yes", code=2).stderr
    asked = cli("server", "delete-project", "big", "--data-dir", folder, code=2)
    assert "local/big: 3 runs, 0 sweeps" in asked.stderr
    assert "no project local/none" in cli("server", "delete-project", "none", "--data-dir", folder, code=2).stderr
    assert {one["project"] for one in status(folder)["projects"]} == {"big", "other"}

    cli("server", "delete-project", "local/big", "--data-dir", folder, "--yes")
    cli("server", "vacuum", "--data-dir", folder)
    freed = status(folder)
    assert [one["project"] for one in freed["projects"]] == ["other"]
    assert freed["files_bytes"] == 0
    assert freed["total_bytes"] < found["total_bytes"] - 800_000
    assert requests.get(f"{address.base_url}/local/big", auth=("api", address.api_key), timeout=10).status_code == 404
    graphql(address, _UPSERT, p="big", n="again")

    cli("server", "stop", "--data-dir", folder, "--yes")
    assert find_running(folder) is None
    assert not is_locked(folder)
    assert "No server runs" in cli("server", "stop", "--data-dir", folder).stderr
    assert "not running" in cli("server", "status", "--data-dir", folder).stdout

    cli("server", "delete-project", "other", "--data-dir", folder, "--yes", "--force")
    orphan, upload = folder / "files" / "999", folder / "files" / "7.abc.part"
    orphan.write_bytes(b"x" * 1000)
    upload.write_bytes(b"y" * 1000)
    os.utime(upload, (1, 1))
    cli("server", "vacuum", "--data-dir", folder)
    assert not orphan.exists()
    assert not upload.exists()
    assert [one["project"] for one in status(folder)["projects"]] == ["big"]
    for done in (shown, refused, asked):
        assert address.api_key not in done.stdout + done.stderr


def test_a_folder_of_a_newer_sweep_tui_or_of_none_is_one_sentence(tmp_path: Path) -> None:
    for command in (("server", "vacuum"), ("server", "delete-project", "p", "--yes")):
        cli(*command, "--data-dir", tmp_path / "none", code=2)
    assert status(tmp_path / "none")["format"] is None
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").touch()
    for care in (("status",), ("stop",), ("vacuum",), ("delete-project", "p", "--yes")):
        for place in (tmp_path / "file", tmp_path / "file" / "in"):
            said = cli("server", *care, "--data-dir", place, code=1).stderr
            assert said.startswith(f"Error: The data folder {place} cannot be used: "), said
    with sqlite3.connect(tmp_path / "server.sqlite") as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    commands = (("server", "status"), ("server", "vacuum"), ("server", "delete-project", "p", "--yes"), ("serve",))
    for newer in commands:
        said = cli(*newer, "--data-dir", tmp_path, code=1).stderr.strip().splitlines()[-1]
        assert "was written by a newer sweep-tui: it has format 999" in said


def test_a_deletion_that_a_crash_cut_short_goes_on_at_the_next_start(address: ServerAddress, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    run_id = graphql(address, _UPSERT, p="p", n="r")["upsertBucket"]["bucket"]["id"]
    os.kill(address.pid, signal.SIGKILL)
    eventually(lambda: not is_locked(folder))
    with sqlite3.connect(folder / "server.sqlite") as connection:
        connection.execute("UPDATE projects SET entity = '', name = id")
    connection.close()
    again = ensure_running(folder, timeout_seconds=60)
    assert run_id
    document = '{ models(entityName: "") { edges { node { name } } } }'
    assert graphql(again, document)["models"]["edges"] == []

    def is_freed() -> bool:
        with sqlite3.connect(folder / "server.sqlite") as reader:
            count = reader.execute("SELECT count(*) FROM projects").fetchone()[0]
        reader.close()
        return int(count) == 0

    eventually(is_freed)


class Foreground:
    """`serve` in the foreground, as a user starts it."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        argv = [sys.executable, "-m", "trainer", "serve", "--data-dir", str(folder), *arguments]
        self.process = subprocess.Popen(argv, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address: ServerAddress = eventually(lambda: find_running(folder))

    def end(self, *numbers: signal.Signals) -> str:
        """Send signals, wait for the end, and return what was said on stderr."""
        for number in numbers:
            self.process.send_signal(number)
        _, said = self.process.communicate(timeout=60)
        return said


def test_other_machines_only_when_told_and_then_with_a_warning(tmp_path: Path) -> None:
    served = Foreground(tmp_path / "data", "--host", "0.0.0.0", "--allowed-host", "gpu-box.example")
    try:
        port = served.address.base_url.rpartition(":")[2]
        assert served.address.base_url == f"http://127.0.0.1:{port}"
        auth = ("api", served.address.api_key)
        for name, code in (("gpu-box.example", 200), ("192.0.2.7:80", 200), ("evil.example", 421)):
            reply = requests.get(served.address.base_url + "/", headers={"Host": name}, auth=auth, timeout=10)
            assert reply.status_code == code, name
        lines = cli("env", "--data-dir", served.folder).stdout
        assert f"export WANDB_BASE_URL={served.address.base_url}\n" in lines
        assert "export WANDB_ENTITY=local\n" in lines
    finally:
        said = served.end(signal.SIGINT)
    assert served.process.returncode == 0
    assert "WARNING: other machines can reach this server. It speaks plain HTTP" in said
    assert served.address.api_key not in said


@pytest.mark.parametrize("numbers", [(signal.SIGTERM,), (signal.SIGINT, signal.SIGINT)])
def test_it_ends_soon_although_an_upload_is_on(tmp_path: Path, numbers: tuple[signal.Signals, ...]) -> None:
    served = Foreground(tmp_path / "data")
    graphql(served.address, _UPSERT, p="p", n="r")
    announce = """mutation { createRunFiles(input: {entityName: "local", projectName: "p", runName: "r",
      files: ["big.bin"]}) { files { uploadUrl } } }"""
    url = graphql(served.address, announce)["createRunFiles"]["files"][0]["uploadUrl"]
    host, _, target = url.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    with socket.create_connection((name, int(port))) as upload:
        head = f"PUT /{target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000000\r\n\r\n"
        upload.sendall(head.encode() + b"x" * 500_000)
        eventually(lambda: list((served.folder / "files").glob("*.part")))
        said = served.end(*numbers)
    assert served.process.returncode == 0
    assert "Traceback" not in said
    assert list((served.folder / "files").glob("*")) == []
    assert not is_locked(served.folder)


def test_a_server_that_another_starter_left_behind_half_started_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[subprocess.Popen[bytes]] = []
    spawn = lifecycle._spawn

    def spawn_late(folder: Path) -> subprocess.Popen[bytes]:
        """Start one that is too late: another, which nobody looks after, has the folder already and is not ready."""
        begun.append(spawn(folder))
        while not is_locked(folder):
            assert begun[0].poll() is None
        begun.append(spawn(folder))
        begun[1].wait(60)
        return begun[1]

    monkeypatch.setattr(lifecycle, "_spawn", spawn_late)
    try:
        assert ensure_running(tmp_path, timeout_seconds=60).pid == begun[0].pid
    finally:
        stop_server(tmp_path)
        begun[0].wait(20)
