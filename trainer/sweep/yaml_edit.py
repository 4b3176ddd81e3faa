"""Edits of hand-written YAML that leave everything else as it is: order, comments, quotes, blank lines, byte for byte.

The smallest change is tried first; each outcome is read again and compared with what it shall say. What cannot be
changed in part is written anew: a value, the mapping around it, at last the whole file below its opening comment.
Comment lines that begin with `#: ` are the builder's own (`yaml_notes`); all others are the user's.

ruamel.yaml also keeps comments, but it loads and dumps the whole file: it sets indentation and line width anew for
all of it, attaches each comment to the token before it, so that a comment above a deleted key stays and the one below
goes, and would be one more dependency on the path of every keystroke. PyYAML, which is there, knows where each value
stands; that is enough to patch the text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache

import yaml

from trainer.errors import SweepFileError
from trainer.records import Json
from trainer.sweep.yaml_brackets import Brackets
from trainer.sweep.yaml_lists import aligned
from trainer.sweep.yaml_nodes import Block, Entry, Path, Text, UnpatchableError, applied, entries_of
from trainer.sweep.yaml_notes import notes_of as notes_of
from trainer.sweep.yaml_notes import with_notes
from trainer.sweep.yaml_patches import patched, same
from trainer.sweep.yaml_style import Style, styled_yaml
from trainer.sweep.yaml_text import compose_yaml, parse_yaml

_BOM = "\ufeff"
_ATTEMPTS = 12


def edited(text: str, config: Mapping[str, Json], notes: Mapping[str, Sequence[str]] | None = None) -> str:
    """Return a text that says another configuration, changed as little as possible.

    Args:
        text: The text as the user has it.
        config: What it shall say, in this order of keys.
        notes: The builder's own comment lines by path, as `notes_of` returns them; None leaves them as they are.

    Returns:
        A text that reads as `config`, and whose notes are `notes`. A text that cannot be read is replaced as a whole.
    """
    changed = _with_config(text, config)
    if notes is None:
        return changed
    annotated = with_notes(changed, notes)
    if annotated is not None and same(_read(annotated), config):
        return annotated
    # Brackets leave no room for comments: the file is written in lines.
    whole = _header(text) + styled_yaml(config)
    annotated = with_notes(whole, notes)
    return whole if annotated is None or not same(_read(annotated), config) else annotated


def _with_config(given: str, config: Mapping[str, Json]) -> str:
    bom = _BOM if given.startswith(_BOM) else ""
    text = given.removeprefix(_BOM)
    old = _read(text)
    if same(old, config):
        return given
    if not old or not config:
        return bom + _whole(text, config)
    ending = "" if text.endswith("\n") else Style.of(text).newline
    text += ending
    coarse: set[Path] = set()
    for _ in range(_ATTEMPTS):
        changed, again = _attempt(text, old, config, coarse)
        if not again:
            return bom + changed.removesuffix(ending)
        if () in again:
            break
        coarse |= again
    return bom + _whole(text, config)


def _attempt(
    text: str, old: Mapping[str, Json], config: Mapping[str, Json], coarse: set[Path]
) -> tuple[str, set[Path]]:
    """Return a changed text and, where it does not say what it shall, which values to write anew as a whole."""
    try:
        changed = patched(text, _root(text), old, config, coarse)
        says = _read(changed)
        if says is not None and not same(says, config):
            changed = _in_order(changed, config)
            says = _read(changed)
    except UnpatchableError as error:
        return text, {_not_yet(error.path, coarse)}
    if says is None:
        # Nobody knows which of the changes broke it: all of them are made in larger pieces.
        return text, {path for path in _differences(old, config, depth=2)} - coarse or {()}
    if same(says, config):
        return changed, set()
    return text, {_not_yet(path, coarse) for path in _differences(says, config, depth=20)}


def _not_yet(path: Path, coarse: set[Path]) -> Path:
    """Return the innermost value around a place that has not been written anew yet."""
    while path and path in coarse:
        path = path[:-1]
    return path


def _differences(one: object, other: object, path: Path = (), *, depth: int) -> set[Path]:
    """Return the paths of the values that differ, no deeper than `depth`."""
    if same(one, other):
        return set()
    if len(path) < depth and isinstance(one, dict) and isinstance(other, dict) and list(one) == list(other):
        return {found for key in one for found in _differences(one[key], other[key], (*path, key), depth=depth)}
    return {path}


@lru_cache(maxsize=4)
def _read(text: str) -> Mapping[str, Json] | None:
    """Return what a text says, not to be changed; None if it cannot be read.

    What one edit leaves is what the next one begins with, and reading is most of the work.
    """
    try:
        value = parse_yaml(text, "").value
    except SweepFileError:
        return None
    return value if isinstance(value, dict) else None


def _root(text: str) -> yaml.MappingNode:
    node = compose_yaml(text)
    if not isinstance(node, yaml.MappingNode) or not node.value:
        raise UnpatchableError(())
    return node


def _whole(text: str, config: Mapping[str, Json]) -> str:
    """Return the configuration written anew below the comment that opens the file."""
    if Style.of(text).is_json:
        return json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    newline = Style.of(text).newline
    return _header(text) + styled_yaml(config).replace("\n", newline)


def _header(text: str) -> str:
    """Return the comment lines, and blank lines among them, that a text opens with."""
    kept: list[str] = []
    for line in text.removeprefix(_BOM).splitlines(keepends=True):
        if line.strip() and not line.lstrip().startswith("#"):
            break
        kept.append(line)
    if kept and not kept[-1].endswith("\n"):
        kept[-1] += "\n"
    return "".join(kept)


def _in_order(text: str, config: Mapping[str, Json]) -> str:
    """Return the text with the entries of each mapping in the order of the configuration; only whole entries move."""
    while True:
        source = Text(text)
        moved = _moved(source, _root(text), config, ())
        if moved is None:
            return text
        text = moved


def _moved(text: Text, node: yaml.Node, wanted: object, path: Path) -> str | None:
    """Return the text with the first mapping put in order whose entries are in another one; None if there is none."""
    if not isinstance(node, yaml.MappingNode) or not isinstance(wanted, dict):
        return None
    entries = [entry for entry in entries_of(text, node, path) if not entry.is_alias or entry.key in wanted]
    for entry in entries:
        if not entry.is_alias and not entry.is_merge:
            inner = _moved(text, entry.node, wanted.get(entry.key), (*path, entry.key))
            if inner is not None:
                return inner
    keys = [entry.key for entry in entries]
    order = [key for key in wanted if key in keys]
    if any(entry.is_merge for entry in entries) or set(keys) != set(order) or keys == order:
        return None
    if node.flow_style:
        return _moved_in_brackets(text, node, entries, order, path)
    if not all(text.is_first_on_line(entry.start) for entry in entries):
        raise UnpatchableError(path)
    blocks = [Block.of(text, entry, is_first_of_file=not path and entry is entries[0]) for entry in entries]
    spans = [(text.start_of(block.first), text.end_of(block.last)) for block in blocks]
    pieces = {key: text.text[start:end] for key, (start, end) in zip(keys, spans, strict=True)}
    moved: list[str] = []
    at = 0
    for key, (start, end) in zip(order, spans, strict=True):
        moved += [text.text[at:start], pieces[key]]
        at = end
    return "".join([*moved, text.text[at:]])


def _moved_in_brackets(
    text: Text, node: yaml.MappingNode, entries: Sequence[Entry], order: Sequence[str], path: Path
) -> str:
    spans = [(entry.start, entry.end) for entry in entries]
    brackets = Brackets.of(text, node, spans, Style.of(text.text).newline, path)
    places = aligned([entry.key for entry in entries], list(order))
    plan = [brackets.moved(each.moved) if each.moved is not None else each.stays for each in places]
    moved = [each.moved for each in places if each.moved is not None]
    patches = brackets.patches([each for each in plan if each is not None], moved)
    return applied(text.text, patches, path)
