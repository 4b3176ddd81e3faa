"""What the charts draw: curves of the best runs, or the best value so far over the runs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from trainer.records import HistoryPoint, Json, Metric, RunRecord
from tui.chart_colors import ChartColors
from tui.chart_selection import ChartSelection
from tui.columns import summary_numbers
from tui.leaderboard_model import LeaderboardModel


@dataclass(frozen=True, slots=True)
class ChartSeries:
    """One curve with its place in the legend."""

    label: str
    """Short: a rank, or a letter."""
    name: str
    color: str
    """As `#rrggbb`."""
    points: Sequence[tuple[float, float]]
    """x and y in the order of x; never changed."""
    is_dots: bool = False
    value: float | None = None
    """What the legend shows; None for the last point."""
    mark: str = "•"
    """What a point looks like where there is no line."""


def curve_of(history: Iterable[HistoryPoint], metric_name: str) -> tuple[tuple[float, float], ...]:
    """Return step and value of each row that has the metric."""
    return tuple((float(row.step), row.values[metric_name]) for row in history if metric_name in row.values)


def curve_label(rank: int | None, glyph: str, colors: ChartColors) -> str:
    """Return what stands at a curve's end and before its name: its rank, behind its glyph where each has its own."""
    return f"{glyph if colors.has_shapes else ''}{'·' if rank is None else rank}"


@dataclass(frozen=True, slots=True)
class DrawnRun:
    """A run whose curve is drawn; the points are still to be picked from its history."""

    label: str
    name: str
    color: str
    history: Sequence[HistoryPoint]
    summary: Mapping[str, Json]
    value: float | None
    """What ranks it, where that is what is drawn."""


def drawn_runs(
    board: LeaderboardModel,
    selection: ChartSelection,
    metric_name: str,
    histories: Mapping[str, Sequence[HistoryPoint]],
    colors: ChartColors,
) -> list[DrawnRun]:
    """Return the runs to draw, best first.

    Args:
        board: The runs.
        selection: Which of them are drawn.
        metric_name: What to draw.
        histories: Histories read for another metric than the sweep's own, by run id.
        colors: Those of the theme.
    """
    own = board.metric is not None and metric_name == board.metric.name
    return [
        DrawnRun(
            curve_label(board.rank(run_id), selection.glyph(run_id, colors), colors),
            run.name,
            selection.color(run_id, colors),
            run.curve if own and run.curve else histories.get(run_id, ()),
            run.summary,
            board.value(run_id) if own else None,
        )
        for run_id in selection.drawn
        if (run := board.runs.get(run_id)) is not None
    ]


def run_series(runs: Sequence[DrawnRun], metric_name: str) -> list[ChartSeries]:
    """Return one curve per run; a run without history shows its last value as a point."""
    series = []
    for run in runs:
        points = curve_of(run.history, metric_name)
        if not points and metric_name in (numbers := dict(summary_numbers(run.summary))):
            points = ((0.0, numbers[metric_name]),)
        value = run.value if run.value is not None else points[-1][1] if points else None
        series.append(ChartSeries(run.label, run.name, run.color, points, value=value))
    return series


def progress_series(
    runs: Sequence[RunRecord], values: Mapping[str, float | None], metric: Metric, run_color: str, best_color: str
) -> list[ChartSeries]:
    """Return the best value so far, and every run's value as a dot, over the runs in the order of their start.

    Args:
        runs: All of them, in any order.
        values: What ranks each.
        metric: Which way is better.
        run_color: Of the dots.
        best_color: Of the line.
    """
    ordered = sorted(
        (run for run in runs if values.get(run.id) is not None),
        key=lambda run: (run.created_at.timestamp() if run.created_at else 0.0, run.id),
    )
    best: float | None = None
    dots, line = [], []
    for number, run in enumerate(ordered, 1):
        value = values[run.id]
        assert value is not None
        if metric.is_better(value, best):
            # A step, not a slope: the best so far changes when a run does better, not between two runs.
            line += [(float(number), best), (float(number), value)] if best is not None else [(float(number), value)]
            best = value
        dots.append((float(number), value))
    if best is not None and line[-1][0] < len(ordered):
        line.append((float(len(ordered)), best))
    return [
        ChartSeries("★", "best so far", best_color, tuple(line)),
        ChartSeries("", "each run", run_color, tuple(dots), is_dots=True),
    ]


def has_curves(runs: Iterable[RunRecord]) -> bool:
    """Return whether any of these runs logged its metric more than once."""
    return any(len(run.curve) > 1 for run in runs)


def metric_names(board: LeaderboardModel) -> list[str]:
    """Return the names a chart can draw: the sweep's metric, then every number the summaries hold."""
    names = [board.metric.name] if board.metric else []
    return names + [column.path for column in board.columns if column.kind == "summary"]
