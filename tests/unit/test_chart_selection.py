from __future__ import annotations

from tui.chart_colors import COLORBLIND_DARK, DARK
from tui.chart_selection import HIDDEN, ChartSelection

RANKED = [f"run{number}" for number in range(30)]


def anything(_: str) -> bool:
    return True


def test_the_best_runs_are_drawn_in_colours_of_their_own() -> None:
    selection = ChartSelection()
    assert selection.update(RANKED, anything)
    assert selection.drawn == RANKED[:10]
    assert len({selection.color(run_id, DARK) for run_id in selection.drawn}) == 10
    assert not selection.update(RANKED, anything)
    marks = selection.marks(COLORBLIND_DARK)
    assert len({mark.glyph for mark in marks.values()}) == len({mark.color for mark in marks.values()}) == 10


def test_a_run_keeps_its_colour_while_ranks_change() -> None:
    selection = ChartSelection()
    selection.update(RANKED, anything)
    before = {run_id: selection.color(run_id, DARK) for run_id in selection.drawn}
    selection.update(["new", *RANKED], anything)
    assert selection.drawn[0] == "new"
    assert all(selection.color(run_id, DARK) == before[run_id] for run_id in selection.drawn[1:])


def test_a_hidden_run_makes_room_and_an_added_one_takes_it() -> None:
    selection = ChartSelection(limit=3)
    selection.update(RANKED, anything)
    assert not selection.toggle("run0")
    selection.update(RANKED, anything)
    assert selection.drawn == ["run1", "run2", "run3"]
    assert selection.marks(DARK)["run0"].glyph == HIDDEN
    assert selection.toggle("run20")
    selection.update(RANKED, anything)
    assert selection.drawn == ["run1", "run2", "run20"]
    selection.reset()
    selection.update(RANKED, anything)
    assert selection.drawn == ["run0", "run1", "run2"]


def test_runs_without_a_value_are_not_drawn() -> None:
    selection = ChartSelection()
    selection.update(RANKED, lambda run_id: run_id in RANKED[:2])
    assert selection.drawn == RANKED[:2]


def test_more_runs_added_than_there_is_room_keeps_the_last_ones() -> None:
    selection = ChartSelection(limit=2)
    selection.update(RANKED, anything)
    for run_id in ("run7", "run8", "run9"):
        selection.toggle(run_id)
        selection.update(RANKED, anything)
    assert selection.drawn == ["run8", "run9"]
