"""What checking a sweep finds: places, sentences and ways out. The checks themselves are in the modules that use it."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from trainer.records import Json


@dataclass(frozen=True, slots=True)
class Violation:
    """One problem of a sweep configuration."""

    path: str
    """Where: `parameters.lr.min`, `command[2]`; empty for the whole."""
    message: str
    """What is wrong, with the value, in one sentence."""
    hint: str
    """The way out; empty if there is nothing to say."""
    line: int | None
    """Line of the file, from 1; None when it is unknown."""
    code: str = ""
    """What kind of problem it is, the same in every version: `min-above-max`; empty for what has no kind."""
    near: str = ""
    """The path whose line it is found at where its own has none: something is missing that this one needs."""

    def as_json(self) -> dict[str, Json]:
        """Return the object that `check --json` prints."""
        return {
            "path": self.path,
            "message": self.message,
            "hint": self.hint,
            "line": self.line,
            "code": self.code,
        }


MAX_FOUND = 200
"""Problems that anybody reads; a file of a hundred thousand unknown keys is looked at no further."""


class EnoughFoundError(Exception):
    """There are `MAX_FOUND` problems: looking on is of no use."""


class Findings:
    """Collects problems and finds the line of each."""

    def __init__(self, positions: Mapping[str, int] | None = None) -> None:
        self._positions = positions or {}
        self.found: list[Violation] = []

    def add(self, path: str, message: str, hint: str = "", *, near: str = "", code: str = "") -> None:
        """Add a problem at `path`; its line is that of the nearest enclosing key that has one, else that of `near`.

        Raises:
            EnoughFoundError: If that were too many.
        """
        if len(self.found) >= MAX_FOUND:
            raise EnoughFoundError
        self.found.append(Violation(path, message, hint, self._line(path) or self._line(near), code, near))

    def _line(self, path: str) -> int | None:
        while path:
            if path in self._positions:
                return self._positions[path]
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return None

    def in_file_order(self) -> list[Violation]:
        """Return the problems in the order of their lines; those without one come first, as they were found."""
        return sorted(self.found, key=lambda violation: violation.line or 0)


def join(path: str, name: str) -> str:
    """Return the path of `name` within `path`."""
    return f"{path}.{name}" if path else name


def nearest(name: object, valid: Iterable[str]) -> str | None:
    """Return the valid name that looks most like `name`, or None when none does."""
    by_lower = {candidate.lower().replace("-", "_"): candidate for candidate in valid}
    close = difflib.get_close_matches(str(name).lower().replace("-", "_"), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None


def did_you_mean(name: object, valid: Iterable[str]) -> str:
    """Return the hint for an unknown name: the nearest valid one, or all of them."""
    names = list(valid)
    close = nearest(name, names)
    return f"Did you mean `{close}`?" if close else f"Valid here: {', '.join(names)}."


def is_number(value: object) -> TypeGuard[int | float]:
    """Return whether a value is a finite number that a float can hold; a bool is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def is_whole(value: object) -> TypeGuard[int | float]:
    """Return whether a value is a whole number in JSON schema's eyes: 3 and 3.0."""
    return is_number(value) and float(value).is_integer() if not isinstance(value, int) else is_number(value)


def show(value: object) -> str:
    """Return a value for a message, shortened."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def number_hint(value: object, whole: bool = False) -> str:
    """Return the way out for a value that should be a number."""
    kind = "whole number" if whole else "number"
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return f"Give a {kind}."
        return f"Remove the quotes: {value.strip()}."
    return f"Give a {kind}."
