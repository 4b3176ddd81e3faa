"""FieldsSection: a section that is made of form fields, each of which edits the value at its path."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on

from trainer.sweep.validation import Violation
from tui.shorthand import parse_value, value_text
from tui.sweep_document import SweepDocument
from tui.sweep_draft import SweepDraft
from tui.widgets.builder_section import BuilderSection
from tui.widgets.form_field import FormField


class FieldsSection(BuilderSection):
    """Shows the draft in its fields and stores what is typed."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        """Create the section, empty; see `show`."""
        super().__init__(id=id)
        self.document = SweepDocument.from_config({})
        self._known: tuple[str, ...] = ()
        """Paths of the fields, which are there for good: asked of the tree of widgets at every key, for each problem,
        they took longer than everything else together."""

    def on_mount(self) -> None:
        """Remember the fields once all of them are there."""
        self.call_after_refresh(self._remember_fields)

    def _remember_fields(self) -> None:
        self._known = self._field_paths()

    def _field_paths(self) -> tuple[str, ...]:
        return tuple(field.path for field in self.query(FormField))

    @property
    def draft(self) -> SweepDraft:
        """The draft that is edited."""
        return self.document.draft

    async def show(self, document: SweepDocument) -> None:
        """Show the document."""
        self.document = document
        for field in self.query(FormField):
            field.show_text(self.text_of(field.path))

    def show_problems(self, problems: Sequence[Violation]) -> None:
        """Show each problem at its field."""
        texts: dict[str, str] = {}
        for problem in problems:
            owner = self._field_path(problem.path)
            if owner:
                texts.setdefault(owner, f"{problem.message} {problem.hint}".strip())
        for field in self.query(FormField):
            field.show_problem(texts.get(field.path, ""))

    def owns(self, path: str) -> bool:
        """Return whether one of the fields edits the value at a path."""
        return bool(self._field_path(path))

    def focus_path(self, path: str) -> None:
        """Go to the field of a path; to the first one where there is none."""
        owner = self._field_path(path)
        (self.field(owner) if owner else self.query(FormField).first()).focus_control()

    def field(self, path: str) -> FormField:
        """Return the field that edits the value at `path`."""
        return self.query_one(f"#field-{path.replace('.', '-')}", FormField)

    @on(FormField.Edited)
    def _edited(self, message: FormField.Edited) -> None:
        message.stop()
        self.store(message.path, message.text)
        self.tell_changed(f"edit {message.field.label.strip()}", message.path)

    def store(self, path: str, text: str) -> None:
        """Take over what was typed into the field of a path."""
        self.draft.set(path, parse_value(text))

    def text_of(self, path: str) -> str:
        """Return what the field of a path shows."""
        value = self.draft.get(path)
        if value is None:
            return ""
        return value if isinstance(value, str) else value_text(value)

    def _field_path(self, path: str) -> str:
        """Return the field a violation belongs to; empty if there is none."""
        owners = [
            each
            for each in self._known or self._field_paths()
            if path == each or path.startswith((f"{each}.", f"{each}["))
        ]
        return max(owners, key=len, default="")
