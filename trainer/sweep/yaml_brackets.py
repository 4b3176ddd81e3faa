"""What stands within brackets: items with the comments around them, and how some go and others come.

A comment at the end of a line belongs to what stands on that line, a comment on lines of its own to the place it
stands at: it stays when the item below it goes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import yaml

from trainer.sweep.yaml_nodes import Patch, Path, Text, UnpatchableError

_BREAKS = "\r\n\x85\u2028\u2029"


@dataclass(frozen=True, slots=True)
class Added:
    """An item that comes to a place."""

    text: str
    comment: str = ""
    """What stands behind it, from its `#` on."""
    above: tuple[str, ...] = ()
    """The comments on the lines above it."""


@dataclass(frozen=True, slots=True)
class Brackets:
    """The items within a pair of brackets, and what stands between them."""

    text: Text
    spans: Sequence[tuple[int, int]]
    newline: str
    separators: Sequence[str]
    """What follows each item on its line, its comma and its comment included."""
    leads: Sequence[str]
    """What stands before each item, and at last before the closing bracket: line breaks, indentation, comments."""
    opens: int
    closes: int

    @classmethod
    def of(
        cls, text: Text, node: yaml.CollectionNode, spans: Sequence[tuple[int, int]], newline: str, path: Path
    ) -> Brackets:
        """Return what stands within the brackets of a node.

        Raises:
            UnpatchableError: If they are not where they should be.
        """
        opens, closes = text.after_properties(node) + 1, int(node.end_mark.index) - 1
        if text.text[opens - 1 : opens] not in ("[", "{") or text.text[closes : closes + 1] not in ("]", "}"):
            raise UnpatchableError(path)
        separators: list[str] = []
        leads = [text.text[opens : spans[0][0]]]
        for index, (_, end) in enumerate(spans):
            following = spans[index + 1][0] if index + 1 < len(spans) else closes
            separated = _separator_end(text.text, end, following)
            separators.append(text.text[end:separated])
            leads.append(text.text[separated:following])
        return cls(text, spans, newline, separators, leads, opens, closes)

    # --- what stands there ----------------------------------------------------------------------------------------

    def is_alone(self, index: int) -> bool:
        """Return whether no other item stands on the lines of one."""
        after = index + 1 == len(self.spans) or _has_break(self.leads[index + 1])
        return after and (index == 0 or _has_break(self.leads[index]))

    def comment(self, index: int) -> str:
        """Return the comment behind an item, from its `#` on; empty if there is none, or others share it."""
        return _comment_of(self.separators[index]) if self.is_alone(index) else ""

    def above(self, index: int) -> tuple[str, ...]:
        """Return the comments on lines of their own above an item."""
        return tuple(line.strip() for line in self.leads[index].splitlines() if line.lstrip().startswith("#"))

    def has_own_comments(self, index: int) -> bool:
        """Return whether the comments above an item are its own, and no heading of several items."""
        return is_of_one(self.above(index), self.above(index + 1) if index + 1 < len(self.spans) else None)

    def moved(self, index: int) -> Added:
        """Return an item as it comes to another place, with the comments that are its own."""
        start, end = self.spans[index]
        above = self.above(index) if self.has_own_comments(index) else ()
        return Added(self.text.text[start:end], self.comment(index), above)

    @property
    def _is_in_lines(self) -> bool:
        """Whether each item begins a line."""
        leads = self.leads[1:-1] or self.leads[:1]
        return all(_has_break(lead) for lead in leads)

    @property
    def _break(self) -> str:
        """What brings a new item to a line of its own."""
        return self.newline + " " * self.text.column_of(self.spans[min(1, len(self.spans) - 1)][0])

    @property
    def _ends_in_comma(self) -> bool:
        return _comma(self.separators[-1]) >= 0

    # --- what changes ---------------------------------------------------------------------------------------------

    def patches(self, plan: Sequence[int | Added], moved: Collection[int] = ()) -> list[Patch]:
        """Return the changes that bring other items in; what stays is not touched, the rest goes.

        Args:
            plan: The items in their new order: the index of one that stays, increasing, or one that is added.
            moved: Those that go elsewhere; comments that are their own do not stay.
        """
        moved = {index for index in moved if self.has_own_comments(index)}
        patches: list[Patch] = []
        added: list[Added] = []
        last = -1
        for place in [*plan, len(self.spans)]:
            if isinstance(place, Added):
                added.append(place)
                continue
            if added or place != last + 1:
                start = self.opens if last < 0 else self.spans[last][1]
                end = self.closes if place == len(self.spans) else self.spans[place][0]
                patches.append(Patch(start, end, self._between(last, place, added, moved)))
            last, added = place, []
        return patches

    def _between(self, last: int, following: int, added: Sequence[Added], moved: Collection[int]) -> str:
        """Return what stands between two items that stay; -1 is the opening, the number of items the closing one."""
        gone = range(last + 1, following)
        at_end = following == len(self.spans)
        in_lines = self._is_in_lines or any(each.comment or each.above for each in added)
        if added and not gone and last >= 0 and not in_lines:
            # The comment at the end of the line is of all that stand on it.
            return "".join(f", {each.text}" for each in added) + self.separators[last] + self.leads[following]
        out = self._separator(last, has_next=bool(added) or not at_end) + self._left_on_line(last, gone)
        for index in gone:
            if index not in moved:
                out += _through_comments(self.leads[index])
        rest = self.leads[following]
        if not gone and last < 0:
            kept = "" if self.has_own_comments(following) else _through_comments(rest)
            out, rest = out + kept, rest[len(kept) :]
            lead, rest = _behind_comments(rest), (rest if not kept and in_lines else self._break if in_lines else " ")
        elif gone and not (in_lines and last >= 0):
            lead = _behind_comments(self.leads[gone[0]])
        else:
            lead = self._break if in_lines else " "
        for number, each in enumerate(added):
            has_next = number + 1 < len(added) or not at_end
            line = "".join(self._break + comment for comment in each.above)
            lead = (self._break if line or _comment_of(out) else "") or lead
            comma = "," if has_next or self._ends_in_comma else ""
            out += line + lead + each.text + comma + (f"   {each.comment}" if each.comment else "")
            lead = self._break if in_lines else " "
        return out + self._last_lead(out, rest, gone, bool(added), at_end=at_end, at_start=last < 0)

    def _last_lead(
        self, out: str, rest: str, gone: Sequence[int], has_added: bool, *, at_end: bool, at_start: bool
    ) -> str:
        needs_break = bool(_comment_of(out.rpartition(self.newline)[2]))
        leads = [_behind_comments(self.leads[index]) for index in gone]
        broken = [lead for lead in leads if _has_break(lead)]
        if gone and not has_added and not _has_break(rest) and (needs_break or not at_end):
            rest = leads[0] if at_start and not needs_break else broken[0] if broken else rest
        if needs_break and not _has_break(rest):
            # Nothing can follow a comment on its line.
            rest = self._break + rest.lstrip()
        return rest

    def _separator(self, index: int, *, has_next: bool) -> str:
        """Return what follows an item on its line, with the comma that it needs there."""
        if index < 0:
            return ""
        separator = self.separators[index]
        comma = _comma(separator)
        if comma < 0 and has_next:
            behind = separator[1:] if separator.startswith("  ") else separator
            return "," + behind
        if comma >= 0 and not has_next and not self._ends_in_comma:
            behind = separator[comma + 1 :]
            return separator[:comma] + (" " + behind if behind.strip() else "")
        return separator

    def _left_on_line(self, last: int, gone: Sequence[int]) -> str:
        """Return the comment at the end of a line whose last items go while others on it stay."""
        if last < 0 or _comment_of(self.separators[last]):
            return ""
        for index in gone:
            if _has_break(self.leads[index]):
                break
            comment = _comment_of(self.separators[index])
            if comment:
                return "  " + comment
        return ""


def is_of_one(comments: Sequence[str], below: Sequence[str] | None) -> bool:
    """Return whether comments above an item are its own: the next one has some too, or there is none (None)."""
    return bool(comments) and (below is None or bool(below))


def _separator_end(text: str, start: int, end: int) -> int:
    """Return where the line of an item ends, or what stands on it of the next one begins."""
    at, behind_comma, line_end = start, -1, -1
    while at < end:
        char = text[at]
        if char == "#":
            while at < end and text[at] not in _BREAKS:
                at += 1
            continue
        if char in _BREAKS:
            if line_end < 0:
                line_end = at
            if behind_comma >= 0:
                return at
        elif char == ",":
            behind_comma, line_end = at + 1, -1
        at += 1
    if behind_comma >= 0:
        return behind_comma if line_end < 0 else line_end
    # There is no comma behind the last item.
    return line_end if line_end >= 0 and text[start:line_end].strip() else start


def _comma(separator: str) -> int:
    """Return where the comma of a separator stands, -1 if it has none; those in comments are none."""
    at = 0
    while at < len(separator):
        if separator[at] == "#":
            while at < len(separator) and separator[at] not in _BREAKS:
                at += 1
        elif separator[at] == ",":
            return at
        else:
            at += 1
    return -1


def _comment_of(separator: str) -> str:
    """Return the comment that what stands between two items ends in, from its `#` on."""
    line = separator.splitlines()[-1] if separator and separator[-1] not in _BREAKS else ""
    at = 0 if line.startswith("#") else line.find(" #") + 1
    return line[at:].rstrip() if at or line.startswith("#") else ""


def _has_break(lead: str) -> bool:
    return any(char in _BREAKS for char in lead)


def _through_comments(lead: str) -> str:
    """Return a lead up to the end of its last comment; empty if it has none."""
    lines = lead.splitlines(keepends=True)
    while lines and not lines[-1].lstrip().startswith("#"):
        lines.pop()
    return "".join(lines).rstrip(_BREAKS)


def _behind_comments(lead: str) -> str:
    return lead[len(_through_comments(lead)) :]
