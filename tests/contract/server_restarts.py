"""Two servers that can be crashed: one within this process, for speed, and one that is a process and is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any, Protocol

import requests

from tests.unit.server.conftest import Desk
from trainer.process_identity import process_start
from trainer.server import housekeeping
from trainer.server.lifecycle import ensure_running, stop_server

_RUN = """name state config tags summaryMetrics historyLineCount historyKeys history(samples: 10000)
  logLines(first: 10000) { edges { node { number line } } }"""
_NAMES = """query N($f: JSONString, $n: Int, $c: String) { project(name: "p") {
  runs(filters: $f, first: $n, after: $c) { edges { node { name } } pageInfo { hasNextPage endCursor } } } }"""


class _Asks:
    """The operations of clients, as GraphQL."""

    def ask(self, document: str, **variables: Any) -> Any:
        raise NotImplementedError

    def begin(self, name: str, config: dict[str, Any], tags: list[str]) -> Any:
        # What wandb-core's first upsert of a process says, and a later one does not.
        first = {"host": "h", "commit": "c0ffee"}
        return self._upsert({"modelName": "p", "name": name, "config": _wire(config), "tags": tags, **first})

    def resume(self, name: str, config: dict[str, Any]) -> None:
        fields = {"id": self._id(name), "modelName": "p", "name": name, "config": _wire(config)}
        self._upsert(fields)

    def update_config(self, name: str, config: dict[str, Any]) -> None:
        self._upsert({"entityName": "local", "modelName": "p", "name": name, "config": _wire(config)})

    def _upsert(self, fields: dict[str, Any]) -> Any:
        document = "mutation U($i: UpsertBucketInput!) { upsertBucket(input: $i) { inserted bucket { id } } }"
        return self.ask(document, i=fields)["upsertBucket"]

    def resume_status(self, name: str) -> Any:
        fields = "historyLineCount logLineCount historyTail"
        document = f'{{ model(name: "p") {{ bucket(name: "{name}", missingOk: true) {{ {fields} }} }} }}'
        return self.ask(document)["model"]["bucket"]

    def _id(self, name: str) -> str:
        return str(self.ask(f'{{ project(name: "p") {{ run(name: "{name}") {{ id }} }} }}')["project"]["run"]["id"])

    def stop_run(self, name: str) -> None:
        self.ask("mutation S($i: ID!) { stopRun(input: {id: $i}) { success } }", i=self._id(name))

    def delete_run(self, name: str) -> None:
        self.ask("mutation D($i: ID!) { deleteRun(input: {id: $i}) { clientMutationId } }", i=self._id(name))

    def run_names(self, filters: str, size: int) -> list[str]:
        """Return the names of the runs that match, read in pages."""
        names: list[str] = []
        cursor = None
        while True:
            page = self.ask(_NAMES, f=filters, n=size, c=cursor)["project"]["runs"]
            names += [edge["node"]["name"] for edge in page["edges"]]
            if not page["pageInfo"]["hasNextPage"]:
                return names
            cursor = page["pageInfo"]["endCursor"]

    def runs(self) -> dict[str, dict[str, Any]]:
        """Return every run of the project as a client reads it."""
        project = self.ask(
            f'{{ project(name: "p") {{ runCount runs(first: 100) {{ edges {{ node {{ {_RUN} }} }} }} }} }}'
        )
        nodes = [edge["node"] for edge in project["project"]["runs"]["edges"]]
        assert project["project"]["runCount"] == len(nodes)
        return {node["name"]: _plain(node) for node in nodes}


def _plain(node: dict[str, Any]) -> dict[str, Any]:
    keys = node["historyKeys"]["keys"] if node["historyKeys"] else {}
    counts = keys["loss"]["typeCounts"] if "loss" in keys else []
    return {
        "state": node["state"],
        "config": {key: item["value"] for key, item in json.loads(node["config"]).items()},
        "tags": node["tags"],
        "summary": json.loads(node["summaryMetrics"]),
        "historyLineCount": node["historyLineCount"],
        "history": [json.loads(row) for row in node["history"]],
        "console": {str(edge["node"]["number"]): edge["node"]["line"] for edge in node["logLines"]["edges"]},
        "lossCount": sum(count["count"] for count in counts),
    }


def _wire(config: dict[str, Any]) -> str:
    return json.dumps({key: {"value": value} for key, value in config.items()})


class RestartableServer(Protocol):
    """A server that can be crashed."""

    has_clock: bool
    """Whether time can be made to pass."""
    crashes: int
    most_crashes: int
    """Starting again costs time."""

    def __init__(self, folder: Path) -> None: ...
    def ask(self, document: str, **variables: Any) -> Any: ...
    def stream(self, name: str, body: dict[str, Any]) -> bool: ...
    def begin(self, name: str, config: dict[str, Any], tags: list[str]) -> Any: ...
    def resume_status(self, name: str) -> Any: ...
    def resume(self, name: str, config: dict[str, Any]) -> None: ...
    def update_config(self, name: str, config: dict[str, Any]) -> None: ...
    def stop_run(self, name: str) -> None: ...
    def delete_run(self, name: str) -> None: ...
    def run_names(self, filters: str, size: int) -> list[str]: ...
    def runs(self) -> dict[str, dict[str, Any]]: ...
    def pass_time(self, seconds: int) -> None: ...
    def crash(self) -> None: ...
    def close(self) -> None: ...


class InProcess(_Asks):
    """GraphQL and streams without HTTP. A crash is the database as it lies on disk at that moment, opened anew."""

    has_clock = True
    most_crashes = 1000

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.crashes = 0
        self.desk = self._open()

    def _open(self) -> Desk:
        place = self._folder / str(self.crashes)
        place.mkdir(exist_ok=True)
        return Desk(place)

    def ask(self, document: str, **variables: Any) -> Any:
        return self.desk.ask(document, **variables)

    def stream(self, name: str, body: dict[str, Any]) -> bool:
        return self.desk.stream(name, **body)

    def pass_time(self, seconds: int) -> None:
        earlier = seconds * 1_000_000
        self.desk.sql("UPDATE runs SET heartbeat_at = heartbeat_at - ?", earlier)
        self.desk.sql("UPDATE agents SET heartbeat_at = heartbeat_at - ?", earlier)
        housekeeping.tidy(self.desk.server.store, 100_000)

    def crash(self) -> None:
        before = self.desk
        self.crashes += 1
        place = self._folder / str(self.crashes)
        place.mkdir()
        # Copied while it is open: nothing that closing would bring to disk is there.
        for name in ("server.sqlite", "server.sqlite-wal"):
            shutil.copy(before.folder / name, place / name)
        before.server.close()
        self.desk = self._open()

    def close(self) -> None:
        self.desk.server.close()


class Killed(_Asks):
    """A server's process, reached over HTTP. A crash is `kill -9`."""

    has_clock = False
    most_crashes = 3

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.crashes = 0
        self._session = requests.Session()
        self._address = ensure_running(folder, timeout_seconds=60)
        self._session.auth = ("api", self._address.api_key)

    def _post(self, path: str, body: object) -> Any:
        reply = self._session.post(self._address.base_url + path, json=body, timeout=30)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def ask(self, document: str, **variables: Any) -> Any:
        answer = self._post("/graphql", {"query": document, "variables": variables})
        assert "errors" not in answer, answer
        return answer["data"]

    def stream(self, name: str, body: dict[str, Any]) -> bool:
        return bool(self._post(f"/files/local/p/{name}/file_stream", body).get("stopped", False))

    def pass_time(self, seconds: int) -> None:
        raise NotImplementedError

    def crash(self) -> None:
        self.crashes += 1
        os.kill(self._address.pid, signal.SIGKILL)
        while process_start(self._address.pid):
            time.sleep(0.005)
        self._session.close()
        self._address = ensure_running(self._folder, timeout_seconds=60)

    def close(self) -> None:
        self._session.close()
        stop_server(self._folder)
