"""ChooseMetricScreen: which metric, and which direction of it, ranks the runs of several sweeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from trainer.records import Goal, Metric, SweepRecord
from tui.formatting import count_text
from tui.screens.list_dialog import ListDialog


@dataclass(frozen=True, slots=True)
class MetricChoice:
    """What is to rank the runs."""

    name: str
    goal: Goal


def metric_choices(sweeps: Sequence[SweepRecord]) -> list[tuple[MetricChoice, int]]:
    """Return each metric with each goal that a sweep has for it, and how many sweeps do; the most common first."""
    counts = Counter(MetricChoice(sweep.metric.name, sweep.metric.goal) for sweep in sweeps if sweep.metric)
    return counts.most_common()


class ChooseMetricScreen(ListDialog[MetricChoice | None]):
    """A list of metrics; returns the one chosen, or None."""

    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,w,q", "close", "Back", id="choose_metric.close", tooltip="Leave the ranking as it is"),
    ]

    def __init__(self, sweeps: Sequence[SweepRecord], now: Metric | None) -> None:
        """Offer the metrics of some sweeps; `now` is the one that ranks."""
        super().__init__()
        self.choices = metric_choices(sweeps)
        self.now = now
        self.count = len(sweeps)

    def compose(self) -> ComposeResult:
        """Compose the dialog."""
        options = []
        for number, (choice, count) in enumerate(self.choices):
            is_now = self.now is not None and (choice.name, choice.goal) == (self.now.name, self.now.goal)
            words = Content.assemble(
                "● " if is_now else "  ", (choice.name, "bold"), f"  {choice.goal}  ",
                (f"{count} of {count_text(self.count, 'sweep')}", "$text-muted"),
            )  # fmt: skip
            options.append(Option(words, id=str(number)))
        with Vertical(classes="dialog"):
            yield Static("Which metric ranks the runs", classes="dialog-title")
            yield OptionList(*options)
            yield Static("enter takes it · esc back", classes="dialog-hint")

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self.choices[event.option_index][0])

    def action_close(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)
