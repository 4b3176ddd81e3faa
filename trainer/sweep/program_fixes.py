"""Fixes of what the program of a sweep would refuse (`trainer.programs.findings`)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from trainer.sweep.command import MACROS, command_of
from trainer.sweep.fix import Case, Fix, Offer

_MEANT = re.compile(r"Did you mean `?([\w.-]+)`?\?")
_SUBCOMMAND = re.compile(r"belongs to the command `([^`]+)`")
_PARAMETER_MACROS = {f"${{{name}}}" for name in MACROS if name.startswith("args")}


def _with_macro(case: Case, macro: str, is_obvious: bool = True) -> Iterator[Fix]:
    items = command_of(case.config)
    changed = [macro if item in _PARAMETER_MACROS else item for item in items]
    if changed == items:
        changed = [*items, macro]
    yield case.top(f"Use {macro}", is_obvious, command=changed)


def _macro_of_hint(case: Case) -> Iterator[Fix]:
    named = [macro for macro in sorted(_PARAMETER_MACROS) if macro in case.violation.hint]
    for macro in sorted(named, key=case.violation.hint.index):
        yield from _with_macro(case, macro, macro == named[0])


def _name(case: Case) -> Iterator[Fix]:
    meant = _MEANT.search(case.violation.hint)
    if meant is not None and meant.group(1) not in case.around:
        yield case.rename(meant.group(1))
    subcommand = _SUBCOMMAND.search(case.violation.hint)
    if subcommand is not None:
        yield from _with_subcommand(case, subcommand.group(1))
    yield case.remove(is_obvious=False)


def _with_subcommand(case: Case, words: str) -> Iterator[Fix]:
    """Yield the command with a subcommand in front of the parameters, where none is named yet."""
    items = command_of(case.config)
    at = next((index for index, item in enumerate(items) if item in _PARAMETER_MACROS), len(items))
    if at and (items[at - 1] == "${program}" or items[at - 1].endswith(".py")):
        yield case.top(f"Start the command {words}", True, command=[*items[:at], *words.split(), *items[at:]])


def _choice(case: Case) -> Iterator[Fix]:
    meant = _MEANT.search(case.violation.hint)
    refused = re.search(r"does not take '([^']*)'", case.violation.message)
    if meant is None or refused is None or not isinstance(case.value, dict):
        return
    entry = dict(case.value)
    if entry.get("value") == refused.group(1):
        entry["value"] = meant.group(1)
    elif isinstance(entry.get("values"), list):
        replaced = [meant.group(1) if value == refused.group(1) else value for value in entry["values"]]
        entry["values"] = list(dict.fromkeys(replaced)) if all(isinstance(v, str) for v in replaced) else replaced
    yield case.put(f"Write {meant.group(1)} for {refused.group(1)}", entry)


def _none(case: Case) -> Iterator[Fix]:
    entry = dict(case.value) if isinstance(case.value, dict) else {}
    values = entry.get("values")
    if isinstance(values, list) and len(values) > 1:
        yield case.put("Leave None out", {**entry, "values": [value for value in values if value is not None]})
    elif "value" in entry:
        yield case.remove()


def _whole(case: Case) -> Iterator[Fix]:
    entry = dict(case.value) if isinstance(case.value, dict) else {}
    distribution = entry.get("distribution", "uniform")
    low, high = entry.get("min"), entry.get("max")
    if distribution == "uniform" and isinstance(low, int | float) and isinstance(high, int | float):
        if float(low).is_integer() and float(high).is_integer():
            kept = {key: value for key, value in entry.items() if key != "distribution"}
            yield case.put("Draw whole numbers", {**kept, "min": int(low), "max": int(high)})
    elif str(distribution).startswith("q_"):
        yield case.put("Write q: 1", {**entry, "q": 1})
    elif distribution in ("log_uniform_values", "normal", "log_normal"):
        yield case.put("Draw whole numbers", {**entry, "distribution": f"q_{distribution}", "q": 1})


PROGRAM_FIXES: dict[str, Offer] = {
    "program-unknown-name": _name,
    "program-not-with": _name,
    "program-flag-value": _macro_of_hint,
    "program-flag-needs-value": _macro_of_hint,
    "program-wants-pairs": _macro_of_hint,
    "program-wants-flags": _macro_of_hint,
    "program-gets-no-arguments": _macro_of_hint,
    "program-choice": _choice,
    "program-none": _none,
    "program-draws-floats": _whole,
}
