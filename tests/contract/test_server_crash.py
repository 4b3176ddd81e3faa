"""The server is killed while runs stream and agents ask: nothing acknowledged is lost, doubled or handed out twice."""

from __future__ import annotations

import json
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from tests.contract.server_fixtures import eventually, graphql, run_program, wandb_environ
from trainer.server.lifecycle import ServerAddress, ensure_running, find_running, stop_server

_PROGRAM = """
import sys, time, wandb
run = wandb.init(project="p", id="r", settings=wandb.Settings(x_file_stream_transmit_interval=1))
for step in range(60):
    run.log({"loss": step})
    print("step", step)
    sys.stdout.flush()
    time.sleep(0.05)
run.finish()
"""
_GRID = "{program: t.py, method: grid, parameters: {x: {values: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}}}"


def test_a_run_of_the_sdk_survives_kills_of_the_server(tmp_path: Path) -> None:
    address = ensure_running(tmp_path / "data", timeout_seconds=60)
    with ThreadPoolExecutor(1) as pool:
        program = pool.submit(run_program, _PROGRAM, wandb_environ(address, tmp_path), tmp_path)
        for wanted in (1, 20):
            document = '{ project(name: "p") { run(name: "r") { historyLineCount } } }'

            def has_rows(count: int = wanted, query: str = document, at: ServerAddress = address) -> bool:
                found = graphql(at, query)["project"]
                return bool(found and found["run"] and found["run"]["historyLineCount"] >= count)

            eventually(has_rows)
            address = _kill_and_restart(tmp_path / "data", address)
        program.result(timeout=150)
    try:
        found = graphql(
            address, '{ project(name: "p") { run(name: "r") { state history(samples: 1000) logLineCount } } }'
        )
        run = found["project"]["run"]
        assert [json.loads(row)["loss"] for row in run["history"]] == list(range(60))
        assert run["state"] == "finished"
    finally:
        stop_server(tmp_path / "data")


def _kill_and_restart(folder: Path, address: ServerAddress) -> ServerAddress:
    os.kill(address.pid, signal.SIGKILL)
    eventually(lambda: find_running(folder) is None)
    restarted = ensure_running(folder, timeout_seconds=60)
    assert restarted.base_url == address.base_url
    return restarted


def test_grid_points_are_handed_out_once_through_kills_and_by_two_agents(tmp_path: Path) -> None:
    address = ensure_running(tmp_path, timeout_seconds=60)
    document = 'mutation S($c: String) { upsertSweep(input: {projectName: "p", config: $c}) { sweep { name } } }'
    sweep = graphql(address, document, c=_GRID)["upsertSweep"]["sweep"]["name"]
    begun = threading.Semaphore(0)
    with ThreadPoolExecutor(2) as pool:
        agents = [pool.submit(_agent, address, sweep, begun) for _ in range(2)]
        for _ in range(3):
            for _ in range(3):
                assert begun.acquire(timeout=60)
            address = _kill_and_restart(tmp_path, address)
        handed_out = [agent.result(timeout=120) for agent in agents]
    try:
        assert sorted(handed_out[0] + handed_out[1]) == list(range(12))
        runs = graphql(address, '{ project(name: "p") { runs(first: 100) { nodes { name state config } } } }')
        nodes = runs["project"]["runs"]["nodes"]
        assert sorted(json.loads(node["config"])["x"]["value"] for node in nodes) == list(range(12))
        assert {node["state"] for node in nodes} == {"finished"}
    finally:
        stop_server(tmp_path)


def _agent(address: ServerAddress, sweep: str, begun: threading.Semaphore) -> list[int]:
    """Work like an agent, asking again until the server is back; return the points it was given."""

    def ask(document: str, **variables: object) -> dict[str, object]:
        def attempt() -> dict[str, object] | None:
            try:
                data: dict[str, object] = graphql(address, document, **variables)
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                return None
            return data

        found: dict[str, object] = eventually(attempt)
        return found

    created = ask(
        'mutation A($s: String!) { createAgent(input: {projectName: "p", sweep: $s}) { agent { id } } }', s=sweep
    )
    agent = created["createAgent"]["agent"]["id"]  # type: ignore[index]
    points: dict[str, int] = {}
    beat = "mutation H($i: ID!, $s: JSONString) { agentHeartbeat(input: {id: $i, runState: $s}) { commands } }"
    start = 'mutation U($n: String!) { upsertBucket(input: {modelName: "p", name: $n}) { bucket { id } } }'
    while True:
        answer = ask(beat, i=agent, s="{}")["agentHeartbeat"]["commands"]  # type: ignore[index]
        for command in json.loads(answer):
            if command["type"] == "exit":
                return list(points.values())
            points[command["run_id"]] = command["args"]["x"]["value"]
            begun.release()
            ask(start, n=command["run_id"])
            eventually(lambda name=command["run_id"]: _complete(address, name))  # type: ignore[misc]


def _complete(address: ServerAddress, name: str) -> bool:
    url = f"{address.base_url}/files/local/p/{name}/file_stream"
    try:
        reply = requests.post(url, json={"complete": True, "exitcode": 0}, auth=("api", address.api_key), timeout=10)
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        return False
    return reply.ok
