"""Hyperparameters to scikit-learn estimators that grow step by step, each step adding to the last.

How each model grows: the forest by trees and gradient boosting by stages (warm start), XGBoost by stages, the MLP by
epochs (`partial_fit`); SVC and logistic regression, whose solvers have no useful half-way state, are fitted anew on ten
nested, stratified parts of the training rows. In every case the last step is the model that one plain fit with the
same seed gives.
"""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from trainer.errors import DatasetError, HyperparameterError, MissingPackageError
from trainer.training.catalog import Model
from trainer.training.hyperparameters import Value
from trainer.training.threads import thread_count

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainer.training.datasets import Split

TENTHS = 10


class Grower(Protocol):
    """A model that can be fitted a part at a time."""

    steps: int
    """Size when fully grown: trees, stages, epochs or tenths of the training rows."""

    def grow_to(self, step: int) -> None:
        """Fit up to `step`, which is larger than at the call before and at most `steps`."""

    def probabilities(self, rows: NDArray[np.float64]) -> NDArray[np.floating[Any]]:
        """Return the probability of each class for each row, by the model as grown so far."""

    def fitted(self) -> Any:
        """Return the model as a scikit-learn estimator with `predict` and `predict_proba`."""


def check_package(model: Model) -> None:
    """Make sure that the optional package of a model is installed and works; imports it.

    Raises:
        MissingPackageError: If it is not, or cannot be imported.
    """
    if not model.package:
        return
    needs = f"The model {model.name} needs the package {model.package}, which"
    try:
        importlib.import_module(model.package)
    except (ImportError, OSError, ValueError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == model.package:
            hint = f"Run: python -m pip install {model.package}"
            raise MissingPackageError(f"{needs} is not installed.", hint=hint) from error
        # XGBoost's own error for a library that it cannot load is a ValueError.
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        hint = f"Run: python -m pip install --force-reinstall {model.package}"
        raise MissingPackageError(f"{needs} cannot be imported: {reason}.", hint=hint) from error


def make_grower(model: Model, hyperparameters: Mapping[str, Value], split: Split, seed: int) -> Grower:
    """Return the model, unfitted.

    Raises:
        DatasetError: If the data set has too few rows for the model.
    """
    classes: dict[str, type[_ForestGrower | _BoostingGrower | _XGBoostGrower | _MLPGrower]] = {
        "random_forest": _ForestGrower,
        "gradient_boosting": _BoostingGrower,
        "xgboost": _XGBoostGrower,
        "mlp": _MLPGrower,
    }
    if model.name in classes:
        return classes[model.name](hyperparameters, split, seed)
    return _PartsGrower(model.name, hyperparameters, split, seed)


class _WarmStartGrower:
    """An ensemble that keeps its trees when `n_estimators` grows."""

    def __init__(self, estimator: Any, split: Split, steps: Value) -> None:
        assert isinstance(steps, int), "n_estimators is a whole number"
        self.steps = steps
        self._estimator = estimator
        self._split = split

    def grow_to(self, step: int) -> None:
        self._estimator.set_params(n_estimators=step)
        self._estimator.fit(self._split.training_x, self._split.training_y)

    def probabilities(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        probabilities: NDArray[np.float64] = self._estimator.predict_proba(rows)
        return probabilities

    def fitted(self) -> Any:
        return self._estimator


class _ForestGrower(_WarmStartGrower):
    def __init__(self, hyperparameters: Mapping[str, Value], split: Split, seed: int) -> None:
        import numpy as np
        from sklearn.ensemble import RandomForestClassifier

        others = dict(hyperparameters)
        # scikit-learn advises against `balanced` with a warm start, since later batches of rows could differ; here
        # every fit sees the same rows, so the weights it would compute are given as such.
        if others["class_weight"] == "balanced":
            counts = np.bincount(split.training_y)
            weights = counts.sum() / (len(counts) * counts)
            others["class_weight"] = dict(enumerate(weights.tolist()))  # type: ignore[assignment]
        super().__init__(
            RandomForestClassifier(**others, warm_start=True, random_state=seed), split, hyperparameters["n_estimators"]
        )
        self._voters = 0
        self._votes: NDArray[np.float64] = np.zeros((len(split.validation_x), len(split.class_names)))
        self._voted_rows = np.asarray(split.validation_x, dtype=np.float32)

    def probabilities(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        if rows is not self._split.validation_x:
            return super().probabilities(rows)
        # Only the new trees vote; the sum runs in the forest's own order, so it is the forest's own number.
        for tree in self._estimator.estimators_[self._voters :]:
            self._votes += tree.predict_proba(self._voted_rows, check_input=False)
            self._voters += 1
        return self._votes / self._voters


class _BoostingGrower(_WarmStartGrower):
    def __init__(self, hyperparameters: Mapping[str, Value], split: Split, seed: int) -> None:
        from sklearn.ensemble import GradientBoostingClassifier

        estimator = GradientBoostingClassifier(**hyperparameters, warm_start=True, random_state=seed)
        super().__init__(estimator, split, hyperparameters["n_estimators"])


class _XGBoostGrower:
    """Boosting by the library's own update step, so that stopping anywhere leaves a whole model."""

    def __init__(self, hyperparameters: Mapping[str, Value], split: Split, seed: int) -> None:
        import xgboost

        others = dict(hyperparameters)
        steps = others.pop("n_estimators")
        assert isinstance(steps, int), "n_estimators is a whole number"
        self.steps = steps
        classes = len(split.class_names)
        goal = (
            {"objective": "binary:logistic"} if classes == 2 else {"objective": "multi:softprob", "num_class": classes}
        )
        # XGBoost brings its own OpenMP library, which limits set for the others do not reach.
        self._parameters = others | goal | {"seed": seed, "verbosity": 0, "nthread": thread_count(os.environ)}
        self._library = xgboost
        self._training = xgboost.DMatrix(split.training_x, split.training_y)
        self._booster = xgboost.Booster(self._parameters, [self._training])
        self._grown = 0

    def grow_to(self, step: int) -> None:
        for iteration in range(self._grown, step):
            self._booster.update(self._training, iteration)
        self._grown = step

    def probabilities(self, rows: NDArray[np.float64]) -> NDArray[np.floating[Any]]:
        import numpy as np

        # To the last bit what the fitted classifier says of them: 32 bits, `score` makes the best of it.
        predicted = np.asarray(self._booster.predict(self._library.DMatrix(rows)), dtype=np.float32)
        return np.column_stack([np.float32(1) - predicted, predicted]) if predicted.ndim == 1 else predicted

    def fitted(self) -> Any:
        classifier = self._library.XGBClassifier()
        classifier.load_model(self._booster.save_raw("ubj"))
        return classifier


class _MLPGrower:
    """A network that sees the training rows once more at each step."""

    def __init__(self, hyperparameters: Mapping[str, Value], split: Split, seed: int) -> None:
        import numpy as np
        from sklearn.neural_network import MLPClassifier
        from sklearn.preprocessing import StandardScaler

        values = dict(hyperparameters)
        steps, batch_size = values["epochs"], values["batch_size"]
        layers, units = values["num_layers"], values["hidden_units"]
        assert isinstance(steps, int) and isinstance(batch_size, int), "both are whole numbers"
        assert isinstance(layers, int) and isinstance(units, int), "both are whole numbers"
        self.steps = steps
        self._scaler = StandardScaler().fit(split.training_x)
        self._rows = self._scaler.transform(split.training_x)
        self._labels = split.training_y
        self._classes = np.arange(len(split.class_names))
        self._grown = 0
        self._estimator = MLPClassifier(
            hidden_layer_sizes=(units,) * layers,
            activation=values["activation"],
            solver=values["optimizer"],
            learning_rate_init=values["learning_rate"],
            momentum=values["momentum"],
            alpha=values["alpha"],
            batch_size=min(batch_size, len(self._rows)),
            random_state=seed,
        )

    def grow_to(self, step: int) -> None:
        import numpy as np

        try:
            # A learning rate that is too large overflows; that is told once, below, not by numpy at each update.
            with np.errstate(over="ignore", invalid="ignore"):
                for _ in range(self._grown, step):
                    self._estimator.partial_fit(self._rows, self._labels, classes=self._classes)
        except ValueError as error:
            if "non-finite" not in str(error):
                raise
            raise HyperparameterError(
                f"The network diverged with learning_rate={self._estimator.learning_rate_init:g}.",
                hint="Give a smaller learning rate.",
            ) from error
        self._grown = step

    def probabilities(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        probabilities: NDArray[np.float64] = self._estimator.predict_proba(self._scaler.transform(rows))
        return probabilities

    def fitted(self) -> Any:
        from sklearn.pipeline import Pipeline

        return Pipeline([("scale", self._scaler), ("model", self._estimator)])


class _PartsGrower:
    """SVC or logistic regression, fitted on a tenth of the training rows, then two tenths, and so on to all."""

    steps = TENTHS

    def __init__(self, name: str, hyperparameters: Mapping[str, Value], split: Split, seed: int) -> None:
        self._name = name
        self._hyperparameters = hyperparameters
        self._split = split
        self._seed = seed
        self._part_of_row = _parts(split.training_y, seed)
        self._estimator: Any = None

    def grow_to(self, step: int) -> None:
        from sklearn.exceptions import ConvergenceWarning

        chosen = self._part_of_row < step
        labels = self._split.training_y[chosen]
        self._estimator = self._unfitted(labels)
        with warnings.catch_warnings():
            # `max_iter` is the user's choice, and the curve shows what it costs.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._estimator.fit(self._split.training_x[chosen], labels)

    def probabilities(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        probabilities: NDArray[np.float64] = self._estimator.predict_proba(rows)
        return probabilities

    def fitted(self) -> Any:
        return self._estimator

    def _unfitted(self, labels: NDArray[np.intp]) -> Any:
        import numpy as np
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        if self._name == "logistic_regression":
            from sklearn.linear_model import LogisticRegression

            return make_pipeline(StandardScaler(), LogisticRegression(**self._hyperparameters, random_state=self._seed))
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.svm import SVC

        fewest = int(np.bincount(labels).min())
        if fewest < 2:
            raise DatasetError(
                "The model svm needs two training rows or more of every class.",
                hint="Choose another model, or a smaller --validation_fraction.",
            )
        # SVC's own `probability=True` is deprecated since scikit-learn 1.9.
        machine = make_pipeline(StandardScaler(), SVC(**self._hyperparameters, random_state=self._seed))
        return CalibratedClassifierCV(machine, cv=min(3, fewest), ensemble=False)


def _parts(labels: NDArray[np.intp], seed: int) -> NDArray[np.intp]:
    """Return for each row the first step, counted from 0, that includes it: each class spread evenly over ten.

    The first three rows of each class are in from the start, since a fit needs every class.
    """
    import numpy as np

    parts = np.empty(len(labels), dtype=np.intp)
    generator = np.random.default_rng(seed)
    for label in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == label))
        parts[rows] = np.arange(len(rows)) * TENTHS // len(rows)
        parts[rows[:3]] = 0
    return parts
