"""What a run of a program takes, learnt from its earlier runs in a project: two requests, whatever is in it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence

from trainer.records import Json, RunRecord
from trainer.search.cost import RunTime
from trainer.states import RunState
from trainer.sweep.program_key import program_key
from trainer.tracking.wandb_client import WandbClient

SWEEPS_LOOKED_AT = 50
"""The newest sweeps of the project among which the program is looked for."""
SWEEPS_READ = 3
"""The newest sweeps of the program whose runs are read: what it took long ago says little."""
RUNS_READ = 100


def earlier_run_time(client: WandbClient, config: Mapping[str, Json], entity: str, project: str) -> RunTime | None:
    """Return what finished runs of a sweep's program took; None where there are none. Blocks, for two requests.

    Args:
        client: The server.
        config: The sweep configuration; only its program and command count.
        entity: Who owns the project; empty for the connection's.
        project: The project. One that is not there has no runs.

    Raises:
        ServerError: If the server does not answer.
    """
    wanted = program_key(config)
    owner = entity or client.connection.entity
    recent = client.recent_sweeps(owner, project, SWEEPS_LOOKED_AT)
    alike = [sweep for sweep in recent if sweep.run_count and program_key(sweep.config) == wanted][:SWEEPS_READ]
    if not wanted or not alike:
        return None
    return run_time_of(client.recent_runs([sweep.reference for sweep in alike], RunState.FINISHED, RUNS_READ))


def run_time_of(runs: Sequence[RunRecord]) -> RunTime | None:
    """Return what finished runs took: the median and the middle half."""
    took = sorted(run.duration_seconds for run in runs if run.duration_seconds is not None)
    if not took:
        return None
    low, median, high = statistics.quantiles(took, n=4, method="inclusive") if len(took) > 1 else took * 3
    ends = [run.heartbeat_at or run.created_at for run in runs]
    newest = max((end.timestamp() for end in ends if end is not None), default=time.time())
    return RunTime(median, low, high, len(took), "earlier runs", newest)
