"""RunProvenance: how to run a run again, and where it comes from; the changes that were not committed beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.style import Style
from rich.text import Text
from textual import getters
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Static

from tui.console_lines import ShownLines
from tui.widgets.searched_log import SearchedLog


class RunProvenance(Horizontal):
    """Facts on the left, changes on the right where there is room and there are some."""

    COMPONENT_CLASSES = {f"run-provenance--{look}" for look in ("title", "key", "value", "command", "soft")}
    DEFAULT_CSS = """
    RunProvenance {
        height: 1fr;
        & > .origin-body { width: 1fr; height: 1fr; padding: 0 1; }
        & > .origin-body > Static { height: auto; width: 100%; }
        & > SearchedLog { width: 1fr; display: none; }
        &.-changed > SearchedLog { display: block; }
        & > .run-provenance--title { color: $primary; text-style: bold; }
        & > .run-provenance--key { color: $text-muted; }
        & > .run-provenance--value { color: $foreground; }
        & > .run-provenance--command { color: $accent; }
        & > .run-provenance--soft { color: $text-muted; }
    }
    """

    body = getters.query_one(".origin-body", VerticalScroll)
    changes = getters.query_one(SearchedLog)

    def __init__(self, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._script: Sequence[str] = ()
        self._note = ""
        self._blocks: Mapping[str, Mapping[str, str]] = {}

    def compose(self) -> ComposeResult:
        """Compose the parts."""
        with VerticalScroll(classes="origin-body panel"):
            yield Static("", classes="origin-lines")
        yield SearchedLog("changes", max_lines=100_000, grows=False)

    def on_mount(self) -> None:
        """Name the panels."""
        self.body.can_focus = True
        self.body.border_title = "Origin"
        self.changes.border_title = "Changes not committed"
        self.changes.add_class("panel")

    def on_resize(self) -> None:
        """Break the lines anew."""
        self._redraw()

    def say(self, text: str) -> None:
        """Show a sentence in the place of everything."""
        self.query_one(".origin-lines", Static).update(Text(text))

    def show(self, script: Sequence[str], note: str, blocks: Mapping[str, Mapping[str, str]]) -> None:
        """Show the way to run it again, with a remark, and blocks of facts; empty facts are left out."""
        self._script, self._note, self._blocks = script, note, blocks
        self._redraw()

    def show_changes(self, lines: ShownLines, note: str) -> None:
        """Show the changes that were not committed."""
        view = self.changes.view
        view.clear()
        view.follows = False
        view.extend(lines.texts, looks=lines.looks)
        self.changes.say(note=note)
        self.add_class("-changed")

    def _style(self, look: str) -> Style:
        full = self.get_component_rich_style(f"run-provenance--{look}")
        return Style(color=full.color, bold=full.bold)

    def _redraw(self) -> None:
        if not self._blocks or not self.is_mounted:
            return
        soft, key_style = self._style("soft"), self._style("key")
        text = Text()
        text.append("Run it again by hand\n", self._style("title"))
        for line in self._script:
            text.append(f"{line}\n", soft if line.startswith("#") else self._style("command"))
        text.append(f"\n{self._note}\n" if self._note else "\n", soft)
        width = max((len(key) for pairs in self._blocks.values() for key, told in pairs.items() if told), default=0)
        for title, pairs in self._blocks.items():
            known = {key: value for key, value in pairs.items() if value}
            if not known:
                continue
            text.append(f"\n{title}\n", self._style("title"))
            for key, value in known.items():
                style = self._style("value")
                if value.startswith(("http://", "https://")):
                    style += Style(link=value, underline=True)
                text.append(f"{key.ljust(width)}  ", key_style)
                text.append(f"{value}\n", style)
        text.rstrip()
        self.query_one(".origin-lines", Static).update(text)
