"""Plain text on every main screen: nothing but ASCII and what the user wrote, and a line that says where one is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input

from tests.ui.feed_session import REFERENCE, FeedSession, a_sweep, make_agent, make_run
from tests.ui.memory_session import make_sweep
from tests.ui.wait_for import wait_for
from trainer.events import AgentsChanged, RunsChanged
from trainer.records import ConsoleLine, HistoryPoint
from trainer.states import RunState, SweepState
from tui.announcing import Announcement
from tui.app import SweepApp
from tui.looks import Looks
from tui.messages import SweepOpenRequested
from tui.screens.curves import CurvesScreen
from tui.screens.help import HelpScreen
from tui.screens.preview import PreviewScreen
from tui.screens.run import RunScreen
from tui.screens.sweep import SweepScreen
from tui.screens.sweep_builder import SweepBuilderScreen

PLAIN = Looks("sweep-dark", plain=True)
WRITTEN = "größte-Ölmühle-検索"
"""What the user wrote stays as it is."""


def lines(app: App[None]) -> list[str]:
    return [strip.text.rstrip() for strip in app.screen._compositor.render_strips()]


def said(app: App[None]) -> str:
    return " ".join(line.words for line in app.screen.query(Announcement))


def shown_in_plain(app: App[None]) -> str:
    """Return the screen, which must be plain."""
    shown = "\n".join(lines(app))
    odd = {
        sign for sign in shown.replace(WRITTEN, "") if not sign.isascii() or not (sign.isprintable() or sign == "\n")
    }
    assert odd == set(), shown
    return shown


async def plain_screen(pilot: Pilot[None], words: str = "", announced: str = "") -> str:
    """Wait until the screen shows and says what it should, and return it; it must be plain."""
    app = pilot.app
    shows: Callable[[], bool] = lambda: announced in said(app) and words in "\n".join(lines(app))  # noqa: E731
    await wait_for(pilot, shows)
    return shown_in_plain(app)


async def test_home_help_and_palette_in_plain_text() -> None:
    sweeps = [make_sweep(WRITTEN), make_sweep("iris", state=SweepState.FINISHED), make_sweep("x", best_value=None)]
    app = SweepApp(FeedSession(), looks=PLAIN)
    assert isinstance(app.session, FeedSession)
    app.session.sweeps = sweeps
    async with app.run_test(size=(84, 24)) as pilot:
        await plain_screen(pilot, "ctrl+n New sweep", f"sweeps: {WRITTEN}, * running")
        assert "3 sweeps" in await plain_screen(pilot, "+ finished")
        await pilot.press("down")
        await plain_screen(pilot, "iris", "sweeps: iris, + finished")
        await pilot.press("question_mark")
        await wait_for(pilot, lambda: isinstance(app.screen, HelpScreen))
        # Nothing of the screen behind stands beside the dialog.
        shown = await plain_screen(pilot, "Build a new sweep")
        assert "iris" not in shown
        await pilot.press("escape", "ctrl+p")
        await plain_screen(pilot, "Open a sweep file", "Filter")
        await pilot.press("escape")
        app.choose_plain(False)
        await wait_for(
            pilot, lambda: "●" in "\n".join(lines(app)) and not app.screen.query("Announcement:blur").first().display
        )


async def test_the_live_view_a_run_and_charts_in_plain_text() -> None:
    session = FeedSession()
    runs = [make_run(number, 0.5 + number / 20) for number in range(1, 8)]
    session.give(
        a_sweep(run_count=8, run_count_expected=9),
        RunsChanged((*runs, make_run(8, state=RunState.FAILED))),
        AgentsChanged((make_agent(0, "run1"), make_agent(1))),
    )
    session.run, session.history = runs[6], [HistoryPoint(s, {"accuracy": s / 20, "loss": 1 / s}) for s in range(1, 15)]
    session.console = [ConsoleLine(0, f"{WRITTEN} step 1"), ConsoleLine(1, "worse", True)]
    app = SweepApp(session, looks=PLAIN)
    async with app.run_test(size=(140, 36)) as pilot:
        app.post_message(SweepOpenRequested(REFERENCE))
        await wait_for(pilot, lambda: isinstance(app.screen, SweepScreen))
        shown = await plain_screen(pilot, "! failed", "Runs: *, 1, rose-sweep-7, + finished, 0.8500")
        assert "[1 Runs]" in shown and "8/9 runs" in shown
        await pilot.press("2")
        await plain_screen(
            pilot, "1 rose-sweep-7: from 0.1700 to 0.8500 over 5 points, lowest 0.1700 at 1, highest 0.8500 at 5"
        )
        for key, words in (("3", "depth"), ("4", "waiting"), ("1", "[1 Runs]")):
            await pilot.press(key)
            await plain_screen(pilot, words)
        await pilot.press("G")
        await wait_for(pilot, lambda: isinstance(app.screen, CurvesScreen))
        await plain_screen(pilot, "1 rose-sweep-7: from")
        await pilot.press("escape")
        await wait_for(pilot, lambda: isinstance(app.screen, SweepScreen))
        await pilot.press("enter")
        await wait_for(pilot, lambda: isinstance(app.screen, RunScreen))
        await plain_screen(pilot, "over 14 points")
        await pilot.press("4")
        await plain_screen(pilot, f"{WRITTEN} step 1")


async def test_builder_and_preview_in_plain_text(tmp_path: Path) -> None:
    app = SweepApp(FeedSession(cwd=tmp_path), looks=PLAIN)
    async with app.run_test(size=(112, 24)) as pilot:
        await pilot.press("ctrl+n")
        await wait_for(pilot, lambda: isinstance(app.screen, SweepBuilderScreen))
        screen = app.screen
        assert isinstance(screen, SweepBuilderScreen)
        shown = await plain_screen(pilot, "[Parameters]", "parameter tree: * dataset, wine, constant")
        assert "method: grid" not in shown
        await screen.go_to("parameters.n_estimators")
        await plain_screen(pilot, "50: 33 %")
        await screen.go_to("name")
        await wait_for(pilot, lambda: isinstance(screen.focused, Input))
        await plain_screen(pilot, "[Search]", "name: wine-forest")
        await screen.show_section("section-program")
        await plain_screen(pilot, "first run")
        await pilot.press("f6")
        await wait_for(pilot, lambda: isinstance(app.screen, PreviewScreen))
        await plain_screen(pilot, "random_forest", "1, 2, 50, wine")
