"""How a report is laid out: its parts in their order, for any way of writing them down."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trainer.records import Metric, RunRecord
from trainer.reports.charts import Chart, Line, Point
from trainer.reports.facts import FAILURES_READ, ReportFacts
from trainer.tracking.leaderboard import leaderboard_table, render_best
from trainer.tracking.tables import Cell, Table, printable

ROWS_SHOWN = 20
CURVES_SHOWN = 8
_CONDENSED = 2000
"""Points of a chart at most: it is a few hundred wide."""


@dataclass(frozen=True)
class Part:
    """A part of a report."""

    title: str
    sentences: tuple[str, ...] = ()
    table: Table | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    """Addresses by the text of the cell that leads there."""
    chart: Chart | None = None
    code: str = ""
    """What is copied: a configuration."""
    notes: tuple[str, ...] = ()


def parts_of(facts: ReportFacts) -> list[Part]:
    """Return the parts: the outcome, the best, the runs, charts, what they mean, what failed, where it is from."""
    parts = [_overview(facts), *_best_parts(facts), _leaderboard(facts)]
    if facts.metric is not None:
        parts += [Part(chart.title, chart=chart) for chart in charts_of(facts, facts.metric) if chart.points]
    parts += [Part(found.title, found.lines, found.table, notes=found.notes) for found in facts.insight]
    if facts.failed:
        parts.append(_failures(facts))
    return [*parts, _origin(facts)]


def charts_of(facts: ReportFacts, metric: Metric) -> list[Chart]:
    """Return the best value so far, run after run, and the curves of the best runs."""
    best = _best_so_far(facts, metric)
    curves = []
    for place in facts.ranked[:CURVES_SHOWN]:
        points = [
            (float(point.step), point.values[metric.name]) for point in place.run.curve if metric.name in point.values
        ]
        finite = tuple(point for point in points if math.isfinite(point[1]))
        if len(finite) > 1:
            curves.append(Line(f"{place.rank} {printable(place.run.name)}", finite))
    return [best, Chart(f"{metric.name} of the best runs", "step", metric.name, tuple(curves))]


def _best_so_far(facts: ReportFacts, metric: Metric) -> Chart:
    values = {place.run.id: place.value for place in facts.ranked}
    dots: list[Point] = []
    steps: list[Point] = []
    best: float | None = None
    in_order = sorted(facts.runs, key=lambda run: (run.created_at.timestamp() if run.created_at else math.inf, run.id))
    for number, run in enumerate(in_order, start=1):
        value = values.get(run.id)
        if value is None:
            continue
        dots.append((float(number), value))
        best = value if metric.is_better(value, best) else best
        steps.append((float(number), value if best is None else best))
    every = max(len(dots) // _CONDENSED, 1)
    # From the end, so that the best of all is there.
    line = (Line("best so far", tuple(steps[::-every][::-1])),) if steps else ()
    return Chart(f"Best {metric.name} so far", "run", metric.name, line, tuple(dots[::every]))


def _overview(facts: ReportFacts) -> Part:
    sweep, metric, best = facts.sweep, facts.metric, facts.best
    states = ", ".join(f"{count:,} {state}" for state, count in facts.states.items()) or "none yet"
    sentences = [f"{sweep.method} sweep, {sweep.state.value.lower()}: {len(facts.runs):,} runs ({states})."]
    if metric is not None and best is not None:
        sentences.append(f"Best {metric.name} ({metric.goal}, {facts.by} value): {best.value:.6g} by {best.run.name}.")
    elif metric is not None:
        sentences.append(f"No run has logged {metric.name} yet.")
    else:
        sentences.append("The sweep names no metric, so none of its runs is best.")
    return Part("", tuple(sentences))


def _best_parts(facts: ReportFacts) -> list[Part]:
    if facts.best is None or facts.metric is None:
        return []
    text = render_best(facts.sweep, [facts.best.run], metric=facts.metric, by=facts.by)
    return [Part("Best configuration", (f"Of {facts.best.run.name}.",), code=text)]


def _leaderboard(facts: ReportFacts) -> Part:
    table = leaderboard_table(facts.sweep, facts.runs, metric=facts.metric, by=facts.by, top=ROWS_SHOWN)
    shown: Sequence[RunRecord] = [place.run for place in facts.ranked[:ROWS_SHOWN]]
    left = len(facts.runs) - len(shown)
    links = {printable(run.name): facts.sweep.run_url(run.id) for run in shown}
    notes = (f"{left:,} more runs.",) if left > 0 else ()
    return Part("Leaderboard", (), table, {name: url for name, url in links.items() if url}, notes=notes)


def _failures(facts: ReportFacts) -> Part:
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (group.count, group.title, group.run_id, group.summary) for group in facts.failures
    )
    looked_at = sum(group.count for group in facts.failures)
    notes = (f"Of the {looked_at} that failed last.",) if facts.failed > FAILURES_READ else ()
    table = Table(("runs", "why", "last", "in its words"), rows)
    verb = "run failed" if facts.failed == 1 else "runs failed"
    return Part("Failures", (f"{facts.failed:,} {verb}.",), table, notes=notes)


def _origin(facts: ReportFacts) -> Part:
    sweep = facts.sweep
    rows: list[tuple[Cell, ...]] = [("sweep", str(sweep.reference)), ("page", sweep.url), ("server", facts.server)]
    rows.append(("as of", f"{facts.read_at:%Y-%m-%d %H:%M:%S} UTC"))
    if sweep.created_at:
        rows.append(("created", f"{sweep.created_at:%Y-%m-%d %H:%M:%S} UTC"))
    program = sweep.config.get("program")
    if isinstance(program, str):
        rows.append(("program", program))
    for origin, count in list(facts.origins.items())[:5]:
        told = " ".join(filter(None, (origin.branch, origin.commit[:12])))
        rows.append(("branch, commit", f"{told} ({count:,} runs)"))
    hosts = sorted({run.host for run in facts.runs if run.host})
    if hosts:
        rows.append(("machines", ", ".join(hosts[:5]) + (f" and {len(hosts) - 5} more" if len(hosts) > 5 else "")))
    table = Table(("", ""), tuple(row for row in rows if row[1]))
    return Part("Where this comes from", (), table, {sweep.url: sweep.url} if sweep.url else {})
