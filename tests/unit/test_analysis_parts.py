"""The analysis as values: axes and brushes, lines in braille, boxes and heat maps, what the tabs show."""

from __future__ import annotations

import math

import pytest

from tests.unit.insight.synthetic import PARAMETERS, a_run, a_sweep, peaked_runs
from trainer.insight.features import RunTable, run_table
from trainer.insight.marginals import box_of, heat_map
from trainer.insight.report import insight_of
from trainer.records import Goal, Json, Metric
from tui.analysis_lines import slice_content
from tui.analysis_shaping import Axes, shape_of
from tui.box_lines import box_lines, heat_lines
from tui.chart_colors import DARK
from tui.parallel_axes import ABSENT, axes_of, kept_places
from tui.parallel_canvas import LinesRequest, axis_columns, draw_lines

RUNS = peaked_runs(60)
NAMES = ["lr", "optimizer", "momentum"]


def a_table(goal: Goal = "minimize") -> RunTable:
    parameters: dict[str, Json] = {**PARAMETERS, "momentum": {"min": 0.0, "max": 1.0}}
    return run_table(a_sweep(parameters, goal), RUNS, Metric("loss", goal), "last")


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_axes_keep_the_scale_of_the_space_and_the_best_is_on_top(goal: Goal) -> None:
    table = a_table(goal)
    lr, optimizer, momentum, metric = axes_of(table, NAMES)
    assert metric.positions[table.order[0]] == 1.0 and metric.positions[table.order[-1]] == 0.0
    magnitudes = [math.log10(float(str(run.config["lr"]))) for run in RUNS]
    low, high = min(magnitudes), max(magnitudes)
    assert lr.positions == pytest.approx([(magnitude - low) / (high - low) for magnitude in magnitudes])
    assert float(lr.text_at(0.5)) == pytest.approx(10 ** ((low + high) / 2), rel=0.01)
    assert {optimizer.text_at(position) for position in optimizer.positions} == {"adam", "sgd"}
    absent = [place for place, run in enumerate(RUNS) if "momentum" not in run.config]
    assert [place for place, position in enumerate(momentum.positions) if position == ABSENT] == absent


def test_brushes_keep_the_runs_that_a_filter_would_keep() -> None:
    axes = axes_of(a_table(), NAMES)
    kept = kept_places(axes, {"lr": (0.25, 0.5), "optimizer": (0.75, 1.0)})
    low, high = (10 ** (axes[0].low + share * (axes[0].high - axes[0].low)) for share in (0.25, 0.5))
    expected = [
        place
        for place, run in enumerate(RUNS)
        if low <= float(str(run.config["lr"])) <= high and run.config["optimizer"] == "sgd"
    ]
    assert kept == expected and kept
    assert kept_places(axes, {"momentum": (ABSENT, ABSENT)}) == [
        place for place, run in enumerate(RUNS) if run.config["optimizer"] == "adam"
    ]
    assert kept_places(axes, {}) == list(range(60))
    assert axes[1].brush_text((0.75, 1.0)) == "optimizer sgd"
    assert axes[2].brush_text((ABSENT, ABSENT)) == "momentum –"


def test_lines_go_from_axis_to_axis_and_the_best_layer_stays_on_top() -> None:
    request = LinesRequest(((0.0, 9.0), (9.0, 0.0)), (0, 19), (1, 3), 20, 10)
    grid = draw_lines(request)
    assert len(grid) == 10 and {len(row) for row in grid} == {20}
    assert grid[0][0][1] == 1 and grid[9][0][1] == 3 and grid[0][19][1] == 3 and grid[9][19][1] == 1
    # They cross in the middle, where the higher layer has the cell to itself.
    assert 3 in {grid[row][column][1] for row in (4, 5) for column in (9, 10)}
    for place in range(20):
        assert {layer for row in grid for layer in [row[place][1]]} >= {3}
    assert all(
        layer == 0 for row in draw_lines(LinesRequest(((1.0,), (2.0,)), (0, 9), (0,), 10, 4)) for _, layer in row
    )
    assert axis_columns(3, 41, 5) == [5, 20, 35]


def test_a_box_stands_at_its_values() -> None:
    (line,) = box_lines([box_of("a", [0.0, 25.0, 50.0, 75.0, 100.0])], 0.0, 100.0, 1 + 22 + 101)
    cells = line.plain[3 : 3 + 101]
    assert (cells.index("├"), cells.index("█"), cells.index("┃"), cells.rindex("█"), cells.index("┤")) == (
        0,
        25,
        50,
        75,
        100,
    )
    assert line.plain.rstrip().endswith("50.000  n 5")
    (single,) = box_lines([box_of("only", [5.0])], 0.0, 10.0, 60)
    assert "◆" in single.plain


def test_the_best_cell_of_a_heat_map_is_marked_in_either_direction() -> None:
    table = a_table()
    across, down = table.feature("width"), table.feature("optimizer")
    assert across and down
    heat = heat_map(table, across, down)
    means = [mean for row in heat.means for mean in row if mean is not None]
    for is_lower_better, best in ((True, min(means)), (False, max(means))):
        text = "\n".join(line.plain for line in heat_lines(heat, is_lower_better, "width", "optimizer", 100))
        assert f"★ {best:.4f}"[:6] in text
        assert text.count("★") == 2  # the cell and the legend


def test_a_slice_shows_every_run_whatever_the_width() -> None:
    table = a_table()
    across, groups = table.feature("lr"), table.feature("optimizer")
    assert across and groups
    plain = slice_content(table, across, None, ["#aaaaaa", "#bbbbbb"])
    assert plain.log_x
    assert sorted(point for one in plain.series for point in one.points) == sorted(
        (float(str(run.config["lr"])), float(str(run.summary["loss"]))) for run in RUNS
    )
    best = next(one for one in plain.series if one.label == "★")
    assert best.points[0][1] == min(table.values)
    coloured = slice_content(table, across, groups, ["#aaaaaa", "#bbbbbb"])
    assert {(one.name, one.mark) for one in coloured.series} == {("adam", "●"), ("sgd", "▲")}


def test_every_tab_says_why_it_is_empty() -> None:
    sweep = a_sweep()
    assert sweep.metric is not None
    for runs in ([], [a_run(0, {"lr": 0.1}, 1.0)], [a_run(n, {"lr": 0.1}, 1.0) for n in range(3)]):
        insight = insight_of(sweep, runs, sweep.metric)
        axes = Axes().within(insight)
        for tab in ("importance", "ties", "parallel", "scatter", "boxes", "stops", "next"):
            shape = shape_of(insight, tab, axes, 76, DARK)
            assert shape.text.plain or shape.notes, (tab, len(runs))
            assert not shape.lines and not shape.parallel and shape.slice is None
