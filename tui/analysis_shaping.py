"""What each tab of the analysis shows, prepared from the numbers: text, options, charts. Pure; run in a worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from textual.content import Content

from trainer.records import Metric, RunRecord
from tui.analysis_lines import importance_line, rule_line, slice_content, slice_legend
from tui.analysis_pareto import pareto_content, pareto_front, pareto_lines, pareto_words
from tui.box_lines import box_lines, box_words, heat_lines
from tui.chart_colors import ChartColors
from tui.curve_charts import ChartContent
from tui.formatting import metric_text
from tui.parallel_axes import Axis, axes_of

if TYPE_CHECKING:
    from trainer.insight.report import Insight

EMPTY = Content("")


@dataclass(frozen=True, slots=True)
class Axes:
    """What the scatter tab shows."""

    across: str = ""
    """The parameter to the right; empty for the most important."""
    down: str = ""
    """The parameter upwards, for a heat map; empty for the metric."""
    against: Metric | None = None
    """The second metric of the Pareto front; None for none."""
    color: str = ""
    """The parameter that colours stand for; empty for none."""

    def within(self, insight: Insight) -> Axes:
        """Return them without what the runs do not have."""
        known = [row.name for row in insight.importance.rows] or [each.name for each in insight.table.features]
        across = self.across if self.across in known else next(iter(known), "")
        kept = [name if name in known and name != across else "" for name in (self.down, self.color)]
        down, color = kept
        return replace(self, across=across, down=down, color=color)

    def turned(self, insight: Insight, part: Literal["across", "down", "color"], steps: int) -> Axes:
        """Return them with another parameter in one part."""
        known = [each.name for each in insight.table.features]
        if part == "across":
            place = known.index(self.across) if self.across in known else 0
            return replace(self, across=known[(place + steps) % len(known)]).within(insight)
        options = ["", *(name for name in known if name != self.across)]
        current = self.down if part == "down" else self.color
        chosen = options[((options.index(current) if current in options else 0) + steps) % len(options)]
        return replace(self, down=chosen) if part == "down" else replace(self, color=chosen)


@dataclass(frozen=True, slots=True)
class Shape:
    """What one tab shows; which parts are used, the tab decides."""

    tab: str
    text: Content = EMPTY
    lines: Sequence[Content] = ()
    notes: str = ""
    parallel: Sequence[Axis] = field(default_factory=list)
    slice: ChartContent | None = None
    heat: Content = EMPTY
    legend: Content = EMPTY
    runs: Sequence[RunRecord] = ()


def shape_of(insight: Insight, tab: str, axes: Axes, width: int, colors: ChartColors, is_plain: bool = False) -> Shape:
    """Return what a tab shows in so many columns; numbers instead of pictures if `is_plain`."""
    makers = {
        "importance": _importance,
        "ties": _ties,
        "stops": _stops,
        "next": _next,
    }
    if tab == "parallel":
        return _parallel(insight)
    if tab == "scatter":
        return _scatter(insight, axes, width, colors, is_plain)
    if tab == "boxes":
        return _boxes(insight, width, is_plain)
    if tab == "pareto":
        return _pareto(insight, axes.against, width, colors)
    return makers[tab](insight, width)


def _pareto(insight: Insight, against: Metric | None, width: int, colors: ChartColors) -> Shape:
    front = pareto_front(insight, against) if against else []
    words = pareto_words(insight, against, front)
    if against is None:
        return Shape("pareto", words)
    content = pareto_content(insight.table, against.name, front, colors)
    lines = pareto_lines(insight.table, front, width)
    return Shape("pareto", words, lines=lines, slice=content, runs=[each.run for each in front])


def _importance(insight: Insight, width: int) -> Shape:
    report = insight.importance
    notes = [report.problem] if report.problem else []
    if report.fit is not None:
        notes.append(f"The forest explains {max(report.fit, 0):.0%} of {insight.metric.name} in runs it has not seen.")
    notes += [f"! {warning}" for warning in report.warnings]
    notes += ["enter shows a parameter's scatter."] if report.rows else []
    return Shape("importance", lines=[importance_line(row, width) for row in report.rows], notes="\n".join(notes))


def _ties(insight: Insight, width: int) -> Shape:
    from trainer.insight.text import plain_section, ties_section

    return Shape("ties", Content(plain_section(ties_section(insight.ties), width, titled=False)))


def _ranked_names(insight: Insight) -> list[str]:
    """Return the parameters, the most important first where that is known."""
    return [row.name for row in insight.importance.rows] or [each.name for each in insight.table.features]


def _nothing(insight: Insight) -> str:
    """Return why parameters cannot be drawn; empty if they can."""
    runs = len(insight.table.runs)
    if runs < 2:
        have = "No run has" if runs == 0 else "Only one run has"
        return f"{have} ended with a value of {insight.metric.name} so far."
    return "" if insight.table.features else "The runs do not differ in any parameter."


def _parallel(insight: Insight) -> Shape:
    if why := _nothing(insight):
        return Shape("parallel", Content(why))
    return Shape("parallel", parallel=axes_of(insight.table, _ranked_names(insight)))


def _scatter(insight: Insight, axes: Axes, width: int, colors: ChartColors, is_plain: bool) -> Shape:
    if why := _nothing(insight):
        return Shape("scatter", Content(why), slice=None)
    table = insight.table
    axes = axes.within(insight)
    across, down, color = (table.feature(name) for name in (axes.across, axes.down, axes.color))
    assert across is not None
    words = Content.from_markup(
        "[@click=screen.axis_x(1)][b $primary]x[/] $x[/]   [@click=screen.axis_y(1)][b $primary]y[/] $y[/]   "
        "[@click=screen.axis_z(1)][b $primary]z[/] $z[/]",
        x=across.name + (" (log)" if across.kind == "log" else ""),
        y=down.name if down else insight.metric.name,
        z="mean of the metric" if down else f"colours: {color.name if color else 'none'}",
    )
    if down is not None:
        from trainer.insight.marginals import heat_map

        heat = heat_map(table, across, down)
        lines = heat_lines(
            heat, insight.metric.goal == "minimize", across.name, down.name, width, is_shaded=not is_plain
        )
        return Shape("scatter", words, heat=Content("\n").join(lines))
    used = colors.series if color else (colors.series[0], colors.best)
    legend = slice_legend(across, color, used)
    return Shape("scatter", words, slice=slice_content(table, across, color, used), legend=legend)


def _boxes(insight: Insight, width: int, is_plain: bool) -> Shape:
    from trainer.insight.marginals import boxes

    if why := _nothing(insight):
        return Shape("boxes", Content(why))
    table = insight.table
    low, high = min(table.values), max(table.values)
    scale = f"{metric_text(low)} … {metric_text(high)} {insight.metric.name}; ┃ median, █ middle half, ∘ far off"
    lines = [] if is_plain else [Content.styled(scale, "$foreground-muted")]
    for name in _ranked_names(insight):
        feature = table.feature(name)
        if feature is not None:
            found = boxes(table, feature)
            drawn = box_words(found) if is_plain else box_lines(found, low, high, width)
            lines += [Content(""), Content.styled(name, "bold"), *drawn]
    return Shape("boxes", Content("\n").join(lines))


def _stops(insight: Insight, width: int) -> Shape:
    report = insight.replays
    notes = [report.problem] if report.problem else list(report.notes)
    notes += ["enter opens the builder with this rule."] if report.replays else []
    lines = [rule_line(each, insight.metric.name, width) for each in report.replays]
    return Shape("stops", lines=lines, notes="\n".join(notes))


def _next(insight: Insight, width: int) -> Shape:
    from trainer.insight.text import entry_text

    found = insight.narrowing
    if found.problem:
        return Shape("next", Content(found.problem))
    head = f"The best {found.best} of {found.runs} runs say:" if found.changes else "Nothing to narrow."
    lines = [Content.styled(head, "bold"), Content("")]
    for change in found.changes:
        lines.append(Content.assemble(("~ ", "$accent"), (change.name, "bold")))
        lines.append(Content.assemble(("  - ", "$error"), (entry_text(change.before), "$error")))
        lines.append(Content.assemble(("  + ", "$success"), (entry_text(change.after), "$success")))
        lines.append(Content.styled(f"    {change.reason}", "$foreground-muted"))
    lines += [Content.styled(f"= {kept.name}: {kept.reason}", "$foreground-muted") for kept in found.kept]
    if found.changes:
        lines += [
            Content(""),
            Content.from_markup("[@click=screen.take][b $primary]enter[/] reviews it, change by change[/]"),
        ]
    return Shape("next", Content("\n").join(lines))
