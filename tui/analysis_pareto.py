"""What the analysis shows of two metrics at once: every run as a dot, the Pareto front, its runs as lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from tui.chart_colors import ChartColors
from tui.chart_scale import XAxis
from tui.chart_series import ChartSeries
from tui.columns import metric_order, summary_numbers
from tui.curve_charts import ChartContent
from tui.formatting import cells_of, count_text, metric_text, padded, shortened, value_text
from tui.front import GLYPH

if TYPE_CHECKING:
    from trainer.insight.features import RunTable
    from trainer.insight.pareto import ParetoRun
    from trainer.insight.report import Insight
    from trainer.records import Metric

BETTER = {"minimize": "less is better", "maximize": "more is better"}
_MOST_DOTS = 30
_LOOKED_AT = 200


def logged_names(table: RunTable) -> list[str]:
    """Return the numbers that runs left in their summaries, the metric that is judged by first."""
    names = {name for run in table.runs[:_LOOKED_AT] for name, _ in summary_numbers(run.summary)}
    return list(dict.fromkeys([table.metric.name, *sorted(names, key=metric_order)]))


def pareto_front(insight: Insight, against: Metric) -> list[ParetoRun]:
    """Return the runs that no other beats in both metrics, the best in the first one first."""
    from trainer.insight.pareto import pareto_runs

    return pareto_runs(insight.table.runs, [insight.metric, against], insight.by)


def pareto_words(insight: Insight, against: Metric | None, front: Sequence[ParetoRun]) -> Content:
    """Return which metrics are traded off, each a click from another."""
    other = against.name if against else "none yet: choose a second metric"
    words = Content.from_markup(
        "[@click=screen.choose_metric][b $primary]m[/] $metric[/]   "
        "[@click=screen.choose_against][b $primary]o[/] $other[/]",
        metric=f"{insight.metric.name} ({BETTER[insight.metric.goal]})",
        other=f"{other} ({BETTER[against.goal]})" if against else other,
    )
    if against is None:
        return words
    said = f"   {GLYPH} {count_text(len(front), 'run')} that none beats in both" if front else "   no run has both"
    return Content.assemble(words, (said, "$foreground-muted"))


def pareto_content(table: RunTable, against: str, front: Sequence[ParetoRun], colors: ChartColors) -> ChartContent:
    """Return every run as a dot, the second metric to the right and the first upwards; the front stands out."""
    from trainer.records import summary_number

    on_it = {each.run.id for each in front}
    found = [
        (run.id, summary_number(run.summary, against), value)
        for run, value in zip(table.runs, table.values, strict=True)
    ]
    others = sorted((x, y) for run_id, x, y in found if x is not None and run_id not in on_it)
    best = sorted((each.values[1], each.values[0]) for each in front)
    series = _dots(best, colors.best, GLYPH, "front") + _dots(others, colors.series[0], "•", table.metric.name)
    return ChartContent(tuple(series), XAxis.NUMBER)


def _dots(points: Sequence[tuple[float, float]], color: str, mark: str, name: str) -> list[ChartSeries]:
    # The sparsest cut that keeps every run: each curve is reduced by itself.
    pieces = [points[start : start + _MOST_DOTS] for start in range(0, len(points), _MOST_DOTS)]
    return [ChartSeries("", name, color, tuple(piece), is_dots=True, mark=mark) for piece in pieces]


def pareto_lines(table: RunTable, front: Sequence[ParetoRun], width: int) -> list[Content]:
    """Return a line for each run of the front: its values, its name, what it varies."""
    from trainer.tracking.leaderboard import flatten_config

    names = [feature.name for feature in table.features]
    room = min(max((cells_of(each.run.name) for each in front), default=0), 28)
    lines = []
    for each in front:
        flat = flatten_config(each.run.config)
        varied = "  ".join(f"{name.rpartition('.')[2]} {value_text(flat[name], 12)}" for name in names if name in flat)
        own, other = (metric_text(value).rjust(10) for value in each.values)
        head = f"{GLYPH} {own} {other}  {padded(shortened(each.run.name, room), room)}  "
        lines.append(
            Content.assemble(
                (head, "$foreground"), (shortened(varied, max(width - cells_of(head), 0)), "$foreground-muted")
            )
        )
    return lines
