"""Validation metrics: their names, which direction is better, and how they are computed from probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

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


def score(actual: NDArray[np.intp], probabilities: NDArray[np.float64]) -> dict[str, float]:
    """Return every metric of `GOALS`.

    Args:
        actual: Class index of each row.
        probabilities: One row per row of `actual`, one column per class, each row summing to 1.
    """
    import numpy as np
    from sklearn.metrics import log_loss, precision_recall_fscore_support

    predicted = probabilities.argmax(axis=1)
    classes = np.arange(probabilities.shape[1])
    precision, recall, f1_score, _ = precision_recall_fscore_support(
        actual, predicted, labels=classes, average="macro", zero_division=0
    )
    return {
        "accuracy": float((predicted == actual).mean()),
        "precision": float(precision),
        "recall": float(recall),
        "f1_score": float(f1_score),
        "log_loss": float(log_loss(actual, probabilities, labels=classes)),
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
