"""The filter of a list of sweeps: the language of `run_filter`, asked about sweeps instead of runs. Pure.

wine                              a bare word looks in everything a row shows
state=running project~wine        both hold
best>=0.9 method=bayes|random     a fact with a number, a fact with any of two values
model=forest has:lr               a parameter that takes a value, a parameter that there is
created>2026-11-01 age<2h         by time; `age` is how long ago it was created
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from trainer.filter_hints import FilterKey, FilterKeys, listed_values
from trainer.records import Json, SweepRecord
from trainer.run_filter import parse_run_filter
from trainer.states import SweepState

SWEEP_FACTS: Mapping[str, str] = {
    "state": "running, paused, finished, canceled, pending",
    "project": "where it is",
    "name": "of the sweep",
    "id": "of the sweep",
    "entity": "who owns it",
    "method": "grid, random, bayes",
    "metric": "what it optimises",
    "goal": "minimize or maximize",
    "best": "its best value",
    "runs": "how many there are",
    "left": "runs still to come",
    "created": "when: 2026-11-28",
    "age": "how long ago it was created: 90, 5m, 2h, 3d",
    "program": "what its runs start",
    "has": "a parameter that it has: has:lr",
}
"""What a sweep says about itself, and what that is."""


class SweepSubject:
    """A sweep that a condition is asked about."""

    def __init__(self, sweep: SweepRecord, now: datetime) -> None:
        self._sweep = sweep
        self._now = now

    def values(self, key: str) -> Sequence[Json]:
        """Return a fact of the sweep, else the values that a parameter of this name may take."""
        if key in SWEEP_FACTS and key != "has":
            value = self._fact(key)
            return () if value is None else (value,)
        return _parameter_values(self._sweep.config, key)

    def _fact(self, key: str) -> Json:
        # One by one: all of them, for each of thousands of sweeps, take longer than a key may.
        sweep, reference, created = self._sweep, self._sweep.reference, self._sweep.created_at
        match key:
            case "left":
                expected = sweep.run_count_expected
                return None if expected is None else max(expected - sweep.run_count, 0)
            case "created":
                return created.astimezone().isoformat(" ", "seconds") if created else None
            case "age":
                return (self._now - created).total_seconds() if created else None
            case "metric" | "goal":
                return None if sweep.metric is None else sweep.metric.name if key == "metric" else sweep.metric.goal
            case "program":
                return sweep.config.get("program")
        facts: dict[str, Json] = {
            "state": sweep.state.value,
            "project": reference.project,
            "name": sweep.name,
            "id": reference.id,
            "entity": reference.entity,
            "method": sweep.method,
            "best": sweep.best_value,
            "runs": sweep.run_count,
        }
        return facts[key]

    def texts(self) -> Sequence[str]:
        """Return name, id, project, method, state and metric."""
        sweep = self._sweep
        metric = sweep.metric.name if sweep.metric else ""
        parts = (sweep.name, sweep.reference.id, sweep.reference.project, sweep.method, sweep.state.value, metric)
        return [part.lower() for part in parts]


def _parameter_values(config: Mapping[str, Json], key: str) -> Sequence[Json]:
    """Return what a parameter may be: its value, its values, or the ends of its range; of a nested one by its end."""
    found: list[Json] = []
    for name, form in _parameters(config.get("parameters"), ""):
        if name != key and not name.endswith(f".{key}"):
            continue
        if "value" in form:
            found.append(form["value"])
        elif isinstance(values := form.get("values"), list):
            found += values
        else:
            found += [form[end] for end in ("min", "max", "mu") if end in form] or [""]
    return found


def _parameters(parameters: Json, prefix: str) -> Iterable[tuple[str, Mapping[str, Json]]]:
    for name, form in parameters.items() if isinstance(parameters, Mapping) else ():
        if not isinstance(form, Mapping):
            continue
        if isinstance(nested := form.get("parameters"), Mapping):
            yield from _parameters(dict(nested), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", form


def matching_sweeps(sweeps: Sequence[SweepRecord], query: str, now: datetime | None = None) -> list[SweepRecord]:
    """Return the sweeps that a filter wants, in their order; every text is a filter."""
    condition = parse_run_filter(query).condition
    if condition is None:
        return list(sweeps)
    moment = now or datetime.now(UTC)
    return [sweep for sweep in sweeps if condition.holds(SweepSubject(sweep, moment))]


def sweep_keys(sweeps: Sequence[SweepRecord]) -> FilterKeys:
    """Return what a filter of these sweeps may name, with the values that can be listed."""
    listed: dict[str, Sequence[str]] = {
        "state": [state.value.lower() for state in SweepState],
        "project": listed_values(sweep.reference.project for sweep in sweeps),
        "method": listed_values(sweep.method for sweep in sweeps),
        "metric": listed_values(sweep.metric.name for sweep in sweeps if sweep.metric),
        "goal": ["minimize", "maximize"],
    }
    keys = {name: FilterKey(name, meaning, listed.get(name, ())) for name, meaning in SWEEP_FACTS.items()}
    names = dict.fromkeys(name for sweep in sweeps for name, _ in _parameters(sweep.config.get("parameters"), ""))
    for name in names:
        keys.setdefault(name, FilterKey(name, "a parameter"))
    return FilterKeys(keys, facts=False)
