"""What a run streams to `/files/<entity>/<project>/<run>/file_stream` (SDK 0.31), stored.

Chunks are written by (run, file, line): one that is retried changes nothing. Once a run exists, nothing in a chunk is
an error: the SDK would give up the rest of the run's data.
"""

from __future__ import annotations

import json
import logging
import math
import sqlite3
from collections.abc import Mapping

from trainer.records import Json
from trainer.server.history_keys import HistoryKeys
from trainer.server.store import now_micros
from trainer.server.tables import best_values, runs, streams, sweeps
from trainer.states import RunState

logger = logging.getLogger(__name__)

_HISTORY = "wandb-history.jsonl"
_EVENTS = "wandb-events.jsonl"
_SUMMARY = "wandb-summary.json"
_CONSOLE = "output.log"
MAX_LINE = 2**53
AGENT_AT_WORK = 20_000_000
"""An agent heard of within this many microseconds is at work; they beat every five seconds at least."""


def store_chunk(connection: sqlite3.Connection, run: sqlite3.Row, body: Mapping[str, Json]) -> None:
    """Store one request of a run's stream: rows, summary, sign of life, end."""
    run_id = int(run["id"])
    given = body.get("files")
    chunks = given if isinstance(given, dict) else {}
    if _starts_over(connection, run_id, chunks.get(_HISTORY)):
        runs.start_over(connection, run_id)
    if body.get("complete") is not True and RunState(run["state"]).is_terminal and not chunks:
        # A heartbeat that was on its way when the run ended; it does not raise the dead.
        return
    if run["state"] != RunState.KILLED or not run["stop_requested"]:
        # Rows that were on their way when a run was killed are kept, and do not raise it from the dead.
        runs.report(connection, run_id)
    for name, chunk in chunks.items():
        if isinstance(chunk, dict):
            _store_file(connection, run_id, name, chunk)
    if body.get("preempting") is True:
        runs.update(connection, run_id, {"state": RunState.PREEMPTING})
    if body.get("complete") is True:
        _complete(connection, run_id, body.get("exitcode"))


def is_to_stop(connection: sqlite3.Connection, run: sqlite3.Row) -> bool:
    """Return whether a run itself is told to end: it was asked to, and has no agent that is at work and ends it.

    Told twice, by its agent's signal and by the answer to its stream, the SDK is interrupted a second time while it
    uploads what is left, gives that up and never reports the end (0.31).
    """
    if not run["stop_requested"] or run["agent_id"] is None:
        return bool(run["stop_requested"])
    agent = sweeps.agent_by_id(connection, run["agent_id"])
    return agent is None or now_micros() - int(agent["heartbeat_at"]) > AGENT_AT_WORK


def _complete(connection: sqlite3.Connection, run_id: int, exit_code: Json) -> None:
    code = exit_code if isinstance(exit_code, int) and not isinstance(exit_code, bool) else 0
    code = code if abs(code) < 2**31 else 1
    run = runs.by_id(connection, run_id)
    assert run is not None
    if code == 0:
        state = RunState.FINISHED
    elif run["stop_requested"]:
        state = RunState.KILLED
    elif run["state"] == RunState.PREEMPTING:
        state = RunState.PREEMPTED
    else:
        state = RunState.FAILED
    runs.finish(connection, run_id, state, code)


def _starts_over(connection: sqlite3.Connection, run_id: int, chunk: Json) -> bool:
    """Return whether a history chunk begins a new life of a run: it is at line 0, and not what line 0 holds."""
    if not isinstance(chunk, dict) or chunk.get("offset") != 0:
        return False
    lines = _lines(chunk)
    known = streams.line(connection, run_id, "history", 0)
    return bool(lines) and known is not None and known != _clean_row(lines[0])


def _store_file(connection: sqlite3.Connection, run_id: int, name: str, chunk: dict[str, Json]) -> None:
    offset = chunk.get("offset")
    if not isinstance(offset, int) or isinstance(offset, bool) or not 0 <= offset < MAX_LINE:
        logger.warning("a chunk of %s came without a usable offset; it was taken as 0", name[:100])
        offset = 0
    lines = _lines(chunk)
    if name == _HISTORY:
        _store_history(connection, run_id, offset, lines)
    elif name == _EVENTS:
        streams.put_lines(connection, run_id, "events", offset, [_clean_row(line) for line in lines])
        if lines:
            connection.execute("UPDATE runs SET system_metrics = ? WHERE id = ?", (_clean_row(lines[-1]), run_id))
    elif name == _CONSOLE:
        streams.put_lines(connection, run_id, "console", offset, lines)
    elif name == _SUMMARY and lines:
        runs.update(connection, run_id, {"summary": _clean_row(lines[-1])})


def _lines(chunk: dict[str, Json]) -> list[str]:
    content = chunk.get("content")
    items = content if isinstance(content, list) else [content] if isinstance(content, str) else []
    # A half of a surrogate pair, which JSON can carry, cannot be stored as UTF-8.
    return [item.encode("utf-8", "replace").decode() for item in items if isinstance(item, str)]


def _store_history(connection: sqlite3.Connection, run_id: int, offset: int, lines: list[str]) -> None:
    if not lines:
        return
    row = connection.execute("SELECT history_keys, history_lines FROM runs WHERE id = ?", (run_id,)).fetchone()
    keys, known_lines = HistoryKeys(row[0]), int(row[1])
    stored, parsed = [], []
    for index, text in enumerate(lines):
        values = _object(text)
        number = values.get("_step")
        step = number if isinstance(number, int) and abs(number) < 2**62 else offset + index
        stored.append((offset + index, step, dump_json(values)))
        parsed.append((offset + index, values))
        if offset + index >= known_lines:
            keys.add(values, step)
    streams.put_history(connection, run_id, stored)
    best_values.note_rows(connection, run_id, parsed)
    connection.execute("UPDATE runs SET history_keys = ? WHERE id = ?", (keys.dump(), run_id))


def _object(text: str) -> dict[str, Json]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        logger.warning("a line of JSON could not be read; an empty row stands in for it")
        return {}
    return value if isinstance(value, dict) else {}


def _clean_row(text: str) -> str:
    return dump_json(_object(text))


def dump_json(value: Json) -> str:
    """Return compact JSON that every reader accepts: NaN and infinities become the texts W&B uses for them."""
    try:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), separators=(",", ":"), ensure_ascii=False)
    # Half of a surrogate pair is JSON, but not UTF-8.
    return text.encode("utf-8", "replace").decode()


def _finite(value: Json) -> Json:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value
