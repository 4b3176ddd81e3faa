"""Sweeps side by side: how they search, where, what it cost, what came of it. Pure: sweeps and runs are given.

Each sweep is judged by its own metric; which of them did best is said only where they optimise the same.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trainer.durations import duration_text
from trainer.records import Json, Metric, RunRecord, SweepRecord
from trainer.states import RunState
from trainer.tracking.leaderboard import best_config, best_run, flatten_config, strict_json
from trainer.tracking.sweeps_as_one import labels_of
from trainer.tracking.tables import Table, render_markdown, render_plain

MISSING = "–"


@dataclass(frozen=True, slots=True)
class SweepWithRuns:
    """A sweep and all of its runs, each with the curve of the sweep's metric where it is known."""

    sweep: SweepRecord
    runs: Sequence[RunRecord]

    @property
    def best(self) -> RunRecord | None:
        """The best run by the sweep's own metric."""
        return best_run(self.runs, self.sweep.metric)

    @property
    def best_value(self) -> float | None:
        """The best value of the sweep's own metric."""
        best, metric = self.best, self.sweep.metric
        return best.metric_value(metric, "best") if best is not None and metric is not None else None

    def best_so_far(self) -> list[tuple[float, float]]:
        """Return number of runs and best value at each improvement and at the last run, in the order of their ends."""
        metric = self.sweep.metric
        if metric is None:
            return []
        ordered = sorted(self.runs, key=lambda run: (_end(run), run.id))
        points: list[tuple[float, float]] = []
        for number, run in enumerate(ordered, 1):
            value = run.metric_value(metric, "best")
            if value is not None and metric.is_better(value, points[-1][1] if points else None):
                points.append((float(number), value))
        if points and points[-1][0] < len(ordered):
            points.append((float(len(ordered)), points[-1][1]))
        return points


@dataclass(frozen=True, slots=True)
class Row:
    """One fact of each sweep."""

    title: str
    values: tuple[str, ...]
    best: int | None = None
    """Which sweep is best in it; None where that cannot be said."""

    @property
    def differs(self) -> bool:
        """Whether it tells any of the sweeps from the others."""
        return len(set(self.values)) > 1


@dataclass(frozen=True, slots=True)
class Section:
    """Facts of one kind."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Sweeps side by side."""

    names: tuple[str, ...]
    sections: tuple[Section, ...]
    same: tuple[str, ...]
    """Parameters that are the same in all of them, each as `name: entry`."""
    notes: tuple[str, ...]
    """What is to be known, in sentences."""


def compare_sweeps(found: Sequence[SweepWithRuns]) -> Comparison:
    """Compare sweeps."""
    names = tuple(labels_of([each.sweep for each in found]).values())
    space, same = _space(found)
    sections = (
        Section("result", tuple(_result(found))),
        Section("search", tuple(_search(found))),
        Section("space", tuple(space)),
        Section("best configuration", tuple(_best_configurations(found))),
    )
    return Comparison(names, tuple(each for each in sections if each.rows), tuple(same), tuple(_notes(found)))


def _metrics(found: Sequence[SweepWithRuns]) -> set[Metric | None]:
    return {each.sweep.metric and Metric(each.sweep.metric.name, each.sweep.metric.goal) for each in found}


def _notes(found: Sequence[SweepWithRuns]) -> Iterable[str]:
    metrics = _metrics(found)
    names = {metric.name for metric in metrics if metric}
    if len(names) > 1 or None in metrics:
        yield "They do not optimise the same metric: no value of one says anything about another."
    elif len(metrics) > 1:
        yield f"They do not agree on {next(iter(names))}: some minimize it and some maximize it."


def _result(found: Sequence[SweepWithRuns]) -> Iterable[Row]:
    values = [each.best_value for each in found]
    metrics = _metrics(found)
    metric = next(iter(metrics)) if len(metrics) == 1 else None
    first = None
    if metric is not None and any(value is not None for value in values):
        place = best_index(values, metric)
        # Of several that are equally good none is the best.
        first = place if values.count(values[place]) == 1 else None
    yield Row("best value", tuple(map(_number, values)), first)
    yield Row("metric", tuple(_metric_text(each.sweep.metric) for each in found))
    yield Row("by run", tuple(best.name if (best := each.best) else MISSING for each in found))
    yield Row("found by", tuple(map(_found_by, found)))
    yield Row("state", tuple(each.sweep.state.value.lower() for each in found))
    yield Row("runs", tuple(map(_runs_text, found)))
    yield Row("failed", tuple(str(_count(each, RunState.FAILED, RunState.CRASHED)) for each in found))
    if any(_count(each, RunState.KILLED, RunState.PREEMPTED) for each in found):
        yield Row("stopped", tuple(str(_count(each, RunState.KILLED, RunState.PREEMPTED)) for each in found))
    yield Row("took", tuple(_took(each.runs) for each in found))
    yield Row("run, median", tuple(_median_time(each.runs) for each in found))


def best_index(values: Sequence[float | None], metric: Metric) -> int:
    """Return where the best value is; of none, the first place."""
    best = 0
    for index, value in enumerate(values):
        if value is not None and metric.is_better(value, values[best]):
            best = index
    return best


def _search(found: Sequence[SweepWithRuns]) -> Iterable[Row]:
    yield Row("method", tuple(each.sweep.method for each in found))
    yield Row("early_terminate", tuple(_early(each.sweep.config.get("early_terminate")) for each in found))
    for title, key in (("run_cap", "run_cap"), ("program", "program")):
        row = Row(title, tuple(_plain(each.sweep.config.get(key)) for each in found))
        if row.differs:
            yield row
    projects = Row("project", tuple(each.sweep.reference.project for each in found))
    if projects.differs:
        yield projects
    yield Row("created", tuple(_moment(each.sweep.created_at) for each in found))


def _space(found: Sequence[SweepWithRuns]) -> tuple[list[Row], list[str]]:
    spaces = [dict(_entries(each.sweep.config.get("parameters"), "")) for each in found]
    rows, same = [], []
    for name in dict.fromkeys(name for space in spaces for name in space):
        row = Row(name, tuple(entry_words(space[name]) if name in space else MISSING for space in spaces))
        if row.differs:
            rows.append(row)
        else:
            same.append(f"{name}: {row.values[0]}")
    return rows, same


def _entries(parameters: Json, prefix: str) -> Iterable[tuple[str, Json]]:
    for name, entry in parameters.items() if isinstance(parameters, Mapping) else ():
        nested = entry.get("parameters") if isinstance(entry, Mapping) else None
        if isinstance(nested, dict):
            yield from _entries(nested, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", entry


def _best_configurations(found: Sequence[SweepWithRuns]) -> Iterable[Row]:
    flats = [flatten_config(best_config(each.sweep, best)) if (best := each.best) else {} for each in found]
    for name in dict.fromkeys(name for flat in flats for name in flat):
        row = Row(name, tuple(_word(flat[name]) if name in flat else MISSING for flat in flats))
        if row.differs:
            yield row


# Texts


def _found_by(each: SweepWithRuns) -> str:
    points = each.best_so_far()
    first = next((number for number, value in points if value == points[-1][1]), None)
    return MISSING if first is None else f"run {first:.0f} of {len(each.runs):,}"


def _runs_text(each: SweepWithRuns) -> str:
    done = sum(run.state.is_terminal for run in each.runs)
    expected = each.sweep.run_count_expected
    return f"{done:,}" if expected is None or expected == done else f"{done:,} of {max(expected, len(each.runs)):,}"


def _count(each: SweepWithRuns, *states: RunState) -> int:
    counts = Counter(run.state for run in each.runs)
    return sum(counts[state] for state in states)


def _end(run: RunRecord) -> float:
    if run.heartbeat_at is not None:
        return run.heartbeat_at.timestamp()
    if run.created_at is None:
        return math.inf
    return (run.created_at + timedelta(seconds=run.duration_seconds or 0.0)).timestamp()


def _took(runs: Sequence[RunRecord]) -> str:
    starts = [run.created_at.timestamp() for run in runs if run.created_at]
    ends = [_end(run) for run in runs if run.created_at]
    return _time(max(ends) - min(starts)) if starts else MISSING


def _time(seconds: float) -> str:
    return f"{seconds:.1f}s" if seconds < 10 else duration_text(seconds)


def _median_time(runs: Sequence[RunRecord]) -> str:
    times = sorted(run.duration_seconds for run in runs if run.duration_seconds is not None and run.state.is_terminal)
    return _time(times[len(times) // 2]) if times else MISSING


def _early(entry: Json) -> str:
    if not isinstance(entry, Mapping):
        return "none"
    rest = " ".join(f"{key}={_plain(value)}" for key, value in entry.items() if key != "type")
    return f"{entry.get('type')} {rest}".strip()


def _metric_text(metric: Metric | None) -> str:
    return f"{metric.goal} {metric.name}" if metric else "none"


def _number(value: float | None) -> str:
    return MISSING if value is None else f"{value:.6g}"


def _plain(value: Json) -> str:
    return MISSING if value is None else _word(value)


def _word(value: Json) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value)


def entry_words(entry: Json) -> str:
    """Return a parameter's entry in a few words: `wine`, `2 | 3 | 5`, `20 … 200`, `0.01 … 0.5 log`."""
    if not isinstance(entry, Mapping):
        return _word(entry)
    if "value" in entry:
        return _word(entry["value"])
    if isinstance(values := entry.get("values"), list):
        shares = entry.get("probabilities")
        if isinstance(shares, list) and len(shares) == len(values):
            return " | ".join(f"{_word(value)} @ {_word(share)}" for value, share in zip(values, shares, strict=True))
        return " | ".join(map(_word, values))
    kind = str(entry.get("distribution") or "")
    step = f" step {_word(entry['q'])}" if entry.get("q") is not None else ""
    if "min" in entry and "max" in entry:
        log = " log" if "log" in kind else ""
        return f"{_word(entry['min'])} … {_word(entry['max'])}{log}{step}"
    rest = " ".join(f"{key}={_word(value)}" for key, value in entry.items() if key not in ("distribution", "q"))
    return f"{kind} {rest}{step}".strip()


def _moment(moment: datetime | None) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}" if moment else MISSING


# Written out


def render_comparison(found: Sequence[SweepWithRuns], output_format: str = "table", width: int | None = None) -> str:
    """Return a comparison as text.

    Args:
        found: The sweeps.
        output_format: table, md or json.
        width: Columns of the terminal, for a table; None to ask it, 0 for no limit.
    """
    comparison = compare_sweeps(found)
    if output_format == "json":
        return json.dumps(strict_json(comparison_json(found, comparison)), indent=2)
    heads = ("", *comparison.names)
    parts = []
    for section in comparison.sections:
        rows = [
            (row.title, *(f"{text} ★" if place == row.best else text for place, text in enumerate(row.values)))
            for row in section.rows
        ]
        table = Table(heads, tuple(rows))
        title = f"## {section.title.capitalize()}\n" if output_format == "md" else section.title
        parts.append(f"{title}\n{render_markdown(table) if output_format == 'md' else render_plain(table, width)}")
    if comparison.same:
        parts.append("The same in all: " + ", ".join(comparison.same))
    return "\n\n".join([*parts, *comparison.notes])


def comparison_json(found: Sequence[SweepWithRuns], comparison: Comparison) -> dict[str, Json]:
    """Return a comparison as plain values, numbers unrounded."""
    sweeps: list[Json] = []
    for name, each in zip(comparison.names, found, strict=True):
        sweep, best = each.sweep, each.best
        curve: list[Json] = [[number, value] for number, value in each.best_so_far()]
        sweeps.append(
            {
                "sweep": str(sweep.reference),
                "name": name,
                "state": sweep.state.value,
                "method": sweep.method,
                "metric": sweep.metric.name if sweep.metric else None,
                "goal": sweep.metric.goal if sweep.metric else None,
                "runs": len(each.runs),
                "states": {str(state): count for state, count in Counter(run.state for run in each.runs).items()},
                "best_value": each.best_value,
                "best_run": best.id if best else None,
                "best_config": dict(best_config(sweep, best)) if best else None,
                "early_terminate": sweep.config.get("early_terminate"),
                "parameters": sweep.config.get("parameters"),
                "best_so_far": curve,
            }
        )
    differing: dict[str, Json] = {
        row.title: list[Json](row.values)
        for section in comparison.sections
        if section.title == "space"
        for row in section.rows
    }
    same: list[Json] = list(comparison.same)
    notes: list[Json] = list(comparison.notes)
    return {"sweeps": sweeps, "space_differs": differing, "space_same": same, "notes": notes}
