"""A configuration as overrides of a Hydra program: `optimizer.lr=0.001 model=forest layers=[3,5]`.

Owns what Hydra's override grammar needs quoted or escaped (Hydra 1.3: grammar/OverrideLexer.g4 and OverrideParser.g4,
core/override_parser/overrides_visitor.py on how a quoted string is read back). Quoting for the shell comes on top.
"""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Mapping

from trainer.errors import InputError
from trainer.records import Json

_BARE_TEXT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*([/.\-][A-Za-z0-9_]+)*", re.ASCII)
"""What every version of Hydra reads as the text it is, without quotes."""
_OTHER_THAN_TEXT = frozenset({"null", "true", "false", "inf", "nan"})
"""Bare words that Hydra, in any case, reads as something else."""
_KEY_PART = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*|0|[1-9][0-9]*", re.ASCII)
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_LEADING_ZEROS = re.compile(r"e([+-]?)0+(?=\d)")


def hydra_overrides(config: Mapping[str, Json]) -> list[str]:
    """Return one override per value, groups by their dotted path; an empty group is the value `{}`.

    Raises:
        InputError: If a name cannot be written in Hydra's grammar.
    """
    return [f"{path}={hydra_value(value)}" for path, value in _leaves(config, "")]


def hydra_words(config: Mapping[str, Json]) -> str:
    """Return the overrides as one line for a shell.

    Raises:
        InputError: If a name cannot be written in Hydra's grammar.
    """
    return " ".join(map(shlex.quote, hydra_overrides(config)))


def hydra_value(value: Json) -> str:
    """Return a value as Hydra's grammar reads it back.

    Raises:
        InputError: If a name in it cannot be written.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list):
        return f"[{','.join(map(hydra_value, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{_dict_key(key)}:{hydra_value(entry)}" for key, entry in value.items()) + "}"
    return _text(value)


def _leaves(config: Mapping[str, Json], prefix: str) -> list[tuple[str, Json]]:
    leaves: list[tuple[str, Json]] = []
    for key, value in config.items():
        if not all(_KEY_PART.fullmatch(part) for part in key.split(".")):
            raise _unwritable(prefix + key)
        # A group with a name that no path can hold is written as one value, where more names are allowed.
        if isinstance(value, dict) and value and all(map(_is_path, value)):
            leaves += _leaves(value, f"{prefix}{key}.")
        else:
            leaves.append((prefix + key, value))
    return leaves


def _is_path(key: str) -> bool:
    return all(_KEY_PART.fullmatch(part) for part in key.split("."))


def _dict_key(key: str) -> str:
    if _PLAIN_KEY.fullmatch(key):
        return key
    # Quotes are no part of a name here; spaces, commas and brackets are escaped one by one.
    if not key or key != key.strip() or re.search(r"['\"`\n\r\x00-\x08]|\$\{", key):
        raise _unwritable(key)
    return re.sub(r"([\\(){}\[\]:=, \t])", r"\\\1", key)


def _number(value: float) -> str:
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    # Before 1.1 an exponent such as e-05 made it a text.
    return _LEADING_ZEROS.sub(r"e\1", repr(value))


def _text(text: str) -> str:
    if _BARE_TEXT.fullmatch(text) and text.lower() not in _OTHER_THAN_TEXT:
        return text
    # OmegaConf would look `${…}` up; a backslash has it taken as it is, and those before it count double.
    literal = re.sub(r"(\\*)\$\{", lambda found: found[1] * 2 + "\\${", text)
    # Backslashes are escapes where a quote follows, which the closing one does, too; elsewhere they are themselves.
    literal = re.sub(r'(\\*)"', lambda found: found[1] * 2 + '\\"', literal)
    # Double quotes, since a shell's are single ones.
    return '"' + re.sub(r"\\+\Z", lambda found: found[0] * 2, literal) + '"'


def _unwritable(name: str) -> InputError:
    return InputError(
        f"Hydra has no way to write the name {json.dumps(name, ensure_ascii=False)}.",
        hint="Take the configuration along as YAML or JSON.",
    )
