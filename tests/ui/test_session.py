"""The session against the real embedded server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainer.agents.pool import live_hosts
from trainer.errors import AgentError, NotFoundError, ServerLostError, SweepConfigError
from trainer.events import SweepChanged
from trainer.server.lifecycle import stop_server
from trainer.settings import ServerKind, Settings
from trainer.states import SweepState
from tui.session import Session
from tui.sweep_draft import FRESH_CONFIG


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    yield Session(Settings(ServerKind.EMBEDDED, ""), tmp_path)
    stop_server()


def test_a_sweep_is_created_found_by_its_bare_id_and_steered(session: Session) -> None:
    assert "starting" in session.label

    sweep = session.launch(FRESH_CONFIG, agents=0, project="mine")

    assert "embedded server http://127.0.0.1:" in session.label
    assert sweep.reference.project == "mine"
    assert [each.reference for each in session.list_sweeps()] == [sweep.reference]
    assert session.resolve_reference(sweep.reference.id) == sweep.reference
    with pytest.raises(NotFoundError):
        session.resolve_reference("nosuch")
    session.set_sweep_state(sweep.reference, SweepState.PAUSED)
    assert session.read_sweep(sweep.reference).state is SweepState.PAUSED
    assert session.stop_agents(sweep.reference) == 0

    session.begin(sweep.reference.id)
    session.has_painted()
    stop = threading.Event()
    events = session.follow(sweep.reference, stop)
    told = next(events)
    stop.set()
    assert isinstance(told, SweepChanged) and told.sweep.reference == sweep.reference and len(list(events)) < 3


def test_nothing_is_created_from_a_configuration_that_cannot_run(session: Session) -> None:
    with pytest.raises(SweepConfigError):
        session.launch({"method": "grid", "parameters": {"lr": {"min": 0.1, "max": 1.0}}}, agents=0)

    assert session.list_sweeps() == []


def test_an_embedded_server_that_ended_is_started_again(session: Session) -> None:
    sweep = session.launch(FRESH_CONFIG, agents=0)
    stop_server()

    with pytest.raises(ServerLostError):
        session.list_sweeps()

    assert [each.reference for each in session.list_sweeps()] == [sweep.reference]


def test_without_failed_points_and_agents_there_is_nothing_to_retry_or_drain(session: Session) -> None:
    sweep = session.launch(FRESH_CONFIG, agents=0)

    assert session.plan_retry(sweep.reference).wanted == ()
    assert not session.retry_failed(sweep.reference).has_work
    assert live_hosts(sweep.reference) == []
    with pytest.raises(AgentError, match="No agent on this machine takes further runs"):
        session.drain_agents(sweep.reference)
