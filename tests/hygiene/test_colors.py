"""Colours are the themes': where one is written anywhere else, a theme cannot change it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual._color_constants import COLOR_NAME_TO_RGB

TUI = Path(__file__).resolve().parents[2] / "tui"
OWNERS = {"theme.py", "chart_colors.py"}
"""The modules that may name colours."""
# Names that are words of the sweep's field, too, or signs of Python.
_NAMES = "|".join(sorted((name for name in COLOR_NAME_TO_RGB if name not in ("transparent",)), key=len, reverse=True))
WRITTEN = (
    re.compile(r"#[0-9a-fA-F]{6}\b|(?<=[\"' ])#[0-9a-fA-F]{3}(?=[\"'; ])"),
    re.compile(r"\brgba?\(|\bhsla?\(|\bansi_[a-z]+"),
    # In a style sheet: `color: red`, `border: round white`.
    re.compile(rf"\b(?:color|background|tint|border|outline)[a-z-]*:[^;{{}}\n\"]*?(?<![-$\w])(?:{_NAMES})(?![-\w])"),
    # In a style: `[red]`, `"bold green"`, `Style(color="blue")`.
    re.compile(rf"\[(?:bold |b |dim )?(?:{_NAMES})\]|[\"'](?:bold |dim |italic |on )+(?:{_NAMES})[\"']"),
    re.compile(r"\bcolor=[\"']"),
)


def written_colors(text: str) -> list[str]:
    return [found.group() for pattern in WRITTEN for found in pattern.finditer(text)]


def test_no_colour_is_written_outside_of_the_themes() -> None:
    files = [*TUI.rglob("*.py"), *TUI.rglob("*.tcss")]
    found = {path.name: written_colors(path.read_text()) for path in files}
    assert {name for name, colors in found.items() if colors} == OWNERS, found


@pytest.mark.parametrize(
    "text",
    ['"#ff0000"', "color: red;", "border: round white;", '"bold green"', 'Style(color="blue")', "[red]x[/]", "ansi_red"]
)  # fmt: skip
def test_colours_are_found_where_they_are_written(text: str) -> None:
    assert written_colors(text)
