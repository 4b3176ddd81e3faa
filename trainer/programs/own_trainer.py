"""What `python -m trainer train` takes: the catalog of its models."""

from __future__ import annotations

from pathlib import Path

import trainer
from trainer.programs.options import Form, Kind, ProgramOption, ProgramOptions, Style
from trainer.training.catalog import DATASETS, MODELS, OPTIONS, RUN_OPTIONS, TEXT_OPTIONS
from trainer.training.hyperparameters import Hyperparameter, Interval

_PACKAGE = Path(trainer.__file__).resolve().parent


def is_own(path: Path) -> bool:
    """Return whether a program is this package's own."""
    return path.resolve().is_relative_to(_PACKAGE)


def own_options(shown: str) -> ProgramOptions:
    """Return what the `train` command takes; nested parameters count by the names of their leaves."""
    options = [
        ProgramOption(
            "model", "str", "random_forest", choices=tuple(MODELS), flags=("--model",), help=TEXT_OPTIONS["model"]
        ),
        ProgramOption("dataset", "str", "wine", flags=("--dataset",), help=f"{', '.join(DATASETS)}, or a CSV file"),
        ProgramOption("target", "str", None, flags=("--target",), help=TEXT_OPTIONS["target"], is_nullable=True),
    ]
    by_option: dict[tuple[str, str], ProgramOption] = {}
    for model in MODELS.values():
        for item in model.hyperparameters:
            option = _option(item, (model.name,))
            # The same hyperparameter of several models is one option where they take the same values.
            key = (item.name, f"{item.describe()} {item.default} {item.aliases}")
            known = by_option.get(key)
            if known is not None and known.only_with is not None:
                option = _option(item, (*known.only_with[1], model.name))
            by_option[key] = option
    run = [ProgramOption(name, flags=(f"--{name}",), default=None, help=text) for name, text in RUN_OPTIONS.items()]
    all_options = (*options, *by_option.values(), *(_option(item, ()) for item in OPTIONS), *run)
    return ProgramOptions(
        shown, Style.TRAINER, commands={"train": all_options}, is_complete=True, reads_wandb_config=True
    )


def _option(item: Hyperparameter, models: tuple[str, ...]) -> ProgramOption:
    kind, bounds = _kind(item)
    low, high = (bounds.low, bounds.high) if bounds is not None else (None, None)
    is_mixed = item.integers is not None and item.floats is not None
    return ProgramOption(
        item.name,
        kind,
        item.default,
        form=Form.MAYBE_VALUE if item.is_bool else Form.VALUE,
        flags=tuple(f"--{name}" for name in (item.name, *item.aliases)),
        choices=item.choices if item.choices and bounds is None else None,
        low=None if is_mixed else low,
        high=None if is_mixed else high,
        is_low_open=bounds is not None and bounds.is_low_open,
        is_nullable=item.is_nullable,
        help=item.help,
        only_with=("model", models) if models else None,
        note=item.describe(),
    )


def _kind(item: Hyperparameter) -> tuple[Kind, Interval | None]:
    if item.is_bool:
        return "bool", None
    if item.integers is not None and item.floats is None and not item.choices:
        return "int", item.integers
    if item.floats is not None and item.integers is None and not item.choices:
        return "float", item.floats
    if item.choices and item.integers is None and item.floats is None:
        return "str", None
    return "any", item.integers or item.floats
