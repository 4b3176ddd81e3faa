"""Local controllers (`wandb sweep --controller`, `wandb.controller()`): their wishes become runs and stops.

A controller writes `Sweep.controller`: `{"schedule": [{"id", "data": {"args"}}], "earlystop": [run ids]}`. The server
makes a run of each entry and says so in `Sweep.scheduler`: `{"scheduled": [{"id", "runid"}]}`; the controller then
drops the entry. `args: null` says that nothing is left to run (SDK 0.31, wandb_controller.py).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from trainer.records import Json
from trainer.server.context import RequestError, parse_json_object
from trainer.server.file_stream import dump_json
from trainer.server.names import invented_name, new_id
from trainer.server.tables import runs, sweeps
from trainer.states import RunState, SweepState

MAX_SCHEDULED = 1000
"""Entries that a controller may schedule at once; the SDK's has one (0.31)."""
STOP_REASON = "early_terminate: the sweep's controller asked for it"


def is_local(config: Mapping[str, Json]) -> bool:
    """Return whether a sweep is led by a controller outside."""
    controller = config.get("controller")
    return isinstance(controller, dict) and controller.get("type") == "local"


@dataclass(frozen=True, slots=True)
class Lead:
    """Who decides what a sweep runs."""

    is_outside: bool
    """Whether that is a program outside: a scheduler, a local controller, or whoever enqueues runs."""
    run_cap: int | None


def lead_of(sweep: sqlite3.Row) -> Lead:
    """Return who decides what a sweep runs."""
    from trainer.sweep.space import run_cap_of  # numbers and their kinds: not needed before the first sweep

    config = json.loads(sweep["config"])
    is_outside = bool(config.get("scheduler")) or config.get("method") == "custom" or is_local(config)
    return Lead(is_outside, run_cap_of(config))


def follow(connection: sqlite3.Connection, sweep: sqlite3.Row, text: str) -> None:
    """Make runs of what a controller schedules, and ask those to end that it stops early.

    An entry counts once, however often it is sent; entries of a sweep that is over are left alone.

    Raises:
        RequestError: If an entry is no such thing.
    """
    controller = parse_json_object(text, "controller")
    entries, stops = _objects(controller, "schedule"), _names(controller, "earlystop")
    for run in runs.by_names(connection, sweep["project_id"], sweep["name"], stops):
        runs.request_stop(connection, run["id"], STOP_REASON)
    known = _scheduled(sweep)
    if not SweepState(sweep["state"]).is_terminal:
        for entry in entries:
            if entry["id"] not in known:
                _schedule(connection, sweep, entry, known)
    _note(connection, sweep, known, wanted={entry["id"] for entry in entries} | set(stops))


def _scheduled(sweep: sqlite3.Row) -> dict[str, str]:
    """Return the runs made so far, by the id of their entry."""
    noted = json.loads(sweep["scheduler"]) if sweep["scheduler"] else None
    items = noted.get("scheduled") if isinstance(noted, dict) else None
    return {item["id"]: item["runid"] for item in items or [] if isinstance(item, dict)}


def _schedule(
    connection: sqlite3.Connection, sweep: sqlite3.Row, entry: Mapping[str, Json], known: dict[str, str]
) -> None:
    data = entry.get("data")
    wire = data.get("args") if isinstance(data, dict) else None
    if wire is None:
        sweeps.update(connection, sweep["id"], {"exhausted": 1})
        return
    if not isinstance(wire, dict):
        raise RequestError(f"The schedule entry {str(entry['id'])[:40]!r} has `args` that are no object.")
    known[str(entry["id"])] = enqueue(connection, sweep, wire, None)


def enqueue(connection: sqlite3.Connection, sweep: sqlite3.Row, wire: Mapping[str, Json], shown: str | None) -> str:
    """Make a run with a given configuration that waits for an agent; return its short id."""
    flat = {key: item["value"] if isinstance(item, dict) and "value" in item else item for key, item in wire.items()}
    name = new_id()
    number = runs.count_of_sweep(connection, sweep["project_id"], sweep["name"]) + 1
    wrapped: Json = {key: {"value": value} for key, value in flat.items()}
    runs.insert_assigned(
        connection, sweep, name, shown or invented_name(sweep["name"], number), dump_json(flat), dump_json(wrapped)
    )
    return name


def _note(connection: sqlite3.Connection, sweep: sqlite3.Row, known: Mapping[str, str], wanted: set[Json]) -> None:
    """Tell the controller which runs its entries became; forget those that it no longer asks about and that ended."""
    ended = {
        run["name"]
        for run in runs.by_names(connection, sweep["project_id"], sweep["name"], list(known.values()))
        if RunState(run["state"]).is_terminal
    }
    kept: list[Json] = [
        {"id": entry, "runid": name}
        for entry, name in known.items()
        if entry in wanted or name in wanted or name not in ended
    ]
    sweeps.update(connection, sweep["id"], {"scheduler": dump_json({"scheduled": kept})})


def _objects(controller: Mapping[str, Json], key: str) -> list[dict[str, Json]]:
    items = controller.get(key) or []
    if not isinstance(items, list) or len(items) > MAX_SCHEDULED:
        raise RequestError(f"controller.{key} is no list of at most {MAX_SCHEDULED} entries.")
    found = [item for item in items if isinstance(item, dict) and isinstance(item.get("id"), str)]
    if len(found) < len(items):
        raise RequestError(f"An entry of controller.{key} is no object with an `id`.")
    return found


def _names(controller: Mapping[str, Json], key: str) -> list[str]:
    items = controller.get(key) or []
    if not isinstance(items, list) or len(items) > 100 * MAX_SCHEDULED:
        raise RequestError(f"controller.{key} is no list of run ids.")
    return [item for item in items if isinstance(item, str)]
