"""What the command line asked the app to show first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.records import Json, SweepReference

if TYPE_CHECKING:
    from trainer.launch import LaunchRequest


@dataclass(frozen=True, slots=True)
class OpenHome:
    """The sweeps of the server."""


@dataclass(frozen=True, slots=True)
class OpenSweep:
    """The live view of one sweep."""

    text: str
    """An id, `project/id`, `entity/project/id` or a URL."""


@dataclass(frozen=True, slots=True)
class OpenKnown:
    """The live view of a sweep that is known to be there."""

    reference: SweepReference


@dataclass(frozen=True, slots=True)
class OpenLaunch:
    """Launch a sweep, then its live view."""

    config: Mapping[str, Json]
    agents: int | None
    request: LaunchRequest | None = None
    """All that the command line asked for, from GPUs to a fresh process for each run."""


@dataclass(frozen=True, slots=True)
class OpenBuilder:
    """The builder, with a sweep that is written nowhere yet."""

    text: str
    """Its YAML."""


Start = OpenHome | OpenBuilder | OpenSweep | OpenKnown | OpenLaunch
