"""What the analysis says, as lines of styled text. Pure: an insight in, text out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from tui.chart_scale import XAxis
from tui.chart_series import ChartSeries
from tui.curve_charts import ChartContent
from tui.formatting import count_text, metric_text, padded, shortened

if TYPE_CHECKING:
    from trainer.insight.features import Feature, RunTable
    from trainer.insight.importance import Importance
    from trainer.insight.replay import Replay
    from trainer.insight.report import Insight

MARKS = ("●", "▲", "■", "◆", "+", "×", "○", "△", "□")
_MOST_DOTS = 30
"""Points per curve: a curve with more than two a column is reduced, and a scatter shows every run."""


def head_line(insight: Insight) -> Content:
    """Return what the analysis is of."""
    metric, table = insight.metric, insight.table
    words = f"{count_text(len(table.runs), 'run')} · {metric.name}, {metric.goal}d · by {insight.by} value"
    if table.left_out:
        words += f" · {table.left_out} still run or never logged it"
    return Content.styled(words, "$foreground-muted")


def importance_head(width: int) -> Content:
    """Return the heads of the columns of `importance_line`."""
    name, bar = _importance_widths(width)
    text = f"{'parameter'.ljust(name)}  {'forest'.ljust(bar + 6)}{'PED-ANOVA'.ljust(bar + 6)}correlation"
    return Content.styled(text, "$foreground-muted")


def importance_line(row: Importance, width: int) -> Content:
    """Return one parameter: two bars with numbers, and its correlation to the left or the right of a zero."""
    from trainer.insight.text import correlation_text, percent_text

    name, bar = _importance_widths(width)
    anova = row.ped_anova or 0.0
    sign = "$success" if (row.correlation or 0) > 0 else "$error"
    return Content.assemble(
        (padded(shortened(row.name, name), name), "bold"),
        "  ",
        (_bar(row.forest, bar), "$accent"),
        (percent_text(row.forest).rjust(5) + " ", "$foreground"),
        (_bar(anova, bar), "$secondary"),
        (percent_text(row.ped_anova).rjust(5) + " ", "$foreground"),
        (correlation_text(row.correlation, shortened(row.level, 12)), sign if row.correlation is not None else ""),
    )


def _importance_widths(width: int) -> tuple[int, int]:
    """Return the widths of the name and of a bar."""
    name = min(max(width // 4, 12), 32)
    return name, min(max((width - name - 2 - 12 - 20) // 2, 4), 40)


def _bar(share: float, width: int) -> str:
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    whole, rest = divmod(eighths, 8)
    text = "█" * whole + ("▏▎▍▌▋▊▉"[rest - 1] if rest else "")
    return (text or "▏").ljust(width)


def rule_head(width: int) -> Content:
    """Return the heads of the columns of `rule_line`."""
    rule = _rule_width(width)
    return Content.styled(f"{'rule'.ljust(rule)}  saved   stopped      the best run", "$foreground-muted")


def rule_line(replay: Replay, metric: str, width: int) -> Content:
    """Return what one rule would have saved, and what it would have cost, in words and with a mark."""
    rule = _rule_width(width)
    stopped = f"{replay.stopped} of {replay.runs}"
    parts: list[tuple[str, str]] = [
        (shortened(replay.rule, rule).ljust(rule), "bold"),
        (f"  {replay.saved_share:>4.0%}", "$accent"),
        (f"    {stopped.ljust(12)} ", "$foreground"),
    ]
    if not replay.loses_best:
        return Content.assemble(*parts, ("✓ kept", "$success"))
    at = "" if replay.winner_stopped_at is None else f" at value {replay.winner_stopped_at}"
    return Content.assemble(*parts, (f"✗ stopped{at}, {metric_text(replay.best_left)} left", "$error"))


def _rule_width(width: int) -> int:
    return min(max(width - 62, 27), 48)


def slice_content(table: RunTable, across: Feature, groups: Feature | None, colors: Sequence[str]) -> ChartContent:
    """Return the metric over one parameter, a dot per run; in a colour per value of a second one where there is one."""
    from trainer.insight.marginals import bins_of

    positions = across.values if across.kind != "category" else tuple(across.positions())
    if groups is None:
        best = table.order[0]
        others = [place for place in range(len(table.values)) if place != best]
        found = [("★", "best", colors[1], [best]), ("", table.metric.name, colors[0], others)]
    else:
        found = [
            (MARKS[number % len(MARKS)], each.label, colors[number % len(colors)], list(each.places))
            for number, each in enumerate(bins_of(groups))
        ]
    series: list[ChartSeries] = []
    for label, name, color, places in found:
        points = sorted((float(x), table.values[p]) for p in places if (x := positions[p]) is not None)
        # The sparsest cut that keeps every run: each curve is reduced by itself.
        pieces = [points[start : start + _MOST_DOTS] for start in range(0, len(points), _MOST_DOTS)] or [[]]
        # A label stands at the line's end; only the best run, a single dot, is worth one.
        tip, mark = (label, "•") if groups is None else ("", label)
        series += [ChartSeries(tip, name, color, tuple(piece), is_dots=True, mark=mark) for piece in pieces]
    kind = XAxis.COUNT if across.kind == "category" else XAxis.NUMBER
    return ChartContent(tuple(one for one in series if one.points), kind, log_x=across.kind == "log")


def slice_legend(across: Feature, groups: Feature | None, colors: Sequence[str]) -> Content:
    """Return what the dots of a slice mean: the categories of its axis, the colours."""
    from trainer.insight.marginals import bins_of

    parts: list[Content] = []
    if across.kind == "category":
        named = "  ".join(f"{place} {shortened(str(level), 12)}" for place, level in enumerate(across.levels))
        parts.append(Content.styled(f"{across.name}: {named}", "$foreground-muted"))
    if groups is not None:
        dots = [
            (f"{MARKS[number % len(MARKS)]} {each.label}", colors[number % len(colors)])
            for number, each in enumerate(bins_of(groups))
        ]
        parts.append(Content.assemble((f"{groups.name}: ", "$foreground-muted"), *_spaced(dots)))
    return Content("   ").join(parts)


def _spaced(parts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [piece for part in parts for piece in (part, ("  ", ""))]


def kept_words(insight: Insight, kept: Sequence[int], brushes: Sequence[str]) -> Content:
    """Return what the brushes keep: how many runs, their best and their mean."""
    table = insight.table
    if not brushes:
        words = "space begins and ends a brush, or drag on an axis; x clears one, 0 all"
        return Content.styled(words, "$foreground-muted")
    values = [table.values[place] for place in kept]
    head = f"{len(kept)} of {count_text(len(table.values), 'run')}"
    if values:
        best = min(values) if table.metric.goal == "minimize" else max(values)
        head += f" · best {metric_text(best)} · mean {metric_text(sum(values) / len(values))}"
    return Content.assemble((head, "bold"), (f" · {' · '.join(brushes)}", "$primary"))
