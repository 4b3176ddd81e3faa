"""The disk under a running server is full for a while: it says so, loses nothing, and goes on when there is room."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import pytest
import requests

from tests.contract.server_fixtures import eventually, graphql, run_program, wandb_environ
from trainer.process_identity import process_start
from trainer.server.lifecycle import ServerAddress, ensure_running, stop_server

if sys.platform != "linux":
    pytest.skip("the limits and the small disk are made with Linux's means", allow_module_level=True)

_PROGRAM = """
import sys, time, wandb
from pathlib import Path
Path("model.bin").write_bytes(b"m" * 50_000)
run = wandb.init(project="p", id="sdk", settings=wandb.Settings(x_file_stream_transmit_interval=1))
for step in range(60):
    run.log({"loss": step})
    print("step", step, flush=True)
    time.sleep(0.05)
run.save("model.bin")
run.finish()
"""
_GRID = "{program: t.py, method: grid, parameters: {x: {values: [0, 1, 2]}}}"
_BEAT = "mutation H($i: ID!, $s: JSONString) { agentHeartbeat(input: {id: $i, runState: $s}) { commands } }"


class Disk(Protocol):
    """A server and the disk it writes to."""

    address: ServerAddress
    folder: Path
    """The data folder as this process can reach it."""
    log: Path
    said: str
    """What the server says while there is no room."""

    def fill(self) -> None: ...

    def free(self) -> None: ...

    def stop(self) -> None: ...


class LimitedFiles:
    """A server whose files may not grow: works everywhere, and as any user."""

    said = "failed: disk I/O error"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "server.log"
        self.address = ensure_running(folder, timeout_seconds=60)

    def fill(self) -> None:
        # The log is below the limit and may grow: what it says is part of the test.
        resource.prlimit(self.address.pid, resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))

    def free(self) -> None:
        resource.prlimit(self.address.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def stop(self) -> None:
        self.free()
        stop_server(self.folder)


class SmallDisk:
    """A server on a disk of a few megabytes of its own; mounting it takes root."""

    said = "is full: nothing more is stored"

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.log = folder.parent / "server.log"
        script = 'mount -t tmpfs -o size=4m,mode=700 none "$1" && exec "$2" -m trainer.server --data-dir "$1"'
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", script, "sh", str(folder), sys.executable],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )
        self.folder = Path(f"/proc/{self._process.pid}/root{folder}")
        record = self.folder / "server.json"
        eventually(lambda: self._process.poll() is not None or record.exists())
        assert self._process.poll() is None, self.log.read_text()
        base_url = f"http://127.0.0.1:{json.loads(record.read_text())['port']}"
        self.address = ServerAddress(base_url, (self.folder / "api_key").read_text(), self._process.pid)

    def fill(self) -> None:
        with (self.folder / "filler").open("ab", buffering=0) as filler:
            for size in (65536, 4096, 1):
                try:
                    while filler.write(b"x" * size) == size:
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        (self.folder / "filler").unlink(missing_ok=True)

    def stop(self) -> None:
        self.free()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=30)


def may_mount() -> bool:
    """Return whether this process may mount a disk of its own."""
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture(params=["files that may not grow", "a small disk"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    if request.param == "a small disk" and not may_mount():
        pytest.skip("mounting a disk takes root")
    made: Disk = SmallDisk(tmp_path / "data") if request.param == "a small disk" else LimitedFiles(tmp_path / "data")
    yield made
    made.stop()


def post(disk: Disk, path: str, body: dict[str, Any]) -> requests.Response:
    address = disk.address
    return requests.post(f"{address.base_url}{path}", json=body, auth=("api", address.api_key), timeout=30)


def line_count(disk: Disk) -> int:
    found = graphql(disk.address, '{ project(name: "p") { run(name: "sdk") { historyLineCount } } }')["project"]
    return int(found["run"]["historyLineCount"]) if found and found["run"] else 0


def test_a_full_disk_is_said_and_loses_nothing(disk: Disk, tmp_path: Path) -> None:
    address = disk.address
    create = 'mutation S($c: String) { upsertSweep(input: {projectName: "p", config: $c}) { sweep { name } } }'
    sweep = graphql(address, create, c=_GRID)["upsertSweep"]["sweep"]["name"]
    enroll = 'mutation A($s: String!) { createAgent(input: {projectName: "p", sweep: $s}) { agent { id } } }'
    agent = graphql(address, enroll, s=sweep)["createAgent"]["agent"]["id"]
    graphql(address, 'mutation { upsertBucket(input: {modelName: "p", name: "raw"}) { bucket { id } } }')
    announce = """mutation { createRunFiles(input: {entityName: "local", projectName: "p", runName: "raw",
        files: ["big.bin"]}) { files { uploadUrl } } }"""
    upload_url = graphql(address, announce)["createRunFiles"]["files"][0]["uploadUrl"]
    chunk = {"files": {"wandb-history.jsonl": {"offset": 0, "content": [json.dumps({"a": "x" * 9000})] * 5}}}
    with ThreadPoolExecutor(1) as pool:
        program = pool.submit(run_program, _PROGRAM, wandb_environ(address, tmp_path), tmp_path)
        eventually(lambda: line_count(disk) > 0)
        disk.fill()

        stream = post(disk, "/files/local/p/raw/file_stream", chunk)
        beats = [post(disk, "/graphql", {"query": _BEAT, "variables": {"i": agent, "s": "{}"}}) for _ in range(3)]
        upload = requests.put(upload_url, data=b"b" * 200_000, timeout=30)
        for reply in (stream, *beats, upload):
            assert reply.status_code == 503, (reply.status_code, reply.text)
            assert "data" in reply.json()
            assert reply.json()["errors"][0]["message"].startswith(("The disk of", "Files in"))
        assert disk.said in stream.text
        assert requests.get(f"{address.base_url}/healthz", auth=("api", address.api_key), timeout=10).ok
        known = line_count(disk)
        unchanged = '{ project(name: "p") { runs(first: 9) { nodes { name state } } } }'
        names = {node["name"] for node in graphql(address, unchanged)["project"]["runs"]["nodes"]}
        assert names == {"sdk", "raw"}, "a point was handed out that is not on disk"

        disk.free()
        assert post(disk, "/files/local/p/raw/file_stream", chunk).status_code == 200
        assert requests.put(upload_url, data=b"b" * 200_000, timeout=30).status_code == 200
        assert line_count(disk) >= known
        assert points_until_the_end(disk, agent) == [0, 1, 2]
        program.result(timeout=150)

    fields = "state history(samples: 1000) files(first: 9) { edges { node { name sizeBytes } } }"
    run = graphql(address, f'{{ project(name: "p") {{ run(name: "sdk") {{ {fields} }} }} }}')["project"]["run"]
    assert [json.loads(row)["loss"] for row in run["history"]] == list(range(60))
    assert run["state"] == "finished"
    sizes = {edge["node"]["name"]: edge["node"]["sizeBytes"] for edge in run["files"]["edges"]}
    assert sizes["model.bin"] == 50_000
    assert requests.get(upload_url, timeout=30).content == b"b" * 200_000
    log = disk.log.read_text()
    assert "Traceback" not in log
    assert 1 <= log.count(disk.said) <= 2, log
    assert "the database is written again" in log
    assert problems(disk.folder / "server.sqlite") == "ok"


@pytest.mark.skipif(not may_mount(), reason="mounting a disk takes root")
def test_a_start_on_a_full_disk_is_one_sentence_and_works_with_room(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    program = f"""
from pathlib import Path
from trainer.errors import ServerError
from trainer.server.lifecycle import ensure_running, stop_server
folder = Path({str(folder)!r})
filler = (folder / "filler").open("wb", buffering=0)
size = 65536
while size:
    try:
        size = size if filler.write(b"x" * size) == size else 1
    except OSError:
        size //= 16
try:
    ensure_running(folder, timeout_seconds=60)
    raise SystemExit("it started")
except ServerError as error:
    print(error)
filler.close()
(folder / "filler").unlink()
ensure_running(folder, timeout_seconds=60)
print("Traceback" in (folder / "server.log").read_text(), stop_server(folder))
"""
    script = 'mount -t tmpfs -o size=4m,mode=700 none "$1" && exec "$2" -c "$3"'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", str(folder), sys.executable, program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    said, ended = done.stdout.splitlines()
    assert "is full" in said
    assert str(folder) in said
    assert ended == "False True"


def test_a_server_whose_folder_was_moved_away_says_so_and_ends(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    address = ensure_running(folder, timeout_seconds=60)
    folder.rename(elsewhere)
    body = {"query": 'mutation { upsertBucket(input: {modelName: "p", name: "r"}) { inserted } }'}
    reply = requests.post(f"{address.base_url}/graphql", json=body, auth=("api", address.api_key), timeout=30)
    assert reply.status_code == 503
    assert "was deleted, moved or replaced while the server ran" in reply.text
    eventually(lambda: not process_start(address.pid))
    log = (elsewhere / "server.log").read_text()
    assert "Traceback" not in log
    assert log.splitlines()[-1].startswith(f"{folder / 'server.sqlite'} was deleted, moved or replaced")


def points_until_the_end(disk: Disk, agent: str) -> list[int]:
    points: list[int] = []
    while True:
        found = graphql(disk.address, _BEAT, i=agent, s="{}")["agentHeartbeat"]["commands"]
        for command in json.loads(found):
            if command["type"] == "exit":
                return points
            points.append(command["args"]["x"]["value"])
            name = command["run_id"]
            graphql(
                disk.address, f'mutation {{ upsertBucket(input: {{modelName: "p", name: "{name}"}}) {{ inserted }} }}'
            )
            post(disk, f"/files/local/p/{name}/file_stream", {"complete": True, "exitcode": 0}).raise_for_status()


def problems(database: Path) -> str:
    connection = sqlite3.connect(database)
    try:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        connection.close()
