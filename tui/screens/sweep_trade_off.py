"""SweepTradeOff: the Pareto front of the sweep's metric and a second one, in the leaderboard; of `SweepScreen`."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from trainer.records import Metric
from tui.chart_series import metric_names
from tui.front import GLYPH
from tui.metric_words import ARROWS, metric_candidates, metric_of
from tui.screens.sweep_prompt import SweepPrompt
from tui.widgets.completing_input import matching


class SweepTradeOff(SweepPrompt):
    """Marks the runs that no other beats in two metrics at once."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "o", "trade_off", "Trade-off", id="sweep.trade_off", show=False,
            tooltip="Mark the runs that no other beats in the metric and a second one (Pareto front)",
        ),
    ]  # fmt: skip

    def action_trade_off(self) -> None:
        """Ask for the second metric."""
        board = self.feed.board
        if board.metric is None:
            self.notify("This sweep names no metric to trade off against another.", severity="warning")
            return
        known = metric_candidates([name for name in metric_names(board) if name != board.metric.name])
        if not known:
            self.notify("No run has logged a second metric yet.", severity="warning")
            return
        self.ask(
            f"traded off against {board.metric.name}: log_loss, or fit_seconds minimize · nothing for no front",
            f"{board.front.against.name} {board.front.against.goal}" if board.front else "",
            lambda text, asked: matching(known, text),
            done=self._trade_off_entered,
        )
        if board.front is None:
            self.prompt_box.box.ask()

    def _trade_off_entered(self, text: str) -> None:
        board = self.feed.board
        names = [name for name in metric_names(board) if board.metric and name != board.metric.name]
        found = metric_of(text, names)
        if found is None and text.strip():
            self.notify(f"No run has logged {text.strip()!r}.", severity="warning", markup=False)
            return
        self.trade_off(found)

    def trade_off(self, against: Metric | None) -> None:
        """Mark the front of the metric and a second one; none for None."""
        self.feed.board.set_front(against)
        self.show_runs()

    def front_words(self) -> str:
        """Return how many are on the front of which metrics; empty where there is none."""
        board = self.feed.board
        if board.front is None or board.metric is None:
            return ""
        count = len(board.front.group_ids if board.grouping else board.front.run_ids)
        metrics = (board.metric, board.front.against)
        return f"{GLYPH} {count:,} on the front of " + " and ".join(
            f"{each.name} {ARROWS[each.goal]}" for each in metrics
        )
