"""Messages that cross screens. A widget's own messages live in the widget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from textual.message import Message

from trainer.errors import TrainerError
from trainer.records import Json, SweepRecord, SweepReference
from trainer.settings import Settings


@dataclass
class ServerConnected(Message):
    """The session's server answered: headers can name it."""

    label: str


@dataclass
class ServerChosen(Message):
    """The user wants to be at another server, or at another place of it."""

    settings: Settings
    asks_for_project: bool = False
    """Whether it is to be asked which project, once one is there."""


@dataclass
class SweepOpenRequested(Message):
    """The user wants to watch a sweep."""

    reference: SweepReference
    replace_screen: bool = False
    """Whether the live view takes the place of the screen that asked, and is not put on top of it."""
    server: Settings | None = None
    """The server that has it, where the app turns to another one; None for the one the app is at."""


@dataclass
class SweepRead(Message):
    """The live view has shown what it was opened for, or why it cannot be shown yet."""


@dataclass
class AcrossOpenRequested(Message):
    """The user wants one leaderboard across several sweeps."""

    sweeps: tuple[SweepRecord, ...]


@dataclass
class StartFailed(Message):
    """What the command line asked for could not be opened: the app ends and the command line says why."""

    error: TrainerError


@dataclass
class BuilderOpenRequested(Message):
    """The user wants to build a sweep, from nothing, from a file or from another sweep's configuration."""

    path: Path | None = None
    """The file to edit; None for none."""
    config: Mapping[str, Json] | None = None
    """The configuration to begin with; None for the file's, or for a fresh one."""
    text: str | None = None
    """The text that the configuration was read from, or is to be read from; None where there is none."""
    edit: tuple[Mapping[str, Json], str] | None = None
    """What it is changed to at once, as a step that can be undone, and what that does; None for nothing."""
