"""The account of a sweep's points: finished, twice, never, or only tried. Pure: runs are given, nothing is read.

A point is a configuration as W&B tells them apart (`trainer.sweep.canonical`). Runs of sweeps that were made for a
sweep's missing points count for it, and so do the runs of other sweeps that its search started from.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

from trainer.errors import SweepConfigError
from trainer.records import Json, RunRecord, SweepRecord
from trainer.states import RunState
from trainer.sweep.canonical import canonical_key
from trainer.sweep.parameters import Constant, Parameter
from trainer.sweep.space import MISSING, SearchSpace, nest, run_cap_of, value_at

_NEVER_STARTED = timedelta(minutes=2)
"""A run that has waited this long in a sweep that is over will not be started by anybody."""
_SEARCHED = ("grid", "random", "bayes")


@dataclass(frozen=True, slots=True)
class Point:
    """A configuration and the runs that were given it."""

    config: Mapping[str, Json]
    """As the sweep wrote it where that is known, constants included; nested parameters nested."""
    finished: tuple[RunRecord, ...] = ()
    live: tuple[RunRecord, ...] = ()
    """Waiting, running, or preempted, which goes on."""
    failed: tuple[RunRecord, ...] = ()
    """Failed, crashed, or never started although the sweep is over."""
    killed: tuple[RunRecord, ...] = ()
    is_awaited: bool = False
    """Whether a sweep made for missing points has it still to hand out."""

    @property
    def is_settled(self) -> bool:
        """Whether a run of it finished or may still."""
        return bool(self.finished or self.live) or self.is_awaited

    @property
    def is_duplicate(self) -> bool:
        """Whether more runs than one did its work, or are about to."""
        return len(self.finished) + len(self.live) > 1

    @property
    def was_killed_last(self) -> bool:
        """Whether the last word on it is that somebody ended its run."""
        return bool(self.killed) and (not self.failed or _age(self.killed[-1]) >= _age(self.failed[-1]))

    @property
    def runs(self) -> tuple[RunRecord, ...]:
        """All of its runs, oldest first."""
        return tuple(sorted((*self.finished, *self.live, *self.failed, *self.killed), key=_age))


@dataclass(frozen=True)
class Account:
    """What became of each point of a sweep."""

    sweep: SweepRecord
    space: SearchSpace | None
    """None where a program outside decides the configurations without naming parameters."""
    expected: int | None
    """Points there will be: the distinct configurations, no more than run_cap and those covered by earlier sweeps; None
    where there is no end to them."""
    points: tuple[Point, ...]
    """Those that a run was given, in the order they were first handed out."""
    foreign: tuple[RunRecord, ...] = ()
    """Runs on no point of the sweep: their program replaced a value, or they died before they had one."""
    numbers: frozenset[int] = field(default_factory=frozenset, repr=False)
    """Numbers of `points` in the space, where they have some."""

    @property
    def finished(self) -> int:
        """How many points a run has finished, once or more often."""
        return sum(bool(point.finished) for point in self.points)

    @property
    def live(self) -> int:
        """How many points wait or run."""
        return sum(point.is_settled and not point.finished for point in self.points)

    @property
    def duplicates(self) -> list[Point]:
        """Points that more runs than one finished or are about to."""
        return [point for point in self.points if point.is_duplicate]

    @property
    def failed(self) -> list[Point]:
        """Points that were tried, and that no run finished or is about to."""
        return [point for point in self.points if not point.is_settled and not point.was_killed_last]

    @property
    def killed(self) -> list[Point]:
        """Points whose last run was ended by somebody, by early termination too, and that no run finished."""
        return [point for point in self.points if not point.is_settled and point.was_killed_last]

    @property
    def recovered(self) -> list[Point]:
        """Points that a run failed at and another finished."""
        return [point for point in self.points if point.failed and point.finished]

    @property
    def untried(self) -> int | None:
        """How many points nobody was given; None where there is no end to them."""
        return None if self.expected is None else max(self.expected - len(self.points), 0)

    @property
    def holes(self) -> int:
        """How many points were never handed out although the sweep is over."""
        return (self.untried or 0) if self.sweep.state.is_terminal else 0

    def untried_points(self) -> Iterator[dict[str, Json]]:
        """Yield the configurations of a grid that nobody was given, lowest number first, `untried` of them."""
        if self.space is None or self.space.unique_count is None or not self.untried:
            return
        left = self.untried
        for number in range(self.space.unique_count):
            if number not in self.numbers:
                yield self.space.point(number)
                left -= 1
                if not left:
                    return


def account(
    sweep: SweepRecord,
    runs: Iterable[RunRecord],
    fillers: Sequence[SweepRecord] = (),
    prior_runs: Iterable[RunRecord] = (),
    *,
    now: datetime | None = None,
) -> Account:
    """Return what became of each point of a sweep.

    The cost is that of the runs; a space of 10^12 points costs what a small one does.

    Args:
        sweep: The sweep.
        runs: Its runs and those of `fillers`.
        fillers: Sweeps made for its missing points.
        prior_runs: Finished runs of other sweeps whose points it does not run again.
        now: The time; None for the clock's.
    """
    now = now or datetime.now(UTC)
    space, is_finite = _space_of(sweep)
    found: dict[Hashable, list[RunRecord]] = {}
    foreign: list[RunRecord] = []
    over = {named.reference.id for named in (sweep, *fillers) if named.state.is_terminal}
    for run in sorted(runs, key=_age):
        key = _key(run.config, space, is_finite)
        if key is None:
            foreign.append(run)
        else:
            found.setdefault(key, []).append(run)
    covered = _covered(prior_runs, space, is_finite)
    for key, earlier in covered.items():
        found.setdefault(key, []).extend(earlier)
    handed_out = {(run.sweep_id, key) for key, its in found.items() for run in its}
    awaited = {
        key: point
        for filler, key, point in _still_to_come(fillers, space, is_finite)
        if (filler.reference.id, key) not in handed_out
    }
    points = [
        _point(key, found.get(key, []), awaited.get(key), space, over, now) for key in dict.fromkeys((*found, *awaited))
    ]
    return Account(
        sweep=sweep,
        space=space,
        expected=_expected(sweep, space, len(covered)),
        points=tuple(points),
        foreign=tuple(foreign),
        numbers=frozenset(key for key in (*found, *awaited) if isinstance(key, int)),
    )


def _still_to_come(
    fillers: Sequence[SweepRecord], space: SearchSpace | None, is_finite: bool
) -> Iterator[tuple[SweepRecord, Hashable, dict[str, Json]]]:
    """Yield the points of fillers that are not over, each with its key."""
    for filler in fillers:
        if not filler.state.is_terminal:
            for point in SearchSpace.from_config(filler.config).points():
                key = _key(point, space, is_finite)
                if key is not None:
                    yield filler, key, point


def _space_of(sweep: SweepRecord) -> tuple[SearchSpace | None, bool]:
    """Return the space of a sweep, and whether its points have numbers."""
    try:
        space = SearchSpace.from_config(sweep.config)
    except SweepConfigError:
        # Another server's sweep may have what we cannot read; its runs can be told apart all the same.
        return None, False
    is_searched = sweep.config.get("method", sweep.method) in _SEARCHED and not sweep.config.get("scheduler")
    if not is_searched:
        return (space if space.parameters else None), False
    return space, space.unique_count is not None


def _covered(
    prior_runs: Iterable[RunRecord], space: SearchSpace | None, is_finite: bool
) -> dict[Hashable, list[RunRecord]]:
    """Return the earlier runs by their points; where points have no numbers, they keep none from being run."""
    covered: dict[Hashable, list[RunRecord]] = {}
    for run in sorted(prior_runs, key=_age) if is_finite else ():
        key = _key(run.config, space, is_finite)
        # A fork may have a smaller space: a run outside of it is none of its concern.
        if key is not None:
            covered.setdefault(key, []).append(run)
    return covered


def _expected(sweep: SweepRecord, space: SearchSpace | None, covered: int) -> int | None:
    if space is None or sweep.config.get("method", sweep.method) not in _SEARCHED or sweep.config.get("scheduler"):
        return run_cap_of(sweep.config)
    # The server takes no share of run_cap for points that are covered.
    cap = run_cap_of(sweep.config)
    bounds = [bound for bound in (space.unique_count, None if cap is None else cap + covered) if bound is not None]
    return min(bounds, default=None)


def _key(config: Mapping[str, Json], space: SearchSpace | None, is_finite: bool) -> Hashable | None:
    """Return what tells the point of a run from others: its number where it has one. None when it lies on none."""
    if space is None:
        return canonical_key(dict(config)) if config else None
    if is_finite:
        return space.recognised(config)
    is_whole = all(
        value_at(config, parameter.path) is not MISSING
        for parameter in space.parameters
        if not isinstance(parameter, Constant)
    )
    return space.key_of(config) if is_whole else None


def _point(
    key: Hashable,
    runs: Sequence[RunRecord],
    awaited: Mapping[str, Json] | None,
    space: SearchSpace | None,
    over: Set[str],
    now: datetime,
) -> Point:
    kinds: dict[str, list[RunRecord]] = {"finished": [], "live": [], "failed": [], "killed": []}
    for run in runs:
        kinds[_kind(run, over, now)].append(run)
    if isinstance(key, int) and space is not None:
        config: Mapping[str, Json] = space.point(key)
    elif awaited is not None:
        config = awaited
    elif space is not None:
        config = nest([(parameter.path, _value(parameter, runs[0])) for parameter in space.parameters])
    else:
        config = runs[0].config
    return Point(config, **{kind: tuple(its) for kind, its in kinds.items()}, is_awaited=awaited is not None)


def _value(parameter: Parameter, run: RunRecord) -> Json:
    if isinstance(parameter, Constant):
        return parameter.value
    return cast(Json, value_at(run.config, parameter.path))


def _kind(run: RunRecord, over: Set[str], now: datetime) -> str:
    if run.state is RunState.FINISHED:
        return "finished"
    if run.state is RunState.KILLED:
        return "killed"
    if run.state.is_failure:
        return "failed"
    if run.state in (RunState.PENDING, RunState.PREEMPTED) and run.sweep_id in over:
        heard = run.heartbeat_at or run.created_at
        return "failed" if heard is not None and now - heard > _NEVER_STARTED else "live"
    return "live"


def _age(run: RunRecord) -> tuple[float, str]:
    return (run.created_at.timestamp() if run.created_at else 0.0, run.id)


def account_report(given: Account, fillers: Sequence[SweepRecord] = ()) -> dict[str, Json]:
    """Return an account as `points --json` writes it."""

    def listed(points: Iterable[Point]) -> list[Json]:
        return [
            {"config": dict(point.config), "runs": [{"id": run.id, "state": run.state.value} for run in point.runs]}
            for point in points
        ]

    return {
        "sweep": str(given.sweep.reference),
        "state": given.sweep.state.value,
        "method": given.sweep.method,
        "expected": given.expected,
        "finished": given.finished,
        "live": given.live,
        "untried": given.untried,
        "holes": given.holes,
        "duplicates": listed(given.duplicates),
        "failed": listed(given.failed),
        "killed": listed(given.killed),
        "recovered": listed(given.recovered),
        "foreign": [{"id": run.id, "state": run.state.value} for run in given.foreign],
        "fillers": [str(filler.reference) for filler in fillers],
    }
