"""BuilderJudging: what takes long is found out in a thread. A feature of `SweepBuilderScreen`.

Whether the program exists, the disk is asked; a large sweep is read, counted, validated and written. One thread at a
time; what it says of a state that is no more is dropped, and it is asked again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from textual import on, work
from textual.message import Message
from textual.worker import Worker, WorkerState

from trainer.sweep.command import program_problem
from trainer.sweep.validation import Violation
from tui.screens.builder_shell import BuilderShell
from tui.sweep_count import CountText, count_text_of
from tui.sweep_document import LARGE_TEXT, ReadText, SweepDocument

JUDGING = "judging"
READING_TEXT = "reading_text"


@dataclass(frozen=True)
class Verdict:
    """What a thread found out about a large sweep."""

    problems: Sequence[Violation]
    oddities: Sequence[Violation]
    count: CountText
    prior_points: int


class BuilderJudging(BuilderShell):
    """Judges large sweeps in a thread, and looks for the program of each."""

    @dataclass
    class Judged(Message):
        """A thread is done with a snapshot."""

        snapshot: SweepDocument
        verdict: Verdict | None
        """None where the sweep is small, and judged already."""

    @dataclass
    class TextRead(Message):
        """A long text that was typed is read."""

        read: ReadText

    _is_judging = False
    _judges_again = False
    _verdict: Verdict | None = None
    _waiting: Callable[[], Awaitable[None]] | None = None
    """What is done as soon as the sweep is judged as it is then."""

    def judge(self) -> None:
        """Count and validate; a large sweep in a thread."""
        if self.document.is_large:
            self.is_judged = False
            self.show_readiness()
            self._ask()
        else:
            self.is_judged, self._verdict = True, None
            super().judge()

    def show_preview(self) -> None:
        """Show what waits for a pause in typing, and look for the program."""
        if not self.document.is_large:
            super().show_preview()
        elif self.is_judged:
            self.show_checked()
        self._ask()

    def count_text(self) -> CountText:
        """Return what is said about the number of runs; of a large sweep what was last found out."""
        verdict = self._verdict
        if not self.document.is_large:
            return super().count_text()
        if verdict is None:
            return CountText("…", "counting", is_countable=False)
        if verdict.prior_points != self.prior_points and self.is_judged:
            self.call_next(self.judge)
        return verdict.count

    def when_judged(self, act: Callable[[], Awaitable[None]]) -> None:
        """Do something once the sweep is judged as it is then, what is being typed included."""
        if self.take_typed_text():
            self.judge()
            self.call_next(self.show_document)
        self._waiting = act
        self.show_preview()

    def _ask(self) -> None:
        self._judges_again = self._is_judging
        if not self._is_judging:
            self._is_judging = True
            self.judge_snapshot(self.document.snapshot(), self.prior_points)

    @work(thread=True, exit_on_error=False, group=JUDGING, description="judge snapshot")
    def judge_snapshot(self, snapshot: SweepDocument, prior_points: int) -> None:
        """Look for the program, and judge what is large."""
        config = snapshot.config()
        snapshot.missing_program = program_problem(config, self.session.cwd)
        verdict = None
        if snapshot.is_large:
            count = count_text_of(config, snapshot.draft.compiled(), prior_points=prior_points)
            verdict = Verdict(snapshot.problems(), snapshot.oddities(), count, prior_points)
            # Written, and its lines found, for `show_checked`.
            snapshot.line_of("")
        self.post_message(self.Judged(snapshot, verdict))

    @on(Judged)
    def _judged(self, message: Judged) -> None:
        self._is_judging = False
        snapshot, verdict = message.snapshot, message.verdict
        if self._judges_again or not self.document.is_still(snapshot):
            self._ask()
            return
        is_found_anew = self.document.missing_program != snapshot.missing_program
        self.document.missing_program = snapshot.missing_program
        if verdict is not None:
            self._verdict, self.is_judged, self.oddities = verdict, True, list(verdict.oddities)
            self.document.take_lines(snapshot)
            self.show_judged(verdict.problems)
            self.show_checked()
        elif is_found_anew:
            self.judge()
            self.show_checked()
        act, self._waiting = self._waiting, None
        if act is not None:
            self.call_next(act)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Judge here what no thread could: what is wrong with that shall be seen."""
        if event.worker.group == JUDGING and event.state == WorkerState.ERROR:
            self._is_judging, self.is_judged = False, True
            super().judge()

    # --- what is typed --------------------------------------------------------------------------------------------

    async def typing_paused(self) -> None:
        """Take over what was typed into the YAML; a long text is read in a thread."""
        if len(self.yaml.text) <= LARGE_TEXT:
            await super().typing_paused()
        elif self.yaml.has_typed:
            self.is_judged = False
            self.show_readiness()
            self.read_text(self.document, self.yaml.text)

    @work(thread=True, exclusive=True, exit_on_error=False, group=READING_TEXT, description="read text")
    def read_text(self, document: SweepDocument, text: str) -> None:
        """Read a long text."""
        self.post_message(self.TextRead(document.read(text)))

    @on(TextRead)
    async def _text_read(self, message: TextRead) -> None:
        if not self.yaml.has_typed or message.read.text != self.yaml.text:
            # Somebody else has taken it, or typing goes on.
            return
        if not self.document.take_read(message.read):
            self.read_text(self.document, self.yaml.text)
            return
        self.yaml.has_typed = False
        await self.show_document()
