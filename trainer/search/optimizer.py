"""Ask and tell: what every search method offers, and what it learns from. The methods are in their own modules."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from trainer.errors import SweepConfigError
from trainer.records import Json
from trainer.states import RunState
from trainer.sweep.config import metric_of
from trainer.sweep.parameters import Constant
from trainer.sweep.space import MISSING, SearchSpace, run_cap_of, value_at


@dataclass(frozen=True, slots=True)
class RunSuggestion:
    """The hyperparameters of a run to start."""

    config: dict[str, Json]
    """Flat form, nested parameters nested: `{"optimizer": {"lr": 0.1}}`; constants included."""


@dataclass(frozen=True, slots=True)
class ObservedRun:
    """A run as a search method sees it."""

    id: str
    config: Mapping[str, Json]
    """What the run used, flat form; keys may be missing, foreign or changed by the program."""
    state: RunState = RunState.FINISHED
    value: float | None = None
    """The run's value of the sweep's metric; None when it has none yet, NaN counts as none."""
    suggested: Mapping[str, Json] | None = None
    """What it was told to use; give it where it is known, so that a program that changes its configuration does not
    make its point run again. None: take `config` for it."""

    @property
    def assigned(self) -> Mapping[str, Json]:
        """What the run was told to use, as far as is known."""
        return self.config if self.suggested is None else self.suggested


@dataclass(slots=True)
class Seen:
    """One run or suggestion that counts: what was assigned, and what came of it."""

    assigned: Mapping[str, Json]
    """Empty once the method has no more use for it."""
    key: Hashable
    """What tells its assigned configuration from others: the number of its point where it has one."""
    run: ObservedRun | None = None
    """None while only suggested, and once the method has no more use for it."""
    value: float | None = None
    """The run's value of the sweep's metric."""
    is_replacement: bool = False
    """Whether it does over what a run that failed or was killed left undone."""
    is_undone: bool = False
    """Whether the run failed or was killed."""
    is_prior: bool = False
    """Whether it is a run of another sweep, which takes no share of run_cap."""


_UNDONE = (RunState.FAILED, RunState.CRASHED, RunState.KILLED)


class Optimizer(ABC):
    """A search method for one sweep. Not thread-safe; the same configuration, seed and history give the same answers.

    Attributes:
        space: The search space.
    """

    learns_from = 0
    """How many of the newest runs the method looks at. Of older ones that ended, little more than the point is kept:
    a sweep of 100,000 runs is to fit into memory."""

    def __init__(self, config: Mapping[str, Json], seed: int) -> None:
        self.space = SearchSpace.from_config(config)
        self.size = self.space.unique_count
        self._seed = seed
        self._metric = metric_of(config)
        self._run_cap = run_cap_of(config)
        self._seen: list[Seen] = []
        self._taken: set[int] = set()
        self._drawn: set[Hashable] = set()
        self._position_by_run: dict[str, int] = {}
        self._pending: dict[Hashable, list[int]] = {}
        self._undone: dict[Hashable, int] = {}
        """How many runs of a configuration failed or were killed and have no replacement yet."""
        self._replacements = 0
        self._priors = 0
        self._is_target_reached = False

    def ask(self, count: int) -> list[RunSuggestion] | None:
        """Return up to `count` suggestions; each counts as a run from now on.

        Returns:
            Fewer than asked when the space or run_cap ends; empty when none is left, ever, unless `give_back` returns
            one; None when there is none now but may be later (no method of ours needs that).
        """
        suggestions: list[RunSuggestion] = []
        while len(suggestions) < count and not self.is_exhausted:
            config = self._next()
            if config is None:
                break
            self._remember(Seen(config, self._key(config)), is_pending=True)
            suggestions.append(RunSuggestion(config))
        return suggestions

    def tell(self, run: ObservedRun) -> None:
        """Report a run, as often as it changes: one that was suggested, or any other of the sweep."""
        position = self._position_by_run.get(run.id)
        if position is None:
            key = self._key(run.assigned)
            position = self._take_pending(key)
        if position is None:
            position = len(self._seen)
            self._remember(
                Seen(run.assigned, key, is_replacement=self._is_whole(run.assigned, key) and self._replaces(key)),
                is_pending=False,
            )
        self._position_by_run[run.id] = position
        seen = self._seen[position]
        seen.run, seen.value = run, run.value
        self._note_undone(seen, run.state in _UNDONE)
        if position < len(self._seen) - self.learns_from:
            self._abridge(seen)
        self._is_target_reached = self._is_target_reached or self._reaches_target(run)

    def tell_prior(self, run: ObservedRun) -> None:
        """Report a run of another sweep that the search starts from: its point is done, and its value is learnt from.

        Give them before any other run. They take no share of run_cap, and a target that one reached ends nothing.
        """
        self._remember(Seen(run.assigned, self._key(run.assigned), run, run.value, is_prior=True), is_pending=False)
        self._priors += 1

    def give_back(self, config: Mapping[str, Json]) -> bool:
        """Forget one suggestion or run with this configuration, the newest of several.

        In a finite space its point is suggested again; in an endless one, another draw takes its place.

        Returns:
            Whether there was one.
        """
        wanted = self._key(config)
        for position in range(len(self._seen) - 1, -1, -1):
            if self._seen[position].key == wanted:
                self._forget(position)
                return True
        return False

    @property
    def is_exhausted(self) -> bool:
        """Whether nothing is left to suggest: run_cap, the target of the metric or the end of the space is reached.

        A run that was enqueued to do over a failed or killed one takes no share of run_cap from other points.
        """
        if self._is_target_reached or (
            self._run_cap is not None and len(self._seen) - self._replacements - self._priors >= self._run_cap
        ):
            return True
        return self.size is not None and len(self._taken) >= self.size

    @abstractmethod
    def _next(self) -> dict[str, Json] | None:
        """Return the next configuration, which depends on what was seen alone; None when none is left."""

    def _key(self, config: Mapping[str, Json]) -> Hashable:
        """Return what tells one assigned configuration from another: the number of its point where it has one."""
        index = None if self.size is None else self.space.index_of(config)
        if index is not None:
            return index
        return hashlib.blake2b(repr(self.space.key_of(config)).encode("utf-8", "replace"), digest_size=12).digest()

    def _is_taken(self, config: Mapping[str, Json]) -> bool:
        """Return whether a run or suggestion has this configuration."""
        key = self._key(config)
        return key in self._taken if isinstance(key, int) else key in self._drawn

    def _remember(self, seen: Seen, is_pending: bool) -> None:
        if isinstance(seen.key, int):
            self._taken.add(seen.key)
        else:
            self._drawn.add(seen.key)
        if is_pending:
            self._pending.setdefault(seen.key, []).append(len(self._seen))
        self._seen.append(seen)
        if len(self._seen) > self.learns_from:
            self._abridge(self._seen[-1 - self.learns_from])

    def _is_whole(self, config: Mapping[str, Json], key: Hashable) -> bool:
        """Return whether a configuration is one of the space, and not just one of a run that went astray."""
        if self.size is not None:
            return isinstance(key, int)
        return all(
            value_at(config, parameter.path) is not MISSING
            for parameter in self.space.parameters
            if not isinstance(parameter, Constant)
        )

    def _replaces(self, key: Hashable) -> bool:
        """Return whether a run that was not suggested does over one that failed, and count it as such."""
        left = self._undone.get(key, 0)
        if not left:
            return False
        self._undone[key] = left - 1
        self._replacements += 1
        return True

    def _note_undone(self, seen: Seen, is_undone: bool) -> None:
        if is_undone == seen.is_undone:
            return
        seen.is_undone = is_undone
        # Resumed under its own id after it was replaced, it leaves nothing to be taken back.
        self._undone[seen.key] = max(self._undone.get(seen.key, 0) + (1 if is_undone else -1), 0)

    def _abridge(self, seen: Seen) -> None:
        """Drop the details of a run that has ended and that the method no longer looks at."""
        if seen.run is not None and seen.run.state.is_terminal:
            seen.assigned, seen.run = {}, None

    def _take_pending(self, key: Hashable) -> int | None:
        """Return the position of the suggestion that became a run, the oldest with its key, or None."""
        positions = self._pending.get(key)
        return positions.pop(0) if positions else None

    def _forget(self, position: int) -> None:
        runs = [run_id for run_id, at in self._position_by_run.items() if at == position]
        remaining = [seen for at, seen in enumerate(self._seen) if at != position]
        pending = {at for positions in self._pending.values() for at in positions}
        self._position_by_run = {
            run_id: at - (at > position) for run_id, at in self._position_by_run.items() if run_id not in runs
        }
        self._seen, self._taken, self._drawn, self._pending = [], set(), set(), {}
        for at, seen in enumerate(remaining):
            self._remember(seen, is_pending=at + (at >= position) in pending)
        self._undone, self._replacements = {}, 0
        self._priors = sum(seen.is_prior for seen in remaining)
        for seen in remaining:
            seen.is_replacement = seen.is_replacement and self._replaces(seen.key)
            if seen.is_undone:
                self._undone[seen.key] = self._undone.get(seen.key, 0) + 1

    def _reaches_target(self, run: ObservedRun) -> bool:
        if self._metric is None or self._metric.target is None or run.value is None or math.isnan(run.value):
            return False
        target = self._metric.target
        return run.value <= target if self._metric.goal == "minimize" else run.value >= target


def build_optimizer(config: Mapping[str, Json], *, seed: int = 0, history: Sequence[ObservedRun] = ()) -> Optimizer:
    """Return the search method of a sweep, in the state it has after `history`.

    Args:
        config: The sweep configuration.
        seed: Same seed, same history: same suggestions, also in another process.
        history: The runs of the sweep in the order they were handed out, in any state; leave out those to run again.

    Raises:
        SweepConfigError: If a parameter cannot be read, the grid has no end, or the method is none of grid, random
            and bayes (a scheduler hands out the runs of the others).
    """
    optimizer = _optimizer_of_method(config, seed)
    for run in history:
        optimizer.tell(run)
    return optimizer


def _optimizer_of_method(config: Mapping[str, Json], seed: int) -> Optimizer:
    # Each method's module is imported when it is used: Optuna and scipy cost most of a second.
    method = config.get("method")
    if method == "grid":
        from trainer.search.grid_search import GridSearch

        return GridSearch(config, seed)
    if method == "random":
        from trainer.search.random_search import RandomSearch

        return RandomSearch(config, seed)
    if method == "bayes":
        from trainer.search.bayes_search import BayesSearch

        return BayesSearch(config, seed)
    raise SweepConfigError(
        f"The method {method!r} suggests no runs here.", hint="Use grid, random or bayes, or a scheduler."
    )
