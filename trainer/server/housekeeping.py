"""What the server does unasked: silent runs have crashed, orders of dead agents go to others, memory is freed."""

from __future__ import annotations

import logging
import sqlite3

from trainer.server import endings
from trainer.server.commands import AGENT_SILENCE, give_back_runs_of_dead_agents
from trainer.server.early_stops import EarlyStops
from trainer.server.scheduling import Scheduler
from trainer.server.store import Store, now_micros
from trainer.server.tables import runs, sweeps
from trainer.states import SweepState

logger = logging.getLogger(__name__)

RUN_SILENCE = 300_000_000
"""A run not heard of for this many microseconds has crashed; the SDK sends a word every 30 s (0.31)."""

STOPPED_SILENCE = 75_000_000
"""The same for a run that was asked to stop, whose agent may have left before it could tell of the end."""


def tidy(store: Store, uptime_seconds: float) -> bool:
    """Do one round; return whether some run is alive.

    Args:
        store: The database.
        uptime_seconds: How long the server has run. Silence before that was the server's own, and does not count.
    """
    now, uptime = now_micros(), int(uptime_seconds * 1_000_000)
    crashed = runs.silent(store.reader, now - RUN_SILENCE) if uptime > RUN_SILENCE else []
    if uptime > STOPPED_SILENCE:
        crashed += [run for run in runs.silent(store.reader, now - STOPPED_SILENCE) if run["stop_requested"]]
    dead = sweeps.silent_agents(store.reader, now - AGENT_SILENCE) if uptime > AGENT_SILENCE else []

    def job(connection: sqlite3.Connection) -> None:
        for run in crashed:
            fresh = runs.by_id(connection, run["id"])
            if fresh is not None and fresh["heartbeat_at"] == run["heartbeat_at"]:
                endings.end_unheard(connection, fresh)
        give_back_runs_of_dead_agents(connection, dead)

    if crashed or dead:
        logger.info("%d runs and %d agents fell silent", len(crashed), len(dead))
        store.write(job)
    return runs.any_alive(store.reader)


def forget_ended_sweeps(store: Store, *memories: Scheduler | EarlyStops) -> None:
    """Free what is kept in memory of sweeps that are over and have no run left; resumed, they are read anew."""
    for memory in memories:
        for sweep_id in memory.remembered:
            sweep = sweeps.by_id(store.reader, sweep_id)
            is_over = sweep is None or (
                SweepState(sweep["state"]).is_terminal
                and not runs.unfinished_of_sweep(store.reader, sweep["project_id"], sweep["name"])
            )
            if is_over:
                memory.forget(sweep_id)
