"""What the tracking tests share: a real server of their own, and runs made as the SDK makes them."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import requests

from trainer.records import Json, SweepRecord
from trainer.server.lifecycle import ensure_running
from trainer.settings import Connection, ServerKind
from trainer.tracking.transport import GraphQLTransport
from trainer.tracking.wandb_client import WandbClient
from trainer.wire import wrap_config

GRID: dict[str, Json] = {
    "method": "grid",
    "name": "tiny",
    "metric": {"name": "acc", "goal": "maximize"},
    "program": "train.py",
    "parameters": {"x": {"values": [1, 2, 3]}},
}

_START_RUN = """
mutation UpsertBucket($name: String, $project: String, $entity: String, $config: JSONString, $sweep: String) {
  upsertBucket(input: {name: $name, modelName: $project, entityName: $entity, config: $config, sweep: $sweep}) {
    bucket { id name }
  }
}
"""


def connect_to(data_dir: Path) -> Connection:
    """Return a connection to the server of a folder, which is started when it does not run."""
    address = ensure_running(data_dir)
    connection = Connection(ServerKind.EMBEDDED, address.base_url, address.api_key, "", data_dir=data_dir)
    return dataclasses.replace(connection, entity=WandbClient(connection).default_entity())


def start_run(client: WandbClient, sweep: SweepRecord, run_id: str, config: Mapping[str, Json]) -> None:
    """Report a run as wandb.init does."""
    reference = sweep.reference
    variables = {"name": run_id, "project": reference.project, "entity": reference.entity, "sweep": reference.id}
    wrapped = json.dumps(wrap_config(config))
    GraphQLTransport(client.connection, 10).execute(_START_RUN, variables | {"config": wrapped})


def log_rows(
    client: WandbClient,
    sweep: SweepRecord,
    run_id: str,
    rows: list[dict[str, Json]],
    *,
    offset: int = 0,
    console: tuple[str, ...] = (),
    console_offset: int = 0,
    exit_code: int | None = None,
) -> None:
    """Send rows as wandb-core streams them; an exit code completes the run."""
    printed: list[Json] = [f"2026-11-23T16:00:00.000000 {line}" for line in console]
    lines = [json.dumps({"_step": offset + index, "_runtime": 0.5, **row}) for index, row in enumerate(rows)]
    body: dict[str, Json] = {
        "files": {
            "wandb-history.jsonl": {"offset": offset, "content": list[Json](lines)},
            "wandb-summary.json": {"offset": 0, "content": list[Json](lines[-1:])},
            "output.log": {"offset": console_offset, "content": printed},
        }
    }
    if exit_code is not None:
        body |= {"complete": True, "exitcode": exit_code}
    reference, connection = sweep.reference, client.connection
    answer = requests.post(
        f"{connection.base_url}/files/{reference.entity}/{reference.project}/{run_id}/file_stream",
        json=body,
        auth=("api", connection.api_key),
        timeout=10,
    )
    answer.raise_for_status()


def wait_for(condition: Callable[[], object], patience_seconds: float = 30.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + patience_seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
