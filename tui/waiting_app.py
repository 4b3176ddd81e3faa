"""WaitingApp: says what waits because a server asks to be left alone, and gives it up where the user wants that."""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.alerting_app import AlertingApp
from tui.formatting import duration_text

if TYPE_CHECKING:
    from trainer.tracking.request_gate import Wish
    from tui.session import Session

_QUIET_SECONDS = 3.0
"""Whoever begins to wait this soon after another is told of with the next one."""


def waiting_words(waiting: tuple[Wish, ...]) -> str:
    """Return what waits, in words; empty for nothing."""
    return ", ".join(dict.fromkeys(wish.words for wish in waiting))


class WaitingApp(AlertingApp):
    """Tells of waiting."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+g", "give_up_waiting", "Give up waiting", id="app.give_up", show=False,
            tooltip="Give up what waits because the server asks for fewer requests",
        ),
    ]  # fmt: skip

    session: Session
    _told_of_waiting_at = -math.inf

    @dataclass
    class RequestWaits(Message):
        """Something began to wait."""

    def watch_waiting(self) -> None:
        """Hear of what waits, from now on."""
        self.session.on_wait = lambda: self.post_message(self.RequestWaits())

    @on(RequestWaits)
    def _tell_of_waiting(self) -> None:
        waiting = self.session.waiting
        if not waiting or monotonic() - self._told_of_waiting_at < _QUIET_SECONDS:
            return
        self._told_of_waiting_at = monotonic()
        seconds = max(wish.seconds for wish in waiting)
        self.notify(
            f"The server asks for fewer requests: waiting {duration_text(seconds)} to {waiting_words(waiting)}. "
            "ctrl+g gives up.",
            severity="warning", timeout=min(max(seconds, 4.0), 15.0), markup=False,
        )  # fmt: skip

    def action_give_up_waiting(self) -> None:
        """Have what waits fail now."""
        words = waiting_words(self.session.waiting)
        if not words:
            self.notify("Nothing waits for the server.", markup=False)
            return
        self.session.give_up_waiting()
        self.notify(f"Given up: {words}.", markup=False)
