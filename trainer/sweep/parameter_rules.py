"""The rules a sweep's `parameters` must keep: W&B's own, those it forgets for nested ones, and those of the method."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from trainer.records import Json
from trainer.sweep.distributions import DISTRIBUTIONS, Distribution, Field
from trainer.sweep.findings import Findings, did_you_mean, is_number, join, nearest, number_hint, show
from trainer.sweep.parameters import infer_distribution

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_FORMS = "Write `values: [...]`, `min:` and `max:`, `value:`, or `distribution:` with its keys."
_PROBABILITY_TOLERANCE = 1e-5
_LARGEST_EXPONENT = 709.0
"""exp of more overflows a float."""


def check_parameters(parameters: object, path: str, method: object, findings: Findings) -> None:
    """Add every problem of a `parameters` mapping and of those nested in it."""
    if parameters is None:
        parameters = {}
    if not isinstance(parameters, Mapping):
        findings.add(
            path,
            f"`parameters` must be keys and values, not {show(parameters)}.",
            _FORMS,
            code="parameters-not-mapping",
        )
        return
    if not parameters:
        findings.add(path, "`parameters` is empty.", "Name at least one parameter.", code="parameters-empty")
    for name, entry in parameters.items():
        check_name(str(name), join(path, str(name)), findings)
        _check_entry(entry, join(path, str(name)), method, findings)
    if method == "bayes" and path == "parameters" and parameters and _has_only_constants(parameters):
        findings.add(
            path,
            "bayes has nothing to search: every parameter is a constant.",
            "Let one vary, or use the method grid.",
            code="only-constants",
        )


def _has_only_constants(parameters: Mapping[str, Json]) -> bool:
    for entry in parameters.values():
        if not isinstance(entry, Mapping):
            return False
        nested = entry.get("parameters")
        if isinstance(nested, Mapping) and _has_only_constants(nested):
            continue
        if nested is not None or infer_distribution(entry) != "constant":
            return False
    return True


def check_name(name: str, path: str, findings: Findings) -> None:
    """Add a problem where W&B takes no parameter of this name."""
    if not _NAME.fullmatch(name):
        findings.add(
            path,
            f"W&B takes no parameter named {name!r}.",
            "Use letters, digits, `_`, `.` and `-`, and start with a letter or `_`.",
            code="bad-name",
        )


def _check_entry(entry: object, path: str, method: object, findings: Findings) -> None:
    if not isinstance(entry, Mapping):
        hint = f"Write `values: {show(entry)}`." if isinstance(entry, list) else f"Write `value: {show(entry)}`."
        findings.add(
            path,
            f"A parameter must be keys and values, not {show(entry)}.",
            _FORMS if not entry else hint,
            code="entry-not-mapping",
        )
        return
    if "parameters" in entry:
        _check_nested(entry, path, method, findings)
        return
    distribution = _distribution_of(entry, path, findings)
    if distribution is None:
        return
    _check_keys(entry, distribution, path, findings)
    for field in distribution.fields:
        _check_field(entry, field, distribution, path, findings)
    _check_bounds(entry, distribution, path, findings)
    _check_probabilities(entry, distribution, path, findings)
    _check_deprecated(entry, distribution, path, findings)
    _check_grid(distribution, path, method, findings)


def _check_nested(entry: Mapping[str, Json], path: str, method: object, findings: Findings) -> None:
    for key in entry:
        if key != "parameters":
            findings.add(
                join(path, key),
                f"A parameter that holds others takes no `{key}` beside `parameters`.",
                "Remove it, or move it inside.",
                code="beside-nested",
            )
    check_parameters(entry["parameters"], join(path, "parameters"), method, findings)


def _distribution_of(entry: Mapping[str, Json], path: str, findings: Findings) -> Distribution | None:
    if "distribution" in entry and entry["distribution"] is None:
        findings.add(
            join(path, "distribution"), "`distribution` is empty.", "Remove it, or name one.", code="empty-distribution"
        )
    name = infer_distribution(entry)
    if name is not None:
        return DISTRIBUTIONS[name]
    if entry.get("distribution") is not None:
        findings.add(
            join(path, "distribution"),
            f"There is no distribution {show(entry['distribution'])}.",
            _distribution_hint(entry["distribution"]),
            code="unknown-distribution",
        )
        return None
    known = {field.name for distribution in DISTRIBUTIONS.values() for field in distribution.fields}
    misspelt = {key: nearest(key, [*known, "distribution", "parameters"]) for key in entry if key not in known}
    for key, close in misspelt.items():
        if close:
            findings.add(
                join(path, key),
                f"A parameter has no key `{key}`.",
                f"Did you mean `{close}`?",
                code="misspelt-parameter-key",
            )
    if not any(misspelt.values()):
        only = ", ".join(f"`{key}`" for key in entry)
        findings.add(
            path,
            f"Nothing says which values it takes{f' (it has only {only})' if only else ''}.",
            _FORMS,
            code="no-values-said",
        )
    return None


def _distribution_hint(given: object) -> str:
    """Return the nearest distribution, or all of them; never a deprecated one."""
    close = nearest(given, DISTRIBUTIONS)
    if close is not None:
        return f"Did you mean `{DISTRIBUTIONS[close].replacement or close}`?"
    return did_you_mean(given, (name for name, distribution in DISTRIBUTIONS.items() if not distribution.is_deprecated))


def _check_keys(entry: Mapping[str, Json], distribution: Distribution, path: str, findings: Findings) -> None:
    valid = [*(field.name for field in distribution.fields), "distribution"]
    # W&B takes `value` and ignores these beside it; that is a warning.
    ignored = ("values", "min", "max") if distribution.name == "constant" and "distribution" not in entry else ()
    for key in entry:
        if key in valid or key in ignored:
            continue
        users = [other.name for other in DISTRIBUTIONS.values() if other.field(key) and not other.is_deprecated]
        if not users:
            hint = did_you_mean(key, valid)
        elif key == "probabilities":
            hint = "Use `distribution: categorical_w_probabilities`, or leave `distribution` out."
        elif key == "q" and f"q_{distribution.name}" in DISTRIBUTIONS:
            hint = f"Use `distribution: q_{distribution.name}`."
        elif key == "q" and distribution.name == "int_uniform":
            hint = "Use `distribution: q_uniform`."
        else:
            hint = f"Remove it; {distribution.name} takes {', '.join(valid[:-1])}."
        findings.add(join(path, key), f"{distribution.name} takes no `{key}`.", hint, code="key-not-taken")


def _check_field(
    entry: Mapping[str, Json], field: Field, distribution: Distribution, path: str, findings: Findings
) -> None:
    where = join(path, field.name)
    if field.name not in entry:
        if field.is_required:
            findings.add(
                path,
                f"{distribution.name} needs `{field.name}`: {field.help}.",
                f"Add `{field.name}:`.",
                code="field-missing",
            )
        return
    value = entry[field.name]
    if field.kind == "values":
        _check_values(value, where, findings)
    elif field.kind == "value":
        _check_storable(value, where, findings)
    elif field.kind in ("number", "integer"):
        _check_number(value, field, distribution, where, findings)


def _check_values(values: object, path: str, findings: Findings) -> None:
    if not isinstance(values, list):
        hint = "Write them in brackets: [1, 2, 3]."
        if isinstance(values, str) and "," in values:
            hint = f"Write them in brackets: [{values}]."
        findings.add(path, f"`values` must be a list, not {show(values)}.", hint, code="values-not-list")
    elif not values:
        findings.add(path, "`values` is empty.", "Give at least one value.", code="values-empty")
    else:
        _check_storable(values, path, findings)


def _check_storable(value: object, path: str, findings: Findings) -> None:
    """Add infinite numbers and NaN, at any depth: a sweep travels as JSON, which has none."""
    if isinstance(value, float) and not math.isfinite(value):
        findings.add(
            path, f"W&B cannot store the number {value!r}.", f"Write it as a text: '{value!r}'.", code="not-storable"
        )
    elif isinstance(value, list):
        for index, item in enumerate(value):
            # A path for each of a hundred thousand values would cost the builder 0.2 s a keystroke.
            if type(item) in (list, dict) or (type(item) is float and not math.isfinite(item)):
                _check_storable(item, f"{path}[{index}]", findings)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            _check_storable(item, join(path, str(name)), findings)


def _check_number(value: object, field: Field, distribution: Distribution, path: str, findings: Findings) -> None:
    whole = field.kind == "integer"
    if not is_number(value):
        findings.add(
            path, f"`{field.name}` must be a number, not {show(value)}.", number_hint(value, whole), code="not-a-number"
        )
    elif whole and not isinstance(value, int):
        hint = f"Write {int(value)}." if float(value).is_integer() else "Use `distribution: uniform`."
        findings.add(
            path,
            f"`{field.name}` of {distribution.name} must be a whole number, not {value!r}.",
            hint,
            code="not-whole",
        )
    elif field.above is not None and value <= field.above:
        hint = f"Give a number above {field.above:g}."
        findings.add(path, f"`{field.name}` must be above {field.above:g}, not {value!r}.", hint, code="not-above")
    elif field.at_least is not None and value < field.at_least:
        hint = f"Give {field.at_least:g} or more."
        findings.add(
            path, f"`{field.name}` must be at least {field.at_least:g}, not {value!r}.", hint, code="below-least"
        )


def _check_bounds(entry: Mapping[str, Json], distribution: Distribution, path: str, findings: Findings) -> None:
    low, high = entry.get("min"), entry.get("max")
    if distribution.field("min") is None or not (is_number(low) and is_number(high)):
        return
    if low == high:
        findings.add(
            path,
            f"`min` and `max` are both {low!r}.",
            f"Write `value: {low!r}`, or move one of them.",
            code="min-equals-max",
        )
    elif low > high:
        findings.add(path, f"`min` ({low!r}) is above `max` ({high!r}).", "Swap them.", code="min-above-max")
    elif not math.isfinite(high - low):
        findings.add(
            path,
            f"{low!r} to {high!r} is wider than a float can hold.",
            "Use a log distribution.",
            code="range-too-wide",
        )
    elif "distribution" not in entry and ".parameters." not in path and type(low) is not type(high):
        findings.add(
            path,
            f"`min` is {low!r} and `max` is {high!r}: W&B refuses to guess between whole numbers and floats.",
            f"Write both as floats ({float(low)!r}, {float(high)!r}), both as ints, or add `distribution: uniform`.",
            code="mixed-bounds",
        )
    else:
        _check_step(entry, low, high, path, findings)


def _check_step(entry: Mapping[str, Json], low: float, high: float, path: str, findings: Findings) -> None:
    step, largest = entry.get("q", 1.0), max(abs(low), abs(high))
    if not is_number(step) or step <= 0:
        return
    is_stepped = entry.get("distribution") in ("q_uniform", "q_log_uniform_values")
    is_too_small = entry.get("distribution") == "q_uniform" and step < math.ulp(largest)
    if is_too_small or (is_stepped and not math.isfinite(largest / step)):
        findings.add(
            join(path, "q"),
            f"`q` ({step!r}) is too small beside {high!r}: steps of it cannot be told apart.",
            "Use a larger `q`.",
            code="step-too-small",
        )


def _check_probabilities(entry: Mapping[str, Json], distribution: Distribution, path: str, findings: Findings) -> None:
    if distribution.field("probabilities") is None or "probabilities" not in entry:
        return
    where, shares, values = join(path, "probabilities"), entry["probabilities"], entry.get("values")
    if not isinstance(shares, list) or not shares:
        findings.add(
            where,
            f"`probabilities` must be a list, not {show(shares)}.",
            "Give one number per value.",
            code="probabilities-not-list",
        )
        return
    numbers: list[float] = []
    for index, share in enumerate(shares):
        if not is_number(share):
            hint = number_hint(share)
            findings.add(
                f"{where}[{index}]",
                f"A probability must be a number, not {show(share)}.",
                hint,
                code="probability-not-number",
            )
        elif share < 0:
            findings.add(
                f"{where}[{index}]",
                f"A probability cannot be negative ({share!r}).",
                "Use 0 or more.",
                code="probability-negative",
            )
        else:
            numbers.append(share)
    if isinstance(values, list) and len(values) != len(shares):
        findings.add(
            where,
            f"There are {len(values)} values and {len(shares)} probabilities.",
            "Give one number per value.",
            code="probability-count",
        )
    total = math.fsum(numbers)
    if len(numbers) == len(shares) and abs(total - 1) > _PROBABILITY_TOLERANCE:
        findings.add(where, f"The probabilities add up to {total:g}, not 1.", "Scale them.", code="probability-sum")


def _check_deprecated(entry: Mapping[str, Json], distribution: Distribution, path: str, findings: Findings) -> None:
    if not distribution.is_deprecated:
        return
    low, high = entry.get("min"), entry.get("max")
    instead = f"Use {distribution.replacement}"
    exponents = [bound for bound in (low, high) if is_number(bound)]
    if any(abs(bound) > _LARGEST_EXPONENT for bound in exponents):
        findings.add(
            path,
            f"exp of {max(exponents, key=abs)!r} is no number.",
            "`min` and `max` are logarithms here.",
            code="exponent-too-large",
        )
    elif is_number(low) and is_number(high):
        if distribution.name.startswith("inv_"):
            low, high = -high, -low
        instead += f" with min: {math.exp(low):.4g} and max: {math.exp(high):.4g}"
    findings.add(
        join(path, "distribution"), f"{distribution.name} is deprecated.", f"{instead}.", code="deprecated-distribution"
    )


def _check_grid(distribution: Distribution, path: str, method: object, findings: Findings) -> None:
    if method != "grid" or distribution.is_gridable:
        return
    if distribution.name == "categorical_w_probabilities":
        findings.add(
            path,
            "A grid takes no probabilities: it runs every value.",
            "Remove `probabilities`.",
            code="grid-probabilities",
        )
        return
    findings.add(
        path,
        f"A grid cannot run through {distribution.name}: it has no end.",
        "List `values`, use whole numbers or q_uniform, or the method random or bayes.",
        code="grid-continuous",
    )
