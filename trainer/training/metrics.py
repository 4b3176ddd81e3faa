"""Validation metrics: their names, which direction is better, and how they are computed from probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainer.records import Goal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GOALS: Mapping[str, Goal] = {
    "accuracy": "maximize",
    "precision": "maximize",
    "recall": "maximize",
    "f1_score": "maximize",
    "log_loss": "minimize",
}
"""The logged metrics. precision, recall and f1_score are macro averages; a class never predicted counts as 0."""

FIT_SECONDS = "fit_seconds"
"""Logged beside the metrics: seconds spent fitting so far, without loading, scoring and logging."""


def score(actual: NDArray[np.intp], probabilities: NDArray[np.floating[Any]]) -> dict[str, float]:
    """Return every metric of `GOALS`.

    Args:
        actual: Class index of each row.
        probabilities: One row per row of `actual`, one column per class, each row summing to 1.
    """
    import numpy as np

    if probabilities.dtype != np.float64:
        # Rows of 32-bit probabilities sum to 1 within 1e-7 only.
        probabilities = probabilities.astype(np.float64)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
    # scikit-learn's functions give the same numbers, and take 7 ms a row for checking their input again (1.9).
    classes = probabilities.shape[1]
    predicted = probabilities.argmax(axis=1)
    counts = np.bincount(actual * classes + predicted, minlength=classes * classes).reshape(classes, classes)
    right, actual_counts, predicted_counts = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    of_actual = probabilities[np.arange(len(actual)), actual]
    smallest = np.finfo(probabilities.dtype).eps
    return {
        "accuracy": float(right.sum() / len(actual)),
        "precision": float((right / np.maximum(predicted_counts, 1)).mean()),
        "recall": float((right / np.maximum(actual_counts, 1)).mean()),
        "f1_score": float((2 * right / np.maximum(actual_counts + predicted_counts, 1)).mean()),
        "log_loss": float(-np.log(np.clip(of_actual, smallest, 1 - smallest)).mean()),
    }


class BestSoFar:
    """The best value of each metric over the rows logged so far."""

    def __init__(self) -> None:
        self._best: dict[str, float] = {}

    def add(self, row: Mapping[str, float]) -> None:
        """Take in one logged row."""
        for name, goal in GOALS.items():
            value = row[name]
            best = self._best.get(name, value)
            self._best[name] = min(best, value) if goal == "minimize" else max(best, value)

    def summary(self) -> dict[str, float]:
        """Return the values as they stand in the summary: `best_accuracy` beside `accuracy`, which is the last."""
        return {f"best_{name}": value for name, value in self._best.items()}
