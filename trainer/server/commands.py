"""Heartbeat to commands: what an agent is told, given its sweep's state and its live runs (SDK 0.31).

Every run that is handed out is a row before the answer leaves: after a crash at any moment the point is neither lost
nor handed out twice. An order that an agent never confirmed is given once more; after that the run has failed.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from trainer.records import Json
from trainer.server import endings
from trainer.server.context import RequestContext
from trainer.server.file_stream import dump_json
from trainer.server.names import invented_name, new_id
from trainer.server.store import now_micros
from trainer.server.tables import runs, sweeps
from trainer.states import RunState, SweepState

Command = dict[str, Json]

BEAT_INTERVAL = 5_000_000
"""An agent's sign of life is written at most this often, in microseconds: agents may beat five times a second."""
GRACE = 10_000_000
"""How long a run that its agent no longer lists may take to say how it ended, in microseconds."""
AGENT_SILENCE = 60_000_000
"""An agent not heard of for this long is taken for dead: its unconfirmed runs go to others. Microseconds."""
MAX_ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class _Beat:
    """One heartbeat with what the tables say about it."""

    context: RequestContext
    agent: sqlite3.Row
    sweep: sqlite3.Row
    alive: Set[str]
    owned: list[sqlite3.Row]
    """Runs of the agent that have not ended."""

    @property
    def live(self) -> list[sqlite3.Row]:
        return [run for run in self.owned if run["name"] in self.alive]

    @property
    def missing(self) -> list[sqlite3.Row]:
        return [run for run in self.owned if run["name"] not in self.alive]


def answer_heartbeat(context: RequestContext, agent: sqlite3.Row, sweep: sqlite3.Row, alive: Set[str]) -> list[Command]:
    """Return the commands for an agent whose live runs are `alive`; empty means wait.

    Raises:
        TrainerError: If the sweep's configuration cannot be searched.
    """
    if alive:
        context.early_stops.evaluate(context.store, sweep)
    beat = _Beat(context, agent, sweep, alive, runs.unfinished_of_agent(context.connection, agent["id"]))
    _take_note(beat)
    state = SweepState(sweep["state"])
    if state is SweepState.CANCELED:
        return _stop_all(beat)
    stops = [_stop(run["name"]) for run in beat.live if run["stop_requested"]]
    if stops:
        return stops
    if alive:
        return []
    if state is SweepState.FINISHED:
        return _send_home(beat)
    if again := _unconfirmed(beat):
        return again
    return [] if state is SweepState.PAUSED else _hand_out(beat)


def _stop(name: str) -> Command:
    return {"type": "stop", "run_id": name}


def _stop_all(beat: _Beat) -> list[Command]:
    """Cancel: stop what lives, and send the agent home once nothing does."""
    if beat.alive:
        return [_stop(name) for name in sorted(beat.alive)]
    return _send_home(beat)


def _send_home(beat: _Beat) -> list[Command]:
    """Let an agent without live runs go, once it is settled how each of its runs ended."""

    def job(connection: sqlite3.Connection) -> bool:
        left = runs.unfinished_of_agent(connection, beat.agent["id"])
        for run in left:
            if run["reported_at"] is None:  # its order was lost, and nobody is to begin it now
                runs.finish(connection, run["id"], RunState.KILLED)
        return any(run["reported_at"] is not None for run in left)

    is_unsettled = bool(beat.owned) and beat.context.write(job)
    return [] if is_unsettled else [{"type": "exit"}]


def _take_note(beat: _Beat) -> None:
    """Write what the heartbeat says, where it says something new."""
    now = now_micros()
    appeared = [run["id"] for run in beat.live if not run["seen_alive"]]
    quiet = [run["id"] for run in beat.live if now - run["heartbeat_at"] > BEAT_INTERVAL]
    ended = [run for run in beat.missing if _has_ended(run, now)]
    if not (appeared or quiet or ended or now - beat.agent["heartbeat_at"] > BEAT_INTERVAL):
        return

    def job(connection: sqlite3.Connection) -> None:
        sweeps.beat(connection, beat.agent["id"], beat.sweep["id"])
        runs.mark_seen(connection, appeared + quiet)
        for run in ended:
            # It may have said how it ended since it was read.
            fresh = runs.by_id(connection, run["id"])
            if fresh is not None and not RunState(fresh["state"]).is_terminal:
                endings.end_unheard(connection, fresh)

    beat.context.write(job)


def _has_ended(run: sqlite3.Row, now: int) -> bool:
    """Return whether a run that its agent no longer lists is over without having said so."""
    if not run["seen_alive"] and run["reported_at"] is None:
        return False  # the order may have been lost: see `_unconfirmed`
    if run["reported_at"] is None or run["stop_requested"]:
        return True  # what was asked to stop and is gone needs no last word: its state is killed either way
    return now - int(run["heartbeat_at"]) > GRACE


def _unconfirmed(beat: _Beat) -> list[Command]:
    """Return the order for a run that was handed to this agent and never heard of again; give up the second time."""
    lost = [run for run in beat.missing if not run["seen_alive"] and run["reported_at"] is None]
    if not lost:
        return []

    def job(connection: sqlite3.Connection) -> list[sqlite3.Row]:
        again = []
        for run in lost:
            if run["attempts"] >= MAX_ATTEMPTS:
                runs.finish(connection, run["id"], RunState.FAILED)
            else:
                runs.assign(connection, run["id"], beat.agent["id"])
                again.append(run)
        return again

    return [_order(run, beat.sweep) for run in beat.context.write(job)]


def _hand_out(beat: _Beat) -> list[Command]:
    """Return the order for one more run, or say that there is none."""
    context = beat.context
    with context.scheduler.turn(beat.sweep["id"]) as is_ours:
        if not is_ours:
            return []
        # Another heartbeat may have changed the sweep while this one waited.
        sweep = sweeps.by_id(context.connection, beat.sweep["id"])
        if sweep is None or sweep["state"] not in (SweepState.RUNNING, SweepState.PENDING):
            return []
        run = _waiting_run(beat, sweep)
        if run is None and not _is_led_from_outside(sweep) and not sweep["exhausted"]:
            run = _new_run(beat, sweep)
        if run is not None:
            return [_order(run, sweep)]
        return _nothing_left(context, sweep)


def _is_led_from_outside(sweep: sqlite3.Row) -> bool:
    """Return whether a program outside decides what runs: a scheduler, or a local controller."""
    config = json.loads(sweep["config"])
    return bool(sweep["scheduler"] or config.get("scheduler") or config.get("controller")) or (
        config.get("method") == "custom"
    )


def _waiting_run(beat: _Beat, sweep: sqlite3.Row) -> sqlite3.Row | None:
    """Hand out the oldest run that waits: enqueued by a scheduler, preempted, or given back by a dead agent."""
    if runs.waiting_of_sweep(beat.context.connection, sweep["project_id"], sweep["name"]) is None:
        return None

    def job(connection: sqlite3.Connection) -> sqlite3.Row | None:
        run = runs.waiting_of_sweep(connection, sweep["project_id"], sweep["name"])
        if run is not None:
            runs.assign(connection, run["id"], beat.agent["id"])
        return run

    return beat.context.write(job)


def _new_run(beat: _Beat, sweep: sqlite3.Row) -> sqlite3.Row | None:
    """Make and hand out the next run of the search; None when nothing is left."""
    context = beat.context
    config = context.scheduler.next_configuration(context.connection, sweep)

    def job(connection: sqlite3.Connection) -> sqlite3.Row | None:
        if config is None:
            sweeps.update(connection, sweep["id"], {"exhausted": 1})
            return None
        number = runs.count_of_sweep(connection, sweep["project_id"], sweep["name"]) + 1
        wire: Json = {key: {"value": value} for key, value in config.items()}
        run_id = runs.insert_assigned(
            connection, sweep, new_id(), invented_name(sweep["name"], number), dump_json(dict(config)), dump_json(wire)
        )
        runs.assign(connection, run_id, beat.agent["id"])
        return runs.by_id(connection, run_id)

    try:
        return context.write(job)
    except Exception:
        # The search counts the suggestion, but its run is no row: have the search built anew from the rows.
        context.scheduler.forget(sweep["id"])
        raise


def _nothing_left(context: RequestContext, sweep: sqlite3.Row) -> list[Command]:
    """Wait while a run may still come back; finish the sweep when none can."""
    if _is_led_from_outside(sweep) or runs.unfinished_of_sweep(context.connection, sweep["project_id"], sweep["name"]):
        return []
    context.write(lambda connection: sweeps.update(connection, sweep["id"], {"state": SweepState.FINISHED}))
    return [{"type": "exit"}]


def _order(run: sqlite3.Row, sweep: sqlite3.Row) -> Command:
    suggested = json.loads(run["suggested"]) if run["suggested"] else runs.plain_config(run)
    return {
        # Both agents obey both alike (SDK 0.31); a run that was preempted has begun before.
        "type": "resume" if run["history_lines"] or run["console_lines"] or run["events_lines"] else "run",
        "run_id": run["name"],
        "args": {key: {"value": value} for key, value in suggested.items()},
        "program": json.loads(sweep["config"]).get("program"),
    }


def seed_for(config: Mapping[str, Json]) -> int:
    """Return the seed of a new sweep's search: its constant parameter `seed`, or a new one where it has none."""
    parameters = config.get("parameters")
    seed = parameters.get("seed") if isinstance(parameters, dict) else None
    value = seed.get("value") if isinstance(seed, dict) else None
    # SQLite holds 63 bits and a sign.
    return value % 2**63 if isinstance(value, int) and not isinstance(value, bool) else secrets.randbelow(2**31)


def stop_live_runs(connection: sqlite3.Connection, sweep: sqlite3.Row, reason: str) -> None:
    """Ask every run of a sweep to end; drop those that only wait."""
    for run in runs.unfinished_of_sweep(connection, sweep["project_id"], sweep["name"]):
        if run["agent_id"] is None and run["reported_at"] is None:
            runs.finish(connection, run["id"], RunState.KILLED)
        else:
            runs.request_stop(connection, run["id"], reason)


def drop_waiting_runs(connection: sqlite3.Connection, sweep: sqlite3.Row) -> None:
    """End the runs of a finished sweep that no agent has taken."""
    for run in runs.unfinished_of_sweep(connection, sweep["project_id"], sweep["name"]):
        if run["agent_id"] is None and run["reported_at"] is None:
            runs.finish(connection, run["id"], RunState.KILLED)


def give_back_runs_of_dead_agents(connection: sqlite3.Connection, dead_agents: Iterable[int]) -> None:
    """Let the runs that dead agents never began wait for others, once; after that they have failed.

    Those of a sweep that is over are nobody's to begin: they end.
    """
    for agent_id in dead_agents:
        for run in runs.unfinished_of_agent(connection, agent_id):
            if run["reported_at"] is not None:
                continue
            sweep = sweeps.find(connection, run["project_id"], run["sweep"])
            if sweep is None or SweepState(sweep["state"]).is_terminal:
                runs.finish(connection, run["id"], RunState.KILLED)
            elif run["attempts"] >= MAX_ATTEMPTS or run["stop_requested"]:
                endings.end_unheard(connection, run)
            else:
                runs.put_back(connection, run["id"])
