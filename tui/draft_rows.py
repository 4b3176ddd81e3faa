"""What a tree of parameters can do to the rows of a draft: duplicate, rename, move, regroup, delete, switch off. Pure.

Rows are named by their index. The rows of a group stand together; a group is there as long as a row is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tui.sweep_draft import GROUP_SEPARATOR, ParameterDraft, SweepDraft

Group = tuple[str, ...]


def duplicate(draft: SweepDraft, index: int) -> int:
    """Add a copy of a row below it, under a name that is free; returns its index."""
    row = draft.rows[index]
    *groups, name = row.path
    taken = {each.path for each in draft.rows}
    number = next(n for n in range(2, len(taken) + 3) if (*groups, f"{name}_{n}") not in taken)
    copied = replace(row, notes=())
    copied.path = (*groups, f"{name}_{number}")
    draft.rows.insert(index + 1, copied)
    return index + 1


def delete(draft: SweepDraft, index: int) -> str:
    """Delete a row; returns its name."""
    return draft.rows.pop(index).name


def toggle(draft: SweepDraft, index: int) -> bool:
    """Switch a row off, or on again; returns whether it is on now."""
    row = draft.rows[index]
    row.is_off = not row.is_off
    return not row.is_off


def move(draft: SweepDraft, index: int, steps: int) -> int:
    """Move a row one line up (-1) or down (1) in the tree; returns its new index.

    Next to a group it moves into it; at the edge of its group, out of it. At the ends of the tree it stays.
    """
    row = draft.rows[index]
    *outer, name = row.path
    group = tuple(outer)
    beyond = index + steps
    other = draft.rows[beyond].path if 0 <= beyond < len(draft.rows) else ()
    if other[: len(group)] != group or not other:
        if group:
            row.path = (*group[:-1], name)
        return index
    if len(other) > len(group) + 1:
        row.path = (*other[: len(group) + 1], name)
        return index
    draft.rows.insert(beyond, draft.rows.pop(index))
    return beyond


def regroup(draft: SweepDraft, index: int, group: Sequence[str]) -> int:
    """Move a row to the end of a group, which need not be there yet; none means to the top level. Returns its index."""
    row = draft.rows.pop(index)
    row.path = (*group, row.path[-1])
    members = rows_of(draft, group)
    at = members[-1] + 1 if members else index
    draft.rows.insert(at, row)
    return at


def rows_of(draft: SweepDraft, group: Sequence[str]) -> list[int]:
    """Return the indices of all rows in a group, nested ones too; of all rows for no group."""
    return [at for at, row in enumerate(draft.rows) if _is_in(row, group)]


def rename_group(draft: SweepDraft, group: Sequence[str], name: str) -> None:
    """Give a group another name; slashes in it make groups within groups."""
    parts = [part.strip() for part in name.split(GROUP_SEPARATOR)]
    for at in rows_of(draft, group):
        row = draft.rows[at]
        row.path = (*group[:-1], *parts, *row.path[len(group) :])


def delete_group(draft: SweepDraft, group: Sequence[str]) -> int:
    """Delete a group with all that is in it; returns how many rows that were."""
    members = rows_of(draft, group)
    draft.rows = [row for row in draft.rows if not _is_in(row, group)]
    return len(members)


def toggle_group(draft: SweepDraft, group: Sequence[str]) -> bool:
    """Switch all rows of a group off, or on where all of them are off; returns whether they are on now."""
    members = [draft.rows[at] for at in rows_of(draft, group)]
    is_off = not all(row.is_off for row in members)
    for row in members:
        row.is_off = is_off
    return not is_off


def move_group(draft: SweepDraft, group: Sequence[str], steps: int) -> None:
    """Move a group past the parameter or the group above (-1) or below (1) it; at the ends it stays."""
    members = rows_of(draft, group)
    if not members:
        return
    beyond = members[-1] + 1 if steps > 0 else members[0] - 1
    outer = group[:-1]
    if not 0 <= beyond < len(draft.rows) or not _is_in(draft.rows[beyond], outer):
        return
    neighbour = draft.rows[beyond].path[: len(outer) + 1]
    passed = rows_of(draft, neighbour) if len(draft.rows[beyond].path) > len(neighbour) else [beyond]
    moving = [draft.rows[at] for at in members]
    target = draft.rows[passed[-1 if steps > 0 else 0]]
    draft.rows = [row for row in draft.rows if not any(row is each for each in moving)]
    at = next(index for index, row in enumerate(draft.rows) if row is target) + (1 if steps > 0 else 0)
    draft.rows[at:at] = moving


def _is_in(row: ParameterDraft, group: Sequence[str]) -> bool:
    return len(row.path) > len(group) and row.path[: len(group)] == tuple(group)
