"""What several sweeps are when they are taken as one: their metric, their record, their names. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from trainer.records import Goal, Json, Metric, SweepRecord, SweepReference
from trainer.states import SweepState
from trainer.sweep.seed_names import declared_seeds, with_declared


@dataclass(frozen=True, slots=True)
class SharedMetric:
    """What ranks the runs of several sweeps."""

    metric: Metric | None
    note: str = ""
    """What is to be known about it, in sentences: who has another metric, or another goal; empty for nothing."""


def shared_metric(sweeps: Sequence[SweepRecord], name: str | None = None, goal: Goal | None = None) -> SharedMetric:
    """Return what ranks the runs of several sweeps together: what most of them optimise, the first where none leads.

    Args:
        sweeps: The sweeps.
        name: The metric to take; None to choose.
        goal: Its goal; None for that of most sweeps that optimise it, minimize where none does.
    """
    counts = Counter(sweep.metric.name for sweep in sweeps if sweep.metric)
    chosen = name or (counts.most_common(1)[0][0] if counts else "")
    if not chosen:
        return SharedMetric(None, "None of these sweeps names a metric: their runs are listed, not ranked.")
    having = [sweep for sweep in sweeps if sweep.metric and sweep.metric.name == chosen]
    others = [sweep for sweep in sweeps if sweep not in having]
    goals = Counter(sweep.metric.goal for sweep in having if sweep.metric)
    direction: Goal = goal or (goals.most_common(1)[0][0] if goals else "minimize")
    notes = []
    if others:
        told = "; ".join(
            f"{sweep.name} optimises {sweep.metric.name}" if sweep.metric else f"{sweep.name} names none"
            for sweep in others[:3]
        )
        more = f"; and {len(others) - 3} more" if len(others) > 3 else ""
        notes.append(f"Ranked by {chosen}, the metric of {len(having)} of {len(sweeps)}: {told}{more}.")
    against = [sweep.name for sweep in having if sweep.metric and sweep.metric.goal != direction]
    if against:
        word = {"minimize": "least", "maximize": "greatest"}[direction]
        names = ", ".join(against[:3]) + (" and others" if len(against) > 3 else "")
        other = "minimize" if direction == "maximize" else "maximize"
        verb = other if len(against) > 1 else f"{other}s"
        notes.append(f"{names} {verb} {chosen}, the others {direction} it: the {word} comes first.")
    return SharedMetric(Metric(chosen, direction), " ".join(notes))


def combined(sweeps: Sequence[SweepRecord], metric: Metric | None) -> SweepRecord:
    """Return the record of several sweeps taken as one."""
    references = [sweep.reference for sweep in sweeps]
    projects = dict.fromkeys(reference.project for reference in references)
    expected = [sweep.run_count_expected for sweep in sweeps]
    best: float | None = None
    for sweep in sweeps:
        value = sweep.best_value
        if value is not None and metric and sweep.metric and sweep.metric.name == metric.name:
            best = value if metric.is_better(value, best) else best
    return SweepRecord(
        reference=SweepReference(
            references[0].entity, "+".join(projects), "-".join(reference.id for reference in references)[:60]
        ),
        name=f"{len(sweeps)} sweeps",
        state=_state(sweep.state for sweep in sweeps),
        method=", ".join(dict.fromkeys(sweep.method for sweep in sweeps)),
        metric=metric,
        config=_config(sweeps, metric),
        created_at=min((sweep.created_at for sweep in sweeps if sweep.created_at), default=None),
        run_count=sum(sweep.run_count for sweep in sweeps),
        run_count_expected=None if None in expected else sum(count or 0 for count in expected),
        best_value=best,
        parts=tuple(references),
    )


def _state(states: Iterable[SweepState]) -> SweepState:
    found = set(states)
    for state in (SweepState.RUNNING, SweepState.PENDING, SweepState.PAUSED, SweepState.FINISHED):
        if state in found:
            return state
    return SweepState.CANCELED


def _config(sweeps: Sequence[SweepRecord], metric: Metric | None) -> dict[str, Json]:
    """Return what a sweep that goes on from all of them would be: what they agree in, and what any of them searches."""
    first = sweeps[0].config
    config: dict[str, Json] = {"method": sweeps[0].method}
    for key in ("program", "command"):
        if key in first and all(sweep.config.get(key) == first[key] for sweep in sweeps):
            config[key] = first[key]
    if metric is not None:
        config["metric"] = {"name": metric.name, "goal": metric.goal}
    seeds = {name for sweep in sweeps for name in declared_seeds(sweep.config)}
    if seeds:
        config["description"] = with_declared("", sorted(seeds))
    return {**config, "parameters": _parameters(sweeps)}


def _parameters(sweeps: Sequence[SweepRecord]) -> dict[str, Json]:
    """Return the parameters of all: one that several sweeps have in a different form as one that varies."""
    forms: dict[str, list[Json]] = {}
    for sweep in sweeps:
        given = sweep.config.get("parameters")
        for name, form in given.items() if isinstance(given, Mapping) else ():
            if form not in forms.setdefault(name, []):
                forms[name].append(form)
    return {name: found[0] if len(found) == 1 else _varying(found) for name, found in forms.items()}


def _varying(forms: Sequence[Json]) -> Json:
    """Return a form that takes what any of some forms takes, as far as one can; else the first that varies."""
    given = [form for form in forms if isinstance(form, Mapping)]
    lists = [
        form["values"] if "values" in form else [form["value"]] for form in given if {"values", "value"} & set(form)
    ]
    varying = [dict(form) for form in given if "value" not in form]
    if len(lists) == len(given) and all(isinstance(each, list) for each in lists):
        union: list[Json] = []
        for value in (value for each in lists if isinstance(each, list) for value in each):
            if value not in union:
                union.append(value)
        return {"values": union}
    low, high = ([form.get(end) for form in varying] for end in ("min", "max"))
    rest = [{key: value for key, value in form.items() if key not in ("min", "max")} for form in varying]
    lows = [end for end in low if isinstance(end, int | float) and not isinstance(end, bool)]
    highs = [end for end in high if isinstance(end, int | float) and not isinstance(end, bool)]
    if varying and len(lows) == len(highs) == len(varying) and all(each == rest[0] for each in rest):
        return {**varying[0], "min": min(lows), "max": max(highs)}
    return varying[0] if varying else {"values": [form["value"] for form in given]}


def labels_of(sweeps: Sequence[SweepRecord]) -> dict[SweepReference, str]:
    """Return a name for each sweep that no other has."""
    counts = Counter(sweep.name for sweep in sweeps)
    return {
        sweep.reference: sweep.name if counts[sweep.name] == 1 else f"{sweep.name} ({sweep.reference.id})"
        for sweep in sweeps
    }
