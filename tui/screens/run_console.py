"""RunConsole: what a run printed, its end first, followed while it runs. A mixin of `RunScreen`.

Read once its tab is shown, or its strip under the curves. Lines before the end come in the background, up to a bound;
the rest where the user goes there, or looks for something.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import monotonic

from textual import getters, on, work
from textual.message import Message
from textual.worker import get_current_worker

from trainer.errors import TrainerError
from trainer.records import RunRecord
from tui.console_window import ConsoleUpdate, ConsoleWindow
from tui.screens.run_changing import RunChanging
from tui.widgets.log_view import LogView, Side
from tui.widgets.searched_log import SearchedLog

CONSOLE = "run_console"
POLL_SECONDS = 1.0
BACKGROUND_LINES = 20_000
"""Lines read before anybody asks for them: a request takes up to 5,000, and servers limit requests."""
LAST_WORDS = 200
"""Lines at the end among which the last words are looked for."""
SIDES: tuple[Side, ...] = ("older", "newer")


class RunConsole(RunChanging):
    """Reads and follows the console."""

    console = getters.query_one("#log", SearchedLog)
    run: RunRecord
    stop_reading: threading.Event

    @dataclass
    class ConsoleRead(Message):
        """Lines that were not there before, or why there are none."""

        update: ConsoleUpdate | None = None
        can_read_on: frozenset[Side] = frozenset()
        problem: str = ""
        has_ended: bool = False
        """Whether these were the last, and nothing more is read unasked."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self.last_words = ""
        """The last line that is not blank."""
        self._window: ConsoleWindow | None = None
        self._wishes = deque[Side]()
        """Where the user wants to read on."""
        self._wished = threading.Event()
        self._fill_to = BACKGROUND_LINES
        self._is_reading = False

    def show_run(self) -> None:
        """Show the state of the run."""
        raise NotImplementedError

    def read_console_if_needed(self) -> None:
        """Begin to read, once."""
        if self._window is None:
            look = partial(self.session.look_at_console, self.reference, self.run.id, self._wished)
            read = partial(self.session.read_console_page, self.reference, self.run.id)
            self._window = ConsoleWindow(read, look=look)
            self.console.say(note="reading…")
            self._is_reading = True
            self.follow_console(self._window)

    @on(LogView.MoreWanted, "#log-lines")
    def _more_wanted(self, message: LogView.MoreWanted) -> None:
        message.stop()
        if message.side not in self._wishes:
            self._wishes.append(message.side)
            self._wake_reader()

    @on(SearchedLog.SearchBegun, "#log")
    def _search_begun(self, message: SearchedLog.SearchBegun) -> None:
        message.stop()
        self._fill_to = 2**31
        self._wake_reader()

    def leave_console(self) -> None:
        """Let the reader end, which may wait for a poll."""
        self._wished.set()

    def _wake_reader(self) -> None:
        self._wished.set()
        if self._window is not None and not self._is_reading:
            self._is_reading = True
            self.follow_console(self._window)

    @work(thread=True, exclusive=True, exit_on_error=False, group=CONSOLE, description="follow_console")
    def follow_console(self, window: ConsoleWindow) -> None:
        """Read the end, what comes behind it until the run has ended, what is before it, what the user goes to."""
        worker, next_look, has_all = get_current_worker(), 0.0, False
        while not self.stop_reading.is_set() and not worker.is_cancelled:
            # The state first: what is read after a terminal state is everything there will be.
            has_ended = self.run.state.is_terminal
            self._wished.clear()
            try:
                if self._wishes:
                    read = self._reading(window, self._wishes[0])
                    update = read() if read is not None else None
                    self._wishes.popleft()
                elif not window.has_newer and not has_all and monotonic() >= next_look:
                    # It comes with the next poll, for which it may wait.
                    next_look = monotonic() + POLL_SECONDS * 0.7
                    update = window.look_again()
                    has_all = has_ended and update is None and not self._wished.is_set()
                elif len(window) < self._fill_to and not window.is_full and (window.has_older or window.has_newer):
                    update = window.read_older() if window.has_older else window.read_newer()
                elif has_all or (has_ended and window.has_newer):
                    self._tell(window, None, has_ended=True)
                    return
                else:
                    self._wished.wait(min(max(next_look - monotonic(), 0.01), 0.25))
                    continue
            except TrainerError as error:
                self.post_message(self.ConsoleRead(problem=error.message))
                self.stop_reading.wait(POLL_SECONDS)
                continue
            self._tell(window, update)
            # The screen comes in between.
            self.stop_reading.wait(0.02)

    @staticmethod
    def _reading(window: ConsoleWindow, side: Side) -> Callable[[], ConsoleUpdate] | None:
        """Return what reads on where the user goes; None where there is nothing any more."""
        if side in ("start", "end"):
            return window.read_start if side == "start" else window.read_end
        if side == "older":
            return window.read_older if window.has_older else None
        return window.read_newer if window.has_newer else None

    def _tell(self, window: ConsoleWindow, update: ConsoleUpdate | None, *, has_ended: bool = False) -> None:
        sides = {"older": window.has_older, "newer": window.has_newer}
        self.post_message(
            self.ConsoleRead(update, frozenset(side for side in SIDES if sides[side]), has_ended=has_ended)
        )

    @on(ConsoleRead)
    def _console_read(self, message: ConsoleRead) -> None:
        view, update = self.console.view, message.update
        if not message.problem:
            view.can_read_on = message.can_read_on
        if update is not None:
            if update.replaces:
                view.forget()
            if update.lines.texts:
                view.put(update.number, update.lines)
            view.keep(update.first, update.end)
            view.before, view.behind = update.before, update.behind
            if not update.behind:
                words = (" ".join(text.split()) for text in reversed(view.lines[-LAST_WORDS:]) if text.strip())
                self.last_words = next(words, self.last_words)
                self.show_run()
        note = message.problem and f"✗ {message.problem} Trying again…"
        if not note and not view.lines:
            note = "it printed nothing" if message.has_ended else "nothing printed yet"
        elif not note and message.has_ended:
            note = "○ all of it, the run has ended" if not (view.before or view.behind) else "○ the run has ended"
        self.console.say(note=note)
        if message.has_ended:
            self._is_reading = False
            if self._wishes or self._wished.is_set():
                self._wake_reader()
