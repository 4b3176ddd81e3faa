"""Asking: questions before what cannot be taken back, and workers that do what was agreed to. A mixin of screens."""

from __future__ import annotations

from collections.abc import Callable

from textual import work
from textual.screen import Screen

from trainer.errors import TrainerError
from tui.screens.confirm import ConfirmScreen
from tui.session import Session

STEERING = "steering"


class Asking(Screen[None]):
    """Asks, and does."""

    session: Session

    def _ask(self, question: str, detail: str, verb: str, do: Callable[[], object], *, danger: bool = True) -> None:
        if self.session.why_read_only:
            self.notify(self.session.why_read_only, severity="warning", markup=False)
            return

        def answered(agreed: bool | None) -> None:
            if agreed:
                do()

        self.app.push_screen(ConfirmScreen(question, detail, confirm=verb, danger=danger), answered)

    @work(thread=True, exclusive=False, exit_on_error=False, group=STEERING, description="in background")
    def in_background(self, do: Callable[[], object], done: str) -> None:
        """Do something that blocks and say how it ended; not exclusive: no wish cancels another."""
        try:
            do()
        except TrainerError as error:
            self.app.call_from_thread(self.notify, str(error), severity="error", timeout=10, markup=False)
        else:
            if done:
                self.app.call_from_thread(self.notify, done, markup=False)
