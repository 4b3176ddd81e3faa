"""RunConsole: what a run printed, read page by page from its server and followed while it runs. A mixin of `RunScreen`.

Read once its tab is shown, or its strip under the curves.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from textual import getters, on, work
from textual.message import Message
from textual.worker import get_current_worker

from trainer.errors import TrainerError
from trainer.records import RunRecord
from tui.console_lines import ShownLines, console_shown
from tui.screens.run_changing import RunChanging
from tui.widgets.searched_log import SearchedLog

CONSOLE = "run_console"
POLL_SECONDS = 1.0
PAGE_LINES = 5_000
"""Lines put on the screen at a time: the view takes so many within a frame."""


class RunConsole(RunChanging):
    """Reads and follows the console."""

    console = getters.query_one("#log", SearchedLog)
    run: RunRecord
    stop_reading: threading.Event

    @dataclass
    class ConsoleRead(Message):
        """Lines that were not there before, or why there are none."""

        lines: ShownLines
        last_words: str = ""
        """The last of them that is not blank."""
        problem: str = ""
        has_ended: bool = False
        """Whether these were the last."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self.last_words = ""
        """The last line that is not blank."""
        self._console_asked = False

    def show_run(self) -> None:
        """Show the state of the run."""
        raise NotImplementedError

    def read_console_if_needed(self) -> None:
        """Begin to read, once."""
        if not self._console_asked:
            self._console_asked = True
            self.console.say(note="reading…")
            self.follow_console()

    @work(thread=True, exclusive=True, exit_on_error=False, group=CONSOLE)
    def follow_console(self) -> None:
        """Read what was printed, then what is printed, until the run has ended and everything of it has arrived."""
        worker, last = get_current_worker(), -1
        while not self.stop_reading.is_set() and not worker.is_cancelled:
            # The state first: what is read after a terminal state is everything there will be.
            has_ended = self.run.state.is_terminal
            try:
                lines = self.session.read_console(self.reference, self.run.id, after=last)
            except TrainerError as error:
                self.post_message(self.ConsoleRead(ShownLines(), problem=error.message))
                self.stop_reading.wait(POLL_SECONDS)
                continue
            last = lines[-1].number if lines else last
            has_ended = has_ended and not lines
            for start in range(0, max(len(lines), 1), PAGE_LINES):
                shown = console_shown(lines[start : start + PAGE_LINES])
                words = next((" ".join(text.split()) for text in reversed(shown.texts) if text.strip()), "")
                self.post_message(self.ConsoleRead(shown, words, has_ended=has_ended))
                # The screen comes in between.
                self.stop_reading.wait(0.01)
            if has_ended:
                return
            if not lines:
                self.stop_reading.wait(POLL_SECONDS)

    @on(ConsoleRead)
    def _console_read(self, message: ConsoleRead) -> None:
        view = self.console.view
        if message.lines.texts:
            view.extend(message.lines.texts, looks=message.lines.looks)
            self.last_words = message.last_words or self.last_words
            self.show_run()
        note = message.problem and f"✗ {message.problem} Trying again…"
        if not note and not view.lines:
            note = "it printed nothing" if message.has_ended else "nothing printed yet"
        elif not note and message.has_ended:
            note = "○ all of it, the run has ended"
        self.console.say(note=note)
