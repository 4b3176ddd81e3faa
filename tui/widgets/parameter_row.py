"""ParameterRow: one parameter: name, values in one line of text, and under it, while it is focused, every key typed."""

from __future__ import annotations

from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, HorizontalGroup, Vertical
from textual.message import Message
from textual.widgets import Input, Label, Select, Static

from trainer.errors import SweepConfigError
from trainer.records import Json
from trainer.sweep.parameters import DISTRIBUTIONS, Field, infer_distribution, parameter_from_config
from tui.conversion import converted, entry_for
from tui.shorthand import (
    ShorthandError,
    format_entry,
    items_text,
    parse_items,
    parse_shorthand,
    parse_value,
    value_text,
)
from tui.sweep_count import short_count
from tui.sweep_draft import ParameterDraft
from tui.widgets.steady_input import SteadyInput

_LIST_KINDS = ("values", "probabilities")


class ParameterRow(Vertical):
    """Edits the `ParameterDraft` it is given, in place, and says when it did."""

    @dataclass
    class Edited(Message):
        """The parameter changed."""

        row: ParameterRow

        @property
        def control(self) -> ParameterRow:
            """The row that was edited."""
            return self.row

    def __init__(self, draft: ParameterDraft) -> None:
        """Create the row of a parameter."""
        super().__init__()
        self.draft = draft
        self._text = format_entry(draft.entry)
        self._field_names: tuple[str, ...] = ()
        self._problem = ""

    def compose(self) -> ComposeResult:
        """Compose the line; the details come when they are first needed."""
        with Horizontal(classes="parameter-line"):
            yield SteadyInput(
                self.draft.name, placeholder="name", compact=True, select_on_focus=False, classes="parameter-name"
            )
            yield SteadyInput(
                self._text,
                placeholder="50, 100   1..10   1e-5..0.1 log",
                compact=True,
                select_on_focus=False,
                classes="parameter-text",
            )
            yield Static("", classes="parameter-kind", markup=False)
            yield Static("", classes="parameter-count", markup=False)
        yield Vertical(classes="parameter-details")
        yield Static("", classes="field-problem", markup=False)

    def on_mount(self) -> None:
        """Say what the entry is."""
        self._show_kind()

    @property
    def distribution(self) -> str | None:
        """The distribution W&B reads into the entry; None when it has none."""
        entry = self.draft.entry
        return infer_distribution(entry) if isinstance(entry, dict) else None

    def show_problem(self, text: str) -> None:
        """Show what is wrong; an empty text clears it."""
        if text == self._problem:
            return
        self._problem = text
        self.set_class(bool(text), "-problem")
        self.query_one(".field-problem", Static).update(f"↑ {text}" if text else "")

    def focus_column(self, column: str) -> None:
        """Focus the name or the text: `parameter-name` or `parameter-text`."""
        self.query_one(f".{column}", Input).focus()

    async def on_descendant_focus(self) -> None:
        """Show the keys of the distribution below the line; laid out once, when all of them are there."""
        with self.app.batch_update():
            if not self.query(Select):
                await self.query_one(".parameter-details").mount_all(
                    [
                        HorizontalGroup(
                            Label("distribution", classes="detail-label"),
                            Select(
                                [(name, name) for name in DISTRIBUTIONS],
                                value=self.distribution or Select.NULL,
                                prompt="none yet",
                                compact=True,
                            ),
                            Static("", classes="detail-help", markup=False),
                        ),
                        Vertical(classes="detail-fields"),
                    ]
                )
            await self._show_details()
        self.call_after_refresh(self.scroll_visible, animate=False)

    async def on_descendant_blur(self) -> None:
        """Let the keys below the line go once the focus is in another row: every widget makes each move slower.

        Where nothing has the focus, the terminal itself lost it, and gives it back to the same widget.
        """
        if not self.has_focus_within and self.screen.focused is not None:
            self._field_names = ()
            with self.app.batch_update():
                await self.query_one(".parameter-details").remove_children()

    @on(Input.Changed, ".parameter-name")
    def _name_changed(self, message: Input.Changed) -> None:
        message.stop()
        if message.value != self.draft.name:
            self.draft.name = message.value
            self.post_message(self.Edited(self))

    @on(Input.Changed, ".parameter-text")
    async def _text_changed(self, message: Input.Changed) -> None:
        message.stop()
        if message.value == self._text:
            return
        self._text = message.value
        try:
            self.draft.entry = parse_shorthand(message.value)
            self.draft.problem = ""
        except ShorthandError as error:
            self.draft.problem = str(error)
        with self.app.batch_update():
            self._announce()
            await self._show_details()

    @on(Select.Changed)
    async def _distribution_chosen(self, message: Select.Changed) -> None:
        message.stop()
        if isinstance(message.value, str) and message.value != self.distribution:
            self._set_entry(converted(self.draft.entry, message.value))
            await self._show_details()

    @on(Input.Changed, ".detail-input")
    def _field_changed(self, message: Input.Changed) -> None:
        message.stop()
        distribution = DISTRIBUTIONS.get(self.distribution or "")
        field = distribution.field(message.input.name or "") if distribution else None
        entry = self.draft.entry
        if field is None or distribution is None or not isinstance(entry, dict):
            return
        if message.value == _field_text(entry, field):
            return
        fields = {name: value for name, value in entry.items() if name != "distribution"}
        fields.pop(field.name, None)
        if message.value.strip():
            fields[field.name] = _field_value(field, message.value)
        ordered = {each.name: fields.pop(each.name) for each in distribution.fields if each.name in fields}
        self._set_entry(entry_for(distribution.name, ordered | fields))

    def _set_entry(self, entry: dict[str, Json]) -> None:
        self.draft.entry = entry
        self.draft.problem = ""
        self._text = format_entry(entry)
        with self.prevent(Input.Changed):
            self.query_one(".parameter-text", Input).value = self._text
        self._announce()

    def _announce(self) -> None:
        self._show_kind()
        self.post_message(self.Edited(self))

    def _show_kind(self) -> None:
        distribution = self.distribution
        self.query_one(".parameter-kind", Static).update(distribution or "", layout=False)
        self.query_one(".parameter-count", Static).update(self._count_text(), layout=False)

    def _count_text(self) -> str:
        if self.distribution in (None, "constant") or not isinstance(self.draft.entry, dict):
            return ""
        try:
            parameter = parameter_from_config(self.draft.path, self.draft.entry)
        except SweepConfigError:
            return "?"
        choices = parameter.grid or parameter.choices
        return f"× {short_count(choices.count)}" if choices is not None else "∞"

    async def _show_details(self) -> None:
        """Bring the details in line with the entry; fields are made anew only when the distribution changed."""
        if not self.query(Select):
            return
        distribution = DISTRIBUTIONS.get(self.distribution or "")
        with self.prevent(Select.Changed):
            self.query_one(Select).value = distribution.name if distribution else Select.NULL
        text = distribution.help if distribution else "type values, or choose how they are drawn"
        if distribution is not None and distribution.replacement:
            text += f": use {distribution.replacement}"
        self.query_one(".detail-help", Static).update(text, layout=False)
        fields = distribution.fields if distribution else ()
        names = tuple(field.name for field in fields)
        entry = self.draft.entry if isinstance(self.draft.entry, dict) else {}
        if names != self._field_names:
            self._field_names = names
            holder = self.query_one(".detail-fields")
            await holder.remove_children()
            await holder.mount_all([_detail(field, entry) for field in fields])
            return
        for field, box in zip(fields, self.query(".detail-input").results(Input), strict=False):
            text = _field_text(entry, field)
            if not box.has_focus and box.value != text:
                with box.prevent(Input.Changed):
                    box.value = text


def _detail(field: Field, entry: dict[str, Json]) -> HorizontalGroup:
    default = f"{field.default:g}: {field.help}" if field.default is not None else field.help
    return HorizontalGroup(
        Label(field.name, classes="detail-label"),
        SteadyInput(
            _field_text(entry, field),
            placeholder=default,
            compact=True,
            select_on_focus=False,
            name=field.name,
            classes="detail-input",
        ),
    )


def _field_text(entry: dict[str, Json], field: Field) -> str:
    if field.name not in entry:
        return ""
    value = entry[field.name]
    return items_text(value) if field.kind in _LIST_KINDS else value_text(value)


def _field_value(field: Field, text: str) -> Json:
    """Return what a text means for a field; what cannot be read stays text, and the validation says so."""
    if field.kind not in _LIST_KINDS:
        return parse_value(text)
    try:
        return parse_items(text)
    except ShorthandError:
        return text
