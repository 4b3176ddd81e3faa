"""RunChanging: what can be done to runs, wherever they are shown: tagged, noted, stopped, run again, deleted.

A mixin: the screen says which runs are meant (`targets`) and shows what became of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from trainer.records import RunRecord, SweepReference
from tui.formatting import count_text
from tui.screens.asking import Asking


class RunChanging(Asking):
    """Tags, notes, a stop, another try, deletion."""

    reference: SweepReference

    def targets(self) -> list[RunRecord]:
        """Return the runs that are meant."""
        raise NotImplementedError

    def runs_changed(self, runs: Iterable[RunRecord]) -> None:
        """Show runs with other tags or notes."""
        raise NotImplementedError

    def run_deleted(self, run_id: str) -> None:
        """Show that a run is gone."""
        raise NotImplementedError

    def ask_text(self, placeholder: str, text: str, done: Callable[[str], None]) -> None:
        """Ask for any text; `done` is called with it when it is entered."""
        raise NotImplementedError

    def offer_keys(self) -> None:
        """Offer other keys where other things can be done."""
        self.refresh_bindings()

    def may_change(self) -> bool:
        """Return whether runs can be changed here; say why not."""
        if self.session.why_read_only:
            self.notify(self.session.why_read_only, severity="warning", markup=False)
        return not self.session.why_read_only

    def action_tag_runs(self) -> None:
        """Ask for tags."""
        targets = self.targets()
        if targets and self.may_change():
            shared = [tag for tag in targets[0].tags if all(tag in run.tags for run in targets)]
            self.ask_text(f"tags of {_names(targets)}, with commas", ", ".join(shared), lambda t: self._tag(targets, t))

    def _tag(self, targets: list[RunRecord], text: str) -> None:
        tags = tuple(dict.fromkeys(tag.strip() for tag in text.split(",") if tag.strip()))
        shared = {tag for tag in targets[0].tags if all(tag in run.tags for run in targets)}
        # What only some of them have is not touched.
        changed = [
            dataclasses.replace(
                run, tags=tuple(dict.fromkeys((*(tag for tag in run.tags if tag not in shared), *tags)))
            )
            for run in targets
        ]
        self._change(changed, lambda run: self.session.tag_run(self.reference, run.id, run.tags), "tagged")

    def action_note_runs(self) -> None:
        """Ask for a note."""
        targets = self.targets()
        if targets and self.may_change():
            self.ask_text(f"note on {_names(targets)}", targets[0].notes, lambda t: self._note_runs(targets, t))

    def _note_runs(self, targets: list[RunRecord], text: str) -> None:
        changed = [dataclasses.replace(run, notes=text.strip()) for run in targets]
        self._change(changed, lambda run: self.session.note_run(self.reference, run.id, run.notes), "noted")

    def _change(self, runs: list[RunRecord], do: Callable[[RunRecord], object], what: str) -> None:
        def work() -> None:
            for run in runs:
                do(run)
                self.app.call_from_thread(self.runs_changed, [run])

        self.in_background(work, f"{_names(runs)} {what}.")

    def stop_after_question(self, run: RunRecord) -> None:
        """Ask whether a run is to end, and pass the wish on."""
        if run.state.is_terminal:
            self.notify(f"{run.name} has ended already.", severity="warning", markup=False)
            return
        reference = self.reference
        self._ask(
            f"Stop {run.name}?",
            "It ends at its next step; what it logged stays.",
            "Stop run",
            lambda: self.in_background(
                lambda: self.session.client.stop_run(reference.entity, reference.project, run.id),
                f"{run.name} was asked to stop.",
            ),
        )

    def action_run_again(self) -> None:
        """Have the configurations run again."""
        targets = self.targets()
        if targets:
            self._ask(
                f"Run {_names(targets)} again?",
                "An agent of the sweep runs the same configuration as a new run; the old one stays.",
                "Run again",
                lambda: self.in_background(
                    lambda: self.session.run_again(self.reference, targets), f"{_names(targets)} will run again."
                ),
                danger=False,
            )

    def action_delete_runs(self) -> None:
        """Delete the runs after a question."""
        targets = self.targets()
        if not targets:
            return

        def work() -> None:
            for run in targets:
                self.session.delete_run(self.reference, run.id)
                self.app.call_from_thread(self.run_deleted, run.id)

        self._ask(
            f"Delete {_names(targets)}?",
            "What was logged, its console and its files are gone for good; artifacts stay."
            + (" The sweep may hand its configuration out again." if len(targets) == 1 else ""),
            "Delete",
            lambda: self.in_background(work, f"{_names(targets)} deleted."),
        )


def _names(runs: list[RunRecord]) -> str:
    return runs[0].name if len(runs) == 1 else count_text(len(runs), "run")
