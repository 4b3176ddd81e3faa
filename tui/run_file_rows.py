"""Rows of the list of a run's files and artifacts: what they are and how they read in a width. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainer.run_contents import RunArtifact, RunFile
from tui.formatting import count_text, padded, shortened, size_text

_SIZE, _TYPE, _TIME = 10, 24, 16
MAX_ROWS = 2_000
"""Files shown of a run or an artifact: more than anybody scrolls through."""


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row: a heading, an artifact, or a file of either."""

    title: str = ""
    """Of a heading."""
    artifact: RunArtifact | None = None
    """Of an artifact, and of its files."""
    file: RunFile | None = None
    note: str = ""
    """What stands in the place of files that are not there."""

    @property
    def key(self) -> str:
        """Names the row as long as the list stands."""
        parts = (self.title, self.artifact.name if self.artifact else "", self.file.name if self.file else "")
        return "/".join((*parts, self.note, str(self.artifact.is_used) if self.artifact else ""))


def file_rows(
    files: Sequence[RunFile],
    artifacts: Sequence[RunArtifact],
    opened: Mapping[str, Sequence[RunFile]],
) -> list[FileRow]:
    """Return the rows: the files of the run, then its artifacts, those that are open with their files.

    Args:
        files: The files of the run.
        artifacts: What it logged, then what it used.
        opened: Files of artifacts by the artifact's name.
    """
    size = sum(file.size for file in files)
    rows = [FileRow(f"{count_text(len(files), 'file')}, {size_text(size)}" if files else "No files")]
    rows += [FileRow(file=file) for file in files[:MAX_ROWS]]
    if len(files) > MAX_ROWS:
        rows.append(FileRow(note=f"… and {len(files) - MAX_ROWS:,} more; w on the heading takes them all"))
    for is_used, verb in ((False, "logged"), (True, "used")):
        found = [artifact for artifact in artifacts if artifact.is_used is is_used]
        if not found:
            continue
        rows.append(FileRow(f"{count_text(len(found), 'artifact')} {verb}"))
        for artifact in found:
            rows.append(FileRow(artifact=artifact))
            own = opened.get(artifact.name)
            if own is None:
                continue
            rows += [FileRow(artifact=artifact, file=file) for file in own[:MAX_ROWS]]
            if not own:
                rows.append(FileRow(artifact=artifact, note="it has no files"))
            elif len(own) > MAX_ROWS:
                rows.append(FileRow(artifact=artifact, note=f"… and {len(own) - MAX_ROWS:,} more"))
    return rows


@dataclass(frozen=True, slots=True)
class RowParts:
    """What a row says, padded so that columns stand under each other."""

    name: str
    size: str
    kind: str
    changed: str

    @property
    def rest(self) -> str:
        """Everything behind the name."""
        return f"{self.size}  {self.kind}{self.changed}".rstrip()


def row_parts(row: FileRow, width: int, *, is_open: bool = False) -> RowParts:
    """Return the parts of a row within a width; the date goes first where there is little room, then the type."""
    kind_width = _TYPE if width >= 64 else 0
    time_width = _TIME + 2 if width >= 84 else 0
    room = max(width - _SIZE - 2 - kind_width - time_width, 8)
    if row.title:
        return RowParts(row.title, "", "", "")
    artifact, file = row.artifact, row.file
    if file is not None:
        indent = "    " if artifact else "  "
        kind = f"→ {file.url}" if file.is_reference else file.mimetype.partition(";")[0]
        if kind == "application/octet-stream":
            kind = ""
        name, size, changed = indent + file.name, size_text(file.size), file.updated_at
    elif artifact is not None and not row.note:
        mark = "▾" if is_open else "▸"
        state = "" if artifact.state in ("COMMITTED", "") else f" ({artifact.state.lower()})"
        aliases = f"  {', '.join(artifact.aliases)}" if artifact.aliases else ""
        name = f"{mark} {artifact.name}{state}{aliases}"
        size, changed = size_text(artifact.size), artifact.created_at
        kind = f"{artifact.type}, {count_text(artifact.file_count, 'file')}"
    else:
        return RowParts(f"    {row.note}", "", "", "")
    moment = changed.astimezone().strftime("%Y-%m-%d %H:%M") if changed else ""
    # The end of a path tells it from others.
    name = name if len(name) <= room else f"{name[: room // 3]}…{name[len(name) - (room - room // 3 - 1) :]}"
    return RowParts(
        padded(name, room),
        size.rjust(_SIZE),
        shortened(kind, kind_width - 1).ljust(kind_width) if kind_width else "",
        moment.rjust(time_width) if time_width else "",
    )
