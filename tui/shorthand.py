"""One line of text for any parameter of a sweep, and back: `50, 100, 200`, `1e-5..1e-1 log`, `normal(0, 1)`.

Pure. What the text means is decided here; whether W&B allows it, `trainer.sweep.validation` says.

| text | means |
| --- | --- |
| `wine`, `0.5`, `None`, `"a, b"` | always that value |
| `50, 100, 200`, `[3, 5, None]`, `true/false` | one of these |
| `small @ 0.8, large @ 0.2` | one of these, with probabilities |
| `3..10`, `3 to 10` | whole numbers, both ends included |
| `0.1..1` | any number between |
| `0..1 step 0.1` | in steps |
| `1e-5..1e-1 log` | each order of magnitude as likely |
| `normal(0, 1)`, `beta(a=2, b=5)`, … | any distribution of W&B by its name |
| `{min: 1, max: 3}` | the entry itself, as in the file |
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from trainer.errors import InputError
from trainer.records import Json
from trainer.sweep.parameters import DISTRIBUTIONS, Distribution, infer_distribution
from trainer.sweep.yaml_text import parse_yaml

Entry = dict[str, Json]

_NUMBER = r"[-+]?(?:\d[\d_]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(
    rf"""^(?P<log_first>log\s+)?
    (?P<low>{_NUMBER})?\s*(?:\.\.\.?|…|\bto\b)\s*(?P<high>{_NUMBER})?
    (?P<words>(?:\s+(?:log|(?:step|by|q)\s+{_NUMBER}))*)\s*$""",
    re.VERBOSE,
)
_STEP = re.compile(rf"(?:step|by|q)\s+({_NUMBER})")
_CALL = re.compile(r"^(?P<name>[a-z_]+)\s*\((?P<arguments>.*)\)$", re.DOTALL)
_KEYWORD = re.compile(r"^\s*(?P<name>[a-z]+)\s*=\s*(?P<value>.*)$", re.DOTALL)
_QUOTED_OR_NONE = re.compile(r"""("(?:[^"\\]|\\.)*"|'[^']*')|(?<![\w.\-])None(?![\w.\-])""")
_WORDS = {"true": True, "false": False, "none": None, "null": None}
_PLAIN_TEXT = re.compile(r"^[A-Za-z_][\w.\-+/]*(?: [\w.\-+/]+)*$")
_MAX_DIGITS = 400
"""Longest number that is read: no bound of a search space is longer, and reading time grows with its square."""


class ShorthandError(InputError):
    """The text of a parameter cannot be read, mostly because it is being typed."""


def parse_shorthand(text: str) -> Entry:
    """Return the entry of a parameter that `text` describes; empty for an empty text.

    Raises:
        ShorthandError: If the text cannot be read.
    """
    text = text.strip()
    if not text:
        return {}
    if len(max(re.findall(r"\d+", text), key=len, default="")) > _MAX_DIGITS:
        raise ShorthandError("A number is too long.", hint=f"Use at most {_MAX_DIGITS} digits.")
    if match := _RANGE.match(text):
        return _range_entry(match)
    call = _CALL.match(text)
    if call and call["name"] in DISTRIBUTIONS:
        return _call_entry(DISTRIBUTIONS[call["name"]], call["arguments"])
    words = text.lower().split("/")
    if len(words) > 1 and all(word.strip() in _WORDS for word in words):
        return {"values": [_WORDS[word.strip()] for word in words]}
    items = parse_items(text)
    if len(items) == 1 and isinstance(items[0], dict):
        return items[0]
    if len(items) == 1 and isinstance(items[0], list):
        return {"values": items[0]}
    if any(isinstance(item, str) and "@" in item for item in items):
        return _weighted_entry(items)
    if not items:
        raise ShorthandError("There is no value.", hint="Quote texts with special signs.")
    is_list = len(items) > 1 or text.endswith(",")
    return {"values": items} if is_list else {"value": items[0]}


def parse_value(text: str) -> Json:
    """Return one value as YAML reads it, `None` as null; what cannot be read stays text."""
    text = text.strip()
    if not text:
        return None
    try:
        items = parse_items(text)
    except ShorthandError:
        return text
    return items[0] if len(items) == 1 else text


def parse_items(text: str) -> list[Json]:
    """Return values separated by commas, each read as YAML reads it, `None` as null.

    Raises:
        ShorthandError: If a bracket or a quote is not closed, or YAML cannot read it otherwise.
    """
    text = _QUOTED_OR_NONE.sub(lambda match: match[1] or "null", text)
    try:
        value = parse_yaml(f"[{text}\n]", "the text").value
    except InputError as error:
        raise ShorthandError(
            "This cannot be read as values.", hint="Close every bracket and quote; quote texts with special signs."
        ) from error
    assert isinstance(value, list)
    if any(isinstance(item, dict) for item in value) and not text.lstrip().startswith(("{", "[")) and len(value) == 1:
        # YAML reads `a: b` between brackets as a mapping; nobody means one without braces.
        raise ShorthandError("A colon makes this a mapping.", hint="Quote the text.")
    return value


def format_entry(entry: Json) -> str:
    """Return the shortest text that `parse_shorthand` reads back as exactly this entry."""
    if not isinstance(entry, Mapping):
        return value_text(entry)
    if not entry:
        return ""
    for text in _short_forms(entry):
        try:
            parsed = parse_shorthand(text)
        except ShorthandError:
            continue
        if is_same(parsed, dict(entry)):
            return text
    return _quoted(entry)


def value_text(value: Json) -> str:
    """Return one value as it is typed: texts without quotes where they need none, null as `None`."""
    if value is None:
        return "None"
    if isinstance(value, str) and _PLAIN_TEXT.match(value):
        try:
            if parse_items(value) == [value]:
                return value
        except ShorthandError:
            return _quoted(value)
    return _quoted(value)


def _quoted(value: Json) -> str:
    """Return a value as JSON, which YAML reads; signs that YAML takes only escaped are escaped."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in text)


def items_text(values: Json) -> str:
    """Return a list as it is typed, separated by commas; any other value as `value_text`."""
    if not isinstance(values, list):
        return "" if values is None else value_text(values)
    return ", ".join(value_text(value) for value in values)


def is_same(one: Json, other: Json) -> bool:
    """Return whether two values are equal, also in type: 1, 1.0 and true are three values to W&B."""
    return json.dumps(one) == json.dumps(other)


def entry_for(distribution: str, fields: Mapping[str, Json]) -> Entry:
    """Return the entry of a distribution with these keys; names the distribution only where W&B would not infer it."""
    entry = dict(fields)
    bounds = [entry.get(bound) for bound in ("min", "max")]
    # W&B's SDK refuses to infer from an int and a float together.
    is_mixed = distribution == "uniform" and any(isinstance(bound, int) for bound in bounds)
    if infer_distribution(entry) != distribution or is_mixed:
        return {"distribution": distribution, **entry}
    return entry


def converted(entry: Json, distribution: str) -> Entry:
    """Return an entry of another distribution, with as much of the old one as it can carry."""
    old = dict(entry) if isinstance(entry, Mapping) else {}
    values = old.get("values")
    listed = values if isinstance(values, list) else [old["value"]] if "value" in old else []
    numbers = [item for item in listed if isinstance(item, int | float) and not isinstance(item, bool)]
    if numbers and "min" not in old:
        old |= {"min": min(numbers), "max": max(numbers)}
    bounds = [old[bound] for bound in ("min", "max") if bound in old]
    candidates: Entry = {"values": listed or list(dict.fromkeys(map(_as_number, bounds)))}
    candidates["value"] = (listed or bounds or [None])[0]
    fields: Entry = {}
    for field in DISTRIBUTIONS[distribution].fields:
        if field.name in old:
            fields[field.name] = _as_whole(old[field.name]) if field.kind == "integer" else old[field.name]
        elif field.name in candidates and (listed or bounds):
            fields[field.name] = candidates[field.name]
        elif field.name == "probabilities" and listed:
            fields[field.name] = [round(1 / len(listed), 6)] * len(listed)
    return entry_for(distribution, fields)


def _as_number(value: Json) -> Json:
    return value if isinstance(value, int | float | str | None) else json.dumps(value)


def _as_whole(value: Json) -> Json:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _number(text: str) -> int | float:
    text = text.replace("_", "")
    return int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text)


def _range_entry(match: re.Match[str]) -> Entry:
    low, high = match["low"], match["high"]
    entry: Entry = {}
    for name, text in (("min", low), ("max", high)):
        if text is not None:
            entry[name] = _number(text)
    words = match["words"] or ""
    is_log = match["log_first"] is not None or "log" in words
    step = _STEP.search(words)
    if step:
        entry["q"] = _number(step[1])
    if is_log:
        return {"distribution": "q_log_uniform_values" if step else "log_uniform_values", **entry}
    if step:
        return {"distribution": "q_uniform", **entry}
    if any(isinstance(bound, float) for bound in entry.values()):
        return {name: float(bound) for name, bound in entry.items() if isinstance(bound, int | float)}
    return entry


def _call_entry(distribution: Distribution, arguments: str) -> Entry:
    entry: Entry = {"distribution": distribution.name}
    if distribution.name in ("constant", "categorical"):
        items = parse_items(arguments)
        if distribution.name == "categorical":
            return entry | {"values": items}
        return entry | ({"value": items[0]} if len(items) == 1 else {})
    if distribution.name == "categorical_w_probabilities":
        return entry | _weighted_entry(parse_items(arguments))
    positional = list(distribution.fields)
    for argument in arguments.split(",") if arguments.strip() else ():
        keyword = _KEYWORD.match(argument)
        if keyword:
            name, text = keyword["name"], keyword["value"]
        elif positional:
            name, text = positional[0].name, argument
        else:
            raise ShorthandError(f"{distribution.name} takes no {len(distribution.fields) + 1}th number.")
        if not text.strip() or distribution.field(name) is None:
            names = ", ".join(field.name for field in distribution.fields)
            raise ShorthandError(f"{distribution.name} takes {names}.", hint="Separate them by commas.")
        positional = [field for field in positional if field.name != name]
        entry[name] = parse_value(text)
    return entry


def _weighted_entry(items: list[Json]) -> Entry:
    values, probabilities = [], []
    for item in items:
        value, at, share = str(item).rpartition("@") if isinstance(item, str) else ("", "", "")
        if not at:
            raise ShorthandError(f"{value_text(item)} has no probability.", hint="Write each as `value @ 0.5`.")
        values.append(parse_value(value))
        probabilities.append(parse_value(share))
    return {"values": values, "probabilities": probabilities}


def _short_forms(entry: Mapping[str, Json]) -> Iterator[str]:
    """Yield texts that may stand for an entry, the shortest first; the caller checks which does."""
    if "value" in entry:
        yield value_text(entry["value"])
        yield f"constant({value_text(entry['value'])})"
    values, probabilities = entry.get("values"), entry.get("probabilities")
    if isinstance(values, list) and isinstance(probabilities, list) and len(values) == len(probabilities):
        pairs = zip(values, probabilities, strict=True)
        weighted = ", ".join(f"{value_text(value)} @ {value_text(share)}" for value, share in pairs)
        yield weighted
        yield f"categorical_w_probabilities({weighted})"
    elif isinstance(values, list):
        if len(values) == 2 and all(isinstance(value, bool) for value in values):
            yield "/".join(value_text(value) for value in values)
        yield items_text(values)
        yield f"[{items_text(values)}]"
        yield f"categorical({items_text(values)})"
    if "min" in entry and "max" in entry:
        bounds = f"{value_text(entry['min'])}..{value_text(entry['max'])}"
        step = f" step {value_text(entry['q'])}" if "q" in entry else ""
        yield bounds + step
        yield f"{bounds} log{step}"
    distribution = DISTRIBUTIONS.get(str(entry.get("distribution")))
    if distribution is not None:
        fields = [name for name in entry if name != "distribution"]
        ordered = [field.name for field in distribution.fields]
        is_positional = fields == ordered[: len(fields)]
        arguments = (
            value_text(entry[name]) if is_positional else f"{name}={value_text(entry[name])}" for name in fields
        )
        yield f"{distribution.name}({', '.join(arguments)})"
