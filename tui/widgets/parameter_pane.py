"""ParameterPane: one parameter, taken apart: name, values, distribution, each of its keys, and what it yields."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from textwrap import wrap
from typing import ClassVar, Protocol

from textual import events, getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList, Select, Static
from textual.widgets.option_list import Option

from trainer.sweep.parameters import DISTRIBUTIONS, Field
from tui.histogram import histogram_of
from tui.looks import is_plain
from tui.parameter_facts import ParameterFacts
from tui.presets import Preset, matching_presets, preset_named
from tui.shorthand import items_text, value_text
from tui.widgets.name_input import NameInput
from tui.widgets.steady_input import SteadyInput

_FIELDS = 3
"""Keys that the distribution with most of them has."""
_LABEL_WIDTH = 9
"""Cells of the labels; where a key is longer, the pane's class `-long-labels` makes room."""
_LIST_KINDS = ("values", "probabilities")
_EXAMPLES = "50, 100, 200   3..10   0.1..1   1e-5..1e-1 log   0..1 step 0.1   relu|tanh   true/false"


class TypedParameter(Protocol):
    """Who is told, at every key, what is typed into the pane; by calls, since messages take longer than the rest."""

    def name_typed(self, text: str) -> None:
        """Another name was typed."""

    def name_left(self) -> None:
        """The name is typed."""

    def value_typed(self, text: str) -> None:
        """Another text of the values was typed."""

    def field_typed(self, field: Field, text: str) -> None:
        """Another text of one of the distribution's keys was typed."""


class ParameterPane(Vertical):
    """Shows what it is given and reports what is typed; changes nothing itself."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(-1)", "Up", id="parameter.up", show=False, tooltip="The field or the parameter above"),
        Binding("down", "step(1)", "Down", id="parameter.down", show=False, tooltip="The field or parameter below"),
        Binding(
            "escape", "leave", "List", id="parameter.leave", show=False, tooltip="Go back to the list of parameters"
        ),
        Binding(
            "f5", "wish('duplicate')", "Copy", id="parameter.copy", show=False, tooltip="Add a copy of this parameter"
        ),
        Binding("f8", "wish('delete')", "Delete", id="parameter.delete", show=False, tooltip="Delete this parameter"),
    ]

    @dataclass
    class KindChosen(Message):
        """Another distribution was chosen."""

        distribution: str

    @dataclass
    class PresetChosen(Message):
        """A common parameter was chosen from the menu."""

        preset: Preset

    @dataclass
    class Left(Message):
        """The user wants to leave the pane; with `by` 1 or -1, for another parameter in the same field."""

        by: int = 0
        field: str = ""
        is_done: bool = False
        """Whether what is edited is finished: enter was pressed."""

    @dataclass
    class ChangeRequested(Message):
        """The user wants the parameter copied or deleted."""

        wish: str

    name_input = getters.query_one("#parameter-name", NameInput)
    value_input = getters.query_one("#parameter-value", SteadyInput)
    kind_select = getters.query_one("#parameter-kind", Select)
    menu = getters.query_one("#preset-menu", OptionList)

    def __init__(self, typed: TypedParameter, *, id: str | None = None) -> None:  # noqa: A002
        """Create the pane; `typed` is told what is typed into it."""
        super().__init__(id=id)
        self._typed = typed
        self._facts = ParameterFacts({})
        self._fields: tuple[Field, ...] | None = None
        """The keys that are shown; None before anything is."""
        self._presets: list[Preset] = []
        self._problem = ""
        self._is_new = False
        self._shown_note = self._shown_title = ""
        self._shown_histogram: list[str] = []
        self._note_lines = 1
        self.labels: list[str] = []
        """What stands before the fields, from top to bottom."""

    def compose(self) -> ComposeResult:
        """Compose the lines."""
        # As few widgets as there can be: each is asked for its lines whenever anything near it is painted.
        with Horizontal(id="parameter-body"):
            yield Static("name", id="parameter-labels", markup=False)
            with Vertical(id="parameter-fields"):
                yield NameInput(
                    placeholder="lr, or optimizer/lr for a group",
                    compact=True,
                    select_on_focus=False,
                    id="parameter-name",
                )
                yield SteadyInput(
                    placeholder="50, 100   1..10   1e-5..0.1 log",
                    compact=True,
                    select_on_focus=False,
                    classes="parameter-detail",
                    id="parameter-value",
                )
                yield Select(
                    [(name, name) for name in DISTRIBUTIONS],
                    prompt="none yet",
                    compact=True,
                    classes="parameter-detail",
                    id="parameter-kind",
                )
                for index in range(_FIELDS):
                    yield SteadyInput(
                        compact=True,
                        select_on_focus=False,
                        classes="parameter-detail parameter-key",
                        id=f"field-{index}",
                    )
                yield OptionList(id="preset-menu", compact=True)
            yield Static("", id="parameter-histogram", markup=False)
        yield Static("", id="parameter-note", markup=False)

    def on_mount(self) -> None:
        """Listen to the fields, and offer in the frame, for the mouse, what the tree has keys for."""
        actions = {"on/off": "switch", "copy": "duplicate", "delete": "delete", "↑": "up", "↓": "down"}
        self.name_input.told = self._typed.name_typed
        self.value_input.told = self._typed.value_typed
        for index in range(_FIELDS):
            self.field_input(index).told = partial(self._field_typed, index)
        self.border_subtitle = " · ".join(f"[@click=wish('{wish}')]{word}[/]" for word, wish in actions.items())

    # What the section gives

    def show(
        self,
        name: str,
        facts: ParameterFacts | None,
        text: str = "",
        *,
        is_new: bool = False,
        keep_typed: bool = False,
        title: str = "",
    ) -> None:
        """Show a parameter.

        Args:
            name: Its name, as it is typed.
            facts: What its entry says; None for a group, of which there is only the name.
            text: The text of its values.
            is_new: Whether nothing was entered yet, so that presets are offered.
            keep_typed: Leave the field alone that has the focus: what changed was typed into it.
            title: What the frame is called.
        """
        self._is_new = is_new
        title = title or name or "new parameter"
        if title != self._shown_title:
            # Another title repaints the frame with all that is in it.
            self._shown_title = title
            self.border_title = Content(title)
        self.set_class(facts is None, "-group")
        self._facts = facts or ParameterFacts({})
        self._put(self.name_input, name, keep_typed)
        self._put(self.value_input, text, keep_typed)
        distribution = DISTRIBUTIONS.get(self._facts.kind)
        value = distribution.name if distribution else Select.NULL
        if self.kind_select.value != value:
            with self.prevent(Select.Changed):
                self.kind_select.value = value
        self._show_fields(distribution.fields if distribution else (), keep_typed)
        self.show_histogram()
        self._show_note()
        self._offer_presets()

    def _put(self, box: Input, text: str, keep_typed: bool) -> None:
        if box.value != text and not (keep_typed and box.has_focus):
            with box.prevent(Input.Changed):
                box.value = text

    def _show_fields(self, fields: tuple[Field, ...], keep_typed: bool) -> None:
        # A single key that says what the text says already is of no use.
        fields = () if len(fields) == 1 else fields
        is_same = fields == self._fields
        self._fields = fields
        entry = self._facts.entry if isinstance(self._facts.entry, dict) else {}
        for index in range(_FIELDS):
            if index < len(fields):
                field = fields[index]
                text = ""
                if field.name in entry:
                    value = entry[field.name]
                    text = items_text(value) if field.kind in _LIST_KINDS else value_text(value)
                self._put(self.field_input(index), text, keep_typed)
            if is_same:
                continue
            box = self.field_input(index)
            box.display = index < len(fields)
            if index < len(fields):
                field = fields[index]
                box.placeholder = f"{field.default:g}: {field.help}" if field.default is not None else field.help
        self._show_labels()

    def _show_labels(self) -> None:
        is_name_only = self.has_class("-group") or self.has_class("-choosing")
        details = [] if is_name_only else ["values", "kind", *(field.name for field in self._fields or ())]
        labels = ["name", *details]
        if labels != self.labels:
            self.labels = labels
            self.set_class(any(len(label) >= _LABEL_WIDTH for label in labels), "-long-labels")
            self.query_one("#parameter-labels", Static).update("\n".join(labels), layout=False)

    def field_input(self, index: int) -> SteadyInput:
        """Return the field of the distribution's key at a place."""
        return self.query_one(f"#field-{index}", SteadyInput)

    def show_histogram(self) -> None:
        """Draw what the distribution yields in the room there is."""
        chart = self.query_one("#parameter-histogram", Static)
        width, height = chart.content_size
        if width < 8 or not chart.display:
            return
        lines = self._histogram_lines(width, height)
        if lines != self._shown_histogram:
            self._shown_histogram = lines
            chart.update("\n".join(lines), layout=False)

    def on_resize(self) -> None:
        """Draw the histogram anew in its new room."""
        self.call_after_refresh(self.show_histogram)

    def _histogram_lines(self, width: int, height: int) -> list[str]:
        parameter = self._facts.parameter
        if parameter is None:
            return []
        if self._facts.kind == "constant":
            return ["", "always this value"]
        histogram = histogram_of(parameter, width)
        if histogram is None:
            return []
        if is_plain(self.app):
            lines = [line for sentence in histogram.words() for line in wrap(sentence, width)]
        else:
            lines = histogram.lines(width, max(min(height - 2, 4), 1))
        return [*lines, f"({histogram.note})"] if histogram.note else lines

    def show_problem(self, text: str) -> None:
        """Say what is wrong; an empty text clears it."""
        if text != self._problem:
            self._problem = text
            self.set_class(bool(text), "-problem")
            self._show_note()

    def _show_note(self) -> None:
        distribution = DISTRIBUTIONS.get(self._facts.kind)
        if self._problem:
            note = f"✗ {self._problem}"
        elif self.has_class("-group"):
            note = "A group: its name stands before those of its parameters."
        elif distribution is None:
            note = _EXAMPLES
        else:
            note = distribution.help
            note += f": use {distribution.replacement}" if distribution.replacement else ""
        if note != self._shown_note:
            self._shown_note = note
            box = self.query_one("#parameter-note", Static)
            # Laid out anew, with everything above it, only where it takes more lines or fewer.
            lines = len(textwrap.wrap(note, max(box.content_size.width, 1)))
            box.update(note, layout=lines != self._note_lines)
            self._note_lines = lines

    # Presets

    def _offer_presets(self) -> None:
        """Show the menu of common parameters while a new one gets its name."""
        offered: Sequence[Preset] = ()
        if self._is_new and (self.name_input.has_focus or self.menu.has_focus):
            offered = matching_presets(self.name_input.value)
        self.set_class(bool(offered), "-choosing")
        self._show_labels()
        if list(offered) != self._presets:
            self._presets = list(offered)
            width = max((len(preset.name) for preset in offered), default=0)
            self.menu.clear_options()
            self.menu.add_options(
                Option(
                    Content.assemble(
                        (preset.name.ljust(width), "bold"), "  ", (preset.text, "$accent"), (f"  {preset.help}", "dim")
                    )
                )
                for preset in offered
            )
        is_exact = bool(offered) and preset_named(self.name_input.value) is offered[0]
        self.menu.highlighted = 0 if is_exact else None

    @on(OptionList.OptionSelected, "#preset-menu")
    def _preset_clicked(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        self._choose_preset(message.option_index)

    def _choose_preset(self, index: int) -> None:
        if index < len(self._presets):
            self.post_message(self.PresetChosen(self._presets[index]))

    def on_descendant_focus(self) -> None:
        """Offer presets where the name has the focus."""
        self._offer_presets()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Put the menu away once the name has lost the focus; a click on it needs it a little longer."""
        if event.widget is self.name_input:
            self._typed.name_left()
        self.call_after_refresh(self._hide_menu)

    def _hide_menu(self) -> None:
        if not self.name_input.has_focus and not self.menu.has_focus:
            self._offer_presets()

    # What the user does

    def _field_typed(self, index: int, text: str) -> None:
        fields = self._fields or ()
        if index < len(fields):
            self._typed.field_typed(fields[index], text)

    @on(Select.Changed)
    def _kind_chosen(self, message: Select.Changed) -> None:
        message.stop()
        if isinstance(message.value, str) and message.value != self._facts.kind:
            self.post_message(self.KindChosen(message.value))

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        message.stop()
        if message.input is not self.name_input:
            self.post_message(self.Left(1, is_done=True))
        elif self.has_class("-choosing") and self.menu.highlighted is not None:
            self._choose_preset(self.menu.highlighted)
        elif self.has_class("-group"):
            self.post_message(self.Left())
        else:
            # Leaving it, the name is taken over.
            self.value_input.focus()

    def action_step(self, by: int) -> None:
        """Go to the same field of the next parameter, or to the next key; in the menu of presets, to the next one."""
        if self.has_class("-choosing") and self.name_input.has_focus:
            count, at = len(self._presets), self.menu.highlighted
            place = (-1 if at is None else at) + by
            self.menu.highlighted = place if 0 <= place < count else None
        elif self.name_input.has_focus or self.value_input.has_focus:
            self.post_message(self.Left(by, "name" if self.name_input.has_focus else "value"))
        elif by > 0:
            self.screen.focus_next()
        else:
            self.screen.focus_previous()

    def action_leave(self) -> None:
        """Go back to the list."""
        self.post_message(self.Left())

    def action_wish(self, wish: str) -> None:
        """Ask for the parameter to be copied or deleted."""
        self.post_message(self.ChangeRequested(wish))
