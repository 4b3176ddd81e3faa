"""Publishes a sweep: finds or makes it at the target, then its runs, their artifacts, its state. Repeatable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Lock

from trainer.errors import InputError
from trainer.publishing.artifacts import ArtifactPublisher
from trainer.publishing.link import Link
from trainer.publishing.memory import Memory
from trainer.publishing.run_facts import RunFacts
from trainer.publishing.runs import Planned, RunPublisher, plan_run
from trainer.publishing.source import Source
from trainer.publishing.target import Target
from trainer.publishing.workers import Workers
from trainer.records import Json, RunRecord, SweepRecord, SweepReference
from trainer.states import RunState, SweepState

_RUNS_AT_ONCE = 50
"""Of one question: whether they are there."""
_AT_ONCE = 4
"""Runs that are being sent: what takes long is a server's answer, a dozen of them for each run."""


@dataclass(frozen=True)
class PublishReport:
    """What was published, or (`is_dry`) would be."""

    source: SweepReference
    target: SweepReference | None
    """None where it would still have to be made."""
    is_dry: bool = False
    total: int = 0
    sent: int = 0
    """Runs that were not there, or not all of them."""
    left_out: tuple[str, ...] = ()
    """Runs that are not over."""
    renamed: tuple[tuple[str, str], ...] = ()
    """Runs whose id was taken there, and the id that they have."""
    artifacts: int = 0
    artifacts_sent: int = 0
    renumbered: tuple[tuple[str, str], ...] = ()
    size: int = 0
    """Bytes sent."""

    def json(self) -> dict[str, Json]:
        """Return it as `publish --json` writes it."""
        return {
            "source": str(self.source),
            "sweep": str(self.target) if self.target else None,
            "dry_run": self.is_dry,
            "runs": {
                "total": self.total, "sent": self.sent, "unchanged": self.total - self.sent,
                "left_out": list[Json](self.left_out), "renamed": dict[str, Json](self.renamed),
            },
            "artifacts": {
                "total": self.artifacts, "sent": self.artifacts_sent, "renumbered": dict[str, Json](self.renumbered),
            },
            "bytes": self.size,
        }  # fmt: skip

    def lines(self) -> list[str]:
        """Return it in words."""
        verb = "would be sent" if self.is_dry else "sent"
        there = f", {self.total - self.sent:,} there already" if self.total > self.sent else ""
        lines = [f"{_count(self.sent, 'run')} {verb}{there}."]
        if self.artifacts and self.is_dry:
            lines.append(f"{_count(self.artifacts, 'artifact version')} logged or read by them.")
        elif self.artifacts:
            rest = self.artifacts - self.artifacts_sent
            lines.append(f"{_count(self.artifacts_sent, 'artifact version')} sent, {rest:,} there already.")
        if not self.is_dry:
            lines[-1] += f" {self.size / 2**20:.1f} MiB."
        if self.left_out:
            these = ", ".join(self.left_out[:5]) + (" …" if len(self.left_out) > 5 else "")
            lines.append(f"{_count(len(self.left_out), 'run')} left out, not over yet: {these}. Publish again then.")
        lines += [f"The run id {here} is taken there by another run: it is {there}." for here, there in self.renamed]
        lines += [f"The artifact {here} is {there} there." for here, there in self.renumbered]
        return lines


@dataclass
class Progress:
    """How far it is, for whoever tells."""

    tell: Callable[[int, int, int], object]
    """Is called with runs done, runs in all, bytes sent."""
    total: int = 0
    done: int = 0
    size: int = 0
    """Bytes sent."""
    sent: int = 0
    """Runs."""

    lock: Lock = field(default_factory=Lock)
    """Several runs are sent at once."""

    def bytes(self, count: int) -> None:
        """Count bytes."""
        with self.lock:
            self.size += count
            if count:
                self.tell(self.done, self.total, self.size)

    def run(self, *, is_sent: bool) -> None:
        """Count a run."""
        with self.lock:
            self.done += 1
            self.sent += is_sent
            self.tell(self.done, self.total, self.size)


def publish(
    source_link: Link,
    sweep: SweepRecord,
    runs: Sequence[RunRecord],
    target_link: Link,
    project: str,
    *,
    dry_run: bool = False,
    on_progress: Callable[[int, int, int], object] = lambda done, total, size: None,
) -> PublishReport:
    """Publish a sweep; blocks for as long as it takes. Called again, it sends what is missing.

    Args:
        source_link: The sweep's server.
        sweep: The sweep.
        runs: Its runs, oldest first.
        target_link: The other server, whose connection names the entity.
        project: The project there.
        dry_run: Only find out what there is to do.
        on_progress: Is told runs done, runs in all, and bytes sent.

    Raises:
        InputError: If source and target are the same, or another command publishes the same at the moment.
        ServerError, AuthenticationError, NotFoundError: If a server cannot be read or written.
    """
    connection = target_link.connection
    there = (connection.base_url, connection.entity, project)
    if there == (source_link.connection.base_url, sweep.reference.entity, sweep.reference.project):
        raise InputError(f"{sweep.reference} is there already.", hint="Name another server, or another --project.")
    memory = Memory(source_link.connection.base_url, sweep.reference, *there)
    work = _Publication(
        Source(source_link, sweep.reference),
        Target(target_link, connection.entity, project),
        memory,
        sweep,
        on_progress,
    )
    if dry_run:
        return work.plan(runs)
    with memory.alone():
        return work.run(runs)


class _Publication:
    """One call of `publish`."""

    def __init__(
        self,
        source: Source,
        target: Target,
        memory: Memory,
        sweep: SweepRecord,
        on_progress: Callable[[int, int, int], object],
    ) -> None:
        self._source = source
        self._target = target
        self._memory = memory
        self._sweep = sweep
        self._progress = Progress(on_progress)

    def plan(self, runs: Sequence[RunRecord]) -> PublishReport:
        """Return what there is to do."""
        ended, report = self._begun(runs, is_dry=True)
        sweep_id = self._existing_sweep(ended)
        plans = list(self._plans(ended))
        names = {plan.run.name: plan.name for plan in plans}
        found = ArtifactPublisher(self._source, self._target, names, self._progress.bytes).wanted()
        return replace(
            report,
            target=self._target.reference(sweep_id) if sweep_id else None,
            sent=sum(not plan.is_done for plan in plans),
            renamed=_renamed(names),
            artifacts=len({artifact.storage_id for _, artifact, _ in found}),
        )

    def run(self, runs: Sequence[RunRecord]) -> PublishReport:
        """Publish everything."""
        ended, report = self._begun(runs, is_dry=False)
        sweep_id = self._existing_sweep(ended)
        if sweep_id is None:
            sweep_id = self._target.made_sweep(self._source.sweep_texts()).id
        self._memory.keep(sweep_id)
        # A crash is not told but found out by silence; to cancel the sweep would first ask such runs to end.
        crashed = [run for run in ended if run.state is RunState.CRASHED]
        is_canceled = self._sweep.state is SweepState.CANCELED
        first = [run for run in ended if not (is_canceled and run.state is RunState.CRASHED)]
        names: dict[str, str] = {}
        self._publish_runs(first, sweep_id, names)
        if is_canceled:
            self._target.set_sweep_state(sweep_id, self._sweep.state)
            self._publish_runs(crashed, sweep_id, names)
        artifacts = ArtifactPublisher(self._source, self._target, names, self._progress.bytes)
        sent, unchanged = artifacts.publish_all()
        if not is_canceled:
            self._target.set_sweep_state(sweep_id, self._sweep.state)
        return replace(
            report,
            target=self._target.reference(sweep_id),
            sent=self._progress.sent,
            renamed=_renamed(names),
            artifacts=sent + unchanged,
            artifacts_sent=sent,
            renumbered=tuple(artifacts.renumbered),
            size=self._progress.size,
        )

    def _begun(self, runs: Sequence[RunRecord], *, is_dry: bool) -> tuple[list[RunRecord], PublishReport]:
        ended = [run for run in runs if run.state.is_terminal]
        self._progress.total = len(ended)
        left_out = tuple(run.id for run in runs if not run.state.is_terminal)
        return ended, PublishReport(self._sweep.reference, None, is_dry, len(ended), left_out=left_out)

    def _existing_sweep(self, runs: Sequence[RunRecord]) -> str | None:
        """Return the sweep there that this one was published as, if it was: as remembered, or as its runs say."""
        remembered = self._memory.sweep_id()
        if remembered and self._target.sweep(remembered) is not None:
            return remembered
        for start in range(0, len(runs), _RUNS_AT_ONCE):
            part = runs[start : start + _RUNS_AT_ONCE]
            known = self._target.runs([run.id for run in part])
            for run in (run for run in part if run.id in known):
                there = self._plan(run, known).there
                if there is not None and there.sweep and self._target.sweep(there.sweep) is not None:
                    return there.sweep
        return None

    def _publish_runs(self, runs: Sequence[RunRecord], sweep_id: str, names: dict[str, str]) -> None:
        publisher = RunPublisher(self._source, self._target, sweep_id, self._progress.bytes)
        with Workers(_AT_ONCE) as workers:
            for plan in self._plans(runs):
                names[plan.run.name] = plan.name
                if plan.is_done and plan.there is not None and plan.there.sweep == sweep_id:
                    self._progress.run(is_sent=False)
                    continue
                name, storage_id = publisher.begin(plan)
                names[plan.run.name] = name
                workers.give(partial(self._fill, publisher, plan, name, storage_id))

    def _fill(self, publisher: RunPublisher, plan: Planned, name: str, storage_id: str) -> None:
        publisher.fill(plan, name, storage_id)
        self._progress.run(is_sent=True)

    def _plans(self, runs: Sequence[RunRecord]) -> Iterator[Planned]:
        for start in range(0, len(runs), _RUNS_AT_ONCE):
            part = runs[start : start + _RUNS_AT_ONCE]
            known = self._target.runs([run.id for run in part])
            for run in part:
                yield self._plan(run, known)

    def _plan(self, run: RunRecord, known: Mapping[str, RunFacts]) -> Planned:
        return plan_run(self._source, run.id, known.get(run.id), lambda name: self._target.runs([name]).get(name))


def _renamed(names: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((here, there) for here, there in names.items() if here != there)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
