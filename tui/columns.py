"""Which columns a leaderboard has: counted value by value, so that an update costs what changed, not all runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from trainer.records import ORIGIN_KEY, Json, RunRecord
from trainer.run_filter import flat_dict as flat_dict
from trainer.run_filter import flat_items as flat_items
from trainer.sweep.joint import member_paths
from trainer.sweep.seed_names import Seeds


class ColumnKind(StrEnum):
    """Where the value of a column comes from."""

    RANK = "rank"
    NAME = "name"
    SWEEP = "sweep"
    STATE = "state"
    METRIC = "metric"
    CONFIG = "config"
    SUMMARY = "summary"
    DURATION = "duration"
    HOST = "host"
    GPU = "gpu"
    CREATED = "created"
    TAGS = "tags"
    NOTE = "note"
    COMPUTED = "computed"
    """A value of a metric computed from its history."""
    CHANCE = "chance"
    """Probability of being really the best."""
    FRONT = "front"
    """Whether no other run beats it in two metrics at once."""
    INTERVAL = "interval"
    """Half of the confidence interval of a group's mean; like the two below of groups only."""
    GROUP_BEST = "group_best"
    FAILURES = "failures"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the leaderboard."""

    kind: ColumnKind
    title: str
    path: str = ""
    """Dotted key of a configuration value, or name of a summary value; empty for the other kinds."""

    @property
    def is_number(self) -> bool:
        """Whether its values are aligned to the right whatever they are."""
        return self.kind in _NUMBERS

    @property
    def key(self) -> str:
        """Names it wherever choices are kept."""
        return f"{self.kind.value}:{self.path}" if self.path else self.kind.value


_NUMBERS = frozenset(
    (
        ColumnKind.RANK, ColumnKind.METRIC, ColumnKind.SUMMARY, ColumnKind.DURATION, ColumnKind.COMPUTED,
        ColumnKind.CHANCE, ColumnKind.INTERVAL, ColumnKind.GROUP_BEST, ColumnKind.FAILURES,
    )
)  # fmt: skip
GROUP_KINDS = frozenset((ColumnKind.INTERVAL, ColumnKind.GROUP_BEST, ColumnKind.FAILURES))
"""What only groups of runs have."""
RANK = Column(ColumnKind.RANK, "#")
NAME = Column(ColumnKind.NAME, "run")
SWEEP = Column(ColumnKind.SWEEP, "sweep")
STATE = Column(ColumnKind.STATE, "state")
DURATION = Column(ColumnKind.DURATION, "time")
CHANCE = Column(ColumnKind.CHANCE, "P(best)")
ABOUT_RUNS = (
    CHANCE,
    Column(ColumnKind.HOST, "host"),
    Column(ColumnKind.GPU, "GPU"),
    Column(ColumnKind.CREATED, "created"),
    Column(ColumnKind.TAGS, "tags"),
    Column(ColumnKind.NOTE, "note"),
)
"""What else there is to show of a run; not shown unless asked for."""
BEST_PREFIX = "best_"
"""How training programs commonly call the best value of a metric in a run's summary."""


def swept_keys(sweep_config: Mapping[str, Json]) -> list[str]:
    """Return the dotted keys of the parameters that a sweep varies, in the order of its configuration."""
    parameters = sweep_config.get("parameters")
    return list(_swept(parameters, "")) if isinstance(parameters, Mapping) else []


def _swept(parameters: Mapping[str, Json], prefix: str) -> Iterator[str]:
    for name, parameter in parameters.items():
        if not isinstance(parameter, Mapping):
            continue
        nested = parameter.get("parameters")
        if isinstance(nested, Mapping):
            yield from _swept(nested, f"{prefix}{name}.")
            continue
        members = [] if prefix else member_paths(name, parameter)
        if members:
            yield from map(".".join, members)
            continue
        values = parameter.get("values")
        if "value" in parameter or (isinstance(values, list) and len(values) < 2):
            continue
        yield f"{prefix}{name}"


def about_run(run: RunRecord, kind: ColumnKind) -> Json:
    """Return what a run says of itself in a column that is neither its configuration nor a number it logged."""
    match kind:
        case ColumnKind.NAME:
            return run.name
        case ColumnKind.STATE:
            return run.state.value
        case ColumnKind.DURATION:
            return run.duration_seconds
        case ColumnKind.SWEEP:
            return run.sweep_id or None
        case ColumnKind.HOST:
            return run.host or None
        case ColumnKind.GPU:
            return run.gpu.replace("NVIDIA ", "") or None
        case ColumnKind.CREATED:
            return run.created_at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if run.created_at else None
        case ColumnKind.TAGS:
            return ", ".join(run.tags) or None
        case ColumnKind.NOTE:
            return run.notes or None
    return None


def metric_order(name: str) -> tuple[bool, str]:
    """Return a sort key for metric names: by name, those that repeat another's best value last."""
    return (name.startswith(BEST_PREFIX) or name.endswith((".best", ".max", ".min")), name)


def summary_numbers(summary: Mapping[str, Json]) -> Iterator[tuple[str, float]]:
    """Yield the numeric values of a run's summary; tables, files and texts are not for a leaderboard."""
    for key, value in summary.items():
        if type(value) in _PLAIN:
            yield key, value  # type: ignore[misc]


_PLAIN = frozenset((int, float))


class ColumnCounter:
    """Knows which configuration keys vary among runs and which numbers their summaries hold."""

    def __init__(self, first: Iterable[str], metric_name: str, *, shows_sweeps: bool = False) -> None:
        self._shows_sweeps = shows_sweeps
        self._first = list(first)
        self._metric_name = metric_name
        self._config: dict[str, dict[str, int]] = {}
        self._summary: dict[str, int] = {}
        self._columns: list[Column] | None = None
        self.seeds = Seeds()
        """Which keys only repeat a configuration."""
        self._repeated_keys: list[Column] | None = None
        self._repeated_by: object = None

    def add(self, flat_config: Mapping[str, Json], summary: Mapping[str, Json]) -> None:
        """Count one run."""
        self._count(flat_config, summary, 1)

    def remove(self, flat_config: Mapping[str, Json], summary: Mapping[str, Json]) -> None:
        """Take back one run that was counted with these values."""
        self._count(flat_config, summary, -1)

    def replace(self, old: tuple[dict[str, Json], RunRecord], new: tuple[dict[str, Json], RunRecord]) -> None:
        """Count `new` in the place of `old`, each a flat configuration and its run."""
        if old[0] == new[0] and old[1].summary.keys() == new[1].summary.keys():
            return
        self.remove(old[0], old[1].summary)
        self.add(new[0], new[1].summary)

    def _count(self, flat_config: Mapping[str, Json], summary: Mapping[str, Json], by: int) -> None:
        for key, value in flat_config.items():
            counts = self._config.get(key)
            if counts is None:
                counts = self._config[key] = {}
            # `repr` says the same of a number in a third of the time.
            token = value if isinstance(value, str) else repr(value) if type(value) in _PLAIN else json.dumps(value)
            count = counts.get(token, 0) + by
            if count:
                counts[token] = count
            else:
                counts.pop(token, None)
        summed = self._summary
        for key, _ in summary_numbers(summary):
            summed[key] = summed.get(key, 0) + by
        self._columns = self._repeated_keys = None

    @property
    def columns(self) -> list[Column]:
        """The columns in their order: fixed ones, what is swept, what else varies, the time, the other metrics."""
        if self._columns is None:
            varying = [key for key in self._config if key not in self._first and self._tells_apart(key)]
            counted = (key for key, count in self._summary.items() if count > 0 and key != self._metric_name)
            metrics = [key for key in sorted(counted, key=metric_order) if not self._repeats(key)]
            metric = [Column(ColumnKind.METRIC, self._metric_name)] if self._metric_name else []
            self._columns = [
                RANK,
                NAME,
                *([SWEEP] if self._shows_sweeps else []),
                STATE,
                *metric,
                *(Column(ColumnKind.CONFIG, key, key) for key in self._first),
                *(Column(ColumnKind.CONFIG, key, key) for key in varying),
                DURATION,
                *(Column(ColumnKind.SUMMARY, key, key) for key in metrics),
            ]
        return self._columns

    @property
    def repeated_keys(self) -> list[Column]:
        """The columns that tell configurations apart where seeds repeat them; none where no seed varies."""
        by = (self.seeds.declared, self.seeds.chosen)
        if self._repeated_keys is None or by != self._repeated_by:
            self._repeated_by = by
            most = max((sum(counts.values()) for counts in self._config.values()), default=0)
            # A parameter that only some runs have tells them apart, too.
            swept = [
                key
                for key in self._first
                if self._config.get(key) and (self._varies(key) or sum(self._config[key].values()) < most)
            ]
            keys = swept or [key for key in self._config if self._tells_apart(key)]
            # A seed need not be swept: a program may draw its own, and tell it.
            has_seeds = any(self.seeds.are(key) and self._varies(key) for key in self._config)
            self._repeated_keys = [
                Column(ColumnKind.CONFIG, key, key) for key in keys if has_seeds and not self.seeds.are(key)
            ]
        return self._repeated_keys

    @property
    def constant(self) -> list[Column]:
        """Configuration keys that all runs have the same value of, or that say where runs are from."""
        return [
            Column(ColumnKind.CONFIG, key, key)
            for key in self._config
            if key not in self._first and not self._tells_apart(key)
        ]

    def _repeats(self, key: str) -> bool:
        """Return whether a summary value is the best one of a metric that has a column of its own."""
        metric = key.removeprefix(BEST_PREFIX)
        return metric != key and (metric == self._metric_name or self._summary.get(metric, 0) > 0)

    def _tells_apart(self, key: str) -> bool:
        return self._varies(key) and not key.startswith(f"{ORIGIN_KEY}.")

    def _varies(self, key: str) -> bool:
        # A key that some runs lack does not vary for that: a run that has just started has not sent all of its own.
        return len(self._config[key]) > 1
