"""Notes in a YAML text: comment lines that begin with `#: `. They are the builder's own, and kept in step by it.

A note belongs to the key below it, if it is not indented further than that; else to the end of the mapping that its
indentation puts it in. A path names the key (`parameters.lr`), or the end of a mapping by a dot (`parameters.`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import yaml

from trainer.errors import SweepFileError
from trainer.sweep.yaml_nodes import Block, Entry, Text, UnpatchableError, entries_of, is_block, walk
from trainer.sweep.yaml_style import Style
from trainer.sweep.yaml_text import compose_yaml, parse_yaml

MARK = "#: "
_NOTE = re.compile(r"^[ \t]*#: ?(.*?)[ \t]*$")
_STEP = 2


def notes_of(text: str) -> dict[str, list[str]]:
    """Return the notes of a text by path, without their mark; empty for a text that cannot be read."""
    if "#:" not in text:
        return {}
    try:
        parse_yaml(text, "")
        return {path: [note.text for note in notes] for path, notes in _Places.of(text).notes().items()}
    except (SweepFileError, UnpatchableError):
        return {}


def with_notes(text: str, notes: Mapping[str, Sequence[str]]) -> str | None:
    """Return a readable text with these notes and no others; None where it has no lines to put them between."""
    wanted = {path: list(lines) for path, lines in notes.items() if lines}
    if notes_of(text) == wanted:
        return text
    newline = Style.of(text).newline
    ending = "" if text.endswith("\n") else newline
    text += ending
    try:
        places = _Places.of(text)
        changes = [
            (places.text.start_of(note.line), places.text.start_of(note.line + 1), "")
            for path, found in places.notes().items()
            if [note.text for note in found] != wanted.get(path)
            for note in found
        ]
        current = {path: [note.text for note in found] for path, found in places.notes().items()}
        for path, lines in wanted.items():
            if lines != current.get(path):
                line, column = places.place(path)
                at = places.text.start_of(line)
                changes.append((at, at, "".join(f"{' ' * column}{MARK}{each}{newline}" for each in lines)))
    except UnpatchableError:
        return None
    pieces: list[str] = []
    at = 0
    for start, end, new in sorted(changes, key=lambda change: (change[0], change[1] > change[0])):
        pieces += [text[at:start], new]
        at = max(at, end)
    changed = "".join([*pieces, text[at:]])
    return changed.removesuffix(ending) if notes_of(changed) == wanted else None


@dataclass(frozen=True, slots=True)
class _Note:
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class _Key:
    """A key of a block mapping."""

    path: str
    entry: Entry
    line: int
    column: int
    parents: tuple[_Key, ...]


@dataclass(frozen=True, slots=True)
class _Places:
    """The keys of a text in the order of its lines."""

    text: Text
    root: yaml.Node | None
    keys: Sequence[_Key]

    @classmethod
    def of(cls, source: str) -> _Places:
        text = Text(source.removeprefix("\ufeff"))
        node = compose_yaml(text.text)
        return cls(text, node, list(_keys(text, node, "", ())) if node is not None else [])

    def notes(self) -> dict[str, list[_Note]]:
        covered = self._covered()
        notes: dict[str, list[_Note]] = {}
        index = 0
        for line in range(len(self.text.starts)):
            while index < len(self.keys) and self.keys[index].line <= line:
                index += 1
            match = _NOTE.match(self.text.line(line).rstrip("\r\n")) if line not in covered else None
            if match is not None:
                notes.setdefault(self._path(index, self.text.comment_column(line) or 0), []).append(
                    _Note(line, match[1])
                )
        return notes

    def _covered(self) -> set[int]:
        """Return the lines on which a value goes on that began above: what looks like a comment there is text."""
        covered: set[int] = set()
        for _, node, is_alias in walk(self.root) if self.root is not None else ():
            if not is_alias and (isinstance(node, yaml.ScalarNode) or not is_block(node)):
                first = self.text.line_of(node.start_mark.index)
                last = self.text.line_of(max(self.text.content_end(node) - 1, node.start_mark.index))
                covered |= set(range(first + 1, last + 1))
        return covered

    def _path(self, index: int, column: int) -> str:
        """Return what a note in a column belongs to that stands above the key with an index."""
        if index < len(self.keys) and column <= self.keys[index].column:
            return self.keys[index].path
        if index == 0:
            return "."
        above = self.keys[index - 1]
        outer = [key for key in (*above.parents, above) if key.column < column]
        return f"{outer[-1].path}." if outer else "."

    def place(self, path: str) -> tuple[int, int]:
        """Return the line above which the notes of a path go, and their column.

        Raises:
            UnpatchableError: If there is no such key that begins a line.
        """
        for key in self.keys:
            if key.path == path:
                return key.line, key.column
            if f"{key.path}." == path:
                return self._end(key)
        outermost = [key for key in self.keys if not key.parents]
        if path == "." and outermost:
            return Block.of(self.text, outermost[-1].entry, is_first_of_file=False).last + 1, outermost[-1].column
        raise UnpatchableError(())

    def _end(self, key: _Key) -> tuple[int, int]:
        inner = [each for each in self.keys if each.parents and each.parents[-1] is key]
        if inner:
            last = Block.of(self.text, inner[-1].entry, is_first_of_file=False).last
            return last + 1, inner[-1].column
        return self.text.line_of(max(key.entry.end - 1, key.entry.start)) + 1, key.column + _STEP


def _keys(text: Text, node: yaml.Node, path: str, parents: tuple[_Key, ...]) -> Iterator[_Key]:
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        return
    for entry in entries_of(text, node, ()):
        if not text.is_first_on_line(entry.start):
            raise UnpatchableError(())
        name = f"{path}.{entry.key}" if path else entry.key
        key = _Key(name, entry, text.line_of(entry.start), text.column_of(entry.start), parents)
        yield key
        if not entry.is_alias:
            yield from _keys(text, entry.node, name, (*parents, key))
