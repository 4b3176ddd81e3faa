"""How a line of the parameter tree is laid out: which columns there are, what stands in them. Pure; owns no colour."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from rich.cells import cell_len, set_cell_size

from trainer.sweep.rule_compiler import Compiled
from tui.parameter_facts import ENDLESS, FactsCache
from tui.parameter_tree import Path, TreeLine, TreeNode
from tui.sweep_count import short_count
from tui.sweep_draft import ParameterDraft

INDENT = 2
GLYPH_WIDTH = 2
"""Cells of a mark and the space after it: ● on, ◆ tied by a rule, ○ off, ✗ with a problem, ▾ ▸ a group."""
_COUNT_WIDTH = 8
_KIND_WIDTH = 18
_LEAST_NAME = 14
_ROOM_FOR_KIND = 74


@dataclass(frozen=True, slots=True)
class Columns:
    """Widths of the columns, in cells."""

    name: int
    """With indentation and mark."""
    text: int
    kind: int
    """0 where there is no room for it."""
    count: int


@dataclass(frozen=True, slots=True)
class ShownLine:
    """Everything that decides how a line looks, to compare it with what is on the screen."""

    indent: int
    glyph: str
    name: str
    text: str
    kind: str
    count: str
    is_group: bool = False
    is_off: bool = False
    has_problem: bool = False
    is_cursor: bool = False
    rule: str = ""
    """What ties it to others, in a word or two: `zip`, `2 rules`; empty if nothing does."""


def columns_for(lines: Sequence[TreeLine], width: int) -> Columns:
    """Return the columns that suit these lines in a width; names get what they need, up to half of it."""
    most = width // 2
    needed = max((line.depth * INDENT + GLYPH_WIDTH + cell_len(line.node.name[:most]) for line in lines), default=0)
    name = max(min(needed + 2, most), min(_LEAST_NAME, width))
    kind = _KIND_WIDTH + 1 if width >= _ROOM_FOR_KIND else 0
    count = min(_COUNT_WIDTH, max(width - name, 0))
    return Columns(name, max(width - name - kind - count, 0), kind, count)


def rule_words(compiled: Compiled, rows: Iterable[ParameterDraft]) -> dict[int, str]:
    """Return what ties parameters to others, in a word or two, by the id of their row."""
    words: dict[Path, str] = {}
    for group in compiled.groups:
        kinds = [effect.kind for effect in compiled.effects if effect.into == group.path]
        word = kinds[0] if len(kinds) == 1 else f"{len(kinds)} rules"
        words |= {path: word for path, _ in group.sources}
    return {id(row): words[row.path] for row in rows if not row.is_off and row.path in words} if words else {}


def shown_line(
    line: TreeLine,
    facts: FactsCache,
    problems: Mapping[int, str],
    rules: Mapping[int, str] = MappingProxyType({}),
    *,
    is_cursor: bool,
    has_own_problem: bool = False,
) -> ShownLine:
    """Return what stands in a line.

    Args:
        line: The line.
        facts: Facts of the entries.
        problems: Problems by the id of their row.
        rules: What ties rows to others, by their id.
        is_cursor: Whether the cursor is on it.
        has_own_problem: Whether there is a problem of a group itself, rather than of what is in it.
    """
    row, indent = line.row, line.depth * INDENT
    if row is None:
        is_inside = line.is_folded and any(id(each) in problems for each in line.node.rows)
        has_problem = has_own_problem or is_inside
        glyph = "▸" if line.is_folded else "▾"
        off = line.node.is_off
        inside = len(line.node.rows)
        text = f"{inside} parameter{'' if inside == 1 else 's'}" if line.is_folded else ""
        kind = "off" if off else "✗ problem" if has_own_problem else "✗ problem inside" if is_inside else ""
        count = "" if off else group_count_text(line.node, facts)
        return ShownLine(indent, glyph, line.node.name, text, kind, count, True, off, has_problem, is_cursor)
    fact = facts.of(row.entry)
    has_problem = id(row) in problems
    rule = "" if row.is_off else rules.get(id(row), "")
    glyph = "○" if row.is_off else "✗" if has_problem else "◆" if rule else "●"
    text = row.typed if row.problem else fact.text
    count = "off" if row.is_off else fact.count_text
    return ShownLine(
        indent, glyph, line.node.name, text, fact.kind, count, False, row.is_off, has_problem, is_cursor, rule
    )


def group_count_text(node: TreeNode, facts: FactsCache) -> str:
    """Return the product of the counts inside a group; what is off does not count."""
    counts = [count_of(row, facts) for row in node.rows if not row.is_off]
    if any(count == "?" for count in counts):
        return "?"
    finite = [count for count in counts if isinstance(count, int)]
    return ENDLESS if len(finite) < len(counts) else f"×{short_count(math.prod(finite))}"


def count_of(row: ParameterDraft, facts: FactsCache) -> int | str | None:
    """Return how many values a parameter has; None if there is no end to them, `?` if nobody can tell."""
    fact = facts.of(row.entry)
    return "?" if fact.parameter is None else fact.count


def fitted(text: str, width: int) -> str:
    """Return a text in exactly so many cells, cut with an ellipsis; wide signs take two."""
    # Far more signs than cells cannot matter, and measuring a list of ten thousand values takes its time.
    text = "".join(sign if sign.isprintable() else "·" for sign in text[: width * 2 + 2])
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return f"{set_cell_size(text, width - 1)}…" if width > 0 else ""
