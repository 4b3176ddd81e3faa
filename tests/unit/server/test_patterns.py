"""Regular expressions of filters: what they find, and that none takes long."""

from __future__ import annotations

import random
import re
import time

import pytest

from trainer.server.patterns import checked_pattern, matches


def found(pattern: str, text: str, flags: str = "") -> bool:
    return matches(checked_pattern(pattern, flags), text)


@pytest.mark.parametrize(
    ("pattern", "flags", "fits", "does_not"),
    [
        ("^foo.*", "", "foobar", "a foo"),
        ("b.*", "", "abc", "ac"),
        ("^run-[0-9]{2,3}$", "", "run-123", "run-1"),
        ("lr=(0\\.1|1e-3)\\b", "", "lr=1e-3 x", "lr=0.12"),
        ("A(?i)bc", "", "ABc", "abc"),
        ("a(?i:B)c", "", "abc", "abC"),
        ("straße", "i", "STRAßE", "strasse"),
        ("^b$", "m", "a\nb\nc", "a\nbb"),
        ("^b$", "", "b", "b\n"),
        ("a.b", "", "a b", "a\nb"),
        ("a.b", "s", "a\nb", "ab"),
        ("[[:alpha:]]{3}", "", "xyz1", "xy1"),
        ("[^a-c\\d]", "", "abcd", "abc123"),
        ("[]x-]", "", "]", "y"),
        ("\\Qa.b*\\E", "", "a.b*", "aab"),
        ("\\x41\\x{e9}", "", "Aé", "Ae"),
        ("(?P<name>a)(?<other>b)", "", "ab", "a"),
        ("\\Bx", "", "ax", "x"),
        ("x{,3}", "", "x{,3}", "xxx"),
        ("", "", "", "\0never"),
        ("(a|b|)*c{0}d+?", "", "abd", "abc"),
        ("(?:a{2}){2}$", "", "aaaa", "aaa"),
    ],
)
def test_patterns_find_what_re2_finds(pattern: str, flags: str, fits: str, does_not: str) -> None:
    assert found(pattern, fits, flags)
    assert does_not == "\0never" or not found(pattern, does_not, flags)


@pytest.mark.parametrize(
    ("pattern", "flags", "word"),
    [
        ("(", "", "missing )"),
        (")", "", "unexpected )"),
        ("a{3,2}", "", "repetition size"),
        ("(a{100}){100}", "", "repetition size"),
        ("(a)\\1", "", "escape sequence"),
        ("(?=a)", "", "perl operator"),
        ("x" * 501, "", "longer"),
        ("a", "x", "$options"),
    ],
)
def test_what_is_no_pattern_says_why(pattern: str, flags: str, word: str) -> None:
    with pytest.raises(ValueError, match=re.escape(word)):
        checked_pattern(pattern, flags)


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "((a+))+b", "(a|a)*b", ".*.*.*.*=.*x", "(.*)*b", "(a?){40}a{40}b", "(a|b)*a(a|b){9}c"]
)
def test_no_pattern_takes_long(pattern: str) -> None:
    text = "".join(random.Random(1).choice("ab") for _ in range(5_000)) + "a" * 5_000
    began = time.process_time()
    assert not found(pattern, f"{text}!")
    assert time.process_time() - began < 1
