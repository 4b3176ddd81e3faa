"""Follow a sweep without a terminal: progress lines while it runs, a report when it ends.

Progress is narration and goes to stderr; results go to stdout or to the file the user named.
"""

from __future__ import annotations

import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from trainer.agents.pool import AgentHost, local_agents
from trainer.errors import InputError, ServerLostError
from trainer.events import AgentsChanged, RunsChanged, ServerBack, ServerLost, SweepChanged, SweepEvent
from trainer.records import Json, LocalAgent, Metric, RunRecord, SweepRecord, SweepReference
from trainer.states import AgentState, RunState
from trainer.sweep.space import run_count
from trainer.tracking.client import TrackingClient
from trainer.tracking.leaderboard import best_run, flatten_config, swept_columns
from trainer.watch import watch_sweep

PROGRESS_INTERVAL_SECONDS = 1.0
"""At most one progress line per interval, so that a fast sweep does not flood a CI log."""


@dataclass
class SweepProgress:
    """What is known of a sweep so far, folded from events."""

    sweep: SweepRecord
    runs: dict[str, RunRecord] = field(default_factory=dict)
    agents: tuple[LocalAgent, ...] = ()
    started: float = field(default_factory=time.monotonic)

    def apply(self, event: SweepEvent) -> None:
        """Fold one event in; events about the connection change nothing here."""
        if isinstance(event, SweepChanged):
            self.sweep = event.sweep
        elif isinstance(event, RunsChanged):
            self.runs.update((run.id, run) for run in event.runs)
        elif isinstance(event, AgentsChanged):
            self.agents = event.agents

    @property
    def states(self) -> dict[str, int]:
        """Runs per state, only states that occur, in the order of `RunState`."""
        counts = {state.value: 0 for state in RunState}
        for run in self.runs.values():
            counts[run.state.value] += 1
        return {state: count for state, count in counts.items() if count}

    @property
    def done(self) -> int:
        """Runs that ended, whatever the end."""
        return sum(run.state.is_terminal for run in self.runs.values())

    @property
    def expected(self) -> int | None:
        """Runs there will be; None for a sweep without an end."""
        known = self.sweep.run_count_expected
        return run_count(self.sweep.config) if known is None else known

    @property
    def best(self) -> RunRecord | None:
        """The best run so far by the best value it logged; None without a metric or a value."""
        metric = self.sweep.metric
        return best_run(tuple(self.runs.values()), metric, "best") if metric else None

    def eta_seconds(self) -> float | None:
        """Return the seconds left at the rate so far; None before the first run ends or without an end."""
        expected = self.expected
        if not self.done or expected is None:
            return None
        return (time.monotonic() - self.started) / self.done * max(expected - self.done, 0)

    def line(self) -> str:
        """Return one line of progress: done, running, failed, best so far, time left."""
        states = self.states
        expected = self.expected
        parts = [f"{self.done}/{'?' if expected is None else expected} done"]
        for state in (RunState.RUNNING, RunState.FAILED, RunState.CRASHED, RunState.KILLED):
            if states.get(state):
                parts.append(f"{states[state]} {state}")
        metric, best = self.sweep.metric, self.best
        value = best.metric_value(metric, "best") if metric and best else None
        if metric and best and value is not None:
            varying = swept_columns(self.sweep, tuple(self.runs.values()))
            config = flat_text(best.config, varying)
            parts.append(f"best {metric.name} {value:.6g}" + (f" ({config})" if config else ""))
        eta = self.eta_seconds()
        if eta is not None and not self.sweep.state.is_terminal:
            parts.append(f"ETA {duration_text(eta)}")
        return " · ".join(parts)


def flat_text(config: Mapping[str, Json], keys: Sequence[str]) -> str:
    """Return `k=v` pairs of the dotted `keys` that occur in a nested configuration."""
    flat = flatten_config(config)
    shown = {key: flat[key] for key in keys if key in flat}
    return " ".join(
        f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}" for key, value in shown.items()
    )


def duration_text(seconds: float) -> str:
    """Return a duration as `42s`, `3m05s` or `2h07m`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}m{rest:02d}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02d}m"


@dataclass(frozen=True)
class Outcome:
    """How following a sweep ended."""

    progress: SweepProgress
    interrupted: bool = False
    problem: str = ""
    """Why the sweep cannot go on, in one sentence; empty when it ended by itself or was interrupted."""

    @property
    def exit_code(self) -> int:
        """0 done, 1 runs failed or the sweep could not go on, 130 interrupted."""
        if self.interrupted:
            return 130
        failed = any(run.state.is_failure for run in self.progress.runs.values())
        return 1 if self.problem or failed else 0


def follow_to_end(
    client: TrackingClient,
    sweep: SweepRecord,
    host: AgentHost | None,
    narrate: Callable[[str], None],
    *,
    server_patience_seconds: float = 300.0,
    host_may_end: bool = False,
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
    """
    progress = SweepProgress(sweep)
    stop = threading.Event()
    with _interruptible(stop) as interrupted:
        watch = _HostWatch(sweep.reference, host, stop)
        problem = _narrate_events(client, progress, watch, narrate, stop, server_patience_seconds)
    if interrupted.is_set():
        if host is not None:
            narrate("Stopping the local agents …")
            host.request_stop()
            host.wait(30.0)
            _read_once(client, progress)
        return Outcome(progress, interrupted=True)
    if watch.host_ended and not progress.sweep.state.is_terminal:
        _read_once(client, progress)
        if not host_may_end and not progress.sweep.state.is_terminal:
            problem = problem or _why_agents_ended(progress.agents)
    elif host is not None and not problem:
        host.wait(10.0)
    return Outcome(progress, problem=problem)


def _narrate_events(
    client: TrackingClient,
    progress: SweepProgress,
    watch: _HostWatch,
    narrate: Callable[[str], None],
    stop: threading.Event,
    patience_seconds: float,
) -> str:
    """Consume events until the end; return why the server kept them away, or an empty text."""
    lost_since: float | None = None
    last_line, last_at = "", 0.0
    for event in watch_sweep(client, progress.sweep.reference, stop, agents=watch.agents):
        now = time.monotonic()
        if isinstance(event, ServerLost):
            lost_since = lost_since or now
            if now - lost_since > patience_seconds:
                return f"The server has been away for {duration_text(now - lost_since)}: {event.message}"
            narrate(f"Server away: {event.message} Trying again in {event.retry_in_seconds:.0f}s.")
            continue
        if isinstance(event, ServerBack):
            lost_since = None
            narrate("The server is back.")
            continue
        progress.apply(event)
        if now - last_at >= PROGRESS_INTERVAL_SECONDS or progress.sweep.state.is_terminal:
            line, last_at = progress.line(), now
            if line != last_line:
                narrate(line)
                last_line = line
    return ""


class _HostWatch:
    """Reads the local agents for the follower, and ends following when their host has ended."""

    ROUNDS_OF_GRACE = 3
    """Agents leave before the server's last word is read, so a host that is gone gets a few more rounds."""

    def __init__(self, reference: SweepReference, host: AgentHost | None, stop: threading.Event) -> None:
        self._reference = reference
        self._host = host
        self._stop = stop
        self._rounds_gone = 0
        self.host_ended = False

    def agents(self) -> tuple[LocalAgent, ...]:
        """Return the local agents of the sweep as they are now."""
        if self._host is not None and not self._host.is_alive():
            self._rounds_gone += 1
            if self._rounds_gone > self.ROUNDS_OF_GRACE:
                self.host_ended = True
                self._stop.set()
        return local_agents(self._reference)


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
    except ServerLostError:
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


def report(outcome: Outcome) -> dict[str, Json]:
    """Return what `run --json` writes: sweep, url, method, run_count, states, best and every run."""
    progress = outcome.progress
    sweep, best = progress.sweep, progress.best
    return {
        "sweep": str(sweep.reference),
        "url": sweep.url,
        "method": sweep.method,
        "state": sweep.state.value,
        "run_count": progress.expected,
        "states": dict(progress.states),
        "best": _run_report(best, sweep.metric) if best else None,
        "runs": [_run_report(run, None) for run in sorted(progress.runs.values(), key=_creation_order)],
    }


def _run_report(run: RunRecord, metric: Metric | None) -> dict[str, Json]:
    entry: dict[str, Json] = {
        "id": run.id,
        "name": run.name,
        "state": run.state.value,
        "config": dict(run.config),
        "summary": dict(run.summary),
        "seconds": run.duration_seconds,
    }
    if metric:
        entry["metric"] = metric.name
        entry["value"] = run.metric_value(metric, "best")
    return entry


def _creation_order(run: RunRecord) -> tuple[float, str]:
    return (run.created_at.timestamp() if run.created_at else 0.0, run.id)


def write_report(outcome: Outcome, path: Path) -> None:
    """Write the report as JSON, whole or not at all.

    Raises:
        InputError: If the file cannot be written.
    """
    text = json.dumps(report(outcome), indent=2) + "\n"
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(temporary).chmod(0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.", hint="Choose another --json path.") from error


def check_writable(path: Path) -> None:
    """Raise before a long run if its report could not be written after it.

    Raises:
        InputError: If the folder does not exist or may not be written to.
    """
    folder = path.parent
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InputError(f"{path} cannot be written.", hint="Choose a file in an existing, writable folder.")
