"""BundleSession: a session whose server is a bundle. All panels read; whatever would change something is refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from trainer.records import HistoryPoint, Json, LocalAgent, RunRecord, SweepRecord, SweepReference
from trainer.settings import Connection, ServerKind, Settings
from tui.session import Session

if TYPE_CHECKING:
    from trainer.bundle.client import BundleClient
    from trainer.events import SweepEvent
    from trainer.launch import LaunchRequest
    from trainer.search.cost import RunTime
    from trainer.tracking.retry import RetryReport

_POLL_SECONDS = 60.0
"""Nothing changes; it is asked so that a view which comes late hears of everything."""


class BundleSession(Session):
    """The sweep of one file. Thread-safe."""

    def __init__(self, bundle: BundleClient, cwd: Path) -> None:
        """Take an open bundle.

        Args:
            bundle: The bundle; the session closes it never, since the app ends with it.
            cwd: Folder in which files are written.
        """
        super().__init__(Settings(ServerKind.BUNDLE, bundle.connection.base_url), cwd)
        self.bundle = bundle
        self._client = bundle
        self._connection = bundle.connection
        name = Path(bundle.connection.base_url).name
        self.why_read_only = f"{name} is a bundle: it can be read, and nothing in it be changed."
        self.frozen_at = bundle.made_at

    def connect(self) -> Connection:
        """Return at once: there is no server."""
        return self.bundle.connection

    def close(self) -> None:
        """Do nothing: a file answers at once."""

    def list_sweeps(self) -> list[SweepRecord]:
        """Return the sweep, and those made for its missing points."""
        return self.bundle.list_sweeps()

    def sweep_pages(self) -> Iterator[list[SweepRecord]]:
        """Yield them, all at once."""
        yield self.list_sweeps()

    def changed_sweeps(self, known: Sequence[SweepRecord]) -> list[SweepRecord] | None:
        """Return None: a file is read whole."""

    def follow(self, reference: SweepReference, stop: threading.Event) -> Iterator[SweepEvent]:
        """Yield everything about a sweep, then nothing, until `stop` is set; agents of this machine are not looked at.

        Raises:
            BundleError: If the file is damaged.
        """
        from trainer.tracking.follow import follow_sweep

        return follow_sweep(self.bundle, reference, stop=stop, interval_seconds=_POLL_SECONDS, forever=True)

    def read_histories(
        self,
        reference: SweepReference,
        runs: Sequence[RunRecord],
        *,
        samples: int = 1000,
        stop: threading.Event | None = None,
    ) -> dict[str, list[HistoryPoint]]:
        """Return rows of histories, straight from the file; blocks."""
        return self.bundle.read_histories(
            reference.entity, reference.project, [run.id for run in runs], samples=samples
        )

    def run_time(self, config: Mapping[str, Json]) -> RunTime | None:
        """Return what this machine knows of a run of a sweep's program; blocks."""
        from trainer.run_times import recall

        return recall(config, self.cwd)

    def refuse(self) -> NoReturn:
        """Say that a bundle cannot be changed.

        Raises:
            BundleError: Always.
        """
        self.bundle.refuse()

    def launch(
        self,
        config: Mapping[str, Json],
        agents: int | None,
        project: str | None = None,
        *,
        gpus: str = "",
        given: LaunchRequest | None = None,
    ) -> SweepRecord:
        """Refuse."""
        self.refuse()

    def start_agents(self, reference: SweepReference, count: int) -> None:
        """Refuse."""
        self.refuse()

    def add_agent(self, reference: SweepReference) -> None:
        """Refuse."""
        self.refuse()

    def drain_agent(self, reference: SweepReference, agent: LocalAgent | None = None) -> None:
        """Refuse."""
        self.refuse()

    def drain_agents(self, reference: SweepReference) -> None:
        """Refuse."""
        self.refuse()

    def stop_agents(self, reference: SweepReference) -> int:
        """Refuse."""
        self.refuse()

    def plan_retry(self, reference: SweepReference) -> RetryReport:
        """Refuse."""
        self.refuse()

    def retry_failed(self, reference: SweepReference) -> RetryReport:
        """Refuse."""
        self.refuse()
