"""The smallest change of a YAML text that makes it say something else: patches, found by walking both side by side.

A patch replaces one value, adds or deletes whole lines, or renames a key in its place. Whether the outcome is right,
`yaml_edit` checks; what cannot be patched, it has written anew as a whole (`coarse`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import yaml

from trainer.records import Json
from trainer.sweep.joint import is_joint_name
from trainer.sweep.yaml_brackets import Added, Brackets
from trainer.sweep.yaml_changes import Change, renames
from trainer.sweep.yaml_lists import ListChange, aligned, dashed
from trainer.sweep.yaml_nodes import (
    Block,
    Entry,
    Item,
    Patch,
    Path,
    Text,
    UnpatchableError,
    applied,
    entries_of,
    is_block,
    items_of,
    last_line_of,
    walk,
)
from trainer.sweep.yaml_style import Style, Written


class _Missing:
    """There is no value; None is one."""


MISSING = _Missing()
_DEFAULT_STEP = 2


def patched(
    source: str,
    root: yaml.MappingNode,
    old: Mapping[str, Json],
    wanted: Mapping[str, Json],
    coarse: Collection[Path],
) -> str:
    """Return the text with what differs changed.

    Args:
        source: The text; ends with a line break.
        root: Its nodes.
        old: What it says.
        wanted: What it shall say.
        coarse: Paths of the values that are written anew as a whole.

    Raises:
        UnpatchableError: If a value cannot be changed in part; its path belongs among the coarse ones.
    """
    patcher = _Patcher(source, root, wanted, coarse)
    patcher.mapping(root, old, wanted, ())
    return patcher.applied()


def same(one: object, other: object) -> bool:
    """Return whether two values are the same, types and order of keys included."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(map(same, one.values(), other.values()))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other or (one != one and other != other)


def value_at(value: object, path: Path) -> object:
    """Return the value at a path; MISSING where there is none."""
    for key in path:
        if isinstance(value, dict) and isinstance(key, str):
            value = value.get(key, MISSING)
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return MISSING
    return value


class _Patcher:
    """Collects the patches of one text."""

    def __init__(self, source: str, root: yaml.Node, wanted: Mapping[str, Json], coarse: Collection[Path]) -> None:
        self._text = Text(source)
        self._style = Style.of(source)
        self._coarse = coarse
        self._patches: list[Patch] = []
        self._says: dict[int, object] = {}
        """What the anchored node of each alias says once the text is patched."""
        for path, node, is_alias in walk(root):
            if not is_alias:
                self._says[id(node)] = wanted if not path else value_at(wanted, path)
        self._root = root
        self._step = self._indentation_step(root)

    def _indentation_step(self, root: yaml.Node) -> int:
        """Return by how much the text indents a mapping within a mapping."""
        for key, value in root.value if isinstance(root, yaml.MappingNode) and not root.flow_style else ():
            if isinstance(value, yaml.MappingNode) and not value.flow_style and value.value:
                step = int(value.value[0][0].start_mark.column - key.start_mark.column)
                if step > 0:
                    return step
        return _DEFAULT_STEP

    def applied(self) -> str:
        return applied(self._text.text, self._patches, ())

    def _patch(self, start: int, end: int, text: str) -> None:
        self._patches.append(Patch(start, end, text))

    # --- values ---------------------------------------------------------------------------------------------------

    def _value_of_entry(self, entry: Entry, old: Json, wanted: Json, path: Path, column: int | None) -> None:
        """Bring the value of an entry in line; `column` is that of the key, None within brackets."""
        if entry.is_alias:
            if not same(self._says.get(id(entry.node), MISSING), wanted):
                self._replace_entry(entry, wanted, column)
        elif path in self._coarse or not self._goes_in(entry.node, old, wanted, path):
            self._replace_entry(entry, wanted, column)

    def _goes_in(self, node: yaml.Node, old: Json, wanted: Json, path: Path) -> bool:
        """Bring a node in line by changes within it; False if it must be replaced."""
        if isinstance(node, yaml.MappingNode) and isinstance(old, dict) and isinstance(wanted, dict):
            if bool(old) == bool(wanted):
                self.mapping(node, old, wanted, path)
                return True
            return False
        if isinstance(node, yaml.SequenceNode) and isinstance(old, list) and isinstance(wanted, list):
            if bool(old) == bool(wanted):
                self._sequence(node, old, wanted, path)
                return True
            return False
        return same(old, wanted)

    def _replace_entry(self, entry: Entry, wanted: Json, column: int | None) -> None:
        start = entry.value_start if entry.is_alias else max(self._text.after_properties(entry.node), entry.value_start)
        quote = None if entry.is_alias or not isinstance(entry.node, yaml.ScalarNode) else entry.node.style
        if column is None:
            self._fill(entry, start, self._style.in_flow(wanted, quote))
            return
        in_lines = not entry.is_alias and isinstance(entry.node, yaml.SequenceNode) and not entry.node.flow_style
        written = self._style.in_block(wanted, quote, in_lines=in_lines)
        last = self._text.line_of(max(entry.end - 1, entry.start))
        if written.head.startswith("|") and last_line_of(self._text, entry.start, entry.end, column) > last:
            # A comment below a text in lines would be one of its lines.
            written = Written(self._style.in_flow(wanted))
        lines = self._indented(written, wanted, column, entry)
        if entry.is_alias or not is_block(entry.node) or entry.is_empty:
            self._fill(entry, start, written.head)
            if lines:
                self._insert_below(self._text.line_of(max(entry.end - 1, entry.start)), lines)
        elif isinstance(entry.node, yaml.ScalarNode):
            self._patch(start, entry.end, self._style.newline.join([written.head, *lines]))
        else:
            self._replace_lines(entry, written.head, lines)

    def _fill(self, entry: Entry, start: int, head: str) -> None:
        """Write what stands on the line of a key."""
        if entry.is_empty:
            self._patch(entry.colon, entry.colon, f" {head}" if head else "")
        elif head:
            self._patch(start, entry.end, head)
        else:
            kept = self._text.text[entry.colon : start].rstrip()
            self._patch(entry.colon + len(kept), entry.end, "")

    def _replace_lines(self, entry: Entry, head: str, lines: Sequence[str]) -> None:
        """Write another value in the place of a block below its key."""
        text = self._text
        key_line = text.line_of(entry.start)
        if head:
            # The anchor of the old value stays, since aliases may refer to it.
            on_line = entry.node.start_mark.line == key_line
            end = text.after_properties(entry.node) if on_line else entry.colon
            kept = entry.colon + len(text.text[entry.colon : end].rstrip())
            self._patch(kept, kept, f" {head}")
        below = text.start_of(text.line_of(entry.end - 1) + 1)
        self._patch(text.start_of(key_line + 1), below, "".join(line + self._style.newline for line in lines))

    def _indented(self, written: Written, wanted: Json, column: int, entry: Entry) -> list[str]:
        """Return the lines of a value as they stand below a key in a column."""
        by = column + self._step
        if isinstance(wanted, list):
            node = entry.node
            is_list = not entry.is_alias and isinstance(node, yaml.SequenceNode) and not node.flow_style
            by = max(node.start_mark.column, column) if is_list else column
        return [" " * by + line if line else line for line in written.lines]

    # --- mappings -------------------------------------------------------------------------------------------------

    def mapping(self, node: yaml.MappingNode, old: Mapping[str, Json], wanted: Mapping[str, Json], path: Path) -> None:
        """Bring a mapping in line: values, names, what is gone and what is new. The order, `yaml_edit` sees to."""
        column = None if node.flow_style else int(node.value[0][0].start_mark.column)
        entries = entries_of(self._text, node, path)
        merged = self._merged(entries, path)
        own = [entry for entry in entries if not entry.is_merge]
        keys = {entry.key for entry in own}
        if any(key not in wanted for key in merged):
            raise UnpatchableError(path)
        new = [key for key in wanted if key not in keys and not (key in merged and same(merged[key], wanted[key]))]
        renamed = renames(own, wanted, new)
        for entry in own:
            name = renamed.get(entry.key, entry.key)
            if name not in wanted:
                continue
            if name != entry.key:
                self._rename(entry, name, column)
            self._value_of_entry(entry, old[entry.key], wanted[name], (*path, name), column)
        change = Change(own, renamed, wanted, [key for key in new if key not in renamed.values()], path)
        if not change.gone and not change.new:
            return
        if not own or len(change.gone) == len(own):
            raise UnpatchableError(path)
        if node.flow_style:
            self._change_flow(node, entries, change)
        else:
            self._change_block(change, opens_file=node is self._root)

    def _merged(self, entries: Sequence[Entry], path: Path) -> dict[str, object]:
        """Return what a mapping takes in by `<<`, as the text will say it."""
        merged: dict[str, object] = {}
        for entry in entries:
            if not entry.is_merge:
                continue
            parts = entry.node.value if isinstance(entry.node, yaml.SequenceNode) else [entry.node]
            for part in parts:
                says = self._says.get(id(part), MISSING)
                if not isinstance(says, dict):
                    raise UnpatchableError(path)
                merged = {**says, **merged}
        return merged

    def _rename(self, entry: Entry, name: str, column: int | None) -> None:
        # Quotes that the old name could not do without are not the user's choice.
        style = entry.key_node.style if self._style.key(entry.key) == entry.key else None
        text = self._style.in_flow(name, style) if column is None else self._style.key(name, style)
        self._patch(self._text.after_properties(entry.key_node), entry.key_node.end_mark.index, text)

    def _change_block(self, change: Change, *, opens_file: bool) -> None:
        text = self._text
        first = change.own[0]
        column = text.column_of(first.start)
        blocks = {
            entry.key: Block.of(text, entry, is_first_of_file=opens_file and entry is first) for entry in change.own
        }
        for entry in change.gone:
            if not text.is_first_on_line(entry.start):
                raise UnpatchableError(change.path)
            self._delete(blocks[entry.key])
        likes_flow = change.siblings_are_flow
        for before, keys in change.new_after().items():
            lines = [
                " " * column + line if line else line
                for key in keys
                for line in self._entry(key, change.wanted[key], likes_flow)
            ]
            if before is None and not text.is_first_on_line(first.start):
                raise UnpatchableError(change.path)
            self._insert_below(blocks[first.key].first - 1 if before is None else blocks[before].last, lines)

    def _entry(self, key: str, value: Json, likes_flow: bool) -> Sequence[str]:
        # A joint parameter lists mappings: nobody can read those on one line.
        if likes_flow and isinstance(value, dict) and not is_joint_name(key):
            return (f"{self._style.key(key)}: {self._style.in_flow(value)}",)
        lines = self._style.entry(key, value)
        return lines if self._step == _DEFAULT_STEP else [_reindented(line, self._step) for line in lines]

    def _delete(self, block: Block) -> None:
        """Delete the lines of an entry, and one of the blank lines that it leaves on both sides."""
        text = self._text
        last = block.last
        above = text.line(block.first - 1).rstrip() if block.first else ""
        if text.is_blank(last + 1) and (not above or above.endswith(":")):
            last += 1
        self._patch(text.start_of(block.first), text.start_of(last + 1), "")

    def _insert_below(self, line: int, lines: Sequence[str]) -> None:
        at = self._text.start_of(line + 1)
        self._patch(at, at, "".join(each + self._style.newline for each in lines))

    # --- brackets -------------------------------------------------------------------------------------------------

    def _change_flow(self, node: yaml.MappingNode, entries: Sequence[Entry], change: Change) -> None:
        gone = {entry.key for entry in change.gone}
        new = change.new_after()
        plan: list[int | Added] = []
        for index, key in [(-1, None), *((index, entry.key) for index, entry in enumerate(entries))]:
            if key is not None and key not in gone:
                plan.append(index)
            for name in new.get(key, ()):
                plan.append(Added(f"{self._style.in_flow(name)}: {self._style.in_flow(change.wanted[name])}"))
        spans = [(entry.start, entry.end) for entry in entries]
        brackets = Brackets.of(self._text, node, spans, self._style.newline, change.path)
        self._patches += brackets.patches(plan)

    # --- lists ----------------------------------------------------------------------------------------------------

    def _sequence(self, node: yaml.SequenceNode, old: Sequence[Json], wanted: Sequence[Json], path: Path) -> None:
        if same(old, wanted):
            return
        items = items_of(self._text, node, path)
        places = aligned(old, wanted)
        for index, place in enumerate(places):
            if place.stays is not None:
                self._item(node, items[place.stays], old[place.stays], wanted[index], (*path, index))
        if len(places) == len(items) and all(place.stays is not None for place in places):
            return
        self._patches += ListChange(self._text, self._style, node, items, wanted, places, path).patches()

    def _item(self, node: yaml.SequenceNode, item: Item, old: Json, wanted: Json, path: Path) -> None:
        if item.is_alias:
            if same(self._says.get(id(item.node), MISSING), wanted):
                return
        elif path not in self._coarse and self._goes_in(item.node, old, wanted, path):
            return
        start = item.start if item.is_alias else max(self._text.after_properties(item.node), item.start)
        quote = item.node.style if isinstance(item.node, yaml.ScalarNode) and not item.is_alias else None
        if item.dash is None:
            self._patch(start, item.end, self._style.in_flow(wanted, quote))
        elif item.start == item.end:
            if not isinstance(wanted, int | float | str):
                raise UnpatchableError(path[:-1])
            self._patch(start, start, " " + self._style.in_flow(wanted))
        else:
            written = dashed(self._style, wanted, self._text.column_of(start), quote=quote, like=item.node)
            self._patch(start, item.end, self._style.newline.join(written))


def _reindented(line: str, step: int) -> str:
    content = line.lstrip(" ")
    depth, rest = divmod(len(line) - len(content), _DEFAULT_STEP)
    return " " * (depth * step + rest) + content
