"""ProblemLine: one line with the problem that is next, where it is, and its fixes as buttons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from trainer.sweep.validation import Violation

_MAX_LABEL = 44


class FixButton(Static):
    """One fix; a click makes it."""

    def __init__(self, key: str, label: str, index: int) -> None:
        """Create the button of the fix at `index`; `key` is shown before its label."""
        shown = label if len(label) <= _MAX_LABEL else f"{label[: _MAX_LABEL - 1]}…"
        parts = [(f" {key} ", "bold $primary")] if key else [(" or ", "$foreground-muted")]
        super().__init__(
            Content.assemble(*parts, (f"{shown} ", "$foreground")), classes=f"fix-button{' -other' if index else ''}"
        )
        self._index = index

    def on_click(self, event: events.Click) -> None:
        """Ask for the fix."""
        event.stop()
        self.post_message(ProblemLine.FixChosen(self._index))


class ProblemLine(Horizontal):
    """Shows a problem or an oddity; hidden while there is none."""

    @dataclass
    class FixChosen(Message):
        """The user wants the fix with this number."""

        index: int

    @dataclass
    class GoRequested(Message):
        """The user wants to see where the problem is."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        """Create the line, empty."""
        super().__init__(id=id, classes="-empty")
        self._shown: object = None
        self._problem: Violation | None = None
        """What is shown, where that keeps the sweep from being launched."""

    def compose(self) -> ComposeResult:
        """Compose the line."""
        yield Static("", id="problem-text")
        yield Horizontal(id="problem-fixes")

    async def show(
        self,
        problem: Violation | None,
        *,
        is_error: bool = True,
        place: str = "",
        fixes: Sequence[str] = (),
        is_listed: bool = False,
    ) -> None:
        """Show a problem, or hide the line.

        Args:
            problem: The problem; None for none.
            is_error: Whether it keeps the sweep from being launched.
            place: Where it is, in words.
            fixes: What its fixes do, the likeliest first.
            is_listed: Whether a list in sight says what is wrong, so that only its fixes are news.
        """
        shown = (problem, is_error, place, tuple(fixes), is_listed)
        if shown == self._shown:
            return
        self._shown = shown
        self._problem = problem if is_error else None
        self.set_class(problem is None or (is_listed and not fixes), "-empty")
        if problem is None:
            return
        glyph, colour = ("✗", "$error") if is_error else ("!", "$warning")
        hint = (f" {problem.hint}" if problem.hint and not fixes else "", "$foreground-muted")
        self.query_one("#problem-text", Static).update(
            Content.assemble(
                (f"{glyph} ", f"bold {colour}"),
                (f"{place}  " if place else "", "bold"),
                *(() if is_listed and place else (problem.message, hint)),
            )
        )
        buttons = self.query_one("#problem-fixes", Horizontal)
        async with self.batch():
            await buttons.remove_children()
            await buttons.mount_all(
                FixButton("" if index else "f4", label, index) for index, label in enumerate(fixes[:3])
            )

    def drop_solved(self, problems: Sequence[Violation]) -> None:
        """Hide a problem that is none any more; what else there is comes with the next `show`."""
        if self._problem is not None and all(each.path != self._problem.path for each in problems):
            self._shown = self._problem = None
            self.set_class(True, "-empty")

    def on_click(self, event: events.Click) -> None:
        """Go to the problem."""
        event.stop()
        self.post_message(self.GoRequested())
