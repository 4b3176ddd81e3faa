"""A session whose server is a list in memory: for tests of screens, where what the server says is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trainer.errors import TrainerError
from trainer.launch import LaunchRequest
from trainer.records import Json, Metric, SweepRecord, SweepReference
from trainer.settings import Connection, ServerKind, Settings
from trainer.states import SweepState
from tui.session import Session

CONNECTION = Connection(ServerKind.EMBEDDED, "http://127.0.0.1:8123", "key", "local")


def make_sweep(name: str = "wine-grid", **changes: object) -> SweepRecord:
    """Return a sweep record with plausible values, changed by keyword."""
    values: dict[str, object] = {
        "reference": SweepReference("local", "wine", name),
        "name": name,
        "state": SweepState.RUNNING,
        "method": "grid",
        "metric": Metric("accuracy", "maximize"),
        "config": {"method": "grid", "parameters": {"lr": {"values": [0.1, 0.2]}}},
        "created_at": datetime.now(UTC) - timedelta(minutes=5),
        "run_count": 3,
        "run_count_expected": 9,
        "best_value": 0.9815,
    }
    return SweepRecord(**(values | changes))  # type: ignore[arg-type]


class MemorySession(Session):
    """Answers from `sweeps`; raises `failure` while it is set; remembers what was asked of it."""

    def __init__(
        self, sweeps: Sequence[SweepRecord] = (), failure: TrainerError | None = None, cwd: Path = Path()
    ) -> None:
        super().__init__(Settings(ServerKind.EMBEDDED, ""), cwd)
        self.sweeps = list(sweeps)
        self.failure = failure
        self.states_set: list[tuple[str, SweepState]] = []
        self.launched: list[tuple[Mapping[str, Json], int | None, str | None]] = []
        self.gpus_asked_for: list[str] = []
        self.reused: list[SweepReference | None] = []
        self.gpus = ""
        """What this machine has, in words."""

    def connect(self) -> Connection:
        if self.failure is not None:
            raise self.failure
        self._connection = CONNECTION
        return CONNECTION

    def list_gpus(self) -> str:
        return self.gpus

    def logged_metrics(self, project: str | None) -> list[str]:
        return [sweep.metric.name for sweep in self.sweeps if sweep.metric is not None]

    def list_sweeps(self) -> list[SweepRecord]:
        self.connect()
        return list(self.sweeps)

    def sweep_pages(self) -> Iterator[list[SweepRecord]]:
        yield self.list_sweeps()

    def changed_sweeps(self, known: Sequence[SweepRecord]) -> list[SweepRecord] | None:
        return None

    def set_sweep_state(self, reference: SweepReference, state: SweepState) -> None:
        self.connect()
        self.states_set.append((reference.id, state))

    def launch(
        self,
        config: Mapping[str, Json],
        agents: int | None,
        project: str | None = None,
        *,
        gpus: str = "",
        given: LaunchRequest | None = None,
    ) -> SweepRecord:
        self.connect()
        self.launched.append((config, agents, project))
        self.gpus_asked_for.append(gpus)
        self.reused.append(given.reuses if given is not None else None)
        return make_sweep("launched", config=config)
