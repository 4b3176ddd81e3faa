"""A small table as aligned text, CSV or Markdown. Knows nothing of runs."""

from __future__ import annotations

import csv
import io
import re
import shutil
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.hyperlinks import hyperlink

Cell = str | int | float | None
"""None is an absent number."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""First characters at which spreadsheets compute."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_MAX_CELL_WIDTH = 32
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Table:
    """Heads and rows of equal length."""

    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    droppable: range = range(0)
    """Columns that may be left out, last first, where there is no room for all."""
    links: tuple[str, ...] = ()
    """Where the cell of `linked` leads, a row each; empty for nowhere."""
    linked: int = 0
    """The column whose cells lead somewhere; it is never left out."""


def render_plain(table: Table, width: int | None = None, *, with_links: bool = False) -> str:
    """Return the table as aligned text that fits.

    Args:
        table: What to show.
        width: Columns there are; None to ask the terminal (no limit without one), 0 for no limit.
        with_links: Whether cells lead somewhere: for terminals only.
    """
    if width is None:
        width = shutil.get_terminal_size((0, 0)).columns
    texts = [[_clipped(head) for head in table.heads]]
    texts += [[_clipped(cell_text(cell)) for cell in row] for row in table.rows]
    kept = list(range(len(table.heads)))
    left_out: list[str] = []
    for column in reversed(table.droppable):
        if not width or _line_width(texts, kept) <= width:
            break
        kept.remove(column)
        left_out.insert(0, table.heads[column])
    lines = [_line(row, texts, table, kept, width) for row in texts]
    if with_links and table.links:
        before = kept[: kept.index(table.linked)]
        start = sum(_column_width(texts, column) + len(_GAP) for column in before)
        names = [row[table.linked] for row in texts[1:]]
        linked = [_linked(*entry, start) for entry in zip(lines[1:], names, table.links, strict=True)]
        lines = [lines[0], *linked]
    if left_out:
        lines.append(f"(no room for {', '.join(left_out)})")
    return "\n".join(lines)


def render_csv(table: Table) -> str:
    """Return the table as CSV with full precision; an absent number is empty.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(map(harmless_text, table.heads))
    writer.writerows(
        ["" if cell is None else harmless_text(cell) if isinstance(cell, str) else cell for cell in row]
        for row in table.rows
    )
    return stream.getvalue().rstrip("\n")


def harmless_text(text: str) -> str:
    """Return a text as a cell of CSV that no spreadsheet computes (OWASP, "CSV Injection")."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def render_markdown(table: Table) -> str:
    """Return the table as GitHub Markdown, numbers to the right."""
    rules = ["---:" if is_numeric_column(table, column) else "---" for column in range(len(table.heads))]
    rows = [list(table.heads), rules, *([cell_text(cell) for cell in row] for row in table.rows)]
    return "\n".join("| " + " | ".join(text.replace("|", "\\|") for text in row) + " |" for row in rows)


def cell_text(cell: Cell) -> str:
    """Return a cell in six significant digits, on one line; an absent number as a dash."""
    if cell is None:
        return "–"
    if isinstance(cell, float):
        return f"{cell:.6g}"
    return printable(cell) if isinstance(cell, str) else str(cell)


def printable(text: str) -> str:
    """Return a text on one line, without what steers a terminal: names and values come from anywhere."""
    return _CONTROL.sub("", " ".join(text.split()))


def _linked(line: str, name: str, url: str, start: int) -> str:
    """Return a line whose name leads to an address; as it is where the name is not whole, or not where it should be."""
    end = start + len(name)
    return line[:start] + hyperlink(name, url) + line[end:] if line[start:end] == name else line


def _display_width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _clipped(text: str) -> str:
    return text if len(text) <= _MAX_CELL_WIDTH else text[: _MAX_CELL_WIDTH - 1] + "…"


def _column_width(texts: Sequence[Sequence[str]], column: int) -> int:
    return max(_display_width(row[column]) for row in texts)


def _line_width(texts: Sequence[Sequence[str]], kept: Sequence[int]) -> int:
    return sum(_column_width(texts, column) for column in kept) + len(_GAP) * (len(kept) - 1)


def is_numeric_column(table: Table, column: int) -> bool:
    """Return whether a column holds numbers only."""
    return all(isinstance(row[column], int | float | None) for row in table.rows)


def _line(row: Sequence[str], texts: Sequence[Sequence[str]], table: Table, kept: Sequence[int], width: int) -> str:
    cells = []
    for column in kept:
        padding = " " * (_column_width(texts, column) - _display_width(row[column]))
        cells.append(padding + row[column] if is_numeric_column(table, column) else row[column] + padding)
    line = _GAP.join(cells).rstrip()
    return line if not width or len(line) <= width else line[: width - 1] + "…"
