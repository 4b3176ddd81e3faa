"""What runs stream: history, system events and console lines, each kept by (run, line).

A line that arrives again replaces itself, so a retried chunk changes nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Literal

EVER = 2**62
"""Steps lie below it, and above its negative."""
Stream = Literal["history", "events", "console"]
_LENGTHS: dict[Stream, str] = {"history": "history_lines", "events": "events_lines", "console": "console_lines"}


def put_history(connection: sqlite3.Connection, run_id: int, rows: Sequence[tuple[int, int, str]]) -> None:
    """Store history rows given as (line, step, JSON)."""
    connection.executemany(
        "INSERT OR REPLACE INTO history (run_id, line, step, row) VALUES (?, ?, ?, ?)",
        [(run_id, line, step, text) for line, step, text in rows],
    )
    _lengthen(connection, run_id, "history", rows[-1][0] + 1 if rows else 0)


def put_lines(
    connection: sqlite3.Connection, run_id: int, stream: Literal["events", "console"], offset: int, lines: Sequence[str]
) -> None:
    """Store lines of the events or the console, the first of them at `offset`."""
    connection.executemany(
        f"INSERT OR REPLACE INTO {stream} (run_id, line, row) VALUES (?, ?, ?)",
        [(run_id, offset + index, line) for index, line in enumerate(lines)],
    )
    _lengthen(connection, run_id, stream, offset + len(lines))


def _lengthen(connection: sqlite3.Connection, run_id: int, stream: Stream, length: int) -> None:
    column = _LENGTHS[stream]
    connection.execute(f"UPDATE runs SET {column} = max({column}, ?) WHERE id = ?", (length, run_id))


def line(connection: sqlite3.Connection, run_id: int, stream: Stream, number: int) -> str | None:
    """Return one stored line, or None."""
    row = connection.execute(f"SELECT row FROM {stream} WHERE run_id = ? AND line = ?", (run_id, number)).fetchone()
    return None if row is None else str(row[0])


def last_line(connection: sqlite3.Connection, run_id: int, stream: Stream) -> str | None:
    """Return the last stored line, or None."""
    row = connection.execute(
        f"SELECT row FROM {stream} WHERE run_id = ? ORDER BY line DESC LIMIT 1", (run_id,)
    ).fetchone()
    return None if row is None else str(row[0])


def lines(
    connection: sqlite3.Connection,
    run_id: int,
    stream: Stream,
    after: int,
    limit: int,
    *,
    before: int = EVER,
    last: bool = False,
) -> list[tuple[int, str]]:
    """Return (number, text) of up to `limit` lines between two numbers: the first, or the last of them."""
    order = "DESC" if last else "ASC"
    rows = connection.execute(
        f"SELECT line, row FROM {stream} WHERE run_id = ? AND line > ? AND line < ? ORDER BY line {order} LIMIT ?",
        (run_id, after, before, limit),
    ).fetchall()
    found = [(int(row[0]), str(row[1])) for row in rows]
    return found[::-1] if last else found


def history_lines_with(
    connection: sqlite3.Connection, run_id: int, min_step: int, max_step: int, marks: Sequence[str]
) -> list[int]:
    """Return the lines of the rows with `min_step <= step <= max_step` whose JSON holds all of some texts, in order."""
    conditions, values = ["instr(row, ?) > 0" for _ in marks], list[str | int](marks)
    if min_step > -EVER or max_step < EVER:
        # Else not even named: the way over the index of steps takes twice as long.
        conditions, values = [*conditions, "step BETWEEN ? AND ?"], [*values, min_step, max_step]
    # As one text: 100,000 lines as rows of a result take four times as long.
    row = connection.execute(
        f"SELECT group_concat(line) FROM history WHERE {' AND '.join(['run_id = ?', *conditions])}",
        (run_id, *values),
    ).fetchone()
    return sorted(json.loads(f"[{row[0] or ''}]"))


def history_at(connection: sqlite3.Connection, run_id: int, wanted: Sequence[int]) -> Iterator[tuple[int, int, str]]:
    """Yield (line, step, JSON) of those of the wanted lines that there are, in any order."""
    yield from connection.execute(
        "SELECT line, step, row FROM history WHERE run_id = ? AND line IN (SELECT value FROM json_each(?))",
        (run_id, json.dumps(list(wanted))),
    )


def history(connection: sqlite3.Connection, run_id: int, min_step: int, max_step: int, limit: int) -> list[str]:
    """Return the first `limit` history rows with `min_step <= step <= max_step`, by step."""
    rows = connection.execute(
        "SELECT row FROM history WHERE run_id = ? AND step BETWEEN ? AND ? ORDER BY step, line LIMIT ?",
        (run_id, min_step, max_step, limit),
    ).fetchall()
    return [str(row[0]) for row in rows]


def thinned_lines(connection: sqlite3.Connection, run_id: int, stream: Stream, count: int, wanted: int) -> list[str]:
    """Return about `wanted` of a stream's `count` lines, evenly spread, the first and the last among them."""
    if count <= wanted:
        return [text for _, text in lines(connection, run_id, stream, -1, count)]
    numbers = sorted({round(index * (count - 1) / max(wanted - 1, 1)) for index in range(wanted)})
    found = (line(connection, run_id, stream, number) for number in numbers)
    return [text for text in found if text is not None]


def drop_history_after(connection: sqlite3.Connection, run_id: int, step: int) -> None:
    """Remove the history rows of a run with greater steps; the next row goes behind those that are left."""
    connection.execute("DELETE FROM history WHERE run_id = ? AND step > ?", (run_id, step))
    connection.execute(
        "UPDATE runs SET history_lines = (SELECT ifnull(max(line) + 1, 0) FROM history WHERE run_id = ?) WHERE id = ?",
        (run_id, run_id),
    )
