"""RunLogScreen: what one run prints, from its log on this machine: followed, searched, whatever the server does."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import getters, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer, Input, Static
from textual.worker import get_current_worker

from tui.log_tail import LogNews, LogTail
from tui.widgets.app_header import AppHeader
from tui.widgets.log_view import LogView

LOG_FEED = "log_feed"
POLL_SECONDS = 0.25


class RunLogScreen(Screen[None]):
    """The log file of a run."""

    CSS_PATH = "run_log.tcss"
    AUTO_FOCUS = "#lines"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="run_log.back", tooltip="Stop looking for a text, or leave"),
        Binding("slash", "find", "Find", key_display="/", id="run_log.find", tooltip="Look for a text"),
        Binding("n", "match(-1)", "Earlier", id="run_log.earlier", tooltip="The match before, upwards", show=False),
        Binding("N", "match(1)", "Later", id="run_log.later", tooltip="The match after, downwards", show=False),
        Binding("F", "toggle_follow", "Follow", id="run_log.follow", tooltip="Follow the end, or stay"),
    ]

    view = getters.query_one("#lines", LogView)
    prompt = getters.query_one("#find", Input)

    @dataclass
    class LogRead(Message):
        """The file has something new."""

        news: LogNews

    def __init__(self, path: Path, run_name: str, server: str, project: str) -> None:
        """Create the view of a file, which need not exist yet."""
        super().__init__()
        self.path = path
        self.run_name = run_name
        self._header = (server, project)
        self._stop = threading.Event()
        self._note = "Reading…"

    def compose(self) -> ComposeResult:
        """Compose the screen."""
        yield AppHeader(f"Log › {self.run_name}", *self._header)
        yield Static("", id="log-facts")
        yield LogView(id="lines")
        yield Input(id="find", compact=True, placeholder="find: any part of a line")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Start reading."""
        self._show_facts()
        self.follow_log()

    def on_resize(self) -> None:
        """Cut the path to the new width."""
        self._show_facts()

    def on_unmount(self) -> None:
        """Let the worker end at once."""
        self._stop.set()

    @work(thread=True, exclusive=True, exit_on_error=False, group=LOG_FEED)
    def follow_log(self) -> None:
        """Read what the file has new until the screen is left."""
        worker, tail = get_current_worker(), LogTail(self.path)
        was_missing = False
        while not self._stop.is_set() and not worker.is_cancelled:
            news = tail.read()
            if news is not None and not (news.is_missing and was_missing):
                self.post_message(self.LogRead(news))
                was_missing = news.is_missing
            self._stop.wait(0.02 if news is not None and news.has_more else POLL_SECONDS)

    @on(LogRead)
    def _log_read(self, message: LogRead) -> None:
        news = message.news
        if news.is_missing:
            # What has been read stays: logs of old runs are removed one day.
            self._note = "There is no log here." if not self.view.lines else "The log is no longer there."
            self._show_facts()
            return
        lines = list(news.lines)
        if news.begins_anew:
            lines.insert(0, "─── the run was started over ───")
        elif news.skipped:
            lines.insert(0, "─── earlier lines are left out ───")
        if lines or news.open_line or not self.view.lines:
            self.view.extend(lines, news.open_line)
        self._note = ""
        self._show_facts()

    @on(LogView.Changed)
    def _show_facts(self) -> None:
        view = self.view
        note = self._note or ("nothing printed yet" if not view.virtual_size.height else "")
        state = note or ("● following" if view.follows else "◐ not following: F or end follows")
        path, room = str(self.path), max(self.size.width - 5, 8)
        # Its end tells it from others.
        path = path if len(path) <= room else f"…{path[-room:]}"
        found = f"“{view.sought}” {view.found_text}: n earlier, N later" if view.sought else ""
        self.query_one("#log-facts", Static).update(
            Content.from_markup(
                "[$foreground 60%]$path[/]\n$state  [$warning]$found[/]", path=path, state=state, found=found
            )
        )

    def action_toggle_follow(self) -> None:
        """Follow the end, or stay."""
        self.view.action_follow(not self.view.follows)

    def action_find(self) -> None:
        """Ask what to look for."""
        self.add_class("-finding")
        self.prompt.focus()
        self.prompt.select_all()

    @on(Input.Changed, "#find")
    def _find(self, message: Input.Changed) -> None:
        if self.has_class("-finding"):
            self.view.seek(message.value)

    @on(Input.Submitted, "#find")
    def _found(self) -> None:
        self.remove_class("-finding")
        self.view.focus()

    def action_match(self, by: int) -> None:
        """Show another line that has the text."""
        self.view.next_match(by)

    def action_back(self) -> None:
        """Stop looking; else leave."""
        if self.has_class("-finding") or self.view.sought:
            self.remove_class("-finding")
            self.prompt.value = ""
            self.view.seek("")
            self.view.focus()
        else:
            self.app.pop_screen()
