"""ProgramImportScreen: choose a training program, see what it takes, choose what the sweep shall set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import getters, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Select, Static
from textual.widgets.option_list import Option

from trainer.errors import TrainerError
from trainer.programs.importing import Import, imported, options_with
from trainer.programs.likely import likely_programs
from trainer.programs.location import start_command
from trainer.programs.options import ProgramOption, ProgramOptions
from trainer.programs.reading import read_named
from trainer.programs.suggestions import passes_one_of_many, proposed, suggested_entry
from trainer.records import Json
from tui.shorthand import format_entry
from tui.shorthand_values import quoted

PROGRAM = "program"


class OptionsList(OptionList):
    """The options with their boxes; enter takes the chosen ones."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter", "screen.take", "Take over", id="import.take", tooltip="Add the chosen parameters to the sweep"
        ),
        Binding("space", "select", "Choose", id="import.toggle", show=False, tooltip="Choose this one, or not"),
        Binding(
            "a", "screen.choose_all", "All", id="import.all", show=False, tooltip="Choose all that are shown, or none"
        ),
        Binding("slash", "screen.filter", "Filter", id="import.filter", show=False, tooltip="Type a part of a name"),
    ]


class ProgramImportScreen(ModalScreen[Import | None]):
    """Asks for a program and for what to take of it; answers with the changed sweep."""

    CSS_PATH = "program_import.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="import.back", tooltip="Back to the program, then close"),
        Binding("down", "move(1)", "Down", id="import.down", show=False, tooltip="Next line"),
        Binding("up", "move(-1)", "Up", id="import.up", show=False, tooltip="Line before"),
        Binding("tab", "complete", "Complete", id="import.complete", show=False, tooltip="Take over the marked file"),
    ]

    @dataclass
    class FilesFound(Message):
        """Programs nearby."""

        names: tuple[str, ...]

    @dataclass
    class ProgramRead(Message):
        """The program was read."""

        options: ProgramOptions

    @dataclass
    class ReadFailed(Message):
        """The program could not be read."""

        error: TrainerError

    path_box = getters.query_one("#path", Input)
    filter_box = getters.query_one("#filter", Input)
    files = getters.query_one("#files", OptionList)
    table = getters.query_one(OptionsList)

    def __init__(self, cwd: Path, config: Mapping[str, Json]) -> None:
        """Create the dialog.

        Args:
            cwd: Where relative paths start.
            config: The sweep that parameters are taken into.
        """
        super().__init__()
        self.cwd, self.config = cwd, config
        self.names: tuple[str, ...] = ()
        self.options: ProgramOptions | None = None
        self.command = ""
        self.chosen: set[str] = set()

    def compose(self) -> ComposeResult:
        """Compose the dialog: first the program, then its options."""
        with Vertical(classes="dialog import-dialog"):
            yield Static("Parameters from a program", classes="dialog-title", id="import-title", markup=False)
            with Vertical(id="choose-program"):
                yield Input(placeholder="train.py, a part of its name, or -m package.module", id="path", compact=True)
                yield Static("", id="file-problem", classes="problem", markup=False)
                yield OptionList(id="files", markup=False)
                note = "The likeliest come first. A program is read, never run."
                yield Static(note, classes="muted", id="read-note", markup=False)
                yield Static("↑ ↓ choose · tab completes · enter reads · esc closes", classes="dialog-hint")
            with Vertical(id="choose-options"):
                yield Static("", id="program-facts", markup=False)
                with Horizontal(id="filter-line"):
                    yield Input(placeholder="/ filter", id="filter", compact=True)
                    yield Select([], id="command", allow_blank=True, compact=True, prompt="command")
                yield Static("", id="heads", classes="muted", markup=False)
                yield OptionsList(id="options", compact=True, markup=False)
                yield Static("", id="option-facts", markup=False)
                yield Static("", id="outcome", markup=False)
                with Horizontal(id="import-buttons"):
                    yield Button("Take over", id="take", variant="primary", compact=True)
                    yield Button("Back", id="back", compact=True)
                yield Static("space chooses · a all · / filters · enter takes over · esc back", classes="dialog-hint")

    def on_mount(self) -> None:
        """Look around; a program that the sweep has already comes first."""
        self.query_one("#choose-options").display = False
        self.files.can_focus = False
        start = start_command(self.config)
        self.path_box.value = f"-m {start.module}" if start.module else start.program
        self.path_box.focus()
        self.path_box.action_select_all()
        self.find_files()

    @work(thread=True, exclusive=True, exit_on_error=False, group=PROGRAM)
    def find_files(self) -> None:
        """Find programs nearby."""
        self.post_message(self.FilesFound(tuple(likely_programs(self.cwd))))

    @on(FilesFound)
    def _files_found(self, message: FilesFound) -> None:
        self.names = message.names
        self._show_files()

    @on(Input.Changed, "#path")
    def _show_files(self) -> None:
        typed = self.path_box.value.strip().casefold()
        is_given = self.path_box.value == self._given
        self._show_file_problem("")
        self.files.clear_options()
        matching = [name for name in self.names if is_given or typed in name.casefold()]
        self.files.add_options([Content(name) for name in matching])
        self.files.highlighted = 0 if matching and typed and not is_given else None
        self.files.display = bool(matching)

    @property
    def _given(self) -> str:
        start = start_command(self.config)
        return f"-m {start.module}" if start.module else start.program

    @property
    def _marked(self) -> str:
        index = self.files.highlighted
        return "" if index is None else str(self.files.get_option_at_index(index).prompt)

    def action_move(self, rows: int) -> None:
        """Mark the next or the previous file; from the filter, go to the options."""
        if self.options is not None:
            self.table.focus()
        elif rows > 0:
            self.files.action_cursor_down()
        else:
            self.files.action_cursor_up()

    def action_complete(self) -> None:
        """Take over the marked file; among the options, go on to what comes next."""
        if self.options is not None:
            self.focus_next()
        elif self._marked:
            self.path_box.value = self._marked
            self.path_box.cursor_position = len(self._marked)

    @on(Input.Submitted, "#path")
    def _submitted(self, message: Input.Submitted) -> None:
        typed = message.value.strip()
        named = (self.cwd / typed).exists() or typed.startswith("-m")
        self.read_program(self._marked if self._marked and not (typed and named and typed == self._given) else typed)

    @on(OptionList.OptionSelected, "#files")
    def _clicked(self, message: OptionList.OptionSelected) -> None:
        self.read_program(str(message.option.prompt))

    @work(thread=True, exclusive=True, exit_on_error=False, group=PROGRAM, description="read program")
    def read_program(self, name: str) -> None:
        """Read a program."""
        try:
            options = read_named(name, self.cwd)
        except TrainerError as error:
            self.post_message(self.ReadFailed(error))
        else:
            self.post_message(self.ProgramRead(options))

    def _show_file_problem(self, text: str) -> None:
        line = self.query_one("#file-problem", Static)
        line.update(text)
        # An empty line above the list says nothing.
        line.display = bool(text)

    @on(ReadFailed)
    def _failed(self, message: ReadFailed) -> None:
        self._show_file_problem(f"✗ {message.error}")

    @on(ProgramRead)
    def _read(self, message: ProgramRead) -> None:
        options = message.options
        if not options.all_options:
            self._show_file_problem(f"✗ {' '.join(options.notes) or 'It takes no parameters.'}")
            return
        self.options = options
        start = start_command(self.config)
        self.command = options.command_in(start.before) or _first_command(options)
        self.query_one("#choose-program").display = False
        self.query_one("#choose-options").display = True
        self.query_one("#import-title", Static).update(f"Parameters from {options.program}")
        self._show_program(options)
        commands = self.query_one("#command", Select)
        commands.display = bool(options.commands)
        if options.commands:
            commands.set_options([(name, name) for name in options.commands])
            commands.value = self.command or next(iter(options.commands))
        self._choose_proposed()
        self.table.focus()

    def _show_program(self, options: ProgramOptions) -> None:
        number = len(options.all_options)
        facts = f"{options.style.value} · {number} option{'' if number == 1 else 's'}"
        if options.allows_unknown:
            facts += " · ignores names it does not know"
        notes = [f"! {note}" for note in options.notes[:2]]
        if len(options.notes) > 2:
            notes.append(f"! and {len(options.notes) - 2} more that could not be read")
        self.query_one("#program-facts", Static).update("\n".join([facts, *notes]))

    @on(Select.Changed, "#command")
    def _command_chosen(self, message: Select.Changed) -> None:
        if isinstance(message.value, str) and message.value != self.command:
            self.command = message.value
            self._choose_proposed()

    @property
    def taken(self) -> Sequence[ProgramOption]:
        """The options that can be chosen."""
        if self.options is None:
            return ()
        found = options_with(self.config, self.options, self.command)
        return [option for option in found if option.is_settable]

    def _choose_proposed(self) -> None:
        assert self.options is not None, "a program was read"
        given = self.config.get("parameters")
        present = set(given) if isinstance(given, Mapping) else set()
        self.chosen = {option.name for option in proposed(self.options, self.command)}
        self.chosen |= {option.name for option in self.taken if present & set(option.names)}
        self._show_options()

    @on(Input.Changed, "#filter")
    def _show_options(self) -> None:
        wanted = self.filter_box.value.strip().casefold()
        shown = [each for each in self.taken if wanted in f"{each.name} {each.help}".casefold()]
        heads = _line("name", "type", "default", "suggested", self._width, indent=2)
        self.query_one("#heads", Static).update(heads)
        self.table.clear_options()
        self.table.add_options([self._row(option) for option in shown])
        if shown:
            self.table.highlighted = 0
        self._show_outcome()

    def _row(self, option: ProgramOption) -> Option:
        return Option(self._text(option), option.name)

    def _text(self, option: ProgramOption) -> Content:
        suggested = _suggestion(option)
        is_chosen = option.name in self.chosen
        text = _line(option.name, option.type_text, option.default_text, suggested, self._width)
        mark = ("● ", "$success") if is_chosen else ("○ ", "$foreground-muted")
        return Content.assemble(mark, (text, "" if is_chosen else "$foreground-muted"))

    @property
    def _width(self) -> int:
        return min(28, max((len(option.name) for option in self.taken), default=4))

    @on(OptionList.OptionSelected, "#options")
    def _toggled(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        option = self._option_called(message.option_id)
        if option is not None:
            self.chosen ^= {option.name}
            self.table.replace_option_prompt_at_index(message.option_index, self._text(option))
            self._show_outcome()

    @on(OptionList.OptionHighlighted, "#options")
    def _highlighted(self, message: OptionList.OptionHighlighted) -> None:
        option = self._option_called(message.option_id)
        if option is not None:
            self.query_one("#option-facts", Static).update(_facts(option))

    def _option_called(self, name: str | None) -> ProgramOption | None:
        return next((each for each in self.taken if each.name == name), None)

    @property
    def outcome(self) -> Import:
        """The sweep as it would be."""
        assert self.options is not None, "a program was read"
        chosen = [option for option in self.taken if option.name in self.chosen]
        return imported(self.config, self.options, chosen, self.command)

    def _show_outcome(self) -> None:
        made = self.outcome
        parts = [f"adds {len(made.added)}"]
        if made.removed:
            names = ", ".join(made.removed[:4]) + (", …" if len(made.removed) > 4 else "")
            parts.append(f"removes {len(made.removed)} it does not take: {names}")
        parts += [f"sets {change}" for change in made.changes]
        self.query_one("#outcome", Static).update("→ " + " · ".join(parts))

    def action_choose_all(self) -> None:
        """Choose all that are shown; if they are, none of them."""
        shown = {str(self.table.get_option_at_index(index).id) for index in range(self.table.option_count)}
        self.chosen = self.chosen - shown if shown <= self.chosen else self.chosen | shown
        self._show_options()

    def action_filter(self) -> None:
        """Type a part of a name."""
        self.filter_box.focus()

    @on(Input.Submitted, "#filter")
    def _filtered(self) -> None:
        self.table.focus()

    @on(Button.Pressed, "#take")
    def action_take(self) -> None:
        """Answer with the changed sweep."""
        if self.options is not None:
            self.dismiss(self.outcome)

    @on(Button.Pressed, "#back")
    def action_back(self) -> None:
        """Go back to choosing the program; from there, close."""
        if self.options is None:
            self.dismiss(None)
            return
        self.options = None
        self.query_one("#import-title", Static).update("Parameters from a program")
        self.query_one("#choose-options").display = False
        self.query_one("#choose-program").display = True
        self.path_box.focus()


def _first_command(options: ProgramOptions) -> str:
    if any(option.is_settable for option in options.options):
        return ""
    likely = [name for name in options.commands if "train" in name or "run" in name or "fit" in name]
    return next(iter([*likely, *options.commands]), "")


def _suggestion(option: ProgramOption) -> str:
    """Return the suggested values as they are typed; a list that is one value is called so."""
    entry = suggested_entry(option)
    value = entry.get("value")
    return f"{quoted(value)} as one value" if isinstance(value, list | dict) else format_entry(entry)


def _line(name: str, kind: str, default: str, suggested: str, width: int, indent: int = 0) -> str:
    """Return one line of the table."""
    cells = [f"{_short(name, width):<{width}}", f"{_short(kind, 7):<7}", f"{_short(default, 14):<14}", suggested]
    return " " * indent + "  ".join(cells).rstrip()


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _facts(option: ProgramOption) -> str:
    """Return what is known of one option, on two lines."""
    limits = f"one of {', '.join(map(str, option.choices))}" if option.choices else ""
    if option.low is not None or option.high is not None:
        low, high = (("" if end is None else f"{end:g}") for end in (option.low, option.high))
        limits = f"{low}..{high}"
    condition = f"with {option.only_with[0]} {' or '.join(option.only_with[1])}" if option.only_with else ""
    place = f"{option.source}:{option.line}" if option.source and option.line else option.source
    many = "a sweep passes one value, no list" if passes_one_of_many(option) else ""
    first = " · ".join(filter(None, (option.name, limits, condition, many, place)))
    return f"{first}\n{option.help}"
