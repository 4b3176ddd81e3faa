"""New sweeps out of old ones: forked with the runs reused, narrowed by changes that are accepted one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList, Static

from tests.ui.memory_session import MemorySession, make_sweep
from tests.ui.wait_for import wait_for
from trainer.errors import ServerLostError
from trainer.records import Metric, RunRecord, SweepReference
from trainer.search.narrowing import Narrowing, narrowing
from trainer.states import RunState
from trainer.sweep.config import parse_sweep_text
from trainer.tracking.evaluated import evaluated
from tui.app import SweepApp
from tui.screens.builder_forking import REUSING
from tui.screens.diff import DiffScreen
from tui.screens.launch import LaunchScreen
from tui.screens.sweep_builder import SweepBuilderScreen
from tui.screens.sweeps import SweepsScreen

CONFIG: dict[str, Any] = {
    "name": "peaks",
    "method": "random",
    "run_cap": 60,
    "program": "tests/ui/wait_for.py",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {
        "lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1.0},
        "units": {"values": [16, 32, 64]},
        "act": {"values": ["relu", "tanh"]},
    },
}
GRID = {
    **CONFIG,
    "method": "grid",
    "parameters": {"units": {"values": [16, 32, 64]}, "act": {"values": ["relu", "tanh"]}},
}


class RunsSession(MemorySession):
    """A server whose sweeps have runs."""

    runs: tuple[RunRecord, ...] = ()

    def reusable_runs(self, reference: SweepReference) -> list[RunRecord]:
        return list(self.runs)

    def narrowing(self, sweep: Any) -> Narrowing:
        return narrowing(sweep.config, evaluated(self.runs, sweep.metric), sweep.metric.goal)


def session(config: dict[str, Any] = CONFIG, count: int = 60) -> RunsSession:
    made = RunsSession([make_sweep("peaks", config=config, metric=Metric("loss"), method=config["method"])], cwd=Path())
    made.runs = tuple(
        RunRecord(
            f"r{index}",
            f"run {index}",
            RunState.FINISHED,
            {"lr": 10 ** (-5 + 5 * index / 59), "units": [16, 32, 64][index % 3], "act": ["relu", "tanh"][index % 2]},
            {"loss": abs(-5 + 5 * index / 59 + 2.35) + (index % 2) * 3},
        )
        for index in range(count)
    )
    return made


async def sweep_in_sight(pilot: Pilot[Any]) -> None:
    """Wait until the list has the focus and a sweep: a key that comes before it is about nothing."""

    def is_there() -> bool:
        home = pilot.app.screen
        return isinstance(home, SweepsScreen) and home.sweep_to_derive() is not None

    await wait_for(pilot, is_there)
    await wait_for(pilot, lambda: pilot.app.screen.query("#sweeps").first().has_focus)


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_narrowing_is_reviewed_change_by_change_and_is_one_step_in_the_builder(size: tuple[int, int]) -> None:
    app = SweepApp(session())
    async with app.run_test(size=size) as pilot:
        await sweep_in_sight(pilot)
        await pilot.press("N")
        await wait_for(pilot, lambda: isinstance(app.screen, DiffScreen) and bool(app.screen.query(OptionList)))
        screen = app.screen
        assert isinstance(screen, DiffScreen)
        await wait_for(pilot, lambda: screen.options.option_count == 3)
        assert [change.name for change in screen.changes] == ["act", "lr", "method"]
        assert "the best 12 of 60 runs lie in" in screen.changes[1].reason
        difference = screen.query_one("#difference", Static)
        assert "-  act:" in str(difference.render()) or "-    values: [relu, tanh]" in str(difference.render())
        await pilot.press("space")
        await wait_for(pilot, lambda: "tanh" not in str(difference.render()).replace("values: [relu, tanh]", ""))
        assert screen.accepted == {("lr",), ("method",)}
        await pilot.press("a", "a", "a", "space")
        assert len(screen.accepted) == 2
        await pilot.press("enter")
        await wait_for(pilot, lambda: isinstance(app.screen, SweepBuilderScreen))
        builder = app.screen
        assert isinstance(builder, SweepBuilderScreen)
        await wait_for(pilot, lambda: builder.document.config()["method"] == "bayes")
        parameters: Any = builder.document.config()["parameters"]
        assert parameters["act"] == CONFIG["parameters"]["act"]
        assert parameters["lr"]["max"] < 0.5
        await pilot.press("ctrl+z")
        await wait_for(pilot, lambda: builder.document.config() == CONFIG)


async def test_of_too_few_runs_it_is_said_and_nothing_opens() -> None:
    app = SweepApp(session(count=4))
    async with app.run_test() as pilot:
        home = app.screen
        await sweep_in_sight(pilot)
        await pilot.press("N")
        await wait_for(pilot, lambda: any("Too few runs" in each.message for each in app._notifications))
        assert app.screen is home


async def test_a_fork_says_what_is_left_while_it_is_edited_and_names_its_source_at_the_launch() -> None:
    app = SweepApp(session(GRID, count=4))
    async with app.run_test(size=(120, 36)) as pilot:
        await sweep_in_sight(pilot)
        await pilot.press("F")
        await wait_for(pilot, lambda: isinstance(app.screen, SweepBuilderScreen))
        builder = app.screen
        assert isinstance(builder, SweepBuilderScreen)
        line = builder.query_one("#reuse-line", Static)
        await wait_for(pilot, lambda: "2 left of 6 · 4 already run  (local/wine/peaks)" in str(line.render()))
        count = builder.query_one("#count", Static)
        await wait_for(pilot, lambda: str(count.render()).startswith("2 runs"))
        assert "minus 4 already run" in str(count.render())
        await pilot.press("ctrl+l")
        await wait_for(pilot, lambda: isinstance(app.screen, LaunchScreen) and app.focused is not None)
        sentence = app.screen.query_one("#launch-sentence", Static)
        await wait_for(pilot, lambda: "2 runs, " in str(sentence.render()))
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.screen is builder)
        config = builder.document.config()
        builder.apply_config(
            config | {"parameters": {"units": {"values": [16, 32, 64, 128]}, "act": {"values": ["relu", "tanh"]}}},
            "more",
        )
        await wait_for(pilot, lambda: "4 left of 8 · 4 already run" in str(line.render()))
        await wait_for(pilot, lambda: str(count.render()).startswith("4 runs"))
        assert "#: reuse the runs of local/wine/peaks" in builder.document.text
        assert builder.reused == SweepReference("local", "wine", "peaks")

        # A worker may end when a file was opened that reuses nothing.
        builder.document.replace_text("method: grid\nparameters: {a: {values: [1]}}\n")
        await builder.show_document()
        assert not line.display
        builder.post_message(builder.LeftCounted(SweepReference("local", "wine", "peaks"), "too late"))
        await pilot.pause()
        assert not line.display


async def test_runs_that_cannot_be_read_are_not_asked_for_at_every_pause_in_typing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[SweepReference] = []

    def refuse(_: RunsSession, reference: SweepReference) -> list[RunRecord]:
        asked.append(reference)
        raise ServerLostError("No answer.")

    monkeypatch.setattr(RunsSession, "reusable_runs", refuse)
    app = SweepApp(session(GRID))
    async with app.run_test(size=(120, 36)) as pilot:
        text = "method: grid\n#: reuse the runs of local/wine/peaks\nparameters: {units: {values: [16, 32]}}\n"
        builder = SweepBuilderScreen(app.session, parse_sweep_text(text, "x").config, None, text)
        await app.push_screen(builder)
        line = builder.query_one("#reuse-line", Static)
        await wait_for(pilot, lambda: "cannot be read: No answer." in str(line.render()))
        for _ in range(3):
            builder.show_preview()
            await wait_for(pilot, lambda: all(each.is_finished for each in app.workers if each.group == REUSING))
        assert len(asked) == 1
        monkeypatch.setattr("tui.screens.builder_forking.RETRY_SECONDS", -1.0)
        builder.show_preview()
        await wait_for(pilot, lambda: len(asked) == 2)
