from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_score, recall_score

from trainer.training.metrics import BestSoFar, score


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("seed", range(5))
def test_the_metrics_are_those_of_scikit_learn(classes: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    # Twelve rows of ten classes leave some never seen and some never predicted.
    actual = generator.integers(classes, size=12)
    probabilities = generator.dirichlet(np.full(classes, 0.3), size=12)
    probabilities[0] = np.eye(classes)[(actual[0] + 1) % classes]  # certain, and wrong
    predicted = probabilities.argmax(axis=1)
    labels = list(range(classes))
    average = {"average": "macro", "zero_division": 0, "labels": labels}
    expected = {
        "accuracy": accuracy_score(actual, predicted),
        "precision": precision_score(actual, predicted, **average),
        "recall": recall_score(actual, predicted, **average),
        "f1_score": f1_score(actual, predicted, **average),
        "log_loss": log_loss(actual, probabilities, labels=labels),
    }
    assert score(actual, probabilities) == pytest.approx(expected, rel=1e-12)


def test_the_best_of_a_loss_is_its_smallest_value() -> None:
    best = BestSoFar()
    row = {"accuracy": 0.5, "precision": 0.5, "recall": 0.5, "f1_score": 0.5, "log_loss": 0.5}
    best.add(row)
    best.add(row | {"accuracy": 0.9, "log_loss": 0.9})
    assert best.summary()["best_accuracy"] == 0.9
    assert best.summary()["best_log_loss"] == 0.5
