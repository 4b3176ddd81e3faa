"""A report as one HTML file: inline SVG and CSS, no script, nothing fetched, whatever names the runs have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import urlsplit

from trainer.reports.charts import svg
from trainer.reports.parts import Part
from trainer.tracking.tables import Table, cell_text, is_numeric_column, printable

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #60646c; --rule: #d9d9e0; --back: #fff; --block: #f4f4f6; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #edeef0; --soft: #b0b4ba; --rule: #43484e; --back: #111113; --block: #1b1c20; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back);
       max-width: 60rem; margin: 2.5rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.7rem; margin: 0 0 .75rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .6rem; }
p { margin: .3rem 0; } .note { color: var(--soft); font-size: .9em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92em; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .28rem .9rem .28rem 0; border-bottom: 1px solid var(--rule);
         vertical-align: top; overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; } .n { text-align: right; }
pre { background: var(--block); padding: .8rem 1rem; border-radius: 6px; overflow-x: auto; }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--soft); } .grid { stroke: var(--rule); fill: none; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; } .dot { fill: var(--soft); opacity: .55; }
a { color: inherit; }
""".strip()


def render_html_report(title: str, parts: Sequence[Part]) -> str:
    """Return the report as a page."""
    body = "\n".join(text for part in parts for text in _part(part))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(printable(title))}</title>
<style>
{_STYLE}
</style>
</head>
<body>
<h1>{escape(printable(title))}</h1>
{body}
</body>
</html>
"""


def _part(part: Part) -> list[str]:
    texts = [f"<h2>{escape(printable(part.title))}</h2>"] if part.title else []
    texts += [f"<p>{escape(printable(sentence))}</p>" for sentence in part.sentences]
    if part.code:
        texts.append(f"<pre>{escape(part.code)}</pre>")
    if part.table is not None and part.table.rows:
        texts.append(_table(part.table, part.links))
    if part.chart is not None:
        texts.append(svg(part.chart))
    return [*texts, *(f'<p class="note">{escape(printable(note))}</p>' for note in part.notes)]


def _table(table: Table, links: Mapping[str, str]) -> str:
    numeric = [is_numeric_column(table, column) for column in range(len(table.heads))]
    lines = ['<div class="wide"><table>']
    if any(table.heads):
        heads = "".join(
            f"<th{_side(is_number)}>{escape(printable(head))}</th>"
            for head, is_number in zip(table.heads, numeric, strict=True)
        )
        lines.append(f"<tr>{heads}</tr>")
    for row in table.rows:
        cells = []
        for cell, is_number in zip(row, numeric, strict=True):
            text = cell_text(cell)
            link = links.get(text, "") if isinstance(cell, str) else ""
            shown = escape(text)
            if urlsplit(link).scheme in ("http", "https"):
                shown = f'<a href="{escape(link, quote=True)}" rel="noreferrer">{shown}</a>'
            cells.append(f"<td{_side(is_number)}>{shown}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "\n".join([*lines, "</table></div>"])


def _side(is_number: bool) -> str:
    return ' class="n"' if is_number else ""
