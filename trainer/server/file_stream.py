"""What a run streams to `/files/<entity>/<project>/<run>/file_stream` (SDK 0.31), stored.

Chunks are written by (run, file, line): one that is retried changes nothing. Once a run exists, nothing in a chunk is
an error: the SDK would give up the rest of the run's data.
"""

from __future__ import annotations

import json
import logging
import math
import sqlite3
from collections.abc import Iterator, Mapping

from trainer.records import Json
from trainer.server import endings, writers
from trainer.server.history_keys import HistoryKeys
from trainer.server.store import now_micros
from trainer.server.tables import best_values, runs, streams, sweeps
from trainer.states import RunState

logger = logging.getLogger(__name__)

_HISTORY = "wandb-history.jsonl"
_EVENTS = "wandb-events.jsonl"
_SUMMARY = "wandb-summary.json"
_CONSOLE = "output.log"
_STREAMS: Mapping[str, streams.Stream] = {_HISTORY: "history", _EVENTS: "events", _CONSOLE: "console"}
MAX_LINE = 2**30
"""No run has so many lines. Counts of lines are 32-bit integers in GraphQL."""
MAX_NESTING = 300
"""Lists and objects within one another that are kept as such: SQLite reads 1000, and Python's stack is no deeper."""
_MAX_PART_LINES = 500
_MAX_PART_SIZE = 1_000_000
"""Characters."""
AGENT_AT_WORK = 20_000_000
"""An agent heard of within this many microseconds is at work; they beat every five seconds at least."""


def store_chunk(
    connection: sqlite3.Connection, run: sqlite3.Row, body: Mapping[str, Json], writer: str | None = None
) -> None:
    """Store one request of a run's stream: rows, summary, sign of life, end.

    Args:
        connection: Writes.
        run: The run.
        body: The request.
        writer: Who sent it, if the run has several writers at once (`mode="shared"`).
    """
    run_id = int(run["id"])
    given = body.get("files")
    chunks = given if isinstance(given, dict) else {}
    is_complete = body.get("complete") is True
    is_over = endings.is_over(run)
    # What a run sends that has said how it ended was on its way, or comes a second time: it changes no state.
    is_late = writer is None and is_over and run["exit_code"] is not None
    if writer is None and not is_late and _starts_over(connection, run_id, chunks.get(_HISTORY)):
        runs.start_over(connection, run_id)
    if is_over and not chunks and not is_complete:
        # A heartbeat that was on its way when the run ended; it does not raise the dead.
        return
    if not is_over or (
        writer is None and not is_late and not (run["state"] == RunState.KILLED and run["stop_requested"])
    ):
        # Else rows were on their way when the run was killed, or when another of its writers ended it: they are kept.
        runs.report(connection, run_id)
    for name, chunk in chunks.items():
        if isinstance(chunk, dict):
            _store_file(connection, run_id, name, chunk, writer)
    if is_late:
        return
    if body.get("preempting") is True:
        runs.update(connection, run_id, {"state": RunState.PREEMPTING})
    if is_complete:
        ended = runs.by_id(connection, run_id)
        assert ended is not None
        endings.end_with_code(connection, ended, _exit_code(body.get("exitcode")))


def parts_of(body: dict[str, Json]) -> Iterator[dict[str, Json]]:
    """Yield a request in parts to be stored one after another, the last with all that is not lines.

    A request of 10 MB, which the SDK sends of a run that logged while it was offline (0.31), would keep every other
    run waiting for seconds. Should only some parts get to the disk, the request is sent again, and they are no news.
    """
    files = body.get("files")
    if isinstance(files, dict):
        files = dict(files)
        for name in (_HISTORY, _CONSOLE):
            chunk = files.get(name)
            offset = chunk.get("offset") if isinstance(chunk, dict) else None
            lines = chunk.get("content") if isinstance(chunk, dict) else None
            if not isinstance(lines, list) or not isinstance(offset, int) or isinstance(offset, bool) or offset < 0:
                continue
            start = 0
            for end in _cuts(lines):
                yield {"files": {name: {"offset": offset + start, "content": lines[start:end]}}}
                start = end
            files[name] = {"offset": offset + start, "content": lines[start:]}
        body = {**body, "files": files}
    yield body


def _cuts(lines: list[Json]) -> Iterator[int]:
    """Yield where to cut lines so that no piece is too long for one transaction."""
    start, size = 0, 0
    for index, line in enumerate(lines):
        size += len(line) if isinstance(line, str) else 0
        if index > start and (index - start >= _MAX_PART_LINES or size > _MAX_PART_SIZE):
            yield index
            start, size = index, len(line) if isinstance(line, str) else 0


def is_to_stop(connection: sqlite3.Connection, run: sqlite3.Row) -> bool:
    """Return whether a run itself is told to end: it was asked to, and has no agent that is at work and ends it.

    Told twice, by its agent's signal and by the answer to its stream, the SDK is interrupted a second time while it
    uploads what is left, gives that up and never reports the end (0.31).
    """
    if not run["stop_requested"] or run["agent_id"] is None:
        return bool(run["stop_requested"])
    agent = sweeps.agent_by_id(connection, run["agent_id"])
    return agent is None or now_micros() - int(agent["heartbeat_at"]) > AGENT_AT_WORK


def _exit_code(given: Json) -> int:
    code = given if isinstance(given, int) and not isinstance(given, bool) else 0
    return code if abs(code) < 2**31 else 1


def _starts_over(connection: sqlite3.Connection, run_id: int, chunk: Json) -> bool:
    """Return whether a history chunk begins a new life of a run: it is at line 0, and not what line 0 holds."""
    if not isinstance(chunk, dict) or chunk.get("offset") != 0:
        return False
    lines = _lines(chunk)
    known = streams.line(connection, run_id, "history", 0)
    return bool(lines) and known is not None and known != _clean_row(lines[0])


def _store_file(
    connection: sqlite3.Connection, run_id: int, name: str, chunk: dict[str, Json], writer: str | None
) -> None:
    offset = chunk.get("offset")
    if not isinstance(offset, int) or isinstance(offset, bool) or not 0 <= offset < MAX_LINE:
        logger.warning("a chunk of %s came without a usable offset; it was taken as 0", name[:100])
        offset = 0
    lines = _lines(chunk)
    if not lines:
        return
    if name == _SUMMARY:
        _store_summary(connection, run_id, lines[-1], writer)
    elif writer is not None:
        _store_shared(connection, run_id, name, offset, lines, writer)
    elif name == _HISTORY:
        _store_history(connection, run_id, offset, lines)
    elif name == _EVENTS:
        streams.put_lines(connection, run_id, "events", offset, [_clean_row(line) for line in lines])
        connection.execute("UPDATE runs SET system_metrics = ? WHERE id = ?", (_clean_row(lines[-1]), run_id))
    elif name == _CONSOLE:
        streams.put_lines(connection, run_id, "console", offset, lines)


def _store_summary(connection: sqlite3.Connection, run_id: int, text: str, writer: str | None) -> None:
    values = _object(text)
    if writer is not None:
        row = connection.execute("SELECT summary, history_keys FROM runs WHERE id = ?", (run_id,)).fetchone()
        values = json.loads(row[0]) | values
        if (last := HistoryKeys(row[1]).last_step) is not None:
            values["_step"] = last  # a writer knows only its own
    runs.update(connection, run_id, {"summary": dump_json(values)})


def _store_shared(
    connection: sqlite3.Connection, run_id: int, name: str, offset: int, lines: list[str], writer: str
) -> None:
    """Store lines of one of several writers behind what is there; those it sent before are where they were."""
    stream = _STREAMS.get(name)
    if stream is None:
        return
    placed = list(zip(writers.places(connection, run_id, stream, writer, offset, len(lines)), lines, strict=True))
    if stream == "console":
        for (place, _), line in placed:
            streams.put_lines(connection, run_id, "console", place, [line])
        return
    fresh = [(place, _object(line)) for (place, is_new), line in placed if is_new]
    if not fresh:
        return
    row = connection.execute("SELECT history_keys, system_metrics FROM runs WHERE id = ?", (run_id,)).fetchone()
    if stream == "events":
        latest = json.loads(row[1])
        for _, values in fresh:
            latest |= values
        streams.put_lines(connection, run_id, "events", fresh[0][0], [dump_json(values) for _, values in fresh])
        connection.execute("UPDATE runs SET system_metrics = ? WHERE id = ?", (dump_json(latest), run_id))
        return
    last = HistoryKeys(row[0]).last_step
    first_step = 0 if last is None else last + 1
    numbered = [dump_json({**values, "_step": first_step + index}) for index, (_, values) in enumerate(fresh)]
    _store_history(connection, run_id, fresh[0][0], numbered)


def _lines(chunk: dict[str, Json]) -> list[str]:
    content = chunk.get("content")
    items = content if isinstance(content, list) else [content] if isinstance(content, str) else []
    # A half of a surrogate pair, which JSON can carry, cannot be stored as UTF-8.
    return [item.encode("utf-8", "replace").decode() for item in items if isinstance(item, str)]


def _store_history(connection: sqlite3.Connection, run_id: int, offset: int, lines: list[str]) -> None:
    """Store rows of a run's history, the first of them at line `offset`, and what is kept by them."""
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
    runs.set_history_keys(connection, run_id, keys.dump())


def _object(text: str) -> dict[str, Json]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        logger.warning("a line of JSON could not be read; an empty row stands in for it")
        return {}
    if text.count("[") + text.count("{") > MAX_NESTING:
        value = _plain(value, MAX_NESTING)
    return value if isinstance(value, dict) else {}


def _clean_row(text: str) -> str:
    return dump_json(_object(text))


def dump_json(value: Json) -> str:
    """Return compact JSON that every reader accepts.

    NaN and infinities become the texts W&B uses for them, and so does what is nested deeper than `MAX_NESTING`.
    """
    try:
        text = _compact(value)
        if text.count("[") + text.count("{") > MAX_NESTING:
            text = _compact(_plain(value, MAX_NESTING))
    except (ValueError, RecursionError):
        text = _compact(_plain(value, MAX_NESTING))
    # Half of a surrogate pair is JSON, but not UTF-8.
    return text.encode("utf-8", "replace").decode()


def _compact(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _plain(value: Json, levels: int) -> Json:
    """Return a value without NaN and infinities; what is nested beyond some levels becomes a text."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        try:
            return json.dumps(value, ensure_ascii=False)
        except RecursionError:
            return "nested too deeply"
    # Plain loops: a comprehension would take a second frame of the stack for each level.
    if isinstance(value, list):
        items: list[Json] = []
        for item in value:
            items.append(_plain(item, levels - 1))  # noqa: PERF401
        return items
    members: dict[str, Json] = {}
    for key, item in value.items():
        members[key] = _plain(item, levels - 1)
    return members
