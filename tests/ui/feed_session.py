"""A session that plays given events, for tests of the live view and the run view: what the server says is given."""

from __future__ import annotations

import dataclasses
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from tests.ui.memory_session import MemorySession, make_sweep
from trainer.events import SweepEvent
from trainer.records import (
    ConsoleLine,
    ConsolePage,
    HistoryPoint,
    Json,
    LocalAgent,
    RunRecord,
    SweepRecord,
    SweepReference,
)
from trainer.run_contents import RunArtifact, RunFile, RunOrigin
from trainer.states import AgentState, RunState
from trainer.tracking.downloads import save_file
from trainer.tracking.points import account
from trainer.tracking.retry import RetryReport
from trainer.tracking.run_news import RunAsk, RunNews

REFERENCE = SweepReference("local", "wine", "wine-grid")
CONFIG: dict[str, Json] = {
    "method": "grid",
    "parameters": {"dataset": {"value": "wine"}, "depth": {"values": [3, 5]}, "trees": {"values": [50, 100]}},
}


def make_run(number: int, accuracy: float | None = None, state: RunState = RunState.FINISHED) -> RunRecord:
    """Return a run whose accuracy grew to its value in five steps."""
    curve = () if accuracy is None else tuple(HistoryPoint(s, {"accuracy": accuracy * s / 5}) for s in range(1, 6))
    return RunRecord(
        id=f"run{number}",
        name=f"rose-sweep-{number}",
        state=state,
        config={"dataset": "wine", "depth": 3 + number % 2, "trees": 50 * (1 + number % 3)},
        summary={} if accuracy is None else {"accuracy": accuracy, "loss": 1 - accuracy},
        created_at=datetime.now(UTC) - timedelta(seconds=100 - number),
        duration_seconds=2.0,
        host="lab-7",
        tags=("nightly",),
        curve=curve,
    )


def make_agent(slot: int, run_id: str = "") -> LocalAgent:
    state = AgentState.RUNNING if run_id else AgentState.WAITING
    return LocalAgent(slot, state, run_id=run_id, run_started_at=datetime.now(UTC), last_line="step 3 accuracy 0.9")


def a_sweep(**changes: object) -> SweepEvent:
    from trainer.events import SweepChanged

    return SweepChanged(make_sweep("wine-grid", config=CONFIG, **changes))


class FeedSession(MemorySession):
    """Yields the events that the test gives; remembers what the screens asked for."""

    def __init__(self, events: Sequence[SweepEvent] = (), cwd: Path = Path()) -> None:
        super().__init__(cwd=cwd)
        self._queue: queue.Queue[SweepEvent] = queue.Queue()
        self.give(*events)
        self.follow_failure: Exception | None = None
        self.agents_started: list[int] = []
        self.agents_stopped = 0
        self.agents_drained = 0
        self.hosts_drained = 0
        self.slots_drained: list[int] = []
        self.failed_points = 0
        self.retried = 0
        self.left = threading.Event()
        """Set when the follower has ended."""
        self.run: RunRecord | None = None
        self.history: list[HistoryPoint] = []
        self.console: list[ConsoleLine] = []
        self.system: list[HistoryPoint] = []
        self.files: list[RunFile] = []
        self.artifacts: dict[RunArtifact, list[RunFile]] = {}
        self.contents: dict[str, bytes] = {}
        """Bytes of files by name."""
        self.origin = RunOrigin()
        self.contents_read: list[str] = []
        """Which of system metrics, files, console and origin were asked for."""
        self.histories_read: list[str] = []
        self.changed: list[tuple[str, tuple[str, ...]]] = []
        self.deleted: list[str] = []

    def give(self, *events: SweepEvent) -> None:
        for event in events:
            self._queue.put(event)

    def follow(self, reference: SweepReference, stop: threading.Event) -> Iterator[SweepEvent]:
        if self.follow_failure is not None:
            raise self.follow_failure
        try:
            while not stop.is_set():
                try:
                    yield self._queue.get(timeout=0.05)
                except queue.Empty:
                    continue
        finally:
            self.left.set()

    def add_agent(self, reference: SweepReference) -> None:
        self.agents_started.append(1)

    def drain_agent(self, reference: SweepReference, agent: LocalAgent | None = None) -> None:
        self.agents_drained += 1
        self.slots_drained += [agent.slot] if agent is not None else []

    def stop_agents(self, reference: SweepReference) -> int:
        self.agents_stopped += 1
        return 1

    def drain_agents(self, reference: SweepReference) -> None:
        self.hosts_drained += 1

    def plan_retry(self, reference: SweepReference) -> RetryReport:
        sweep = make_sweep("wine-grid", config=CONFIG)
        points: list[dict[str, Json]] = [{"dataset": "wine", "depth": d, "trees": t} for d in (3, 5) for t in (50, 100)]
        runs = [
            dataclasses.replace(make_run(number, state=RunState.FAILED), config=point)
            for number, point in enumerate(points[: self.failed_points])
        ]
        found = account(sweep, runs, [])
        return RetryReport(found, tuple(point.config for point in found.failed), is_dry=True)

    def retry_failed(self, reference: SweepReference) -> RetryReport:
        self.retried += 1
        return dataclasses.replace(self.plan_retry(reference), is_dry=False, enqueued=("a", "b", "c"))

    def read_run(self, reference: SweepReference, run_id: str) -> RunRecord:
        self.connect()
        assert self.run is not None
        return self.run

    def read_history(
        self, reference: SweepReference, run_id: str, *, min_step: int = 0, samples: int = 1000
    ) -> list[HistoryPoint]:
        self.histories_read.append(run_id)
        return [row for row in self.history if row.step >= min_step]

    def read_histories(
        self,
        reference: SweepReference,
        runs: Sequence[RunRecord],
        *,
        samples: int = 1000,
        stop: threading.Event | None = None,
    ) -> dict[str, list[HistoryPoint]]:
        self.connect()
        self.histories_read += [run.id for run in runs]
        return {run.id: self.history or list(run.curve) for run in runs}

    def read_news(self, asks: Sequence[RunAsk], stop: threading.Event | None = None) -> list[RunNews | None]:
        found: list[RunNews | None] = []
        for ask in asks:
            reference = SweepReference(ask.entity, ask.project, "")
            run = self.read_run(reference, ask.run_id) if ask.record else None
            first, last = ask.from_step, ask.last_lines
            history = () if first is None else tuple(self.read_history(reference, ask.run_id, min_step=first))
            console = ConsolePage() if last is None else self.read_console_page(reference, ask.run_id, lines=last)
            system = () if ask.system is None else tuple(self.read_system(reference, ask.run_id))
            found.append(RunNews(run, history, console, system))
        return found

    def tag_run(self, reference: SweepReference, run_id: str, tags: Sequence[str]) -> None:
        self.changed.append((run_id, tuple(tags)))

    def note_run(self, reference: SweepReference, run_id: str, notes: str) -> None:
        self.changed.append((run_id, (notes,)))

    def delete_run(self, reference: SweepReference, run_id: str) -> None:
        self.deleted.append(run_id)

    def read_system(self, reference: SweepReference, run_id: str) -> list[HistoryPoint]:
        self.contents_read.append("system")
        return self.system

    def read_files(self, reference: SweepReference, run_id: str, names: Sequence[str] = ()) -> list[RunFile]:
        self.contents_read.append("files" if not names else "named files")
        return [file for file in self.files if not names or file.name in names]

    def read_artifacts(self, reference: SweepReference, run_id: str) -> list[RunArtifact]:
        return list(self.artifacts)

    def read_artifact_files(self, reference: SweepReference, artifact: RunArtifact) -> list[RunFile]:
        return self.artifacts[artifact]

    def read_origin(self, reference: SweepReference, run_id: str) -> RunOrigin:
        self.contents_read.append("origin")
        return self.origin

    def read_text(self, file: RunFile) -> tuple[str, bool]:
        return self.contents[file.name].decode(), False

    def stream_file(self, file: RunFile) -> Iterator[bytes]:
        content = self.contents[file.name]
        yield from (content[start : start + 4] for start in range(0, len(content), 4))

    def save_files(
        self,
        files: Sequence[tuple[RunFile, Path]],
        *,
        replace: bool,
        on_bytes: Callable[[RunFile, int], object],
        stop: threading.Event,
    ) -> int:
        for file, path in files:
            save_file(self, file, path, replace=replace, on_bytes=partial(on_bytes, file), stop=stop)
        return len(files)

    def read_curves(self, sweep: SweepRecord, metric_name: str) -> Sequence[RunRecord]:
        values = [HistoryPoint(step, {metric_name: step / 10}) for step in range(6)]
        return [RunRecord("run1", "rose-sweep-1", RunState.FINISHED, curve=tuple(values))]

    def read_samples(
        self, reference: SweepReference, run_ids: Sequence[str], metric_name: str, samples: int,
        stop: threading.Event | None = None,
    ) -> dict[str, list[HistoryPoint]]:  # fmt: skip
        runs = self.read_curves(make_sweep(), metric_name)
        return {run.id: list(run.curve) for run in runs if run.id in run_ids}

    def read_console_page(
        self, reference: SweepReference, run_id: str, *, lines: int, before: str = "", after: str | None = None
    ) -> ConsolePage:
        self.contents_read.append("console")
        kept = self.console
        if after is None:
            kept = [line for line in kept if not before or line.number < int(before)][-lines:]
        else:
            kept = [line for line in kept if not after or line.number > int(after)][:lines]
        if not kept:
            return ConsolePage(total=len(self.console))
        older = str(kept[0].number) if kept[0].number else ""
        return ConsolePage(kept, len(self.console), older, str(kept[-1].number))
