"""Making, changing and feeding sweeps, and their agents' words. Reading them is `sweep_node`'s."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from trainer.errors import TrainerError
from trainer.records import Json
from trainer.server import controllers, prior_runs
from trainer.server.commands import answer_heartbeat, seed_for
from trainer.server.context import (
    DEFAULT_ENTITY,
    DEFAULT_PROJECT,
    Arguments,
    RequestContext,
    RequestError,
    parse_json,
    parse_json_object,
    row_id,
    storage_id,
)
from trainer.server.file_stream import dump_json
from trainer.server.handlers.projects import checked_name
from trainer.server.handlers.sweep_node import AgentNode, SweepNode
from trainer.server.names import new_id
from trainer.server.sweep_runs import close_log, drop_waiting_runs, stop_live_runs
from trainer.server.tables import best_values, projects, runs, sweeps
from trainer.states import SweepState

MAX_CONFIG = 2_000_000
"""Characters of a sweep configuration."""
MAX_CONFIG_VALUES = 100_000
"""Values that it lists; reading so many takes a second."""


def upsert_sweep(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Create a sweep, or change the one that `id` names."""
    given = Arguments(input)
    values = _changes(given)
    state = _state(given.text("state"))

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        identifier = given.text("id")
        sweep = _named(connection, given, identifier) if identifier else _create(connection, given, values, state)
        changes = _what_changes(sweep, values)
        if state is not None:
            _check_transition(connection, sweep, state)
            changes["state"] = state
        sweeps.update(connection, sweep["id"], changes)
        _apply_state(connection, sweep, state)
        if given.text("priorRunsFilters"):
            prior_runs.adopt(connection, sweep, parse_json(given.required("priorRunsFilters"), "priorRunsFilters"))
        if identifier and "metric" in changes or given.text("priorRunsFilters"):
            best_values.note_sweep(connection, sweep["project_id"], sweep["name"])
        if given.text("controller"):
            changed = sweeps.by_id(connection, sweep["id"])
            assert changed is not None
            controllers.follow(connection, changed, given.required("controller"))
        changed = sweeps.by_id(connection, sweep["id"])
        assert changed is not None
        if changed["prior_runs"] and ("expected_runs" in changes or given.text("priorRunsFilters") or not identifier):
            expected = _storable(prior_runs.expected_runs(connection, changed))
            sweeps.update(connection, sweep["id"], {"expected_runs": expected})
            changed = sweeps.by_id(connection, sweep["id"])
            assert changed is not None
        return changed

    row = context.write(job)
    # The SDK calls what it finds here a malformed sweep; what is malformed has been refused above.
    return {"sweep": SweepNode(context, row), "configValidationWarnings": []}


def _state(text: str | None) -> SweepState | None:
    if text is None:
        return None
    if text not in tuple(SweepState):
        raise RequestError(f"{text[:40]!r} is no state of a sweep; use one of {', '.join(SweepState)}.")
    return SweepState(text)


def _what_changes(sweep: sqlite3.Row, values: Mapping[str, str | int | None]) -> dict[str, str | int | None]:
    """Return those of `values` that say something new of a sweep.

    Controllers send the whole configuration at each step: one that is the same must neither make the search begin
    anew nor undo a name that a user gave since.
    """
    changes = dict(values)
    if "config" not in changes:
        return changes
    before, after = json.loads(sweep["config"]), json.loads(str(changes["config"]))
    unchanged = ["metric"] if before.get("metric") == after.get("metric") else []
    # As text: 1, 1.0 and true are equal in Python, and different points of a grid.
    if json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True):
        unchanged += ["config_yaml", "config", "expected_runs"]
    else:
        changes["exhausted"] = 0  # a changed configuration may have more to run
    for key, column in (("name", "display_name"), ("description", "description")):
        if before.get(key) == after.get(key) == changes.get(column):
            unchanged.append(column)
    return {column: value for column, value in changes.items() if column not in unchanged}


_STARTABLE = (SweepState.PENDING, SweepState.RUNNING, SweepState.PAUSED)
_SOURCES = {
    SweepState.PENDING: (SweepState.PENDING,),
    SweepState.RUNNING: tuple(SweepState),
    SweepState.PAUSED: (SweepState.RUNNING, SweepState.PAUSED),
    SweepState.FINISHED: (*_STARTABLE, SweepState.FINISHED),
    SweepState.CANCELED: (*_STARTABLE, SweepState.CANCELED),
}
"""From which states a sweep may come into one (SDK 0.31, `_set_sweep_state`); the same again changes nothing."""
_WAYS_OUT = {
    SweepState.PENDING: "A sweep that has begun does not become one that has not.",
    SweepState.PAUSED: "Only a running sweep can be paused.",
    SweepState.FINISHED: "Resume it first, should it run on.",
    SweepState.CANCELED: "Resume it first, should it run on.",
}


def _check_transition(connection: sqlite3.Connection, sweep: sqlite3.Row, state: SweepState) -> None:
    """Refuse a change of state that makes no sense.

    A finished sweep can be canceled as long as runs of it live: that ends them.
    """
    before = SweepState(sweep["state"])
    if before in _SOURCES[state]:
        return
    is_winding_down = before is SweepState.FINISHED and state is SweepState.CANCELED
    if is_winding_down and runs.unfinished_of_sweep(connection, sweep["project_id"], sweep["name"]):
        return
    raise RequestError(f"The sweep {sweep['name']} is {before}: it cannot become {state}. {_WAYS_OUT[state]}")


def _changes(given: Arguments) -> dict[str, str | int | None]:
    """Return the columns that an upsert sets."""
    names = {"displayName": "display_name", "description": "description"}
    values: dict[str, str | int | None] = {
        column: text for name, column in names.items() if (text := given.text(name)) is not None
    }
    for name in ("controller", "scheduler"):
        if given.text(name) is not None and parse_json(given.text(name), name) is not None:
            values[name] = given.text(name)
    if given.text("priorRunsFilters"):
        values["prior_runs"] = given.text("priorRunsFilters")
    text = given.text("config")
    if text is None:
        return values
    config = _checked_config(text)
    from trainer.sweep.space import run_count  # numbers and their kinds: not needed before the first sweep

    values |= {"config_yaml": text, "config": dump_json(config), "expected_runs": _storable(run_count(config))}
    metric = config.get("metric")
    metric_name = metric.get("name") if isinstance(metric, dict) else None
    values["metric"] = metric_name if isinstance(metric_name, str) else None
    for key, column in (("name", "display_name"), ("description", "description")):
        if isinstance(config.get(key), str) and column not in values:
            values[column] = str(config[key])
    return values


def _storable(count: int | None) -> int | None:
    """Return a count that a GraphQL integer can carry, or None: nobody waits for two thousand million runs."""
    return count if count is not None and count < 2**31 else None


def _checked_config(text: str) -> dict[str, Json]:
    """Return a sweep configuration that can run.

    Raises:
        RequestError: With every problem that would keep the sweep from running.
    """
    from trainer.sweep.validation import violations
    from trainer.sweep.yaml_text import parse_yaml

    if len(text) > MAX_CONFIG:
        raise RequestError(f"The sweep configuration is longer than {MAX_CONFIG} characters.")
    try:
        # Bounded in depth and aliases: the plain loader ends the process at some ten thousand levels.
        config = parse_yaml(text, "the sweep configuration", max_values=MAX_CONFIG_VALUES).value
        json.dumps(config, allow_nan=False)
    except (TrainerError, ValueError) as error:
        raise RequestError(f"The sweep configuration cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise RequestError("The sweep configuration is not a mapping.")
    found = violations(config, needs_program=False)
    if found:
        raise RequestError(
            "Invalid sweep config: "
            + "; ".join(f"{problem.path}: {problem.message} {problem.hint}".strip() for problem in found)
        )
    return config


def _named(connection: sqlite3.Connection, given: Arguments, identifier: str) -> sqlite3.Row:
    """Return an existing sweep; clients name it by storage id or by short id."""
    try:
        row = sweeps.by_id(connection, row_id("Sweep", identifier))
    except RequestError:
        project = _project_of(connection, given)
        row = None if project is None else sweeps.find(connection, project["id"], identifier)
    if row is None:
        raise RequestError(f"There is no sweep {identifier[:80]!r}.")
    return row


def _project_of(connection: sqlite3.Connection, given: Arguments) -> sqlite3.Row | None:
    return projects.find(
        connection, given.text("entityName") or DEFAULT_ENTITY, given.text("projectName") or DEFAULT_PROJECT
    )


def _create(
    connection: sqlite3.Connection, given: Arguments, values: Mapping[str, str | int | None], state: SweepState | None
) -> sqlite3.Row:
    if "config" not in values:
        raise RequestError("A new sweep needs a configuration.")
    config = json.loads(str(values["config"]))
    entity = given.text("entityName") or config.get("entity") or DEFAULT_ENTITY
    name = given.text("projectName") or config.get("project") or DEFAULT_PROJECT
    project = projects.ensure(connection, checked_name(str(entity), "entity"), checked_name(str(name), "project"))
    number = sweeps.insert(connection, project["id"], new_id(), seed_for(config), state or SweepState.RUNNING)
    row = sweeps.by_id(connection, number)
    assert row is not None
    return row


def _apply_state(connection: sqlite3.Connection, sweep: sqlite3.Row, state: SweepState | None) -> None:
    """Let a new state reach the runs."""
    if state is SweepState.CANCELED:
        stop_live_runs(connection, sweep, "the sweep was canceled")
        close_log(connection, sweep)
    elif state is SweepState.FINISHED:
        drop_waiting_runs(connection, sweep)
        close_log(connection, sweep)
    elif state is SweepState.RUNNING and sweep["exhausted"]:
        sweeps.update(connection, sweep["id"], {"exhausted": 0})


def enqueue_sweep_run(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Add a run with a given configuration to a sweep that a scheduler leads."""
    given = Arguments(input)
    sweep_id = row_id("Sweep", given.required("id"))
    wire = parse_json_object(given.text("config"), "config")

    def job(connection: sqlite3.Connection) -> str:
        sweep = sweeps.by_id(connection, sweep_id)
        if sweep is None:
            raise RequestError("There is no such sweep.")
        if SweepState(sweep["state"]).is_terminal:
            raise RequestError(f"The sweep is {sweep['state']}: it takes no further runs.")
        return controllers.enqueue(connection, sweep, wire, given.text("displayName"))

    name = context.write(job)
    # The scheduler asks for its runs by `{"name": {"$in": [...]}}` with what it is given here (SDK 0.31).
    return {"id": name, "runQueueItemId": storage_id("RunQueueItem", name)}


def create_agent(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Register an agent of a sweep."""
    given = Arguments(input)

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        sweep = _named(connection, given, given.required("sweep"))
        number = sweeps.insert_agent(connection, sweep["id"], new_id(), given.text("host") or "")
        row = sweeps.agent_by_id(connection, number)
        assert row is not None
        return row

    return {"agent": AgentNode(context, context.write(job))}


def agent_heartbeat(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Answer an agent's sign of life with commands."""
    given = Arguments(input)
    try:
        agent = sweeps.agent_by_id(context.connection, row_id("Agent", given.required("id")))
    except RequestError as error:
        raise RequestError(str(error), status=404) from error
    sweep = None if agent is None else sweeps.by_id(context.connection, agent["sweep_id"])
    if agent is None or sweep is None:
        # wandb's agents go home at a 404, and only then (SDK 0.31, _agent_heartbeat).
        raise RequestError("The agent or its sweep was deleted.", status=404)
    states = parse_json_object(given.text("runState"), "runState")
    alive = {name for name, is_alive in states.items() if is_alive}
    commands = answer_heartbeat(context, agent, sweep, alive)
    return {"agent": AgentNode(context, agent), "commands": dump_json(list(commands))}
