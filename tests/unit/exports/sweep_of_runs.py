"""A small sweep with everything that makes exports hard: texts of other people, holes, values of several kinds."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from trainer.records import HistoryPoint, Json, Metric, RunRecord, SweepRecord, SweepReference
from trainer.states import RunState, SweepState

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
SWEEP = SweepRecord(
    SweepReference("me", "wine", "s1"),
    "wine <grid>",
    SweepState.FINISHED,
    "grid",
    Metric("acc", "maximize"),
    {
        "method": "grid",
        "metric": {"name": "acc", "goal": "maximize"},
        "parameters": {"lr": {"values": [0.1, 0.2]}, "model": {"values": ["svm", 3]}},
    },
    START,
    url="http://127.0.0.1:1/me/wine/sweeps/s1",
)


def make_run(
    number: int, values: tuple[float, ...] = (), state: RunState = RunState.FINISHED, **changes: Json
) -> RunRecord:
    """Return a run that logged some values of `acc`."""
    config: dict[str, Json] = {"lr": number / 10, "model": 3 if number == 2 else "svm", "seed": number, **changes}
    return RunRecord(
        id=f"r{number}",
        name=f"run-{number}",
        state=state,
        config=config,
        summary={"acc": values[-1], "deep": {"loss": math.nan}} if values else {},
        tags=("branch:main", f"n{number}"),
        created_at=START + timedelta(seconds=number),
        duration_seconds=2.5,
        commit="abc1234",
        sweep_id="s1",
        curve=tuple(HistoryPoint(step, {"acc": value}) for step, value in enumerate(values)),
    )


RUNS = (
    make_run(1, (0.5, 0.9, 0.7)),
    make_run(2, (0.8,), note='=HYPERLINK("http://x")'),
    make_run(3, state=RunState.FAILED, size=10**30),
)
