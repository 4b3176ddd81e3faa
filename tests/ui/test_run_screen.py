from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from tests.ui.feed_session import CONFIG, FeedSession, make_run
from tests.ui.memory_session import make_sweep
from tests.ui.test_sweep_screen import until
from trainer.errors import ServerLostError
from trainer.records import ConsoleLine, HistoryPoint
from trainer.run_contents import RunArtifact, RunFile, RunOrigin
from trainer.states import RunState
from tui import console_window
from tui.app import SweepApp
from tui.screens import run_console
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


def text_of(screen: Screen[Any]) -> str:
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
        await until(pilot, lambda: "one more line" in text_of(screen) and len(screen.history) == 9)
        assert [row.step for row in screen.history] == list(range(1, 10))
        assert len(screen.console.view.lines) == 3


async def test_a_long_log_shows_its_end_first_and_the_rest_where_the_user_goes_or_searches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_console, "BACKGROUND_LINES", 1_000)
    monkeypatch.setattr(console_window, "PAGE_LINES", 1_000)
    async with run_screen() as (pilot, screen, session):
        session.console = [ConsoleLine(number, f"step {number} of it") for number in range(9_000)]
        await pilot.press("4")
        view = screen.console.view
        await until(pilot, lambda: "step 8999 of it" in text_of(screen) and len(view.lines) == 1_500)
        assert "● following   the last 1,500 of 9,000 lines" in text_of(screen)
        view.action_follow(False)
        view.scroll_to(y=100, animate=False, immediate=True)
        await until(pilot, lambda: "step 7600 of it" in text_of(screen))
        view.action_scroll(-70)
        await until(pilot, lambda: len(view.lines) == 2_500)
        await until(pilot, lambda: "step 7530 of it" in text_of(screen))
        await pilot.press("g")
        await until(pilot, lambda: "step 0 of it" in text_of(screen))
        assert "the first" in text_of(screen) and "of 9,000 lines, G for the last" in text_of(screen)
        await pilot.press("G")
        await until(pilot, lambda: "step 8999 of it" in text_of(screen) and view.follows)
        await pilot.press("slash", *"P 12", "enter")
        await until(pilot, lambda: len(view.lines) == 9_000 and "“p 12” 111 of 111" in text_of(screen))
        assert "step 1299 of it" in text_of(screen)
        await pilot.press("n", "n", "N")
        await until(pilot, lambda: "110 of 111" in text_of(screen))
        session.console = [*session.console, ConsoleLine(9_000, "step 12 again")]
        await until(pilot, lambda: "110 of 112" in text_of(screen))


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
        assert all(chart.log_y for chart in screen.curves.charts)


async def test_a_server_that_is_away_is_said_and_tried_again() -> None:
    async with run_screen() as (pilot, screen, session):
        await until(pilot, lambda: len(screen.history) == 8)
        session.failure = ServerLostError("http://127.0.0.1:1 did not answer.")
        await until(pilot, lambda: "did not answer" in text_of(screen))
        session.failure = None
        await until(pilot, lambda: "did not answer" not in text_of(screen))


@pytest.mark.parametrize("size", [(80, 24), (3, 2)])
async def test_small_terminals_show_one_tab_at_a_time_and_read_it_when_it_is_shown(size: tuple[int, int]) -> None:
    async with run_screen(size=size) as (pilot, screen, session):
        await until(pilot, lambda: len(screen.history) == 8)
        assert session.contents_read == []
        tabs = (("2", "system"), ("3", "files"), ("4", "log"), ("5", "facts"), ("6", "origin"))
        for key, pane in tabs:
            await pilot.press(key)
            assert screen.front == pane
        await until(
            pilot, lambda: {"system", "files", "console", "origin", "named files"} <= set(session.contents_read)
        )
        await pilot.press("right_square_bracket")
        assert screen.front == "curves"
        await pilot.press("left_square_bracket")
        assert screen.front == "origin"


async def test_stopping_a_run_asks_first_and_a_finished_one_cannot_be_stopped() -> None:
    async with run_screen() as (pilot, screen, _):
        await pilot.press("K")
        await until(pilot, lambda: isinstance(screen.app.screen, ConfirmScreen))
        await pilot.press("n", "F")
        assert screen.is_current
    async with run_screen(RunState.FINISHED) as (pilot, screen, _):
        await pilot.press("K")
        assert screen.is_current


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_a_failed_run_opens_with_its_last_words(size: tuple[int, int]) -> None:
    async with run_screen(RunState.FAILED, size) as (pilot, screen, _):
        await until(pilot, lambda: "last words: careful" in text_of(screen))
        assert "fitting wine" in text_of(screen)
        assert screen.console.view.has_focus


async def test_a_failed_run_of_which_nothing_arrived_says_what_its_program_did_not_do() -> None:
    session = FeedSession()
    session.run = replace(make_run(2, state=RunState.FAILED), host="")
    app = SweepApp(session)
    async with app.run_test(size=(100, 30)) as pilot:
        screen = RunScreen(session, make_sweep("wine-grid", config=CONFIG), session.run)
        await app.push_screen(screen)
        await until(pilot, lambda: "before it called wandb.init" in text_of(screen))


async def test_system_metrics_are_charts_by_quantity_with_a_curve_per_device() -> None:
    async with run_screen() as (pilot, screen, session):
        session.system = [
            HistoryPoint(step, {"cpu": 10.0 * step, "gpu.0.gpu": 50, "gpu.1.gpu": 60 + step}, 15.0 * step)
            for step in range(1, 5)
        ]
        await pilot.press("2")
        await until(pilot, lambda: "GPU, %" in text_of(screen) and "CPU of the program, %" in text_of(screen))
        assert [len(chart._picture.content.series) for chart in screen.system.charts[:2]] == [1, 2]


async def test_files_are_listed_looked_at_and_brought_here(tmp_path: Path) -> None:
    async with run_screen(RunState.FINISHED) as (pilot, screen, session):
        session.cwd = tmp_path
        session.contents = {"diff.patch": b"diff --git a/x b/x\n-old\n+new\n", "model.bin": b"\0" * 64}
        session.files = [RunFile("diff.patch", 31, "http://x/1"), RunFile("../evil.sh", 1, "http://x/2")]
        model = RunArtifact("model", "v0", "model", 64, 1, ("best",))
        session.artifacts = {model: [RunFile("model.bin", 64, "http://x/3"), RunFile("data", 9, "s3://b/data")]}
        await pilot.press("3")
        await until(pilot, lambda: "model:v0  best" in text_of(screen) and "diff.patch" in text_of(screen))
        await pilot.press("enter")
        await until(pilot, lambda: "+new" in text_of(screen.app.screen))
        await pilot.press("slash", *"old", "enter")
        await until(pilot, lambda: "1 of 1" in text_of(screen.app.screen))
        await pilot.press("escape", "escape", "down", "w", "enter")
        await until(pilot, lambda: "outside of" in text_of(screen))
        await pilot.press("end", "enter")
        await until(pilot, lambda: "s3://b/data" in text_of(screen))
        await pilot.press("w", "enter")
        target = tmp_path / "downloads" / "model-v0" / "model.bin"
        await until(pilot, lambda: "✓ 1 file, 64 B" in text_of(screen))
        assert target.read_bytes() == b"\0" * 64
        target.write_bytes(b"mine")
        await pilot.press("w", "enter")
        await until(pilot, lambda: isinstance(screen.app.screen, ConfirmScreen))
        await pilot.press("n")
        assert target.read_bytes() == b"mine"


async def test_where_a_run_comes_from_is_shown_copied_and_written(tmp_path: Path) -> None:
    async with run_screen(RunState.FINISHED) as (pilot, screen, session):
        session.cwd = tmp_path
        session.origin = RunOrigin(
            "/lab/train.py", ("--depth=3", "--lr=1e-3"), "/lab/.venv/bin/python", "train.py", "train.py",
            "git@github.com:me/lab.git", "0a1b2c3d", "lab-7", wandb_version="0.31.0",
        )  # fmt: skip
        session.contents = {"diff.patch": b"diff --git a/x b/x\n-old\n+new\n"}
        session.files = [RunFile("diff.patch", 31, "http://x/1")]
        screen.environ = {"TERM": "xterm"}
        await pilot.press("c")
        await until(pilot, lambda: "git checkout 0a1b2c3d" in screen.app.clipboard)
        assert "git apply diff.patch" in screen.app.clipboard
        await pilot.press("6")
        await until(pilot, lambda: "git checkout 0a1b2c3d" in text_of(screen))
        assert "+new" in text_of(screen)
        await pilot.press("w")
        await until(pilot, lambda: (tmp_path / "reproduce-run2.sh").exists())
        await pilot.press("D")
        await until(pilot, lambda: screen.app.screen is not screen and "+new" in text_of(screen.app.screen))


async def test_a_run_is_tagged_noted_and_deleted_where_it_is_shown() -> None:
    async with run_screen(RunState.FINISHED) as (pilot, screen, session):
        await until(pilot, lambda: screen.was_read)
        await pilot.press("T", *", good", "enter")
        await until(pilot, lambda: ("run2", ("nightly", "good")) in session.changed)
        await pilot.press("t", *"look again", "enter")
        await until(pilot, lambda: "look again" in text_of(screen))
        await pilot.press("G")
        await until(pilot, lambda: screen.app.screen is not screen and "2 metrics" in text_of(screen.app.screen))
        await pilot.press("escape", "delete")
        await until(pilot, lambda: isinstance(screen.app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: session.deleted == ["run2"] and screen not in screen.app.screen_stack)
