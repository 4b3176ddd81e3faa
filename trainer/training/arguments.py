"""From argv and a sweep's parameter file to named values: every form in which W&B's command macros pass parameters.

Owns syntax only; whether a name or value makes sense is `request`'s.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import InputError

Given = dict[str, object]
"""Top-level names with what was given for them: a text, a JSON value, or a mapping for a nested parameter."""


def read_argv(argv: Sequence[str]) -> Given:
    """Return what `argv` names.

    Understood are `--a-b v`, `--a_b=v`, `--flag` alone (`${args_no_boolean_flags}`), `a=v` (`${args_no_hyphens}`),
    `+a=v` and `++a=v` (the Hydra macros), one JSON object (`${args_json}`) and the path of a JSON file
    (`${args_json_file}`). A name given twice has its last value, as in argparse.

    Raises:
        InputError: If a token is none of these.
    """
    given: Given = {}
    tokens = list(argv)
    while tokens:
        token = tokens.pop(0)
        if token.startswith("{"):
            given.update(_mapping(token, "the JSON argument"))
        elif token.endswith(".json") and "=" not in token and not token.startswith("-"):
            given.update(_json_file(Path(token)))
        else:
            name, equals, text = token.lstrip("+").removeprefix("--").partition("=")
            if not name or name.startswith("-") or not (equals or token.startswith("--")):
                raise InputError(
                    f"Argument {token!r} is not understood.", hint="Give arguments as --name value or --name=value."
                )
            if not equals:
                # A value may start with one hyphen (-1), never with two.
                text = tokens.pop(0) if tokens and not tokens[0].startswith("--") else "true"
            name = name.replace("-", "_")
            given[name] = _mapping(text, f"--{name}") if text.startswith("{") else text
    return given


def read_sweep_parameters(path: Path) -> Given:
    """Return the parameters that an agent wrote for this run to `WANDB_SWEEP_PARAM_PATH`.

    Raises:
        InputError: If the file is there and not of W&B's form, `name: {value: …}`.
    """
    import yaml  # Only runs of a sweep have such a file.

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        # wandb goes on without it, too; an agent of another machine may have set the variable.
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"The sweep's parameter file {path} cannot be read: {reason}.") from error
    if not isinstance(content, dict):
        raise InputError(f"The sweep's parameter file {path} holds no parameters.")
    return {
        str(name): entry["value"]
        for name, entry in content.items()
        if isinstance(entry, dict) and "value" in entry and name != "_wandb"
    }


@dataclass(frozen=True, slots=True)
class Leaf:
    """One single value that was given."""

    path: str
    """As it was given, such as `optimizer.learning_rate`."""
    name: str
    """The last part of the path, in our spelling."""
    value: object


def leaves(given: Mapping[str, object]) -> list[Leaf]:
    """Return each single value of `given`.

    Nested parameters are groups whose names mean nothing, so `{"optimizer": {"learning_rate": 0.1}}` gives
    `learning_rate`; `optimizer.learning_rate` written with dots does, too. The leaf `name` of a group is the
    group's own value: `{"optimizer": {"name": "sgd"}}` gives `optimizer`.
    """
    found: list[Leaf] = []

    def add(path: str, name: str, value: object) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                add(f"{path}.{key}", name if key == "name" else str(key), inner)
        else:
            found.append(Leaf(path, name.replace("-", "_"), value))

    for path, value in given.items():
        add(path, path.rsplit(".", 1)[-1], value)
    return found


def _mapping(text: str, place: str) -> Given:
    """Return the mapping that `text` spells: JSON, or the Python literal that W&B writes for nested parameters."""
    for parse in (ast.literal_eval, json.loads):
        try:
            value = parse(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(value, dict):
            return {str(name).replace("-", "_"): inner for name, inner in value.items()}
    raise InputError(f"The value of {place} is not a mapping: {text}", hint="Write {'name': value, …} or JSON.")


def _json_file(path: Path) -> Given:
    try:
        return _mapping(path.read_text(encoding="utf-8").strip(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"The argument file {path} cannot be read: {reason}.", hint="Check its path.") from error
