"""SweepPrompt: the line of the live view in which runs are filtered and metrics chosen. A mixin of `SweepScreen`."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import getters, on
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Input

from trainer.filter_hints import FilterKeys
from trainer.run_filter import parse_run_filter
from tui import filter_keys
from tui.chart_series import metric_names
from tui.feeds import SweepFeed
from tui.widgets.completing_input import Candidate, matching
from tui.widgets.filter_prompt import FilterPrompt
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
    _prompt_is_filter = True
    _text_wanted: Callable[[str], None] | None = None
    _filter_keys = FilterKeys()

    def show_runs(self) -> None:
        """Bring the leaderboard up to date."""
        raise NotImplementedError

    def draw_metric(self, words: str) -> None:
        """Draw another metric."""
        raise NotImplementedError

    def action_filter_runs(self) -> None:
        """Ask for a run filter."""
        board = self.feed.board
        self._filter_keys = filter_keys.board_keys(board)
        self._open_prompt(FILTER_EXAMPLES, board.filter.text if board.filter else "", is_filter=True)

    def action_choose_metric(self) -> None:
        """Ask for the metric to draw."""
        names = ", ".join(metric_names(self.feed.board))
        self._open_prompt(f"draw: {names}", "", is_filter=False)

    def ask_text(self, placeholder: str, text: str, done: Callable[[str], None]) -> None:
        """Ask for any text; `done` is called with it when it is entered."""
        self._open_prompt(placeholder, text, is_filter=False)
        self._text_wanted = done

    def _open_prompt(self, placeholder: str, text: str, *, is_filter: bool) -> None:
        self._text_wanted = None
        self._prompt_is_filter = is_filter
        self.add_class("-prompting")
        note = (lambda text: filter_keys.note(text, self._filter_keys)) if is_filter else None
        self.prompt_box.open(placeholder, text, self._candidates, note)

    def _candidates(self, text: str, is_asked: bool) -> list[Candidate]:
        if self._prompt_is_filter:
            return filter_keys.candidates(text, is_asked, self._filter_keys)
        if self._text_wanted is not None:
            return []
        return matching([Candidate(name) for name in metric_names(self.feed.board)], text)

    def close_prompt(self) -> None:
        """Hide the line; what it filters stays filtered."""
        self.remove_class("-prompting")
        (self.query_one(f"#{self.front}") if self.front else self.table).focus()

    @on(FilterPrompt.Edited)
    def _prompt_changed(self, message: FilterPrompt.Edited) -> None:
        if self._prompt_is_filter and self.has_class("-prompting"):
            self.feed.board.set_filter(parse_run_filter(message.text))
            self.show_runs()

    @on(Input.Submitted, "#prompt")
    def _prompt_done(self, message: Input.Submitted) -> None:
        self.close_prompt()
        if self._text_wanted is not None:
            self._text_wanted(message.value)
        elif not self._prompt_is_filter:
            self.draw_metric(message.value)
