"""One line of text for any parameter of a sweep, and back: `50, 100, 200`, `1e-5..1e-1 log`, `normal(0, 1)`.

Pure. What the text means is decided here; whether W&B allows it, `trainer.sweep.validation` says.

| text | means |
| --- | --- |
| `wine`, `0.5`, `None`, `"a, b"`, `2^8` | always that value |
| `50, 100, 200`, `50 100 200`, `[3, 5, None]`, `relu|tanh`, `true/false`, `yes/no` | one of these |
| `small @ 0.8, large @ 0.2` | one of these, with probabilities |
| `16, 32, … 256`, `16..256 x2`, `1, 2, 5..8` | one of these, written short |
| `range(1, 10, 2)`, `linspace(0, 1, 5)`, `logspace(-5, -1, 5)` | one of these, as Python and numpy list them |
| `3..10`, `3 to 10`, `3-10`, `2^4..2^8` | whole numbers, both ends included |
| `0.1..1`, `1..10 float`, `10%..50%` | any number between |
| `0..1 step 0.1`, `0..1 by 0.1` | in steps |
| `1e-5..1e-1 log`, `log 1e-5..1e-1`, `loguniform(1e-5, 1e-1)` | each order of magnitude as likely |
| `normal(0, 1)`, `beta(a=2, b=5)`, … | any distribution of W&B by its name |
| `{min: 1, max: 3}` | the entry itself, as in the file |
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from trainer.records import Json
from trainer.sweep.parameters import DISTRIBUTIONS
from tui.conversion import Entry
from tui.series import NUMBER, arithmetic, continued, geometric, number_of
from tui.shorthand_calls import call_entry, weighted_entry
from tui.shorthand_values import ShorthandError as ShorthandError
from tui.shorthand_values import is_same as is_same
from tui.shorthand_values import items_text as items_text
from tui.shorthand_values import parse_items as parse_items
from tui.shorthand_values import parse_value as parse_value
from tui.shorthand_values import quoted, tidied
from tui.shorthand_values import value_text as value_text

_DOTS = r"\.\.\.?|…"
_WORDS = rf"""(?P<words>(?:\s*(?:,\s*)?(?:\(?log(?:arithmic|[\s-]?scale)?\)?|ints?|integers?|floats?
    |(?:in\s+)?(?:steps?(?:\s+of)?|by|q)\s*=?\s*{NUMBER}|[x*]\s?{NUMBER}))*)"""
_RANGE = re.compile(
    rf"^(?P<log>log\s+)?(?P<low>{NUMBER})?\s*(?:{_DOTS}|\bto\b)\s*(?P<high>{NUMBER})?{_WORDS}\s*$", re.VERBOSE
)
_CLOSED_RANGE = re.compile(
    rf"""^(?P<log>log\s+)?(?:(?:from|between)\s+)?(?P<low>{NUMBER})\s*(?:{_DOTS}|-|\bto\b|\band\b)\s*(?P<high>{NUMBER})
    {_WORDS}\s*$""",
    re.VERBOSE,
)
_UNMISTAKABLE = re.compile(rf"{_DOTS}|\bto\b|\band\b")
_STEP = re.compile(rf"(?:steps?(?:\s+of)?|by|q)\s*=?\s*({NUMBER})")
_FACTOR = re.compile(rf"[x*]\s?({NUMBER})")
_BRACKETED_RANGE = re.compile(r"^[\[(]([^,\[\]()]*\.\.[^,\[\]()]*)[\])]$")
_SPACED = re.compile(rf"^{NUMBER}(?:\s+{NUMBER})+$")
_SEMICOLONS = re.compile(rf"^{NUMBER}(?:\s*;\s*{NUMBER})+\s*;?$")
_ELLIPSIS = re.compile(
    rf"^(?P<shown>{NUMBER}(?:(?:\s*,\s*|\s+){NUMBER})+)\s*[,\s]\s*(?:{_DOTS})\s*,?\s*(?P<last>{NUMBER})$"
)
_NUMBERS = re.compile(NUMBER)
_ITEM_RANGE = re.compile(rf"^\s*({NUMBER})\s*(?:{_DOTS})\s*({NUMBER})\s*$")
_COLONS = re.compile(rf"^{NUMBER}(?:\s*:\s*{NUMBER})+$")
_GROUPED = re.compile(r"^[-+]?\d{1,3}(?:,\d{3})*,0\d\d(?:,\d{3})*$")
_TUPLE = re.compile(r"^\(([^()]*,[^()]*)\)$")
_SET = re.compile(r"^\{([^{}:]*)\}$")
_CHOICE_WORDS: dict[str, Json] = {
    "true": True, "false": False, "yes": True, "no": False, "on": True, "off": False, "none": None, "null": None,
}  # fmt: skip
_MAX_DIGITS = 400
"""Longest number that is read: no bound of a search space is longer, and reading time grows with its square."""


def parse_shorthand(text: str) -> Entry:
    """Return the entry of a parameter that `text` describes; empty for an empty text.

    Raises:
        ShorthandError: If the text cannot be read; the hint gives an example.
    """
    text = tidied(text)
    if not text:
        return {}
    if len(text) > _MAX_DIGITS and len(max(re.findall(r"\d+", text), key=len, default="")) > _MAX_DIGITS:
        raise ShorthandError("A number is too long.", hint=f"Use at most {_MAX_DIGITS} digits.")
    entry = _numbers_entry(text)
    if entry is None and text[-1] == ")":
        entry = call_entry(text)
    return entry if entry is not None else _values_entry(text)


def _numbers_entry(text: str) -> Entry | None:
    """Return the entry of a range or a series of numbers; None if the text is neither."""
    if bracketed := _BRACKETED_RANGE.match(text):
        text = bracketed[1].strip()
    if match := _RANGE.match(text) or _CLOSED_RANGE.match(text):
        if entry := _range_entry(match, text):
            return entry
    if _SPACED.match(text) or _SEMICOLONS.match(text):
        return {"values": [number_of(number) for number in _NUMBERS.findall(text)]}
    if match := _ELLIPSIS.match(text):
        shown = [number_of(number) for number in _NUMBERS.findall(match["shown"])]
        return {"values": continued(shown, number_of(match["last"]))}
    if _COLONS.match(text):
        dots = "..".join(re.split(r"\s*:\s*", text)[:2])
        raise ShorthandError(f"Is {text} a range?", hint=f'Write `{dots}`; for a text, `"{text}"`.')
    if _GROUPED.match(text):
        raise ShorthandError(
            f"Is {text} one number?", hint=f"Write `{text.replace(',', '')}`; for several, put spaces after the commas."
        )
    return None


def _range_entry(match: re.Match[str], text: str) -> Entry | None:
    words = match["words"] or ""
    bounds = _bounds(match, text)
    if bounds is None:
        return None
    if factor := _FACTOR.search(words):
        if len(bounds) < 2:
            raise ShorthandError("A series needs both ends.", hint="Try `16..256 x2`.")
        return {"values": geometric(bounds["min"], bounds["max"], number_of(factor[1]))}
    is_log = match["log"] is not None or "log" in words
    entry: Entry = {**bounds}
    if step := _STEP.search(words):
        entry["q"] = number_of(step[1])
    elif is_log and "int" in words:
        entry["q"] = 1
    if is_log:
        return {"distribution": "q_log_uniform_values" if "q" in entry else "log_uniform_values", **entry}
    if step:
        return {"distribution": "q_uniform", **entry}
    if "float" in words or any(isinstance(bound, float) for bound in bounds.values()):
        return {name: _as_float(bound) for name, bound in bounds.items()}
    return entry


def _bounds(match: re.Match[str], text: str) -> dict[str, int | float] | None:
    """Return the ends of a range as far as they are there; None if the text is no range after all."""
    low, high = match["low"], match["high"]
    if low is None and high is None and (match["log"] or match["words"]):
        return None
    if low is not None and high is not None:
        if high.endswith("%") and low[-1].isdigit():
            low += "%"
        if not _UNMISTAKABLE.search(text) and not _is_dash_range(low, high):
            return None
    return {name: number_of(end) for name, end in (("min", low), ("max", high)) if end is not None}


def _as_float(number: int | float) -> float:
    try:
        return float(number)
    except OverflowError as error:
        raise ShorthandError("A number is too large.", hint="Try `1..1e6`.") from error


def _is_dash_range(low: str, high: str) -> bool:
    """Return whether `low-high` is a range: 3-10 is; 2020-01, 10-3 and 5-5 are not, and stay texts."""
    if any(re.match(r"[-+]?0\d", end) for end in (low, high)) or high[0] in "-+":
        return False
    return number_of(low) < number_of(high)


def _values_entry(text: str) -> Entry:
    """Return the entry of a value, a list of values, or an entry as in the file."""
    if alternatives := _alternatives(text):
        return {"values": alternatives}
    if match := _TUPLE.match(text) or _SET.match(text):
        return {"values": parse_items(match[1])}
    if text.startswith(("(", "<", ">", "≤", "≥")):
        raise ShorthandError(
            "This cannot be read as values.", hint='Try `1..10` or `[1, 2], [3, 4]`; for a text, `"(a)"`.'
        )
    if ".." in text and "," in text:
        text = _with_ranges_listed(text)
    items = parse_items(text)
    if len(items) == 1 and isinstance(items[0], dict):
        return items[0]
    if len(items) == 1 and isinstance(items[0], list):
        return {"values": items[0]}
    if any(isinstance(item, str) and "@" in item for item in items):
        return weighted_entry(items)
    if not items:
        raise ShorthandError("There is no value.", hint='Try `1, 2, 3`, and quote texts with special signs: `","`.')
    is_list = len(items) > 1 or text.endswith(",")
    return {"values": items} if is_list else {"value": items[0]}


def _alternatives(text: str) -> list[Json]:
    """Return the values of `relu|tanh` and `true/false`; empty if the text is no such list."""
    words = [word.strip() for word in text.lower().split("/")]
    if len(words) > 1 and all(word in _CHOICE_WORDS for word in words):
        return [_CHOICE_WORDS[word] for word in words]
    parts = _split_outside(text, "|") if "|" in text else []
    if len(parts) < 2:
        return []
    if not all(part.strip() for part in parts):
        raise ShorthandError("There is no value beside a `|`.", hint="Try `relu|tanh`.")
    return [parse_value(part) for part in parts]


def _with_ranges_listed(text: str) -> str:
    """Return a list with its ranges of whole numbers written out: `1, 2, 5..8`."""
    parts = _split_outside(text, ",")
    for index, part in enumerate(parts):
        if match := _ITEM_RANGE.match(part):
            low, high = number_of(match[1]), number_of(match[2])
            if not isinstance(low, int) or not isinstance(high, int) or low > high:
                raise ShorthandError(
                    "A range of all numbers between has no place in a list.", hint="Try `0.1..1` or `0.1, 0.5, 1`."
                )
            parts[index] = items_text(arithmetic(low, high, 1, with_stop=True))
    return ",".join(parts)


def _split_outside(text: str, separator: str) -> list[str]:
    """Return the parts of a text between separators that stand neither in quotes nor in brackets."""
    parts, depth, quote, start = [], 0, "", 0
    for index, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote and text[index - 1] != "\\" else quote
        elif sign in "\"'" and (index == 0 or not text[index - 1].isalnum()):
            quote = sign
        elif sign in "[{(":
            depth += 1
        elif sign in "]})":
            depth -= 1
        elif sign == separator and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]


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
    return quoted(entry)


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
