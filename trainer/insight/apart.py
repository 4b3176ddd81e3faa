"""The insight of a sweep, computed in a process of its own. Owns that process; what is computed, `report` decides.

scikit-learn and Optuna hold the interpreter for 20 to 60 ms again and again while they are imported, and a forest does
while it grows: an app that does that in a thread of its own stands still for as long.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from trainer.errors import AnalysisError, TrainerError
from trainer.insight.report import insight_of
from trainer.records import Metric, Ranking, RunRecord, SweepRecord

if TYPE_CHECKING:
    from trainer.insight.report import Insight
    from trainer.sweep.seed_names import Seeds

_POLITE = 5
"""How much the process leaves the processor to others."""


class InsightProcess:
    """A process that computes, one sweep after another, until it is closed. Thread-safe."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._is_closed = False

    def begin(self) -> None:
        """Start it, so that it imports what it needs while the runs are read.

        Raises:
            AnalysisError: If it cannot be started.
        """
        with self._lock:
            if self._is_closed or (self._process is not None and self._process.poll() is None):
                return
            try:
                # As for agents: found from the folder that holds the package, whether it is installed or a checkout.
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "trainer.insight.apart"],
                    cwd=Path(__file__).resolve().parents[2],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError as error:
                raise AnalysisError(f"The process that analyses could not be started: {error}.") from error

    def insight_of(
        self, sweep: SweepRecord, runs: Sequence[RunRecord], metric: Metric, by: Ranking, seeds: Seeds | None = None
    ) -> Insight:
        """Return what `report.insight_of` returns; blocks.

        Raises:
            SweepConfigError: As it does.
            AnalysisError: If the process ended, or was closed.
        """
        with self._asking:
            self.begin()
            process = self._process
            if process is None or self._is_closed:
                raise AnalysisError("The analysis was closed.")
            assert process.stdin and process.stdout
            try:
                pickle.dump((sweep, list(runs), metric, by, seeds), process.stdin, pickle.HIGHEST_PROTOCOL)
                process.stdin.flush()
                kind, *answer = pickle.load(process.stdout)  # what our own process wrote
            except (OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
                raise AnalysisError(
                    f"The process that analyses {_end_words(process)}.",
                    hint="It needs the memory of the runs and of scikit-learn.",
                ) from error
        if kind == "refused":
            error_class, message, hint = answer
            raise error_class(message, hint=hint)
        if kind == "failed":
            raise AnalysisError(answer[0])
        insight, run_ids = answer
        known = {run.id: run for run in runs}
        found: Insight = replace(insight, table=replace(insight.table, runs=tuple(known[each] for each in run_ids)))
        return found

    def close(self) -> None:
        """End it at once, whatever it computes; who waits for an answer gets an error."""
        with self._lock:
            self._is_closed = True
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()


def _end_words(process: subprocess.Popen[bytes]) -> str:
    """Return how a process that does not answer any more ended."""
    try:
        code = process.wait(1)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


def answer(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until there are no more requests."""
    while True:
        try:
            sweep, runs, metric, by, seeds = pickle.load(requests)  # what the app that started this process wrote
        except EOFError:
            return
        reply: tuple[Any, ...]
        try:
            found = insight_of(sweep, runs, metric, by, seeds=seeds)
            # The runs are there already, where this goes.
            ids = [run.id for run in found.table.runs]
            reply = "insight", replace(found, table=replace(found.table, runs=())), ids
        except TrainerError as error:
            reply = "refused", type(error), error.message, error.hint
        except Exception as error:
            # The edge of the process: odd runs must not keep the app from an answer.
            reply = "failed", f"{type(error).__name__}: {error}"
        pickle.dump(reply, answers, pickle.HIGHEST_PROTOCOL)
        answers.flush()


def main() -> None:
    """Import what is heavy, then answer what is asked on stdin, on what stdout was."""
    answers = os.fdopen(os.dup(1), "wb")
    # What a library prints must not come among the answers.
    os.dup2(2, 1)
    os.nice(_POLITE)
    _warm_up()
    answer(sys.stdin.buffer, answers)


def _warm_up() -> None:
    import optuna.importance  # noqa: F401
    import sklearn.ensemble  # noqa: F401


if __name__ == "__main__":
    main()
