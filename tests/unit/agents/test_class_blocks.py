"""The quick way to the text of a class gives the lines that the library's own gives."""

from __future__ import annotations

import argparse
import ast
import inspect
import logging
import tokenize
import typing
import unittest.mock
from types import ModuleType

import pytest
from pydantic import main

from trainer.agents.bootstrap import class_blocks
from trainer.agents.bootstrap.class_blocks import QuickClassBlocks

LAYOUTS = '''
class Plain:
    """Text."""
    a: int = 1  # on its line
    # behind the last statement
  # further out
# at the margin

class Closing(
    dict
):
    a = """
not the end: class Inner:
"""
    b = (1,
2)

    def method(self):
        return 1
        # deep

    # after the method


class OneLine: a = 1
class Two: a = 1; b = 2

class Continued:
    a = 1 + \\
2
@decorator
class Decorated(object):
    @property
    def b(self): pass
	# a tab
class Tabs:
	a = 1
	class Inner:
		b = 2
	# out of the inner one
if True:
    class Indented:
        a = 1
    class Last(Exception):

        """Blank lines."""


class AtTheEnd:
    a = [
]
    pass  # no newline'''


def blocks(lines: list[str]) -> dict[str, list[str]]:
    """Return what `inspect` takes for the text of each class."""
    tree = ast.parse("".join(lines))
    first = [
        min([node.lineno, *(each.lineno for each in node.decorator_list)])
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    ]
    return {str(number): inspect.getblock(lines[number - 1 :]) for number in first}


def test_odd_layouts_have_the_same_end() -> None:
    lines = LAYOUTS.splitlines(keepends=True)
    expected = blocks(lines)
    with QuickClassBlocks():
        assert blocks(lines) == expected
    assert len(expected) == 11
    with QuickClassBlocks(), pytest.raises(tokenize.TokenError):
        inspect.getblock(["class A:\n", "    a = (1\n", "b = 2\n"])


@pytest.mark.parametrize("module", [argparse, logging, tokenize, typing, unittest.mock, main])
def test_real_classes_have_the_same_end_and_most_are_found_quickly(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = inspect.getsource(module).splitlines(keepends=True)
    expected = blocks(lines)
    quick: list[int] = []
    monkeypatch.setattr(class_blocks, "_end_of_class", noted(quick))
    with QuickClassBlocks():
        assert blocks(lines) == expected
    assert len(quick) > len(expected) / 3


def noted(quick: list[int]) -> typing.Callable[[ast.stmt, list[str]], int | None]:
    plain = class_blocks._end_of_class

    def end(found: ast.stmt, lines: list[str]) -> int | None:
        last = plain(found, lines)
        quick.extend([last] if last is not None else [])
        return last

    return end
