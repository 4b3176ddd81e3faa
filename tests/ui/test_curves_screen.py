from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from tests.ui.feed_session import REFERENCE, FeedSession, a_sweep, make_run
from tests.ui.test_sweep_screen import until
from trainer.errors import ServerLostError
from trainer.events import RunsChanged
from trainer.records import HistoryPoint
from trainer.states import RunState
from tui.app import SweepApp
from tui.screens.curves import CurvesScreen
from tui.screens.sweep import SweepScreen
from tui.widgets.history_chart import HistoryChart


def a_history(metrics: int = 3) -> list[HistoryPoint]:
    return [
        HistoryPoint(step, {"accuracy": step / 10, **{f"loss{n}": n / step for n in range(1, metrics)}}, step * 20.0)
        for step in range(1, 9)
    ]


@asynccontextmanager
async def curves_screen(
    size: tuple[int, int] = (120, 36), metrics: int = 3, failure: ServerLostError | None = None
) -> AsyncIterator[tuple[Pilot[None], CurvesScreen, FeedSession]]:
    session = FeedSession([a_sweep(), RunsChanged((make_run(1, 0.8), make_run(2, 0.9, RunState.RUNNING)))])
    session.history = a_history(metrics)
    app = SweepApp(session)
    async with app.run_test(size=size) as pilot:
        sweep = SweepScreen(session, REFERENCE)
        await app.push_screen(sweep)
        await until(pilot, lambda: len(sweep.feed.board.runs) == 2 and bool(sweep.selection.drawn))
        session.failure = failure
        await pilot.press("G")
        screen = app.screen
        assert isinstance(screen, CurvesScreen)
        yield pilot, screen, session


def drawn(screen: CurvesScreen) -> dict[str, HistoryChart]:
    return {str(chart.border_title): chart for chart in screen.charts if chart.display}


def words(screen: CurvesScreen, selector: str = "#curves-view") -> str:
    return str(screen.query_one(selector, Static).render()).replace("\u00a0", " ")


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)], ids=str)
async def test_every_metric_of_the_drawn_runs_has_a_chart(size: tuple[int, int]) -> None:
    async with curves_screen(size) as (pilot, screen, _):
        await until(pilot, lambda: len(screen.metrics) == 3 and all(chart.picture for chart in drawn(screen).values()))
        # Where there is room for all of them they are all in sight; the sweep's own metric comes first.
        assert list(drawn(screen)) == ["accuracy", "loss1", "loss2"][: 2 if size == (80, 24) else 3]
        assert "1 rose-sweep-2" in words(screen, "#legend") and "2 rose-sweep-1" in words(screen, "#legend")
        assert "3 metrics · over step" in words(screen)


async def test_axis_smoothing_zoom_and_cursor_are_those_of_every_chart() -> None:
    async with curves_screen() as (pilot, screen, _):
        await until(pilot, lambda: len(screen.metrics) == 3)
        accuracy = drawn(screen)["accuracy"]
        await pilot.press("x")
        await until(pilot, lambda: "2m" in accuracy.picture)
        assert "over relative time" in words(screen)
        await pilot.press("x", "x", "s", "o", "y", "plus")
        assert words(screen).endswith("over step · smoothed 0.3 · extremes left out · log y · 0.5 of the axis")
        await pilot.press("c")
        await until(pilot, lambda: "│" in "".join(line[12:] for line in accuracy.picture.split("\n")))
        await pilot.press("0")
        await until(pilot, lambda: words(screen).endswith("over step"))
        assert screen.cursor is None and not screen.view.is_zoomed

        await pilot.press("X", *"loss1", "enter")
        assert "over loss1" in words(screen)
        await pilot.press("X", *"nothing", "enter")
        assert "over loss1" in words(screen)


async def test_a_chart_that_shows_nothing_says_why_and_what_shows_it() -> None:
    async with curves_screen(metrics=1) as (pilot, screen, session):
        await until(pilot, lambda: len(screen._histories) == 2)
        session.history = [HistoryPoint(step, {"accuracy": -1.0, "loss1": math.nan}) for step in range(5)]
        runs = ("run1", "run2")
        screen.post_message(
            screen.Read(dict.fromkeys(runs, session.history), dict.fromkeys(runs, {"accuracy", "loss1"}))
        )
        await until(pilot, lambda: screen.metrics == ["accuracy", "loss1"])
        accuracy, loss = screen.charts[:2]
        await until(pilot, lambda: "logged, but no number" in str(loss.render()))
        await pilot.press("y")
        await until(pilot, lambda: "no value above 0; y shows a linear axis" in str(accuracy.render()))
        await pilot.press("x")
        await until(pilot, lambda: "no relative time; x changes the axis" in str(accuracy.render()))


async def test_a_chart_gets_the_screen_and_gives_it_back_by_key_and_by_mouse() -> None:
    async with curves_screen() as (pilot, screen, _):
        await until(pilot, lambda: len(screen.metrics) == 3 and all(chart.picture for chart in drawn(screen).values()))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: list(drawn(screen)) == [screen.large])
        await until(pilot, lambda: "rose-sweep-2" in screen.charts[0].picture)
        await pilot.press("escape")
        assert len(drawn(screen)) == 3 and isinstance(screen.app.screen, CurvesScreen)

        await until(pilot, lambda: "rose-sweep-2" not in screen.charts[0].picture)
        await pilot.click(screen.charts[1], offset=(25, 4))
        assert screen.cursor is not None and 0.2 < screen.cursor < 0.8
        await pilot.click(screen.charts[1], offset=(25, 4), times=2)
        assert screen.large == "loss1"
        await pilot.press("escape", "escape")
        assert isinstance(screen.app.screen, SweepScreen)


async def test_many_metrics_are_paged_and_found() -> None:
    async with curves_screen((80, 24), metrics=9) as (pilot, screen, _):
        await until(pilot, lambda: len(screen.metrics) == 9)
        assert list(drawn(screen)) == ["accuracy", "loss1"]
        await pilot.press("n")
        assert list(drawn(screen)) == ["loss2", "loss3"] and "page 2 of 5" in words(screen)
        await pilot.press("slash", *"loss7")
        assert list(drawn(screen)) == ["loss7"]
        await pilot.press("slash")
        screen.query_one("#prompt", Input).value = "nothing"
        await until(pilot, lambda: "has “nothing” in its name" in str(screen.charts[0].render()))
        await pilot.press("enter", "0")
        assert screen.metrics[0] == "accuracy"


async def test_live_runs_are_read_again_and_ended_ones_are_not() -> None:
    async with curves_screen() as (pilot, screen, session):
        await until(pilot, lambda: set(session.histories_read) == {"run1", "run2"})
        await until(pilot, lambda: not screen._is_shaping)
        screen.read_if_needed()
        await until(pilot, lambda: session.histories_read[:3] == ["run2", "run1", "run2"])


async def test_a_server_that_is_away_is_said_and_waited_for() -> None:
    lost = ServerLostError("the server does not answer", hint="")
    async with curves_screen(failure=lost) as (pilot, screen, session):
        await until(pilot, lambda: "Server away: the server does not answer" in words(screen))
        session.failure = None
        screen.read_if_needed()
        await until(pilot, lambda: "Server away" not in words(screen) and len(screen.metrics) == 3)
