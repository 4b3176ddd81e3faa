"""NewsLine: what changed since somebody last looked, on one line. Shows what it is given; a click dismisses it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from rich.style import Style
from rich.text import Text
from textual.message import Message
from textual.widget import Widget

from tui.last_look import News

NEW = "✦"
"""Stands before whatever is new."""


class NewsLine(Widget):
    """`✦ since 14:02 (23 min ago)   new best 0.9444 (+0.0112) · 12 runs ended · 2 failed        e hide`."""

    COMPONENT_CLASSES = {f"news-line--{look}" for look in ("mark", "text", "best", "muted", "key")}
    DEFAULT_CSS = """
    NewsLine {
        height: 1;
        padding: 0 2;
        background: $primary 15%;
        & > .news-line--mark { color: $primary; text-style: bold; }
        & > .news-line--text { color: $foreground; }
        & > .news-line--best { color: $accent; text-style: bold; }
        & > .news-line--muted { color: $text-muted; }
        & > .news-line--key { color: $primary; text-style: bold; }
    }
    """

    @dataclass
    class Dismissed(Message):
        """The user has seen it."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._news: News | None = None
        self._metric_name = ""
        self._said_at = datetime.now(UTC)

    def show(self, news: News, metric_name: str) -> None:
        """Say this; how long ago it began is said as of now, and does not tick."""
        self._news, self._metric_name, self._said_at = news, metric_name, datetime.now(UTC)
        self.refresh()

    def on_click(self) -> None:
        """Dismiss it."""
        self.post_message(self.Dismissed())

    def _style(self, look: str) -> Style:
        full = self.get_component_rich_style(f"news-line--{look}")
        return Style(color=full.color, bold=full.bold)

    def render(self) -> Text:
        """Return the line; where it is narrow the metric's name goes first, then the age."""
        news, width = self._news, self.content_size.width
        if news is None:
            return Text()
        since = news.since_text(self._said_at)
        for when, name in ((since, self._metric_name), (since, ""), (since.partition(" (")[0], "")):
            left = Text.assemble((f"{NEW} ", self._style("mark")), (f"since {when}", self._style("muted")), "  ")
            for place, part in enumerate(news.parts(name)):
                is_best = place == 0 and news.best is not None
                left.append(" · " if place else " ", self._style("muted"))
                left.append(part, self._style("best" if is_best else "text"))
            right = Text.assemble(("e", self._style("key")), (" hide", self._style("muted")))
            gap = width - left.cell_len - right.cell_len
            if gap >= 2:
                return left.append(" " * gap).append_text(right)
        left.truncate(width, overflow="ellipsis")
        return left
