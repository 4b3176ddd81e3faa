"""Where things stand in a YAML text: lines, the ends of values, keys and items with their comments. Changes nothing.

Works on PyYAML's nodes, whose marks count characters. A node that is met a second time is an alias.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import yaml

Path = tuple[str | int, ...]

MERGE_TAG = "tag:yaml.org,2002:merge"
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_COLON = re.compile(r"[ \t]*:")
_ALIAS = re.compile(r"\s*\*[^\s,\[\]{}]+")
_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*[ \t]*)*")
_COMMENT = re.compile(r"[ \t]*#")
_NO_CONTENT = re.compile("(?:[ \t\r\n\x85\u2028\u2029]|(?:(?<=[ \t\r\n\x85\u2028\u2029])|^)#[^\r\n\x85\u2028\u2029]*)*")
"""Blanks, line breaks and comments."""


class UnpatchableError(Exception):
    """A value cannot be changed in part: it must be written anew as a whole."""

    def __init__(self, path: Path) -> None:
        """Name the value."""
        super().__init__(path)
        self.path = path


@dataclass(frozen=True, slots=True)
class Patch:
    """What stands in the place of a span of the text."""

    start: int
    end: int
    text: str


def applied(text: str, patches: Iterable[Patch], path: Path) -> str:
    """Return a text with its patches; what is put at the same place keeps its order.

    Raises:
        UnpatchableError: If two patches overlap.
    """
    pieces: list[str] = []
    at = 0
    for patch in sorted(patches, key=lambda each: (each.start, each.end > each.start)):
        if patch.start < at:
            raise UnpatchableError(path)
        pieces += [text[at : patch.start], patch.text]
        at = patch.end
    return "".join([*pieces, text[at:]])


@dataclass(slots=True)
class Text:
    """A text and where its lines begin."""

    text: str
    starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        """Find the lines."""
        self.starts = [0, *(match.end() for match in _LINE_BREAK.finditer(self.text))]

    def line_of(self, index: int) -> int:
        """Return the line of a character, from 0."""
        return bisect_right(self.starts, index) - 1

    def column_of(self, index: int) -> int:
        """Return how many characters stand before one on its line."""
        return index - self.starts[self.line_of(index)]

    def start_of(self, line: int) -> int:
        """Return where a line begins; past the last one, where the text ends."""
        return self.starts[line] if line < len(self.starts) else len(self.text)

    def line(self, line: int) -> str:
        """Return a line with its break."""
        return self.text[self.start_of(line) : self.start_of(line + 1)]

    def end_of(self, line: int) -> int:
        """Return where a line ends, before its break."""
        start = self.start_of(line)
        return start + len(self.line(line).rstrip("\r\n\x85\u2028\u2029"))

    def is_blank(self, line: int) -> bool:
        """Return whether a line holds nothing."""
        return line < len(self.starts) and not self.line(line).strip()

    def comment_column(self, line: int) -> int | None:
        """Return where the comment of a line begins that holds nothing else; None if it is no such line."""
        match = _COMMENT.match(self.line(line)) if 0 <= line < len(self.starts) else None
        return match.end() - 1 if match else None

    def is_first_on_line(self, index: int) -> bool:
        """Return whether only blanks stand before a character."""
        return not self.text[self.starts[self.line_of(index)] : index].strip()

    def content_after(self, index: int) -> int:
        """Return where the next character stands that is neither blank nor comment."""
        match = _NO_CONTENT.match(self.text, index)
        return match.end() if match else index

    def after_properties(self, node: yaml.Node) -> int:
        """Return where a node begins after its anchor and its tag."""
        match = _PROPERTIES.match(self.text, node.start_mark.index)
        return match.end() if match else node.start_mark.index

    def content_end(self, node: yaml.Node) -> int:
        """Return where the last character of a node's own text ends; no comment and no blank line is part of it."""
        if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
            last = node.value[-1]
            if isinstance(last, tuple):
                return Entry.of(self, last[0], last[1], ()).end
            if last.start_mark.index >= node.start_mark.index:
                return self.content_end(last)
            line = self.line_of(node.end_mark.index - 1)
            while self.is_blank(line) or self.comment_column(line) is not None:
                line -= 1
            return self.end_of(line)
        if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
            line = self.line_of(max(node.end_mark.index - 1, node.start_mark.index))
            while line > self.line_of(node.start_mark.index) and self.is_blank(line):
                line -= 1
            return self.end_of(line)
        return int(node.end_mark.index)


def is_block(node: yaml.Node) -> bool:
    """Return whether a node spreads over lines of its own."""
    if isinstance(node, yaml.CollectionNode):
        return not node.flow_style
    return isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")


@dataclass(slots=True)
class Entry:
    """A key of a mapping and its value."""

    key_node: yaml.ScalarNode
    node: yaml.Node
    key: str
    start: int
    colon: int
    """Where the text after the colon begins."""
    value_start: int
    end: int
    """Where the value ends; where the text after the colon begins if there is none."""
    is_alias: bool

    @classmethod
    def of(cls, text: Text, key_node: yaml.Node, node: yaml.Node, path: Path) -> Entry:
        """Return the entry of two nodes.

        Raises:
            UnpatchableError: If the key is written in an unusual way.
        """
        colon = _COLON.match(text.text, key_node.end_mark.index)
        if colon is None or not isinstance(key_node, yaml.ScalarNode):
            raise UnpatchableError(path)
        start, after = key_node.start_mark.index, colon.end()
        if node.start_mark.index < start:
            alias = _ALIAS.match(text.text, after)
            if alias is None:
                raise UnpatchableError(path)
            value_start = alias.end() - len(alias[0].lstrip())
            return cls(key_node, node, str(key_node.value), start, after, value_start, alias.end(), True)
        is_empty = node.start_mark.index == node.end_mark.index
        value_start = after if is_empty else node.start_mark.index
        end = after if is_empty else max(text.content_end(node), after)
        return cls(key_node, node, str(key_node.value), start, after, value_start, end, False)

    @property
    def is_empty(self) -> bool:
        """Whether nothing follows the colon."""
        return self.value_start == self.end

    @property
    def is_merge(self) -> bool:
        """Whether it takes in the keys of another mapping."""
        return self.key_node.tag == MERGE_TAG


def entries_of(text: Text, node: yaml.MappingNode, path: Path) -> list[Entry]:
    """Return the entries of a mapping.

    Raises:
        UnpatchableError: If a key is written in an unusual way.
    """
    return [Entry.of(text, key, value, path) for key, value in node.value]


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a list."""

    node: yaml.Node
    start: int
    end: int
    is_alias: bool
    dash: int | None
    """Where its dash stands; None within brackets."""


def items_of(text: Text, node: yaml.SequenceNode, path: Path) -> list[Item]:
    """Return the items of a list.

    Raises:
        UnpatchableError: If an item does not stand where it should.
    """
    at = text.after_properties(node) + (1 if node.flow_style else 0)
    items: list[Item] = []
    for each in node.value:
        at = text.content_after(at)
        if node.flow_style and text.text.startswith(",", at):
            at = text.content_after(at + 1)
        dash = None if node.flow_style else at
        if dash is not None:
            if not text.text.startswith("-", at):
                raise UnpatchableError(path)
            at += 1
        if each.start_mark.index < (at if dash is None else dash):
            alias = _ALIAS.match(text.text, at)
            if alias is None:
                raise UnpatchableError(path)
            items.append(Item(each, alias.end() - len(alias[0].lstrip()), alias.end(), True, dash))
        elif dash is not None and each.start_mark.index == each.end_mark.index:
            items.append(Item(each, at, at, False, dash))
        else:
            items.append(Item(each, each.start_mark.index, text.content_end(each), False, dash))
        at = items[-1].end
    return items


@dataclass(frozen=True, slots=True)
class Block:
    """The lines of an entry of a mapping: comments right above it, key, value, and deeper comments below it."""

    first: int
    """The first line, from 0; a comment that belongs to the key, or the key's own."""
    key_line: int
    last: int

    @classmethod
    def of(cls, text: Text, entry: Entry, *, is_first_of_file: bool) -> Block:
        """Return the block of an entry of a block mapping; what opens the file is no comment of its first key's."""
        column = text.column_of(entry.start)
        key_line = text.line_of(entry.start)
        first = key_line
        while text.comment_column(first - 1) == column:
            first -= 1
        if is_first_of_file:
            first = key_line
        return cls(first, key_line, last_line_of(text, entry.start, entry.end, column))


def last_line_of(text: Text, start: int, end: int, column: int) -> int:
    """Return the last line of what stands in a column, comments below it that are indented further included."""
    last = line = text.line_of(max(end - 1, start))
    while line + 1 < len(text.starts):
        line += 1
        comment = text.comment_column(line)
        if comment is not None and comment > column:
            last = line
        elif not text.is_blank(line):
            break
    return last


def walk(node: yaml.Node, path: Path = ()) -> Iterator[tuple[Path, yaml.Node, bool]]:
    """Yield every node of a document in its order, with its path and whether it stands there as an alias."""
    seen: set[int] = set()
    waiting: list[tuple[Path, yaml.Node]] = [(path, node)]
    while waiting:
        at, each = waiting.pop()
        is_alias = id(each) in seen
        yield at, each, is_alias
        if is_alias:
            continue
        seen.add(id(each))
        inner: list[tuple[Path, yaml.Node]] = []
        if isinstance(each, yaml.MappingNode):
            inner = [((*at, _name(key)), value) for key, value in each.value]
        elif isinstance(each, yaml.SequenceNode):
            inner = [((*at, index), value) for index, value in enumerate(each.value)]
        waiting.extend(reversed(inner))


def _name(key: yaml.Node) -> str:
    return "<<" if key.tag == MERGE_TAG else str(key.value)
