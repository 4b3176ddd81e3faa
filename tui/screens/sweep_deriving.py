"""SweepDeriving: what follows from the sweep that is shown: analysis, a fork, a narrower one. A mixin of screens."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen

from trainer.errors import TrainerError
from trainer.records import SweepRecord
from tui.messages import BuilderOpenRequested
from tui.session import Session

if TYPE_CHECKING:
    from trainer.search.narrowing import Narrowing
    from trainer.sweep.seed_names import Seeds

DERIVING = "deriving"


class SweepDeriving(Screen[None]):
    """Fork and narrow."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "A", "analyse_sweep", "Analysis", id="derive.analysis", show=False,
            tooltip="What matters, what is chance, what early stopping would have saved, where to search next",
        ),
        Binding(
            "F", "fork_sweep", "Fork", id="derive.fork", show=False,
            tooltip="Build a new sweep of this space, without the points that have run",
        ),
        Binding(
            "N", "narrow_sweep", "Narrow", id="derive.narrow", show=False,
            tooltip="Build a new sweep of the region where the best runs lie",
        ),
    ]  # fmt: skip

    @dataclass
    class Narrowed(Message):
        """It is known where the best runs of a sweep lie."""

        sweep: SweepRecord
        narrowing: Narrowing

    session: Session

    def sweep_to_derive(self) -> SweepRecord | None:
        """Return the sweep that is meant, if there is one."""
        return None

    def seeds_chosen(self) -> Seeds | None:
        """Return which keys only repeat a configuration, where the user said so."""
        return None

    def action_analyse_sweep(self) -> None:
        """Show what the runs of the sweep say."""
        # Imported when first needed, like every screen that is not the first.
        from tui.screens.analysis import AnalysisScreen

        sweep = self.sweep_to_derive()
        if sweep is not None:
            screen = AnalysisScreen(self.session, sweep)
            screen.seeds = self.seeds_chosen()
            self.app.push_screen(screen)

    def action_fork_sweep(self) -> None:
        """Open the builder with the space of the sweep, its runs reused."""
        # Imported when first needed: the first paint waits for nothing of YAML's writing.
        from trainer.tracking.forking import fork_text

        sweep = self.sweep_to_derive()
        if sweep is not None:
            self.post_message(BuilderOpenRequested(text=fork_text(sweep)))

    def action_narrow_sweep(self) -> None:
        """Find where the best runs lie, and offer what follows from it."""
        sweep = self.sweep_to_derive()
        if sweep is None:
            return
        if sweep.metric is None:
            self.notify(f"{sweep.name} names no metric, so none of its runs is best.", severity="warning", markup=False)
            return
        self.notify(f"Reading the runs of {sweep.name}…", timeout=2, markup=False)
        self.find_best_region(sweep)

    @work(thread=True, exclusive=True, exit_on_error=False, group=DERIVING, description="derive")
    def find_best_region(self, sweep: SweepRecord) -> None:
        """Read the runs and look where the best of them lie."""
        try:
            found = self.session.narrowing(sweep)
        except TrainerError as error:
            self.app.call_from_thread(self.notify, str(error), severity="error", timeout=8, markup=False)
            return
        self.post_message(self.Narrowed(sweep, found))

    @on(Narrowed)
    def _offer_narrowing(self, message: Narrowed) -> None:
        from trainer.sweep.yaml_style import flow_yaml, styled_yaml
        from tui.screens.diff import DiffScreen, ProposedChange

        found, sweep = message.narrowing, message.sweep
        if not found.changes:
            reasons = "\n".join(f"{kept.name}: {kept.reason}" for kept in found.kept[:6])
            self.notify(
                found.problem or reasons, title="Nothing to narrow", severity="warning", timeout=10, markup=False
            )
            return
        changes = [
            ProposedChange(change.path, change.name, flow_yaml(change.before), flow_yaml(change.after), change.reason)
            for change in found.changes
        ]

        def text_with(accepted: frozenset[Hashable]) -> str:
            return styled_yaml(
                found.config(frozenset(change.path for change in found.changes if change.path in accepted))
            )

        def answered(accepted: frozenset[Hashable] | None) -> None:
            if accepted:
                paths = frozenset(change.path for change in found.changes if change.path in accepted)
                edit = (found.config(paths), "narrow to the best runs")
                self.post_message(BuilderOpenRequested(config=sweep.config, edit=edit))

        title = f"Narrow {sweep.name} to its best {found.best} of {found.runs} runs"
        kept = [f"{each.name}: {each.reason}" for each in found.kept]
        self.app.push_screen(DiffScreen(title, changes, styled_yaml(sweep.config), text_with, kept=kept), answered)
