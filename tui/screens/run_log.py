"""RunLogScreen: what one run prints, from its log on this machine: followed, searched, whatever the server does."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import getters, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.worker import get_current_worker

from tui.log_tail import LogNews, LogTail
from tui.widgets.app_header import AppHeader
from tui.widgets.fitting_footer import FittingFooter
from tui.widgets.log_view import LogView
from tui.widgets.searched_log import SearchedLog

LOG_FEED = "log_feed"
POLL_SECONDS = 0.25


class RunLogScreen(Screen[None]):
    """The log file of a run."""

    CSS_PATH = "run_log.tcss"
    AUTO_FOCUS = "LogView"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="run_log.back", tooltip="Stop looking for a text, or leave"),
    ]

    log_pane = getters.query_one(SearchedLog)
    view = getters.query_one(LogView)

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

    def compose(self) -> ComposeResult:
        """Compose the screen."""
        yield AppHeader(f"Log › {self.run_name}", *self._header)
        yield SearchedLog("log")
        yield FittingFooter()

    def on_mount(self) -> None:
        """Start reading."""
        self.log_pane.say(about=str(self.path), note="Reading…")
        self.follow_log()

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
            self.log_pane.say(note="There is no log here." if not self.view.lines else "The log is no longer there.")
            return
        lines = list(news.lines)
        if news.begins_anew:
            lines.insert(0, "─── the run was started over ───")
        elif news.skipped:
            lines.insert(0, "─── earlier lines are left out ───")
        if lines or news.open_line or not self.view.lines:
            self.view.extend(lines, news.open_line)
        self.log_pane.say(note="" if self.view.virtual_size.height else "nothing printed yet")

    def action_back(self) -> None:
        """Leave; stopping to look for a text comes first, with the same key."""
        self.app.pop_screen()
