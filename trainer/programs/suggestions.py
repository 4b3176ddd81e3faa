"""A sensible search space for what a program takes: an entry for each option, and a whole sweep. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from enum import Enum

from trainer.programs.options import Form, ProgramOption, ProgramOptions, Style
from trainer.records import Json

_FIXED = re.compile(
    r"(^|[._-])(seed|workers?|path|dir|folder|file|root|data|dataset|out|output|save|log|logs?|logging|print|freq|interval"
    r"|every|project|entity|name|tag|tags|device|gpus?|cuda|cpu|port|host|rank|world|local|dist|resume|checkpoint|ckpt"
    r"|timesteps?|inputs?|outputs?|callbacks?|loggers?|trainer|experiment|extras|debug|verbose|config|version|wandb|eval|test|download|pretrained|epochs?|steps?|iters?|iterations?|num_classes"
    r"|patience|url|key|user|cache|backend|precision|threads|timeout|id|help|print_freq|group|notes|mode|run)($|[._-])"
)
"""Names of what is set once rather than searched."""
_RATE = re.compile(r"(^|[._-])(lr|rate|decay|wd|eps|epsilon|alpha|lambda|l1|l2|reg|tol|eta|penalty|gamma)\d*($|[._-])")
_SHARE = re.compile(r"(drop|prob|ratio|fraction|frac|momentum|beta|smoothing|subsample|colsample|mixup|ema)")
_POWERS = re.compile(r"(batch|hidden|dim|width|size|units|channels|embed|features|estimators|trees)")

FILL_IN = "FILL_IN"
"""What stands for a value that nobody but the user knows."""


def suggested_entry(option: ProgramOption) -> dict[str, Json]:
    """Return a sweep's entry for an option: what is worth searching around its default, else the default."""
    default = known_default(option)
    if passes_one_of_many(option):
        items = option.choices if option.choices is not None else default if isinstance(default, list) else [default]
        singles: list[Json] = [*dict.fromkeys(item for item in items if isinstance(item, bool | int | float | str))]
        return {"values": singles} if len(singles) > 1 else {"value": singles[0] if singles else FILL_IN}
    if option.choices is not None and not option.takes_many:
        return {"values": list(option.choices)} if len(option.choices) > 1 else {"value": option.choices[0]}
    if option.kind == "bool" or isinstance(default, bool):
        return {"values": [True, False]}
    if option.takes_many or isinstance(default, list | dict):
        return {"value": default}
    if _is_fixed(option) and default is not None:
        return {"value": default}
    if "seed" in option.name.lower() and default is None:
        return {"values": [0, 1, 2]}
    if option.kind == "int" or (option.kind == "any" and isinstance(default, int)):
        return _whole(option, default if isinstance(default, int) else None)
    if option.kind == "float" or (option.kind == "any" and isinstance(default, float)):
        return _real(option, float(default) if isinstance(default, int | float) else None)
    return {"value": default if default is not None else FILL_IN}


def passes_one_of_many(option: ProgramOption) -> bool:
    """Return whether a program takes several values behind a flag, of which a sweep can pass one.

    A list is a legal value to W&B, but reaches the program as one word, `--hidden=[64, 64]`. What reads lists from a
    word, as Hydra does, has no flags.
    """
    return option.takes_many and bool(option.flags)


def is_searchable(option: ProgramOption) -> bool:
    """Return whether one would search an option rather than set it once."""
    if not option.is_settable or option.note == "config group" or "/" in option.name:
        is_group = option.note == "config group" and "/" not in option.name and not _is_fixed(option)
        return is_group and len(option.choices or ()) > 1
    if _is_fixed(option) or option.takes_many or option.form is Form.COUNT or option.name.rpartition(".")[2][:1] == "_":
        return False
    if option.kind == "bool" or isinstance(option.default, bool):
        return False
    entry = suggested_entry(option)
    return "value" not in entry and (option.default is not None or option.choices is not None)


def known_default(option: ProgramOption) -> Json:
    """Return an option's default; None also where there is none, or none was read."""
    return None if isinstance(option.default, Enum) else option.default


def _is_fixed(option: ProgramOption) -> bool:
    name = option.name.rpartition(".")[2].lower()
    return (bool(_FIXED.search(name)) and not _SHARE.search(name)) or option.kind == "path"


def _whole(option: ProgramOption, default: int | None) -> dict[str, Json]:
    low, high = option.low, option.high
    if low is not None and option.is_low_open:
        low += 1
    if high is not None and option.is_high_open:
        high -= 1
    if default is None:
        if low is not None and high is not None and low < high:
            return {"min": int(low), "max": int(high)}
        first = 1 if low is None else int(low)
        return {"min": first, "max": int(high) if high is not None and high > first else first + 9}
    is_power = default >= 8 and default & (default - 1) == 0
    if (is_power or _POWERS.search(option.name.lower())) and default > 3:
        values = [_inside(value, low, high) for value in (default // 2, default, default * 2)]
        return _values(sorted({int(value) for value in values}))
    if low is not None and high is not None and high - low <= 12 and low < high:
        return {"min": int(low), "max": int(high)}
    if default <= 0:
        return {"value": default}
    first = int(_inside(max(1, default // 2), low, high))
    last = int(_inside(max(default * 2, default + 2), low, high))
    return {"min": first, "max": last} if first < last else {"value": default}


def _values(values: list[int]) -> dict[str, Json]:
    return {"values": [*values]} if len(values) > 1 else {"value": values[0]}


def _inside(value: float, low: float | None, high: float | None) -> float:
    if low is not None:
        value = max(value, low)
    return min(value, high) if high is not None else value


def _real(option: ProgramOption, default: float | None) -> dict[str, Json]:
    name, low, high = option.name.rpartition(".")[2].lower(), option.low, option.high
    if default is None or not math.isfinite(default):
        return {"min": float(low if low is not None else 0.0), "max": float(high if high is not None else 1.0)}
    if default > 0 and (default < 0.05 or _RATE.search(name)) and not _SHARE.search(name):
        return _log_range(_inside(default / 10, low, high), _inside(default * 10, low, high), default)
    if _SHARE.search(name) and 0 <= default <= 1:
        if default >= 0.8:
            return _range(_inside(round(max(0.0, default - 0.1), 6), low, high), _inside(0.999, low, high), default)
        return _range(_inside(0.0, low, high), _inside(max(0.5, min(1.0, default * 2)), low, high), default)
    if default == 0 and _RATE.search(name):
        return {"values": [0.0, 1e-5, 1e-4, 1e-3, 1e-2]}
    if low is not None and high is not None and low < high:
        return _range(low, high, default)
    if default == 0:
        return {"value": default}
    ends = sorted((default / 2, default * 2))
    return _range(_inside(ends[0], low, high), _inside(ends[1], low, high), default)


def _log_range(low: float, high: float, default: float) -> dict[str, Json]:
    if not 0 < low < high:
        return {"value": default}
    return {"distribution": "log_uniform_values", "min": _neat(low), "max": _neat(high)}


def _range(low: float, high: float, default: float) -> dict[str, Json]:
    return {"min": _neat(low), "max": _neat(high)} if low < high else {"value": default}


def _neat(value: float) -> float:
    return float(f"{value:.6g}")


def command_for(options: ProgramOptions, chosen: Iterable[ProgramOption], command: str = "") -> list[Json] | None:
    """Return the command by which a program gets the chosen options; None where W&B's default does.

    Args:
        options: What the program takes.
        chosen: The options that a sweep sets.
        command: The subcommand, if there is one to name.
    """
    words = command.split()
    for option in options.of_command(words):
        if option.is_required and not option.is_settable:
            words += [*option.flags[:1], *[FILL_IN] * max(option.exact_count, 1)]
    is_module = options.program.startswith("-m ")
    macro = "${args}"
    if options.style.takes_pairs:
        macro = "${args_no_hyphens}"
    elif any(option.form.takes_no_value for option in chosen):
        macro = "${args_no_boolean_flags}"
    if macro == "${args}" and not words and not is_module:
        return None
    start: list[Json] = ["${env}", "${interpreter}"]
    program: list[Json] = ["-m", options.program.removeprefix("-m ")] if is_module else ["${program}"]
    return [*start, *program, *words, macro]


def metric_for(options: ProgramOptions) -> dict[str, Json]:
    """Return the metric that a program seems to be judged by, of what it logs."""
    names = [name for name in options.logged if not re.search(r"epoch|step|time|lr|iter", name.lower())]
    ranked = sorted(names, key=lambda name: not re.search(r"val|test|eval|dev", name.lower()))
    name = ranked[0] if ranked else "loss"
    is_up = re.search(r"acc|auc|f1|score|reward|return|iou|map|precision|recall|bleu|r2", name.lower())
    return {"name": name, "goal": "maximize" if is_up else "minimize"}


def sweep_for(options: ProgramOptions, chosen: Iterable[ProgramOption], command: str = "") -> dict[str, Json]:
    """Return a sweep over the chosen options of a program."""
    listed = list(chosen)
    parameters: dict[str, Json] = {option.name: suggested_entry(option) for option in listed}
    made = command_for(options, listed, command)
    is_module = options.program.startswith("-m ")
    config: dict[str, Json] = {} if is_module else {"program": options.program}
    if made is not None:
        config["command"] = made
    config |= {"method": "random", "run_cap": 20, "metric": metric_for(options), "parameters": parameters}
    return config


def proposed(options: ProgramOptions, command: str = "") -> list[ProgramOption]:
    """Return the options that a first sweep would set: those worth a search, and those the program insists on."""
    taken = options.commands[command] if command else options.options
    found = [o for o in taken if o.is_settable and (o.is_required or is_searchable(o)) and o.only_with is None]
    if options.style is Style.HYDRA:
        names = {option.name for option in found}
        for option in taken:
            if option.only_with is None or not is_searchable(option):
                continue
            group = next((each for each in taken if each.name == option.only_with[0]), None)
            settings = set(map(str, group.choices or ())) if group is not None and group.name in names else set()
            settings = settings or ({str(group.default)} if group is not None else set())
            if all(setting in option.only_with[1] for setting in settings):
                found.append(option)
    return found or [option for option in taken if option.is_settable][:4]
