"""YAML text to plain values and back, in the dialect of sweep files. Knows YAML; knows nothing of sweeps.

PyYAML reads YAML 1.1, where `1e-3` is a text. Here every number of YAML 1.2 and JSON is a number. Dates stay texts,
since JSON, and so a run's configuration, has none. Everything else is read as `wandb sweep` reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from trainer.errors import SweepFileError
from trainer.records import Json

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: type[yaml.SafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

# The float of YAML 1.2's core schema, which holds JSON's; a dot or an exponent tells it from an int.
_FLOAT = re.compile(r"^[-+]?(?:(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)$")
_BARE_MACRO_IN_BRACKETS = re.compile(r"[\[,]\s*\$\{")
_FLOAT_TAG = "tag:yaml.org,2002:float"
_TIMESTAMP_TAG = "tag:yaml.org,2002:timestamp"
MAX_VALUES = 1_000_000
"""Values a file may hold once its aliases are written out; a few lines of nested aliases can mean billions."""

_MAX_DEPTH = 100
_BLOCK_START = re.compile("(?:^|[\n\r\x85\u2028\u2029])[ \t\\-?:]*")
"""What may stand before the first word of a line; its length says how many blocks can be open there."""


class SweepLoader(_Loader):  # type: ignore[misc,valid-type]
    """Reads YAML with YAML 1.2's floats and without dates."""


class SweepDumper(_Dumper):  # type: ignore[misc,valid-type]
    """Writes YAML that `SweepLoader` and PyYAML's own loader read back as the same values."""

    def ignore_aliases(self, data: object) -> bool:
        """Write every value out."""
        return True


SweepLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP_TAG]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}
for _dialect in (SweepLoader, SweepDumper):
    _dialect.add_implicit_resolver(_FLOAT_TAG, _FLOAT, list("-+.0123456789"))


def _represent_float(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    text = repr(value)
    if text in ("inf", "-inf", "nan"):
        return dumper.represent_float(value)
    # YAML 1.1 wants a dot in the mantissa and a sign in the exponent: 1e-05 is a text to stock loaders.
    mantissa, e, exponent = text.partition("e")
    mantissa = mantissa if "." in mantissa else mantissa + ".0"
    exponent = exponent if not e or exponent.startswith(("-", "+")) else "+" + exponent
    return dumper.represent_scalar(_FLOAT_TAG, mantissa + e + exponent)


SweepDumper.add_representer(float, _represent_float)


@dataclass(frozen=True, slots=True)
class ParsedYaml:
    """What a YAML text says, and where it says it."""

    value: Json
    lines: Mapping[str, int]
    """Line, from 1, of each key and list item by its path: `parameters.lr.values[0]`."""


def parse_yaml(text: str, source: str, *, max_values: int = MAX_VALUES) -> ParsedYaml:
    """Return the one document of a YAML (or JSON) text.

    Args:
        text: The text.
        source: What messages call it: a file name, mostly.
        max_values: How many values it may hold, aliases written out.

    Raises:
        SweepFileError: If it is not one YAML document of JSON's types; the message says where, and why.
    """
    loader = None
    try:
        if max(text.count("\n"), text.count(",")) > max_values:
            raise _too_many(source, max_values)
        if _may_be_deep(text):
            _refuse_depth(text, source)
        loader = SweepLoader(text)
        node = loader.get_single_node()
        if node is None:
            return ParsedYaml(None, {})
        return _Reader(source, loader, max_values).read(node)
    except yaml.MarkedYAMLError as error:
        raise _broken(error, text, source) from error
    except yaml.YAMLError as error:
        raise SweepFileError(
            f"{source} is not YAML: {_one_line(str(error))}.", hint="Save it as UTF-8 text."
        ) from error
    finally:
        if loader is not None:
            loader.dispose()


def compose_yaml(text: str) -> yaml.Node | None:
    """Return the nodes of a text that `parse_yaml` has read, with the place of each; None if it says nothing."""
    loader = SweepLoader(text)
    try:
        node: yaml.Node | None = loader.get_single_node()
        return node
    finally:
        loader.dispose()


def _may_be_deep(text: str) -> bool:
    """Return whether a text can nest too deeply; a bound at a glance, since looking closer costs as much as reading.

    A bracket opens one level, wherever it stands. Blocks within blocks begin further to the right: a list can begin
    where the mapping around it does, so that there are two levels to a column at most.
    """
    deepest = max((match.end() - match.start() for match in _BLOCK_START.finditer(text)), default=0)
    return text.count("[") + text.count("{") + 2 * (deepest + 1) > _MAX_DEPTH


def _too_many(source: str, max_values: int) -> SweepFileError:
    return SweepFileError(f"{source} holds more than {max_values:,} values.", hint="Use a range instead of a list.")


def _refuse_depth(text: str, source: str) -> None:
    """Raise before the loader recurses: libyaml's ends the process at some ten thousand levels."""
    depth = 0
    for event in yaml.parse(text, Loader=SweepLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            line = None if event.start_mark is None else event.start_mark.line + 1
            place = source if line is None else f"{source}, line {line}"
            raise SweepFileError(f"{place}: nests deeper than {_MAX_DEPTH} levels.", hint="Flatten it.", line=line)


def dump_yaml(value: Json) -> str:
    """Return YAML that reads back as the same value, with keys in their order."""
    text: str = yaml.dump(
        value, Dumper=SweepDumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=100
    )
    return text


class _Reader:
    """Turns nodes into JSON's types; remembers lines, finds duplicate keys, endless and exploding aliases."""

    def __init__(self, source: str, loader: yaml.SafeLoader, max_values: int) -> None:
        self._source = source
        self._loader = loader
        self._lines: dict[str, int] = {}
        self._max_values = self._values_left = max_values
        self._open: set[int] = set()

    def read(self, node: yaml.Node) -> ParsedYaml:
        return ParsedYaml(self._value(node, ""), self._lines)

    def _value(self, node: yaml.Node, path: str) -> Json:
        self._values_left -= 1
        if self._values_left < 0:
            raise _too_many(self._source, self._max_values)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            raise self._error(node, "refers to itself", "Write the value out instead of the alias.")
        self._open.add(id(node))
        value: Json = self._mapping(node, path) if isinstance(node, yaml.MappingNode) else self._list(node, path)
        self._open.discard(id(node))
        return value

    def _list(self, node: yaml.Node, path: str) -> list[Json]:
        if not isinstance(node, yaml.SequenceNode) or node.tag != "tag:yaml.org,2002:seq":
            raise self._error(node, f"has the unknown tag {node.tag}", "Leave the tag out.")
        items: list[Json] = []
        for index, item in enumerate(node.value):
            item_path = f"{path}[{index}]"
            self._lines[item_path] = item.start_mark.line + 1
            items.append(self._value(item, item_path))
        return items

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Json]:
        if node.tag != "tag:yaml.org,2002:map":
            raise self._error(node, f"has the unknown tag {node.tag}", "Leave the tag out.")
        merged: dict[str, Json] = {}
        mapping: dict[str, Json] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged = {**self._merged(value_node, path), **merged}
                continue
            key = self._key(key_node)
            if key in mapping:
                raise self._error(key_node, f"has the key {key!r} a second time", "Remove or rename one of them.")
            key_path = f"{path}.{key}" if path else key
            self._lines[key_path] = key_node.start_mark.line + 1
            mapping[key] = self._value(value_node, key_path)
        return {**merged, **mapping}

    def _merged(self, node: yaml.Node, path: str) -> dict[str, Json]:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Json] = {}
        for part in reversed(parts):
            value = self._value(part, path)
            if not isinstance(value, dict):
                raise self._error(part, "merges something that has no keys", "Let `<<` refer to a mapping.")
            merged.update(value)
        return merged

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._error(node, "has a list or a mapping as a key", "Use a plain name.")
        return str(node.value)

    def _scalar(self, node: yaml.ScalarNode) -> Json:
        if node.tag == "tag:yaml.org,2002:str":
            return str(node.value)
        try:
            construct = SweepLoader.yaml_constructors.get(node.tag)
            value = self._loader.construct_object(node) if construct is None else construct(self._loader, node)
        except ValueError as error:
            raise self._error(node, f"has the unreadable value {node.value[:40]!r}", "Quote it.") from error
        if value is None or isinstance(value, bool | int | float | str):
            return value
        raise self._error(node, f"has a value of the type {type(value).__name__}", "Quote it.")

    def _error(self, node: yaml.Node, fault: str, hint: str) -> SweepFileError:
        mark = node.start_mark
        place = f"{self._source}, line {mark.line + 1}, column {mark.column + 1}"
        return SweepFileError(f"{place}: {fault}.", hint=hint, line=mark.line + 1)


def _broken(error: yaml.MarkedYAMLError, text: str, source: str) -> SweepFileError:
    """Return PyYAML's complaint as one sentence with its place."""
    mark = error.problem_mark or error.context_mark
    problem = _one_line(error.problem or error.context or "broken")
    lines = text.splitlines()
    line = None if mark is None else mark.line + 1
    place = source if mark is None else f"{source}, line {line}, column {mark.column + 1}"
    line_text = lines[mark.line] if mark is not None and mark.line < len(lines) else ""
    hint = _way_out(_one_line(str(error)), line_text)
    return SweepFileError(f"{place}: not valid YAML: {problem}.", hint=hint, line=line)


def _way_out(problem: str, line_text: str) -> str:
    if "\t" in line_text:
        return "Indent with spaces: YAML allows no tabs."
    if _BARE_MACRO_IN_BRACKETS.search(line_text):
        return 'Quote macros within brackets: ["${env}", "${program}"].'
    if "cannot start any token" in problem:
        return "Quote the value."
    if "undefined alias" in problem:
        return "Quote the value, unless `*` shall refer to an anchor `&`."
    if "single document" in problem:
        return "Keep one document: remove what follows `---`."
    return "Mend the line, or the one above it."


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
