"""What the runs of a sweep say, as text: aligned, Markdown or JSON. Decides the words, computes nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trainer.insight.confidence import Group, Ties
from trainer.insight.importance import ImportanceReport
from trainer.insight.replay import Replay, ReplayReport
from trainer.insight.report import Insight
from trainer.records import Json
from trainer.search.narrowing import Narrowing
from trainer.tracking.leaderboard import flatten_config, strict_json
from trainer.tracking.tables import Cell, Table, render_markdown, render_plain

InsightFormat = Literal["table", "json", "md"]

_CONTENDERS_SHOWN = 10
_GROUPS_SHOWN = 20
_BAR_WIDTH = 20


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report."""

    title: str
    lines: tuple[str, ...] = ()
    """Sentences before the table."""
    table: Table | None = None
    notes: tuple[str, ...] = ()
    """What to know about it, after the table."""


def render_insight(
    insight: Insight,
    groups: Sequence[Group] | None = None,
    *,
    output_format: InsightFormat = "table",
    width: int | None = None,
) -> str:
    """Return the report.

    Args:
        insight: What the runs say.
        groups: Groups that were asked for besides; None for none.
        output_format: table, json or md.
        width: Columns of the terminal; None to ask it, 0 for as wide as it gets.
    """
    if output_format == "json":
        return json.dumps(strict_json(insight_json(insight, groups)), indent=2)
    metric = insight.metric
    head = f"{insight.sweep.name}: {_count(len(insight.table.runs), 'run')} with {metric.name}"
    head += f" ({metric.goal}, {insight.by} value)"
    if insight.table.left_out:
        head += f"; {insight.table.left_out} that still run or never logged it are left out"
    sections = _sections(insight, groups)
    if output_format == "md":
        return "\n\n".join([f"# {head}", *(_markdown(section) for section in sections)])
    return "\n\n".join([head, *(plain_section(section, width) for section in sections)])


def _sections(insight: Insight, groups: Sequence[Group] | None) -> list[Section]:
    found = [
        importance_section(insight.importance),
        ties_section(insight.ties),
        replay_section(insight.replays),
        narrowing_section(insight.narrowing),
    ]
    if groups is not None:
        found.insert(2, _groups_section(groups))
    if insight.against:
        found.insert(-1, _pareto_section(insight))
    return found


def importance_section(report: ImportanceReport) -> Section:
    """Return which parameters matter."""
    title = "Parameter importance"
    if report.problem:
        return Section(title, (report.problem,))
    rows = tuple(
        (
            row.name,
            _bar(row.forest),
            percent_text(row.forest),
            percent_text(row.ped_anova),
            correlation_text(row.correlation, row.level),
        )
        for row in report.rows
    )
    fit = "" if report.fit is None else f"R² {report.fit:.2f} in runs that the forest has not seen."
    table = Table(("parameter", "", "forest", "PED-ANOVA", "correlation"), rows)
    return Section(title, (), table, (fit, *report.warnings) if fit else report.warnings)


def ties_section(found: Ties) -> Section:
    """Return which configurations may be the best."""
    title = "Is the first really the best?"
    if not found.contenders:
        return Section(title, (found.problem,))
    shown = found.contenders[:_CONTENDERS_SHOWN]
    names = [name for name, _ in shown[0].group.key]
    rows: list[tuple[Cell, ...]] = []
    for place, contender in enumerate(shown, start=1):
        group = contender.group
        rank = "=1" if contender.is_tied and found.tied > 1 else str(place)
        chance = chance_text(contender.chance)
        half = None if group.half_width is None else float(f"{group.half_width:.3g}")
        rows.append((rank, *(value for _, value in group.key), group.mean, half, group.count, chance))
    heads = ("#", *names, "mean", "±95 %", "runs", "really best")
    notes = [note for note in (found.assumption, found.problem) if note]
    left = len(found.contenders) - len(shown)
    if left:
        notes.insert(0, f"{left} more have a chance.")
    table = Table(heads, tuple(rows), droppable=range(1, 1 + len(names)))
    return Section(title, (ties_sentence(found),), table, tuple(notes))


def ties_sentence(found: Ties) -> str:
    """Return the answer in one sentence."""
    if found.noise is None:
        return f"Nobody can say yet, of {_count(found.configurations, 'configuration')}."
    if not found.repeated:
        sentence = _sentence(found)
        return f"If other seeds changed nothing: {sentence[0].lower()}{sentence[1:]}"
    return _sentence(found)


def _sentence(found: Ties) -> str:
    """Return the answer where the noise is known."""
    configurations = _count(found.configurations, "configuration")
    chance = chance_text(found.contenders[0].chance)
    if found.tied > 1:
        shared = f"{found.tied} of {configurations} share the first place"
        return f"{shared}; the chance that the first is really the best is {chance}."
    return f"The chance that the first of {configurations} is really the best is {chance}."


def replay_section(report: ReplayReport) -> Section:
    """Return what early stopping would have saved."""
    title = "What early stopping would have saved"
    if report.problem:
        return Section(title, (report.problem,))
    rows = tuple(
        (each.rule, percent_text(each.saved_share), f"{each.stopped} of {each.runs}", winner_text(each), each.best_left)
        for each in report.replays
    )
    return Section(title, (), Table(("rule", "saved", "stopped", "the best run", "best left"), rows), report.notes)


def winner_text(replay: Replay) -> str:
    """Return what a rule would have done to the best run."""
    return "runs on" if replay.winner_stopped_at is None else f"stopped at value {replay.winner_stopped_at}"


def narrowing_section(found: Narrowing) -> Section:
    """Return what the next space could be."""
    title = "Next space"
    if found.problem:
        return Section(title, (found.problem,))
    lines = [
        f"~ {each.name}: {entry_text(each.before)} → {entry_text(each.after)}: {each.reason}" for each in found.changes
    ]
    lines += [f"= {each.name}: {each.reason}" for each in found.kept]
    notes = ("`sweep-tui narrow` writes it as a sweep file.",) if found.changes else ("Nothing to narrow.",)
    return Section(title, tuple(lines), None, notes)


def entry_text(entry: Json) -> str:
    """Return an entry of a sweep's parameters on one line."""
    from trainer.sweep.yaml_style import flow_yaml

    return flow_yaml(entry)


def correlation_text(correlation: float | None, level: str = "") -> str:
    """Return a correlation with its sign, and the category it is of."""
    if correlation is None:
        return "–"
    return f"{correlation:+.2f}{f' ({level})' if level else ''}"


def _groups_section(groups: Sequence[Group]) -> Section:
    if not groups:
        return Section("Groups", ("No run has a value.",))
    names = [name for name, _ in groups[0].key]
    rows = tuple(
        (*(value for _, value in group.key), group.mean, group.half_width, group.deviation, group.count)
        for group in groups[:_GROUPS_SHOWN]
    )
    left = len(groups) - len(rows)
    notes = (f"{left} more groups: see --format json.",) if left > 0 else ()
    table = Table((*names, "mean", "±95 %", "deviation", "runs"), rows, droppable=range(len(names)))
    return Section(f"By {', '.join(names)}", (), table, notes)


def _pareto_section(insight: Insight) -> Section:
    metrics = (insight.metric, *insight.against)
    names = [feature.name for feature in insight.table.features]
    flats = [flatten_config(each.run.config) for each in insight.front]
    rows: list[tuple[Cell, ...]] = []
    for each, flat in zip(insight.front, flats, strict=True):
        values = [flat.get(name) for name in names]
        cells: list[Cell] = [value if isinstance(value, int | float | str) else str(value) for value in values]
        rows.append((each.run.name, *each.values, *cells))
    title = f"Pareto front of {' and '.join(f'{metric.name} ({metric.goal})' for metric in metrics)}"
    if not rows:
        return Section(title, ("No run has logged them all.",))
    first = 1 + len(metrics)
    heads = ("run", *(metric.name for metric in metrics), *names)
    return Section(title, (), Table(heads, tuple(rows), droppable=range(first, first + len(names))))


def insight_json(insight: Insight, groups: Sequence[Group] | None = None) -> dict[str, Json]:
    """Return the report for programs; what is not known is null."""
    ties, importance = insight.ties, insight.importance
    found: dict[str, Json] = {
        "sweep": str(insight.sweep.reference),
        "metric": {"name": insight.metric.name, "goal": insight.metric.goal, "by": insight.by},
        "runs": len(insight.table.runs),
        "left_out": insight.table.left_out,
        "importance": {
            "problem": importance.problem,
            "warnings": list(importance.warnings),
            "r2": importance.fit,
            "parameters": [
                {
                    "name": row.name,
                    "forest": row.forest,
                    "ped_anova": row.ped_anova,
                    "correlation": row.correlation,
                    "correlation_of": row.level or None,
                    "runs": row.present,
                }
                for row in importance.rows
            ],
        },
        "ties": {
            "problem": ties.problem,
            "assumption": ties.assumption,
            "configurations": ties.configurations,
            "repeated": ties.repeated,
            "noise": ties.noise,
            "tied": ties.tied if ties.noise is not None else None,
            "contenders": [
                {
                    **_group_json(contender.group, insight),
                    "chance": None if math.isnan(contender.chance) else contender.chance,
                    "tied": contender.is_tied,
                }
                for contender in ties.contenders
            ],
        },
        "early_stop": {
            "problem": insight.replays.problem,
            "notes": list(insight.replays.notes),
            "rules": [_replay_json(each) for each in insight.replays.replays],
        },
        "next_space": {
            "problem": insight.narrowing.problem,
            "changes": [
                {"path": list(each.path), "before": each.before, "after": each.after, "reason": each.reason}
                for each in insight.narrowing.changes
            ],
            "kept": [{"path": list(each.path), "reason": each.reason} for each in insight.narrowing.kept],
            "config": insight.narrowing.config() if insight.narrowing.changes else None,
        },
    }
    if groups is not None:
        found["groups"] = [_group_json(group, insight) for group in groups]
    if insight.against:
        names = [insight.metric.name, *(metric.name for metric in insight.against)]
        found["pareto"] = [
            {"id": each.run.id, "name": each.run.name, "values": dict(zip(names, each.values, strict=True))}
            for each in insight.front
        ]
    return found


def _group_json(group: Group, insight: Insight) -> dict[str, Json]:
    return {
        "key": dict(group.key),
        "mean": group.mean,
        "half_width": group.half_width,
        "deviation": group.deviation,
        "count": group.count,
        "runs": [insight.table.runs[place].id for place in group.places],
    }


def _replay_json(each: Replay) -> dict[str, Json]:
    return {
        "rule": each.rule,
        "early_terminate": dict(each.entry) if each.entry is not None else None,
        "stopped": each.stopped,
        "runs": each.runs,
        "saved_values": each.saved_values,
        "all_values": each.all_values,
        "saved_share": each.saved_share,
        "winner_stopped_at": each.winner_stopped_at,
        "best": each.best,
        "best_left": each.best_left,
    }


def plain_section(section: Section, width: int | None = None, *, titled: bool = True) -> str:
    """Return a section as aligned text; `width` as for `render_insight`."""
    table = [render_plain(section.table, width)] if section.table else []
    return "\n".join([*([section.title] if titled else []), *section.lines, *table, *section.notes])


def _markdown(section: Section) -> str:
    table = [render_markdown(section.table)] if section.table else []
    lines = ["\n".join(f"- {line}" for line in section.lines)] if section.lines else []
    notes = ["\n".join(f"- {note}" for note in section.notes)] if section.notes else []
    return "\n\n".join([f"## {section.title}", *lines, *table, *notes])


def _bar(share: float) -> str:
    return "█" * round(share * _BAR_WIDTH) or "▏"


def chance_text(chance: float) -> str:
    """Return a chance; what was never drawn otherwise is not certain."""
    if math.isnan(chance):
        return "–"
    return ">99.9%" if chance >= 0.9995 else percent_text(chance)


def percent_text(share: float | None) -> str:
    """Return a share in percent, with a decimal where it is small or nearly all; a dash for None."""
    if share is None:
        return "–"
    if 0.9995 > share > 0.99:
        return f"{share:.1%}"
    return f"{share:.0%}" if share >= 0.0995 or share < 0.0005 else f"{share:.1%}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
