from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from textual.pilot import Pilot

from tests.ui.feed_session import CONFIG, FeedSession, make_run
from tests.ui.memory_session import make_sweep
from tests.ui.test_sweep_screen import until
from trainer.errors import ServerLostError
from trainer.records import ConsoleLine, HistoryPoint
from trainer.states import RunState
from tui.app import SweepApp
from tui.screens.confirm import ConfirmScreen
from tui.screens.run import RunScreen
from tui.widgets.history_chart import HistoryChart


@asynccontextmanager
async def run_screen(
    state: RunState = RunState.RUNNING, size: tuple[int, int] = (120, 36), metrics: int = 2
) -> AsyncIterator[tuple[Pilot[None], RunScreen, FeedSession]]:
    session = FeedSession()
    session.run = make_run(2, 0.9, state)
    session.history = [
        HistoryPoint(step, {"accuracy": step / 10, **{f"loss{number}": 1 / step for number in range(1, metrics)}})
        for step in range(1, 9)
    ]
    session.console = [ConsoleLine(0, "fitting wine"), ConsoleLine(1, "\x1b[31mcareful\x1b[0m", is_error=True)]
    app = SweepApp(session)
    async with app.run_test(size=size) as pilot:
        screen = RunScreen(session, make_sweep("wine-grid", config=CONFIG), session.run)
        await app.push_screen(screen)
        yield pilot, screen, session


def text_of(screen: RunScreen) -> str:
    return "\n".join(strip.text for strip in screen._compositor.render_strips())


async def test_a_run_shows_facts_curves_and_console() -> None:
    async with run_screen() as (pilot, screen, _):
        await until(pilot, lambda: "fitting wine" in text_of(screen))
        await until(pilot, lambda: all(chart.picture for chart in screen.query(HistoryChart) if chart.display))
        shown = text_of(screen)
        assert "Chosen by the sweep" in shown and "depth" in shown
        assert "● running" in shown and "#nightly" in shown and "lab-7" in shown
        assert "careful" in shown and "[31m" not in shown
        assert screen.metrics == ["accuracy", "loss1"]


async def test_news_of_a_running_run_is_added_once() -> None:
    async with run_screen() as (pilot, screen, session):
        await until(pilot, lambda: len(screen.history) == 8)
        session.history = [*session.history, HistoryPoint(9, {"accuracy": 0.95})]
        session.console = [*session.console, ConsoleLine(2, "one more line")]
        await until(pilot, lambda: "one more line" in text_of(screen))
        assert [row.step for row in screen.history] == list(range(1, 10))
        assert len(screen.log_view.lines) == 3


async def test_a_finished_run_is_read_once() -> None:
    async with run_screen(RunState.FINISHED) as (pilot, screen, session):
        await until(pilot, lambda: not any(worker.is_running for worker in screen.workers))
        assert session.histories_read == ["run2"]
        assert "✓ finished" in text_of(screen)


async def test_more_metrics_than_charts_are_on_further_pages() -> None:
    async with run_screen(metrics=6) as (pilot, screen, _):
        await until(pilot, lambda: len(screen.metrics) == 6)
        titles = [str(chart.border_title) for chart in screen.query(HistoryChart) if chart.display]
        assert titles == ["accuracy", "loss1", "loss2", "loss3"]
        await pilot.press("n")
        titles = [str(chart.border_title) for chart in screen.query(HistoryChart) if chart.display]
        assert titles == ["loss4", "loss5"]
        await pilot.press("n")
        assert str(screen.query(HistoryChart).first().border_title) == "accuracy"
        await pilot.press("y")
        assert all(chart.log_y for chart in screen.query(HistoryChart))


async def test_a_server_that_is_away_is_said_and_tried_again() -> None:
    async with run_screen() as (pilot, screen, session):
        await until(pilot, lambda: len(screen.history) == 8)
        session.failure = ServerLostError("http://127.0.0.1:1 did not answer.")
        await until(pilot, lambda: "did not answer" in text_of(screen))
        session.failure = None
        await until(pilot, lambda: "did not answer" not in text_of(screen))


@pytest.mark.parametrize("size", [(80, 24), (20, 5), (3, 2)])
async def test_small_terminals_show_one_pane_at_a_time(size: tuple[int, int]) -> None:
    async with run_screen(size=size) as (pilot, screen, _):
        for key, pane in (("2", "facts"), ("3", "log"), ("1", "curves")):
            await pilot.press(key)
            assert screen.front == pane
        assert len([chart for chart in screen.query(HistoryChart) if chart.display]) == 1


async def test_stopping_a_run_asks_first_and_a_finished_one_cannot_be_stopped() -> None:
    async with run_screen() as (pilot, screen, _):
        await pilot.press("K")
        await until(pilot, lambda: isinstance(screen.app.screen, ConfirmScreen))
        await pilot.press("n", "F")
        assert not screen.log_view.auto_scroll
    async with run_screen(RunState.FINISHED) as (pilot, screen, _):
        await pilot.press("K")
        assert screen.is_current


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_a_failed_run_opens_with_its_last_words(size: tuple[int, int]) -> None:
    async with run_screen(RunState.FAILED, size) as (pilot, screen, _):
        await until(pilot, lambda: "last words: careful" in text_of(screen))
        assert "fitting wine" in text_of(screen)
        assert screen.log_view.has_focus


async def test_a_failed_run_of_which_nothing_arrived_says_what_its_program_did_not_do() -> None:
    session = FeedSession()
    session.run = replace(make_run(2, state=RunState.FAILED), host="")
    app = SweepApp(session)
    async with app.run_test(size=(100, 30)) as pilot:
        screen = RunScreen(session, make_sweep("wine-grid", config=CONFIG), session.run)
        await app.push_screen(screen)
        await until(pilot, lambda: "before it called wandb.init" in text_of(screen))
