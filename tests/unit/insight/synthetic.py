"""Runs whose truth is known: the metric is a function of the parameters that the test chose."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from trainer.records import Goal, HistoryPoint, Json, Metric, RunRecord, SweepRecord, SweepReference
from trainer.states import RunState, SweepState

LOSS = Metric("loss", "minimize")
START = datetime(2026, 11, 23, tzinfo=UTC)
PARAMETERS: dict[str, Json] = {
    "lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1.0},
    "optimizer": {"values": ["adam", "sgd"]},
    "model": {"parameters": {"depth": {"min": 1, "max": 8}}},
    "width": {"values": [16, 32, 64]},
}


def a_sweep(parameters: dict[str, Json] | None = None, goal: Goal = "minimize", **config: Json) -> SweepRecord:
    whole: dict[str, Json] = {"method": "random", "metric": {"name": "loss", "goal": goal}, **config}
    whole["parameters"] = PARAMETERS if parameters is None else parameters
    metric = Metric("loss", goal)
    return SweepRecord(SweepReference("me", "p", "s"), "peaks", SweepState.FINISHED, "random", metric, whole)


def a_run(
    number: int, config: dict[str, Json], value: float | None, curve: Sequence[float] = (), seconds: float = 10.0
) -> RunRecord:
    return RunRecord(
        id=f"r{number}",
        name=f"run-{number}",
        state=RunState.FINISHED,
        config=config,
        summary={} if value is None else {"loss": value},
        created_at=START + timedelta(seconds=4 * number),
        duration_seconds=seconds,
        curve=tuple(HistoryPoint(step, {"loss": logged}) for step, logged in enumerate(curve)),
    )


def peaked_runs(count: int, seed: int = 0, steps: int = 27) -> list[RunRecord]:
    """Return random runs: lr matters most, on its logarithm, then the optimizer, depth hardly, width not at all.

    `momentum` belongs to sgd only and matters little.
    """
    chance = random.Random(seed)
    runs = []
    for number in range(count):
        magnitude = chance.uniform(-5, 0)
        optimizer = chance.choice(["adam", "sgd"])
        depth, width = chance.randint(1, 8), chance.choice([16, 32, 64])
        config: dict[str, Json] = {
            "lr": 10**magnitude, "optimizer": optimizer, "model": {"depth": depth}, "width": width,
        }  # fmt: skip
        value = (magnitude + 2.5) ** 2 + 1.5 * (optimizer == "sgd") + 0.05 * depth + chance.gauss(0, 0.05)
        if optimizer == "sgd":
            config["momentum"] = chance.uniform(0, 1)
        curve = [value + 6 * 0.8**step + chance.gauss(0, 0.02) for step in range(steps - 1)] + [value]
        runs.append(a_run(number, config, value, curve))
    return runs
