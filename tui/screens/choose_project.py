"""ChooseProjectScreen: whose sweeps to show, and of which project: found by typing, or a new one named.

The projects come page by page while one types already. An entity is chosen in the same list, with a key or a click.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Protocol

from textual import events, getters, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import get_current_worker

from trainer.errors import TrainerError
from trainer.records import SweepRecord
from trainer.servers_file import Place
from trainer.states import SweepState
from tui.formatting import age_text, count_text, padded, shortened
from tui.launch_choice import project_problem
from tui.screens.list_dialog import ListDialog
from tui.widgets.steady_input import SteadyInput

ENTITIES, PROJECTS = "entities", "projects"
NAME_WIDTH = 30
MOST_SHOWN = 200
"""Rows of the list; who has more projects types."""


class PlaceSource(Protocol):
    """What knows entities and projects: a session."""

    def entities(self) -> list[str]:
        """Return the entities, the one that is looked at first; blocks."""

    def project_pages(self, entity: str) -> Iterator[list[str]]:
        """Yield the projects of an entity; blocks before each part."""


class _Clickable(Static):
    """The entity: a click asks for another."""

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.query_ancestor(ChooseProjectScreen).action_entity()


class ChooseProjectScreen(ListDialog[Place | None]):
    """Returns where to go; None for no choice. The entity is None where it is the one there is already."""

    CSS_PATH = "choose_project.tcss"
    AUTO_FOCUS = "#typed"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Back", id="choose_project.close", tooltip="Leave the list as it is"),
        Binding("down", "move(1)", "Next", id="choose_project.next", show=False, priority=True),
        Binding("up", "move(-1)", "Previous", id="choose_project.previous", show=False, priority=True),
        Binding("pagedown", "move(8)", "Next page", id="choose_project.page_down", show=False, priority=True),
        Binding("pageup", "move(-8)", "Previous page", id="choose_project.page_up", show=False, priority=True),
        Binding(
            "ctrl+e,tab", "entity", "Another entity", id="choose_project.entity", priority=True,
            tooltip="Choose whose projects are listed: yours, or those of a team",
        ),
    ]  # fmt: skip

    @dataclass
    class EntitiesRead(Message):
        """It is known which entities there are."""

        names: list[str]

    @dataclass
    class ProjectsRead(Message):
        """Some projects of an entity are known."""

        entity: str
        names: list[str]
        are_all: bool

    @dataclass
    class ReadFailed(Message):
        """The server could not be asked."""

        error: TrainerError

    options = getters.query_one("#places", OptionList)
    typed = getters.query_one("#typed", SteadyInput)

    def __init__(self, source: PlaceSource, sweeps: Sequence[SweepRecord], current: Place) -> None:
        """Create the dialog.

        Args:
            source: Knows entities and projects.
            sweeps: Those that are known already, the newest first: what goes on in their projects is shown.
            current: Where one is.
        """
        super().__init__()
        self.source = source
        self.current = current
        self.by_project: dict[str, list[SweepRecord]] = {}
        for sweep in sweeps:
            self.by_project.setdefault(sweep.reference.project, []).append(sweep)
        self.known_entity = sweeps[0].reference.entity if sweeps else ""
        """Whose the known sweeps are."""
        self.entity = ""
        """Whose projects are listed; empty until the server has answered."""
        self.entities: list[str] = []
        self.projects: list[str] = list(self.by_project)
        self.is_reading = True
        self.asks_for_entity = False

    def compose(self) -> ComposeResult:
        """Compose the dialog."""
        with Vertical(classes="dialog"):
            with Horizontal(id="place-head"):
                yield Static("Projects", classes="dialog-title", id="place-title")
                yield _Clickable("", id="entity")
            yield SteadyInput(placeholder="type to find, or a new name", id="typed", compact=True)
            yield OptionList(id="places", compact=True, markup=False)
            yield Static("", id="place-note", markup=False)
            yield Static("", classes="dialog-hint")

    def on_mount(self) -> None:
        """Show what is known, and ask for the rest."""
        self.show_rows()
        self.read_entities()

    @work(thread=True, exclusive=True, exit_on_error=False, group=ENTITIES)
    def read_entities(self) -> None:
        """Ask who the owner of the key is."""
        worker = get_current_worker()
        try:
            names = self.source.entities()
        except TrainerError as error:
            if not worker.is_cancelled:
                self.post_message(self.ReadFailed(error))
            return
        if not worker.is_cancelled:
            self.post_message(self.EntitiesRead(names))

    @work(thread=True, exclusive=True, exit_on_error=False, group=PROJECTS, description="list projects")
    def read_projects(self, entity: str) -> None:
        """Ask for the projects of an entity, page by page."""
        worker = get_current_worker()
        try:
            for names in self.source.project_pages(entity):
                if worker.is_cancelled:
                    return
                self.post_message(self.ProjectsRead(entity, names, are_all=False))
        except TrainerError as error:
            if not worker.is_cancelled:
                self.post_message(self.ReadFailed(error))
            return
        self.post_message(self.ProjectsRead(entity, [], are_all=True))

    @on(EntitiesRead)
    def _entities_read(self, message: EntitiesRead) -> None:
        self.entities = message.names
        self._turn_to(message.names[0])

    def _turn_to(self, entity: str) -> None:
        self.entity, self.asks_for_entity, self.is_reading = entity, False, True
        known = not self.known_entity or entity == self.known_entity
        self.projects = list(self.by_project) if known else []
        self.typed.value = ""
        self.query_one("#place-note", Static).update("")
        self.show_rows()
        self.read_projects(entity)

    @on(ProjectsRead)
    def _projects_read(self, message: ProjectsRead) -> None:
        if message.entity == self.entity:
            self.projects = list(dict.fromkeys([*self.projects, *message.names]))
            self.is_reading = not message.are_all
            self.show_rows()

    @on(ReadFailed)
    def _read_failed(self, message: ReadFailed) -> None:
        self.is_reading = False
        self.query_one("#place-note", Static).update(f"✗ {message.error}")
        self.show_rows()

    @on(SteadyInput.Changed)
    def _typed(self) -> None:
        self.options.highlighted = None
        self.show_rows()

    def show_rows(self) -> None:
        """Show what fits what was typed. The cursor stays where it was; after a key it goes to the first that fits."""
        text = self.typed.value.strip()
        marked = self.options.highlighted_option
        rows = self._entity_rows(text) if self.asks_for_entity else self._project_rows(text)
        self.options.clear_options()
        self.options.add_options(rows)
        ids = [row.id for row in rows]
        here = "" if text else f"={self.current.project}" if self.current.project else "all"
        wanted = [marked.id if marked is not None else None, here]
        self.options.highlighted = next((ids.index(each) for each in wanted if each in ids), 0) if rows else None
        self.query_one("#entity", Static).update(
            Content.from_markup("[$foreground 60%]of[/] [b]$name[/] ▾", name=shortened(self.entity, 30))
            if self.entity
            else ""
        )
        self.query_one("#place-title", Static).update("Yours and your teams'" if self.asks_for_entity else "Projects")
        self.typed.placeholder = "type to find" if self.asks_for_entity else "type to find, or a new name"
        self.query_one(".dialog-hint", Static).update(self._hint())

    def _hint(self) -> str:
        if self.asks_for_entity:
            return "enter lists its projects · esc back"
        waits = "◌ asking for more · " if self.is_reading else ""
        return f"{waits}enter goes there · {'tab other entity · ' if len(self.entities) > 1 else ''}esc back"

    def _entity_rows(self, text: str) -> list[Option]:
        return [Option(_line(name, "", "", ""), id=f"@{name}") for name in _matching(self.entities, text)]

    def _project_rows(self, text: str) -> list[Option]:
        now = datetime.now(UTC)
        matching = _matching(self.projects, text)
        rows = [self._project_row(name, now) for name in matching[:MOST_SHOWN]]
        if len(matching) > MOST_SHOWN:
            rows.append(Option(_line(f"… and {len(matching) - MOST_SHOWN:,} more: type", "", "", ""), disabled=True))
        if not text:
            count = sum(len(sweeps) for sweeps in self.by_project.values()) if self.entity == self.known_entity else 0
            return [Option(_line("all projects", count_text(count, "sweep") if count else "", "", ""), id="all"), *rows]
        if text not in self.projects and not project_problem(text.rpartition("/")[2]):
            new = Content.from_markup(
                "[$primary]+[/] [b]$name[/]  [$foreground 60%]new; its first sweep makes it[/]", name=text
            )
            rows.append(Option(new, id=f"={text}"))
        return rows

    def _project_row(self, name: str, now: datetime) -> Option:
        sweeps = self.by_project.get(name, []) if self.entity in ("", self.known_entity) else []
        running = sum(sweep.state is SweepState.RUNNING for sweep in sweeps)
        line = _line(
            name,
            count_text(len(sweeps), "sweep") if sweeps else "",
            f"● {running:,} running" if running else "",
            f"{age_text(sweeps[0].created_at, now)} ago" if sweeps else "",
        )
        return Option(line, id=f"={name}")

    def action_move(self, rows: int) -> None:
        """Move the cursor of the list; the keys stay with the line."""
        if self.options.option_count:
            last = self.options.option_count - 1
            self.options.highlighted = max(0, min((self.options.highlighted or 0) + rows, last))

    def action_entity(self) -> None:
        """List the entities instead of projects, or the projects again."""
        if len(self.entities) > 1:
            self.asks_for_entity = not self.asks_for_entity
            self.typed.value = ""
            self.show_rows()

    @on(SteadyInput.Submitted)
    def _submitted(self) -> None:
        option = self.options.highlighted_option
        if option is not None and not option.disabled:
            self._choose(option.id or "")
        elif problem := project_problem(self.typed.value.strip()):
            self.query_one("#place-note", Static).update(f"✗ {problem}")

    @on(OptionList.OptionSelected)
    def _option_selected(self, message: OptionList.OptionSelected) -> None:
        self._choose(message.option_id or "")

    def _choose(self, chosen: str) -> None:
        if chosen.startswith("@"):
            self._turn_to(chosen[1:])
            return
        entity, _, project = chosen.removeprefix("=").rpartition("/")
        entity = entity or self.entity
        is_same = not entity or (bool(self.entities) and entity == self.entities[0])
        self.dismiss(Place(self.current.entity if is_same else entity, None if chosen == "all" else project))

    def action_close(self) -> None:
        """Go back from the entities to the projects, else leave everything as it is."""
        if self.asks_for_entity:
            self.action_entity()
        else:
            self.dismiss(None)


def _matching(names: Sequence[str], text: str) -> list[str]:
    """Return the names that hold a text, those that begin with it first."""
    wanted = text.casefold()
    matching = [name for name in names if wanted in name.casefold()]
    return sorted(matching, key=lambda name: not name.casefold().startswith(wanted)) if wanted else matching


def _line(name: str, sweeps: str, running: str, age: str) -> Content:
    return Content.assemble(
        (padded(shortened(name, NAME_WIDTH), NAME_WIDTH), "bold"),
        (f"  {sweeps:<12}", "$text-muted"),
        (f"{running:<14}", "$primary"),
        (age, "$text-muted"),
    )
