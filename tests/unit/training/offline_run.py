"""Reads back what an offline run wrote: the `.wandb` file, which is LevelDB's log format around wandb's own records."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_BLOCK, _FILE_HEADER, _RECORD_HEADER = 32768, 7, 7


@dataclass
class OfflineRun:
    """Everything a server would have been told."""

    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    project: str = ""
    artifact_types: list[str] = field(default_factory=list)
    exit_code: int | None = None


def read_offline_run(folder: Path) -> OfflineRun:
    """Return the single run below `folder`, which has finished."""
    import wandb
    from wandb.proto import wandb_internal_pb2

    wandb.teardown()  # wandb-core writes the last of the file when it ends, not when the run does

    (path,) = folder.glob("wandb/offline-run-*/*.wandb")
    record_type: Any = vars(wandb_internal_pb2)["Record"]  # made at import: mypy does not see it
    run = OfflineRun()
    for data in _records(path.read_bytes()):
        record = record_type.FromString(data)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            # Later records repeat only what changed.
            run.project = record.run.project or run.project
            run.tags = list(record.run.tags) or run.tags
            _update(run.config, record.run.config.update)
        elif kind == "config":
            _update(run.config, record.config.update)
        elif kind == "summary":
            _update(run.summary, record.summary.update)
        elif kind == "history":
            row: dict[str, Any] = {}
            _update(row, record.history.item)
            run.history.append(row)
        elif kind == "artifact":
            run.artifact_types.append(record.artifact.type)
        elif kind == "exit":
            run.exit_code = record.exit.exit_code
    return run


def _update(target: dict[str, Any], items: Any) -> None:
    for item in items:
        *parents, name = list(item.nested_key) or [item.key]
        inner = target
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[name] = json.loads(item.value_json)


def _records(content: bytes) -> Iterator[bytes]:
    position, parts = _FILE_HEADER, b""
    while position + _RECORD_HEADER <= len(content):
        left_in_block = _BLOCK - position % _BLOCK
        if left_in_block < _RECORD_HEADER:
            position += left_in_block
            continue
        _, length, kind = struct.unpack_from("<IHB", content, position)
        start = position + _RECORD_HEADER
        position = start + length
        parts += content[start:position]
        if kind in (1, 4):  # whole, or last part
            yield parts
            parts = b""
