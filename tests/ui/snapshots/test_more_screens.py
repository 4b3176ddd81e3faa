"""How the screens around the live view look: analysis, comparison, charts, a run, servers; empty, full and failing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.widgets import OptionList

from tests.ui.feed_session import REFERENCE, FeedSession, a_sweep, make_run
from tests.ui.given_client import SeveralSweepsSession
from tests.ui.memory_session import make_sweep
from tests.ui.snapshots.text_pictures import SIZES, look, text_of
from tests.ui.test_analysis_screen import RUNS, RunsSession, opened
from tests.ui.wait_for import wait_for
from trainer.errors import ServerError, ServerLostError
from trainer.events import RunsChanged
from trainer.records import Metric, SweepReference
from trainer.states import RunState, SweepState
from tui.app import SweepApp
from tui.messages import SweepOpenRequested
from tui.screens.across import AcrossScreen
from tui.screens.analysis import TABS
from tui.screens.compare_sweeps import CompareSweepsScreen
from tui.screens.curves import CurvesScreen
from tui.screens.run import RunScreen
from tui.screens.sweep import SweepScreen

SMALLEST = ((40, 12), (80, 24))


async def test_the_analysis(pictures: SnapshotAssertion) -> None:
    session = RunsSession(RUNS)
    session.may_answer.clear()
    app = SweepApp(session)
    async with app.run_test(size=SIZES[0]) as pilot:
        screen = await opened(pilot, app)
        await look(pilot, pictures, "loading", lambda: "Reading the runs" in text_of(pilot))
        session.may_answer.set()
        shown = {
            "importance": "optimizer", "ties": "really the best", "parallel": "lr", "scatter": "★", "boxes": "┃",
            "stops": "saved", "next": "lr", "pareto": "choose a second metric",
        }  # fmt: skip
        for number, tab in enumerate(TABS, 1):
            await wait_for(pilot, lambda: screen.insight is not None, 60)
            await pilot.press(str(number))
            await look(pilot, pictures, tab, lambda: shown[tab] in text_of(pilot))  # noqa: B023
        await pilot.press("o", *"seconds", "enter")
        await look(pilot, pictures, "pareto-front", lambda: "◆" in screen.front_chart.picture, SIZES[:1])
        session.failure = ServerLostError("The server does not answer.")
        await pilot.press("1", "r")
        await look(pilot, pictures, "failing", lambda: "does not answer" in text_of(pilot))


async def test_the_analysis_of_too_few_runs(pictures: SnapshotAssertion) -> None:
    session = RunsSession(RUNS[:3])
    session.failure = ServerLostError("The server does not answer.", hint="Is it up?")
    app = SweepApp(session)
    async with app.run_test(size=SIZES[0]) as pilot:
        screen = await opened(pilot, app)
        await look(pilot, pictures, "failing-at-first", lambda: "does not answer" in text_of(pilot), SIZES[:2])
        session.failure = None
        await pilot.press("r")
        await wait_for(pilot, lambda: screen.insight is not None, 60)
        for number, tab in enumerate(TABS, 1):
            await pilot.press(str(number))
            await look(pilot, pictures, tab, lambda: screen.front == tab, SIZES[:1])  # noqa: B023


async def test_charts_and_a_run_without_anything(pictures: SnapshotAssertion, tmp_path: Path) -> None:
    session = FeedSession(cwd=tmp_path)
    app = SweepApp(session)
    async with app.run_test(size=SIZES[0]) as pilot:
        app.post_message(SweepOpenRequested(REFERENCE))
        session.give(a_sweep(run_count=2, run_count_expected=9, best_value=None))
        session.give(RunsChanged((make_run(1, state=RunState.RUNNING), make_run(2, state=RunState.FAILED))))
        await look(pilot, pictures, "no-value", lambda: "rose-sweep-2" in text_of(pilot))
        await pilot.press("G")
        await wait_for(pilot, lambda: isinstance(app.screen, CurvesScreen))
        await look(pilot, pictures, "charts-empty", lambda: "no run has a value" in text_of(pilot))
        await pilot.press("escape")
        await wait_for(pilot, lambda: isinstance(app.screen, SweepScreen))
        session.failure = ServerLostError("The server does not answer.")
        await pilot.press("enter")
        await wait_for(pilot, lambda: isinstance(app.screen, RunScreen))
        await look(pilot, pictures, "run-failing", lambda: "does not answer" in text_of(pilot))
        session.failure, session.run = None, make_run(1, state=RunState.RUNNING)
        await look(
            pilot, pictures, "run-empty", lambda: "first metrics" in text_of(pilot) and "answer" not in text_of(pilot)
        )
        panes = (
            ("2", "system", "system metrics"), ("3", "files", "left no files"), ("4", "log", "nothing printed"),
            ("6", "origin", "Machine"),
        )  # fmt: skip
        for key, name, words in panes:
            await pilot.press(key)
            await look(pilot, pictures, f"run-{name}-empty", lambda: words in text_of(pilot), SIZES[:1])  # noqa: B023
        await pilot.press("escape")
        await wait_for(pilot, lambda: isinstance(app.screen, SweepScreen))
        # Values that came, of histories that cannot be read.
        session.give(RunsChanged((make_run(3, 0.5), make_run(4, 0.25))))
        await wait_for(pilot, lambda: "rose-sweep-4" in text_of(pilot))
        session.failure = ServerLostError("The server does not answer.")
        await pilot.press("G")
        await look(pilot, pictures, "charts-failing", lambda: "does not answer" in text_of(pilot))


async def test_dialogs_and_the_live_view_in_a_corner_of_a_screen(pictures: SnapshotAssertion, tmp_path: Path) -> None:
    session = FeedSession(cwd=tmp_path)
    app = SweepApp(session)
    async with app.run_test(size=SIZES[0]) as pilot:
        app.post_message(SweepOpenRequested(REFERENCE))
        session.give(a_sweep(run_count=9, run_count_expected=9))
        session.give(RunsChanged(tuple(make_run(number, number / 20) for number in range(1, 10))))
        await wait_for(pilot, lambda: "rose-sweep-9" in text_of(pilot))
        await look(pilot, pictures, "live", lambda: "9 tied" in text_of(pilot), ((40, 12), (30, 8), (300, 80)))
        for keys, name in (("C", "columns"), ("E", "export"), ("question_mark", "help"), ("S", "confirm")):
            before = app.screen
            await pilot.press(keys)
            await wait_for(pilot, lambda: app.screen is not before)  # noqa: B023
            await look(pilot, pictures, name, lambda: True, SMALLEST)
            if name in ("columns", "export"):
                # The cursor stays in sight, at every size that comes after.
                options = app.screen.query_one(OptionList)
                await pilot.press("end")
                for width, height in ((40, 12), (200, 50), (20, 5), (40, 12)):
                    await pilot.resize_terminal(width, height)
                await pilot.pause(0.1)
                line = options.region.y + (options.highlighted or 0) - options.scroll_offset.y
                assert options.region.y <= line < options.region.bottom <= 12
            await pilot.press("escape")
            await wait_for(pilot, lambda: isinstance(app.screen, SweepScreen))
        await look(pilot, pictures, "too-small", lambda: True, ((20, 5),))
        await pilot.resize_terminal(80, 24)
        assert app.screen.focused is app.screen.query_one("#runs")


async def test_several_sweeps(pictures: SnapshotAssertion, tmp_path: Path) -> None:
    begun = datetime.now(UTC) - timedelta(minutes=30)
    sweeps = [
        make_sweep(name, state=state, metric=Metric(metric, "maximize"), created_at=begun, run_count=4)
        for name, state, metric in (
            ("wine-grid", SweepState.FINISHED, "accuracy"), ("wine-bayes", SweepState.RUNNING, "accuracy"),
            ("iris", SweepState.CANCELED, "f1"),
        )
    ]  # fmt: skip
    sweeps[2] = replace(sweeps[2], reference=SweepReference("local", "iris", "iris"))
    runs = [
        [
            replace(make_run(10 * place + number, 0.5 + number / 20 + place / 50), id=f"run{place}{number}")
            for number in range(1, 5)
        ]
        for place in range(3)
    ]
    session = SeveralSweepsSession(tmp_path, sweeps, runs)
    app = SweepApp(session)
    async with app.run_test(size=SIZES[0]) as pilot:
        await wait_for(pilot, lambda: "wine-bayes" in text_of(pilot))
        await pilot.press("space", "space", "space")
        await look(pilot, pictures, "marked", lambda: "3 marked" in text_of(pilot))
        session.given.failure = ServerError("The server answered 500.")
        await pilot.press("equals_sign")
        await wait_for(pilot, lambda: isinstance(app.screen, CompareSweepsScreen))
        await look(pilot, pictures, "compare-failing", lambda: "answered 500" in text_of(pilot), SIZES[:1])
        session.given.failure = None
        await pilot.press("r")
        await look(pilot, pictures, "compare", lambda: "rose-sweep-14" in text_of(pilot))
        await pilot.press("L")
        await wait_for(pilot, lambda: isinstance(app.screen, AcrossScreen))
        await look(pilot, pictures, "across", lambda: "tied" in text_of(pilot))
        await pilot.press("w")
        await look(pilot, pictures, "rank-by", lambda: "Which metric" in text_of(pilot), SMALLEST)


async def test_home_of_many_and_its_dialogs(
    pictures: SnapshotAssertion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = datetime.now(UTC) - timedelta(days=3)
    states = list(SweepState)
    session = FeedSession(cwd=tmp_path)
    session.sweeps = [
        make_sweep(
            f"sweep-{number:03}", state=states[number % len(states)], created_at=begun - timedelta(days=number),
            reference=SweepReference("local", f"project-{number % 5}", f"sweep-{number:03}"),
        )
        for number in range(120)
    ]  # fmt: skip
    app = SweepApp(session)
    async with app.run_test(size=SIZES[0]) as pilot:
        await look(pilot, pictures, "many", lambda: "120 sweeps" in text_of(pilot), (*SIZES, (40, 12), (300, 80)))
        await pilot.press("at")
        await look(pilot, pictures, "servers", lambda: "Another server" in text_of(pilot), (*SMALLEST, *SIZES[1:]))
        await pilot.press("end", "enter")
        await look(pilot, pictures, "login", lambda: "API key" in text_of(pilot), SMALLEST)
