"""Regular expressions of filters, matched in time proportional to the text, whatever the pattern.

Python's own matcher can take for ever on some patterns, holds every other thread up meanwhile, and cannot be told to
stop. This one follows all ways through a pattern at once and remembers what it found out (a lazily built automaton).
"""

from __future__ import annotations

from functools import lru_cache

from trainer.records import Json
from trainer.server.pattern_parser import Assert, Assertion, Program, Split, is_word, parse

_FLAGS = frozenset("imsx")
_MAX_LENGTH = 500
_MAX_TEXT = 100_000
"""Characters of a text that are looked at."""
_MAX_STATES = 2000


def checked_pattern(pattern: Json, flags: Json) -> str:
    """Return a pattern with its `$options` in it.

    Raises:
        ValueError: If it is no regular expression of RE2's syntax, or too large.
    """
    if not isinstance(pattern, str) or not isinstance(flags, str):
        raise ValueError("$regex and $options need a text.")
    if unknown := set(flags) - _FLAGS:
        raise ValueError(f"$options takes i, m, s and x, not {sorted(unknown)[0]!r}.")
    if len(pattern) > _MAX_LENGTH:
        raise ValueError(f"The pattern {pattern[:50]!r} is longer than {_MAX_LENGTH} characters.")
    whole = f"(?{''.join(sorted(set(flags)))}){pattern}" if flags else pattern
    try:
        _matcher(whole)
    except ValueError as error:
        raise ValueError(f"The pattern {pattern[:50]!r} is not a regular expression: {error}.") from error
    return whole


def matches(pattern: str, text: object) -> bool:
    """Answer SQL's `text REGEXP pattern`: whether a checked pattern is found anywhere in a text."""
    return isinstance(text, str) and _matcher(pattern).is_found_in(text[:_MAX_TEXT])


class _State:
    """Where all ways through the pattern stand between two characters."""

    __slots__ = ("before", "moves", "places")

    def __init__(self, places: frozenset[int], before: str) -> None:
        self.places = places
        self.before = before
        self.moves: dict[str, _State | bool] = {}
        """By the next character (empty at the end of the text): the next state, or the answer."""


class _Matcher:
    """One pattern. Threads may share it: states are complete before others see them."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._states: dict[tuple[frozenset[int], str], _State] = {}
        self._start = _State(frozenset({0}), "")

    def is_found_in(self, text: str) -> bool:
        """Return whether the pattern matches anywhere in a text."""
        state = self._start
        for character in text:
            move = state.moves.get(character)
            if move is None:
                move = self._move(state, character)
            if isinstance(move, bool):
                return move
            state = move
        move = state.moves.get("")
        return (self._move(state, "") if move is None else move) is True

    def _move(self, state: _State, character: str) -> _State | bool:
        if len(state.moves) > _MAX_STATES:
            state.moves.clear()
        state.moves[character] = move = self._explored(state, character)
        return move

    def _explored(self, state: _State, character: str) -> _State | bool:
        """Follow every way up to the next character, and over it."""
        seen: set[int] = set()
        waiting = list(state.places)
        reached = {0}  # a match may begin at every character
        while waiting:
            place = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            if place == len(self._program):
                return True
            instruction = self._program[place]
            if isinstance(instruction, Split):
                waiting += [place + way for way in instruction.ways]
            elif isinstance(instruction, Assert):
                if _holds(instruction.what, state.before, character):
                    waiting.append(place + 1)
            elif character and instruction.test(character):
                reached.add(place + 1)
        if not character:
            return False
        return self._state(frozenset(reached), _kind(character))

    def _state(self, places: frozenset[int], before: str) -> _State:
        if len(self._states) > _MAX_STATES:
            # Some patterns have endlessly many; those under way go on with what they hold.
            self._states = {}
            self._start = _State(frozenset({0}), "")
        return self._states.setdefault((places, before), _State(places, before))


def _kind(character: str) -> str:
    """Return what assertions need to know of the character before: a stand-in for all of its kind."""
    return character if character == "\n" else "w" if is_word(character) else "-"


def _holds(what: Assertion, before: str, after: str) -> bool:
    """Return whether a place between two characters (empty at the ends of the text) is such."""
    if what == "begin":
        return not before
    if what == "end":
        return not after
    if what == "line begin":
        return before in ("", "\n")
    if what == "line end":
        return after in ("", "\n")
    is_edge = is_word(before) != is_word(after)
    return is_edge == (what == "word edge")


@lru_cache(maxsize=64)
def _matcher(pattern: str) -> _Matcher:
    return _Matcher(parse(pattern))
