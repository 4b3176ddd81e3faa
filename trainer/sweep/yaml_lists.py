"""Lists of a YAML text whose items change: what stays keeps its bytes, what comes is written as its neighbours are.

Which item of the new list is which of the old one, `aligned` says. An item that goes takes along what stands on its
lines; comments on lines of their own stay, unless they are those of one item that moves.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import yaml

from trainer.records import Json
from trainer.sweep.yaml_brackets import Added, Brackets, is_of_one
from trainer.sweep.yaml_nodes import Item, Patch, Path, Text, UnpatchableError, last_line_of
from trainer.sweep.yaml_style import Style


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item of a new list comes from; from nowhere, if it is new."""

    stays: int | None = None
    """The item of the old list that stays where it is, changed or not."""
    moved: int | None = None
    """The item of the old list that goes there from another place."""


def aligned(old: Sequence[Json], wanted: Sequence[Json]) -> list[Place]:
    """Return where each item of a new list comes from.

    As many items as can stay in their order. What is neither stays nor moves, is gone or new; where as many go as
    come between the same neighbours, each is the other one changed.
    """
    before, after = [_identity(item) for item in old], [_identity(item) for item in wanted]
    places: list[Place] = [Place() for _ in wanted]
    start = 0
    while start < min(len(old), len(wanted)) and before[start] == after[start]:
        places[start] = Place(stays=start)
        start += 1
    end = 0
    while end < min(len(old), len(wanted)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
        places[-end] = Place(stays=len(old) - end)
    found: dict[str, deque[int]] = {}
    for index in range(start, len(old) - end):
        found.setdefault(before[index], deque()).append(index)
    matches = {
        index: found[after[index]].popleft() for index in range(start, len(wanted) - end) if found.get(after[index])
    }
    staying = _longest_increasing(list(matches.values()))
    for index, source in matches.items():
        places[index] = Place(stays=source) if source in staying else Place(moved=source)
    _pair_changed(places, old, wanted, set(matches.values()), (start, len(old) - end, len(wanted) - end))
    return places


def _pair_changed(
    places: list[Place],
    old: Sequence[Json],
    wanted: Sequence[Json],
    matched: Collection[int],
    bounds: tuple[int, int, int],
) -> None:
    """Find what only changed: what is gone and what is new between the same neighbours."""
    start, old_end, wanted_end = bounds
    before = start - 1
    new: list[int] = []
    for index in range(start, wanted_end + 1):
        source = old_end if index == wanted_end else places[index].stays
        if source is None:
            if places[index].moved is None:
                new.append(index)
            continue
        gone = [each for each in range(before + 1, source) if each not in matched]
        if len(gone) == len(new):
            pairs = list(zip(new, gone, strict=True))
        else:
            pairs = _like_each_other(gone, new, old, wanted)
        for each, origin in pairs:
            places[each] = Place(stays=origin)
        before, new = source, []


def _like_each_other(
    gone: Sequence[int], new: Sequence[int], old: Sequence[Json], wanted: Sequence[Json]
) -> list[tuple[int, int]]:
    """Return pairs, in order, of mappings that have something in common."""
    pairs: list[tuple[int, int]] = []
    at = 0
    for index in new:
        value = wanted[index]
        for number in range(at, len(gone)):
            other = old[gone[number]]
            if isinstance(value, dict) and isinstance(other, dict) and _have_something_in_common(value, other):
                pairs.append((index, gone[number]))
                at = number + 1
                break
    return pairs


def _have_something_in_common(one: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    return any(key in other and _identity(value) == _identity(other[key]) for key, value in one.items())


def _longest_increasing(numbers: Sequence[int]) -> set[int]:
    """Return a longest choice of different numbers that stand in increasing order."""
    ends: list[int] = []
    at: list[int] = []
    before: list[int] = []
    for index, number in enumerate(numbers):
        length = bisect_left(ends, number)
        ends[length : length + 1] = [number]
        at[length : length + 1] = [index]
        before.append(at[length - 1] if length else -1)
    chosen: set[int] = set()
    index = at[-1] if at else -1
    while index >= 0:
        chosen.add(numbers[index])
        index = before[index]
    return chosen


def _identity(value: Json) -> str:
    """Return what two values share if they are the same, types and order of keys included."""
    return json.dumps(value, ensure_ascii=False)


def dashed(
    style: Style, value: Json, column: int, *, quote: str | None = None, like: yaml.Node | None = None
) -> list[str]:
    """Return the lines of a value as it follows a dash.

    Args:
        style: How the text is written.
        value: The value.
        column: Where its lines below the first stand.
        quote: The quotes of a text; None for those it needs.
        like: What stood in its place, or stands next to it: a mapping goes in brackets if that does.
    """
    is_flow = isinstance(value, dict) and not any(isinstance(inner, dict | list) for inner in value.values())
    if isinstance(like, yaml.MappingNode if isinstance(value, dict) else yaml.SequenceNode):
        is_flow = bool(like.flow_style)
    if is_flow and isinstance(value, list | dict):
        return [style.in_flow(value)]
    written = style.in_block(value, quote)
    lines = [" " * column + line if line else line for line in written.lines]
    return [written.head, *lines] if written.head else [lines[0].lstrip(" "), *lines[1:]]


@dataclass(frozen=True, slots=True)
class ListChange:
    """A list of a text some of whose items go, come or move."""

    text: Text
    style: Style
    node: yaml.SequenceNode
    items: Sequence[Item]
    wanted: Sequence[Json]
    places: Sequence[Place]
    path: Path
    comments: list[Sequence[str]] = field(default_factory=list)
    """The comments on lines of their own above each item."""

    def patches(self) -> list[Patch]:
        """Return the changes besides those within items that stay.

        Raises:
            UnpatchableError: If the list is written in an unusual way.
        """
        return self._in_brackets() if self.node.flow_style else self._in_lines()

    @property
    def _moved(self) -> set[int]:
        return {place.moved for place in self.places if place.moved is not None}

    # --- brackets -------------------------------------------------------------------------------------------------

    def _in_brackets(self) -> list[Patch]:
        spans = [(item.start, item.end) for item in self.items]
        brackets = Brackets.of(self.text, self.node, spans, self.style.newline, self.path)
        plan: list[int | Added] = []
        for place, value in zip(self.places, self.wanted, strict=True):
            if place.stays is not None:
                plan.append(place.stays)
            elif place.moved is not None:
                plan.append(brackets.moved(place.moved))
            else:
                plan.append(Added(self.style.in_flow(value, self._quote(len(plan)))))
        return brackets.patches(plan, self._moved)

    # --- lines ----------------------------------------------------------------------------------------------------

    def _in_lines(self) -> list[Patch]:
        column = self.node.start_mark.column
        dashes = [item.dash or 0 for item in self.items]
        if any(self.text.column_of(dash) != column or not self.text.is_first_on_line(dash) for dash in dashes):
            raise UnpatchableError(self.path)
        self.comments.extend(self._comments_above(index) for index in range(len(self.items)))
        removals = self._removals()
        patches = [Patch(self.text.start_of(start), self.text.start_of(end), "") for start, end in removals.values()]
        stays = -1
        added: list[str] = []
        for index, place in enumerate([*self.places, Place(stays=len(self.items))]):
            if place.stays is None:
                added += self._moved_lines(place.moved) if place.moved is not None else self._new_lines(index)
                continue
            if added:
                at = self.text.start_of(self._line_between(stays, place.stays, removals))
                patches.append(Patch(at, at, "".join(line + self.style.newline for line in added)))
            stays, added = place.stays, []
        return patches

    def _line_between(self, last: int, following: int, removals: Mapping[int, tuple[int, int]]) -> int:
        """Return the line above which new items go that follow one that stays: that of what is gone, if anything is."""
        for index in range(last + 1, following):
            return removals[index][0]
        return self._end_of(last) + 1 if last >= 0 else self._own_comments(0)

    def _removals(self) -> dict[int, tuple[int, int]]:
        """Return the lines, and the line behind them, that go with each item that does not stay."""
        stay = {place.stays for place in self.places}
        moved = self._moved
        removals: dict[int, tuple[int, int]] = {}
        for index in range(len(self.items)):
            if index in stay:
                continue
            first, last = self._first_line(index), self._last_line(index)
            if index in moved:
                first, last = self._own_comments(index), self._end_of(index)
            above = self.text.line(first - 1).rstrip() if first else ""
            if self.text.is_blank(last + 1) and (not above or above.endswith(":")):
                # Of the blank lines on both sides, one is enough.
                last += 1
            removals[index] = (first, last + 1)
        return removals

    def _moved_lines(self, index: int) -> list[str]:
        lines = range(self._own_comments(index), self._end_of(index) + 1)
        return [self.text.text[self.text.start_of(line) : self.text.end_of(line)] for line in lines]

    def _new_lines(self, index: int) -> list[str]:
        column = self.node.start_mark.column
        value = self.wanted[index]
        gap = next((self._gap(item) for item in self._neighbours(index) if self._gap(item)), 1)
        kind = yaml.MappingNode if isinstance(value, dict) else yaml.SequenceNode
        like = None
        if isinstance(value, dict | list):
            nodes = (item.node for item in self._neighbours(index) if not item.is_alias)
            like = next((node for node in nodes if isinstance(node, kind)), None)
        first, *rest = dashed(self.style, value, column + 1 + gap, quote=self._quote(index), like=like)
        return [" " * column + "-" + " " * gap + first, *rest]

    def _gap(self, item: Item) -> int:
        """Return how many columns stand between the dash of an item and what follows on its line; 0 if nothing does."""
        start = item.dash or 0
        between = self.text.text[start + 1 : item.start]
        return len(between) if between and not between.strip(" ") else 0

    def _first_line(self, index: int) -> int:
        return self.text.line_of(self.items[index].dash or 0)

    def _last_line(self, index: int) -> int:
        item = self.items[index]
        return self.text.line_of(max(item.end - 1, item.dash or 0))

    def _end_of(self, index: int) -> int:
        """Return the last line of an item, comments below it that are indented further than its dash included."""
        item = self.items[index]
        return last_line_of(self.text, item.dash or 0, item.end, self.node.start_mark.column)

    def _own_comments(self, index: int) -> int:
        """Return the first line of an item with the comments above it that are its own."""
        first = self._first_line(index)
        below = self.comments[index + 1] if index + 1 < len(self.comments) else None
        return first - len(self.comments[index]) if is_of_one(self.comments[index], below) else first

    def _comments_above(self, index: int) -> list[str]:
        """Return the comments right above an item."""
        column = self.node.start_mark.column
        line = self._first_line(index)
        found: list[str] = []
        while self.text.comment_column(line - 1) == column:
            line -= 1
            found.append(self.text.line(line))
        return found

    # --- style ----------------------------------------------------------------------------------------------------

    def _neighbours(self, index: int) -> Iterator[Item]:
        """Yield the items that stay, those nearest to a place of the new list first; all, if none stays."""
        found = False
        for distance in range(1, len(self.places)):
            for each in (index - distance, index + distance):
                stays = self.places[each].stays if 0 <= each < len(self.places) else None
                if stays is not None:
                    found = True
                    yield self.items[stays]
        if not found:
            yield from self.items

    def _quote(self, index: int) -> str | None:
        """Return the quotes that the nearest text has; None if it has none."""
        for item in self._neighbours(index):
            if isinstance(item.node, yaml.ScalarNode) and item.node.tag == "tag:yaml.org,2002:str":
                return item.node.style if item.node.style in ("'", '"') else None
        return None
