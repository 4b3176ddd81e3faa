"""What a fitted model is good at and looks at: rows of the confusion matrix and of the feature importances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainer.training.datasets import Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CONFUSION_COLUMNS = ("actual", "predicted", "rows")
IMPORTANCE_COLUMNS = ("feature", "importance", "kind")
_PERMUTED_ROWS = 200
"""Validation rows that permutation importance looks at: enough to rank by, and digits stays below a second or two."""


def confusion_rows(split: Split, probabilities: NDArray[np.floating[Any]]) -> list[tuple[str, str, int]]:
    """Return one row for each pair of classes: the actual one, the predicted one, and how many validation rows."""
    from sklearn.metrics import confusion_matrix

    names = split.class_names
    counts = confusion_matrix(split.validation_y, probabilities.argmax(axis=1), labels=range(len(names)))
    return [
        (actual, predicted, int(counts[i, j])) for i, actual in enumerate(names) for j, predicted in enumerate(names)
    ]


def importance_rows(model: Any, split: Split, seed: int) -> list[tuple[str, float, str]]:
    """Return feature, importance and kind of importance, most important first.

    The kind is what the model offers: `impurity` (forest, gradient boosting), `gain` (XGBoost), `coefficient` (mean
    absolute coefficient of the scaled feature: logistic regression); else `permutation`, the accuracy lost when the
    feature is shuffled in validation rows.
    """
    kind, values = _importances(model, split, seed)
    rows = [(name, float(value), kind) for name, value in zip(split.feature_names, values, strict=True)]
    return sorted(rows, key=lambda row: -row[1])


def _importances(model: Any, split: Split, seed: int) -> tuple[str, NDArray[np.float64]]:
    import numpy as np

    last = model[-1] if hasattr(model, "steps") else model
    if hasattr(last, "feature_importances_"):
        kind = "gain" if type(last).__name__ == "XGBClassifier" else "impurity"
        return kind, np.asarray(last.feature_importances_, dtype=np.float64)
    if hasattr(last, "coef_"):
        return "coefficient", np.abs(np.asarray(last.coef_, dtype=np.float64)).mean(axis=0)
    from sklearn.inspection import permutation_importance

    found = permutation_importance(
        model,
        split.validation_x[:_PERMUTED_ROWS],
        split.validation_y[:_PERMUTED_ROWS],
        n_repeats=2,
        random_state=seed,
    )
    return "permutation", np.asarray(found.importances_mean, dtype=np.float64)
