"""How following a sweep ended: its exit code, and the JSON that `run --json` writes."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from trainer.atomic_file import write_text_atomically
from trainer.errors import InputError
from trainer.gates.judging import Verdict
from trainer.progress import SweepProgress
from trainer.records import Json, Metric, RunRecord
from trainer.tracking.leaderboard import strict_json


@dataclass(frozen=True)
class Outcome:
    """How following a sweep ended."""

    progress: SweepProgress
    interrupted: bool = False
    problem: str = ""
    """Why the sweep cannot go on, in one sentence; empty when it ended by itself or was interrupted."""
    failures_allowed: int = 0
    """Failed runs that are no failure of the command."""

    @property
    def exit_code(self) -> int:
        """0 done, 1 too many runs failed since the command began or the sweep could not go on, 130 interrupted."""
        if self.interrupted:
            return 130
        return 1 if self.problem or self.progress.failed > self.failures_allowed else 0


def report(outcome: Outcome, verdicts: Sequence[Verdict] = ()) -> dict[str, Json]:
    """Return what `run --json` writes: sweep, url, method, run_count, states, best, gates and every run."""
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
        "gates": [asdict(verdict) for verdict in verdicts],
        "runs": [_run_report(run, None) for run in sorted(progress.runs.values(), key=_creation_order)],
    }


def _run_report(run: RunRecord, metric: Metric | None) -> dict[str, Json]:
    entry: dict[str, Json] = {
        "id": run.id,
        "name": run.name,
        "state": run.state.value,
        "config": strict_json(dict(run.config)),
        "summary": strict_json(dict(run.summary)),
        "seconds": run.duration_seconds,
    }
    if metric:
        entry["metric"] = metric.name
        entry["value"] = run.metric_value(metric, "best")
    return entry


def _creation_order(run: RunRecord) -> tuple[float, str]:
    return (run.created_at.timestamp() if run.created_at else 0.0, run.id)


def write_report(outcome: Outcome, path: Path, verdicts: Sequence[Verdict] = ()) -> None:
    """Write the report as JSON, whole or not at all.

    Raises:
        InputError: If the file cannot be written.
    """
    write_text_atomically(path, json.dumps(report(outcome, verdicts), indent=2) + "\n")


def check_writable(path: Path) -> None:
    """Raise before a long run if its report could not be written after it.

    Raises:
        InputError: If the folder does not exist or may not be written to.
    """
    target = path if path.exists() and not path.is_file() else path.resolve().parent
    if path.is_dir() or not target.exists() or not os.access(target, os.W_OK):
        raise InputError(f"{path} cannot be written.", hint="Choose a file in an existing, writable folder.")
