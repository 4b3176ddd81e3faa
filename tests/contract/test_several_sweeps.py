"""Sweeps of two projects on a real server, taken together: as one sweep, in one leaderboard of the app, by commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.contract.tracking_server import GRID, connect_to, log_rows, start_run
from tests.ui.test_sweep_screen import text_of, until
from trainer.cli import build_cli
from trainer.records import Json, Metric, SweepRecord
from trainer.server.lifecycle import stop_server
from trainer.settings import Settings
from trainer.states import RunState
from trainer.tracking.client import TrackingClient
from trainer.tracking.several import SeveralClient
from trainer.tracking.sweeps_as_one import shared_metric
from trainer.tracking.wandb_client import WandbClient
from tui.app import SweepApp
from tui.screens.across import AcrossScreen
from tui.screens.compare_sweeps import CompareSweepsScreen
from tui.screens.run import RunScreen
from tui.screens.sweeps import SweepsScreen
from tui.session import Session

LOSS: dict[str, Json] = {**GRID, "name": "by loss", "metric": {"name": "loss", "goal": "minimize"}}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WandbClient]:
    data_dir = tmp_path_factory.mktemp("server")
    yield WandbClient(connect_to(data_dir))
    stop_server(data_dir)


@pytest.fixture
def sweeps(client: WandbClient, request: pytest.FixtureRequest) -> list[SweepRecord]:
    """Two sweeps by accuracy and one by loss, in two projects, with a run of the same id in both."""
    entity, project = client.connection.entity, f"p{abs(hash(request.node.name)) % 997}"
    one = client.create_sweep({**GRID, "name": "one"}, entity, project)
    two = client.create_sweep({**GRID, "name": "two"}, entity, f"{project}-other")
    three = client.create_sweep(LOSS, entity, project)
    for sweep, run_id, acc in ((one, "twin", 0.7), (one, "b", 0.6), (two, "twin", 0.9), (three, "c", 0.8)):
        start_run(client, sweep, run_id, {"x": 1})
        log_rows(client, sweep, run_id, [{"acc": acc, "loss": 1.0}, {"acc": acc / 2, "loss": 0.5}], exit_code=0)
    start_run(client, two, "late", {"x": 2})
    return [client.read_sweep(sweep.reference) for sweep in (one, two, three)]


def test_runs_of_several_sweeps_are_those_of_one_and_go_back_to_their_own(
    client: WandbClient, sweeps: list[SweepRecord]
) -> None:
    shared = shared_metric(sweeps)
    assert shared.metric == Metric("acc", "maximize")
    assert shared.note == "Ranked by acc, the metric of 2 of 3: by loss optimises loss."
    several: TrackingClient = SeveralClient(client, sweeps, shared.metric)
    assert isinstance(several, SeveralClient)

    first = several.poll_sweep(several.reference)

    other = sweeps[1].reference.project
    runs = {run.id: run for run in first.runs}
    assert set(runs) == {"twin", "b", f"{other}:twin", "late", "c"}
    assert [runs[each].sweep_id for each in ("twin", f"{other}:twin", "c")] == ["one", "two", "by loss"]
    values = {run.id: run.metric_value(Metric("acc", "maximize"), "best") for run in first.runs}
    assert values == {"twin": 0.7, "b": 0.6, f"{other}:twin": 0.9, "late": None, "c": 0.8}, "the best, not the last"
    assert (first.sweep.name, first.sweep.run_count, first.sweep.run_count_expected) == ("3 sweeps", 5, 9)

    log_rows(client, sweeps[1], "late", [{"acc": 0.95}], exit_code=0)
    changed = several.poll_sweep(several.reference, first.cursor)
    assert {(run.id, run.state) for run in changed.runs if run.id == "late"} == {("late", RunState.FINISHED)}
    several.change_run("any", "any", f"{other}:twin", tags=["good"])
    assert client.read_run(sweeps[1].reference.entity, other, "twin").tags == ("good",)
    assert client.read_run(sweeps[0].reference.entity, sweeps[0].reference.project, "twin").tags == ()
    histories = several.read_histories("any", "any", ["twin", f"{other}:twin"])
    assert [histories[each][0].values["acc"] for each in ("twin", f"{other}:twin")] == [0.7, 0.9]
    assert {run.id for run in several.read_runs(first.sweep, shared.metric)} == set(runs)


def test_the_commands_take_several_sweeps(
    client: WandbClient, sweeps: list[SweepRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in client.connection.environ().items():
        monkeypatch.setenv(name, text)
    named = [str(sweep.reference) for sweep in sweeps]

    found = CliRunner().invoke(build_cli(None), ["leaderboard", *named, "--format", "json", "--where", "sweep!=one"])

    assert [(entry["sweep"], entry["value"]) for entry in json.loads(found.stdout)] == [
        ("two", 0.9), ("by loss", 0.8), ("two", None),
    ]  # fmt: skip
    assert "by loss optimises loss" in found.stderr
    compared = json.loads(CliRunner().invoke(build_cli(None), ["compare", *named, "--format", "json"]).stdout)
    assert [entry["best_value"] for entry in compared["sweeps"]] == [0.7, 0.9, 0.5], "each by its own metric"
    assert [entry["best_so_far"][0] for entry in compared["sweeps"]] == [[1, 0.7], [1, 0.9], [1, 0.5]]
    assert "same metric" in compared["notes"][0] and compared["space_same"] == ["x: 1 | 2 | 3"]
    markdown = CliRunner().invoke(build_cli(None), ["compare", *named[:2], "--format", "md"]).stdout
    assert "| best value | 0.7 | 0.9 ★ |" in markdown
    refused = CliRunner().invoke(build_cli(None), ["leaderboard", named[0], named[0]])
    assert "the same sweep" in str(refused.exception)


async def test_marked_sweeps_of_the_list_share_a_leaderboard_that_stays_live(
    client: WandbClient, sweeps: list[SweepRecord], tmp_path: Path
) -> None:
    connection, project = client.connection, sweeps[0].reference.project
    settings = Settings(connection.kind, connection.base_url, connection.api_key, connection.entity)
    session = Session(settings, tmp_path)
    session._connection, session._client = connection, client
    app = SweepApp(session)
    async with app.run_test(size=(140, 40)) as pilot:
        home = app.screen_stack[1]
        assert isinstance(home, SweepsScreen)
        await until(pilot, lambda: home.table.row_count >= 3)
        await pilot.press("slash", *project, "enter")
        await until(pilot, lambda: home.table.row_count == 3, "by any word")
        await pilot.press("L")
        await until(pilot, lambda: any("Mark two sweeps or more" in each.message for each in app._notifications))
        await pilot.press("space", "space", "space", "=")
        await until(pilot, lambda: isinstance(app.screen, CompareSweepsScreen) and app.screen.comparison is not None)
        await until(pilot, lambda: "They do not optimise the same metric" in text_of(app.screen))
        assert "minimize loss" in text_of(app.screen) and "best configuration" not in text_of(app.screen)
        await pilot.press("L")
        await until(pilot, lambda: isinstance(app.screen, AcrossScreen) and len(app.screen.table.board.rows) == 5)
        across = app.screen
        assert isinstance(across, AcrossScreen)
        await until(pilot, lambda: "by loss optimises loss" in text_of(across), "who is ranked by what is not its own")
        shown = text_of(across)
        assert "Across 3 sweeps" in shown and "two 0.9000 · by loss 0.8000 · one 0.7000" in shown
        log_rows(client, sweeps[1], "late", [{"acc": 0.95}], exit_code=0)
        await until(pilot, lambda: across.table.board.rows[0] == "late", "it follows")
        await pilot.press("f", *"sweep=one", "enter")
        own_id = across.session.several.own_id
        await until(pilot, lambda: [own_id(run_id) for run_id in across.table.board.rows] == ["twin", "b"])
        assert across.check_action("toggle_pause", ()) is False
        await pilot.press("F")
        assert any("one sweep at a time" in each.message for each in app._notifications)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and "twin" in text_of(app.screen))
        await pilot.press("escape", "w", "down", "enter")
        await until(pilot, lambda: isinstance(app.screen, AcrossScreen) and app.screen is not across)
        other = app.screen
        assert isinstance(other, AcrossScreen)
        await until(pilot, lambda: other.feed.board.metric == Metric("loss", "minimize") and other.table.board.rows)
        await pilot.press("O")
        await until(pilot, lambda: app.screen is not other and "Across" not in text_of(app.screen))
