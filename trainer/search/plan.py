"""What a sweep would run: counts, configurations and exact commands. Creates nothing and contacts nobody.

The one source of `sweep-tui plan` and of the builder's preview. A grid is never listed: its points have numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from trainer.records import Json
from trainer.run_filter import flat_items
from trainer.search.optimizer import build_optimizer
from trainer.sweep.command import command_argv
from trainer.sweep.joint import is_joint_name, unpacked
from trainer.sweep.parameters import Categorical, Constant, Parameter
from trainer.sweep.space import SearchSpace, run_count

SAMPLE_SIZES: Mapping[str, int] = {"random": 200, "bayes": 50}
"""Draws that a preview shows; bayes takes longer for each."""
SCAN_LIMIT = 200_000
"""Points among which a filter looks for those that match: three seconds of a core."""
_JSON_FILE = "wandb/sweep-SWEEP_ID/config-RUN_ID.json"
"""Stands for the file of `${args_json_file}`, whose ids are known once the sweep runs."""
_MEMBER_VALUES = 50
"""Values of a parameter whose values are mappings that are looked at for their keys."""


class PlannedRuns:
    """The runs of a sweep by number, from 0 on: for grid in W&B's order, else a sample as a seed draws them."""

    def __init__(self, config: Mapping[str, Json], seed: int = 0, sample: int | None = None) -> None:
        """Read a configuration.

        Args:
            config: The sweep configuration, without violations.
            seed: The seed of random and bayes search; of bayes, these are configurations before any run ended.
            sample: How many random and bayes search draw; None for as many as `SAMPLE_SIZES` says.

        Raises:
            SweepConfigError: If a parameter cannot be read, or the grid has no end.
        """
        self.config = config
        self.method = str(config.get("method"))
        self.run_count = run_count(config)
        """Runs there will be; None when nothing ends the sweep."""
        self.raw_count: int | None = None
        self.unique_count: int | None = None
        self._drawn: list[dict[str, Json]] = []
        self._space: SearchSpace | None = None
        if self.method == "custom" or config.get("scheduler"):
            # A program outside hands out the runs.
            return
        space = self._space = SearchSpace.from_config(config)
        self.raw_count, self.unique_count = space.raw_count, space.unique_count
        if self.method == "grid":
            if space.unique_count is None:
                space.point(0)  # says which parameter has no end
            return
        wanted = SAMPLE_SIZES.get(self.method, 0) if sample is None else sample
        wanted = wanted if self.run_count is None else min(wanted, self.run_count)
        self._drawn = [suggestion.config for suggestion in build_optimizer(config, seed=seed).ask(wanted) or []]

    @property
    def is_sample(self) -> bool:
        """Whether the sweep may well run others: it is not a grid."""
        return self.method != "grid"

    @property
    def count(self) -> int:
        """How many can be shown."""
        return len(self._drawn) if self.is_sample else self.run_count or 0

    def configuration(self, index: int) -> dict[str, Json]:
        """Return the configuration of a run, flat form, nested parameters nested, joint ones taken apart.

        Raises:
            IndexError: If there is none with this number.
        """
        if not 0 <= index < self.count:
            raise IndexError(f"there is no run {index}")
        if self.is_sample:
            return unpacked(self._drawn[index], self.config)
        assert self._space is not None
        return unpacked(self._space.point(index), self.config)

    def argv(self, index: int) -> tuple[str, ...]:
        """Return the command of a run."""
        return tuple(command_argv(self.config, self.configuration(index), args_json_file=_JSON_FILE))

    def columns(self) -> tuple[list[str], list[str]]:
        """Return the dotted keys of the parameters that vary, and of those that do not."""
        parameters = self._space.parameters if self._space is not None else ()
        varying = [key for each in parameters if not _is_constant(each) for key in _keys(each)]
        return varying, [key for each in parameters if _is_constant(each) for key in _keys(each)]

    def scan(self, wants: Callable[[Mapping[str, Json]], bool], start: int = 0) -> Iterator[tuple[int, bool]]:
        """Yield the number of each run from `start` on, and whether its flattened configuration is wanted."""
        index = start
        while index < self.count:
            yield index, wants(dict(flat_items(self.configuration(index))))
            index += 1


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sweep would run."""

    method: str
    raw_count: int | None
    """Combinations as written; None when there is no end to them, or a scheduler decides."""
    unique_count: int | None
    """Combinations that W&B tells apart; None as above."""
    run_count: int | None
    """Runs there will be; None when nothing ends the sweep."""
    configurations: tuple[dict[str, Json], ...]
    """The first ones, flat form, nested parameters nested, joint ones taken apart: for grid in W&B's order, else as the
    seed draws them."""
    argv: tuple[tuple[str, ...], ...]
    """The command of each configuration."""
    numbers: tuple[int, ...] = ()
    """The number of each configuration among all, counted from 1."""
    scanned: int | None = None
    """Configurations that were looked at where a filter was given; None where none was."""
    is_sample: bool = field(default=False, compare=False)

    def as_json(self) -> dict[str, Json]:
        """Return the object that `plan --json` prints."""
        entry: dict[str, Json] = {
            "method": self.method,
            "raw_count": self.raw_count,
            "unique_count": self.unique_count,
            "run_count": self.run_count,
            "configurations": list(self.configurations),
            "argv": [list(argv) for argv in self.argv],
        }
        if self.scanned is not None:
            entry |= {"numbers": list(self.numbers), "scanned": self.scanned}
        return entry


def make_plan(
    config: Mapping[str, Json],
    limit: int = 20,
    *,
    seed: int = 0,
    where: Callable[[Mapping[str, Json]], bool] | None = None,
) -> Plan:
    """Return what a sweep would run.

    Args:
        config: The sweep configuration, without violations.
        limit: Configurations to show at most; the counts do not depend on it.
        seed: The seed of random and bayes search; of bayes, these are the configurations before any run ended.
        where: Which configurations to show, by their flattened values; looked for among the first `SCAN_LIMIT` of a
            grid, and among a sample of another search. None for the first.

    Raises:
        SweepConfigError: If a parameter cannot be read, or the grid has no end.
    """
    runs = PlannedRuns(config, seed, max(limit, 0) if where is None else None)
    scanned: int | None = None
    if where is None:
        numbers = list(range(min(max(limit, 0), runs.count)))
    else:
        numbers, scanned = [], 0
        for index, is_wanted in runs.scan(where):
            if scanned >= SCAN_LIMIT or len(numbers) >= limit:
                break
            scanned += 1
            numbers += [index] if is_wanted else []
    return Plan(
        runs.method,
        runs.raw_count,
        runs.unique_count,
        runs.run_count,
        tuple(runs.configuration(number) for number in numbers),
        tuple(runs.argv(number) for number in numbers),
        tuple(number + 1 for number in numbers),
        scanned,
        runs.is_sample,
    )


def _is_constant(parameter: Parameter) -> bool:
    choices = parameter.grid or parameter.choices
    return isinstance(parameter, Constant) or (choices is not None and choices.count == 1)


def _keys(parameter: Parameter) -> list[str]:
    """Return the dotted keys that the values of a parameter have in a flattened configuration."""
    values: tuple[Json, ...] = ()
    if isinstance(parameter, Constant):
        values = (parameter.value,)
    elif isinstance(parameter, Categorical):
        is_joint = is_joint_name(parameter.name)
        values = parameter.values if is_joint else parameter.values[:_MEMBER_VALUES]
    if not any(isinstance(value, Mapping) and value for value in values):
        return [parameter.name]
    found = (key for value in values for key, _ in flat_items({parameter.name: value}))
    return list(dict.fromkeys(found))
