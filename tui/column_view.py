"""ColumnView: which columns of a leaderboard the user wants, in which order and how wide. Pure; kept per project."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trainer.atomic_file import write_text_atomically
from trainer.errors import TrainerError
from tui.columns import NAME, RANK, Column

VERSION = 1
MIN_WIDTH, MAX_WIDTH = 3, 60
_ALWAYS = (RANK.key, NAME.key)


@dataclass
class ColumnView:
    """What differs from the natural choice of columns."""

    shown: dict[str, bool] = field(default_factory=dict)
    """By key of a column: whether it is shown, where the user said so."""
    order: list[str] = field(default_factory=list)
    """Keys in the user's order; empty for the natural one. Columns that are not listed stay behind their neighbours."""
    pinned: list[str] = field(default_factory=list)
    """Keys of columns that stay in sight beside the name."""
    widths: dict[str, int] = field(default_factory=dict)
    parameter_names: bool = False
    """Whether a run is called by the parameters that vary, and not by its name."""

    computed: list[str] = field(default_factory=list)
    """Paths of the columns that are computed from histories."""

    def is_shown(self, column: Column, varying: Collection[Column]) -> bool:
        """Return whether a column is shown; without a word of the user where it varies or says how good a run is."""
        if column.key in _ALWAYS:
            return True
        return self.shown.get(column.key, column in varying)

    def arranged(self, columns: Sequence[Column]) -> list[Column]:
        """Return all columns in their order: rank and name, what is pinned, the others."""
        place: dict[str, float] = {key: number for number, key in enumerate(self.order)}
        first = [column for column in columns if column.key in _ALWAYS]
        others = [column for column in columns if column.key not in _ALWAYS]
        if place:
            before = -1.0
            for column in others:
                # One that came after the user moved others stands behind its neighbour by nature.
                before = place.setdefault(column.key, before + 0.5 if before == int(before) else before)
            others.sort(key=lambda column: place[column.key])
        pinned = [column for column in others if column.key in self.pinned]
        return first + pinned + [column for column in others if column.key not in self.pinned]

    def toggle(self, column: Column, varying: Collection[Column]) -> None:
        """Show a column, or hide it."""
        self.shown[column.key] = not self.is_shown(column, varying)

    def toggle_pin(self, column: Column) -> None:
        """Let a column stay in sight, or scroll with the others."""
        if column.key in self.pinned:
            self.pinned.remove(column.key)
        elif column.key not in _ALWAYS:
            self.pinned.append(column.key)

    def move(self, column: Column, by: int, columns: Sequence[Column]) -> None:
        """Move a column before or behind its neighbour in the order of `columns`."""
        keys = [each.key for each in self.arranged(columns) if each.key not in _ALWAYS]
        if column.key not in keys:
            return
        at = keys.index(column.key)
        to = at + by
        if not 0 <= to < len(keys) or (keys[to] in self.pinned) != (column.key in self.pinned):
            return
        keys[at], keys[to] = keys[to], keys[at]
        self.order = keys
        self.pinned.sort(key=keys.index)

    def move_to(self, column: Column, target: Column, columns: Sequence[Column]) -> None:
        """Move a column to the place of another one, which makes room; not among what is pinned, or out of it."""
        keys = [each.key for each in self.arranged(columns) if each.key not in _ALWAYS]
        if {column.key, target.key} <= set(keys) and (column.key in self.pinned) == (target.key in self.pinned):
            place = keys.index(target.key)
            keys.remove(column.key)
            keys.insert(place, column.key)
            self.order = keys
            self.pinned.sort(key=keys.index)

    def widen(self, column: Column, by: int, now: int) -> None:
        """Make a column wider or narrower than it is now."""
        self.set_width(column, self.widths.get(column.key, now) + by)

    def set_width(self, column: Column, width: int) -> None:
        """Make a column so wide, within bounds."""
        self.widths[column.key] = min(max(width, MIN_WIDTH), MAX_WIDTH)

    def reset(self) -> None:
        """Forget every choice."""
        self.__dict__.update(ColumnView().__dict__)

    def dump(self) -> str:
        """Return the choices as JSON."""
        return json.dumps({"version": VERSION, **self.__dict__}, indent=1)


def parse_view(text: str) -> ColumnView:
    """Return the choices that `dump` wrote; none where the text is not of this version."""
    try:
        held = json.loads(text)
        if held.pop("version") != VERSION:
            return ColumnView()
        view = ColumnView(
            {str(key): bool(value) for key, value in held["shown"].items()},
            [str(key) for key in held["order"]],
            [str(key) for key in held["pinned"]],
            {str(key): min(max(int(width), MIN_WIDTH), MAX_WIDTH) for key, width in held["widths"].items()},
            bool(held["parameter_names"]),
            [str(path) for path in held["computed"]],
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return ColumnView()
    return view


def view_file(folder: Path, entity: str, project: str) -> Path:
    """Return where the choices of a project are kept."""
    safe = "".join(char if char.isalnum() or char in "-_." else "_" for char in f"{entity}-{project}")
    return folder / "columns" / f"{safe}.json"


def read_view(path: Path) -> ColumnView:
    """Return the choices kept in a file; none where there is no file that can be read."""
    try:
        return parse_view(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return ColumnView()


def write_view(path: Path, text: str) -> str:
    """Keep choices; returns why that failed, empty where it did not."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text_atomically(path, text)
    except (OSError, TrainerError) as error:
        return str(error)
    return ""
