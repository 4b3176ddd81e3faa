"""How files, artifacts, system metrics and origins of runs stand in a bundle. Owns no file; trusts nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from trainer.bundle.layout import history_json, history_of
from trainer.records import HistoryPoint
from trainer.run_contents import RunArtifact, RunFile, RunOrigin

BLOB = "bundle:"
"""What the address of a file begins with whose bytes are in the bundle; the name of the member follows."""


@dataclass(frozen=True, slots=True)
class BundledContents:
    """What hangs on a run of a bundle."""

    origin: RunOrigin = RunOrigin()
    system: Sequence[HistoryPoint] = ()
    files: Sequence[RunFile] = ()
    artifacts: Mapping[RunArtifact, Sequence[RunFile]] = field(default_factory=dict)


def contents_name(chunk: int) -> str:
    """Return the name of the file with what hangs on the runs of a chunk."""
    return f"contents/{chunk:06d}.jsonl"


def contents_json(run_id: str, contents: BundledContents) -> dict[str, Any]:
    """Return what hangs on a run as it stands in a bundle."""
    return {
        "run": run_id,
        "origin": _plain(contents.origin),
        "system": history_json(run_id, contents.system),
        "files": [_plain(file) for file in contents.files],
        "artifacts": [
            {**_plain(artifact), "files": [_plain(file) for file in files]}
            for artifact, files in contents.artifacts.items()
        ],
    }


def contents_of(entry: Mapping[str, Any]) -> BundledContents:
    """Return what hangs on the run of a bundle's line.

    Raises:
        ValueError: If something is not of its kind.
    """
    system, artifacts = entry.get("system"), _list(entry, "artifacts")
    return BundledContents(
        origin=_made(RunOrigin, _object(entry.get("origin") or {})),
        system=history_of(_object(system)) if system else (),
        files=[_file(told) for told in _list(entry, "files")],
        artifacts={
            _made(RunArtifact, _object(told)): [_file(file) for file in _list(_object(told), "files")]
            for told in artifacts
        },
    )


def _file(told: Any) -> RunFile:
    file: RunFile = _made(RunFile, _object(told))
    # Only what is in the bundle is fetched: an address from outside could be anybody's.
    return file if file.url.startswith(BLOB) or file.is_reference else dataclasses.replace(file, url="")


def _plain(record: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in dataclasses.fields(record):
        value = getattr(record, one.name)
        found[one.name] = value.isoformat() if isinstance(value, datetime) else value
    return found


def _made(kind: type[Any], told: Mapping[str, Any]) -> Any:
    """Return a record of a kind; what is of another type than its default is an error."""
    given: dict[str, Any] = {}
    for one in dataclasses.fields(kind):
        value = told.get(one.name)
        if value is None:
            continue
        wanted = str(one.type)
        if wanted.startswith("datetime"):
            moment = datetime.fromisoformat(_typed(one.name, value, str))
            given[one.name] = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        elif wanted.startswith("tuple"):
            given[one.name] = tuple(_typed(one.name, item, str) for item in _typed(one.name, value, list))
        elif wanted.startswith("Mapping"):
            given[one.name] = _typed(one.name, value, dict)
        elif wanted.startswith("bool"):
            given[one.name] = _typed(one.name, value, bool)
        elif wanted.startswith("int"):
            given[one.name] = _typed(one.name, value, int)
        else:
            given[one.name] = _typed(one.name, value, str)
    try:
        return kind(**given)
    except TypeError as error:
        raise ValueError(str(error)) from error


def _typed(name: str, value: Any, kind: type[Any]) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{name} is of another kind")
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("something in the contents of a run is no object")
    return value


def _list(entry: Mapping[str, Any], key: str) -> list[Any]:
    value = entry.get(key) or []
    if not isinstance(value, list):
        raise ValueError(f"{key} is not a list")
    return value
