"""Growing step by step ends at the model that one plain fit gives."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np
import pytest
from sklearn.metrics import log_loss

from trainer.training.catalog import MODELS
from trainer.training.datasets import Split, load_split
from trainer.training.estimators import Grower, make_grower
from trainer.training.inspection import confusion_rows, importance_rows
from trainer.training.loop import checkpoints
from trainer.training.metrics import score
from trainer.training.request import make_request


@pytest.fixture(scope="module")
def wine() -> Split:
    return load_split("wine", None, seed=3, validation_fraction=0.5)


def grown(split: Split, model: str, **given: object) -> tuple[Grower, np.ndarray[Any, Any]]:
    request = make_request({"model": model, **given})
    grower = make_grower(request.model, request.hyperparameters, split, seed=3)
    for step in checkpoints(grower.steps, None):
        grower.grow_to(step)
    return grower, grower.probabilities(split.validation_x)


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_a_forest_grown_by_trees_is_the_forest_of_a_plain_fit(wine: Split, class_weight: str | None) -> None:
    from sklearn.ensemble import RandomForestClassifier

    _, probabilities = grown(wine, "random_forest", n_estimators=30, max_depth=3, class_weight=class_weight)
    plain = RandomForestClassifier(n_estimators=30, max_depth=3, class_weight=class_weight, random_state=3)
    plain.fit(wine.training_x, wine.training_y)
    np.testing.assert_array_equal(probabilities, plain.predict_proba(wine.validation_x))


def test_gradient_boosting_grown_by_stages_is_that_of_a_plain_fit(wine: Split) -> None:
    from sklearn.ensemble import GradientBoostingClassifier

    _, probabilities = grown(wine, "gradient_boosting", n_estimators=25, subsample=0.7, learning_rate=0.2)
    plain = GradientBoostingClassifier(n_estimators=25, subsample=0.7, learning_rate=0.2, random_state=3)
    plain.fit(wine.training_x, wine.training_y)
    np.testing.assert_allclose(probabilities, plain.predict_proba(wine.validation_x), atol=1e-12)


def stored_and_loaded(model: Any) -> Any:
    file = io.BytesIO()
    joblib.dump(model, file)
    return joblib.load(file)


@pytest.mark.parametrize("dataset", ["wine", "breast_cancer"])
def test_xgboost_grown_by_stages_is_that_of_a_plain_fit(dataset: str) -> None:
    import xgboost

    split = load_split(dataset, None, seed=3, validation_fraction=0.5)
    grower, probabilities = grown(split, "xgboost", n_estimators=25, subsample=0.7, colsample_bytree=0.5)
    plain = xgboost.XGBClassifier(n_estimators=25, subsample=0.7, colsample_bytree=0.5, eta=0.3, random_state=3)
    plain.fit(split.training_x, split.training_y)
    expected = plain.predict_proba(split.validation_x)
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    loaded = stored_and_loaded(grower.fitted()).predict_proba(split.validation_x)
    # Whoever fetches the model gets the numbers that were logged, to the last digit.
    assert score(split.validation_y, loaded) == score(split.validation_y, probabilities)
    assert score(split.validation_y, loaded)["log_loss"] == pytest.approx(
        log_loss(split.validation_y, loaded), rel=1e-6
    )


@pytest.mark.parametrize(("model", "plain_name"), [("svm", "SVC"), ("logistic_regression", "LogisticRegression")])
def test_the_last_part_is_all_training_rows(wine: Split, model: str, plain_name: str) -> None:
    import sklearn.linear_model
    import sklearn.svm
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    _, probabilities = grown(wine, model, C=0.5)
    plain_class = getattr(sklearn.svm, plain_name, None) or getattr(sklearn.linear_model, plain_name)
    plain = make_pipeline(StandardScaler(), plain_class(C=0.5)).fit(wine.training_x, wine.training_y)
    agreement = (probabilities.argmax(axis=1) == plain.predict(wine.validation_x)).mean()
    # Calibrated probabilities may rank two close classes the other way round.
    assert agreement >= (1.0 if model == "logistic_regression" else 0.95)


@pytest.mark.parametrize("model", MODELS)
def test_the_same_seed_gives_the_same_numbers_and_the_tables_add_up(wine: Split, model: str) -> None:
    given: dict[str, object] = {"n_estimators": 8} if model in ("random_forest", "xgboost", "gradient_boosting") else {}
    grower, first = grown(wine, model, **given)
    _, second = grown(wine, model, **given)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first.sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_array_equal(stored_and_loaded(grower.fitted()).predict_proba(wine.validation_x), first)
    confusion = confusion_rows(wine, first)
    assert sum(rows for _, _, rows in confusion) == len(wine.validation_y)
    right = sum(rows for actual, predicted, rows in confusion if actual == predicted)
    assert right == int((first.argmax(axis=1) == wine.validation_y).sum())
    importances = importance_rows(grower.fitted(), wine, seed=3)
    assert {name for name, _, _ in importances} == set(wine.feature_names)
    assert importances[0][1] == max(value for _, value, _ in importances)


@pytest.mark.parametrize(
    ("steps", "log_every", "expected"),
    [(5, None, [1, 2, 3, 4, 5]), (10, 4, [4, 8, 10]), (3, 100, [3]), (1, None, [1])],
)
def test_checkpoints_end_at_the_last_step(steps: int, log_every: int | None, expected: list[int]) -> None:
    assert checkpoints(steps, log_every) == expected


def test_a_large_model_logs_few_rows_by_default() -> None:
    assert len(checkpoints(10_000, None)) == 20


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "needs the package xgboost, which is not installed. Run: python -m pip install xgboost"),
        ("import nothing_of_the_kind", "cannot be imported: No module named 'nothing_of_the_kind'."),
        ("raise ImportError('libgomp.so.1: no such file')", "cannot be imported: libgomp.so.1: no such file. Run:"),
    ],
)
def test_a_package_that_is_missing_or_broken_is_named_before_anything_is_created(
    tmp_path: Path, content: str | None, sentence: str
) -> None:
    block = "import sys; sys.modules['xgboost'] = None" if content is None else ""
    if content is not None:
        (tmp_path / "xgboost.py").write_text(content)
    start = (
        "from trainer.training.command import train_from_argv; raise SystemExit(train_from_argv(['--model=xgboost']))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", f"{block}\n{start}"],
        env={"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(__file__).parents[3]}", "WANDB_MODE": "disabled"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.returncode == 2
    assert sentence in answer.stderr and answer.stderr.count("\n") == 1
