"""How the builder writes YAML of its own: short lists on one line, long texts as blocks; JSON where a file is JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml

from trainer.records import Json
from trainer.sweep.yaml_text import SweepDumper

_FLOW_WIDTH = 88
"""Columns up to which a list is written on one line."""
_NO_WRAP = 1_000_000_000
_MAX_FLOW_ITEMS = 60


class _StyledDumper(SweepDumper):
    """Writes lists of a few plain values on one line, and texts of several lines as a block."""


class _LineDumper(SweepDumper):
    """Writes everything on one line."""


def _represent_list(dumper: yaml.SafeDumper, value: list[Json]) -> yaml.SequenceNode:
    node = dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=_is_short(value))
    for child in node.value:
        if isinstance(child, yaml.MappingNode):
            child.flow_style = all(isinstance(inner, yaml.ScalarNode) for _, inner in child.value)
    return node


def _is_short(value: Sequence[Json]) -> bool:
    if len(value) > _MAX_FLOW_ITEMS or any(isinstance(item, dict | list) for item in value):
        return False
    # Macros such as ${args} need quotes within brackets, and are read best one to a line.
    texts = [item for item in value if isinstance(item, str)]
    if any("${" in text or "\n" in text for text in texts):
        return False
    return sum(len(str(item)) + 2 for item in value) <= _FLOW_WIDTH


def _represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    # A block cannot begin with a space or end with blank lines, unless it says so with more signs than people know.
    style = None if "\n" not in value else '"' if value[0].isspace() or value.endswith("\n\n") else "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _represent_text_in_line(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = '"' if len(value.splitlines()) > 1 or value.endswith(("\n", "\r")) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_StyledDumper.add_representer(list, _represent_list)
_StyledDumper.add_representer(str, _represent_text)
_LineDumper.add_representer(str, _represent_text_in_line)


def styled_yaml(config: Mapping[str, Json]) -> str:
    """Return a configuration as people write it; reads back as the same value, with keys in their order."""
    if not config:
        return "{}\n"
    text: str = yaml.dump(
        dict(config),
        Dumper=_StyledDumper,
        sort_keys=False,
        default_flow_style=False,
        allow_unicode=True,
        width=_NO_WRAP,
    )
    return text


def flow_yaml(value: Json) -> str:
    """Return a value as YAML on one line, as it may stand within brackets: `{values: [1, 2]}`."""
    text: str = yaml.dump(
        [value], Dumper=_LineDumper, sort_keys=False, default_flow_style=True, allow_unicode=True, width=_NO_WRAP
    )
    return text.rstrip("\n").removeprefix("[").removesuffix("]")


@dataclass(frozen=True, slots=True)
class Written:
    """A value as it follows a colon or a dash."""

    head: str
    """What stands on the line of the key; empty if everything stands below it."""
    lines: tuple[str, ...] = ()
    """The lines below it, indented as far as they are within the value."""


@dataclass(frozen=True, slots=True)
class Style:
    """How one text is written."""

    newline: str = "\n"
    is_json: bool = False

    @classmethod
    def of(cls, text: str) -> Style:
        """Return the style that a text is written in."""
        newline = "\r\n" if "\r\n" in text else "\n"
        if not text.lstrip().startswith("{"):
            return cls(newline)
        try:
            json.loads(text)
        except ValueError:
            return cls(newline)
        return cls(newline, is_json=True)

    def in_flow(self, value: Json, quote: str | None = None) -> str:
        """Return a value for a place within brackets; a text in the quotes that the one before it had."""
        if self.is_json:
            return json.dumps(value, ensure_ascii=False)
        return _quoted(value, quote) or flow_yaml(value)

    def in_block(self, value: Json, quote: str | None = None, *, in_lines: bool = False) -> Written:
        """Return a value for a place after a colon or a dash; a list with a line for each item, if it shall."""
        quoted = _quoted(value, quote)
        if quoted:
            return Written(quoted)
        if in_lines and isinstance(value, list) and value:
            return Written("", tuple(f"- {flow_yaml(item)}" for item in value))
        first, *lines = styled_yaml({"k": value}).rstrip("\n").split("\n")
        head = first.removeprefix("k:").strip()
        # PyYAML puts the dashes of a list below its key, and everything else two columns further.
        return Written(head, tuple(lines if isinstance(value, list) else (line.removeprefix("  ") for line in lines)))

    def key(self, name: str, quote: str | None = None) -> str:
        """Return a key of a block."""
        if self.is_json:
            return json.dumps(name, ensure_ascii=False)
        return _quoted(name, quote) or styled_yaml({name: 0}).removesuffix(": 0\n")

    def entry(self, key: str, value: Json) -> tuple[str, ...]:
        """Return the lines of a key with its value."""
        return tuple(styled_yaml({key: value}).removesuffix("\n").split("\n"))


def _quoted(value: Json, quote: str | None) -> str:
    """Return a text in the given quotes; empty where there are none, or where it cannot stand in them."""
    if not isinstance(value, str) or quote not in ("'", '"') or not value.isprintable():
        return ""
    return json.dumps(value, ensure_ascii=False) if quote == '"' else "'" + value.replace("'", "''") + "'"
