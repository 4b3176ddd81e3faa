from __future__ import annotations

import dataclasses

import pytest
from rich.style import Style

from tests.unit.test_feeds import feed_of, make_run
from trainer.records import Metric, RunRecord
from trainer.states import RunState
from tui.chart_picture import legend_entry
from tui.chart_series import ChartSeries, progress_series
from tui.columns import NAME, RANK, ColumnKind
from tui.feeds import SweepProgress
from tui.table_layout import NO_MARK, cell_of, lay_out
from tui.table_lines import MARK_WIDTH, LinePainter, Row
from tui.widgets.sweep_summary import bar_cells

METRIC = Metric("accuracy", "maximize")


def progress(finished: int = 0, failed: int = 0, running: int = 0, expected: int | None = None) -> SweepProgress:
    return SweepProgress(finished + failed, running, 0, finished, failed, 0, expected)


@pytest.mark.parametrize("width", [1, 4, 10, 57, 200])
@pytest.mark.parametrize(
    "counts",
    [progress(), progress(3, 1, 2, 9), progress(100_000, 1, 1, 100_002), progress(5, expected=3), progress(0, 0, 7)],
)
def test_a_bar_is_exactly_as_wide_as_asked(width: int, counts: SweepProgress) -> None:
    cells = bar_cells(counts, width)
    assert sum(count for _, count in cells) == width
    assert all(count >= 0 for _, count in cells)


def test_one_failure_among_many_runs_is_visible() -> None:
    assert dict(bar_cells(progress(9_000, 1, 0, 100_000), 50))["bad"] == 1


def test_a_full_bar_has_nothing_left() -> None:
    assert dict(bar_cells(progress(8, 1, 0, 9), 40))["left"] == 0


def test_columns_give_up_titles_before_they_scroll() -> None:
    runs = [make_run(number, 0.5, depth=number, minimum_samples_per_leaf=number) for number in range(3)]
    board = feed_of(runs).board
    widths = {column: 8 for column in board.columns}
    wide, narrow, tiny = (lay_out(board, widths, available, 2) for available in (200, 80, 30))
    assert wide.titles[3] == "best accuracy" and narrow.titles[3] == "accuracy"
    assert wide.width <= 200 and narrow.width <= 80 < tiny.width + 50
    assert any(title.endswith("…") for title in narrow.titles)
    assert wide.columns[: wide.frozen] == (RANK, NAME)
    assert wide.column_at(0) is None and wide.column_at(wide.width) is None
    assert wide.column_at(wide.starts[2]) == wide.columns[2]


def test_a_nested_key_keeps_its_last_part() -> None:
    runs = [make_run(number, 0.5, optimizer={"schedule": {"learning_rate": number}}) for number in range(2)]
    board = feed_of(runs).board
    titles = lay_out(board, {}, 40, 2).titles
    assert "learning_rate" in titles


def test_cells_say_what_is_missing_and_mark_the_best() -> None:
    board = feed_of([make_run(1, 0.5), make_run(2, 0.9), make_run(3, state=RunState.CRASHED)]).board
    metric = next(column for column in board.columns if column.kind is ColumnKind.METRIC)
    state = next(column for column in board.columns if column.kind is ColumnKind.STATE)
    assert cell_of(board, "run2", metric).look == "best"
    assert cell_of(board, "run1", metric).look == "value"
    assert cell_of(board, "run3", metric).text == "–"
    assert cell_of(board, "run3", RANK).text == "–"
    assert (cell_of(board, "run3", state).text, cell_of(board, "run3", state).look) == ("✗ crashed", "bad")


def test_the_best_so_far_rises_in_steps_and_never_falls() -> None:
    board = feed_of([make_run(number, value) for number, value in enumerate((0.5, 0.4, 0.7, 0.6))]).board
    best, each = progress_series(list(board.runs.values()), board.values(), METRIC, "#111111", "#222222")
    assert best.points == ((1, 0.5), (3, 0.5), (3, 0.7), (4, 0.7))
    assert [y for _, y in each.points] == [0.5, 0.4, 0.7, 0.6]


def test_a_run_that_logs_no_finite_value_is_not_on_the_way() -> None:
    board = feed_of(
        [make_run(1, 0.5), RunRecord("x", "x", RunState.FINISHED, summary={"accuracy": float("nan")})]
    ).board
    best, each = progress_series(list(board.runs.values()), board.values(), METRIC, "#111111", "#222222")
    assert len(each.points) == 1 and best.points == ((1, 0.5),)


def test_columns_come_in_the_order_of_what_people_look_for() -> None:
    summary = {"accuracy": 0.9, "best_accuracy": 0.9, "loss": 0.2, "best_loss": 0.1, "best_guess": 3}
    runs = [
        dataclasses.replace(make_run(number, 0.5, depth=number, optimizer="adam", other=number), summary=summary)
        for number in range(2)
    ]
    titles = [column.title for column in feed_of(runs).board.columns]
    assert titles[:4] == ["#", "run", "state", "accuracy"]
    assert titles[-3:] == ["time", "loss", "best_guess"], "the best value of a metric that is shown needs no column"
    assert set(titles[4:-3]) == {"depth", "optimizer.lr", "other"}


def test_whole_numbers_are_whole_in_the_legend() -> None:
    points = ((1.0, 1.0), (2.0, 29.0))
    assert legend_entry(ChartSeries("1", "epochs", "#ff0000", points), 0, Style()).plain == "1 epochs 29"
    one = ChartSeries("1", "accuracy", "#ff0000", ((1.0, 1.0),))
    assert legend_entry(one, 0, Style()).plain == "1 accuracy 1.0000"


def test_a_number_is_shown_whole_or_not_at_all() -> None:
    summary = {f"metric_{number}": 30 + number for number in range(6)}
    board = feed_of([dataclasses.replace(make_run(1, 0.5), summary=summary)]).board
    layout = lay_out(board, {column: 10 for column in board.columns}, 60, MARK_WIDTH)
    row = Row(tuple(cell_of(board, board.rows[0], column) for column in layout.columns), NO_MARK, is_cursor=False)
    assert layout.width > 70
    for width in range(layout.frozen_width + max(layout.widths), layout.width + 1):
        for shift in range(0, layout.width - width + 1, 3):
            painter = LinePainter(layout, width, shift, lambda _: Style())
            line = painter.row(row, Style()).text
            assert len(line) == width
            numbers = line[layout.frozen_width :].replace("✓", "").replace("finished", "").split()
            assert {word for word in numbers if word[0].isdigit()} <= {cell.text for cell in row.cells}
