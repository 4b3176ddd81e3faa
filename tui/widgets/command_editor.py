"""CommandEditor: a command as a list of items, one a line, with what each becomes. Stores nothing itself."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from tui.command_templates import item_meaning, macro_meanings, variable_meanings
from tui.widgets.completing_input import Candidate, CompletingInput, matching
from tui.widgets.quiet_static import QuietStatic

MAX_ITEMS = 40
"""Items that are shown; further ones stay as they are, and are edited in the YAML."""


class _Act(Static):
    """A mark to click."""

    def __init__(self, mark: str, action: str, tooltip: str) -> None:
        super().__init__(mark, classes="item-act", markup=False)
        self.tooltip = tooltip
        self._action = action

    async def on_click(self, event: events.Click) -> None:
        event.stop()
        await self.query_ancestor(CommandItem).run_action(self._action)


class CommandItem(Vertical):
    """One item."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "add", "Add item", id="command.add", show=False, tooltip="Add an item below"),
        Binding("f8", "remove", "Delete", id="command.remove", tooltip="Delete this item of the command"),
        Binding("shift+up", "move(-1)", "Move up", id="command.up", show=False, tooltip="Move the item up"),
        Binding("shift+down", "move(1)", "Move down", id="command.down", show=False, tooltip="Move the item down"),
    ]

    @dataclass
    class Wish(Message):
        """The user wants something done with the item: `add`, `remove`, `move`, `split`."""

        item: CommandItem
        what: str
        steps: int = 0
        text: str = ""

    def __init__(self, text: str, *, is_new: bool = False) -> None:
        """Create an item; a new one counts once something has been typed."""
        super().__init__()
        self.given = text
        self.is_new = is_new
        self._is_shown = False
        self._problem = ""

    def compose(self) -> ComposeResult:
        """Compose the line and the place of its problem."""
        with Horizontal(classes="item-line"):
            yield QuietStatic("", classes="item-number")
            yield CompletingInput(placeholder="an argument, or $ for a macro", marks_first=True)
            yield QuietStatic("", classes="item-meaning", markup=False)
            yield _Act("↑", "move(-1)", "Move up (shift+up)")
            yield _Act("↓", "move(1)", "Move down (shift+down)")
            yield _Act("✕", "remove", "Delete (f8)")
        yield Static("", classes="field-problem", markup=False)

    def on_mount(self) -> None:
        """Show the text."""
        self.box.splits_paste = True
        self.box.show_text(self.given)
        self._is_shown = True

    @property
    def box(self) -> CompletingInput:
        """The line."""
        return self.query_one(CompletingInput)

    @property
    def text(self) -> str:
        """The item as it is."""
        return self.box.input.value if self._is_shown else self.given

    @property
    def counts(self) -> bool:
        """Whether it is part of the command."""
        return bool(self.text) or not self.is_new

    def show_text(self, text: str) -> None:
        """Show another text."""
        if text != self.text:
            self.given = text
            if self._is_shown:
                self.box.show_text(text)

    def show_place(self, number: int, program: str) -> None:
        """Show the item's number, and what it becomes."""
        self.query_one(".item-number", QuietStatic).show(f"{number:>2}")
        self.query_one(".item-meaning", QuietStatic).show(item_meaning(self.text, program))

    def show_problem(self, text: str) -> None:
        """Show what is wrong; an empty text clears it."""
        if text != self._problem:
            self._problem = text
            self.set_class(bool(text), "-problem")
            self.query_one(".field-problem", Static).update(f"↑ {text}" if text else "")

    def on_key(self, event: events.Key) -> None:
        """Delete an empty item as one deletes a character."""
        if event.key == "backspace" and not self.text:
            event.stop()
            event.prevent_default()
            self.action_remove()

    def action_add(self) -> None:
        """Add an item below."""
        self.post_message(self.Wish(self, "add"))

    def action_remove(self) -> None:
        """Delete the item."""
        self.post_message(self.Wish(self, "remove"))

    def action_move(self, steps: int) -> None:
        """Move the item."""
        self.post_message(self.Wish(self, "move", steps))

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        message.stop()
        self.action_add()

    @on(CompletingInput.Pasted)
    def _pasted(self, message: CompletingInput.Pasted) -> None:
        message.stop()
        self.post_message(self.Wish(self, "split", text=message.text))

    @on(CompletingInput.Wanted)
    def _complete(self, message: CompletingInput.Wanted) -> None:
        message.stop()
        meanings = variable_meanings() if message.text.startswith("${envvar:") else macro_meanings()
        candidates = [Candidate(macro, meaning) for macro, meaning in meanings.items()]
        if message.is_asked and not message.text.startswith("$"):
            message.box.offer(candidates)
        elif message.text.startswith("$"):
            # `$no` means every macro with `no` in its name to whoever types it.
            message.box.offer(matching(candidates, message.text.strip("${}")))
        else:
            message.box.close()


class CommandEditor(Vertical):
    """The items, in order."""

    @dataclass
    class Edited(Message):
        """The user changed the command."""

        editor: CommandEditor
        items: list[str]
        label: str
        field: str
        """What was typed in; empty for an edit of its own."""

        @property
        def control(self) -> CommandEditor:
            """The editor."""
            return self.editor

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        """Create the editor, empty; see `show`."""
        super().__init__(id=id)
        self._shown: list[str] = []
        self._rest: list[str] = []
        self._program = ""

    def compose(self) -> ComposeResult:
        """Compose the list, and the way to add to it."""
        yield Vertical(id="command-items")
        yield QuietStatic("", id="command-more", markup=False)
        yield _AddItem(Content.assemble(("＋ ", "$primary"), ("add an item", "$foreground-muted")), id="command-add")
        yield QuietStatic("", classes="field-problem", markup=False)

    @property
    def items(self) -> list[CommandItem]:
        """The items, in order."""
        return list(self.query_one("#command-items").query_children(CommandItem))

    async def show(self, command: Sequence[str], program: str) -> None:
        """Show a command; leaves what is being typed as it is where it says the same."""
        self._program = program
        texts, self._rest = list(command)[:MAX_ITEMS], list(command)[MAX_ITEMS:]
        if texts != self._shown or not self.items:
            self._shown = texts
            there = self.items
            for item, text in zip(there, texts, strict=False):
                item.is_new = False
                item.show_text(text)
            for item in there[len(texts) :]:
                await item.remove()
            await self.query_one("#command-items").mount_all([CommandItem(text) for text in texts[len(there) :]])
        self._number()
        more = self.query_one("#command-more", QuietStatic)
        more.display = bool(self._rest)
        more.show(f"… {len(self._rest):,} more, in the YAML")

    def show_problems(self, problems: Mapping[int | None, str]) -> None:
        """Show each problem at its item; that of None belongs to the whole."""
        counted = [item for item in self.items if item.counts]
        for item in self.items:
            item.show_problem(problems.get(counted.index(item), "") if item in counted else "")
        whole = problems.get(None, "")
        self.set_class(bool(whole), "-problem")
        self.query_children(".field-problem").last(QuietStatic).show(f"↑ {whole}" if whole else "")

    def focus_item(self, index: int = 0) -> None:
        """Go to an item."""
        items = self.items
        if items:
            items[max(0, min(index, len(items) - 1))].box.input.focus()

    def _number(self) -> None:
        for number, item in enumerate(self.items, start=1):
            item.show_place(number, self._program)

    def _changed(self, label: str, field: str = "") -> None:
        self._shown = [item.text for item in self.items if item.counts]
        self._number()
        self.post_message(self.Edited(self, [*self._shown, *self._rest], label, field))

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        message.stop()
        item = message.input.query_ancestor(CommandItem)
        if [each.text for each in self.items if each.counts] != self._shown:
            self._changed("edit the command", f"command[{self.items.index(item)}]")

    @on(CompletingInput.Taken)
    def _taken(self, message: CompletingInput.Taken) -> None:
        message.stop()
        self._changed(f"choose {message.candidate.text}")

    @on(CommandItem.Wish)
    async def _obey(self, message: CommandItem.Wish) -> None:
        message.stop()
        item, items = message.item, self.items
        if item not in items:
            return
        index = items.index(item)
        if message.what == "add":
            await self.add(index + 1)
        elif message.what == "remove":
            await item.remove()
            self._changed("delete an item of the command")
            self.focus_item(max(index - 1, 0))
        elif message.what == "move":
            self._move(index, index + message.steps)
        elif message.what == "split":
            await self._split(index, message.text)

    async def add(self, index: int | None = None) -> None:
        """Add an empty item, at the end unless another place is given, and go to it."""
        items = self.items
        place = len(items) if index is None else index
        if len(items) > MAX_ITEMS:
            return
        holder = self.query_one("#command-items")
        fresh = CommandItem("", is_new=True)
        await (holder.mount(fresh, before=items[place]) if place < len(items) else holder.mount(fresh))
        self._number()
        fresh.box.input.focus()

    def _move(self, index: int, to: int) -> None:
        items = self.items
        if not 0 <= to < len(items):
            return
        holder = self.query_one("#command-items")
        if to < index:
            holder.move_child(items[index], before=items[to])
        else:
            holder.move_child(items[index], after=items[to])
        self._changed("move an item of the command")
        items[index].box.input.focus()

    async def _split(self, index: int, text: str) -> None:
        """Take a pasted command line apart as a shell would; an open quote leaves it at the spaces."""
        try:
            words = shlex.split(text)
        except ValueError:
            words = text.split()
        if not words:
            return
        item = self.items[index]
        item.show_text(words[0])
        fresh = [CommandItem(word) for word in words[1:MAX_ITEMS]]
        if fresh:
            await self.query_one("#command-items").mount_all(fresh, after=item)
        self._changed("paste a command")
        self.focus_item(index + len(fresh))


class _AddItem(Static):
    """Adds an item at the end when it is clicked."""

    async def on_click(self, event: events.Click) -> None:
        event.stop()
        await self.query_ancestor(CommandEditor).add()
