"""The variables of a sweep's creation, as the stock SDK 0.31 fills them in. No I/O."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from trainer.errors import SweepConfigError
from trainer.records import Json
from trainer.sweep.config import config_for_wandb


class _SweepDumper(yaml.SafeDumper):
    """Quotes texts with a leading zero: `008` unquoted reads back as a number in some YAML dialects."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "'" if text.startswith("0") and len(text) > 1 else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_SweepDumper.add_representer(str, _represent_text)


def with_distributions(config: Mapping[str, Json]) -> dict[str, Any]:
    """Return a copy in which top-level `min`/`max` parameters name their distribution, as the SDK sends them.

    Raises:
        SweepConfigError: If a parameter's bounds are neither both whole numbers nor both fractions.
    """
    filled: dict[str, Any] = copy.deepcopy(config_for_wandb(config))
    parameters = filled.get("parameters")
    for name, parameter in parameters.items() if isinstance(parameters, dict) else ():
        if not isinstance(parameter, dict) or "distribution" in parameter:
            continue
        if "min" not in parameter or "max" not in parameter:
            continue
        bounds = (parameter["min"], parameter["max"])
        if all(isinstance(bound, int) for bound in bounds):
            parameter["distribution"] = "int_uniform"
        elif all(isinstance(bound, float) for bound in bounds):
            parameter["distribution"] = "uniform"
        else:
            raise SweepConfigError(
                f"parameters.{name}: min {bounds[0]!r} and max {bounds[1]!r} are of different kinds.",
                hint="Write both as whole numbers, or both with a decimal point.",
            )
    return filled


def creation_variables(
    config: Mapping[str, Json], entity: str, project: str, prior_runs: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the variables of `UpsertSweep` that create a sweep.

    Raises:
        SweepConfigError: As `with_distributions`.
    """
    plain = json.loads(json.dumps(with_distributions(config)))
    prior = json.dumps({"$or": [{"name": run_id} for run_id in prior_runs]}) if prior_runs else None
    return {
        "id": None,
        "config": yaml.dump(plain, Dumper=_SweepDumper),
        "description": plain.get("description"),
        "entityName": entity,
        "projectName": project,
        "controller": None,
        "launchScheduler": None,
        "templateVariableValues": "null",
        "scheduler": None,
        "priorRunsFilters": prior,
        "displayName": None,
    }
