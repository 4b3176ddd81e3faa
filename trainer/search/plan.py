"""What a sweep would run: counts, first configurations and exact commands. Creates nothing and contacts nobody."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from trainer.records import Json
from trainer.search.optimizer import build_optimizer
from trainer.sweep.command import command_argv
from trainer.sweep.space import SearchSpace, run_count

_JSON_FILE = "wandb/sweep-SWEEP_ID/config-RUN_ID.json"
"""Stands for the file of `${args_json_file}`, whose ids are known once the sweep runs."""


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
    """The first ones, flat form, nested parameters nested: for grid in W&B's order, else as the seed draws them."""
    argv: tuple[tuple[str, ...], ...]
    """The command of each configuration."""

    def as_json(self) -> dict[str, Json]:
        """Return the object that `plan --json` prints."""
        return {
            "method": self.method,
            "raw_count": self.raw_count,
            "unique_count": self.unique_count,
            "run_count": self.run_count,
            "configurations": list(self.configurations),
            "argv": [list(argv) for argv in self.argv],
        }


def make_plan(config: Mapping[str, Json], limit: int = 20, *, seed: int = 0) -> Plan:
    """Return what a sweep would run.

    Args:
        config: The sweep configuration, without violations.
        limit: Configurations to show at most; the counts do not depend on it.
        seed: The seed of random and bayes search; of bayes, these are the configurations before any run ended.

    Raises:
        SweepConfigError: If a parameter cannot be read, or the grid has no end.
    """
    method = str(config.get("method"))
    if method == "custom" or config.get("scheduler"):
        return Plan(method, None, None, run_count(config), (), ())
    space = SearchSpace.from_config(config)
    runs = run_count(config)
    wanted = max(limit, 0) if runs is None else min(max(limit, 0), runs)
    if method == "grid":
        configurations = tuple(itertools.islice(space.points(), wanted))
    else:
        suggestions = build_optimizer(config, seed=seed).ask(wanted) or []
        configurations = tuple(suggestion.config for suggestion in suggestions)
    argv = tuple(tuple(command_argv(config, args, args_json_file=_JSON_FILE)) for args in configurations)
    return Plan(method, space.raw_count, space.unique_count, runs, configurations, argv)
