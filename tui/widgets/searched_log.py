"""SearchedLog: a log with a line that says what is seen, and one that asks what to look for. Reads nothing itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import getters, on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from tui.formatting import count_text
from tui.widgets.log_view import MAX_LINES, LogView


class SearchedLog(Vertical):
    """A log view with search."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "find", "Find", key_display="/", id="log.find", tooltip="Look for a text"),
        Binding("n", "match(-1)", "Earlier", id="log.earlier", tooltip="The match before, upwards", show=False),
        Binding("N", "match(1)", "Later", id="log.later", tooltip="The match after, downwards", show=False),
        Binding("F", "toggle_follow", "Follow", id="log.follow", tooltip="Follow the end, or stay"),
        Binding("escape", "stop_finding", "Stop looking", id="log.stop_finding", show=False,
                tooltip="Stop looking for a text"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    SearchedLog {
        height: 1fr;
        & > .log-facts { height: auto; padding: 0 2; text-wrap: nowrap; text-overflow: ellipsis; }
        & > LogView { padding: 0 2; }
        & > Input { display: none; height: 1; padding: 0 2; background: $panel; }
        &.-finding > Input { display: block; }
    }
    """

    view = getters.query_one(LogView)
    prompt = getters.query_one(Input)

    def __init__(self, id: str, *, max_lines: int = MAX_LINES, grows: bool = True) -> None:  # noqa: A002
        """Create the log, empty.

        Args:
            id: Id of the widget; those of its parts begin with it.
            max_lines: Lines that are kept.
            grows: Whether lines come at its end; if not, it says nothing of following.
        """
        super().__init__(id=id)
        self.about = ""
        """What is shown, on a line of its own; empty for none."""
        self.note = ""
        """What stands in the place of the state: that nothing has been read yet, or why not."""
        self._has_about: bool | None = None
        self._max_lines = max_lines
        self._grows = grows

    def compose(self) -> ComposeResult:
        """Compose the parts."""
        yield Static("", id=f"{self.id}-facts", classes="log-facts")
        yield LogView(id=f"{self.id}-lines", max_lines=self._max_lines)
        yield Input(id=f"{self.id}-find", compact=True, placeholder="find: any part of a line")

    def on_mount(self) -> None:
        """Say what is seen."""
        self.view.follows = self._grows
        self.show_facts()

    def on_resize(self) -> None:
        """Cut the words to the new width."""
        self.show_facts()

    def say(self, *, about: str | None = None, note: str | None = None) -> None:
        """Set what is said above the lines; what is None stays."""
        self.about = self.about if about is None else about
        self.note = self.note if note is None else note
        self.show_facts()

    @on(LogView.Changed)
    def show_facts(self) -> None:
        """Say what is seen."""
        view = self.view
        state = self.note
        if not state and self._grows:
            state = "● following" if view.follows else "◐ not following: F or end follows"
        state = "   ".join(part for part in (state, lines_text(view)) if part)
        room = max(self.size.width - 5, 8)
        # Its end tells a path from others.
        about = self.about if len(self.about) <= room else f"…{self.about[1 - room :]}"
        found = f"“{view.sought}” {view.found_text}: n earlier, N later" if view.sought else ""
        lines = Content.from_markup("$state  [$warning]$found[/]", state=state, found=found)
        if about:
            lines = Content.from_markup("[$foreground 60%]$about[/]\n", about=about) + lines
        # Arranging everything anew takes longer than a key may, and only another number of lines needs it.
        self.query_one(".log-facts", Static).update(lines, layout=bool(about) != self._has_about)
        self._has_about = bool(about)

    def action_toggle_follow(self) -> None:
        """Follow the end, or stay."""
        self.view.action_follow(not self.view.follows)

    def action_find(self) -> None:
        """Ask what to look for."""
        self.add_class("-finding")
        self.post_message(self.SearchBegun(self))
        self.prompt.focus()
        self.prompt.select_all()

    @on(Input.Changed)
    def _find(self, message: Input.Changed) -> None:
        message.stop()
        if self.has_class("-finding"):
            self.view.seek(message.value)

    @dataclass
    class SearchBegun(Message):
        """The user looks for something: whatever is not held yet is worth reading."""

        log: SearchedLog

        @property
        def control(self) -> SearchedLog:
            """The log."""
            return self.log

    @on(Input.Submitted)
    def _found(self, message: Input.Submitted) -> None:
        message.stop()
        self.remove_class("-finding")
        self.view.focus()

    def action_match(self, by: int) -> None:
        """Show another line that has the text."""
        if not self.view.sought:
            raise SkipAction
        self.view.next_match(by)

    @property
    def is_finding(self) -> bool:
        """Whether something is looked for."""
        return self.has_class("-finding") or bool(self.view.sought)

    def action_stop_finding(self) -> None:
        """Stop looking; where nothing is looked for, the key means something else."""
        if not self.is_finding:
            raise SkipAction
        self.remove_class("-finding")
        self.prompt.value = ""
        self.view.seek("")
        self.view.focus()


def lines_text(view: LogView) -> str:
    """Return how many lines there are, and which of them are held."""
    held = len(view.lines)
    total = view.before + held + view.behind
    if not held:
        return ""
    if not (view.before or view.behind):
        return count_text(held, "line")
    if not view.behind:
        return f"the last {held:,} of {total:,} lines"
    if not view.before:
        return f"the first {held:,} of {total:,} lines, G for the last"
    return f"lines {view.before + 1:,} to {view.before + held:,} of {total:,}, G for the last"
