"""The analysis of a sweep: tabs by keys and mouse, brushing, what opens the builder, and what it says without runs."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import cache
from typing import Any

from textual.pilot import Pilot
from textual.widgets import OptionList, Static

from tests.ui.feed_session import FeedSession
from tests.ui.test_plain_text import shown_in_plain
from tests.ui.wait_for import wait_for
from tests.unit.insight.synthetic import PARAMETERS, a_sweep, peaked_runs
from trainer.errors import ServerLostError
from trainer.events import SweepChanged
from trainer.insight.pareto import pareto_runs
from trainer.insight.report import Insight, insight_of
from trainer.records import Json, Metric, Ranking, RunRecord, SweepRecord
from trainer.sweep.seed_names import Seeds
from tui.app import SweepApp
from tui.screens.analysis import TABS, AnalysisScreen
from tui.screens.diff import DiffScreen
from tui.screens.sweep import SweepScreen
from tui.screens.sweep_builder import SweepBuilderScreen

WHOLE: dict[str, Json] = {**PARAMETERS, "momentum": {"min": 0.0, "max": 1.0}}
RUNS = [
    replace(run, summary={**run.summary, "seconds": float(str(run.config["width"])) + place})
    for place, run in enumerate(peaked_runs(60))
]


class RunsSession(FeedSession):
    """A server with a sweep that has run; what is computed of it is computed for real."""

    def __init__(self, runs: list[RunRecord]) -> None:
        super().__init__([SweepChanged(a_sweep(WHOLE, run_cap=60, program="train.py"))])
        self.runs = runs
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked: list[Ranking] = []

    def insight(self, sweep: SweepRecord, by: Ranking, metric: Metric, seeds: Seeds | None = None) -> Insight:
        assert self.may_answer.wait(20)
        self.asked.append(by)
        self.connect()
        return computed(len(self.runs), by, metric)


@cache
def computed(count: int, by: Ranking, metric: Metric) -> Insight:
    """Return the insight of the first runs; the forest takes a second, and is grown once."""
    sweep = a_sweep(WHOLE, run_cap=60, program="train.py")
    return insight_of(sweep, RUNS[:count], metric, by)


def said(screen: AnalysisScreen, selector: str) -> str:
    return str(screen.query_one(selector, Static).visual)


async def opened(pilot: Pilot[Any], app: SweepApp) -> AnalysisScreen:
    """Open the live view, and from there the analysis."""
    view = SweepScreen(app.session, a_sweep().reference)
    app.push_screen(view)
    await wait_for(pilot, lambda: view.is_current and view.feed.sweep is not None)
    await pilot.press("A")
    await wait_for(pilot, lambda: isinstance(app.screen, AnalysisScreen))
    assert isinstance(app.screen, AnalysisScreen)
    return app.screen


async def test_every_tab_shows_its_numbers() -> None:
    session = RunsSession(RUNS)
    session.may_answer.clear()
    app = SweepApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, app)
        assert "Reading the runs" in said(screen, "#waiting")
        session.may_answer.set()
        await wait_for(pilot, lambda: screen.parameters.option_count == 5, 90)
        assert screen.insight is not None
        best = screen.insight.importance.rows[0]
        assert best.name == "lr"
        first = str(screen.parameters.get_option_at_index(0).prompt)
        assert first.startswith("lr") and f"{best.forest:.0%}" in first
        assert "Only some of the 60 runs have momentum" in said(screen, "#importance-notes")
        assert "60 runs · loss" in said(screen, "#analysis-words")

        # Ties by a key, parallel by the mouse, the rest step by step; every tab has the focus where its keys work.
        await pilot.press("2")
        await wait_for(pilot, lambda: "is really the best is" in said(screen, "#ties-text"))
        column = sum(len(title) + 3 for title in list(TABS.values())[:2]) + 2
        await pilot.click("SectionTabs", offset=(column, 0))
        await wait_for(pilot, lambda: len(screen.plot.axes) == 6)
        assert "space begins and ends a brush" in said(screen, "#parallel-words")
        await pilot.press("right_square_bracket")
        await wait_for(pilot, lambda: screen.slice.display and "★" in screen.slice.picture)
        await pilot.press("y")
        await wait_for(pilot, lambda: "★" in said(screen, "#heat"))
        await pilot.press("right_square_bracket")
        await wait_for(pilot, lambda: "┃" in said(screen, "#boxes"))
        assert "adam" in said(screen, "#boxes")
        # The same in plain text, and back.
        app.choose_plain(True)
        await wait_for(pilot, lambda: "3 quarters" in said(screen, "#boxes"))
        for key, words in (("5", "3 quarters"), ("4", "* best cell"), ("3", "rank  loss"), ("1", "PED-ANOVA")):
            await pilot.press(key)
            await wait_for(pilot, lambda: words in shown_in_plain(app))  # noqa: B023
        app.choose_plain(False)
        await pilot.press("7")
        await wait_for(pilot, lambda: "~ lr" in said(screen, "#next-text"))
        # By last value: asked again, and said.
        await pilot.press("b")
        await wait_for(pilot, lambda: "by last value" in said(screen, "#analysis-words"), 90)
        assert session.asked == ["best", "last"]
        await pilot.press("escape")
        await wait_for(pilot, lambda: isinstance(app.screen, SweepScreen))


async def test_brushes_of_keys_and_mouse_keep_the_same_runs() -> None:
    app = SweepApp(RunsSession(RUNS))
    async with app.run_test(size=(200, 50)) as pilot:
        screen = await opened(pilot, app)
        await pilot.press("3")
        plot = screen.plot
        await wait_for(pilot, lambda: len(plot.axes) == 6 and any(layer for row in plot._grid for _, layer in row), 90)
        assert len(plot.kept) == 60
        for key in ("down", "down", "space", "down", "down", "down", "space"):
            await pilot.press(key)
        by_keys = plot.kept
        low, high = plot.brushes["lr"]
        expected = [place for place, at in enumerate(plot.axes[0].positions) if low <= at <= high]
        assert by_keys == expected and 0 < len(expected) < 60
        await wait_for(pilot, lambda: f"{len(expected)} of 60 runs" in said(screen, "#parallel-words"))
        await pilot.press("x")
        assert len(plot.kept) == 60

        # The same rows, dragged; a click alone brushes nothing.
        column = plot._columns[0]
        await pilot.mouse_down(plot, offset=(column + 1, 4))
        await pilot.hover(plot, offset=(column + 1, 7))
        await pilot.mouse_up(plot, offset=(column + 1, 7))
        assert plot.kept == by_keys
        await pilot.click(plot, offset=(plot._columns[1] + 1, 3))
        assert set(plot.brushes) == {"lr"} and plot.axes[plot.at].name == "optimizer"
        await pilot.press("0")
        assert plot.brushes == {}


async def test_a_rule_and_the_next_space_open_in_the_builder_and_a_parameter_in_the_scatter() -> None:
    app = SweepApp(RunsSession(RUNS))
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot, app)
        await wait_for(pilot, lambda: screen.parameters.option_count == 5, 90)
        await pilot.press("1", "down", "enter")
        await wait_for(pilot, lambda: screen.front == "scatter" and screen.axes.across == "optimizer")
        await wait_for(pilot, lambda: "0 adam  1 sgd" in said(screen, "#scatter-legend"))
        await pilot.press("7", "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, DiffScreen))
        await pilot.press("escape", "6")
        await wait_for(pilot, lambda: screen.rules.option_count == 10)
        await pilot.press("end", "enter")
        await pilot.pause()
        assert isinstance(app.screen, AnalysisScreen)  # W&B knows no median rule
        await pilot.press("home", "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, SweepBuilderScreen))
        builder = app.screen
        assert isinstance(builder, SweepBuilderScreen)
        assert screen.insight is not None
        entry = screen.insight.replays.replays[0].entry
        await wait_for(pilot, lambda: "early_terminate" in builder.document.config())
        assert builder.document.config()["early_terminate"] == entry


async def test_too_few_runs_and_a_server_that_is_away_are_said() -> None:
    session = RunsSession(RUNS[:3])
    session.failure = ServerLostError("The server does not answer.", hint="Is it up?")
    app = SweepApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, app)
        await wait_for(pilot, lambda: "The server does not answer" in said(screen, "#waiting"))
        assert "r reads again" in said(screen, "#waiting")
        session.failure = None
        await pilot.press("r")
        await wait_for(pilot, lambda: "it takes 10" in said(screen, "#importance-notes"), 90)
        assert not screen.query_one("#parameters", OptionList).display
        # Back away: what was known stays, and the line says why it is old.
        session.failure = ServerLostError("The server does not answer.")
        await pilot.press("r")
        await wait_for(pilot, lambda: "does not answer" in said(screen, "#analysis-words"))
        await pilot.press("7")
        await wait_for(pilot, lambda: "Too few runs" in said(screen, "#next-text"))
        session.failure = None

        # A second metric: the runs that none beats in both, drawn and listed.
        await pilot.press("o", *"seconds", "enter")
        front = pareto_runs(RUNS[:3], [Metric("loss"), Metric("seconds")])
        await wait_for(pilot, lambda: screen.front == "pareto" and [*screen.front_runs] == [each.run for each in front])
        await wait_for(pilot, lambda: "◆" in screen.front_chart.picture)
        listed = str(screen.query_one("#front-runs", OptionList).get_option_at_index(0).prompt)
        assert front[0].run.name in listed and f"{front[0].values[1]:.4f}"[:5] in listed
        # Judged by another metric, all is computed anew; it cannot be traded off against itself.
        await pilot.press("m", *"seconds maximize", "enter")
        await wait_for(pilot, lambda: "seconds, maximized" in said(screen, "#analysis-words"), 90)
        assert screen.axes.against is None
        await pilot.press("m", *"nothing", "enter")
        assert screen.has_class("-asking"), "a metric that no run has logged is not taken"
        await pilot.press("escape")
        assert screen.is_current and not screen.has_class("-asking")
