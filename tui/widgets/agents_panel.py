"""AgentsPanel: the local agents of a sweep, slot by slot, and why runs failed, as a list with a cursor.

Paints only the lines that changed; `agent_lines` says what is in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from trainer.records import LocalAgent
from tui.agent_lines import AgentsView, PanelLine, SlotKey, failure_groups, host_text, panel_lines, plain_line

LOOKS = ("good", "active", "bad", "warn", "muted", "text")
TITLE = "Agents on this machine"


class AgentsPanel(ScrollView, can_focus=True):
    """Slots and failures; the cursor stays on its slot while others come and go."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"agents-panel--cursor", *(f"agents-panel--{look}" for look in LOOKS)}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,L", "open_log", "Log", id="agents.log", tooltip="Follow the log of the run, and search it"),
        Binding("up,k", "move(-1)", "Up", id="agents.up", tooltip="Slot or failure above", show=False),
        Binding("down,j", "move(1)", "Down", id="agents.down", tooltip="Slot or failure below", show=False),
        Binding("pageup", "move(-10)", "Page up", id="agents.page_up", tooltip="One page up", show=False),
        Binding("pagedown", "move(10)", "Page down", id="agents.page_down", tooltip="One page down", show=False),
        Binding("home", "move(-9999)", "First", id="agents.first", tooltip="First slot", show=False),
        Binding("end", "move(9999)", "Last", id="agents.last", tooltip="Last slot or failure", show=False),
    ]
    DEFAULT_CSS = """
    AgentsPanel {
        height: auto;
        overflow-x: hidden;
        scrollbar-size: 1 1;
        & > .agents-panel--cursor { background: $block-cursor-blurred-background; }
        &:focus > .agents-panel--cursor { background: $block-cursor-background; }
        & > .agents-panel--good { color: $success; }
        & > .agents-panel--active { color: $primary; }
        & > .agents-panel--bad { color: $error; }
        & > .agents-panel--warn { color: $warning; }
        & > .agents-panel--muted { color: $text-muted; }
        & > .agents-panel--text { color: $foreground; }
    }
    """
    MARK = 2
    """Cells before a line, for the mark of the cursor."""

    @dataclass
    class LogRequested(Message):
        """The user wants to see what a run printed."""

        panel: AgentsPanel
        path: Path
        run_name: str

        @property
        def control(self) -> AgentsPanel:
            """The panel."""
            return self.panel

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._view = AgentsView()
        self._keys = ""
        self._lines: list[PanelLine] = []
        self._cursor: SlotKey | str | None = None
        """What the user selected; None until they do."""
        self._frame = ("", "")
        self._painted: dict[int, tuple[PanelLine | None, bool, bool]] = {}

    # What the screen gives

    def show(self, view: AgentsView, keys: str = "") -> None:
        """Show the agents.

        Args:
            view: The agents, with the time of which their ages are.
            keys: What the keys do, for where there is room for it.
        """
        self._view, self._keys = view, keys
        self._rebuild()

    @property
    def selected_agent(self) -> LocalAgent | None:
        """The agent under the cursor, or the first one; None on failures, and without agents."""
        index = self._cursor_index
        slot = self._lines[index].slot if index is not None else None
        return next((agent for agent in self._view.agents if (agent.host_pid, agent.slot) == slot), None)

    @property
    def chosen_agent(self) -> LocalAgent | None:
        """The agent that the user means: the selected one while the panel has the focus."""
        return self.selected_agent if self.has_focus else None

    @property
    def text(self) -> str:
        """All lines as text."""
        return "\n".join(line.text for line in self._lines)

    # Layout

    @property
    def _has_frame(self) -> bool:
        return self.styles.border_top[0] not in ("", "none", "hidden")

    def _rebuild(self) -> None:
        if not self.is_mounted or not self.display or not self.size.width:
            # `on_resize` comes back to it.
            return
        view, framed = self._view, self._has_frame
        width = max(self.scrollable_content_region.width - self.MARK, 1)
        lines = panel_lines(view, width, names_hosts=not framed, hint="" if framed else self._keys)
        self._name_frame(framed)
        if len(lines) != len(self._lines):
            self._painted.clear()
            self._lines = lines
            self.virtual_size = Size(1, len(lines))
            self.refresh(layout=True)
            return
        self._lines = lines
        self._refresh_changed_lines()

    def _name_frame(self, framed: bool) -> None:
        agents = self._view.shown_agents
        is_one = len({agent.host_pid for agent in agents}) == 1
        facts = host_text(agents) if framed and is_one else ""
        title = f"{TITLE} · {facts}" if facts else TITLE
        room = self.size.width - 6
        frame = (title if len(title) <= room else TITLE, self._keys)
        if frame != self._frame:
            self._frame = frame
            # Content: a path may hold what would be markup.
            self.border_title, self.border_subtitle = Content(frame[0]), Content(frame[1])

    def _refresh_changed_lines(self) -> None:
        top, height = round(self.scroll_offset.y), self.scrollable_content_region.height
        changed = [y for y in range(height) if self._painted.get(y) != self._look_of(top + y)]
        if changed:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))

    def _look_of(self, index: int) -> tuple[PanelLine | None, bool, bool]:
        line = self._lines[index] if index < len(self._lines) else None
        return line, index == self._cursor_index, self.has_focus

    def on_resize(self) -> None:
        """Cut the lines to the new width."""
        self._painted.clear()
        self._rebuild()
        self.call_after_refresh(self._reveal_cursor)

    def on_show(self) -> None:
        """Show what came while it was hidden."""
        self._rebuild()

    def on_focus(self) -> None:
        """Show the mark of the cursor."""
        self._refresh_changed_lines()

    def on_blur(self) -> None:
        """Hide the mark of the cursor."""
        self._refresh_changed_lines()

    def watch_show_vertical_scrollbar(self) -> None:
        """Cut the lines anew: the scrollbar takes a column."""
        self.call_after_refresh(self._rebuild)

    def notify_style_update(self) -> None:
        """Repaint with the new theme."""
        super().notify_style_update()
        self._painted.clear()

    @property
    def cursor_line(self) -> int | None:
        """The line of the cursor, from the top of the panel; see `HasCursorLine`."""
        index = self._cursor_index
        return None if index is None else index - round(self.scroll_offset.y)

    # Painting

    def render_line(self, y: int) -> Strip:
        """Return one line."""
        width, base = self.scrollable_content_region.width, self.rich_style
        line, is_cursor, has_focus = look = self._look_of(round(self.scroll_offset.y) + y)
        self._painted[y] = look
        if line is None:
            return Strip.blank(width, base)
        if is_cursor and has_focus:
            base += self.get_component_rich_style("agents-panel--cursor", partial=True)
        mark = "▸ " if is_cursor and has_focus else "  "
        segments = [Segment(mark, base)] + [Segment(text, base + self._look(name)) for text, name in line.pieces]
        return Strip(segments).adjust_cell_length(width, base)

    def _look(self, name: str) -> Style:
        full = self.get_component_rich_style(f"agents-panel--{name}")
        return Style(color=full.color, bold=full.bold)

    # Keys and mouse

    @property
    def _cursor_index(self) -> int | None:
        places = {line.key: index for index, line in reversed(list(enumerate(self._lines))) if line.key is not None}
        if self._cursor in places:
            return places[self._cursor]
        return min(places.values(), default=None)

    def action_move(self, by: int) -> None:
        """Move the cursor by some lines that can be selected."""
        places = [index for index, line in enumerate(self._lines) if line.key is not None]
        index = self._cursor_index
        if index is not None:
            self._select(places[min(max(places.index(index) + by, 0), len(places) - 1)])

    def _select(self, index: int) -> None:
        self._cursor = self._lines[index].key
        self._reveal_cursor()
        self._refresh_changed_lines()

    def _reveal_cursor(self) -> None:
        index = self._cursor_index
        if index is None or self._cursor is None:
            return
        top, page = round(self.scroll_offset.y), max(self.scrollable_content_region.height, 1)
        if index < top:
            # The first slot with its heading.
            self.scroll_to(y=index if index > 1 else 0, animate=False)
        elif index >= top + page:
            self.scroll_to(y=index - page + 1, animate=False)

    def action_open_log(self) -> None:
        """Ask for the log of the selected slot's run, or of the newest run that failed for the selected reason."""
        index = self._cursor_index
        line = self._lines[index] if index is not None else None
        if line is None:
            return
        if line.failure:
            self._open_failure(line.failure)
            return
        agent = self.selected_agent
        if agent is None or agent.log_path is None:
            self.notify("This slot has run nothing yet, so there is no log.", severity="warning")
            return
        self._open(agent.run_id or agent.log_path.stem, agent.log_path)

    def _open_failure(self, fingerprint: str) -> None:
        group = next(each for each in failure_groups(self._view) if each.fingerprint == fingerprint)
        for agent in self._view.agents:
            has_it = any(own.run_id == group.run_id for own in agent.failures)
            if has_it and agent.log_path is not None:
                # All logs of a host are in one folder; `log_path` is that of its latest run.
                self._open(group.run_id, agent.log_path.parent / f"{Path(group.run_id).name}.log")
                return
        self.notify("The log of this run is not known.", severity="warning")

    def _open(self, run_id: str, path: Path) -> None:
        run = self._view.runs.get(run_id)
        self.post_message(self.LogRequested(self, path, plain_line(run.name if run else run_id)))

    def on_click(self, event: events.Click) -> None:
        """Move the cursor on a click; open the log on a second one."""
        offset = event.get_content_offset(self)
        index = round(self.scroll_offset.y) + offset.y if offset is not None else len(self._lines)
        if index < len(self._lines) and self._lines[index].key is not None:
            self._select(index)
            if event.chain == 2:
                self.action_open_log()
