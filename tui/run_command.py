"""The command of a run for people: quoted for a shell, each word told apart. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from trainer.records import Json

_MAX_WORD = 400
_MAX_WORDS = 300


@dataclass(frozen=True, slots=True)
class CommandWord:
    """One argument."""

    text: str
    """Quoted for a shell, and cut where it is too long to read."""
    kind: Literal["plain", "argument", "odd"]
    """`argument` carries hyperparameters; `odd` one that is another value to the program than it was to the sweep."""


def command_words(argv: Sequence[str], args: Mapping[str, Json]) -> list[CommandWord]:
    """Return the words of a command.

    Args:
        argv: The command.
        args: The hyperparameters that it was made from.
    """
    words: list[CommandWord] = []
    for index, word in enumerate(argv[:_MAX_WORDS]):
        before = argv[index - 1] if index else ""
        words.append(CommandWord(_cut(shlex.quote(word)), _kind(word, before, args)))
    if len(argv) > _MAX_WORDS:
        words.append(CommandWord(f"… {len(argv) - _MAX_WORDS} more", "plain"))
    return words


def _kind(word: str, before: str, args: Mapping[str, Json]) -> Literal["plain", "argument", "odd"]:
    name, equals, text = word.lstrip("-+").partition("=")
    if equals and name in args:
        return "odd" if _changes(args[name], text) else "argument"
    name = before.removeprefix("--")
    if before.startswith("--") and name in args and not word.startswith("--"):
        return "odd" if _changes(args[name], word) else "argument"
    # JSON carries every value as what it is; a flag alone is its value.
    return "argument" if word.startswith("{") or word.removeprefix("--") in args else "plain"


def _changes(value: Json, text: str) -> bool:
    """Return whether a value reaches the program as a text that is another value to it."""
    return (value is None or isinstance(value, bool | list | dict)) and text == str(value)


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_WORD else f"{text[:_MAX_WORD]}…"
