"""Run a sweep's failed points again, each once: in the sweep where its server takes single runs, else in a filler.

Asked twice it does nothing twice: what waits, runs or finished meanwhile is not failed, in the sweep or in a filler.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from itertools import islice

from trainer.errors import InputError, ServerError, ServerLostError
from trainer.lock_file import alone
from trainer.paths import ledgers_dir
from trainer.records import Json, RunRecord, SweepRecord, SweepReference
from trainer.settings import ServerKind
from trainer.states import SweepState
from trainer.sweep.space import SearchSpace, run_cap_of
from trainer.tracking.client import ENQUEUE_FEATURE, TrackingClient
from trainer.tracking.filler import filler_configs, is_filler_of
from trainer.tracking.points import Account, account

MAX_FILLERS = 20
"""Sweeps that one call makes for points that form no product; the next call makes the next ones."""
MAX_HOLES = 10_000
"""Points never handed out that one call asks for."""
_RESUMES = 3
"""How often a sweep is resumed that finishes again before it was given its runs."""


@dataclass(frozen=True)
class RetryReport:
    """What a call of `retry_failed` did, or would do."""

    account: Account
    """What it found, before it did anything."""
    wanted: tuple[Mapping[str, Json], ...] = ()
    """Configurations to be run again, or for the first time."""
    enqueued: tuple[str, ...] = ()
    """Runs made in the sweep itself."""
    fillers: tuple[SweepRecord, ...] = ()
    """Sweeps made for the rest."""
    is_resumed: bool = False
    """Whether the sweep was over and goes on."""
    is_dry: bool = False
    filler_reason: str = ""
    """Why the runs are, or would be, in sweeps of their own; empty when they are in the sweep."""
    left: int = 0
    """Points that another call has to do."""
    includes_killed: bool = False
    includes_holes: bool = False
    running: tuple[SweepRecord, ...] = field(default=())
    """Fillers of earlier calls that are not over."""

    @property
    def has_work(self) -> bool:
        """Whether agents are needed for what it did."""
        return bool(self.enqueued or self.fillers or self.is_resumed)

    @property
    def to_work_on(self) -> tuple[SweepReference, ...]:
        """The sweeps that hand something out: the sweep itself first where it is not over, then fillers."""
        own = self.account.sweep
        is_open = self.is_resumed or not own.state.is_terminal
        fillers = (*self.running, *self.fillers)
        return (*((own.reference,) if is_open else ()), *(filler.reference for filler in fillers))

    def lines(self) -> list[str]:
        """Return what was found and done, in words."""
        found = self.account
        tried = [*found.failed, *found.recovered]
        lines = [f"{_points(len(tried), 'failed')}: {self._done_about_failed()}" if tried else "No point has failed."]
        lines += [
            f"  {point.failed[-1].id} was made up for by {point.finished[0].id}" for point in found.recovered[:10]
        ]
        if found.killed:
            lines.append(
                f"{_points(len(found.killed), 'killed')}: "
                + ("run again too" if self.includes_killed else "left alone (--include-killed runs them again)")
                + "."
            )
        if found.holes:
            lines.append(
                f"{_points(found.holes)} never handed out: "
                + ("asked for too" if self.includes_holes else "left alone (--include-holes runs them)")
                + "."
            )
        if found.duplicates:
            lines.append(f"{_points(len(found.duplicates))} run more than once: see `sweep-tui points`.")
        if self.filler_reason and self.wanted:
            verb = "would be" if self.is_dry else "are"
            lines.append(f"The runs {verb} in sweeps of their own: {self.filler_reason}.")
        lines += [f"  {filler.name} ({filler.reference})" for filler in self.fillers]
        if self.is_resumed:
            lines.append("The sweep was over and goes on.")
        if found.sweep.state is SweepState.PAUSED and self.enqueued:
            lines.append(f"The sweep is paused: they begin after `sweep-tui resume {found.sweep.reference}`.")
        if self.left:
            lines.append(f"{_points(self.left)} left: ask again when these are done.")
        return lines

    def _done_about_failed(self) -> str:
        found = self.account
        asked = "would be run again" if self.is_dry else "run again in a sweep of their own"
        if self.enqueued:
            asked = "enqueued again"
        parts = [f"{len(found.failed)} {asked}"] if found.failed else []
        if found.recovered:
            parts.append(f"{len(found.recovered)} already finished by another run")
        return ", ".join(parts) + "."


def read_account(client: TrackingClient, sweep: SweepRecord) -> tuple[Account, list[SweepRecord]]:
    """Return the account of a sweep's points, and the sweeps that were made for its missing ones.

    Raises:
        ServerError, NotFoundError, AuthenticationError: As every call of the client.
    """
    fillers = read_fillers(client, sweep.reference)
    runs = list(client.read_runs(sweep))
    for filler in fillers:
        runs += client.read_runs(filler)
    return account(sweep, runs, fillers, client.read_prior_runs(sweep.reference)), fillers


def read_fillers(client: TrackingClient, reference: SweepReference) -> list[SweepRecord]:
    """Return the sweeps that were made for missing points of another.

    Raises:
        ServerError, NotFoundError, AuthenticationError: As every call of the client.
    """
    listed = client.list_sweeps(reference.project, None, entity=reference.entity)
    return [other for other in listed if is_filler_of(other, reference)]


def retry_failed(
    client: TrackingClient,
    sweep: SweepRecord,
    *,
    include_killed: bool = False,
    include_holes: bool = False,
    dry_run: bool = False,
    can_enqueue: bool | None = None,
) -> RetryReport:
    """Have the failed points of a sweep run again; agents have still to do it.

    Args:
        client: The server.
        sweep: The sweep.
        include_killed: Points too whose run was ended by somebody, or by early termination.
        include_holes: Points too that were never handed out although the sweep is over.
        dry_run: Only say what would be done.
        can_enqueue: Whether the server takes single runs for a sweep; None to ask it.

    Raises:
        InputError: If another call for this sweep is at work on this machine.
        ServerError, NotFoundError, AuthenticationError: As every call of the client; what was enqueued stays so.
    """
    with _alone(client, sweep.reference):
        sweep = client.read_sweep(sweep.reference)
        found, fillers = read_account(client, sweep)
        running = tuple(filler for filler in fillers if not filler.state.is_terminal)
        again = [point.config for point in (*found.failed, *(found.killed if include_killed else ()))]
        fills_holes = include_holes and found.holes > 0
        if can_enqueue is None:
            can_enqueue = ENQUEUE_FEATURE in client.server_features()
        reason = _why_filler(found, fills_holes, can_enqueue)
        # The embedded server's search goes on where it ended; whether another one does, nobody promises.
        resumes_for_holes = fills_holes and client.connection.kind is ServerKind.EMBEDDED and not reason
        holes = list(islice(found.untried_points(), MAX_HOLES)) if fills_holes and not resumes_for_holes else []
        report = RetryReport(
            found, (*again, *holes), is_dry=dry_run, filler_reason=reason, running=running,
            includes_killed=include_killed, includes_holes=include_holes,
        )  # fmt: skip
        if dry_run or not (report.wanted or resumes_for_holes):
            return report
        return _do(client, report, again, holes, resumes_for_holes)


def _why_filler(found: Account, fills_holes: bool, can_enqueue: bool) -> str:
    """Return why runs cannot be added to the sweep itself, in words; empty when they can."""
    sweep = found.sweep
    if not can_enqueue:
        return "its server takes no single runs for a sweep"
    controller = sweep.config.get("controller")
    is_local = isinstance(controller, dict) and controller.get("type") == "local"
    is_led = bool(sweep.config.get("scheduler")) or sweep.config.get("method") == "custom" or is_local
    if is_led and run_cap_of(sweep.config) is not None:
        return "its run_cap counts what a program outside enqueues"
    # Runs whose program changed their configuration were handed out too.
    is_complete = found.untried is not None and found.untried <= len(found.foreign)
    if sweep.state.is_terminal and not is_complete and not fills_holes:
        return "it is over, and resumed it would hand out other points too"
    return ""


def _do(
    client: TrackingClient,
    report: RetryReport,
    again: Sequence[Mapping[str, Json]],
    holes: Sequence[Mapping[str, Json]],
    resumes_for_holes: bool,
) -> RetryReport:
    sweep, reason = report.account.sweep, report.filler_reason
    enqueued: list[str] = []
    is_resumed = False
    if not reason and (again or resumes_for_holes):
        try:
            is_resumed = _resume(client, sweep.reference)
            for config in again:
                run_id, resumed = _enqueue(client, sweep.reference, config)
                enqueued.append(run_id)
                is_resumed = is_resumed or resumed
        except ServerLostError:
            raise
        except (ServerError, InputError) as error:
            reason = f"its server refused them ({error.message.rstrip('.')})"
    left_over = [*again[len(enqueued) :], *holes]
    configs = filler_configs(sweep, report.account.space, left_over)
    made = [
        client.create_sweep(config, sweep.reference.entity, sweep.reference.project) for config in configs[:MAX_FILLERS]
    ]
    left = sum(_count(config) for config in configs[MAX_FILLERS:])
    if made and not reason:
        reason = "whether its server would hand them out is not known"
    return replace(
        report, enqueued=tuple(enqueued), fillers=tuple(made), is_resumed=is_resumed, filler_reason=reason, left=left
    )


def _count(config: Mapping[str, Json]) -> int:
    return SearchSpace.from_config(config).unique_count or 0


def _resume(client: TrackingClient, reference: SweepReference) -> bool:
    """Let a sweep that is over go on; return whether it was."""
    if not client.read_sweep(reference).state.is_terminal:
        return False
    client.set_sweep_state(reference, SweepState.RUNNING)
    return True


def run_again(client: TrackingClient, reference: SweepReference, runs: Sequence[RunRecord]) -> list[str]:
    """Have the configurations of some runs run again as new runs of their sweep, which goes on if it was over.

    A run is given what the sweep gave it, and not what its program noted in its configuration besides.

    Returns:
        The ids of the new runs.

    Raises:
        InputError: If the server takes no single runs, or a run has no configuration of the sweep.
        ServerError: If the server refuses.
    """
    if ENQUEUE_FEATURE not in client.server_features():
        raise InputError("This server takes no single runs.", hint="R runs all failed points again.")
    sweep = client.read_sweep(reference)
    configs = {run.id: point.config for point in account(sweep, runs).points for run in point.runs}
    for run in runs:
        if run.id not in configs:
            raise InputError(
                f"{run.name} has no configuration that the sweep gives out.",
                hint="It died before it had one, or its program replaced a value.",
            )
    return [_enqueue(client, reference, configs[run.id])[0] for run in runs]


def _enqueue(client: TrackingClient, reference: SweepReference, config: Mapping[str, Json]) -> tuple[str, bool]:
    """Enqueue a run; return its id, and whether the sweep had to be resumed for it.

    An agent may end the sweep between its being resumed and this, since there is nothing left to hand out.
    """
    is_resumed = False
    for _ in range(_RESUMES):
        try:
            return client.enqueue_run(reference, config), is_resumed
        except ServerLostError:
            raise
        except ServerError:
            if not _resume(client, reference):
                raise
            is_resumed = True
    return client.enqueue_run(reference, config), is_resumed


def _alone(client: TrackingClient, reference: SweepReference) -> AbstractContextManager[None]:
    """Keep two calls on this machine from enqueuing the same points; the second is told when it enters."""
    name = hashlib.blake2b(f"{client.connection.base_url} {reference}".encode(), digest_size=12).hexdigest()
    said = f"The failed points of {reference} are being enqueued by another command."
    return alone(ledgers_dir() / f"{name}.lock", said)


def _points(count: int, kind: str = "") -> str:
    return f"{count:,} {f'{kind} ' if kind else ''}point{'' if count == 1 else 's'}"
