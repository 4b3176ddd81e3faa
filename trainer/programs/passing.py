"""How a sweep's command hands its parameters over: the macro it uses, and the parameters with their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from trainer.records import Json
from trainer.sweep.command import command_of
from trainer.sweep.joint import joint_values
from trainer.sweep.parameters import infer_distribution

MAX_VALUES = 200
"""Values of one parameter that are looked at: the builder asks at every key."""


class Macro(Enum):
    """The macros that name each parameter, and those that do not."""

    FLAGS = "${args}"
    SPACED = "${args_no_equals}"
    BARE_TRUE = "${args_no_boolean_flags}"
    PAIRS = "${args_no_hyphens}"
    APPENDED = "${args_append_hydra}"
    OVERRIDDEN = "${args_override_hydra}"
    JSON = "${args_json}"
    JSON_FILE = "${args_json_file}"
    NONE = ""

    @property
    def is_flags(self) -> bool:
        """Whether it writes `--name`."""
        return self in (Macro.FLAGS, Macro.SPACED, Macro.BARE_TRUE)

    @property
    def is_pairs(self) -> bool:
        """Whether it writes `name=value`."""
        return self in (Macro.PAIRS, Macro.APPENDED, Macro.OVERRIDDEN)


_MACROS = {macro.value: macro for macro in Macro if macro.value}


def macro_of(config: Mapping[str, Json]) -> tuple[Macro, str]:
    """Return the macro by which a command hands parameters over, and its path: `command[3]`."""
    for index, item in enumerate(command_of(config)):
        if item in _MACROS:
            return _MACROS[item], f"command[{index}]" if config.get("command") else "command"
    return Macro.NONE, "command"


@dataclass(frozen=True, slots=True)
class Passed:
    """One parameter as the program meets it."""

    name: str
    path: str
    """Where it stands in the configuration."""
    values: tuple[Json, ...] = ()
    """The values that are written down; empty for a distribution."""
    distribution: str = ""
    low: float | None = None
    high: float | None = None
    draws_floats: bool = False
    """Whether a distribution gives numbers such as 16.0, which `int()` refuses as texts."""
    leaves: tuple[str, ...] = ()
    """Names within it, where it is a group: the program gets one Python literal."""


def passed_parameters(config: Mapping[str, Json]) -> list[Passed]:
    """Return a sweep's parameters as its program meets them; joint ones by their members."""
    parameters = config.get("parameters")
    if not isinstance(parameters, Mapping):
        return []
    found: list[Passed] = []
    for name, entry in parameters.items():
        path = f"parameters.{name}"
        joint = joint_values(name, entry)
        if joint:
            members = dict.fromkeys(str(key) for value in joint for key in value)
            for member in members:
                values = tuple(value[member] for value in joint if member in value)[:MAX_VALUES]
                found.append(Passed(member, path, values))
        elif isinstance(entry, Mapping) and isinstance(entry.get("parameters"), Mapping):
            found.append(Passed(str(name), path, leaves=tuple(_leaves(entry["parameters"], ""))))
        elif isinstance(entry, Mapping):
            found.append(_single(str(name), path, entry))
    return found


def _leaves(parameters: object, prefix: str) -> Iterator[str]:
    if not isinstance(parameters, Mapping):
        return
    for name, entry in parameters.items():
        if isinstance(entry, Mapping) and "parameters" in entry:
            yield from _leaves(entry["parameters"], f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _single(name: str, path: str, entry: Mapping[str, Json]) -> Passed:
    if "value" in entry:
        return Passed(name, path, (entry["value"],))
    values = entry.get("values")
    if isinstance(values, list):
        return Passed(name, path, tuple(values[:MAX_VALUES]))
    distribution = infer_distribution(entry) or ""
    low, high = (_number(entry.get(key)) for key in ("min", "max"))
    if distribution in ("log_uniform", "q_log_uniform", "inv_log_uniform"):
        # Their bounds are exponents.
        low = high = None
    return Passed(name, path, (), distribution, low, high, _draws_floats(distribution, entry))


def _number(value: Json) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _draws_floats(distribution: str, entry: Mapping[str, Json]) -> bool:
    """Return whether values are floats: of steps, they are ints where `q` is written as one (sweeps 0.3.0)."""
    if distribution in ("", "int_uniform", "constant", "categorical", "categorical_w_probabilities"):
        return False
    return not (distribution.startswith("q_") and type(entry.get("q")) is int)
