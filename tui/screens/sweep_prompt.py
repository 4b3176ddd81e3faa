"""SweepPrompt: the line of the live view in which runs are filtered and metrics chosen. A mixin of `SweepScreen`."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import getters, on
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Input

from trainer.run_filter import parse_run_filter
from tui import filter_keys
from tui.chart_series import metric_names
from tui.feeds import SweepFeed
from tui.widgets.completing_input import Candidate, matching
from tui.widgets.filter_prompt import Completer, FilterPrompt
from tui.widgets.runs_table import RunsTable

FILTER_EXAMPLES = "lr>=1e-3 model~forest · optimizer=adam|sgd · not state=failed · tab completes"


class SweepPrompt(Screen[None]):
    """Asks for a filter, or for a metric."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f",
            "filter_runs",
            "Filter",
            id="sweep.filter",
            tooltip="Show only some runs: words, lr>=0.01, state=failed",
        ),
        Binding("slash", "choose_metric", "Metric", key_display="/", id="sweep.metric", tooltip="Draw another metric"),
    ]

    feed: SweepFeed
    front: str
    table: RunsTable
    prompt_box = getters.query_one(FilterPrompt)
    _edited: Callable[[str], object] | None = None
    _done: Callable[[str], object] | None = None

    def show_runs(self) -> None:
        """Bring the leaderboard up to date."""
        raise NotImplementedError

    def draw_metric(self, words: str) -> None:
        """Draw another metric."""
        raise NotImplementedError

    def action_filter_runs(self) -> None:
        """Ask for a run filter."""
        board = self.feed.board
        keys = filter_keys.board_keys(board)
        self.ask(
            FILTER_EXAMPLES,
            board.filter.text if board.filter else "",
            lambda text, asked: filter_keys.candidates(text, asked, keys),
            note=lambda text: filter_keys.note(text, keys),
            edited=self._filter,
        )

    def _filter(self, text: str) -> None:
        self.feed.board.set_filter(parse_run_filter(text))
        self.show_runs()

    def action_choose_metric(self) -> None:
        """Ask for the metric to draw."""
        names = metric_names(self.feed.board)
        known = [Candidate(name) for name in names]
        self.ask(f"draw: {', '.join(names)}", "", lambda text, asked: matching(known, text), done=self.draw_metric)

    def ask_text(self, placeholder: str, text: str, done: Callable[[str], object]) -> None:
        """Ask for any text; `done` is called with it when it is entered."""
        self.ask(placeholder, text, lambda text, asked: [], done=done, name=placeholder)

    def ask(
        self,
        placeholder: str,
        text: str,
        complete: Completer,
        *,
        note: Callable[[str], str] | None = None,
        edited: Callable[[str], object] | None = None,
        done: Callable[[str], object] | None = None,
        name: str = "",
    ) -> None:
        """Open the line.

        Args:
            placeholder: What an empty line means.
            text: What the line holds at first.
            complete: What a text may become.
            note: What is odd about a text; None where nothing ever is.
            edited: Called with each text while it is typed.
            done: Called with the text that is entered.
            name: What is asked for, said beside a text, too.
        """
        self._edited, self._done = edited, done
        self.add_class("-prompting")
        self.prompt_box.open(placeholder, text, complete, note, name=name)

    def close_prompt(self) -> None:
        """Hide the line; what it filters stays filtered."""
        self.remove_class("-prompting")
        (self.query_one(f"#{self.front}") if self.front else self.table).focus()

    @on(FilterPrompt.Edited)
    def _prompt_changed(self, message: FilterPrompt.Edited) -> None:
        if self._edited is not None and self.has_class("-prompting"):
            self._edited(message.text)

    @on(Input.Submitted, "#prompt")
    def _prompt_done(self, message: Input.Submitted) -> None:
        self.close_prompt()
        if self._done is not None:
            self._done(message.value)
