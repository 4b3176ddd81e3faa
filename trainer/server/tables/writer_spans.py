"""Where lines of the writers of a shared run are kept: a span is lines of one writer that lie side by side."""

from __future__ import annotations

import sqlite3

from trainer.server.tables.streams import Stream

_LENGTHS: dict[Stream, str] = {"history": "history_lines", "events": "events_lines", "console": "console_lines"}


def overlapping(
    connection: sqlite3.Connection, run_id: int, stream: Stream, writer: str, offset: int, count: int
) -> list[tuple[int, int, int]]:
    """Return (writer's first line, first line here, length) of the spans that hold any of a writer's lines."""
    rows = connection.execute(
        "SELECT start, line, length FROM writer_spans WHERE run_id = ? AND stream = ? AND writer = ?"
        " AND start < ? AND start + length > ? ORDER BY start",
        (run_id, stream, writer, offset + count, offset),
    )
    return [(int(row[0]), int(row[1]), int(row[2])) for row in rows]


def append(
    connection: sqlite3.Connection, run_id: int, stream: Stream, writer: str, start: int, line: int, length: int
) -> None:
    """Note where lines of a writer are kept that were not seen before."""
    cursor = connection.execute(
        "UPDATE writer_spans SET length = length + ? WHERE run_id = ? AND stream = ? AND writer = ?"
        " AND start + length = ? AND line + length = ?",
        (length, run_id, stream, writer, start, line),
    )
    if cursor.rowcount == 0:
        connection.execute(
            "INSERT INTO writer_spans (run_id, stream, writer, start, line, length) VALUES (?, ?, ?, ?, ?, ?)",
            (run_id, stream, writer, start, line, length),
        )


def stream_length(connection: sqlite3.Connection, run_id: int, stream: Stream) -> int:
    """Return the number of the next line of a stream."""
    row = connection.execute(f"SELECT {_LENGTHS[stream]} FROM runs WHERE id = ?", (run_id,)).fetchone()
    return int(row[0])


def forget(connection: sqlite3.Connection, run_id: int) -> None:
    """Drop the spans of a run whose lines are gone."""
    connection.execute("DELETE FROM writer_spans WHERE run_id = ?", (run_id,))
