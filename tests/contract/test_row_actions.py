"""Tags, notes, another try and deletion in the live view, against the embedded server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.tracking_server import GRID, connect_to, log_rows, start_run
from tests.ui.wait_for import wait_for
from trainer.errors import InputError
from trainer.records import Json, SweepRecord, SweepReference
from trainer.server.lifecycle import stop_server
from trainer.settings import Connection, ServerKind, Settings
from trainer.states import RunState, SweepState
from trainer.tracking.retry import run_again
from trainer.tracking.wandb_client import WandbClient
from tui.app import SweepApp
from tui.screens.sweep import SweepScreen
from tui.session import Session


class AgentlessSession(Session):
    """A session whose agents are only counted: what they do with a run is tested elsewhere."""

    agents_started = 0

    def start_agents(self, reference: SweepReference, count: int) -> None:
        self.agents_started += count


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    data_dir = tmp_path_factory.mktemp("server")
    yield connect_to(data_dir)
    stop_server(data_dir)


def finished_sweep(client: WandbClient) -> SweepRecord:
    """Return a sweep that is over: each of its runs noted more than it was given."""
    parameters: dict[str, Json] = {"x": {"values": [1, 2]}, "opt": {"parameters": {"lr": {"value": 0.5}}}}
    sweep = client.create_sweep({**GRID, "parameters": parameters}, client.connection.entity, "rows")
    for number in (1, 2):
        config: dict[str, Json] = {"x": number, "opt": {"lr": 0.5, "host": "lab"}, "commit": "abc"}
        start_run(client, sweep, f"r{number}", config)
        log_rows(client, sweep, f"r{number}", [{"acc": number / 10}], exit_code=0)
    client.set_sweep_state(sweep.reference, SweepState.FINISHED)
    return client.read_sweep(sweep.reference)


async def test_runs_are_tagged_noted_run_again_and_deleted_on_the_server(connection: Connection) -> None:
    client = WandbClient(connection)
    sweep = finished_sweep(client)
    session = AgentlessSession(
        Settings(ServerKind.SELF_HOSTED, connection.base_url, connection.api_key, connection.entity), Path()
    )
    app = SweepApp(session)
    async with app.run_test(size=(100, 30)) as pilot:
        screen = SweepScreen(session, sweep.reference)
        await app.push_screen(screen)
        await wait_for(pilot, lambda: list(screen.feed.board.rows) == ["r2", "r1"])

        def on_server(run_id: str) -> tuple[tuple[str, ...], str]:
            run = client.read_run(sweep.reference.entity, sweep.reference.project, run_id)
            return run.tags, run.notes

        await pilot.press("M", "M", "T", *"a,b", "enter")
        await wait_for(pilot, lambda: on_server("r1")[0] == on_server("r2")[0] == ("a", "b"))
        await pilot.press("0", "home", "t", *"ok", "enter")
        await wait_for(pilot, lambda: on_server("r2")[1] == "ok")
        assert on_server("r1")[1] == ""

        # The sweep is over; it goes on for the run, which is given what the sweep gave, and nothing else.
        await pilot.press("u", "enter")
        await wait_for(pilot, lambda: len(client.poll_sweep(sweep.reference).runs) == 3)
        again = next(run for run in client.poll_sweep(sweep.reference).runs if run.id not in ("r1", "r2"))
        assert again.config == {"x": 2, "opt": {"lr": 0.5}} and again.state is RunState.PENDING
        await wait_for(pilot, lambda: session.agents_started == 1)

        await pilot.press("home", "delete", "tab", "enter")
        await wait_for(pilot, lambda: "r2" not in screen.feed.board.runs)
        assert "r2" not in [run.id for run in client.poll_sweep(sweep.reference).runs]


def test_a_run_without_a_configuration_of_the_sweep_is_not_run_again(connection: Connection) -> None:
    client = WandbClient(connection)
    sweep = finished_sweep(client)
    start_run(client, sweep, "odd", {"x": 77})
    odd = client.read_run(sweep.reference.entity, sweep.reference.project, "odd")
    with pytest.raises(InputError, match="has no configuration that the sweep gives out"):
        run_again(client, sweep.reference, [odd])
    assert client.read_sweep(sweep.reference).state is SweepState.FINISHED
