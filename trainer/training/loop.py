"""The training loop: grow the model step by step, score and log each step, honour a stop request, leave a summary."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainer.errors import HyperparameterError
from trainer.training import inspection, reporting
from trainer.training.datasets import Split
from trainer.training.estimators import Grower, make_grower
from trainer.training.metrics import FIT_SECONDS, BestSoFar, score
from trainer.training.request import RunRequest
from trainer.training.stopping import StopRequest
from trainer.training.threads import limited_threads

if TYPE_CHECKING:
    import wandb

USUAL_ROWS = 20
"""Rows a run logs unless `--log_every` says otherwise."""
_FIRST_CHUNK = 8
_SHORT_SECONDS, _LONG_SECONDS = 0.25, 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    step: int
    """Size that the model reached."""
    steps: int
    """Size that it was to reach; smaller `step` means stopped."""
    row: dict[str, float]
    """The last logged row; empty when the run was stopped before the first."""
    best: dict[str, float]
    """Best value of each metric, named as in the summary."""

    @property
    def is_complete(self) -> bool:
        """Whether the model is fully grown."""
        return self.step == self.steps


def checkpoints(steps: int, log_every: int | None) -> list[int]:
    """Return the steps at which a run logs a row: every `log_every`-th, and always the last.

    Hyperband counts these rows. None spreads about `USUAL_ROWS` of them.
    """
    every = log_every or math.ceil(steps / USUAL_ROWS)
    return [*range(every, steps, every), steps]


def train_run(run: wandb.Run, request: RunRequest, split: Split, stop: StopRequest) -> Outcome:
    """Train one model, log its curves and write its summary; the caller finishes the run.

    Raises:
        DatasetError: If the data set has too few rows for the model.
        HyperparameterError: If the model cannot be fitted with these values.
    """
    grower = make_grower(request.model, request.hyperparameters, split, request.seed)
    with limited_threads(os.environ):
        return _train_grower(run, request, split, stop, grower)


def _train_grower(run: wandb.Run, request: RunRequest, split: Split, stop: StopRequest, grower: Grower) -> Outcome:
    clock = _FitClock(grower, stop)
    best = BestSoFar()
    row: dict[str, float] = {}
    # A resumed run has rows already, and W&B drops a row whose step is not a new one.
    first_step = run.step
    for checkpoint in checkpoints(grower.steps, request.log_every):
        clock.grow_to(checkpoint)
        if clock.step < checkpoint:
            break
        probabilities = grower.probabilities(split.validation_x)
        row = {request.model.unit: checkpoint, **score(split.validation_y, probabilities)}
        row[FIT_SECONDS] = clock.seconds
        best.add(row)
        tables = {}
        if checkpoint == grower.steps and request.options["log_tables"]:
            tables = _tables(grower.fitted(), split, probabilities, request.seed)
        run.log({**row, **tables}, step=first_step + checkpoint, commit=True)
        print(_progress_line(request, grower, row), flush=True)
        if stop:
            break
    outcome = Outcome(clock.step, grower.steps, row, best.summary())
    run.summary.update(outcome.best)
    if outcome.is_complete and request.options["log_model"]:
        _log_model(run, request, grower.fitted(), split, outcome)
    return outcome


class _FitClock:
    """Grows a model in chunks short enough to notice a stop request within about a second; counts fitting time."""

    def __init__(self, grower: Grower, stop: StopRequest) -> None:
        self.step = 0
        self.seconds = 0.0
        self._grower = grower
        self._stop = stop
        self._chunk = _FIRST_CHUNK

    def grow_to(self, checkpoint: int) -> None:
        """Grow up to `checkpoint`, or less far when a stop is requested."""
        for step in self._steps_to(checkpoint):
            started = time.perf_counter()
            try:
                self._grower.grow_to(step)
            except MemoryError as error:
                reason = str(error).strip().rstrip(".") or "no more is free"
                raise HyperparameterError(
                    f"The model does not fit into memory: {reason}.", hint="Give values that make it smaller."
                ) from error
            except ValueError as error:
                # So scikit-learn and XGBoost refuse values that are fine alone and do not fit the data or each other.
                reason = str(error).strip().splitlines()[0].rstrip(".")
                raise HyperparameterError(
                    f"The model cannot be fitted with these hyperparameters: {reason}.",
                    hint="`--help` lists what each takes.",
                ) from error
            elapsed = time.perf_counter() - started
            self.step = step
            self.seconds += elapsed
            if elapsed < _SHORT_SECONDS:
                self._chunk *= 2
            elif elapsed > _LONG_SECONDS:
                self._chunk = max(1, self._chunk // 2)

    def _steps_to(self, checkpoint: int) -> Iterator[int]:
        while self.step < checkpoint and not self._stop:
            yield min(checkpoint, self.step + self._chunk)


def _progress_line(request: RunRequest, grower: Grower, row: dict[str, float]) -> str:
    unit = request.model.unit
    width = len(str(grower.steps))
    values = "  ".join(f"{name} {row[name]:.3f}" for name in ("accuracy", "f1_score", "log_loss"))
    return f"{unit} {row[unit]:>{width}.0f}/{grower.steps}  {values}"


def _tables(model: Any, split: Split, probabilities: Any, seed: int) -> dict[str, wandb.Table]:
    return {
        "confusion_matrix": reporting.table(
            inspection.CONFUSION_COLUMNS, inspection.confusion_rows(split, probabilities)
        ),
        "feature_importances": reporting.table(
            inspection.IMPORTANCE_COLUMNS, inspection.importance_rows(model, split, seed)
        ),
    }


def _log_model(run: wandb.Run, request: RunRequest, model: Any, split: Split, outcome: Outcome) -> None:
    """Log the model, for a CSV file behind the encoder of its columns, so that it predicts from the raw table."""
    if split.encoder is not None:
        from sklearn.pipeline import Pipeline

        model = Pipeline([("encode", split.encoder), ("classify", model)])
    stem = request.dataset.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".csv")
    metadata = {
        "config": request.config(),
        "metrics": outcome.row,
        "classes": list(split.class_names),
        "features": list(split.feature_names),
    }
    reporting.log_model(run, f"{stem}-{request.model.name}", model, metadata)
