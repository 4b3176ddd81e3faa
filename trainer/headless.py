"""Follow a sweep without a terminal: lines of narration while it runs, until it ends or is interrupted."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from trainer.agents.failures import groups_text
from trainer.agents.pool import AgentHost, local_agents
from trainer.durations import duration_text
from trainer.errors import TrainerError
from trainer.events import AgentsChanged, RunsChanged, ServerBack, ServerLost, SweepChanged
from trainer.progress import SweepProgress
from trainer.records import FailureGroup, LocalAgent, SweepRecord, SweepReference
from trainer.report import Outcome
from trainer.states import AgentState
from trainer.tracking.client import TrackingClient
from trainer.watch import watch_sweep

PROGRESS_INTERVAL_SECONDS = 1.0
"""At most one progress line per interval, so that a fast sweep does not flood a CI log."""
MAX_FAILURES_TOLD = 5
"""Failed runs whose last line is told; a program that always fails says the same a hundred times."""


def follow_to_end(
    client: TrackingClient,
    sweep: SweepRecord,
    host: AgentHost | None,
    narrate: Callable[[str], None],
    *,
    server_patience_seconds: float = 300.0,
    host_may_end: bool = False,
    ended_before: frozenset[str] = frozenset(),
) -> Outcome:
    """Follow a sweep until it ends, its agents end, the server stays away, or the user interrupts.

    The first interrupt stops the local agents started here and waits for them; the sweep and its results stay.

    Args:
        client: Server of the sweep.
        sweep: The sweep as it was when it was created or found.
        host: Local agents to wait for; None to follow agents that run elsewhere.
        narrate: Receives one line at a time.
        server_patience_seconds: How long the server may be away before following ends.
        host_may_end: Whether the local agents may end before the sweep does, as those with a `--count` do.
        ended_before: Ids of runs that had ended before the agents began.
    """
    progress = SweepProgress(sweep, ended_before=ended_before)
    failures = _Failures(narrate)
    stop = threading.Event()
    with _interruptible(stop) as interrupted:
        watch = _HostWatch(sweep.reference, host, stop, narrate)
        try:
            problem = _narrate_events(client, progress, watch, failures, narrate, stop, server_patience_seconds)
        except TrainerError as error:
            # Deleted meanwhile, or its key no longer good: what was seen so far is still worth a report.
            problem = str(error)
    if interrupted.is_set():
        if host is not None:
            narrate("Stopping the local agents …")
            host.request_stop()
            # Asking and terminating may take 15 s each before the kill.
            host.wait(35.0)
            _read_once(client, progress)
        return Outcome(progress, interrupted=True)
    if watch.host_ended and not progress.sweep.state.is_terminal:
        _read_once(client, progress)
        if not host_may_end and not progress.sweep.state.is_terminal:
            problem = problem or _why_host_ended(host, progress, narrate)
    elif host is not None and not problem:
        host.wait(10.0)
    if host is not None and problem and host.is_alive():
        narrate(f"The local agents go on; their logs are in {host.directory}.")
    if host is not None:
        failures.sum_up(host.agents(), progress)
    return Outcome(progress, problem=problem)


def _narrate_events(
    client: TrackingClient,
    progress: SweepProgress,
    watch: _HostWatch,
    failures: _Failures,
    narrate: Callable[[str], None],
    stop: threading.Event,
    patience_seconds: float,
) -> str:
    """Consume events until the end; return why the server kept them away, or an empty text."""
    lost_since: float | None = None
    headline, told_at = "", 0.0
    for event in watch_sweep(client, progress.sweep.reference, stop, agents=watch.agents, hurry=watch.ending):
        now = time.monotonic()
        if isinstance(event, ServerLost):
            lost_since = lost_since or now
            if now - lost_since > patience_seconds:
                return f"The server has been away for {duration_text(now - lost_since)}: {event.message}"
            narrate(f"Server away: {event.message} Trying again in {math.ceil(event.retry_in_seconds)}s.")
            continue
        if isinstance(event, ServerBack):
            lost_since = None
            narrate("The server is back.")
            continue
        progress.apply(event)
        if isinstance(event, AgentsChanged):
            failures.tell_new(event.agents)
        if now - told_at >= PROGRESS_INTERVAL_SECONDS or progress.sweep.state.is_terminal:
            if progress.headline() != headline:
                headline = progress.headline()
                narrate(progress.line())
            told_at = now
    return ""


class _Failures:
    """Tells why runs of local agents failed, once each, and not without end."""

    def __init__(self, narrate: Callable[[str], None]) -> None:
        self._narrate = narrate
        self._counted: dict[tuple[tuple[int, int], str], int] = {}
        self._retried: dict[tuple[int, int], int] = {}
        self._left_behind: dict[tuple[int, int], str] = {}
        self._told = 0

    def tell_new(self, agents: Sequence[LocalAgent]) -> None:
        """Tell the last words of every run that has failed since the last call."""
        for agent in agents:
            slot = (agent.host_pid, agent.slot)
            if agent.runs_retried > self._retried.get(slot, 0):
                self._retried[slot] = agent.runs_retried
                if self._told < MAX_FAILURES_TOLD and "starts over" in agent.last_line:
                    self._narrate(f"Retried: run {agent.last_line}")
            if agent.left_behind not in ("", self._left_behind.get(slot)):
                self._left_behind[slot] = agent.left_behind
                self._narrate(agent.left_behind)
            for group in agent.failures:
                if group.count > self._counted.get((slot, group.fingerprint), 0):
                    self._counted[slot, group.fingerprint] = group.count
                    self._tell(agent, group)

    def _tell(self, agent: LocalAgent, group: FailureGroup) -> None:
        """Tell the last failure of a group; those of its group that came since the last look go with it."""
        self._told += 1
        if self._told <= MAX_FAILURES_TOLD:
            log = agent.log_path.with_name(f"{group.run_id}.log") if agent.log_path else "none"
            self._narrate(f"Failed: run {group.run_id} {group.summary}\n        log: {log}")
        elif self._told == MAX_FAILURES_TOLD + 1:
            self._narrate("Further failures are not told one by one; each run has its log there.")

    def sum_up(self, agents: Sequence[LocalAgent], progress: SweepProgress) -> None:
        """Tell what was not told yet, then all failures by their reasons."""
        self.tell_new(agents)
        self._explain_silence(progress)
        if told := groups_text(group for agent in agents for group in agent.failures):
            self._narrate(told)

    def _explain_silence(self, progress: SweepProgress) -> None:
        """Say what is likely wrong where runs failed of which no agent saw a failure."""
        if progress.failed and not self._told:
            runs = "A run" if progress.failed == 1 else f"{progress.failed} runs"
            self._narrate(f"{runs} ended well but never reported to W&B: does the program call wandb.init()?")


class _HostWatch:
    """Reads the local agents for the follower, and ends following when their host has ended."""

    ROUNDS_OF_GRACE = 3
    """Agents leave before the server's last word is read, so a host that is gone gets a few more rounds."""

    def __init__(
        self, reference: SweepReference, host: AgentHost | None, stop: threading.Event, narrate: Callable[[str], None]
    ) -> None:
        self._narrate = narrate
        self._starts = host.starts() if host is not None else None
        self._reference = reference
        self._host = host
        self._stop = stop
        self._rounds_gone = 0
        self.host_ended = False
        self.ending = threading.Event()
        """Set when the host has ended: most likely the sweep has too."""
        if host is not None:
            threading.Thread(target=self._wait_for_host, args=[host], name="host-end", daemon=True).start()

    def _wait_for_host(self, host: AgentHost) -> None:
        if host.wait(math.inf):
            self.ending.set()

    def agents(self) -> tuple[LocalAgent, ...]:
        """Return the local agents of the sweep as they are now."""
        starts = self._host.starts() if self._host is not None else None
        if starts is not None and starts != self._starts:
            if starts.mode == "fresh":
                # Known at once where the command says so; only later where its imports do.
                self._narrate(f"Agents: {starts}")
            self._starts = starts
        if self._host is not None and not self._host.is_alive():
            self._rounds_gone += 1
            if self._rounds_gone > self.ROUNDS_OF_GRACE:
                self.host_ended = True
                self._stop.set()
        return local_agents(self._reference)


def _why_host_ended(host: AgentHost | None, progress: SweepProgress, narrate: Callable[[str], None]) -> str:
    """Say why the agents ended before the sweep; empty, and only narrated, if they did as they were told."""
    if host is not None and host.note() and not any(agent.state is AgentState.FAILED for agent in host.agents()):
        narrate(f"{host.note()} Go on with: sweep-tui agent {progress.sweep.reference}")
        return ""
    return _why_agents_ended(progress.agents)


def _why_agents_ended(agents: Sequence[LocalAgent]) -> str:
    """Say why no local agent is left although the sweep is not over."""
    reasons = sorted({agent.last_line for agent in agents if agent.state is AgentState.FAILED and agent.last_line})
    if reasons:
        return f"All local agents gave up: {'; '.join(reasons)}"
    return "All local agents have ended although the sweep has not."


def _read_once(client: TrackingClient, progress: SweepProgress) -> None:
    """Read the last states after the agents were stopped; a server that is away leaves what is known."""
    try:
        snapshot = client.poll_sweep(progress.sweep.reference)
    except TrainerError:
        return
    progress.apply(SweepChanged(snapshot.sweep))
    progress.apply(RunsChanged(snapshot.runs))


@contextmanager
def _interruptible(stop: threading.Event) -> Iterator[threading.Event]:
    """Turn SIGINT and SIGTERM into a stop request while the block runs."""
    interrupted = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        interrupted.set()
        stop.set()

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupted
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
