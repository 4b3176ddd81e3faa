"""Reading what a run streamed: whole rows, sampled keys, console lines."""

from __future__ import annotations

import json
import re
import sqlite3

from trainer.records import Json
from trainer.server.context import RequestError, parse_json_object
from trainer.server.file_stream import dump_json
from trainer.server.handlers.history_samples import pick, rows_with_keys
from trainer.server.pages import connection_of, cursor_of, read_cursor
from trainer.server.plain_lists import PlainList
from trainer.server.tables import streams
from trainer.server.tables.streams import EVER

MAX_SAMPLES = 100_000
_MAX_PAGE_ROWS = 500_000
_DEFAULT_SAMPLES = 500
_MAX_FLATTENED = 50
"""Levels of nested objects that become dotted names; what lies deeper stays an object."""
_CONSOLE_HEAD = re.compile(r"(ERROR )?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?) ")


def rows(
    connection: sqlite3.Connection,
    run: sqlite3.Row,
    samples: int | None,
    min_step: int | None,
    max_step: int | None,
) -> list[str]:
    """Return history rows: those from `min_step` (incl.) to `max_step` (excl.), or the run thinned.

    Raises:
        RequestError: If a page of steps has more rows than one answer holds.
    """
    wanted = min(max(samples or _DEFAULT_SAMPLES, 1), MAX_SAMPLES)
    low, high = -EVER if min_step is None else min_step, EVER if max_step is None else max_step - 1
    if min_step is None and max_step is None:
        found = streams.thinned_lines(connection, int(run["id"]), "history", run["history_lines"], wanted)
    elif _is_page(low, high, samples):
        found = _whole_page(connection, int(run["id"]), low, high)
    else:
        found = streams.history(connection, int(run["id"]), low, high, wanted)
    return [dump_json(_flat_row(text)) if text.find("{", 1) > 0 else text for text in found]


def _flat_row(text: str) -> dict[str, Json]:
    """Return a row with the values of nested objects under dotted names, as W&B gives them; media stay whole."""
    flat: dict[str, Json] = {}

    def spread(values: dict[str, Json], prefix: str, depth: int) -> None:
        for key, value in values.items():
            if isinstance(value, dict) and value and "_type" not in value and depth < _MAX_FLATTENED:
                spread(value, f"{prefix}{key}.", depth + 1)
            else:
                flat[prefix + key] = value

    spread(json.loads(text), "", 0)
    return flat


def _is_page(low: int, high: int, samples: int | None) -> bool:
    """Return whether a reader goes through the history in pages of `samples` steps: none of their rows may be lost.

    A step may have several rows (several processes wrote the run), so that a page holds more rows than steps.
    """
    return high - low < (samples or 0)


def _whole_page(connection: sqlite3.Connection, run_id: int, low: int, high: int) -> list[str]:
    found = streams.history(connection, run_id, low, high, _MAX_PAGE_ROWS + 1)
    if len(found) > _MAX_PAGE_ROWS:
        raise RequestError(
            f"Steps {low} to {high} have more than {_MAX_PAGE_ROWS} rows: read fewer steps at a time (`page_size`)."
        )
    return found


def sampled(connection: sqlite3.Connection, run_id: int, spec: str) -> list[dict[str, Json]]:
    """Return the rows that have every key of a spec, only those keys, thinned to its `samples`.

    Raises:
        RequestError: If the spec is not `{"keys": [...], "samples": n, "minStep": n, "maxStep": n}`, or a page of
            steps has more rows than one answer holds.
    """
    given = parse_json_object(spec, "the history spec")
    keys, samples = given.get("keys"), given.get("samples")
    if keys is not None and not (isinstance(keys, list) and all(isinstance(key, str) for key in keys)):
        raise RequestError("`keys` of a history spec is a list of names.")
    names = [key for key in keys or () if isinstance(key, str)]
    asked = samples if isinstance(samples, int) and not isinstance(samples, bool) else _DEFAULT_SAMPLES
    wanted = min(max(asked, 1), MAX_SAMPLES)
    low, high = (_step(given.get("minStep"), -EVER), _step(given.get("maxStep"), EVER))
    if high - low == asked:
        high -= 1  # SDKs up to 0.25 mean an end that is not part of the page, and begin the next one there
    if _is_page(low, high, asked):
        page = _whole_page(connection, run_id, low, high)
        if names:
            return [picked for text in page if (picked := pick(json.loads(text), names)) is not None]
        return [_flat_row(text) for text in page]
    if not names:
        return [_flat_row(text) for text in streams.history(connection, run_id, low, high, wanted)]
    return rows_with_keys(connection, run_id, names, low, high, wanted)


def ends(connection: sqlite3.Connection, run_id: int, keys: list[str] | None) -> list[dict[str, Json]]:
    """Return the first and the last row that have some keys, only those keys; empty for a run without rows."""
    end = "(SELECT {}(step) FROM history WHERE run_id = ?)"  # one by one: both in one SELECT read every step
    sql = f"SELECT {end.format('min')}, {end.format('max')}"
    bounds = connection.execute(sql, (run_id, run_id)).fetchone()
    found = []
    for step in sorted({bound for bound in bounds if bound is not None}):
        found += [json.loads(text) for text in streams.history(connection, run_id, step, step, 1)]
    return [picked for row in found if (picked := pick(row, keys or ["_step"])) is not None]


def _step(value: Json, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 else default


def console(
    connection: sqlite3.Connection,
    run_id: int,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None = None,
) -> dict[str, object]:
    """Return console lines between two cursors: the last `last` of them, or the first `first`."""
    size = min(max(first if first is not None else last if last is not None else 1000, 0), 10_000)
    start, end = read_cursor(after)[1] if after else -1, read_cursor(before)[1] if before else EVER
    tail = last is not None and first is None
    found = streams.lines(connection, run_id, "console", start, size + 1, before=end, last=tail)
    is_cut = len(found) > size
    found = found[is_cut:] if tail else found[:size]
    answer = connection_of(found, size, _console_line, lambda item: cursor_of(None, item[0]), edges=PlainList)
    answer["pageInfo"] = {
        # Each way one flag is known, as Relay allows, unless a cursor tells the other.
        "hasNextPage": before is not None if tail else is_cut,
        "hasPreviousPage": is_cut if tail else after is not None,
        "startCursor": cursor_of(None, found[0][0]) if found else None,
        "endCursor": cursor_of(None, found[-1][0]) if found else None,
    }
    return answer


def _console_line(item: tuple[int, str]) -> dict[str, object]:
    number, stored = item
    head = _CONSOLE_HEAD.match(stored)
    if head is None:
        return {"number": number, "timestamp": None, "level": None, "label": None, "line": stored}
    error, moment = head.groups()
    line = stored[head.end() :]
    return {"number": number, "timestamp": moment, "level": "error" if error else None, "label": None, "line": line}
