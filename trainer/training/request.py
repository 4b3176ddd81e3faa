"""What one run is asked to do: argv and the sweep's parameters, checked against the catalog, as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trainer.errors import DatasetError, HyperparameterError
from trainer.training.arguments import Given, leaves
from trainer.training.catalog import DATASETS, MODELS, OPTIONS, RUN_OPTIONS, TEXT_OPTIONS, Model
from trainer.training.hyperparameters import Value, closest, find


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run, fully specified."""

    dataset: str
    """One of `DATASETS`, or the path of a CSV file."""
    target: str | None
    """Column of the CSV file to predict; None for a built-in data set."""
    model: Model
    hyperparameters: Mapping[str, Value]
    """Every hyperparameter of the model, defaults included."""
    options: Mapping[str, Value]
    """Every option of `OPTIONS`, defaults included."""
    given_names: frozenset[str]
    """Names, in our spelling, of what was given; the rest are defaults."""

    @property
    def seed(self) -> int:
        """Seed of the split and the model."""
        seed = self.options["seed"]
        assert isinstance(seed, int), "it was read as a whole number"
        return seed

    @property
    def validation_fraction(self) -> float:
        """Share of the rows held out."""
        fraction = self.options["validation_fraction"]
        assert isinstance(fraction, float), "it was read as a number"
        return fraction

    @property
    def log_every(self) -> int | None:
        """Trees, stages… between two logged rows; None to choose by the size of the model."""
        every = self.options["log_every"]
        assert every is None or isinstance(every, int), "it was read as a whole number"
        return every

    def config(self) -> dict[str, Value]:
        """Return everything that determines the run, flat, in our spelling."""
        names = {"dataset": self.dataset, "target": self.target, "model": self.model.name}
        if self.target is None:
            del names["target"]
        return {**names, **self.hyperparameters, **self.options}


def split_run_options(given: Given) -> tuple[dict[str, str], Given]:
    """Return the options that say where the run is kept, and the rest, which describes it."""
    run_options = {name: str(value) for name, value in given.items() if name in RUN_OPTIONS}
    return run_options, {name: value for name, value in given.items() if name not in RUN_OPTIONS}


def make_request(given: Given) -> RunRequest:
    """Check what was given and fill in defaults.

    Raises:
        DatasetError: If a target is given for a built-in data set.
        HyperparameterError: If the model is unknown, a name is not one of its hyperparameters, a value cannot be
            used, or two paths give different values to one name.
    """
    singles = leaves(given)
    texts = {leaf.name: str(leaf.value) for leaf in singles if leaf.name in TEXT_OPTIONS}
    model = _model(texts.get("model", "random_forest"))
    dataset, target = _dataset(texts)
    known = (*model.hyperparameters, *OPTIONS)
    values: dict[str, Value] = {}
    for leaf in singles:
        if leaf.name in TEXT_OPTIONS:
            continue
        hyperparameter = find(leaf.name, known)
        if hyperparameter is None:
            raise _unknown(leaf.path, leaf.name, model)
        value = hyperparameter.read(leaf.value)
        if values.get(hyperparameter.name, value) != value:
            raise HyperparameterError(
                f"{hyperparameter.name} is given twice: {values[hyperparameter.name]}, and {value} as {leaf.path}.",
                hint="Give it once.",
            )
        values[hyperparameter.name] = value
    return RunRequest(
        dataset,
        target,
        model,
        {item.name: values.get(item.name, item.default) for item in model.hyperparameters},
        {item.name: values.get(item.name, item.default) for item in OPTIONS},
        frozenset((*values, *texts)),
    )


def names_in(given: Given, model: Model) -> frozenset[str]:
    """Return the names, in our spelling, of the values in `given`, and its groups."""
    items = (*model.hyperparameters, *OPTIONS)
    found = (find(leaf.name, items) for leaf in leaves(given))
    return frozenset(given).union(leaf.name for leaf in leaves(given)).union(item.name for item in found if item)


def known_names(model: Model) -> frozenset[str]:
    """Return every name that a value for a run of `model` may have at the top level."""
    items = (*model.hyperparameters, *OPTIONS)
    return frozenset(TEXT_OPTIONS).union(*((item.name, *item.aliases) for item in items))


def _model(name: str) -> Model:
    model = MODELS.get(name)
    if model is None:
        hint = f"{closest(name, MODELS)} Models are {', '.join(MODELS)}.".strip()
        raise HyperparameterError(f"There is no model {name!r}.", hint=hint)
    return model


def _dataset(texts: Mapping[str, str]) -> tuple[str, str | None]:
    dataset = texts.get("dataset", "wine")
    target = texts.get("target")
    if target in ("None", ""):
        target = None
    if dataset in DATASETS and target is not None:
        raise DatasetError(
            f"--target {target} does not fit the built-in data set {dataset}.",
            hint="Leave --target away, or give the path of a CSV file as --dataset.",
        )
    return dataset, target


def _unknown(path: str, name: str, model: Model) -> HyperparameterError:
    names = [item.name for item in model.hyperparameters]
    options = [*TEXT_OPTIONS, *(item.name for item in OPTIONS), *RUN_OPTIONS]
    hint = f"{closest(name, [*names, *options])} Valid are {', '.join(names)}; options are {', '.join(options)}."
    return HyperparameterError(f"{model.name} has no hyperparameter {path!r}.", hint=hint.strip())
