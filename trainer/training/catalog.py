"""What can be trained: the models with their hyperparameters, the built-in data sets, and the options of a run.

Pure values, so that bad input is answered and `--help` printed without importing scikit-learn or wandb.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainer.training.hyperparameters import Hyperparameter, Interval

DATASETS = ("wine", "iris", "breast_cancer", "digits")
"""Shipped with scikit-learn: no download."""

_COUNT = Interval(1)
_POSITIVE = Interval(0, is_low_open=True)
_NOT_NEGATIVE = Interval(0)
_SHARE = Interval(0, 1, is_low_open=True)
_FRACTION = Interval(0, 1)

_MAX_FEATURES = Hyperparameter(
    "max_features", "sqrt", "features looked at per split", _COUNT, _SHARE, ("sqrt", "log2"), is_nullable=True
)
_MIN_SAMPLES_SPLIT = Hyperparameter(
    "min_samples_split", 2, "rows needed to split a node, as a count or a share", Interval(2), _SHARE
)
_MIN_SAMPLES_LEAF = Hyperparameter(
    "min_samples_leaf", 1, "rows needed in a leaf, as a count or a share", _COUNT, Interval(0, 0.5, is_low_open=True)
)
_CLASS_WEIGHT = Hyperparameter("class_weight", None, "weigh rare classes up", choices=("balanced",), is_nullable=True)


@dataclass(frozen=True, slots=True)
class Model:
    """A kind of model and what it takes."""

    name: str
    help: str
    unit: str
    """What it grows by, in the plural: the name of the logged progress."""
    hyperparameters: tuple[Hyperparameter, ...]
    package: str = ""
    """The optional package it needs; empty when it needs none."""


_RANDOM_FOREST = Model(
    "random_forest",
    "scikit-learn's RandomForestClassifier, grown tree by tree",
    "trees",
    (
        Hyperparameter("n_estimators", 100, "trees", _COUNT),
        Hyperparameter("max_depth", None, "deepest level of a tree", _COUNT, is_nullable=True),
        _MIN_SAMPLES_SPLIT,
        _MIN_SAMPLES_LEAF,
        _MAX_FEATURES,
        Hyperparameter("criterion", "gini", "how a split is judged", choices=("gini", "entropy", "log_loss")),
        Hyperparameter("bootstrap", True, "draw rows for each tree", is_bool=True),
        Hyperparameter("max_leaf_nodes", None, "leaves of a tree", Interval(2), is_nullable=True),
        Hyperparameter("ccp_alpha", 0.0, "cost of complexity when pruning", floats=_NOT_NEGATIVE),
        _CLASS_WEIGHT,
    ),
)

_GRADIENT_BOOSTING = Model(
    "gradient_boosting",
    "scikit-learn's GradientBoostingClassifier, grown stage by stage",
    "stages",
    (
        Hyperparameter("n_estimators", 100, "boosting stages", _COUNT),
        Hyperparameter("learning_rate", 0.1, "weight of each stage", floats=_POSITIVE, aliases=("lr", "eta")),
        Hyperparameter("max_depth", 3, "deepest level of a tree", _COUNT, is_nullable=True),
        Hyperparameter("subsample", 1.0, "share of the rows drawn for each stage", floats=_SHARE),
        _MIN_SAMPLES_SPLIT,
        _MIN_SAMPLES_LEAF,
        Hyperparameter(
            "max_features", None, _MAX_FEATURES.help, _COUNT, _SHARE, _MAX_FEATURES.choices, is_nullable=True
        ),
    ),
)

_XGBOOST = Model(
    "xgboost",
    "XGBoost, grown stage by stage",
    "stages",
    (
        Hyperparameter("n_estimators", 100, "boosting stages", _COUNT),
        Hyperparameter("eta", 0.3, "weight of each stage", floats=_SHARE, aliases=("learning_rate", "lr")),
        Hyperparameter("max_depth", 6, "deepest level of a tree; 0 for no limit", Interval(0)),
        Hyperparameter("colsample_bytree", 1.0, "share of the features drawn for each tree", floats=_SHARE),
        Hyperparameter("subsample", 1.0, "share of the rows drawn for each stage", floats=_SHARE),
        Hyperparameter("min_child_weight", 1.0, "least weight in a leaf", floats=_NOT_NEGATIVE),
        Hyperparameter("gamma", 0.0, "least gain of a split", floats=_NOT_NEGATIVE),
        Hyperparameter("reg_alpha", 0.0, "L1 penalty", floats=_NOT_NEGATIVE, aliases=("alpha",)),
        Hyperparameter("reg_lambda", 1.0, "L2 penalty", floats=_NOT_NEGATIVE, aliases=("lambda",)),
    ),
    package="xgboost",
)

_MLP = Model(
    "mlp",
    "scikit-learn's MLPClassifier on scaled features, trained epoch by epoch",
    "epochs",
    (
        Hyperparameter("epochs", 30, "passes over the training rows", _COUNT),
        Hyperparameter("learning_rate", 0.001, "initial step size", floats=_POSITIVE, aliases=("lr",)),
        Hyperparameter("batch_size", 32, "rows per update", _COUNT),
        Hyperparameter("num_layers", 1, "hidden layers", Interval(1, 32)),
        Hyperparameter("hidden_units", 64, "units in each hidden layer", Interval(1, 65536)),
        Hyperparameter("activation", "relu", "of hidden units", choices=("relu", "tanh", "logistic", "identity")),
        Hyperparameter("optimizer", "adam", "solver", choices=("adam", "sgd"), aliases=("solver",)),
        Hyperparameter("momentum", 0.9, "of sgd", floats=_FRACTION),
        Hyperparameter("alpha", 0.0001, "L2 penalty", floats=_NOT_NEGATIVE, aliases=("weight_decay",)),
    ),
)

_SVM = Model(
    "svm",
    "scikit-learn's SVC on scaled features with calibrated probabilities, fitted on growing parts of the training rows",
    "tenths",
    (
        Hyperparameter("C", 1.0, "inverse strength of regularisation", floats=_POSITIVE, aliases=("c",)),
        Hyperparameter("kernel", "rbf", "kernel", choices=("rbf", "linear", "poly", "sigmoid")),
        Hyperparameter("gamma", "scale", "width of the kernel", floats=_POSITIVE, choices=("scale", "auto")),
        Hyperparameter("degree", 3, "of the polynomial kernel", Interval(0)),
        Hyperparameter("coef0", 0.0, "free term of the polynomial and sigmoid kernels", floats=Interval()),
        Hyperparameter("tol", 0.001, "tolerance at which fitting stops", floats=_POSITIVE),
        _CLASS_WEIGHT,
    ),
)

_LOGISTIC_REGRESSION = Model(
    "logistic_regression",
    "scikit-learn's LogisticRegression on scaled features, fitted on growing parts of the training rows",
    "tenths",
    (
        Hyperparameter("C", 1.0, "inverse strength of the L2 penalty", floats=_POSITIVE, aliases=("c",)),
        Hyperparameter("max_iter", 200, "iterations of the solver", _COUNT),
        Hyperparameter("solver", "lbfgs", "solver", choices=("lbfgs", "newton-cg", "sag", "saga")),
        Hyperparameter("tol", 0.0001, "tolerance at which fitting stops", floats=_POSITIVE),
        Hyperparameter("fit_intercept", True, "fit a free term", is_bool=True),
        _CLASS_WEIGHT,
    ),
)

MODELS = {
    model.name: model for model in (_RANDOM_FOREST, _XGBOOST, _GRADIENT_BOOSTING, _MLP, _SVM, _LOGISTIC_REGRESSION)
}

OPTIONS = (
    Hyperparameter(
        "seed", 0, "of the split and the model; the same seed gives the same numbers", Interval(0, 2**32 - 1)
    ),
    Hyperparameter(
        "validation_fraction", 0.2, "share of the rows held out, drawn class by class", floats=Interval(0.01, 0.95)
    ),
    Hyperparameter(
        "log_every", None, "log each N-th tree, stage, epoch…; None for about 20 rows a run", _COUNT, is_nullable=True
    ),
    Hyperparameter("log_model", False, "log the fitted model as an artifact (joblib)", is_bool=True),
    Hyperparameter("log_tables", True, "log the confusion matrix and the feature importances as tables", is_bool=True),
)
"""Options of a run that are numbers or flags; they may also be parameters of a sweep."""

TEXT_OPTIONS = {
    "dataset": f"one of {', '.join(DATASETS)}, or the path of a CSV file (default wine)",
    "target": "the column of the CSV file to predict",
    "model": f"one of {', '.join(MODELS)} (default random_forest)",
}
"""Options of a run that are names; they may also be parameters of a sweep."""

RUN_OPTIONS = {
    "project": "W&B project (default: WANDB_PROJECT, or wine-quality-dev)",
    "entity": "W&B entity (default: WANDB_ENTITY, or your own)",
    "name": "display name of the run",
    "group": "group of the run",
}
"""Options that say where a run is kept; never part of its configuration."""
