"""What is in a bundle and under which names: the one place that knows the format, for reading and for writing.

Owns no file. Reading takes nothing for granted: a bundle may come from anybody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from trainer.records import ConsoleLine, HistoryPoint, Json, RunRecord, SweepRecord, SweepReference
from trainer.states import RunState, SweepState
from trainer.wire import metric_from_config, number

FORMAT = "sweep-tui bundle"
VERSION = 1
"""Grows when an older sweep-tui would misread a bundle; what is only added needs no new one."""
SUFFIX = ".sweep.zip"

MANIFEST = "manifest.json"
SWEEPS = "sweeps.jsonl"
RUNS = "runs.jsonl"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True, slots=True)
class BundledRun:
    """A run of a bundle, and where the rest of it is."""

    run: RunRecord
    """Its curve holds the best value of the sweep's metric, if that was logged."""
    chunk: int
    """Number of the files that hold its history and its console."""


def looks_like_bundle(text: str) -> bool:
    """Return whether a text that is to name a sweep names a bundle: no id ends in `.zip`."""
    return text.lower().endswith(".zip")


def bundle_name(sweep: SweepRecord) -> str:
    """Return the name of the file for a sweep's bundle: `wine-grid-1a2b3c4d.sweep.zip`."""
    words = re.sub(r"[^\w.-]+", "-", sweep.name).strip("-.")[:60]
    parts = [words, sweep.reference.id] if words and words != sweep.reference.id else [sweep.reference.id]
    return "-".join(parts) + SUFFIX


def history_name(chunk: int) -> str:
    """Return the name of the file with the histories of a chunk of runs."""
    return f"history/{chunk:06d}.jsonl"


def console_name(chunk: int) -> str:
    """Return the name of the file with the console lines of a chunk of runs."""
    return f"console/{chunk:06d}.jsonl"


def sweep_json(sweep: SweepRecord) -> dict[str, Any]:
    """Return a sweep as it stands in a bundle."""
    return {
        "entity": sweep.reference.entity,
        "project": sweep.reference.project,
        "id": sweep.reference.id,
        "name": sweep.name,
        "state": sweep.state.value,
        "method": sweep.method,
        "config": dict(sweep.config),
        "created_at": _time_text(sweep.created_at),
        "run_count": sweep.run_count,
        "run_count_expected": sweep.run_count_expected,
        "best_value": sweep.best_value,
        "url": without_login(sweep.url),
    }


def sweep_of(entry: Mapping[str, Any]) -> SweepRecord:
    """Return the sweep of a bundle's line.

    Raises:
        ValueError: If something is not of its kind.
    """
    config = _mapping(entry, "config")
    expected = entry.get("run_count_expected")
    identifier = _word(entry, "id")
    return SweepRecord(
        reference=SweepReference(_word(entry, "entity"), _word(entry, "project"), identifier),
        name=_text(entry, "name") or identifier,
        state=SweepState(_word(entry, "state")),
        method=_text(entry, "method") or "custom",
        metric=metric_from_config(config),
        config=config,
        created_at=_time(entry, "created_at"),
        run_count=_whole(entry, "run_count"),
        run_count_expected=None if expected is None else _whole(entry, "run_count_expected"),
        best_value=number(entry.get("best_value")),
        url=_text(entry, "url"),
    )


def run_json(run: RunRecord, chunk: int) -> dict[str, Any]:
    """Return a run as it stands in a bundle; its curve is to hold the best value of the sweep's metric, or nothing."""
    best = next(((point.step, value) for point in run.curve for value in point.values.values()), None)
    return {
        "id": run.id,
        "name": run.name,
        "state": run.state.value,
        "sweep": run.sweep_id,
        "config": dict(run.config),
        "summary": dict(run.summary),
        "best": list(best) if best else None,
        "tags": list(run.tags),
        "created_at": _time_text(run.created_at),
        "heartbeat_at": _time_text(run.heartbeat_at),
        "seconds": run.duration_seconds,
        "host": run.host,
        "gpu": run.gpu,
        "commit": run.commit,
        "group": run.group,
        "job_type": run.job_type,
        "notes": run.notes,
        "stop_reason": run.stop_reason,
        "chunk": chunk,
    }


def run_of(entry: Mapping[str, Any], metric_names: Mapping[str, str]) -> BundledRun:
    """Return the run of a bundle's line.

    Args:
        entry: The line.
        metric_names: Names of the metrics of the sweeps in the bundle, by sweep.

    Raises:
        ValueError: If something is not of its kind.
    """
    tags, best = entry.get("tags") or [], entry.get("best")
    if not isinstance(tags, list):
        raise ValueError("tags is not a list")
    sweep_id = _word(entry, "sweep")
    if sweep_id not in metric_names:
        raise ValueError(f"there is no sweep {sweep_id!r} in it")
    identifier = _word(entry, "id")
    run = RunRecord(
        id=identifier,
        name=_text(entry, "name") or identifier,
        state=RunState(_word(entry, "state")),
        config=_mapping(entry, "config"),
        summary=_mapping(entry, "summary"),
        tags=tuple(_printable(str(tag)) for tag in tags),
        created_at=_time(entry, "created_at"),
        heartbeat_at=_time(entry, "heartbeat_at"),
        duration_seconds=number(entry.get("seconds")),
        host=_text(entry, "host"),
        gpu=_text(entry, "gpu"),
        commit=_text(entry, "commit"),
        group=_text(entry, "group"),
        job_type=_text(entry, "job_type"),
        notes=_text(entry, "notes"),
        stop_reason=_text(entry, "stop_reason"),
        sweep_id=sweep_id,
        curve=_best_point(best, metric_names[sweep_id]),
    )
    return BundledRun(run, _whole(entry, "chunk"))


def history_json(run_id: str, points: Sequence[HistoryPoint]) -> dict[str, Any]:
    """Return a run's history as it stands in a bundle: one list per metric, null where a row has no value."""
    names = list(dict.fromkeys(name for point in points for name in point.values))
    return {
        "run": run_id,
        "step": [point.step for point in points],
        "runtime": [point.runtime_seconds for point in points],
        "values": {name: [point.values.get(name) for point in points] for name in names},
    }


def history_of(entry: Mapping[str, Any]) -> list[HistoryPoint]:
    """Return the history of a bundle's line, oldest first.

    Raises:
        ValueError: If something is not of its kind, or the lists are not of equal length.
    """
    steps, runtimes, values = _steps(entry), _numbers(entry, "runtime"), _mapping(entry, "values")
    columns = {_printable(name): _numbers(values, name) for name in values}
    if any(len(column) != len(steps) for column in (runtimes, *columns.values())):
        raise ValueError("the lists of a history are not of equal length")
    points = []
    for row, step in enumerate(steps):
        found = {name: value for name, column in columns.items() if (value := column[row]) is not None}
        points.append(HistoryPoint(step, found, runtimes[row]))
    return points


def console_json(run_id: str, lines: Sequence[ConsoleLine]) -> dict[str, Any]:
    """Return what a run printed as it stands in a bundle."""
    return {"run": run_id, "lines": [[line.number, line.text, line.is_error] for line in lines]}


def console_of(entry: Mapping[str, Any]) -> list[ConsoleLine]:
    """Return the console lines of a bundle's line.

    Raises:
        ValueError: If something is not of its kind.
    """
    lines = entry.get("lines")
    if not isinstance(lines, list):
        raise ValueError("lines is not a list")
    found = []
    for line in lines:
        if not isinstance(line, list) or len(line) != 3 or not isinstance(line[0], int) or not isinstance(line[1], str):
            raise ValueError("a console line is not number, text and whether it is an error")
        found.append(ConsoleLine(line[0], line[1].rstrip("\r\n"), line[2] is True))
    return found


def without_login(url: str) -> str:
    """Return an address without the user and password that it may hold."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _best_point(best: Any, metric_name: str) -> tuple[HistoryPoint, ...]:
    if best is None or not metric_name:
        return ()
    if not isinstance(best, list) or len(best) != 2 or not isinstance(best[0], int) or number(best[1]) is None:
        raise ValueError("best is not a step and a number")
    return (HistoryPoint(best[0], {metric_name: float(best[1])}),)


def _printable(text: str) -> str:
    """Return a text on one line, without what steers a terminal."""
    if text.isprintable():  # as nearly every text is; told in a tenth of the time
        return text
    return _CONTROL.sub(" ", text).strip() if _CONTROL.search(text) else text


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{key} is not a text")
    return _printable(value)


def _word(entry: Mapping[str, Any], key: str) -> str:
    value = _text(entry, key)
    if not value:
        raise ValueError(f"{key} is missing")
    return value


def _mapping(entry: Mapping[str, Any], key: str) -> dict[str, Json]:
    value = entry.get(key)
    if not isinstance(value, dict):
        raise ValueError(f"{key} is not an object")
    return value


def _whole(entry: Mapping[str, Any], key: str) -> int:
    value = entry.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise ValueError(f"{key} is not a whole number")
    return value


def _steps(entry: Mapping[str, Any]) -> list[int]:
    steps = entry.get("step")
    if not isinstance(steps, list) or not all(type(step) is int for step in steps):
        raise ValueError("step is not a list of whole numbers")
    return steps


def _numbers(entry: Mapping[str, Any], key: str) -> list[float | None]:
    values = entry.get(key)
    if not isinstance(values, list):
        raise ValueError(f"{key} is not a list")
    if not all(value is None or (type(value) in (int, float)) for value in values):
        raise ValueError(f"{key} holds something that is not a number")
    # A whole number in JSON is a float all the same.
    return [None if value is None else float(value) for value in values]


def _time_text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _time(entry: Mapping[str, Any], key: str) -> datetime | None:
    text = entry.get(key)
    if text is None:
        return None
    if not isinstance(text, str):
        raise ValueError(f"{key} is not a time")
    moment = datetime.fromisoformat(text)
    zone = moment.tzinfo
    return moment if zone is UTC else moment.replace(tzinfo=UTC) if zone is None else moment.astimezone(UTC)
