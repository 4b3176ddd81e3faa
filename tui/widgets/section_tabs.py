"""SectionTabs: one line that names the sections of the form, marks those with problems, and shows which is in front."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tui.looks import is_plain


class SectionTabs(Widget, can_focus=True):
    """The sections: click one, or use the arrow keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", "Previous section", id="sections.left", show=False, tooltip="The section before"),
        Binding("right", "step(1)", "Next section", id="sections.right", show=False, tooltip="The section after"),
    ]

    @dataclass
    class Chosen(Message):
        """The user wants another section."""

        tabs: SectionTabs
        section: str

        @property
        def control(self) -> SectionTabs:
            """The tabs."""
            return self.tabs

    def __init__(self, sections: Mapping[str, str], *, id: str | None = None) -> None:  # noqa: A002
        """Create the tabs: the title of each section by its id."""
        super().__init__(id=id)
        self._titles = dict(sections)
        self._problems: dict[str, int] = {}
        self.front = next(iter(sections))

    def show(self, front: str) -> None:
        """Mark the section in front."""
        self.front = front
        self.refresh()

    def show_problems(self, problems: Mapping[str, int]) -> None:
        """Say how many problems each section has."""
        if problems != self._problems:
            self._problems = dict(problems)
            self.refresh()

    def _label(self, section: str) -> str:
        number = self._problems.get(section, 0)
        return f" {self._titles[section]}{f' ✗{number}' if number else ''} "

    def render(self) -> Content:
        """Return the line and, where there is room for two, a rule below it that is heavy under the one in front."""
        parts: list[tuple[str, str]] = []
        rule: list[tuple[str, str]] = []
        is_alone = self.size.height < 2
        for section in self._titles:
            label = self._label(section)
            if section == self.front and is_plain(self.app):
                label = f"[{label[1:-1]}]"
            style = "$error" if self._problems.get(section) else "$foreground-muted"
            if section == self.front:
                style = (
                    "bold reverse $primary" if self.has_focus else f"bold {'underline ' if is_alone else ''}$primary"
                )
            parts += [(label, style), (" ", "")]
            rule += [("━" * len(label), "$primary") if section == self.front else ("─" * len(label), "$border-blurred")]
            rule.append(("─", "$border-blurred"))
        rest = self.size.width - sum(len(text) for text, _ in rule)
        return Content.assemble(*parts, "\n", *rule, ("─" * max(rest, 0), "$border-blurred"))

    def action_step(self, steps: int) -> None:
        """Choose the section `steps` further; stops at the ends."""
        sections = list(self._titles)
        index = sections.index(self.front) + steps
        if 0 <= index < len(sections):
            self.post_message(self.Chosen(self, sections[index]))

    def on_click(self, event: events.Click) -> None:
        """Choose the section under the mouse."""
        offset = event.get_content_offset(self)
        end = 0
        for section in self._titles:
            end += len(self._label(section)) + 1
            if offset is not None and offset.x < end:
                self.post_message(self.Chosen(self, section))
                return
