"""Several processes that write to one run at once (`wandb.init(mode="shared")`, SDK 0.31).

Each numbers its lines from 0 and names itself in a header. Lines of all are kept in the order in which they came; a
line that a writer sends again is found again. Steps are the server's to give, as on W&B.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from trainer.records import Json
from trainer.server.tables import writer_spans
from trainer.server.tables.streams import Stream


def places(
    connection: sqlite3.Connection, run_id: int, stream: Stream, writer: str, offset: int, count: int
) -> list[tuple[int, bool]]:
    """Return where each of `count` lines of a writer is kept, and whether it is new.

    Lines that were not seen before get the next places of the stream.
    """
    found: dict[int, tuple[int, bool]] = {}
    for start, line, length in writer_spans.overlapping(connection, run_id, stream, writer, offset, count):
        for number in range(max(start, offset), min(start + length, offset + count)):
            found[number] = (line + number - start, False)
    end = writer_spans.stream_length(connection, run_id, stream)
    number = offset
    while number < offset + count:
        first = number
        while number < offset + count and number not in found:
            found[number] = (end + number - first, True)
            number += 1
        if number > first:
            writer_spans.append(connection, run_id, stream, writer, first, end, number - first)
            end += number - first
        else:
            number += 1
    return [found[number] for number in range(offset, offset + count)]


def merged_config(old: str, new: Mapping[str, Json]) -> dict[str, Json]:
    """Return a run's configuration after one of its writers sent its own: each keeps its keys."""
    before: dict[str, Json] = json.loads(old)
    merged = {**before, **new}
    if "_wandb" in before:
        merged["_wandb"] = _merged(before["_wandb"], new.get("_wandb"))
    return merged


def _merged(old: Json, new: Json) -> Json:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return old if new is None else new
    return {key: _merged(old.get(key), new.get(key)) for key in {**old, **new}}
