"""What the server does unasked: silent runs have crashed, orders of dead agents go to others, memory is freed."""

from __future__ import annotations

import logging
import sqlite3
import time

from trainer.server import endings
from trainer.server.commands import AGENT_SILENCE
from trainer.server.early_stops import EarlyStops
from trainer.server.scheduling import Scheduler
from trainer.server.store import Store, now_micros
from trainer.server.sweep_runs import finish_sweep, give_back_runs_of_dead_agents, logs_to_close
from trainer.server.tables import run_values, runs, sweeps
from trainer.states import RunState, SweepState

logger = logging.getLogger(__name__)

_FILLING_SECONDS = 3.0
"""How long one round fills tables at most: the end of the server waits for it."""

RUN_SILENCE = 300_000_000
"""A run not heard of for this many microseconds has crashed; the SDK sends a word every 30 s (0.31)."""

STOPPED_SILENCE = 75_000_000
"""The same for a run that was asked to stop, whose agent may have left before it could tell of the end."""


LOG_SILENCE = 300_000_000
"""The same for the log of a scheduler, which never says that it ends."""

CLOCK_JUMP_SECONDS = 15.0
"""The wall clock may run that far from the monotonic one between two rounds before it was set, or the machine slept."""


class Uptime:
    """How long the server could have heard its clients without a break.

    A machine that slept, or whose clock was set, makes every run and agent look silent: none of that time counts.
    """

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._offset = time.time() - self._started

    def seconds(self) -> float:
        """Return the seconds since the start, or since the last jump of the clock."""
        now, wall = time.monotonic(), time.time()
        if abs(wall - now - self._offset) > CLOCK_JUMP_SECONDS:
            logger.info("the clock jumped by %.0f s: silence counts from now", wall - now - self._offset)
            self._started = now
        self._offset = wall - now
        return now - self._started


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
    logs = logs_to_close(store.reader, now - LOG_SILENCE if uptime > LOG_SILENCE else 0)
    over = sweeps.exhausted(store.reader)

    def job(connection: sqlite3.Connection) -> None:
        for run_id in logs:
            runs.finish(connection, run_id, RunState.FINISHED)
        for run in crashed:
            fresh = runs.by_id(connection, run["id"])
            if fresh is not None and fresh["heartbeat_at"] == run["heartbeat_at"] and run["id"] not in logs:
                endings.end_unheard(connection, fresh)
        give_back_runs_of_dead_agents(connection, dead)
        for sweep in over:
            if not runs.unfinished_of_sweep(connection, sweep["project_id"], sweep["name"]):
                finish_sweep(connection, sweep)

    if crashed or dead or logs or over:
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


def fill_value_tables(store: Store) -> None:
    """Go on with the tables of the values that runs were lately filtered and ordered by; writers come in between."""
    deadline = time.monotonic() + _FILLING_SECONDS
    while time.monotonic() < deadline and run_values.is_filling(store.reader):
        store.write(run_values.fill)
