"""BuilderShell: the frame of the builder: count, sections, YAML, problems, and the way back. Base of its features.

A feature of the builder (files, launching, …) is a subclass in a module of its own; `SweepBuilderScreen` puts them
together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from trainer.records import Json
from trainer.sweep.validation import Violation
from tui.prompt_painting import PromptScreen
from tui.session import Session
from tui.sweep_count import CountText, count_text_of
from tui.sweep_document import SweepDocument
from tui.sweep_draft import FRESH_CONFIG
from tui.widgets.app_header import AppHeader
from tui.widgets.builder_section import BuilderSection, SectionChanged
from tui.widgets.fitting_footer import FittingFooter
from tui.widgets.parameters_section import ParametersSection
from tui.widgets.problem_line import ProblemLine
from tui.widgets.program_section import ProgramSection
from tui.widgets.rules_section import RulesSection
from tui.widgets.search_section import SearchSection
from tui.widgets.section_tabs import SectionTabs
from tui.widgets.violations_list import ViolationsList
from tui.widgets.yaml_editor import LineNote, YamlEditor

PREVIEW_DELAY_SECONDS = 0.35
"""The YAML and what is odd wait for a pause in typing; the count and the problems do not, but in large sweeps.

Longer than between the keys of somebody who types slowly: a key that comes while the YAML is written waits for it.
"""
WIDE = 110
"""Columns from which form, YAML and the list of problems stand side by side."""
SECTIONS: dict[str, type[BuilderSection]] = {
    "section-parameters": ParametersSection,
    "section-search": SearchSection,
    "section-program": ProgramSection,
    "section-rules": RulesSection,
}


class BuilderShell(PromptScreen[None]):
    """Shows one document, in sections and as YAML, and keeps everything in step."""

    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "add_parameter", "Add", id="builder.add", tooltip="Add a parameter"),
        Binding("ctrl+t", "toggle_yaml", "YAML", id="builder.yaml", tooltip="Show the YAML, or the form again"),
        Binding("ctrl+z", "undo", "Undo", id="builder.undo", tooltip="Take back the last change"),
        Binding("ctrl+y", "redo", "Redo", id="builder.redo", show=False, tooltip="Do again what was taken back"),
        Binding(
            "ctrl+pagedown",
            "step_section(1)",
            "Next section",
            id="builder.next_section",
            show=False,
            tooltip="Go to the next section of the form",
        ),
        Binding(
            "ctrl+pageup",
            "step_section(-1)",
            "Previous section",
            id="builder.previous_section",
            show=False,
            tooltip="Go to the section before",
        ),
        Binding("down", "app.focus_next", "Next field", id="builder.next", show=False),
        Binding("up", "app.focus_previous", "Previous field", id="builder.previous", show=False),
    ]

    problems_list = getters.query_one(ViolationsList)
    tabs = getters.query_one(SectionTabs)
    parameters = getters.query_one(ParametersSection)

    def __init__(
        self,
        session: Session,
        config: Mapping[str, Json] | None = None,
        path: Path | None = None,
        text: str | None = None,
    ) -> None:
        """Create the builder.

        Args:
            session: What launches the sweep.
            config: The configuration to begin with; None for a fresh example.
            path: The file it came from; None if it came from none.
            text: The text it was read from; None where there is none.
        """
        super().__init__()
        self.session = session
        self.path = path
        self.yaml = YamlEditor(id="yaml", classes="panel")
        """Made here, since what is typed into it is kept also while the screen goes."""
        self.document = SweepDocument.from_config(FRESH_CONFIG if config is None else config, text)
        self.was_given = config is not None
        """Whether it was opened with a sweep."""
        self.problems: list[Violation] = []
        self.oddities: list[Violation] = []
        self.is_judged = True
        """Whether `problems` are those of the document as it is now."""
        self.is_launching = False
        self.launching_text: str | None = None
        """The YAML that was launched last."""
        self.prior_points = 0
        """Points of the space that runs have done already which the sweep reuses."""
        self._readiness = ""
        self._left: Widget | None = None
        """What had the focus before the YAML."""

    @property
    def title_text(self) -> str:
        """What the header says."""
        return self.path.name if self.path else "New sweep"

    def compose(self) -> ComposeResult:
        """Compose the screen."""
        yield AppHeader("New sweep", self.session.label, self.session.project)
        with Horizontal(id="count-line"):
            yield Static("", id="count")
            yield Static("", id="readiness")
        yield Static("", id="reuse-line", markup=False)
        with Horizontal(id="builder-body"):
            with Vertical(id="form"):
                yield Static("", id="form-notice", markup=False)
                yield SectionTabs({name: section.title for name, section in SECTIONS.items()}, id="section-tabs")
                with ContentSwitcher(initial=next(iter(SECTIONS)), id="sections"):
                    for name, section in SECTIONS.items():
                        yield section(id=name)
            with Vertical(id="side"):
                yield self.yaml
                yield ViolationsList(id="problems")
        yield ProblemLine(id="problem-line")
        yield FittingFooter()

    async def on_mount(self) -> None:
        """Show the document."""
        self.problems_list.border_title = "Problems"
        self._preview_timer = self.set_timer(PREVIEW_DELAY_SECONDS, self.show_preview)
        await self.show_document()
        self.section.focus_path("")

    @property
    def section(self) -> BuilderSection:
        """The section in front."""
        return self.query_one(f"#{self.tabs.front}", BuilderSection)

    async def show_document(self) -> None:
        """Show the document everywhere, after something else than the section in front changed it."""
        await self.section.show(self.document)
        self.judge()
        self.show_preview()

    def apply_config(self, config: Mapping[str, Json], label: str) -> None:
        """Take over another configuration as one step to undo, and show it.

        Args:
            config: The whole configuration.
            label: What that does, as the notice of its undoing names it: `fix the metric`.
        """
        self.take_typed_text()
        self.document.replace_config(config, label)
        self.call_next(self.show_document)

    def take_typed_text(self) -> bool:
        """Have the document hold what was typed into the YAML; returns whether that was anything new.

        Whoever acts on the document calls it first: typing reaches the document after a pause only.
        """
        if not self.yaml.has_typed:
            return False
        self.yaml.has_typed = False
        self.document.replace_text(self.yaml.text)
        return True

    @property
    def current_text(self) -> str:
        """The YAML with what is being typed into it."""
        return self.yaml.text if self.yaml.has_typed else self.document.text

    @on(YamlEditor.Typed)
    async def _yaml_typed(self, message: YamlEditor.Typed) -> None:
        message.stop()
        await self.typing_paused()

    async def typing_paused(self) -> None:
        """Take over what was typed into the YAML."""
        if self.take_typed_text():
            await self.show_document()

    @on(SectionChanged)
    def _section_changed(self, message: SectionChanged) -> None:
        message.stop()
        self.document.form_edited(message.label, message.field)
        self.judge()
        self._preview_timer.stop()
        self._preview_timer = self.set_timer(PREVIEW_DELAY_SECONDS, self.show_preview)

    def judge(self) -> None:
        """Count and validate; at every keystroke."""
        self.show_judged(self.document.problems())

    def show_judged(self, problems: Sequence[Violation]) -> None:
        """Show what is wrong, and how many runs there will be.

        Args:
            problems: Those of the document; what is being typed into fields is added.
        """
        # By id, which Textual remembers: a query for the class looks at every widget of the screen, at every key.
        sections = [self.query_one(f"#{name}", BuilderSection) for name in SECTIONS]
        own = [problem for section in sections for problem in section.own_problems]
        self.problems = [*own, *problems]
        self.section.show_problems(self.problems)
        numbers = {section.id or "": sum(section.owns(each.path) for each in self.problems) for section in sections}
        self.tabs.show_problems(numbers)
        self.show_count()
        self.show_readiness()

    def show_count(self) -> None:
        """Show how many runs there will be, and how that comes about."""
        self.query_one("#count", Static).update(Content.assemble(*self.count_parts(self.count_text())), layout=False)

    def count_text(self) -> CountText:
        """Return what is said about the number of runs."""
        return count_text_of(self.document.config(), self.document.draft.compiled(), prior_points=self.prior_points)

    def count_parts(self, count: CountText) -> list[tuple[str, str]]:
        """Return what stands at the top, each part with its style; features add to it."""
        headline = (count.headline, "bold $accent" if count.is_countable else "bold $error")
        return [headline, (f"   {count.detail}", "$foreground-muted")]

    def show_readiness(self) -> None:
        """Say whether the sweep can be launched; a click goes on to that, or to what is in its way."""
        number = len(self.problems)
        words, state, action = "✓ ready", "ready", "launch"
        if self.is_launching:
            words, state, action = "◌ launching…", "launching", ""
        elif not self.is_judged:
            words, state, action = "◌ checking…", "launching", ""
        elif number:
            words, state, action = f"✗ {number} problem{'s' if number > 1 else ''}", "problems", "next_problem"
        if words != self._readiness:
            self._readiness = words
            readiness = self.query_one("#readiness", Static)
            readiness.set_classes(f"-{state}")
            readiness.update(Content.from_markup(f"[@click=screen.{action}]{words}[/]") if action else words)

    def show_preview(self) -> None:
        """Show what waits for a pause in typing."""
        if self.take_typed_text():
            self.call_next(self.show_document)
        self.oddities = self.document.oddities()
        self.show_checked()

    def show_checked(self) -> None:
        """Show what is wrong and odd beside the YAML."""
        self.problems_list.show(self.problems, self.oddities)
        self._show_yaml()
        self.query_one(AppHeader).screen_title = self.title_text

    def _show_yaml(self) -> None:
        if not self.yaml.has_typed:
            self.yaml.show(self.document.text)
        broken = self.document.text_problem
        self.yaml.border_title = "YAML"
        self.yaml.border_subtitle = "✗ cannot be read" if broken else ""
        self.yaml.set_class(broken is not None, "-broken")
        place = f" (line {broken.line})" if broken and broken.line else ""
        notice = self.query_one("#form-notice", Static)
        notice.display = broken is not None
        notice.update(f"! The YAML cannot be read{place}. This is what it said before; an edit here replaces it.")
        notes: dict[int, LineNote] = {}
        for each in (*self.problems, *self.oddities):
            line = self.document.line_of_problem(each)
            if line is not None:
                is_problem = each in self.problems
                text = each.message.rpartition("not valid YAML: ")[2] if each is broken else each.message
                notes.setdefault(line, LineNote("✗" if is_problem else "!", text, is_problem))
        self.yaml.show_notes(notes)

    @on(SectionTabs.Chosen)
    async def _tab_chosen(self, message: SectionTabs.Chosen) -> None:
        await self.show_section(message.section)

    async def show_section(self, section: str) -> None:
        """Bring a section to the front; the focus stays where it is, unless it was in the one that goes."""
        if section == self.tabs.front:
            return
        had_focus = self.section.has_focus_within
        self.tabs.show(section)
        await self.section.show(self.document)
        self.section.show_problems(self.problems)
        self.query_one(ContentSwitcher).current = section
        if had_focus:
            # At once: the next key is meant for it.
            self.section.focus_path("")

    async def action_step_section(self, steps: int) -> None:
        """Go to the next or the previous section, round and round."""
        self.remove_class("-yaml")
        sections = list(SECTIONS)
        await self.show_section(sections[(sections.index(self.tabs.front) + steps) % len(sections)])

    @on(ViolationsList.Chosen)
    async def _problem_chosen(self, message: ViolationsList.Chosen) -> None:
        await self.go_to(message.path)

    async def go_to(self, path: str) -> None:
        """Go to the field that edits the value at a path, whichever section has it."""
        owner = next((section for section in self.query(BuilderSection) if section.owns(path)), None)
        if owner is None:
            broken = self.document.text_problem
            line = broken.line if broken and not path else self.document.line_of(path)
            if not self.yaml.has_focus:
                self.action_toggle_yaml()
            self.yaml.go_to_line(line or 1)
            return
        self.remove_class("-yaml")
        await self.show_section(owner.id or "")
        self.call_after_refresh(owner.focus_path, path)

    async def action_add_parameter(self) -> None:
        """Add a parameter."""
        self.remove_class("-yaml")
        await self.show_section("section-parameters")
        await self.parameters.add()

    def action_toggle_yaml(self) -> None:
        """Go to the YAML, which takes the place of the form where both have no room, or back to the form."""
        if self.yaml.has_focus:
            self.remove_class("-yaml")
            if self._left is not None and self._left.is_attached and self._left.display:
                self._left.focus()
            else:
                self.section.focus_path("")
        else:
            self._left = self.focused
            self.add_class("-yaml")
            self.yaml.focus()

    async def action_undo(self) -> None:
        """Take back the last change, and show where that was."""
        self.take_typed_text()
        before = self.document.config()
        await self._told("Undid", self.document.undo(), "There is nothing to undo.", before)

    async def action_redo(self) -> None:
        """Do again what was taken back, and show where that is."""
        self.take_typed_text()
        before = self.document.config()
        await self._told("Did again", self.document.redo(), "There is nothing to do again.", before)

    async def _told(self, verb: str, label: str, nothing: str, before: Mapping[str, Json]) -> None:
        self.notify(f"{verb}: {label}" if label else nothing, timeout=2, markup=False)
        if not label:
            return
        after = self.document.config()
        changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
        owners = [section for section in self.query(BuilderSection) if any(map(section.owns, changed))]
        if owners and self.section not in owners:
            await self.show_section(owners[0].id or "")
        await self.show_document()
