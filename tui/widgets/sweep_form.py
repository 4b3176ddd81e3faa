"""SweepForm: everything of a sweep that is typed or chosen. Edits the `SweepDraft` it is given."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from textual import getters, on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.message import Message

from trainer.records import Json
from trainer.sweep.validation import GOALS, METHODS, Violation
from tui.shorthand import parse_value, value_text
from tui.sweep_draft import SweepDraft
from tui.widgets.form_field import FormField
from tui.widgets.parameter_editor import ParameterEditor

STOP_EARLY = "early_terminate"
_OFF, _HYPERBAND = "off", "hyperband"
_TEXTS = ("name", "program", "metric.name")
_HYPERBAND_PATHS = tuple(f"{STOP_EARLY}.{name}" for name in ("min_iter", "max_iter", "s", "eta", "strict"))


class SweepForm(VerticalScroll, can_focus=False):
    """The form: what is searched and how, the parameters, and what runs."""

    @dataclass
    class Changed(Message):
        """The draft changed."""

        form: SweepForm

        @property
        def control(self) -> SweepForm:
            """The form that changed."""
            return self.form

    parameters = getters.query_one("#parameters", ParameterEditor)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        """Create the form, empty; see `show`."""
        super().__init__(id=id)
        self.draft = SweepDraft({})
        self._command_problem = ""

    def compose(self) -> ComposeResult:
        """Compose the three panels."""
        with Vertical(classes="form-panel") as panel:
            panel.border_title = "Search"
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
        with Vertical(classes="form-panel") as panel:
            panel.border_title = "Parameters"
            yield ParameterEditor(id="parameters")
        with Vertical(classes="form-panel") as panel:
            panel.border_title = "Program"
            yield FormField("program", "program", placeholder="train.py")
            yield FormField("command", "command", placeholder="${env} ${interpreter} ${program} ${args}")

    def on_descendant_focus(self) -> None:
        """Mark the panel that has the focus.

        A class, since a panel with `:focus-within` would have all its rows styled anew at every move between them.
        """
        for panel in self.query(".form-panel"):
            panel.set_class(panel.has_focus_within, "-active")

    async def show(self, draft: SweepDraft) -> None:
        """Show a draft and edit it from now on."""
        self.draft = draft
        self._command_problem = ""
        for field in self.query(FormField):
            field.show_text(self._text_of(field.path))
        self._show_hyperband()
        await self.parameters.show(draft.rows)

    def show_problems(self, problems: Sequence[Violation]) -> None:
        """Show each problem at its field; those that have none are the caller's to show."""
        fields = {field.path: field for field in self.query(FormField)}
        texts: dict[str, str] = {}
        if self._command_problem:
            texts["command"] = self._command_problem
        for problem in problems:
            owner = _field_path(problem.path, tuple(fields))
            if owner:
                texts.setdefault(owner, f"{problem.message} {problem.hint}".strip())
        for path, field in fields.items():
            field.show_problem(texts.get(path, ""))
        self.parameters.show_problems(problems)

    @property
    def own_problems(self) -> list[Violation]:
        """What is being typed and cannot be read yet."""
        return [Violation("command", self._command_problem, "", None)] if self._command_problem else []

    def field(self, path: str) -> FormField:
        """Return the field that edits the value at `path`."""
        return self.query_one(f"#field-{path.replace('.', '-')}", FormField)

    def focus_path(self, path: str) -> None:
        """Go to the field that a violation is about."""
        self.parameters.focus_path(path)
        owner = _field_path(path, tuple(field.path for field in self.query(FormField)))
        if owner:
            self.field(owner).focus_control()

    @on(FormField.Edited)
    def _edited(self, message: FormField.Edited) -> None:
        message.stop()
        self._store(message.path, message.text)
        if message.path == STOP_EARLY:
            for path in _HYPERBAND_PATHS:
                self.field(path).show_text(self._text_of(path))
        self._show_hyperband()
        self.post_message(self.Changed(self))

    @on(ParameterEditor.Changed)
    def _parameters_changed(self, message: ParameterEditor.Changed) -> None:
        message.stop()
        self.post_message(self.Changed(self))

    def _store(self, path: str, text: str) -> None:
        if path in _TEXTS:
            self.draft.set(path, text or None)
        elif path == "command":
            self._store_command(text)
        elif path == STOP_EARLY:
            self.draft.set(path, {"type": _HYPERBAND, "min_iter": 3} if text == _HYPERBAND else None)
        else:
            self.draft.set(path, parse_value(text))

    def _store_command(self, text: str) -> None:
        try:
            words: list[Json] = [*shlex.split(text)]
        except ValueError:
            self._command_problem = "A quote is not closed."
            return
        self._command_problem = ""
        self.draft.set("command", words or None)

    def _text_of(self, path: str) -> str:
        value = self.draft.get(path)
        if path == STOP_EARLY:
            return _HYPERBAND if value is not None else _OFF
        if path == "metric.goal":
            return "minimize" if value is None else str(value)
        if path == f"{STOP_EARLY}.strict":
            return "true" if value is None else value_text(value)
        if value is None:
            return ""
        if path == "command" and isinstance(value, list):
            return " ".join(_quoted(str(word)) for word in value)
        return value if isinstance(value, str) else value_text(value)

    def _show_hyperband(self) -> None:
        self.query_one("#hyperband").display = self.draft.get(STOP_EARLY) is not None


def _field_path(path: str, known: Sequence[str]) -> str:
    """Return the field a violation belongs to; empty if there is none."""
    if path == "metric":
        return "metric.name"
    owners = [each for each in known if path == each or path.startswith((f"{each}.", f"{each}["))]
    return max(owners, key=len, default="")


def _quoted(word: str) -> str:
    """Return a word of a command as it is typed; `${args}` needs no quotes here, since no shell sees it."""
    needs_quotes = not word or any(character.isspace() or character in "'\"\\" for character in word)
    return shlex.quote(word) if needs_quotes else word
