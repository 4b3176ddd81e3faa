"""What the live view says of the row under the cursor and the mouse, of a run that is not there yet, of lines asked."""

from __future__ import annotations

import math
from dataclasses import replace

from textual.widgets import Input

from tests.ui.feed_session import REFERENCE, FeedSession, a_sweep, make_run
from tests.ui.snapshots.text_pictures import text_of
from tests.ui.wait_for import wait_for
from trainer.events import RunsChanged
from trainer.states import RunState
from tui.app import SweepApp
from tui.messages import SweepOpenRequested
from tui.screens.run import RunScreen
from tui.screens.sweep import SweepScreen
from tui.widgets.runs_table import RunsTable

WHY = "early_terminate: at band 9: 0.41 is worse than 0.62"


async def test_enter_before_the_first_run_opens_it_when_it_comes_and_a_row_tells_why_it_was_stopped() -> None:
    session = FeedSession()
    session.run = make_run(2, 0.9)
    app = SweepApp(session)
    async with app.run_test(size=(80, 24), notifications=True, tooltips=True) as pilot:
        app.post_message(SweepOpenRequested(REFERENCE))
        await wait_for(pilot, lambda: isinstance(app.screen, SweepScreen))
        # Forgotten again, and nothing opens.
        await pilot.press("enter")
        await wait_for(pilot, lambda: "The first run opens" in text_of(pilot))
        await pilot.press("escape", "enter")
        session.give(a_sweep(), RunsChanged((make_run(2, 0.9),)))
        await wait_for(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.press("escape")
        await wait_for(pilot, lambda: isinstance(app.screen, SweepScreen))
        stopped = replace(make_run(3, 0.4, RunState.KILLED), name="検索" * 20, stop_reason=WHY)
        odd = replace(make_run(1), summary={"accuracy": math.nan})
        session.give(RunsChanged((stopped, odd)))
        await wait_for(pilot, lambda: "killed, band 9" in text_of(pilot))
        lines = [line for line in text_of(pilot).splitlines() if "finished" in line or "killed" in line]
        assert any(" nan " in line for line in lines), "a run that diverged is not one that said nothing"
        app.clear_notifications()
        await pilot.press("down")
        await wait_for(pilot, lambda: "stopped early at band 9: 0.41" in text_of(pilot))
        await pilot.resize_terminal(140, 40)
        await wait_for(pilot, lambda: "stopped early at band 9: 0.41 is worse than 0.62" in text_of(pilot))
        table = app.screen.query_one(RunsTable)
        await pilot.hover(table, offset=(9, 3))
        assert str(table.tooltip).splitlines()[0] == stopped.name and WHY.partition(": ")[2] in str(table.tooltip)
        await pilot.hover(table, offset=(9, 1))
        assert table.tooltip is None
        # A line with something in it still says what is asked, and a slash can be typed into it.
        await pilot.press("T")
        await wait_for(pilot, lambda: "tags of" in text_of(pilot))
        await pilot.press("slash")
        prompt = app.screen.query_one("#prompt", Input)
        assert prompt.value == "nightly/"
        await wait_for(pilot, lambda: "/ Metric" not in text_of(pilot))
