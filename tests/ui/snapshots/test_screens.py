"""How the finished screens look at three sizes, empty, loading, full and failing: as text, kept beside this file.

One app is resized between the pictures; it costs a tenth of an app for each. Colours are tested with the themes.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from syrupy.assertion import SnapshotAssertion

from tests.ui.feed_session import REFERENCE, FeedSession, a_sweep, make_agent, make_run
from tests.ui.memory_session import make_sweep
from tests.ui.snapshots.text_pictures import SIZES, look, text_of
from tests.ui.wait_for import wait_for
from trainer.errors import ServerLostError
from trainer.events import AgentsChanged, RunsChanged, ServerLost
from trainer.records import ConsoleLine, HistoryPoint, SweepRecord
from trainer.states import RunState, SweepState
from tui.app import SweepApp
from tui.messages import SweepOpenRequested
from tui.screens.curves import CurvesScreen
from tui.screens.run import RunScreen
from tui.screens.sweep import SweepScreen


class WaitingSession(FeedSession):
    """Lists sweeps when it is allowed to."""

    def __init__(self, cwd: Path) -> None:
        super().__init__(cwd=cwd)
        self.may_answer = threading.Event()

    def list_sweeps(self) -> list[SweepRecord]:
        assert self.may_answer.wait(20)
        return super().list_sweeps()


async def test_home(pictures: SnapshotAssertion, tmp_path: Path) -> None:
    session = WaitingSession(tmp_path)
    app = SweepApp(session)
    async with app.run_test(size=SIZES[0]) as pilot:
        await look(pilot, pictures, "loading", lambda: "embedded server" in text_of(pilot))
        session.may_answer.set()
        await look(pilot, pictures, "empty", lambda: "No sweeps yet" in text_of(pilot))
        session.sweeps = [
            make_sweep("wine-grid"),
            make_sweep("iris-bayes", state=SweepState.FINISHED, method="bayes", run_count=9),
            make_sweep("digits", state=SweepState.PAUSED, best_value=None, run_count=0),
            make_sweep("a-name-that-is-much-longer-than-any-column-could-be", state=SweepState.CANCELED),
        ]
        await pilot.press("r")
        await look(pilot, pictures, "full", lambda: "iris-bayes" in text_of(pilot))
        session.sweeps, session.failure = [], ServerLostError("The server at http://127.0.0.1:8123 does not answer.")
        await pilot.press("r")
        await look(pilot, pictures, "failing", lambda: "does not answer" in text_of(pilot))


async def test_the_live_view_and_what_it_opens(pictures: SnapshotAssertion, tmp_path: Path) -> None:
    session = FeedSession(cwd=tmp_path)
    app = SweepApp(session)
    async with app.run_test(size=SIZES[0]) as pilot:
        app.post_message(SweepOpenRequested(REFERENCE))
        await look(pilot, pictures, "loading", lambda: "Reading the sweep" in text_of(pilot))
        begun = datetime.now(UTC) - timedelta(minutes=12)
        session.give(a_sweep(run_count=0, run_count_expected=24, created_at=begun))
        await look(pilot, pictures, "empty", lambda: "0/24 runs" in text_of(pilot))
        runs = [make_run(number, 0.5 + number / 40) for number in range(1, 18)]
        runs += [make_run(18, state=RunState.FAILED), make_run(19, state=RunState.RUNNING)]
        session.run, session.history = runs[16], [
            HistoryPoint(step, {"accuracy": 0.9 - 0.5 / step, "loss": 1 / step}) for step in range(1, 31)
        ]  # fmt: skip
        session.console = [ConsoleLine(n, f"epoch {n} accuracy {0.9 - 0.5 / (n + 1):.3f}") for n in range(30)]
        session.give(
            a_sweep(run_count=19, run_count_expected=24, created_at=begun),
            RunsChanged(tuple(runs)),
            AgentsChanged(
                tuple(replace(each, run_started_at=begun) for each in (make_agent(0, "run19"), make_agent(1)))
            ),
        )
        await look(pilot, pictures, "full", lambda: "18/24 runs" in text_of(pilot) and "33%" in text_of(pilot))
        session.give(ServerLost("The server does not answer.", 300.0))
        await look(pilot, pictures, "failing", lambda: "Server away" in text_of(pilot))
        for key, name, words in (("C", "columns", "Columns"), ("E", "export", "Take it along")):
            await pilot.press(key)
            await look(pilot, pictures, name, lambda: words in text_of(pilot))  # noqa: B023
            await pilot.press("escape")
            await wait_for(pilot, lambda: isinstance(app.screen, SweepScreen))
        await pilot.press("M", "down", "M", "d")
        await look(pilot, pictures, "compare", lambda: "2 runs compared" in text_of(pilot))
        await pilot.press("escape")
        await wait_for(pilot, lambda: isinstance(app.screen, SweepScreen))
        await pilot.press("G")
        await wait_for(pilot, lambda: isinstance(app.screen, CurvesScreen))
        await look(pilot, pictures, "charts", lambda: "┤" in text_of(pilot))
        await pilot.press("escape")
        await wait_for(pilot, lambda: isinstance(app.screen, SweepScreen))
        await pilot.press("enter")
        await wait_for(pilot, lambda: isinstance(app.screen, RunScreen))
        await look(pilot, pictures, "run", lambda: "┤" in text_of(pilot))
