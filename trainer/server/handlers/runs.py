"""Making and changing runs. Reading them is `run_node`'s."""

from __future__ import annotations

import json
import secrets
import sqlite3

from trainer.server import endings, lives, writers
from trainer.server.context import (
    DEFAULT_ENTITY,
    DEFAULT_PROJECT,
    Arguments,
    RequestContext,
    RequestError,
    parse_json_object,
    row_id,
)
from trainer.server.file_store import discard
from trainer.server.file_stream import dump_json
from trainer.server.handlers.projects import checked_name
from trainer.server.handlers.run_node import RunNode
from trainer.server.leftovers import delete_artifacts
from trainer.server.names import invented_name, new_id
from trainer.server.tables import artifacts, projects, runs, sweeps
from trainer.states import RunState

_TEXT_FIELDS = {
    "displayName": "display_name",
    "groupName": "group_name",
    "jobType": "job_type",
    "notes": "notes",
    "description": "description",
    "host": "host",
    "jobProgram": "program",
    "jobRepo": "repo",
    "commit": "commit_hash",
    "sweep": "sweep",
}
_LIFE_FIELDS = (*_TEXT_FIELDS, "tags", "state", "debug")
"""What the SDK sends of a run when it begins or changes it, and not with a changed configuration (0.31)."""


def upsert_bucket(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Create or change a run; what is null stays as it is."""
    given = Arguments(input)
    values = _changes(given)

    def job(connection: sqlite3.Connection) -> tuple[sqlite3.Row, bool]:
        if given.text("id"):
            return _edit(connection, given, values, context.writer), False
        return _begin(connection, given, values, context.writer)

    row, inserted = context.write(job)
    return {"bucket": RunNode(context, row), "inserted": inserted}


def _changes(given: Arguments) -> dict[str, str]:
    """Return the columns that an upsert sets."""
    values = {column: text for name, column in _TEXT_FIELDS.items() if (text := given.text(name)) is not None}
    if (tags := given.texts("tags")) is not None:
        values["tags"] = json.dumps(list(dict.fromkeys(tags)))
    if given.text("config"):
        values["config"] = dump_json(parse_json_object(given.text("config"), "config"))
    if given.text("summaryMetrics"):
        values["summary"] = dump_json(parse_json_object(given.text("summaryMetrics"), "summaryMetrics"))
    return values


def _edit(connection: sqlite3.Connection, given: Arguments, values: dict[str, str], writer: str | None) -> sqlite3.Row:
    """Change the run of a storage id. A process that resumes its run names both; who edits, the storage id alone."""
    run_id = row_id("Run", given.required("id"))
    row = runs.by_id(connection, run_id)
    if row is None:
        raise RequestError(f"There is no run {given.required('id')[:80]!r}.")
    if writer is not None:
        values |= _shared_values(row, values)
    if given.text("name"):
        if row["is_resuming"]:
            runs.resume(connection, run_id)
        if row["is_resuming"] or not endings.is_over(row):
            runs.report(connection, run_id)
    return _changed(connection, run_id, values)


def _changed(connection: sqlite3.Connection, run_id: int, values: dict[str, str]) -> sqlite3.Row:
    runs.update(connection, run_id, values)
    row = runs.by_id(connection, run_id)
    assert row is not None
    return row


def _begin(
    connection: sqlite3.Connection, given: Arguments, values: dict[str, str], writer: str | None
) -> tuple[sqlite3.Row, bool]:
    """Start, continue, start over or fork the run of a name within a project."""
    entity = checked_name(given.text("entityName") or DEFAULT_ENTITY, "entity")
    project = projects.ensure(connection, entity, checked_name(given.text("modelName") or DEFAULT_PROJECT, "project"))
    name = checked_name(given.text("name") or new_id(), "run")
    is_pending = given.text("state") == RunState.PENDING
    row = runs.find(connection, project["id"], name)
    is_new = row is None
    if row is None:
        if _is_config_update(given) and runs.is_deleted(connection, project["id"], name):
            raise RequestError(f"The run {name!r} was deleted; start again, or use another id.")
        shown = values.get("display_name") or invented_name(values.get("sweep"), secrets.randbelow(10_000))
        state = RunState.PENDING if is_pending else RunState.RUNNING
        run_id = runs.insert(connection, project["id"], name, shown, state, sweep=values.get("sweep"))
    else:
        run_id = int(row["id"])
        is_new = row["reported_at"] is None
        if writer is not None:
            values |= _shared_values(row, values)
        elif lives.is_begun_anew(row, is_config_update=_is_config_update(given)):
            runs.start_over(connection, run_id)
            is_new = True
    if not values.get("display_name"):
        values.pop("display_name", None)
    changed = _changed(connection, run_id, values)
    point = lives.branch_point(values.get("config")) if is_new else None
    if point is not None and point.run != name:
        lives.fork(connection, changed, point)
    # One of several writers may send its configuration once more when another has ended the run.
    is_late = writer is not None and endings.is_over(changed) and _is_config_update(given)
    if not is_pending and not is_late:
        runs.report(connection, run_id)
    return _changed(connection, run_id, {}), row is None


def _is_config_update(given: Arguments) -> bool:
    """Return whether an upsert is what a process sends when its configuration has changed, and nothing else has."""
    return given.text("entityName") is not None and not any(given.is_set(name) for name in _LIFE_FIELDS)


def _shared_values(row: sqlite3.Row, values: dict[str, str]) -> dict[str, str]:
    """Return the columns that one of several writers at once may not replace, merged with what the others sent."""
    if "config" not in values:
        return {}
    return {"config": dump_json(writers.merged_config(row["config"], json.loads(values["config"])))}


def rewind_run(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Take a run back to a step, for the process that asks for it to go on from there."""
    given = Arguments(input)
    metric, step = given.required("metricName"), given.number("metricValue")
    if metric != "_step" or step is None or abs(step) >= 2**53:
        raise RequestError("A run can be rewound to a value of `_step` only.")
    entity, project = given.owner()

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        row = runs.find_by_path(connection, entity, project, given.required("runName"))
        if row is None:
            raise RequestError(f"There is no run {entity}/{project}/{given.required('runName')} to rewind.")
        lives.rewind(connection, row, int(step))
        return _changed(connection, int(row["id"]), {})

    return {"rewoundRun": RunNode(context, context.write(job))}


def delete_run(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Delete a run, all it logged, its files, and the artifacts it logged if that is asked for."""
    given = Arguments(input)
    run_id = row_id("Run", given.required("id"))

    def job(connection: sqlite3.Connection) -> tuple[list[int], sqlite3.Row | None]:
        run = runs.by_id(connection, run_id)
        if run is None:
            raise RequestError("There is no such run.")
        numbers = [row[0] for row in connection.execute("SELECT id FROM files WHERE run_id = ?", (run_id,))]
        sweep = sweeps.find(connection, run["project_id"], run["sweep"]) if run["sweep"] else None
        if given.boolean("deleteArtifacts"):
            numbers += delete_artifacts(connection, artifacts.logged_by(connection, run_id))
        runs.delete(connection, run_id)
        if sweep is not None:
            sweeps.update(connection, sweep["id"], {"exhausted": 0})  # the run's point is free again
        return numbers, sweep

    numbers, sweep = context.write(job)
    if sweep is not None:
        context.scheduler.forget(sweep["id"])
    discard(context.files_dir, numbers)
    return {"clientMutationId": None}


def stop_run(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Ask a run to end."""
    run_id = row_id("Run", Arguments(input).required("id"))

    def job(connection: sqlite3.Connection) -> None:
        row = runs.by_id(connection, run_id)
        if row is None:
            raise RequestError("There is no such run.")
        if row["state"] == RunState.PENDING and row["agent_id"] is None:
            runs.finish(connection, run_id, RunState.KILLED)
        else:
            runs.request_stop(connection, run_id, "stopped by the user")

    context.write(job)
    return {"success": True}


def update_run_state(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Move a run to pending or failed, where W&B allows it (SDK 0.31, `Run.update_state`)."""
    given = Arguments(input)
    run_id, target = row_id("Run", given.required("id")), given.required("state")
    sources = {
        RunState.PENDING: {RunState.RUNNING, RunState.FAILED, RunState.CRASHED, RunState.PREEMPTED},
        RunState.FAILED: {RunState.PENDING, RunState.RUNNING},
    }

    def job(connection: sqlite3.Connection) -> None:
        row = runs.by_id(connection, run_id)
        if row is None:
            raise RequestError("There is no such run.")
        allowed = sources.get(RunState(target), set()) if target in tuple(RunState) else set()
        if row["sweep"] or RunState(row["state"]) not in allowed:
            raise RequestError(f"A run that is {row['state']} cannot be made {target!r}.")
        runs.finish(connection, run_id, RunState(target))

    context.write(job)
    return {"success": True}
