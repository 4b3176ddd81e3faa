"""SweepsChoosing: which sweeps of the list are looked at: filter, project, marks, and what is done with those marked.

A mixin of `SweepsScreen`. The marks outlast filters and refreshes; actions concern the marked sweeps that still exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import getters, on
from textual.binding import Binding, BindingType
from textual.widgets import Input

from trainer.records import SweepRecord, SweepReference
from tui.last_look import News
from tui.messages import AcrossOpenRequested
from tui.screens.sweep_deriving import SweepDeriving
from tui.widgets.filter_prompt import FilterPrompt
from tui.widgets.sweeps_table import SweepsTable

if TYPE_CHECKING:
    from trainer.filter_hints import FilterKeys

MAX_ACROSS = 50
EXAMPLES = "words · state=running project~wine · best>=0.9 method=bayes|grid · has:lr · age<2h · tab completes"


class SweepsChoosing(SweepDeriving):
    """Filters, marks, and what needs several sweeps."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash", "filter", "Filter", key_display="/", id="sweeps.filter",
            tooltip="Show some sweeps: words, state=running, best>=0.9",
        ),
        Binding("space,M", "mark", "Mark", key_display="space", id="sweeps.mark", tooltip="Mark it, or no longer"),
        Binding(
            "equals_sign", "compare", "Compare", key_display="=", id="sweeps.compare", show=False,
            tooltip="The marked sweeps side by side",
        ),
        Binding(
            "L", "across", "One leaderboard", id="sweeps.across", show=False,
            tooltip="One leaderboard across the marked sweeps",
        ),
        Binding(
            "escape", "clear_filter", "Clear filter", id="sweeps.clear_filter", show=False,
            tooltip="Show all sweeps, take the marks away",
        ),
    ]  # fmt: skip

    sweeps: tuple[SweepRecord, ...] | None
    table = getters.query_one("#sweeps", SweepsTable)
    prompt_box = getters.query_one("#prompt-box", FilterPrompt)

    filter_text = ""
    news: Mapping[SweepReference, News] = {}

    def __init__(self) -> None:
        super().__init__()
        self.marked: dict[SweepReference, None] = {}
        """In the order in which they were marked."""

    def show_list(self) -> None:
        """Bring the list up to date."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what there is something to do for."""
        if action in ("filter", "mark"):
            return bool(self.sweeps)
        if action == "clear_filter":
            return bool(self.filter_text or self.marked or self.has_class("-filtering"))
        return True

    # Filter

    def wanted_sweeps(self, sweeps: Sequence[SweepRecord]) -> Sequence[SweepRecord]:
        """Return the sweeps that the filter wants."""
        if not self.filter_text:
            return sweeps
        # Imported when first needed, as all of the filter's language: the first paint needs none of it.
        from trainer.sweep_filter import matching_sweeps

        return matching_sweeps(sweeps, self.filter_text)

    def action_filter(self) -> None:
        """Ask for a filter."""
        from trainer.sweep_filter import sweep_keys
        from tui.filter_keys import candidates, note

        keys: FilterKeys = sweep_keys(self.sweeps or ())
        self.add_class("-filtering")
        self.prompt_box.open(
            EXAMPLES,
            self.filter_text,
            lambda text, is_asked: candidates(text, is_asked, keys),
            lambda text: note(text, keys),
        )

    @on(FilterPrompt.Edited)
    def _filter_edited(self, message: FilterPrompt.Edited) -> None:
        if self.has_class("-filtering"):
            self._filter_by(message.text)

    def _filter_by(self, text: str) -> None:
        self.filter_text = text
        if self.sweeps:
            self.show_list()

    @on(Input.Submitted, "#prompt")
    def _filter_done(self) -> None:
        self.remove_class("-filtering") if not self.filter_text else None
        self.table.focus()

    def action_clear_filter(self) -> None:
        """Show all sweeps again; with no filter, take the marks away."""
        if not self.filter_text and not self.has_class("-filtering"):
            self.marked.clear()
        self.remove_class("-filtering")
        self._filter_by("")
        self.table.focus()

    # Marks

    def action_mark(self) -> None:
        """Mark the sweep under the cursor, or take its mark away; the cursor goes on to the next."""
        sweep = self.table.current
        if sweep is not None:
            if sweep.reference in self.marked:
                del self.marked[sweep.reference]
            else:
                self.marked[sweep.reference] = None
            self.table.action_move(1)
            self.show_list()

    def _chosen(self, what: str) -> list[SweepRecord]:
        """Return the marked sweeps; with fewer than two, say so and return none."""
        known = {sweep.reference: sweep for sweep in self.sweeps or ()}
        chosen = [known[reference] for reference in self.marked if reference in known]
        if len(chosen) < 2:
            self.notify(f"Mark two sweeps or more with space, then {what}.", severity="warning", timeout=4)
            return []
        return chosen

    def action_across(self) -> None:
        """Show one leaderboard across the marked sweeps."""
        chosen = self._chosen("L shows their runs in one leaderboard")
        if len(chosen) > MAX_ACROSS:
            self.notify(f"{len(chosen)} sweeps are marked; one leaderboard takes {MAX_ACROSS}.", severity="warning")
        elif chosen:
            self.post_message(AcrossOpenRequested(tuple(chosen)))

    def action_compare(self) -> None:
        """Show the marked sweeps side by side."""
        # Imported when first needed, like every screen that is not the first.
        from tui.screens.compare_sweeps import CompareSweepsScreen

        chosen = self._chosen("= compares them")
        if chosen:
            self.app.push_screen(CompareSweepsScreen(self.session, chosen))
