"""How soon a metric that a run logs is on the embedded server, with the unmodified SDK."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.tracking_server import connect_to, wait_for
from trainer.agents.pool import start_agents
from trainer.records import Json
from trainer.server.lifecycle import stop_server
from trainer.tracking.wandb_client import WandbClient

CLOCK = """
import pathlib, time, wandb
with wandb.init() as run:
    while not pathlib.Path("enough").exists():
        run.log({"at": time.time()})
        time.sleep(0.05)
"""
CONFIG: dict[str, Json] = {"method": "grid", "program": "train.py", "parameters": {"x": {"values": [1]}}}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[WandbClient]:
    yield WandbClient(connect_to(tmp_path / "server"))
    stop_server(tmp_path / "server")


def test_a_metric_is_on_the_embedded_server_within_about_a_second(client: WandbClient, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(CLOCK)
    entity = client.connection.entity
    sweep = client.create_sweep(CONFIG, entity, "live")
    host = start_agents(client.connection, sweep, 1, cwd=tmp_path)
    try:
        ages: dict[float, float] = {}

        def look() -> bool:
            """Note how old the newest row is when it is first seen, and how old it gets."""
            for run in client.read_runs(sweep):
                logged = run.summary.get("at")
                if isinstance(logged, float):
                    ages[logged] = time.time() - logged
            return len(ages) >= 4

        wait_for(look)
    finally:
        (tmp_path / "enough").touch()
        assert host.wait(30)
    # Sent once a second, so that a row is a second old at most when the next one comes; by default it would be 15.
    assert statistics.median(ages.values()) < 2, ages
