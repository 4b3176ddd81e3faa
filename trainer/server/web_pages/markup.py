"""Pieces of HTML: what is text is escaped here and nowhere else, and the look of every page is one style sheet."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NewType
from urllib.parse import quote

from starlette.responses import HTMLResponse, Response

Markup = NewType("Markup", str)
"""HTML. A `str` is text, and becomes HTML through `text` only."""

_STYLE = """
:root{color-scheme:light dark;--back:#fbfbf9;--fore:#1c1c1a;--dim:#5c5c57;--line:#d9d9d3;--card:#fff;--link:#0b57a4;
--good:#1a6b34;--bad:#a32020;--warn:#7a5200;--mark:#2a6fbb}
@media(prefers-color-scheme:dark){:root{--back:#141413;--fore:#ececea;--dim:#a9a9a3;--line:#3a3a37;--card:#1d1d1b;
--link:#8cc2f8;--good:#7fd79a;--bad:#f6a19a;--warn:#e8c26a;--mark:#7fb6f2}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--fore);font:16px/1.5 system-ui,sans-serif}
header,main,footer{max-width:88rem;margin:0 auto;padding:0 1rem}
header{padding-top:1rem}footer{padding:1rem;color:var(--dim);font-size:.875rem}
nav{font-size:.9rem}nav ol{display:flex;flex-wrap:wrap;list-style:none;margin:0;padding:0}
nav li+li::before{content:"/";padding:0 .4em;color:var(--dim)}
h1{font-size:1.6rem;line-height:1.25;margin:.4rem 0 .6rem;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:2rem 0 .5rem}h3{font-size:.95rem;margin:0 0 .2rem;overflow-wrap:anywhere}
p{margin:.4rem 0}a{color:var(--link)}a:focus-visible,.scroll:focus-visible{outline:3px solid var(--mark)}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:6px;background:var(--card)}
.scroll+.scroll{margin-top:.75rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.4rem .75rem;text-align:left;vertical-align:top;border-top:1px solid var(--line);white-space:nowrap}
thead th{border-top:0;font-size:.8125rem;color:var(--dim);font-weight:600}
td.wide{white-space:normal;min-width:14rem;overflow-wrap:anywhere}td.number,th.number{text-align:right}
tbody th{font-weight:400}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.5rem 0}
dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere;min-width:0}
pre{margin:0;padding:.75rem;font:.8125rem/1.45 ui-monospace,monospace}
code{font:.875em ui-monospace,monospace;overflow-wrap:anywhere}
.dim{color:var(--dim)}.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
.tag{display:inline-block;border:1px solid var(--line);border-radius:1em;padding:0 .6em;font-size:.8125rem;
overflow-wrap:anywhere;white-space:normal}
.columns{display:grid;gap:0 2rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))}
.columns>*{min-width:0}
.charts{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr))}
.chart{border:1px solid var(--line);border-radius:6px;background:var(--card);padding:.6rem .75rem;margin:0}
.chart svg{display:block;width:100%;height:auto}.chart polyline{fill:none;stroke:var(--mark);stroke-width:2}
.chart circle{fill:var(--mark)}.chart line{stroke:var(--line)}.chart text{fill:var(--dim);font-size:11px}
progress{width:min(100%,24rem);accent-color:var(--mark)}
.notice{border:1px solid var(--line);border-left:4px solid var(--warn);border-radius:6px;padding:.5rem .75rem;
background:var(--card);margin:.75rem 0}
.pages{display:flex;gap:1rem;flex-wrap:wrap;margin:.5rem 0}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_TONES = {
    "finished": "good", "failed": "bad", "crashed": "bad", "killed": "bad", "preempted": "warn", "preempting": "warn",
    "pending": "dim", "FINISHED": "good", "CANCELED": "bad", "PAUSED": "warn", "PENDING": "dim",
}  # fmt: skip


def text(value: object) -> Markup:
    """Return a value as text of a page."""
    return Markup(html.escape(str(value)))


def join(parts: Iterable[Markup], between: str = "") -> Markup:
    """Return pieces one after the other."""
    return Markup(between.join(parts))


def address(*parts: str) -> str:
    """Return the address of a page from the parts of its path."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def link(shown: str, target: str) -> Markup:
    """Return a link; `target` is an address that we made."""
    return Markup(f'<a href="{html.escape(target)}">{text(shown)}</a>')


def state(word: str) -> Markup:
    """Return a state of a run or sweep."""
    tone = _TONES.get(word)
    return Markup(f'<span class="{tone}">{text(word.lower())}</span>') if tone else text(word.lower())


def tags(names: Iterable[str]) -> Markup:
    """Return tags or aliases."""
    return join((Markup(f'<span class="tag">{text(name)}</span>') for name in names), " ")


def code(value: str) -> Markup:
    """Return what is typed as it stands."""
    return Markup(f"<code>{text(value)}</code>")


def block(value: str, label: str) -> Markup:
    """Return lines as they stand, in a box that scrolls."""
    return scroll(Markup(f"<pre>{text(value)}</pre>"), label)


def scroll(inner: Markup, label: str) -> Markup:
    """Return a box that scrolls sideways, by keyboard too."""
    return Markup(f'<div class="scroll" role="region" tabindex="0" aria-label="{text(label)}">{inner}</div>')


def section(title: str, body: Markup, anchor: str = "") -> Markup:
    """Return a part of a page under a heading; nothing if it is empty."""
    name = f' id="{text(anchor)}"' if anchor else ""
    return Markup(f"<section{name}><h2>{text(title)}</h2>{body}</section>") if body else Markup("")


def facts(items: Iterable[tuple[str, Markup]]) -> Markup:
    """Return a list of names and values; what is empty is left out."""
    rows = join(Markup(f"<dt>{text(name)}</dt><dd>{value}</dd>") for name, value in items if value)
    return Markup(f"<dl>{rows}</dl>") if rows else Markup("")


def table(label: str, heads: Sequence[str], rows: Sequence[Sequence[Markup]], wide: str = "") -> Markup:
    """Return a table whose first column names the row; nothing without rows.

    Args:
        label: What the table lists.
        heads: The columns' names; one with `#` in front holds numbers.
        rows: The cells.
        wide: The one column whose text is long and may be broken.
    """
    if not rows:
        return Markup("")
    kinds = ["number" if head.startswith("#") else "wide" if head == wide else "" for head in heads]
    marks = [f' class="{kind}"' if kind else "" for kind in kinds]
    head_marks = [' class="number"' if kind == "number" else "" for kind in kinds]
    top = "".join(
        f'<th scope="col"{mark}>{text(head.removeprefix("#"))}</th>'
        for head, mark in zip(heads, head_marks, strict=True)
    )
    body = []
    for first, *others in rows:
        cells = "".join(f"<td{mark}>{cell}</td>" for cell, mark in zip(others, marks[1:], strict=True))
        body.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    return scroll(Markup(f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(body)}</tbody></table>"), label)


def moment(micros: int | None) -> Markup:
    """Return a time of the tables, in UTC."""
    if micros is None:
        return Markup("")
    when = datetime.fromtimestamp(micros / 1_000_000, UTC)
    return Markup(f'<time datetime="{when:%Y-%m-%dT%H:%M:%SZ}">{when:%Y-%m-%d %H:%M:%S}</time>')


def duration(micros: int) -> str:
    """Return a duration: `1 h 02 min`, `3 min 20 s`, `4 s`."""
    seconds = max(micros, 0) // 1_000_000
    if seconds >= 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"
    return f"{seconds // 60} min {seconds % 60:02} s" if seconds >= 60 else f"{seconds} s"


def size(count: int | None) -> str:
    """Return a number of bytes: `12.3 MB`."""
    value, unit = float(count or 0), 0
    units = ("B", "kB", "MB", "GB", "TB")
    while value >= 1000 and unit < len(units) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} B" if unit == 0 else f"{value:.1f} {units[unit]}"


def number(value: float) -> str:
    """Return a metric's value, short."""
    return f"{value:.6g}"


def page(title: str, trail: Sequence[tuple[str, str]], body: Markup, status: int = 200) -> Response:
    """Return a whole page.

    Args:
        title: Its heading.
        trail: (name, address) of the pages above it.
        body: What stands under the heading.
        status: Of HTTP.
    """
    steps = join(Markup(f"<li>{link(name, target)}</li>") for name, target in [("sweep-tui", "/"), *trail])
    content = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{text(title)}</title><link rel="icon" href="data:,"><style>{_STYLE}</style></head><body>'
        f'<header><nav aria-label="Where this is"><ol>{steps}</ol></nav></header>'
        f"<main><h1>{text(title)}</h1>{body}</main><footer>Times are UTC. Pages only read.</footer></body></html>\n"
    )
    return HTMLResponse(content.encode("utf-8", "replace"), status, headers=_HEADERS)


def missing(what: str, trail: Sequence[tuple[str, str]] = ()) -> Response:
    """Return the page that says that something is not here."""
    return page("Not here", trail, Markup(f"<p>This server has no {text(what)}.</p>"), 404)


def sign_in(headers: Mapping[str, str]) -> Response:
    """Return the page for somebody without the key; it says nothing else about this server."""
    body = Markup(
        f"<p>These pages need this server's API key: reload, and give {code('api')} as the user and the key as the"
        f" password.</p><p>{code('sweep-tui env')}, run by the server's owner, prints the key as"
        f" {code('WANDB_API_KEY')}.</p>"
    )
    answer = page("Who are you?", [], body, 401)
    answer.headers.update(headers)
    return answer
