"""What the charts draw: curves of the best runs, or the best value so far over the runs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from trainer.records import HistoryPoint, Metric, RunRecord
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
    points: tuple[tuple[float, float], ...]
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


def best_run_series(
    board: LeaderboardModel,
    selection: ChartSelection,
    metric_name: str,
    histories: Mapping[str, Sequence[HistoryPoint]],
    colors: ChartColors,
) -> list[ChartSeries]:
    """Return one curve per drawn run, best first; a run without history shows its last value as a point.

    Args:
        board: The runs.
        selection: Which of them are drawn.
        metric_name: What to draw.
        histories: Histories read for another metric than the sweep's own, by run id.
        colors: Those of the theme.
    """
    own = board.metric is not None and metric_name == board.metric.name
    series = []
    for run_id in selection.drawn:
        run = board.runs[run_id]
        history = run.curve if own and run.curve else histories.get(run_id, ())
        points = curve_of(history, metric_name)
        if not points and metric_name in (numbers := dict(summary_numbers(run.summary))):
            points = ((0.0, numbers[metric_name]),)
        rank = board.rank(run_id)
        value = board.value(run_id) if own else (points[-1][1] if points else None)
        label = curve_label(rank, selection.glyph(run_id, colors), colors)
        series.append(ChartSeries(label, run.name, selection.color(run_id, colors), points, value=value))
    return series


def progress_series(board: LeaderboardModel, metric: Metric, run_color: str, best_color: str) -> list[ChartSeries]:
    """Return the best value so far, and every run's value as a dot, over the runs in the order of their start."""
    ordered = sorted(
        (run for run in board.runs.values() if board.value(run.id) is not None),
        key=lambda run: (run.created_at.timestamp() if run.created_at else 0.0, run.id),
    )
    best: float | None = None
    dots, line = [], []
    for number, run in enumerate(ordered, 1):
        value = board.value(run.id)
        assert value is not None
        if metric.is_better(value, best):
            # A step, not a slope: the best so far changes when a run does better, not between two runs.
            line += [(float(number), best), (float(number), value)] if best is not None else []
            best = value
        dots.append((float(number), value))
        line.append((float(number), value if best is None else best))
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
