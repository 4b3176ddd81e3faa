"""Samples of chosen keys of a history, at the price of what is shown rather than of what the run logged.

The lines that may have the keys are guessed first, then found in SQL; the wanted ones among them are read. Only if
those turn out not to have the keys is everything read.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence

from trainer.records import Json
from trainer.server.tables import streams
from trainer.server.tables.streams import EVER

_USUAL = ("_step", "_runtime", "_timestamp")
"""What every row of the SDK has."""

_Found = tuple[int, int, dict[str, Json]]
"""A step, a line and what was picked of it."""


def rows_with_keys(
    connection: sqlite3.Connection, run_id: int, names: Sequence[str], low: int, high: int, wanted: int
) -> list[dict[str, Json]]:
    """Return the rows from step `low` to `high` that have every key, only those keys, by step.

    At most `wanted` of them: evenly spread, with both ends and the row with the best value of the sweep's metric.
    """
    run = connection.execute(
        "SELECT history_lines, history_keys, ifnull(history_best_line, -1) AS best FROM runs WHERE id = ?", (run_id,)
    ).fetchone()
    if run is None:
        return []
    lines: Sequence[int] = ()
    for lines in _candidates(connection, run_id, run, names, low, high):
        chosen = [lines[place] for place in _chosen(lines, wanted, run["best"])]
        found = _read(connection, run_id, chosen, names)
        if len(found) == len(chosen):
            break
    else:
        found = _read(connection, run_id, lines, names)
        having = sorted(line for _, line, _ in found)
        kept = {having[place] for place in _chosen(having, wanted, run["best"])}
        found = [item for item in found if item[1] in kept]
    return [row for _, _, row in sorted(found, key=lambda item: item[:2])]


def _candidates(
    connection: sqlite3.Connection, run_id: int, run: sqlite3.Row, names: Sequence[str], low: int, high: int
) -> Iterator[Sequence[int]]:
    """Yield lines that hold all rows with the keys, and may hold others: at first guesses, then the fewest known."""
    is_usual = _are_in_every_row(run, names)
    if is_usual and low <= -EVER and high >= EVER:
        yield range(run["history_lines"])
    # Of a key with dots, which may be nested, the last part ends the same in any case: `"a.b":` and `"b":`.
    rare = sorted({name.rpartition(".")[2] for name in names if name not in _USUAL})
    marks = [] if is_usual else [json.dumps(part, ensure_ascii=False)[1:] + ":" for part in rare]
    yield streams.history_lines_with(connection, run_id, low, high, marks[:20])


def _are_in_every_row(run: sqlite3.Row, names: Sequence[str]) -> bool:
    """Return whether, by what was noted as they arrived, all rows of a run have all keys."""
    known = json.loads(run["history_keys"]).get("keys", {})
    return all(
        name in known and sum(kind["count"] for kind in known[name]["typeCounts"]) == run["history_lines"]
        for name in names
    )


def _read(connection: sqlite3.Connection, run_id: int, lines: Sequence[int], names: Sequence[str]) -> list[_Found]:
    rows = streams.history_at(connection, run_id, lines)
    return [(step, line, picked) for line, step, text in rows if (picked := pick(json.loads(text), names)) is not None]


def _chosen(lines: Sequence[int], wanted: int, best: int) -> list[int]:
    """Return the places of up to `wanted` of the lines: evenly spread, with both ends and the best line."""
    if len(lines) <= wanted:
        return list(range(len(lines)))
    last = len(lines) - 1
    places = {round(index * last / max(wanted - 1, 1)) for index in range(wanted)}
    if best in lines and (place := lines.index(best)) not in places:
        inner = places - {0, last} or places
        places.remove(min(inner, key=lambda other: abs(other - place)))
        places.add(place)
    return sorted(places)


def pick(row: dict[str, Json], names: Sequence[str]) -> dict[str, Json] | None:
    """Return the keys of a row alone; None if it lacks one of them."""
    picked: dict[str, Json] = {}
    for name in names:
        value = _named(row, name)
        if value is None:
            return None
        picked[name] = value
    return picked


def _named(row: Json, name: str) -> Json:
    """Return what a dotted name leads to: each dot is part of a name, or a step into an object."""
    if not isinstance(row, dict):
        return None
    if (value := row.get(name)) is not None:
        return value
    for place, character in enumerate(name):
        if character == "." and (value := _named(row.get(name[:place]), name[place + 1 :])) is not None:
            return value
    return None
