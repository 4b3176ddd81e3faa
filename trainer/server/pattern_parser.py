"""Regular expressions in RE2's syntax (W&B's, SDK 0.31, Api.runs) as small programs. Runs none of them.

RE2 has no look-around and no back references: what is left can be matched in time proportional to the text.
Source: https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Assertion = Literal["begin", "end", "line begin", "line end", "word edge", "no word edge"]
Test = Callable[[str], bool]
"""Whether a character is one of those meant."""


@dataclass(frozen=True, slots=True)
class Character:
    """Read one character."""

    test: Test


@dataclass(frozen=True, slots=True)
class Split:
    """Go on at each of some instructions, given relative to this one."""

    ways: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Assert:
    """Go on if the place in the text is such."""

    what: Assertion


Instruction = Character | Split | Assert
Program = list[Instruction]
"""Instructions, one after the other; behind the last one the pattern has matched."""

_MAX_PROGRAM = 1000
_MAX_DEPTH = 50
_WORD = re.compile(r"[0-9A-Za-z_]")
_CLASSES = {"d": "0-9", "w": "0-9A-Za-z_", "s": "\t\n\f\r "}
_POSIX = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": "\0-\x7f", "blank": "\t ", "digit": "0-9", "lower": "a-z",
    "punct": "!-/:-@[-`{-~", "space": "\t\n\v\f\r ", "upper": "A-Z", "word": "0-9A-Za-z_", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_ASSERTIONS: dict[str, Assertion] = {"A": "begin", "z": "end", "b": "word edge", "B": "no word edge"}
_GROUP = re.compile(r"\(\?(?:P?<\w+>|(?P<on>[imsxU]*)(?:-(?P<off>[imsxU]+))?(?P<end>[:)]))")
_COUNT = re.compile(r"\{(\d{1,4})(?:(,)(\d{0,4}))?\}")


def is_word(character: str) -> bool:
    """Return whether a character belongs to words: ASCII letters, digits and `_`."""
    return _WORD.match(character) is not None


def parse(pattern: str) -> Program:
    """Return the program of a pattern.

    Raises:
        ValueError: If it is no pattern of RE2's syntax, or too large.
    """
    return _Parser(pattern).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._flags: frozenset[str] = frozenset()
        self._depth = 0

    def parse(self) -> Program:
        program = self._alternatives()
        if self._at < len(self._text):
            raise ValueError("there is a `)` without a `(`")
        return program

    def _peek(self, text: str) -> bool:
        return self._text.startswith(text, self._at)

    def _next(self) -> str:
        if self._at >= len(self._text):
            raise ValueError("it ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def _alternatives(self) -> Program:
        flags = self._flags
        branches = [self._sequence()]
        while self._peek("|"):
            self._at += 1
            branches.append(self._sequence())
        self._flags = flags
        while len(branches) > 1:
            last, other = branches.pop(), branches.pop()
            # split → other, jump behind last; or last
            branches.append([Split((1, len(other) + 2)), *other, Split((len(last) + 1,)), *last])
        return _bounded(branches[0])

    def _sequence(self) -> Program:
        program: Program = []
        while self._at < len(self._text) and not self._peek("|") and not self._peek(")"):
            if "x" in self._flags and (gap := re.compile(r"\s+|#[^\n]*").match(self._text, self._at)):
                self._at = gap.end()
                continue
            program += self._repeated(self._item())
        return _bounded(program)

    def _repeated(self, item: Program) -> Program:
        if self._peek("*") or self._peek("+") or self._peek("?"):
            sign = self._next()
            low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        elif count := _COUNT.match(self._text, self._at):
            self._at = count.end()
            low = int(count[1])
            high = low if not count[2] else int(count[3]) if count[3] else None
        else:
            return item
        if self._peek("?"):
            self._at += 1  # as few as possible: the same, as long as nobody asks where
        if self._peek("*") or self._peek("+") or self._peek("?") or _COUNT.match(self._text, self._at):
            raise ValueError("nothing stands before a repetition")
        if high is not None and high < low or max(low, high or 0) * max(len(item), 1) > _MAX_PROGRAM:
            raise ValueError("it repeats too often")
        return _bounded(_repeat(item, low, high))

    def _item(self) -> Program:
        character = self._next()
        if character == "(":
            return self._group()
        if character == "[":
            return [Character(self._class())]
        if character == ".":
            return [Character((lambda _: True) if "s" in self._flags else (lambda found: found != "\n"))]
        if character == "^":
            return [Assert("line begin" if "m" in self._flags else "begin")]
        if character == "$":
            return [Assert("line end" if "m" in self._flags else "end")]
        if character in "*+?" or (character == "{" and _COUNT.match(self._text, self._at - 1)):
            raise ValueError("nothing stands before a repetition")
        if character == "\\":
            return self._escape()
        return [self._literal(character)]

    def _group(self) -> Program:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ValueError("its groups are nested too deeply")
        flags = self._flags
        if self._peek("?"):
            match = _GROUP.match(self._text, self._at - 1)
            if match is None:
                raise ValueError("it looks around, which RE2 patterns cannot; `$not` turns a whole condition round")
            self._at = match.end()
            if match["end"]:
                self._flags = (self._flags | set(match["on"])) - set(match["off"] or "")
            if match["end"] == ")":  # from here to the end of the group around
                self._depth -= 1
                return []
        inner = self._alternatives()
        if not self._peek(")"):
            raise ValueError("a `(` is not closed")
        self._at += 1
        self._depth -= 1
        self._flags = flags
        return inner

    def _literal(self, character: str) -> Character:
        return Character(self._folded(lambda found: found == character))

    def _folded(self, test: Test) -> Test:
        if "i" not in self._flags:
            return test
        return lambda found: test(found) or test(found.lower()) or test(found.upper())

    def _escape(self) -> Program:
        character = self._next()
        if character in _ASSERTIONS:
            return [Assert(_ASSERTIONS[character])]
        if character.lower() in _CLASSES:
            return [Character(_shorthand(character))]
        if character == "Q":
            end = self._text.find("\\E", self._at)
            quoted = self._text[self._at :] if end < 0 else self._text[self._at : end]
            self._at = len(self._text) if end < 0 else end + 2
            return [self._literal(each) for each in quoted]
        return [self._literal(self._escaped(character))]

    def _escaped(self, character: str) -> str:
        """Return the character that an escape stands for."""
        if character in _ESCAPES:
            return _ESCAPES[character]
        if character == "x" and (
            code := re.compile(r"([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\}").match(self._text, self._at)
        ):
            self._at = code.end()
            number = int(code[1] or code[2], 16)
            if number < 0x110000:
                return chr(number)
        if character.isalnum():
            raise ValueError(f"`\\{character}` means nothing in RE2 patterns")
        return character

    def _class(self) -> Test:
        is_negated = self._peek("^")
        self._at += is_negated
        tests: list[Test] = []
        is_first = True
        while is_first or not self._peek("]"):
            is_first = False
            if named := re.compile(r"\[:(\^?)(\w+):\]").match(self._text, self._at):
                if named[2] not in _POSIX:
                    raise ValueError(f"there is no class [:{named[2]}:]")
                self._at = named.end()
                tests.append(_among(_POSIX[named[2]], is_negated=bool(named[1])))
                continue
            low = self._next()
            if low == "\\":
                low = self._next()
                if low.lower() in _CLASSES:
                    tests.append(_shorthand(low))
                    continue
                low = self._escaped(low)
            high = low
            if self._peek("-") and not self._peek("-]"):
                self._at += 1
                high = self._next()
                high = self._escaped(self._next()) if high == "\\" else high
            if high < low:
                raise ValueError(f"the range {low}-{high} is empty")
            tests.append(_range(low, high))
        self._at += 1
        listed = self._folded(lambda found: any(test(found) for test in tests))
        return lambda found: listed(found) != is_negated


def _range(low: str, high: str) -> Test:
    return lambda found: low <= found <= high


def _shorthand(letter: str) -> Test:
    return _among(_CLASSES[letter.lower()], is_negated=letter.isupper())


def _among(ranges: str, *, is_negated: bool) -> Test:
    """Return the test for characters of a class written as `a-z0-9_`."""
    pairs = re.findall(r"(.)-(.)|(.)", ranges, re.DOTALL)
    bounds = [(low or one, high or one) for low, high, one in pairs]
    return lambda found: any(low <= found <= high for low, high in bounds) != is_negated


def _repeat(item: Program, low: int, high: int | None) -> Program:
    program = item * low
    if high is None:
        # split → item, back; or behind
        return [*program, Split((1, len(item) + 2)), *item, Split((-len(item) - 1,))]
    optional: Program = []
    for _ in range(high - low):
        optional = [Split((1, len(item) + len(optional) + 1)), *item, *optional]
    return [*program, *optional]


def _bounded(program: Program) -> Program:
    if len(program) > _MAX_PROGRAM:
        raise ValueError("it is too large")
    return program
