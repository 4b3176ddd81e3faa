"""ParameterTree: all parameters of a sweep, one line each, groups with folds. Paints only the lines in sight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.parameter_facts import FactsCache
from tui.parameter_tree import ParameterTreeModel, Path, TreeLine, TreeNode
from tui.sweep_draft import ParameterDraft
from tui.tree_lines import GLYPH_WIDTH, INDENT, Columns, ShownLine, columns_for, fitted, shown_line

Wish = Literal["duplicate", "delete", "switch", "up", "down"]
_LOOKS = ("value", "muted", "count", "bad", "group")
_EMPTY = "No parameters yet.\n\nctrl+n adds one, and offers common ones.\nPaste lines such as  lr: 1e-5..1e-1 log"


class ParameterTree(ScrollView, can_focus=True):
    """Shows the rows it is given; asks for changes by messages, and makes none."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "parameter-tree--cursor",
        *(f"parameter-tree--{look}" for look in _LOOKS),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "edit", "Edit", id="parameters.edit", show=False, tooltip="Edit the values of this parameter"),
        Binding(
            "space",
            "wish('switch')",
            "On/off",
            id="parameters.switch",
            show=False,
            tooltip="Leave it out, or take it back in",
        ),
        Binding(
            "f5", "wish('duplicate')", "Copy", id="parameters.copy", show=False, tooltip="Add a copy of this parameter"
        ),
        Binding(
            "f8,delete", "wish('delete')", "Delete", id="parameters.delete", show=False, tooltip="Delete this parameter"
        ),
        Binding("up", "move(-1)", "Up", id="parameters.up", show=False, tooltip="The parameter above"),
        Binding("down", "move(1)", "Down", id="parameters.down", show=False, tooltip="The parameter below"),
        Binding("pageup", "page(-1)", "Page up", id="parameters.page_up", show=False, tooltip="One page up"),
        Binding("pagedown", "page(1)", "Page down", id="parameters.page_down", show=False, tooltip="One page down"),
        Binding("home", "jump(0)", "First", id="parameters.first", show=False, tooltip="The first parameter"),
        Binding("end", "jump(-1)", "Last", id="parameters.last", show=False, tooltip="The last parameter"),
        Binding("left", "fold(True)", "Fold", id="parameters.fold", show=False, tooltip="Fold the group"),
        Binding("right", "fold(False)", "Unfold", id="parameters.unfold", show=False, tooltip="Unfold the group"),
        Binding(
            "shift+up,alt+up",
            "wish('up')",
            "Move up",
            id="parameters.move_up",
            show=False,
            tooltip="Move it up, into a group or out of one",
        ),
        Binding(
            "shift+down,alt+down",
            "wish('down')",
            "Move down",
            id="parameters.move_down",
            show=False,
            tooltip="Move it down, into a group or out of one",
        ),
    ]
    DEFAULT_CSS = """
    ParameterTree {
        height: 1fr;
        scrollbar-size: 1 1;
        & > .parameter-tree--cursor { background: $block-cursor-blurred-background; }
        &:focus > .parameter-tree--cursor { background: $block-cursor-background; }
        & > .parameter-tree--value { color: $accent; }
        & > .parameter-tree--muted { color: $text-muted; }
        & > .parameter-tree--count { color: $foreground; text-style: bold; }
        & > .parameter-tree--bad { color: $error; }
        & > .parameter-tree--group { color: $primary; text-style: bold; }
    }
    """

    @dataclass
    class TreeMessage(Message):
        """Something the user did in a tree."""

        tree: ParameterTree

        @property
        def control(self) -> ParameterTree:
            """The tree."""
            return self.tree

    @dataclass
    class CursorMoved(TreeMessage):
        """The cursor is on another line."""

    @dataclass
    class EditRequested(TreeMessage):
        """The user wants to edit the line under the cursor, beginning with a key that was typed."""

        typed: str = ""

    @dataclass
    class ChangeRequested(TreeMessage):
        """The user wants the line under the cursor changed."""

        wish: Wish

    @dataclass
    class Pasted(TreeMessage):
        """The user pasted a text on the tree."""

        text: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.facts = FactsCache()
        self.model = ParameterTreeModel([])
        self.lines: list[TreeLine] = []
        self.cursor = 0
        self.folded: set[Path] = set()
        self._rows: list[ParameterDraft] = []
        self._problems: Mapping[int, str] = {}
        self._group_problems: Mapping[Path, str] = {}
        self._rules: Mapping[int, str] = {}
        self._columns = Columns(0, 0, 0, 0)
        self._painted: dict[int, ShownLine | None] = {}

    # What the section gives

    def show(self, rows: list[ParameterDraft], select: Path | ParameterDraft | None = None) -> None:
        """Show these rows; the cursor goes to what is to be selected, else stays on its line."""
        current = self.current
        path = current.path if current is not None else None
        self._rows = rows
        self.model = ParameterTreeModel(rows)
        self.facts.keep_only(rows)
        if select is not None:
            self._unfold(select)
        self._relist()
        wanted = self._index_of(select) if select is not None else self._index_of(path) if path else None
        self.cursor = min(self.cursor if wanted is None else wanted, max(len(self.lines) - 1, 0))
        self.call_after_refresh(self._reveal)

    def show_problems(self, problems: Mapping[int, str], group_problems: Mapping[Path, str]) -> None:
        """Mark the rows that have problems, by their id, and the groups that have some of their own."""
        if problems != self._problems or group_problems != self._group_problems:
            self._problems, self._group_problems = problems, group_problems
            self.refresh_changed()

    def show_rules(self, words: Mapping[int, str]) -> None:
        """Mark the rows that rules tie to others, by their id, with what ties them."""
        if words != self._rules:
            self._rules = words
            self.refresh_changed()

    @property
    def current(self) -> TreeNode | None:
        """The node under the cursor."""
        return self.lines[self.cursor].node if self.cursor < len(self.lines) else None

    def select(self, target: Path | ParameterDraft) -> None:
        """Move the cursor to a node, unfolding what hides it."""
        self._unfold(target)
        self._relist()
        index = self._index_of(target)
        if index is not None:
            self.move_to(index)

    def _unfold(self, target: Path | ParameterDraft) -> None:
        path = target.path if isinstance(target, ParameterDraft) else target
        self.folded -= {path[:length] for length in range(1, len(path))}

    def _index_of(self, target: Path | ParameterDraft | None) -> int | None:
        if isinstance(target, ParameterDraft):
            return next((index for index, line in enumerate(self.lines) if line.row is target), None)
        return next((index for index, line in enumerate(self.lines) if line.node.path == target), None)

    def _relist(self) -> None:
        self.lines = self.model.lines(self.folded)
        self._lay_out()

    # Painting

    def _lay_out(self) -> None:
        if not self.is_mounted:
            return
        self.virtual_size = Size(1, len(self.lines))
        columns = columns_for(self.lines, self.scrollable_content_region.width)
        if columns != self._columns or not self.lines:
            self._columns = columns
            self._painted.clear()
            self.refresh()
        else:
            self.refresh_changed()

    def refresh_changed(self) -> None:
        """Repaint the lines that differ from what is on the screen."""
        height, width = self.scrollable_content_region.height, self.size.width
        lines = [y for y in range(height) if y not in self._painted or self._painted[y] != self._shown(y)]
        if lines:
            self.refresh(*(Region(0, y, width, 1) for y in lines))

    def _shown(self, y: int) -> ShownLine | None:
        index = round(self.scroll_offset.y) + y
        if index >= len(self.lines):
            return None
        line = self.lines[index]
        is_cursor, has_own = index == self.cursor, line.node.path in self._group_problems
        return shown_line(line, self.facts, self._problems, self._rules, is_cursor=is_cursor, has_own_problem=has_own)

    def on_resize(self) -> None:
        """Place the columns anew."""
        self._lay_out()
        self._reveal()

    def watch_show_vertical_scrollbar(self) -> None:
        """Place the columns anew: the scrollbar takes a cell of theirs."""
        self.call_after_refresh(self._lay_out)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Repaint: other lines are in sight."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._painted.clear()
            self.refresh()

    def notify_style_update(self) -> None:
        """Repaint with the new theme."""
        super().notify_style_update()
        self._painted.clear()

    @property
    def cursor_line(self) -> int | None:
        """The line of the cursor, from the top of the tree; see `HasCursorLine`."""
        return self.cursor - round(self.scroll_offset.y) if self.lines else None

    def render_line(self, y: int) -> Strip:
        """Return one line."""
        width, base = self.scrollable_content_region.width, self.rich_style
        if not self.lines:
            words = _EMPTY.split("\n")
            text = words[y - 1] if 0 < y <= len(words) else ""
            return Strip([Segment(fitted(f"  {text}", width), base + self._look("muted"))], width)
        shown = self._painted[y] = self._shown(y)
        if shown is None:
            return Strip.blank(width, base)
        style = base
        if shown.is_cursor:
            style += self.get_component_rich_style("parameter-tree--cursor", partial=True)
        # Before the columns are placed, lines are short; one that claims to be longer shifts what is right of it.
        return Strip(self._segments(shown, style)).adjust_cell_length(width, style)

    def _segments(self, shown: ShownLine, style: Style) -> list[Segment]:
        columns, muted = self._columns, self._look("muted")
        dim = style + muted
        name_style = style + (self._look("group") if shown.is_group else Style.null())
        glyph_style = dim
        if shown.has_problem:
            glyph_style = name_style = style + self._look("bad")
        elif not shown.is_off:
            glyph_style = style + self._look("group")
        if shown.is_off:
            name_style = dim
        indent = min(shown.indent, max(columns.name - GLYPH_WIDTH - 4, 0))
        name_width = max(columns.name - indent - GLYPH_WIDTH - 1, 0)
        text_style = dim if shown.is_off or shown.is_group else style + self._look("value")
        segments = [
            Segment(" " * indent, style),
            Segment(f"{shown.glyph} ", glyph_style),
            Segment(f"{fitted(shown.name, name_width)} ", name_style),
        ]
        # The word stands where the kind does; where that has no room, before the values.
        rule = f"{shown.rule} · " if shown.rule else ""
        if columns.kind:
            segments.append(Segment(fitted(shown.text, columns.text), text_style))
            segments.append(Segment(f" {fitted(rule + shown.kind, columns.kind - 1)}", dim))
        else:
            rule = rule if len(rule) < columns.text else ""
            text = "  ".join(filter(None, (shown.kind, shown.text))) if shown.is_group else shown.text
            segments.append(Segment(rule, dim))
            segments.append(Segment(fitted(text, columns.text - len(rule)), text_style))
        count_style = dim if shown.is_off or shown.is_group else style + self._look("count")
        count = fitted(shown.count, min(len(shown.count), columns.count)).rjust(columns.count)
        return [*segments, Segment(count, count_style)]

    def _look(self, name: str) -> Style:
        full = self.get_component_rich_style(f"parameter-tree--{name}")
        return Style(color=full.color, bold=full.bold)

    # Keys and mouse

    def move_to(self, index: int) -> None:
        """Move the cursor to a line and tell."""
        if not self.lines:
            return
        self.cursor = min(max(index, 0), len(self.lines) - 1)
        self._reveal()
        self.refresh_changed()
        self.post_message(self.CursorMoved(self))

    def _reveal(self) -> None:
        top, page = round(self.scroll_offset.y), max(self.scrollable_content_region.height, 1)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + page:
            self.scroll_to(y=self.cursor - page + 1, animate=False)

    def action_move(self, by: int) -> None:
        """Move the cursor by some lines; past the ends, to the field there."""
        if not 0 <= self.cursor + by < len(self.lines):
            if by > 0:
                self.screen.focus_next()
            else:
                self.screen.focus_previous()
            return
        self.move_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by pages."""
        self.move_to(self.cursor + by * max(self.scrollable_content_region.height - 1, 1))

    def action_jump(self, index: int) -> None:
        """Move the cursor to the first line (0) or the last (-1)."""
        self.move_to(index if index >= 0 else len(self.lines) + index)

    def action_fold(self, fold: bool) -> None:
        """Fold or unfold the group under the cursor; on a parameter, fold goes to its group."""
        node = self.current
        if node is None:
            return
        if node.row is None and (node.path in self.folded) != fold:
            self.folded ^= {node.path}
            self._relist()
        elif fold and node.parent is not None and node.parent.parent is not None:
            self.select(node.parent.path)
        elif not fold and node.row is None:
            self.action_move(1)

    def action_edit(self) -> None:
        """Edit the values of the parameter under the cursor; of a group, its name."""
        if self.current is not None:
            self.post_message(self.EditRequested(self))

    def action_wish(self, wish: Wish) -> None:
        """Ask for the line under the cursor to be changed."""
        if self.current is not None:
            self.post_message(self.ChangeRequested(self, wish))

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Say that keys with a sign of their own are typed here, and no shortcuts."""
        return character is not None and character.isprintable() and character not in " ?"

    def on_key(self, event: events.Key) -> None:
        """Begin to edit with the sign that was typed."""
        if self.check_consume_key(event.key, event.character) and self.current is not None:
            event.stop()
            event.prevent_default()
            self.post_message(self.EditRequested(self, event.character or ""))

    def on_paste(self, event: events.Paste) -> None:
        """Add parameters, or edit the one under the cursor, with what was pasted."""
        event.stop()
        self.post_message(self.Pasted(self, event.text))

    def on_click(self, event: events.Click) -> None:
        """Select what was clicked; its mark switches it or folds it, a second click edits."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        index = round(self.scroll_offset.y) + offset.y
        if not 0 <= index < len(self.lines):
            return
        line = self.lines[index]
        self.move_to(index)
        if line.depth * INDENT <= offset.x < line.depth * INDENT + GLYPH_WIDTH:
            if line.row is None:
                self.action_fold(line.node.path not in self.folded)
            else:
                self.action_wish("switch")
        elif event.chain == 2:
            self.action_edit()
