"""Heartbeat to commands: what an agent is told, given its sweep's state and its live runs (SDK 0.31).

Every run that is handed out is a row before the answer leaves: after a crash at any moment the point is neither lost
nor handed out twice. An order that an agent never confirmed is given once more; after that the run has failed.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Mapping, Set
from dataclasses import dataclass

from trainer.records import Json
from trainer.server import controllers, endings
from trainer.server.context import RequestContext
from trainer.server.file_stream import dump_json
from trainer.server.names import invented_name, new_id
from trainer.server.store import now_micros
from trainer.server.sweep_runs import MAX_ATTEMPTS, finish_sweep, take_waiting_run
from trainer.server.tables import runs, sweeps
from trainer.states import RunState, SweepState

Command = dict[str, Json]

BEAT_INTERVAL = 5_000_000
"""An agent's sign of life is written at most this often, in microseconds: agents may beat five times a second."""
GRACE = 10_000_000
"""How long a run that its agent no longer lists may take to say how it ended, in microseconds."""
AGENT_SILENCE = 60_000_000
"""An agent not heard of for this long is taken for dead: its unconfirmed runs go to others. Microseconds."""
CLOCK_SLACK = 2_000_000
"""A sign of life may be that far in the future, in microseconds: a clock that is being trimmed."""


@dataclass(frozen=True, slots=True)
class _Beat:
    """One heartbeat with what the tables say about it."""

    context: RequestContext
    agent: sqlite3.Row
    sweep: sqlite3.Row
    alive: Set[str]
    owned: list[sqlite3.Row]
    """Runs of the agent that have not ended."""
    strangers: list[sqlite3.Row]
    """Live runs that are not among them: they have ended, or went to others while the agent was not heard of."""

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
    state = SweepState(sweep["state"])
    # A waiting agent has it done too: for runs begun by hand, and for those whose own agent is away.
    if alive or runs.any_running_of_sweep(context.connection, sweep["project_id"], sweep["name"]):
        context.early_stops.evaluate(context.store, sweep)
    beat = _read_beat(context, agent, sweep, alive)
    _take_note(beat)
    if state is SweepState.CANCELED:
        return _stop_all(beat)
    stops = _stops(beat)
    if state is SweepState.FINISHED:
        return stops if alive else _send_home(beat)
    room = _room(beat)
    if room <= 0:
        return stops
    orders = _unconfirmed(beat, room)
    if state is not SweepState.PAUSED and len(orders) < room:
        orders += _hand_out(beat, room - len(orders))
    return stops + orders


def _read_beat(context: RequestContext, agent: sqlite3.Row, sweep: sqlite3.Row, alive: Set[str]) -> _Beat:
    owned = runs.unfinished_of_agent(context.connection, agent["id"])
    others = sorted(alive - {run["name"] for run in owned})
    strangers = runs.by_names(context.connection, sweep["project_id"], sweep["name"], others) if others else []
    return _Beat(context, agent, sweep, alive, owned, strangers)


def _room(beat: _Beat) -> int:
    """Return how many runs more the agent may have: it is asked for as often as it has none, unless it takes several.

    wandb's command line agent starts every run that an answer names, the one with a function the first only (SDK
    0.31). Which of them this is shows when it has been given several.
    """
    wanted = beat.context.scheduler.habits.runs_at_once(beat.agent["id"], _runs_per_agent(beat.sweep), len(beat.alive))
    return wanted - len(beat.alive)


def _runs_per_agent(sweep: sqlite3.Row) -> int:
    if '"runs_per_agent"' not in sweep["config"]:  # grids may have megabytes
        return 1
    from trainer.sweep.validation import runs_per_agent

    return runs_per_agent(json.loads(sweep["config"]))


def _stops(beat: _Beat) -> list[Command]:
    """Return the orders to end runs: those that were asked to, and those that have gone to others meanwhile."""
    asked = [run["name"] for run in beat.live if run["stop_requested"]]
    foreign = [run["name"] for run in beat.strangers if _is_nobodys(run) or _is_anothers(run, beat.agent)]
    return [_stop(name) for name in asked + foreign]


def _is_nobodys(run: sqlite3.Row) -> bool:
    return bool(run["state"] == RunState.KILLED)


def _is_anothers(run: sqlite3.Row, agent: sqlite3.Row) -> bool:
    """Return whether a run was given to another agent while this one was not heard of (a laptop that slept)."""
    return run["agent_id"] not in (None, agent["id"]) and not RunState(run["state"]).is_terminal


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
    quiet = [run["id"] for run in beat.live if _is_past(run["heartbeat_at"], BEAT_INTERVAL, now)]
    ended = [run for run in beat.missing if _has_ended(run, now)]
    waiting = [run["id"] for run in beat.strangers if _waits(run)]
    if not (appeared or quiet or ended or waiting or _is_past(beat.agent["heartbeat_at"], BEAT_INTERVAL, now)):
        return

    def job(connection: sqlite3.Connection) -> None:
        sweeps.beat(connection, beat.agent["id"], beat.sweep["id"])
        runs.mark_seen(connection, appeared + quiet)
        for run in runs.by_ids(connection, waiting):
            if _waits(run):  # given up when the agent fell silent, and it runs it after all
                runs.claim(connection, run["id"], beat.agent["id"])
        for run in ended:
            # It may have said how it ended since it was read.
            fresh = runs.by_id(connection, run["id"])
            if fresh is not None and not RunState(fresh["state"]).is_terminal:
                endings.end_unheard(connection, fresh)

    beat.context.write(job)


def _waits(run: sqlite3.Row) -> bool:
    """Return whether a run that an agent lists waits for one; not if its process said its end and is just leaving."""
    is_waiting = run["state"] in (RunState.PENDING, RunState.PREEMPTED) and run["agent_id"] is None
    return is_waiting and run["exit_code"] is None


def _is_past(heard_at: int, interval: int, now: int) -> bool:
    """Return whether something was last heard of longer ago than `interval`; a time to come is a clock set back."""
    return not now - interval <= heard_at <= now + CLOCK_SLACK


def _has_ended(run: sqlite3.Row, now: int) -> bool:
    """Return whether a run that its agent no longer lists is over without having said so."""
    if not run["seen_alive"] and run["reported_at"] is None:
        return False  # the order may have been lost: see `_unconfirmed`
    if run["reported_at"] is None or run["stop_requested"]:
        return True  # what was asked to stop and is gone needs no last word: its state is killed either way
    return _is_past(run["heartbeat_at"], GRACE, now)


def _unconfirmed(beat: _Beat, room: int) -> list[Command]:
    """Return the orders for runs that were handed to this agent and never heard of again; give up the second time.

    An order of an earlier life of this server counts for nothing: its answer may have died with it.
    """
    lost = [run for run in beat.missing if not run["seen_alive"] and run["reported_at"] is None]
    if not lost:
        return []
    # One run of several began: an agent that takes one order of an answer. The others wait for their turn.
    are_returned = len(beat.alive) == 1 and beat.context.scheduler.habits.takes_one(beat.agent["id"])

    def job(connection: sqlite3.Connection) -> list[sqlite3.Row]:
        again: list[sqlite3.Row] = []
        for run in runs.by_ids(connection, [run["id"] for run in lost]):
            if run["agent_id"] != beat.agent["id"] or run["seen_alive"] or run["reported_at"] is not None:
                continue  # heard of, or given to another, since it was read
            if run["stop_requested"]:
                runs.finish(connection, run["id"], RunState.KILLED)
            elif are_returned:
                runs.return_order(connection, run["id"])
            elif run["attempts"] >= MAX_ATTEMPTS and run["assigned_at"] >= beat.context.store.opened_at:
                runs.finish(connection, run["id"], RunState.FAILED)
            elif len(again) < room:
                runs.assign(connection, run["id"], beat.agent["id"])
                again.append(run)
        return again

    return [_order(run, beat.sweep) for run in beat.context.write(job)]


def _hand_out(beat: _Beat, room: int) -> list[Command]:
    """Return the orders for up to `room` more runs, or say that there is none."""
    context = beat.context
    with context.scheduler.turn(beat.sweep["id"]) as is_ours:
        if not is_ours:
            return []
        # Another heartbeat may have changed the sweep while this one waited.
        sweep = sweeps.by_id(context.connection, beat.sweep["id"])
        if sweep is None or sweep["state"] not in (SweepState.RUNNING, SweepState.PENDING):
            return []
        lead = controllers.lead_of(sweep)
        orders: list[Command] = []
        while len(orders) < room and (run := _next_run(beat, sweep, lead)) is not None:
            orders.append(_order(run, sweep))
        return orders or _nothing_left(beat, sweep, lead)


def _next_run(beat: _Beat, sweep: sqlite3.Row, lead: controllers.Lead) -> sqlite3.Row | None:
    """Hand out one more run: the oldest that waits, or a new one; None when there is none now."""
    if lead.is_outside and _is_cap_reached(beat, sweep, lead):
        return None
    run = _waiting_run(beat, sweep)
    if run is None and not lead.is_outside and not sweep["exhausted"]:
        run = _new_run(beat, sweep)
    if run is not None and sweep["state"] == SweepState.PENDING:
        beat.context.write(lambda connection: sweeps.update(connection, sweep["id"], {"state": SweepState.RUNNING}))
    return run


def _is_cap_reached(beat: _Beat, sweep: sqlite3.Row, lead: controllers.Lead) -> bool:
    """Return whether a sweep that is led from outside has handed out as many runs as its run_cap lets it."""
    connection = beat.context.connection
    return lead.run_cap is not None and (
        runs.handed_out_of_sweep(connection, sweep["project_id"], sweep["name"]) >= lead.run_cap
    )


def _waiting_run(beat: _Beat, sweep: sqlite3.Row) -> sqlite3.Row | None:
    """Hand out the oldest run that waits: enqueued from outside, preempted, or given back by a dead agent."""
    if runs.waiting_of_sweep(beat.context.connection, sweep["project_id"], sweep["name"]) is None:
        return None
    return beat.context.write(lambda connection: take_waiting_run(connection, sweep, beat.agent["id"]))


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


def _nothing_left(beat: _Beat, sweep: sqlite3.Row, lead: controllers.Lead) -> list[Command]:
    """Wait while a run may still come or come back; finish the sweep when none can."""
    context = beat.context
    may_come = lead.is_outside and not sweep["exhausted"] and not _is_cap_reached(beat, sweep, lead)
    unfinished = runs.unfinished_of_sweep(context.connection, sweep["project_id"], sweep["name"])
    if may_come or any(not _waits(run) for run in unfinished):
        return []
    context.write(lambda connection: finish_sweep(connection, sweep))
    return [] if beat.alive else [{"type": "exit"}]


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
