"""SearchSection: what the search is called, how it chooses, what it aims at, and when it stops."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical

from trainer.sweep.validation import GOALS, METHODS
from tui.sweep_document import SweepDocument
from tui.widgets.fields_section import FieldsSection
from tui.widgets.form_field import FormField

STOP_EARLY = "early_terminate"
_OFF, _HYPERBAND = "off", "hyperband"
_TEXTS = ("name", "metric.name")
_HYPERBAND_PATHS = tuple(f"{STOP_EARLY}.{name}" for name in ("min_iter", "max_iter", "s", "eta", "strict"))


class SearchSection(FieldsSection):
    """Name, method, metric, run cap and early stopping."""

    title = "Search"

    def compose(self) -> ComposeResult:
        """Compose the fields."""
        yield FormField("name", "name", placeholder="how lists call it")
        yield FormField("method", "method", options=METHODS)
        yield FormField("metric.name", "metric", placeholder="what the program logs: accuracy")
        yield FormField("metric.goal", "goal", options=GOALS)
        yield FormField("run_cap", "run cap", placeholder="none: until every combination has run")
        yield FormField(STOP_EARLY, "stop early", options=(_OFF, _HYPERBAND))
        with Vertical(id="hyperband"):
            yield FormField(f"{STOP_EARLY}.min_iter", "  min_iter", placeholder="first look, in logged values")
            yield FormField(f"{STOP_EARLY}.max_iter", "  max_iter", placeholder="or: a full run, with s")
            yield FormField(f"{STOP_EARLY}.s", "  s", placeholder="how many looks before max_iter")
            yield FormField(f"{STOP_EARLY}.eta", "  eta", placeholder="3: keep the best third")
            yield FormField(f"{STOP_EARLY}.strict", "  strict", options=("true", "false"))

    async def show(self, document: SweepDocument) -> None:
        """Show the document."""
        await super().show(document)
        self._show_hyperband()

    def store(self, path: str, text: str) -> None:
        """Take over what was typed into the field of a path."""
        if path in _TEXTS:
            self.draft.set(path, text or None)
        elif path == STOP_EARLY:
            self.draft.set(path, {"type": _HYPERBAND, "min_iter": 3} if text == _HYPERBAND else None)
            for inner in _HYPERBAND_PATHS:
                self.field(inner).show_text(self.text_of(inner))
        else:
            super().store(path, text)
        self._show_hyperband()

    def text_of(self, path: str) -> str:
        """Return what the field of a path shows."""
        value = self.draft.get(path)
        if path == STOP_EARLY:
            return _HYPERBAND if value is not None else _OFF
        if path == "metric.goal" and value is None:
            return "minimize"
        if path == f"{STOP_EARLY}.strict" and value is None:
            return "true"
        return super().text_of(path)

    def _field_path(self, path: str) -> str:
        return "metric.name" if path == "metric" else super()._field_path(path)

    def _show_hyperband(self) -> None:
        self.query_one("#hyperband").display = self.draft.get(STOP_EARLY) is not None
