"""RunFacts: what a run was given and what it reached, values aligned. Owns no request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from trainer.records import Json, RunRecord
from tui.columns import flat_items, metric_order
from tui.formatting import cells_of, metric_text, on_one_line, padded, shortened, value_text


class RunFacts(VerticalScroll, can_focus=True):
    """Configuration, summary and provenance of one run."""

    COMPONENT_CLASSES = {f"run-facts--{look}" for look in ("title", "key", "value", "swept")}
    DEFAULT_CSS = """
    RunFacts {
        & > Static { height: auto; width: 100%; }
        & > .run-facts--title { color: $primary; text-style: bold; }
        & > .run-facts--key { color: $text-muted; }
        & > .run-facts--value { color: $foreground; }
        & > .run-facts--swept { color: $accent; text-style: bold; }
    }
    """

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._run: RunRecord | None = None
        self._swept: Sequence[str] = ()
        self._url = ""

    def compose(self) -> ComposeResult:
        """Compose the text."""
        yield Static("", id="fact-lines")

    def on_resize(self) -> None:
        """Cut the lines to the new width."""
        self._redraw()

    def show(self, run: RunRecord, swept: Sequence[str], url: str = "") -> None:
        """Show a run; the values that the sweep chose for it stand first, and its page is a link where it has one."""
        if (run, swept, url) != (self._run, self._swept, self._url):
            self._run, self._swept, self._url = run, swept, url
            self._redraw()

    def _style(self, look: str) -> Style:
        full = self.get_component_rich_style(f"run-facts--{look}")
        return Style(color=full.color, bold=full.bold)

    def _redraw(self) -> None:
        run = self._run
        if run is None or not self.is_mounted:
            return
        flat = dict(flat_items(run.config))
        chosen = {key: value_text(flat[key]) for key in self._swept if key in flat}
        rest = {key: value_text(value) for key, value in flat.items() if key not in chosen}
        about = {
            "id": run.id,
            "page": self._url,
            "commit": run.commit[:12],
            "group": run.group,
            "job type": run.job_type,
            "notes": run.notes,
            "host": run.host,
            "tags": ", ".join(run.tags),
            "started": _moment(run.created_at),
            "heard of": _moment(run.heartbeat_at),
        }
        summary = {key: _summary_text(value) for key, value in sorted(run.summary.items(), key=_by_metric)}
        width = self.scrollable_content_region.width
        longest = max((cells_of(key) for key in (*flat, *about, *summary)), default=0)
        key_width = min(longest, max(width // 2, 8))
        blocks = (
            ("Chosen by the sweep", chosen, "swept"),
            ("Summary", summary, "value"),
            ("Configuration", rest, "value"),
            ("Run", {key: text for key, text in about.items() if text}, "value"),
        )
        lines: list[Text] = []
        for title, pairs, look in blocks:
            lines += self._block(title, pairs, look, (key_width, max(width - key_width - 2, 1))) if pairs else []
        self.query_one("#fact-lines", Static).update(Text("\n", no_wrap=True).join(lines[:-1]))

    def _block(self, title: str, pairs: Mapping[str, str], look: str, widths: tuple[int, int]) -> list[Text]:
        lines = [Text(title, self._style("title"))]
        for key, value in pairs.items():
            name = (padded(shortened(key, widths[0]), widths[0]), self._style("key"))
            style = self._style(look)
            if value and value == self._url:
                # Terminals that know links (OSC 8) open it, also where the address is cut.
                style += Style(link=value, underline=True)
            lines.append(Text.assemble(name, "  ", (shortened(on_one_line(value), widths[1]), style)))
        return [*lines, Text()]


def _by_metric(item: tuple[str, Json]) -> tuple[bool, str]:
    return metric_order(item[0])


def _summary_text(value: Json) -> str:
    """Return a summary value; a table, an image or a file is named by its type only."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return metric_text(value)
    if isinstance(value, Mapping) and isinstance(value.get("_type"), str):
        return f"({value['_type']})"
    return value_text(value)


def _moment(moment: datetime | None) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""
