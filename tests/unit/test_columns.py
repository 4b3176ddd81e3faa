"""Columns of the leaderboard: chosen, moved, pinned, computed; rows ordered by several of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from trainer.records import HistoryPoint, Metric, RunRecord, SweepRecord, SweepReference
from trainer.states import RunState, SweepState
from trainer.tracking.leaderboard import leaderboard_columns
from tui.column_view import ColumnView, parse_view, read_view, view_file, write_view
from tui.columns import RANK, Column, ColumnKind
from tui.computed_columns import Computed, computed_of, parse_computed
from tui.leaderboard_model import LeaderboardModel
from tui.sorting import Level
from tui.table_layout import cell_of, lay_out, title_of
from tui.whole_histories import WholeHistories

LR, DEPTH = Column(ColumnKind.CONFIG, "lr", "lr"), Column(ColumnKind.CONFIG, "depth", "depth")
STATE = Column(ColumnKind.STATE, "state")


def a_board() -> LeaderboardModel:
    board = LeaderboardModel(Metric("loss"), ["lr", "depth"])
    values = [(1, 0.1, 3, 0.5), (2, 0.1, 5, 0.4), (3, 0.2, 3, 0.3), (4, 0.2, 5, None), (5, 0.1, 3, 0.6)]
    board.upsert(
        RunRecord(
            f"r{number}", f"rose-{number}", RunState.FINISHED, {"lr": lr, "depth": depth, "data": "wine"},
            {} if loss is None else {"loss": loss}, tags=("old",) if number == 2 else (), host="lab-7",
        )
        for number, lr, depth, loss in values
    )  # fmt: skip
    return board


def keys(board: LeaderboardModel) -> list[str]:
    return [column.key for column in board.columns]


def test_what_varies_comes_first_and_what_does_not_can_be_shown() -> None:
    board = a_board()
    assert keys(board) == ["rank", "name", "state", "metric", "config:lr", "config:depth", "duration"]
    named = {column.key: column for column in board.all_columns}
    assert {"config:data", "host", "created", "tags", "note"} <= named.keys()
    for key in ("config:data", "tags", "duration"):
        board.view.toggle(named[key], board.natural_columns)
    board.view_changed()
    assert keys(board)[-2:] == ["tags", "config:data"] and "duration" not in keys(board)
    assert board.cell("r2", named["tags"]) == "old" and cell_of(board, "r1", named["tags"]).text == "–"
    board.view.toggle(RANK, board.natural_columns)
    board.view_changed()
    assert keys(board)[0] == "rank", "the place and the name always stay"


def test_columns_move_and_pinned_ones_stay_beside_the_name() -> None:
    board = a_board()
    board.view.move(DEPTH, -1, board.all_columns)
    board.view_changed()
    assert keys(board)[4:6] == ["config:depth", "config:lr"]
    board.view.toggle_pin(LR)
    board.view_changed()
    assert keys(board)[:3] == ["rank", "name", "config:lr"]
    layout = lay_out(board, {}, 80, 2)
    assert layout.frozen == 3
    board.view.move(LR, 1, board.all_columns)
    assert keys(board)[2] == "config:lr", "a pinned one does not leave the pinned ones"
    board.view.widen(LR, 4, 8)
    board.view_changed()
    assert lay_out(board, {}, 80, 2).widths[2] == 12
    board.view.widths["name"] = 60
    assert lay_out(board, {}, 80, 2).frozen == 2, "what is pinned leaves room for the rest"


def test_choices_are_kept_and_a_broken_file_is_no_choice(tmp_path: Path) -> None:
    view = ColumnView({"tags": True}, ["config:lr"], ["config:lr"], {"name": 20}, True, ["min:loss"])
    path = view_file(tmp_path, "me", "a/b c")
    assert write_view(path, view.dump()) == ""
    assert read_view(path) == view
    assert read_view(tmp_path / "none") == ColumnView()
    for text in ("", "[]", "{}", '{"version": 1}', '{"version": 1, "shown": []}', view.dump()[:-9]):
        assert parse_view(text) == ColumnView()


def test_rows_are_ordered_by_several_columns_and_missing_values_come_last() -> None:
    board = a_board()
    board.set_sorts((Level(LR, True), Level(DEPTH)))
    assert list(board.rows) == ["r3", "r4", "r1", "r5", "r2"]
    loss = Column(ColumnKind.METRIC, "loss")
    board.set_sorts((Level(DEPTH), Level(loss, True)))
    assert list(board.rows) == ["r5", "r1", "r3", "r2", "r4"]
    titles = dict(zip(board.columns, lay_out(board, {}, 120, 2).titles, strict=True))
    assert titles[DEPTH] == "depth ▾1" and titles[loss] == "best loss ▴2"
    changed = RunRecord("r4", "rose-4", RunState.FINISHED, {"lr": 0.2, "depth": 1, "data": "wine"}, {"loss": 9.0})
    board.upsert([changed])
    assert board.rows[0] == "r4"


def test_runs_are_called_by_what_varies() -> None:
    board = a_board()
    board.view.parameter_names = True
    name = board.columns[1]
    assert cell_of(board, "r2", name).text == "lr 0.1 depth 5"
    assert title_of(name, board) == "run (its parameters)"


@pytest.mark.parametrize(
    ("words", "value", "title"),
    [
        ("min loss", 1.0, "min loss"),
        ("max loss", 4.0, "max loss"),
        ("last loss", 2.0, "last loss"),
        ("mean 2 loss", 1.5, "mean of last 2 loss"),
        ("MEAN loss", 2.5, "mean of last 5 loss"),
        ("mean 100 val/loss", None, "mean of last 100 val/loss"),
    ],
)
def test_values_are_computed_from_the_history(words: str, value: float | None, title: str) -> None:
    logged = [4.0, 3.0, float("nan"), 1.0, 2.0]
    history = [HistoryPoint(step, {"loss": each}) for step, each in enumerate(logged)] + [HistoryPoint(9, {"x": 1.0})]
    wanted = parse_computed(words)
    assert wanted is not None and wanted.value(history) == value and wanted.column.title == title
    assert computed_of(wanted.column.path) == wanted
    board = a_board()
    board.set_computed(wanted.column, {"r1": 0.25})
    assert board.columns[-1] == wanted.column and cell_of(board, "r1", wanted.column).text == "0.2500"
    board.set_computed(wanted.column, None)
    assert wanted.column not in board.columns


@pytest.mark.parametrize("words", ["", "loss", "median loss", "min", "mean 5"])
def test_other_words_compute_nothing(words: str) -> None:
    found = parse_computed(words)
    assert found is None or found == Computed("mean", "5", 5)


def test_values_of_long_histories_are_marked_until_every_row_was_read() -> None:
    ended = [
        RunRecord(
            f"r{n}", f"rose-{n}", RunState.FINISHED, summary={"loss": 1.0}, curve=(HistoryPoint(0, {"loss": 3.0}),) * 4
        )
        for n in range(7)
    ]
    short = RunRecord("short", "short", RunState.FINISHED, curve=(HistoryPoint(0, {"loss": 9.0}),))
    alive = dataclasses.replace(ended[0], id="alive", state=RunState.RUNNING)
    wanted = [Computed("min", "loss"), Computed("mean", "loss", 2)]
    read: list[list[str]] = []

    def whole(runs: Sequence[RunRecord]) -> dict[str, list[HistoryPoint]]:
        read.append([run.id for run in runs])
        return {
            run.id: [HistoryPoint(step, {"loss": value}) for step, value in enumerate((3.0, 0.5, 2.0, 4.0))]
            for run in runs
        }

    histories = WholeHistories()
    first, *later = histories.refined(wanted, [*ended, short, alive], 4, whole)
    assert first.estimated == {*(run.id for run in ended), "alive"} and first.values[wanted[0].column]["r0"] == 3.0
    assert first.values[wanted[0].column]["short"] == 9.0
    assert read == [["r0", "r1", "r2", "r3", "r4"], ["r5", "r6"]]
    assert [len(each.estimated) for each in later] == [3, 1] and later[-1].estimated == {"alive"}
    assert later[-1].values[wanted[0].column]["r6"] == 0.5 and later[-1].values[wanted[1].column]["r6"] == 3.0
    # What was read is known the next time, but for a run that has gone on since.
    resumed = dataclasses.replace(ended[3], duration_seconds=9.0)
    list(histories.refined(wanted, [*ended[:3], resumed], 4, whole))
    assert read[2:] == [["r3"]]
    board = a_board()
    column = wanted[0].column
    board.set_computed(column, {"r1": 0.25, "r2": 0.5}, frozenset(("r1",)))
    assert title_of(column, board) == "~min loss"
    assert [cell_of(board, run_id, column).text for run_id in ("r1", "r2")] == ["~0.2500", "0.5000"]


def test_where_runs_are_from_tells_no_configurations_apart() -> None:
    board = LeaderboardModel(Metric("loss"))
    board.upsert(
        RunRecord(
            f"r{number}",
            f"rose-{number}",
            RunState.FINISHED,
            {"lr": number / 10, "provenance": {"git_commit": f"c{number}", "git_branch": "main"}},
            {"loss": 1.0},
        )  # fmt: skip
        for number in (1, 2)
    )
    assert [column.path for column in board.varying_columns] == ["lr"]
    paths = [column.path for column in board.all_columns]
    assert "provenance.git_commit" in paths, "it can be shown all the same"
    assert leaderboard_columns(
        SweepRecord(SweepReference("e", "p", "s"), "s", SweepState.RUNNING, "grid", None, {}),
        tuple(board.runs.values()),
    ) == ["lr"]
