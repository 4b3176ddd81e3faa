"""Runs in groups and ties, in the live view: by keys, by mouse, on a small terminal too."""

from __future__ import annotations

import pytest

from tests.ui.feed_session import make_run
from tests.ui.memory_session import make_sweep
from tests.ui.test_sweep_screen import sweep_screen, text_of, until
from trainer.events import RunsChanged, SweepChanged
from trainer.records import HistoryPoint, Json, RunRecord
from trainer.states import RunState, SweepState
from tui.grouping import is_group
from tui.widgets.pane_tabs import PaneTabs
from tui.widgets.runs_table import RunsTable

CONFIG: dict[str, Json] = {
    "method": "grid",
    "parameters": {"depth": {"values": [3, 5, 8]}, "seed": {"values": [0, 1, 2]}},
}
VALUES = (0.78, 0.797, 0.83, 0.80, 0.81, 0.822, 0.59, 0.60, 0.61)


def seeded() -> RunsChanged:
    runs = []
    for number in range(9):
        value = VALUES[number]
        runs.append(
            RunRecord(
                f"run{number}", f"rose-sweep-{number}", RunState.FINISHED,
                {"depth": (3, 5, 8)[number // 3], "seed": number % 3}, {"accuracy": value, "loss": 1 - value},
                curve=(HistoryPoint(1, {"accuracy": value}),),
            )
        )  # fmt: skip
    return RunsChanged(tuple(runs))


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_seeds_collapse_to_configurations_of_which_two_are_tied(size: tuple[int, int]) -> None:
    sweep = SweepChanged(make_sweep("wine-grid", config=CONFIG, state=SweepState.FINISHED))
    async with sweep_screen((sweep, seeded()), size) as (pilot, screen, session):
        await until(pilot, lambda: screen.feed.board.repeated_keys)
        # Where the line of keys has no room for it, it is in the palette behind `more`.
        assert "z" in screen.active_bindings and ("z Seeds" in text_of(screen) or "more" in text_of(screen))
        await pilot.press("z")
        await until(pilot, lambda: "=1" in text_of(screen), "the two that cannot be told apart share the first place")
        shown = text_of(screen)
        assert shown.count("▸ 3 runs") == 3 and "± 95 %" in shown and "P(best)" in shown
        if size[0] == 80:
            assert "2 tied · P(best)" in str(screen.query_one(PaneTabs).render())
        else:
            assert "2 configurations are tied for first; P(first is best)" in text_of(screen)
        # The luckiest run is of the other configuration; what is copied is of the one with the better mean.
        assert (screen.feed.board.best_id, screen.feed.board.chosen_id) == ("run2", "run5")
        assert screen.query_one("#best").border_title == "Best configuration, by its mean"
        if size[0] > 80:
            assert "0.0274  of 3 runs" in text_of(screen)
            assert "the best of them 0.8220: rose-sweep-5" in text_of(screen)
        await pilot.press("enter", "down")
        assert "▾ 3 runs" in text_of(screen) and screen.table.cursor_run_id == "run5"
        session.give(RunsChanged((make_run(99, 0.5),)))
        await until(pilot, lambda: "run99" in screen.feed.board.runs)
        assert screen.table.cursor_run_id == "run5"
        await pilot.press("left", "left")
        assert "▾" not in text_of(screen).replace("# ▾", "") and is_group(screen.table.board.lines[0])
        await pilot.press("M", "escape")
        assert sorted(screen.marked_ids) == ["run3", "run4", "run5"], "a group is marked with all its runs"
        await pilot.press("escape")


async def test_groups_by_any_keys_follow_what_is_typed_and_clicked() -> None:
    async with sweep_screen() as (pilot, screen, _):
        await pilot.press("g", *"depth")
        await until(pilot, lambda: "2 groups of 4 runs" in text_of(screen))
        await pilot.press(*", odd")
        await until(pilot, lambda: "No run has a key odd." in text_of(screen))
        await pilot.press("enter")
        assert screen.focused is screen.table
        table = screen.query_one(RunsTable)
        # One click on a group opens it; its runs open with two, as ever.
        await pilot.click(RunsTable, offset=(8, 2))
        await until(pilot, lambda: "▾ 2 runs" in text_of(screen))
        assert len(table.board.lines) == 4
        await pilot.press("g", "ctrl+u", *"state", "enter")
        await until(pilot, lambda: "✗ crashed" in text_of(screen) and "▸ 1 run" in text_of(screen))
        await pilot.press("s", "x")
        assert [line for line in table.board.lines if is_group(line)]
        await pilot.press("0")
        assert screen.feed.board.grouping is None and len(table.board.lines) == 4
        assert "Seeds" not in text_of(screen), "no seed varies"


async def test_the_front_of_two_metrics_is_marked_in_the_table() -> None:
    async with sweep_screen() as (pilot, screen, _):
        await pilot.press("o", *"loss maximize", "enter")
        # Accuracy and loss add up to one: whoever has more of one has less of the other, and all are on the front.
        await until(pilot, lambda: text_of(screen).count("◆") >= 4)
        assert "◆ 3 on the front of accuracy ↑ and loss ↑" in text_of(screen)
        await pilot.press("o", "ctrl+u", *"none such", "enter")
        assert screen.feed.board.front is not None, "what nobody logged changes nothing"
        await pilot.press("0")
        assert screen.feed.board.front is None


async def test_a_view_is_remembered_until_it_is_reset_and_any_key_may_be_the_seed() -> None:
    events = (SweepChanged(make_sweep("wine-grid", config=CONFIG, state=SweepState.FINISHED)), seeded())
    async with sweep_screen(events) as (pilot, screen, _):
        await until(pilot, lambda: screen._memory_file is not None and screen.feed.board.repeated_keys)
        await pilot.press("M", "Z", "ctrl+u", *"depth", "enter")
        await until(pilot, lambda: "3 groups of 9 runs" in text_of(screen))
        board = screen.feed.board
        assert board.grouping is not None and [key.path for key in board.grouping.keys] == ["seed"]
        await pilot.press("f", *"accuracy>0.1", "enter", "b")
        assert board.filter is not None
        (marked,) = screen.marked_ids
    async with sweep_screen(events) as (pilot, screen, _):
        await until(pilot, lambda: "3 groups of 9 of 9 runs · f: accuracy>0.1" in text_of(screen))
        board = screen.feed.board
        assert board.seeds.chosen == frozenset({"depth"}) and board.by == "last" and screen.marked_ids == [marked]
        (told,) = screen.app._notifications
        assert "groups by seed" in told.message and "0 resets the view." in told.message
        board.view.pinned.append("config:depth")
        await pilot.press("0")
        board = screen.feed.board
        assert (board.grouping, board.filter, board.seeds.chosen, board.by, screen.marked_ids) == (
            None, None, None, "best", [],
        )  # fmt: skip
        assert board.view.pinned, "columns are the project's: they go with a second one"
        await pilot.press("0")
        assert not board.view.pinned
    async with sweep_screen(events) as (pilot, screen, _):
        await until(pilot, lambda: screen._memory_file is not None and screen.feed.board.repeated_keys)
        assert not screen.looked_at()
