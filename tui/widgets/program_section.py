"""ProgramSection: what runs, how it is called, and the exact command of the first run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Label, Select

from trainer.errors import SweepConfigError
from trainer.programs.options import ProgramOptions
from trainer.records import Json
from trainer.search.plan import PlannedRuns
from trainer.sweep.command import DEFAULT_COMMAND
from trainer.sweep.validation import Violation
from tui.command_templates import TEMPLATES, template_of
from tui.run_command import CommandWord, command_words
from tui.sweep_document import SweepDocument
from tui.widgets.command_editor import CommandEditor
from tui.widgets.completing_field import CompletingField
from tui.widgets.completing_input import CompletingInput
from tui.widgets.helped_section import HelpedSection
from tui.widgets.quiet_static import QuietStatic

_ITEM = re.compile(r"command\[(\d+)\]")
_WORD_STYLES = {"plain": "$foreground-muted", "argument": "$foreground", "odd": "bold underline $warning"}
_COMMAND_HELP = "enter adds an item · backspace in an empty one or f8 deletes · shift+↑↓ moves · $ or ^space: macros"


class _TemplateSelect(Select[int]):
    """The templates; the arrow keys go on to the next field, as they do everywhere in the form, until it is open."""

    def on_key(self, event: events.Key) -> None:
        if event.key in ("up", "down") and not self.expanded:
            event.stop()
            self.screen.focus_next() if event.key == "down" else self.screen.focus_previous()


class ProgramSection(HelpedSection):
    """The program and the command."""

    title = "Program"
    help_texts = {
        "program": "The file or module that agents start, from the folder this app was started in; ^space lists."
    }

    def compose(self) -> ComposeResult:
        """Compose the fields."""
        yield CompletingField("program", "program", placeholder="train.py", marks_first=True)
        yield QuietStatic("", id="interpreter", classes="field-words", markup=False)
        yield QuietStatic("", id="program-accepts", classes="field-words")
        with Horizontal(id="template-line", classes="section-part"):
            yield Label("command", classes="field-label")
            yield _TemplateSelect(
                [(template.name, index) for index, template in enumerate(TEMPLATES)],
                prompt="a command of your own; choose a template",
                compact=True,
                id="template",
            )
        yield CommandEditor(id="command")
        with Horizontal(id="first-run", classes="section-part"):
            yield Label("first run", classes="field-label")
            yield QuietStatic("", id="first-command")
        yield self.help_line()

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        """Create the section, empty; see `show`."""
        super().__init__(id=id)
        self._interpreter = ""

    @property
    def editor(self) -> CommandEditor:
        """The list of the command's items."""
        return self.query_one(CommandEditor)

    async def show(self, document: SweepDocument) -> None:
        """Show the document."""
        await super().show(document)
        await self.editor.show(self._command, self._program)
        self.show_options(document.program)
        self._show_rest()

    def show_options(self, options: ProgramOptions | None) -> None:
        """Say what the program was seen to take, and how that becomes parameters; a click does it."""
        self.query_one("#program-accepts", QuietStatic).show(
            Content.from_markup("$taken [@click=screen.import_program]f9 $verb[/]", **_options_words(options))
        )

    def show_interpreter(self, path: str) -> None:
        """Say which Python `${interpreter}` is for agents on this machine."""
        self._interpreter = path
        self._show_rest()

    def show_problems(self, problems: Sequence[Violation]) -> None:
        """Show each problem at its field or item."""
        super().show_problems(problems)
        texts: dict[int | None, str] = {}
        for problem in problems:
            if problem.path == "command" or problem.path.startswith("command["):
                match = _ITEM.match(problem.path)
                texts.setdefault(int(match[1]) if match else None, f"{problem.message} {problem.hint}".strip())
        self.editor.show_problems(texts)

    def owns(self, path: str) -> bool:
        """Return whether the value at a path is edited here."""
        return path == "command" or path.startswith("command[") or super().owns(path)

    def focus_path(self, path: str) -> None:
        """Go to the field or item of a path."""
        if path == "command" or path.startswith("command["):
            match = _ITEM.match(path)
            self.editor.focus_item(int(match[1]) if match else 0)
            return
        super().focus_path(path)

    def help_for(self, focused: Widget) -> str:
        """Return a line of help for what has the focus."""
        if self.query_one("#template", Select).has_focus:
            return "How programs of each kind take their parameters; choosing one replaces the command below."
        return _COMMAND_HELP if self.editor.has_focus_within else super().help_for(focused)

    def store(self, path: str, text: str) -> None:
        """Take over what was typed into the field of a path."""
        self.draft.set(path, text or None)
        self._show_rest()

    @property
    def _program(self) -> str:
        program = self.draft.get("program")
        return program if isinstance(program, str) else ""

    @property
    def _command(self) -> list[str]:
        """The items as they are written, or W&B's default."""
        command = self.draft.get("command")
        if isinstance(command, list) and command:
            return [str(item) for item in command]
        return list(DEFAULT_COMMAND) if command is None or command == [] else [str(command)]

    @on(CompletingInput.Taken)
    def _program_taken(self, message: CompletingInput.Taken) -> None:
        message.stop()
        self.store("program", message.candidate.text)
        self.tell_changed("choose the program")
        if message.candidate.text.endswith("/"):
            # In the box's own turn: a message made in ours would not bubble past us.
            message.box.call_later(message.box.ask)

    @on(CommandEditor.Edited)
    def _command_edited(self, message: CommandEditor.Edited) -> None:
        message.stop()
        items: list[Json] = [*message.items]
        self.draft.set("command", items or None)
        self._show_rest()
        self.tell_changed(message.label, message.field)

    @on(Select.Changed, "#template")
    async def _template_chosen(self, message: Select.Changed) -> None:
        message.stop()
        if not isinstance(message.value, int):
            return
        template = TEMPLATES[message.value]
        if list(template.command) == self._command:
            return
        items: list[Json] = [*template.command]
        self.draft.set("command", None if template.is_default else items)
        await self.editor.show(self._command, self._program)
        self._show_rest()
        self.tell_changed("choose a template for the command")

    def _show_rest(self) -> None:
        """Show what follows from program and command."""
        template = template_of(self._command)
        select = self.query_one("#template", Select)
        chosen = TEMPLATES.index(template) if template else Select.NULL
        if select.value != chosen:
            with select.prevent(Select.Changed):
                select.value = chosen
        uses_python = "${interpreter}" in self._command
        line = self.query_one("#interpreter", QuietStatic)
        line.display = bool(self._interpreter)
        line.show(f"{self._interpreter}" if uses_python else f"not used: {self._interpreter}")
        self.query_one("#first-command", QuietStatic).show(self._first_command())

    def _first_command(self) -> Content:
        """Return the exact command of the first run, with what is odd about it marked."""
        config = self.draft.config()
        try:
            planned = PlannedRuns(config, sample=1)
            args: Mapping[str, Json] = planned.configuration(0)
            words = command_words(planned.argv(0), args)
        except (SweepConfigError, IndexError):
            return Content.assemble(("shown as soon as there is a first configuration", "$foreground-muted"))
        parts: list[tuple[str, str]] = []
        for word in words:
            parts += [(word.text, _WORD_STYLES[word.kind]), (" ", "")]
        if _has_odd(words):
            note = "\n! underlined: reaches the program as this text, not as None, True, a list or a mapping"
            parts.append((note, "$warning"))
        return Content.assemble(*parts)


def _options_words(options: ProgramOptions | None) -> dict[str, str]:
    if options is None or not options.all_options:
        return {"taken": "parameters:", "verb": "takes them from a program"}
    count = len(options.all_options)
    known = "" if options.is_complete else " at least"
    return {
        "taken": f"takes{known} {count} parameter{'' if count == 1 else 's'} ({options.style.value}):",
        "verb": "takes them over",
    }


def _has_odd(words: Sequence[CommandWord]) -> bool:
    return any(word.kind == "odd" for word in words)
