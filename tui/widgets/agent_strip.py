"""AgentStrip: one line per local agent. What it does, for how long, and the last thing its run said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from trainer.records import LocalAgent
from tui.formatting import age_text, agent_label, shortened

NO_AGENTS = "No agents on this machine work for this sweep."


class AgentStrip(VerticalScroll, can_focus=True):
    """The local agents of a sweep."""

    COMPONENT_CLASSES = {f"agent-strip--{look}" for look in ("good", "active", "bad", "warn", "muted", "text", "key")}
    DEFAULT_CSS = """
    AgentStrip {
        height: auto;
        & > Static { height: auto; width: 100%; }
        & > .agent-strip--good { color: $success; }
        & > .agent-strip--active { color: $primary; }
        & > .agent-strip--bad { color: $error; }
        & > .agent-strip--warn { color: $warning; }
        & > .agent-strip--muted { color: $text-muted; }
        & > .agent-strip--text { color: $foreground; }
        & > .agent-strip--key { color: $primary; text-style: bold; }
    }
    """

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._agents: Sequence[LocalAgent] = ()
        self._run_names: Mapping[str, str] = {}
        self._now: datetime | None = None
        self._hint = ""

    def compose(self) -> ComposeResult:
        """Compose the lines."""
        yield Static("", id="agent-lines")

    def on_resize(self) -> None:
        """Cut the lines to the new width."""
        self._redraw()

    def show(self, agents: Sequence[LocalAgent], run_names: Mapping[str, str], now: datetime, hint: str = "") -> None:
        """Show the agents as of `now`.

        Args:
            agents: All of them, in the order to show.
            run_names: Display names of the runs they work on, by id.
            now: For ages; aware.
            hint: What to say when there are no agents, after saying so.
        """
        self._agents, self._run_names, self._now, self._hint = agents, run_names, now, hint
        self._redraw()

    def _redraw(self) -> None:
        if self.is_mounted and self._now is not None:
            self.query_one("#agent-lines", Static).update(self._text(self.scrollable_content_region.width))

    def _style(self, look: str) -> Style:
        full = self.get_component_rich_style(f"agent-strip--{look}")
        return Style(color=full.color, bold=full.bold)

    def _text(self, width: int) -> Text:
        if not self._agents:
            text = Text(NO_AGENTS, self._style("muted"))
            return text.append(f" {self._hint}", self._style("text")) if self._hint else text
        names = [self._run_names.get(agent.run_id, agent.run_id) for agent in self._agents]
        name_width = min(max((len(name) for name in names), default=0), 24)
        lines = [
            self._line(agent, number, shortened(name, name_width).ljust(name_width), width)
            for number, (agent, name) in enumerate(zip(self._agents, names, strict=True), 1)
        ]
        return Text("\n", no_wrap=True).join(lines)

    def _line(self, agent: LocalAgent, number: int, name: str, width: int) -> Text:
        label = agent_label(agent.state)
        muted = self._style("muted")
        text = Text(f"{number:>2} ", muted, no_wrap=True)
        text.append(f"{label.glyph} {label.word:<8} ", self._style(label.tone))
        if name:
            text.append(f" {name} ", self._style("text"))
        assert self._now is not None
        age = age_text(agent.run_started_at, self._now) if agent.run_started_at and agent.run_id else ""
        text.append(f"{age:>6}", self._style("text"))
        failed = f" {agent.runs_failed} failed" if agent.runs_failed else ""
        text.append(f"  {agent.runs_done:>3} done{failed}", muted)
        room = width - text.cell_len - 2
        if room >= 8 and agent.last_line:
            text.append(f"  {shortened(' '.join(agent.last_line.split()), room)}", muted)
        text.truncate(width, overflow="ellipsis")
        return text
