"""SeveralSession: a session whose sweep is several ones, shown as one. Reads and single runs; no sweep is steered."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from trainer.records import RunRecord, SweepReference
from trainer.settings import Connection
from trainer.tracking.several import SeveralClient
from trainer.tracking.sweeps_as_one import SharedMetric, shared_metric
from tui.session import Session

if TYPE_CHECKING:
    from trainer.events import SweepEvent
    from trainer.records import Goal, SweepRecord


class SeveralSession(Session):
    """Several sweeps of the server of another session. Thread-safe."""

    def __init__(
        self, session: Session, sweeps: Sequence[SweepRecord], metric_name: str | None = None, goal: Goal | None = None
    ) -> None:
        """Take sweeps together.

        Args:
            session: Whose server has them; it has answered.
            sweeps: The sweeps, as they were read last.
            metric_name: What ranks their runs; None for what most of them optimise.
            goal: Its goal; None for that of most of them.

        Raises:
            InputError: If they are too many.
        """
        super().__init__(session.settings, session.cwd)
        self.whole = session
        self.shared: SharedMetric = shared_metric(sweeps, metric_name, goal)
        self.several = SeveralClient(session.client, sweeps, self.shared.metric)
        self._client = self.several
        self._connection = session.connect()
        self.frozen_at = session.frozen_at

    def connect(self) -> Connection:
        """Return at once: the server has answered."""
        return self.whole.connect()

    def follow(self, reference: SweepReference, stop: threading.Event) -> Iterator[SweepEvent]:
        """Yield everything about the sweeps and their local agents, then what changes, until `stop` is set; blocks."""
        from trainer.agents.pool import known_agents
        from trainer.watch import watch_sweep

        parts = tuple(self.several.labels)
        return watch_sweep(
            self.several, reference, stop, agents=lambda: tuple(a for part in parts for a in known_agents(part)),
            forever=True,
        )  # fmt: skip

    def run_again(self, reference: SweepReference, runs: Sequence[RunRecord]) -> None:
        """Have agents of each run's own sweep run its configuration again; blocks.

        Raises:
            InputError: If the server takes no configurations from outside.
        """
        for run in runs:
            self.whole.run_again(self.several.owner(run.id) or reference, [run])
