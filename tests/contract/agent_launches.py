"""What the tests of agents share: a server, a client of it, and sweeps over x with agents that are gone afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.tracking_server import GRID, connect_to
from trainer.agents.pool import AgentHost, live_hosts, start_agents
from trainer.records import Json, SweepRecord
from trainer.server.lifecycle import stop_server
from trainer.tracking.wandb_client import WandbClient

Launch = Callable[..., tuple[SweepRecord, AgentHost]]


@pytest.fixture(scope="session")
def agents_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the data folder of a server that all tests of a process use; those that harm theirs start their own."""
    folder = tmp_path_factory.mktemp("server")
    yield folder
    stop_server(folder)


@pytest.fixture
def client(agents_server: Path) -> WandbClient:
    """Return a client of the server, which is started where it does not run."""
    return WandbClient(connect_to(agents_server))


@pytest.fixture
def launch(client: WandbClient, tmp_path: Path) -> Iterator[Launch]:
    """Create a sweep, over x unless a configuration is given, and start agents for it; they are gone at the end."""

    def start(
        source: str | None, slots: int = 1, points: int = 3, *, config: dict[str, Json] | None = None, **options: Any
    ) -> tuple[SweepRecord, AgentHost]:
        if source is not None:
            (tmp_path / "train.py").write_text(source)
        config = config or {**GRID, "parameters": {"x": {"values": list[Json](range(1, points + 1))}}}
        sweep = client.create_sweep(config, client.connection.entity, "agents")
        return sweep, start_agents(client.connection, sweep, slots, cwd=tmp_path, **options)

    yield start
    end_hosts()


def end_hosts() -> None:
    """End the agents of this test's home, however busy they are."""
    hosts = live_hosts()
    for host in hosts:
        for _ in range(3):
            host.request_stop()
    for host in hosts:
        assert host.wait(20)


def events_of(host: AgentHost, name: str = "") -> list[dict[str, Any]]:
    """Return what a host has on record, or only the events of one name."""
    try:
        lines = (host.directory / "events.jsonl").read_text().splitlines()
    except FileNotFoundError:  # it is about to start
        return []
    return [event for event in map(json.loads, lines) if name in ("", event["event"])]
