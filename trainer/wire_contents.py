"""W&B's JSON about files, artifacts, system metrics and origins of runs (SDK 0.31): `wire` for what `run_contents` has.

Reading is tolerant, as in `wire`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from trainer.records import HistoryPoint, Json
from trainer.run_contents import RunArtifact, RunFile, RunOrigin
from trainer.wire import number, parse_time

_SYSTEM = "system."
_EPOCH = datetime.min.replace(tzinfo=UTC)


def system_points(rows: Iterable[Any]) -> list[HistoryPoint]:
    """Return rows of the system metrics as points, oldest first, without `system.` before their names.

    Args:
        rows: JSON texts, or the mappings they hold.
    """
    points = []
    for index, row in enumerate(rows):
        mapping = _mapping(row)
        found = {
            name.removeprefix(_SYSTEM): value
            for name, told in mapping.items()
            if name.startswith(_SYSTEM) and (value := number(told)) is not None
        }
        if found:
            points.append(HistoryPoint(index, found, number(mapping.get("_runtime"))))
    points.sort(key=lambda point: (point.runtime_seconds or 0.0, point.step))
    return points


def run_file(node: Mapping[str, Any]) -> RunFile:
    """Return a `File` node's record."""
    size, url, direct = node.get("sizeBytes"), str(node.get("url") or ""), str(node.get("directUrl") or "")
    # Of a reference, the address that was logged is the direct one.
    is_reference = bool(direct) and not direct.startswith(("http://", "https://"))
    return RunFile(
        name=str(node.get("name") or ""),
        size=_whole(size),
        url=direct if is_reference else url or direct,
        mimetype=str(node.get("mimetype") or ""),
        updated_at=parse_time(node.get("updatedAt")),
        md5=str(node.get("md5") or node.get("digest") or ""),
    )


def run_artifact(node: Mapping[str, Any], *, is_used: bool) -> RunArtifact:
    """Return an `Artifact` node's record."""
    index = node.get("versionIndex")
    version = f"v{index}" if isinstance(index, int) else ""
    sequence = _dict(node.get("artifactSequence"))
    home = _dict(sequence.get("project"))
    aliases = [str(entry.get("alias")) for entry in node.get("aliases") or () if isinstance(entry, dict)]
    return RunArtifact(
        collection=str(sequence.get("name") or "artifact"),
        version=version,
        type=str((node.get("artifactType") or {}).get("name") or ""),
        size=_whole(node.get("size")),
        file_count=_whole(node.get("fileCount")),
        aliases=tuple(alias for alias in dict.fromkeys(aliases) if alias != version),
        is_used=is_used,
        state=str(node.get("state") or ""),
        created_at=parse_time(node.get("createdAt")),
        digest=str(node.get("digest") or ""),
        description=str(node.get("description") or ""),
        metadata=_mapping(node.get("metadata")),
        tags=tuple(str(tag.get("name")) for tag in node.get("tags") or () if isinstance(tag, dict)),
        entity=str(_dict(home.get("entity")).get("name") or ""),
        project=str(home.get("name") or ""),
    )


def run_origin(node: Mapping[str, Any]) -> RunOrigin:
    """Return where a run comes from, of a `Run` node with its configuration: the SDK keeps it under `_wandb`.

    Of a run that was resumed, the last process is meant.
    """
    entry = _mapping(node.get("config")).get("_wandb")
    inner = entry.get("value", entry) if isinstance(entry, dict) else {}
    kept = inner if isinstance(inner, dict) else {}
    writers = kept.get("e")
    told = [writer for writer in writers.values() if isinstance(writer, dict)] if isinstance(writers, dict) else []
    last = max(told, key=lambda writer: parse_time(writer.get("startedAt")) or _EPOCH, default={})
    agent, code = node.get("agent"), node.get("exitcode")
    return origin_of_metadata(
        last,
        python=str(kept.get("python_version") or ""),
        wandb_version=str(kept.get("cli_version") or ""),
        host=str(node.get("host") or ""),
        program=str(node.get("program") or ""),
        commit=str(node.get("commit") or ""),
        agent=str(agent.get("name") or "") if isinstance(agent, dict) else "",
        exit_code=code if isinstance(code, int) else None,
    )


def origin_of_metadata(
    told: Mapping[str, Any],
    *,
    python: str = "",
    wandb_version: str = "",
    host: str = "",
    program: str = "",
    commit: str = "",
    agent: str = "",
    exit_code: int | None = None,
) -> RunOrigin:
    """Return where a run comes from, of what `wandb-metadata.json` holds; what that leaves out is given."""
    git, memory = _dict(told.get("git")), _dict(told.get("memory"))
    args = told.get("args")
    interpreter = str(told.get("python") or "").rpartition(" ")[2]
    return RunOrigin(
        program=str(told.get("program") or program),
        args=tuple(str(word) for word in args) if isinstance(args, list) else (),
        executable=str(told.get("executable") or ""),
        local_path=str(told.get("codePathLocal") or ""),
        repository_path=str(told.get("codePath") or ""),
        git_remote=_without_login(str(git.get("remote") or git.get("remote_url") or "")),
        git_commit=str(git.get("commit") or commit),
        host=str(told.get("host") or host),
        user=str(told.get("username") or ""),
        os=str(told.get("os") or ""),
        python=python or interpreter,
        wandb_version=wandb_version,
        cpus=_whole(told.get("cpu_count")),
        memory=_whole(memory.get("total")),
        gpu=_gpu(told),
        started_at=parse_time(told.get("startedAt")),
        agent=agent,
        exit_code=exit_code,
    )


def _without_login(remote: str) -> str:
    """Return an address without the user and password that it may hold."""
    scheme, separator, rest = remote.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}" if separator and scheme.startswith("http") else remote


def _gpu(told: Mapping[str, Any]) -> str:
    name, count = str(told.get("gpu") or ""), _whole(told.get("gpu_count"))
    return f"{count} × {name}" if name and count > 1 else name


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _whole(value: Any) -> int:
    """Return a whole number that JSON may carry as a text (protobuf's 64 bits); 0 for anything else."""
    try:
        return max(int(value), 0) if not isinstance(value, bool) and value is not None else 0
    except (ValueError, TypeError, OverflowError):
        return 0


def _mapping(wire: Any) -> dict[str, Json]:
    if isinstance(wire, str | bytes):
        try:
            wire = json.loads(wire)
        except ValueError:
            return {}
    return wire if isinstance(wire, dict) else {}
