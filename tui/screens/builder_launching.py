"""BuilderLaunching: from the builder into the live view. A feature of `SweepBuilderScreen`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message

from trainer.errors import TrainerError
from trainer.records import Json, SweepReference
from trainer.settings import ServerKind, Settings
from trainer.sweep.validation import Violation
from tui.launch_choice import LaunchChoice, memory_path, recall, remember
from tui.messages import ServerConnected, SweepOpenRequested
from tui.screens.builder_forking import BuilderForking
from tui.screens.confirm import NoticeScreen
from tui.screens.launch import LaunchScreen
from tui.session import Session

LAUNCHING = "launching"
RECALLING = "recalling"


class BuilderLaunching(BuilderForking):
    """Asks how to launch, and launches; only a sweep without problems."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+l,L", "launch", "Launch", key_display="^l", id="builder.launch", tooltip="Create and run the sweep"
        ),
    ]

    @dataclass
    class Launched(Message):
        """The sweep exists and its agents start."""

        reference: SweepReference
        server: Settings | None = None
        """The server it was launched on, where that is another than the builder's."""

    @dataclass
    class LaunchFailed(Message):
        """The sweep, or its agents, could not be started."""

        error: TrainerError

    @dataclass
    class ChoicesRecalled(Message):
        """What the last launch was asked for is known."""

        texts: Mapping[str, str]
        servers: Mapping[str, Settings]
        """The servers that can be launched on, by a word for each; the one in use first."""

    last_choices: Mapping[str, str] = MappingProxyType({})
    """The texts of the last launch, by the field of the dialog."""
    known_servers: Mapping[str, Settings] = MappingProxyType({})
    """The servers that can be launched on; empty until it is known."""

    async def on_mount(self) -> None:
        """Look for the choices of the last launch while the sweep is built."""
        self.recall_choices()

    @work(thread=True, exclusive=True, exit_on_error=False, group=RECALLING)
    def recall_choices(self) -> None:
        """Read the choices of the last launch, and which servers the user has a key for."""
        self.post_message(self.ChoicesRecalled(recall(memory_path()), self.session.servers_at_hand()))

    @on(ChoicesRecalled)
    def _choices_recalled(self, message: ChoicesRecalled) -> None:
        self.last_choices, self.known_servers = message.texts, message.servers

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer launching once."""
        return not (action == "launch" and self.is_launching)

    async def has_problems(self, title: str) -> bool:
        """Return whether the sweep has problems; goes to the first and names some."""
        if not self.problems:
            return False
        await self.go_to_first_problem()
        shown = "\n".join(_sentence(problem) for problem in self.problems[:3])
        more = f"\n… and {len(self.problems) - 3} more" if len(self.problems) > 3 else ""
        self.notify(shown + more, title=title, severity="warning", markup=False)
        return True

    async def action_launch(self) -> None:
        """Ask how, then launch; shows the first problem instead if there is one.

        First the sweep as it is now is judged, and the disk is looked at for its program.
        """
        self.when_judged(self._ask_how)

    async def _ask_how(self) -> None:
        if await self.has_problems("Not ready to launch"):
            return
        config, text = self.document.config(), self.document.text
        project = self.session.project or config.get("project")
        project = project if isinstance(project, str) else ""
        servers = self.known_servers
        dialog = LaunchScreen(
            config,
            self.session.label,
            project,
            self.session.list_gpus,
            self.last_choices,
            self.prior_points,
            self.launch_estimate,
            list(servers),
            reuses=self.reused is not None,
            entities=[self._owner(config, settings) for settings in servers.values()],
        )

        def answered(choice: LaunchChoice | None) -> None:
            # Kept also when nothing was launched: who only wanted to mend the sweep finds the dialog as it was left.
            self.last_choices = dict(dialog.texts)
            self.show_count()
            if choice is not None:
                self.is_launching = True
                self.launching_text = text
                self.show_readiness()
                self.refresh_bindings()
                session = self.session.on_server(servers.get(dialog.chosen_server, self.session.settings))
                # Another server does not know the runs of this one.
                reused = self.reused if session is self.session else None
                self.launch_sweep(session, config, choice, self.last_choices, reused)

        self.app.push_screen(dialog, answered)

    def _owner(self, config: Mapping[str, Json], settings: Settings) -> str:
        """Return whose project a sweep will be in on a server; empty for the embedded one, and where nobody knows."""
        named = config.get("entity")
        if settings.kind is ServerKind.EMBEDDED or (isinstance(named, str) and named):
            return "" if settings.kind is ServerKind.EMBEDDED else str(named)
        here = self.session if settings == self.session.settings else None
        return (here.entity if here is not None else settings.entity) or ""

    def launch_estimate(self, choice: LaunchChoice, prior_points: int) -> str:
        """Return what the sweep takes if it is launched like this, in words; empty where nobody knows.

        Args:
            choice: How it is launched.
            prior_points: Points of its space that need no run.
        """
        return ""

    @work(thread=True, exclusive=True, exit_on_error=False, group=LAUNCHING, description="launch sweep")
    def launch_sweep(
        self,
        session: Session,
        config: Mapping[str, Json],
        choice: LaunchChoice,
        texts: Mapping[str, str],
        reuses: SweepReference | None,
    ) -> None:
        """Create the sweep and start its agents."""
        remember(memory_path(), texts)
        try:
            label = session.connect().label
            request = replace(choice.request(config, session.cwd), reuses=reuses)
            sweep = session.launch(
                request.config, choice.agents, choice.project or None, gpus=choice.gpus, given=request
            )
        except TrainerError as error:
            self.post_message(self.LaunchFailed(error))
        else:
            self.app.post_message(ServerConnected(label))
            self.post_message(self.Launched(sweep.reference, None if session is self.session else session.settings))

    @on(Launched)
    def _launched(self, message: Launched) -> None:
        self.is_launching = False
        self.app.post_message(SweepOpenRequested(message.reference, replace_screen=True, server=message.server))

    @on(LaunchFailed)
    def _launch_failed(self, message: LaunchFailed) -> None:
        self.is_launching = False
        self.show_readiness()
        self.refresh_bindings()
        self.app.push_screen(NoticeScreen.of("The sweep could not be launched", message.error))


def _sentence(problem: Violation) -> str:
    return f"{problem.path}: {problem.message}" if problem.path else problem.message
