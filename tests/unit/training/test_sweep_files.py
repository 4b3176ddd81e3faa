"""The sweep files ask of the trainer only what it can do."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from trainer.training.arguments import read_argv
from trainer.training.request import make_request

FILES = sorted((Path(__file__).parents[3] / "sweeps").glob("*.yaml"))


def extremes(parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield configurations that together hold each value, or both bounds, of each parameter."""
    names = list(parameters)
    columns: list[list[Any]] = []
    for spec in parameters.values():
        if "parameters" in spec:
            columns.append(list(extremes(spec["parameters"])))
        else:
            columns.append(
                spec["values"] if "values" in spec else [spec[key] for key in ("value", "min", "max") if key in spec]
            )
    for row in itertools.zip_longest(*columns):
        yield {
            name: column[0] if value is None else value for name, column, value in zip(names, columns, row, strict=True)
        }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_value_of_a_sweep_file_is_accepted_as_wandb_would_pass_it(path: Path) -> None:
    config = yaml.safe_load(path.read_text())
    assert path.read_text().startswith("# ")
    assert "value" in config["parameters"]["dataset"] and "value" in config["parameters"]["model"]
    for point in extremes(config["parameters"]):
        as_argv = make_request(read_argv([f"--{name}={value}" for name, value in point.items()]))
        assert as_argv == make_request(point)


def test_the_sweep_files_that_are_promised_exist() -> None:
    promised = {"wine-grid", "iris-grid", "wine-random", "wine-bayes", "xgboost-bayes", "mlp-hyperband", "nested"}
    assert promised <= {path.stem for path in FILES}
