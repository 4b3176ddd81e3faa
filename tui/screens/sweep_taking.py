"""SweepTaking: what is taken along of a sweep: its best configuration, the table, a report, a bundle, a picture.

A mixin of `SweepScreen`: the keys, the menu, and the workers that write files. Shows nothing itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType

from trainer.atomic_file import write_text_atomically
from trainer.errors import TrainerError
from trainer.records import Metric, Ranking, RunRecord, SweepRecord, SweepReference
from tui.clipboard import clipboard_hint, clipboard_takes
from tui.feeds import SweepFeed
from tui.screens.asking import Asking
from tui.screens.export import ExportItem, ExportScreen
from tui.screens.sweep_deriving import SweepDeriving
from tui.session import Session

if TYPE_CHECKING:
    from trainer.exports.table_files import TableFileFormat

CONFIG_FORMS = {"yaml": "YAML", "args": "command line arguments", "hydra": "Hydra overrides", "json": "JSON"}
_SUFFIXES = {"yaml": ".yaml", "args": ".txt", "hydra": ".txt", "json": ".json"}


class SweepTaking(SweepDeriving, Asking):
    """Copy and write."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "E",
            "export",
            "Export",
            id="sweep.export",
            tooltip="Take along the best configuration, the table, a report, or the whole sweep as a file",
        ),
        Binding("c", "copy_best", "Copy", id="sweep.copy", show=False, tooltip="Copy the best configuration as YAML"),
    ]

    session: Session
    reference: SweepReference
    feed: SweepFeed
    environ: Mapping[str, str] = os.environ
    """The environment, which knows the terminal."""

    def action_copy_best(self) -> None:
        """Copy the best configuration as YAML."""
        best = self._best()
        if best is None:
            self.notify("No run has a value of the metric yet, so none is best.", severity="warning")
        else:
            self.copy_config(*best, "yaml")

    def action_export(self) -> None:
        """Ask what to take along."""
        sweep = self.feed.sweep
        if sweep is None:
            self.notify("The sweep has not been read yet.", severity="warning")
            return

        def chosen(choice: str | None) -> None:
            if choice is not None:
                self.take(sweep, choice)

        self.app.push_screen(ExportScreen(self._groups(sweep)), chosen)

    def take(self, sweep: SweepRecord, choice: str) -> None:
        """Do what was chosen: `copy-yaml`, or the name of a file of the menu."""
        best, board = self._best(), self.feed.board
        verb, _, form = choice.partition("-")
        if verb == "copy" and best is not None:
            self.copy_config(*best, form)
            return
        path = self.session.cwd / form
        if verb == "picture":
            # The menu has gone by then, and the picture shows what is under it.
            self.call_after_refresh(self._take_picture, path)
            return
        if verb == "best":
            if best is not None:
                self._write_config(*best, "yaml", path)
            return
        # Imported in the worker: pandas, the report's forest and the client cost seconds.
        self.notify(f"Writing {path.name}…", timeout=2, markup=False)
        do = partial(self._write, verb, sweep, path, board.metric, board.by)
        self.in_background(do, f"Written to {path}.")

    def _write(self, verb: str, sweep: SweepRecord, path: Path, metric: Metric | None, by: Ranking) -> None:
        from trainer import taking

        client = self.session.client
        if verb == "table":
            table_format = cast("TableFileFormat", path.suffix.removeprefix("."))
            taking.take_table(client, sweep, path, table_format, metric, by)
        elif verb == "report":
            taking.take_report(client, sweep, path, metric, by, self.session.frozen_at)
        else:
            taking.take_bundle(client, sweep, path)

    def _take_picture(self, path: Path) -> None:
        picture = self.app.export_screenshot(title=f"sweep-tui · {self.reference}")
        self.in_background(lambda: write_text_atomically(path, picture), f"Written to {path}.")

    def copy_config(self, sweep: SweepRecord, run: RunRecord, form: str) -> None:
        """Copy a run's configuration; where the terminal has no clipboard, write it to a file."""
        text = self._config(sweep, run, form)
        if text is None:
            return
        if not clipboard_takes(text, self.environ):
            self._write_config(sweep, run, form, self._free_path(f"best-{self.reference.id}", _SUFFIXES[form]))
            return
        self.app.copy_to_clipboard(text)
        said = text + clipboard_hint(self.environ)
        self.notify(said, title=f"Copied: configuration of {run.name}", timeout=6, markup=False)

    def _write_config(self, sweep: SweepRecord, run: RunRecord, form: str, path: Path) -> None:
        text = self._config(sweep, run, form)
        if text is not None:
            self.in_background(lambda: write_text_atomically(path, text + "\n"), f"Written to {path}.")

    def _config(self, sweep: SweepRecord, run: RunRecord, form: str) -> str | None:
        # Imported when first needed: yaml and the text tables are not for the first paint.
        from trainer.tracking.leaderboard import render_best

        board = self.feed.board
        try:
            return render_best(sweep, [run], metric=board.metric, by=board.by, output_format=form)
        except TrainerError as error:
            self.notify(str(error), severity="warning", timeout=8, markup=False)
            return None

    def _best(self) -> tuple[SweepRecord, RunRecord] | None:
        board, sweep = self.feed.board, self.feed.sweep
        return (sweep, board.runs[board.chosen_id]) if sweep and board.chosen_id else None

    def _groups(self, sweep: SweepRecord) -> dict[str, list[ExportItem]]:
        # Imported when first needed, as above.
        from trainer.bundle.layout import bundle_name

        number, chosen = self.reference.id, self._best()
        best = chosen[1] if chosen else None
        groups: dict[str, list[ExportItem]] = {}
        if best is not None:
            copies = [ExportItem(f"copy-{form}", "Copy", words) for form, words in CONFIG_FORMS.items()]
            groups[f"Configuration of {best.name}"] = [*copies, self._file("best", f"best-{number}.yaml")]
        runs = len(self.feed.board.runs)
        groups[f"All {runs:,} runs, every column" if runs != 1 else "The run, every column"] = [
            self._file("table", f"runs-{number}.{suffix}") for suffix in ("csv", "json", "parquet")
        ]
        whole = [
            self._file("report", f"report-{number}.html", "with charts"),
            self._file("report", f"report-{number}.md"),
            self._file("picture", f"screen-{number}.svg", "this screen"),
        ]
        if not self.session.why_read_only:
            whole.insert(2, self._file("bundle", bundle_name(sweep), "needs no server"))
        return groups | {"The sweep": whole}

    def _file(self, verb: str, name: str, note: str = "") -> ExportItem:
        is_there = os.path.lexists(self.session.cwd / name)
        return ExportItem(f"{verb}-{name}", "Replace" if is_there else "Write", name, note)

    def _free_path(self, stem: str, suffix: str) -> Path:
        names = (f"{stem}{'' if number == 1 else f'-{number}'}{suffix}" for number in range(1, 1000))
        cwd = self.session.cwd
        return next((cwd / name for name in names if not os.path.lexists(cwd / name)), cwd / f"{stem}{suffix}")
