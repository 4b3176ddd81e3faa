"""AcrossScreen: one leaderboard across several sweeps. A live view whose sweep is several ones; steers none of them."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from trainer.records import Metric, SweepRecord
from tui.feeds import FeedChange
from tui.formatting import count_text, metric_text
from tui.messages import SweepOpenRequested
from tui.screens.choose_metric import ChooseMetricScreen, MetricChoice
from tui.screens.sweep import SweepScreen
from tui.several_session import SeveralSession
from tui.widgets.sweep_summary import SweepSummary

_OF_ONE_SWEEP = frozenset(
    (
        "toggle_pause", "stop_sweep", "cancel_sweep", "add_agent", "drain_agent", "drain_agents", "stop_agents",
        "retry_failed", "fork_sweep", "narrow_sweep",
    )
)  # fmt: skip


class AcrossScreen(SweepScreen):
    """Watches several sweeps as one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("O", "open_sweep", "Its sweep", id="across.open", tooltip="Open the sweep of the run under the cursor"),
        Binding("w", "choose_ranking", "Rank by", id="across.metric", tooltip="Which metric ranks the runs"),
        Binding(
            "P,S,X,plus,minus,D,underscore,R,F,N",
            "say_of_one",
            "Of one sweep",
            id="across.of_one",
            show=False,
            tooltip="What is done to one sweep: O opens that of the run under the cursor",
        ),
    ]

    session: SeveralSession

    def __init__(self, session: SeveralSession) -> None:
        """Create the view; the sweeps are read once it is shown."""
        super().__init__(session, session.several.reference)

    @property
    def screen_title(self) -> str:
        """How many sweeps are shown."""
        return f"Across {count_text(len(self.session.several.labels), 'sweep')}"

    def compose(self) -> ComposeResult:
        """Compose the live view with a line for the sweeps below its summary."""
        for widget in super().compose():
            yield widget
            if isinstance(widget, SweepSummary):
                yield Static("", id="across")

    def memory_key(self, base_url: str) -> str:
        """Return the name under which the view is kept: all sweeps in it, whose names the reference cuts."""
        return " ".join([base_url, *sorted(map(str, self.session.several.labels))])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer nothing that would be done to a whole sweep."""
        return False if action in _OF_ONE_SWEEP else super().check_action(action, parameters)

    def sweep_to_derive(self) -> SweepRecord | None:
        """Return the sweeps as one: their runs can be analysed together."""
        return self.feed.sweep

    def show_change(self, change: FeedChange) -> None:
        """Bring the line of the sweeps up to date, too."""
        super().show_change(change)
        self._show_sweeps()

    def _show_sweeps(self) -> None:
        shared, several = self.session.shared, self.session.several
        line = self.query_one("#across", Static)
        gap = "  " if self.compact else "\n"
        parts = [Content.styled(f"! {shared.note}{gap}", "$warning")] if shared.note else []
        if shared.metric is not None:
            parts += self._bests(shared.metric)
        else:
            parts.append(Content(" · ".join(several.labels.values())))
        line.update(Content.assemble(*parts))

    def _bests(self, metric: Metric) -> list[Content]:
        """Return each sweep's name with the best value of its runs, the best sweep first."""
        board = self.feed.board
        best: dict[str, float] = {}
        for run_id in board.ranked:
            value = board.value(run_id)
            if value is not None:
                best.setdefault(board.runs[run_id].sweep_id, value)
        ordered = [*best, *(label for label in self.session.several.labels.values() if label not in best)]
        parts = []
        for place, label in enumerate(ordered):
            parts.append(Content.styled(f"{' · ' if place else ''}{label} ", "$text-muted"))
            parts.append(Content.styled(metric_text(best.get(label)), "bold $accent" if not place else "bold"))
        return parts

    def action_say_of_one(self) -> None:
        """Say where that is done: what a key does to one sweep would be done to all of these."""
        self.notify("That is done to one sweep at a time: O opens the sweep of the run under the cursor.", timeout=4)

    def action_open_sweep(self) -> None:
        """Open the sweep of the run under the cursor, in a live view of its own."""
        owner = self.session.several.owner(self.table.cursor_run_id)
        if owner is not None:
            self.app.post_message(SweepOpenRequested(owner))

    def action_choose_ranking(self) -> None:
        """Ask for the metric that ranks the runs."""
        self.app.push_screen(ChooseMetricScreen(self.session.several.parts, self.session.shared.metric), self._rank_by)

    def _rank_by(self, choice: MetricChoice | None) -> None:
        several, shared = self.session.several, self.session.shared
        if choice is None or (shared.metric and (choice.name, choice.goal) == (shared.metric.name, shared.metric.goal)):
            return
        session = SeveralSession(self.session.whole, several.parts, choice.name, choice.goal)
        self.app.switch_screen(AcrossScreen(session))
