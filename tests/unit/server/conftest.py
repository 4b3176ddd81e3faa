"""A server without HTTP: GraphQL against a database in a temporary folder."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trainer.server import graphql
from trainer.server.app import Server
from trainer.server.documents import DocumentCache
from trainer.server.file_stream import is_to_stop, store_chunk
from trainer.server.listening import Listening
from trainer.server.store import Store
from trainer.server.tables import runs

GRID = """
program: train.py
method: grid
metric: {name: acc, goal: maximize}
parameters:
  x: {values: [1, 2, 3]}
"""

_SCHEMA = graphql.load_schema()
HERE = Listening("127.0.0.1", 8080, is_open=False, names=frozenset())


class Desk:
    """Sends GraphQL operations and stream chunks to a server, as clients do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = Server(Store(folder / "server.sqlite"), "local-" + "0" * 40, HERE, folder / "files")
        self._documents = DocumentCache(_SCHEMA)

    def reply(self, document: str, **variables: Any) -> graphql.GraphQLReply:
        prepared = self._documents.prepare(document)
        fitted = self._documents.fit_variables(prepared.operation(None), variables)
        return graphql.execute(_SCHEMA, prepared, fitted, None, self.server.context("http://127.0.0.1:8080"))

    def ask(self, document: str, **variables: Any) -> Any:
        reply = self.reply(document, **variables)
        assert "errors" not in reply.body, reply.body
        return reply.body["data"]

    def error(self, document: str, **variables: Any) -> str:
        errors = self.reply(document, **variables).body["errors"]
        assert isinstance(errors, list)
        return str(errors[0]["message"])

    def upsert_run(self, name: str, **fields: Any) -> Any:
        document = """mutation U($input: UpsertBucketInput!) {
          upsertBucket(input: $input) { bucket { id name state displayName historyLineCount config } inserted } }"""
        return self.ask(document, input={"modelName": "p", "name": name, **fields})["upsertBucket"]

    def stream(self, name: str, **body: Any) -> bool:
        writer = body.pop("writer", None)

        def job(connection: sqlite3.Connection) -> bool:
            run = runs.find_by_path(connection, "local", "p", name)
            assert run is not None
            store_chunk(connection, run, body, writer)
            return is_to_stop(connection, run)

        return self.server.store.write(job)

    def log(self, name: str, *rows: dict[str, Any], offset: int = 0) -> None:
        content = [json.dumps(row) for row in rows]
        self.stream(name, files={"wandb-history.jsonl": {"offset": offset, "content": content}})

    def finish(self, name: str, exit_code: int = 0, **summary: Any) -> None:
        files = {"wandb-summary.json": {"offset": 0, "content": [json.dumps(summary)]}} if summary else {}
        self.stream(name, files=files, complete=True, exitcode=exit_code)

    def run(self, name: str, fields: str = "state") -> Any:
        document = f'{{ project(name: "p") {{ run(name: "{name}") {{ {fields} }} }} }}'
        return self.ask(document)["project"]["run"]

    def create_sweep(self, config: str = GRID, **fields: Any) -> Any:
        document = "mutation S($input: UpsertSweepInput!) { upsertSweep(input: $input) { sweep { id name state } } }"
        return self.ask(document, input={"projectName": "p", "config": config, **fields})["upsertSweep"]["sweep"]

    def set_sweep_state(self, sweep: Any, state: str) -> None:
        self.ask(
            "mutation S($input: UpsertSweepInput!) { upsertSweep(input: $input) { sweep { id } } }",
            input={"id": sweep["id"], "state": state},
        )

    def sweep_state(self, sweep: Any) -> str:
        document = f'{{ project(name: "p") {{ sweep(sweepName: "{sweep["name"]}") {{ state }} }} }}'
        return str(self.ask(document)["project"]["sweep"]["state"])

    def create_agent(self, sweep: Any) -> str:
        document = "mutation A($input: CreateAgentInput!) { createAgent(input: $input) { agent { id } } }"
        created = self.ask(document, input={"host": "h", "projectName": "p", "sweep": sweep["name"]})
        return str(created["createAgent"]["agent"]["id"])

    def beat(self, agent: str, *live: str) -> list[dict[str, Any]]:
        document = (
            "mutation H($id: ID!, $s: JSONString) { agentHeartbeat(input: {id: $id, runState: $s}) { commands } }"
        )
        reply = self.ask(document, id=agent, s=json.dumps(dict.fromkeys(live, True)))
        commands: list[dict[str, Any]] = json.loads(reply["agentHeartbeat"]["commands"])
        return commands

    def sql(self, statement: str, *values: object) -> None:
        self.server.store.write(lambda connection: connection.execute(statement, values) and None)

    def restart(self) -> None:
        """Forget everything that is not on disk."""
        self.server.close()
        self.__init__(self.folder)  # type: ignore[misc]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.server.close()
