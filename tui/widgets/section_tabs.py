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
        is_alone, first = self.size.height < 2, self._first()
        sections = list(self._titles)[first:]
        # Where there is no room for all, those to the left of the one in front give way.
        parts: list[tuple[str, str]] = [("‹", "$foreground-muted")] if first else []
        rule: list[tuple[str, str]] = [("─", "$border-blurred")] if first else []
        for section in sections:
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
        if rest < -1:
            return _cut(parts, rule, self.size.width)
        return Content.assemble(*parts, "\n", *rule, ("─" * max(rest, 0), "$border-blurred"))

    def _first(self) -> int:
        """Return the place of the first section that is shown: 0 where the one in front is in sight then."""
        sections = list(self._titles)
        for first in range(len(sections)):
            shown = sections[first : sections.index(self.front) + 1]
            # A cell at each end for the signs that there are more.
            ends = 2 if first or shown[-1] != sections[-1] else 0
            if sum(len(self._label(section)) + 1 for section in shown) - 1 + ends <= self.size.width:
                return first
        return sections.index(self.front)

    def action_step(self, steps: int) -> None:
        """Choose the section `steps` further; stops at the ends."""
        sections = list(self._titles)
        index = sections.index(self.front) + steps
        if 0 <= index < len(sections):
            self.post_message(self.Chosen(self, sections[index]))

    def on_click(self, event: events.Click) -> None:
        """Choose the section under the mouse."""
        offset = event.get_content_offset(self)
        first = self._first()
        if first and offset is not None and offset.x < 1:
            self.post_message(self.Chosen(self, list(self._titles)[first - 1]))
            return
        end = 1 if first else 0
        for section in list(self._titles)[first:]:
            end += len(self._label(section)) + 1
            if offset is not None and offset.x < end:
                self.post_message(self.Chosen(self, section))
                return


def _cut(parts: list[tuple[str, str]], rule: list[tuple[str, str]], width: int) -> Content:
    """Return both lines as far as there is room, with a sign that there are more sections."""
    more = Content.styled("›", "$foreground-muted")
    line = Content.assemble(*parts)[: width - 1]
    return Content.assemble(line, more, "\n", Content.assemble(*rule)[:width])
