"""The live view over a bundle: every panel reads, nothing can be steered, no server is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from textual.screen import Screen

from tests.ui.test_sweep_screen import text_of, until
from tests.unit.bundle.sweep_on_a_server import OneSweepServer, details_of
from tests.unit.exports.sweep_of_runs import RUNS, SWEEP
from trainer.states import RunState, SweepState
from tui.app import SweepApp
from tui.bundle_session import BundleSession
from tui.screens.export import ExportScreen
from tui.screens.run import RunScreen
from tui.screens.sweep import SweepScreen
from tui.start import OpenKnown


def links_of(screen: Screen[Any]) -> set[str | None]:
    """Return where the cells on the screen lead to (OSC 8)."""
    strips = screen._compositor.render_strips()
    return {segment.style.link for strip in strips for segment in strip if segment.style is not None}


async def test_a_bundle_opens_in_the_live_view_and_refuses_to_be_steered(tmp_path: Path) -> None:
    alive = replace(RUNS[2], state=RunState.RUNNING)
    server = OneSweepServer(replace(SWEEP, state=SweepState.RUNNING), [*RUNS[:2], alive], {})
    server.details = {run.id: details_of(run, f"hello from {run.id}") for run in RUNS}
    session = BundleSession(server.bundle(tmp_path / "w.sweep.zip"), tmp_path)
    app = SweepApp(session, OpenKnown(SWEEP.reference))
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, SweepScreen) and len(app.screen.feed.board.runs) == 3)
        screen = app.screen
        assert isinstance(screen, SweepScreen)
        await until(pilot, lambda: "0.9000" in text_of(screen))
        assert "bundle w.sweep.zip, no server" in text_of(screen)
        assert "http://127.0.0.1:1/me/wine/runs/r1" in links_of(screen)
        taken = screen.feed.elapsed_seconds(session.frozen_at)  # type: ignore[arg-type]
        assert taken == (session.bundle.made_at - RUNS[0].created_at).total_seconds()  # type: ignore[operator]
        for key in ("P", "S", "plus", "R"):
            app.clear_notifications()
            await pilot.press(key)
            await until(pilot, lambda: any("is a bundle" in each.message for each in app._notifications), key)
            assert app.screen is screen
        for steps, name in ((5, "runs-s1.csv"), (8, "report-s1.html"), (9, "report-s1.md")):
            await pilot.press("E")
            await until(pilot, lambda: isinstance(app.screen, ExportScreen))
            assert ".sweep.zip" not in text_of(app.screen).split("Take it along")[1]
            await pilot.press(*["j"] * steps, "enter")
            await until(pilot, (tmp_path / name).exists, name)
        assert "HYPERLINK" in (tmp_path / "runs-s1.csv").read_text()
        assert "<svg" in (tmp_path / "report-s1.html").read_text()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await until(pilot, lambda: "hello from r1" in text_of(app.screen))
        assert "http://127.0.0.1:1/me/wine/runs/r1" in links_of(app.screen)
        await pilot.press("escape", "escape")
        await until(pilot, lambda: "wine <grid>" in text_of(app.screen))
