"""Values as they are typed in one line, and back: `relu`, `0.1`, `None`, `[1, 2]`, lists of them. Pure.

A value is read as YAML reads it in a sweep file; `None` is null, as Python people write it, and `2^4` is 16.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable

from trainer.errors import InputError
from trainer.records import Json
from trainer.sweep.yaml_text import parse_yaml

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)")
_POWER = re.compile(r"(?P<base>[0-9]{1,9}(?:\.[0-9]{1,9})?)\s?(?:\^|\*\*)\s?(?P<exponent>[-+]?[0-9]{1,3})")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-+/]*(?: [A-Za-z0-9_.\-+/]+)*")
_NOT_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "none"}
"""What YAML 1.1 reads as something other than text."""
_NOTHING_BETWEEN = re.compile(r"^\s*,|,\s*,")
_QUOTED_OR_NONE = re.compile(r"""("(?:[^"\\]|\\.)*"|'[^']*')|(?<![\w.\-])None(?![\w.\-])""")
_QUOTED = re.compile(r"""("(?:[^"\\]|\\.)*"|'[^']*')""")
_PLAIN_TEXT = re.compile(r"[^\W\d][\w.\-+/]*(?: [\w.\-+/]+)*")
_DASH_OF_NUMBER = re.compile(r"(?<![^\W\d_])[−–—](?=\s*[\d.])")
_ZERO_IN_EXPONENT = re.compile(r"(e[-+])0+")
_SIGNS = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "，": ", ", "、": ", ", "；": ";", "｜": "|", "×": "x", "\u00a0": " "}
)


class ShorthandError(InputError):
    """The text of a parameter cannot be read, mostly because it is being typed."""


def tidied(text: str) -> str:
    """Return a text with the signs of word processors and of East Asian keyboards as one types them here.

    What stands in quotes stays as it is.
    """
    if text.isascii():
        return text.strip()
    return outside_quotes(text, lambda part: _DASH_OF_NUMBER.sub("-", part).translate(_SIGNS)).strip()


def outside_quotes(text: str, change: Callable[[str], str]) -> str:
    """Return a text with everything changed that stands outside of quotes."""
    parts = _QUOTED.split(text)
    return "".join(part if index % 2 else change(part) for index, part in enumerate(parts))


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
    plain = _plain_items(text)
    return _yaml_items(text) if plain is None else plain


def power_of(text: str) -> int | float | None:
    """Return what `2^4`, `10**-5` or `10^-5` stands for; None if the text is no power."""
    match = _POWER.fullmatch(text)
    if match is None:
        return None
    base, exponent = match["base"], int(match["exponent"])
    if base == "10":
        # Written out, since 10.0 ** -5 is 1.0000000000000001e-05.
        return 10**exponent if exponent >= 0 else float(f"1e{exponent}")
    try:
        return int(base) ** exponent if exponent >= 0 and base.isdigit() else float(base) ** exponent
    except ArithmeticError:
        return None


def _plain_items(text: str) -> list[Json] | None:
    """Return numbers and words separated by commas; None if anything needs YAML, which is far slower."""
    items: list[Json] = []
    tokens = text.split(",")
    if not tokens[-1].strip() and len(tokens) > 1:
        tokens.pop()
    for token in map(str.strip, tokens):
        if _INT.fullmatch(token):
            items.append(int(token))
        elif _FLOAT.fullmatch(token):
            items.append(float(token))
        elif token == "None":
            items.append(None)
        elif _WORD.fullmatch(token) and token.lower() not in _NOT_WORDS and "None" not in token:
            items.append(token)
        else:
            power = power_of(token)
            if power is None:
                return None
            items.append(power)
    return items


def _yaml_items(text: str) -> list[Json]:
    text = _QUOTED_OR_NONE.sub(lambda match: match[1] or "null", text)
    try:
        value = parse_yaml(f"[{text}\n]", "the text").value
    except InputError as error:
        if _NOTHING_BETWEEN.search(text):
            raise ShorthandError("There is no value between two commas.", hint="Try `1, 2, 3`.") from error
        raise ShorthandError(
            "This cannot be read as values.",
            hint='Close every bracket and quote, and quote texts with special signs: `"a: b", [1, 2]`.',
        ) from error
    assert isinstance(value, list)
    if any(isinstance(item, dict) for item in value) and not text.lstrip().startswith(("{", "[")) and len(value) == 1:
        # YAML reads `a: b` between brackets as a mapping; nobody means one without braces.
        raise ShorthandError("A colon makes this a mapping.", hint='Quote the text: `"a: b"`.')
    return value


def value_text(value: Json) -> str:
    """Return one value as it is typed: texts without quotes where they need none, null as `None`."""
    if value is None:
        return "None"
    if isinstance(value, float):
        # 1e-05 is how Python writes it, 1e-5 how people do.
        return _ZERO_IN_EXPONENT.sub(r"\1", repr(value)) if math.isfinite(value) else quoted(value)
    if isinstance(value, str) and _PLAIN_TEXT.fullmatch(value):
        try:
            if parse_items(value) == [value]:
                return value
        except ShorthandError:
            return quoted(value)
    return quoted(value)


def quoted(value: Json) -> str:
    """Return a value as JSON, which YAML reads; infinite numbers and odd signs as YAML takes them."""
    if isinstance(value, list):
        return f"[{', '.join(map(quoted, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{quoted(str(key))}: {quoted(item)}' for key, item in value.items())}}}"
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
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
