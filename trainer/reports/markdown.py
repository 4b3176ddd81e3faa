"""A report as GitHub Markdown: tables and text charts, nothing that a reader would have to fetch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from trainer.reports.charts import spark_lines
from trainer.reports.parts import Part
from trainer.tracking.tables import Table, cell_text, is_numeric_column, printable

_MARKUP = re.compile(r"([\\`*_\[\]<>|~#&!@$])")


def render_markdown_report(title: str, parts: Sequence[Part]) -> str:
    """Return the report; every text from elsewhere is shown as it is, never as markup."""
    texts = [f"# {plain(title)}", *(text for part in parts for text in _part(part))]
    return "\n\n".join(texts) + "\n"


def plain(text: str) -> str:
    """Return a text on one line in which nothing is markup, an address or a mention."""
    return _MARKUP.sub(r"\\\1", printable(text)).replace("://", ":\u200b//")


def _part(part: Part) -> list[str]:
    texts = [f"## {plain(part.title)}"] if part.title else []
    texts += [plain(sentence) for sentence in part.sentences]
    if part.code:
        texts.append(_fenced(part.code))
    if part.table is not None and part.table.rows:
        texts.append(render_markdown_table(part.table, part.links))
    if part.chart is not None:
        texts.append(_fenced("\n".join(spark_lines(part.chart))))
    return [*texts, *(f"*{plain(note)}*" for note in part.notes)]


def _fenced(text: str) -> str:
    """Return a block of code whose fence is longer than any in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def render_markdown_table(table: Table, links: Mapping[str, str]) -> str:
    """Return a table; the cells whose text is in `links` lead there."""
    rules = ["---:" if is_numeric_column(table, column) else "---" for column in range(len(table.heads))]
    rows = [[plain(head) for head in table.heads], rules]
    for row in table.rows:
        cells = []
        for cell in row:
            text = cell_text(cell)
            link = links.get(text, "") if isinstance(cell, str) else ""
            cells.append(f"[{plain(text)}](<{link}>)" if _is_link(link) else plain(text))
        rows.append(cells)
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _is_link(url: str) -> bool:
    return urlsplit(url).scheme in ("http", "https") and not re.search(r"[<>\s|]", url) if url else False
