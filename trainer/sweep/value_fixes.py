"""Fixes of a parameter's numbers and lists: bounds, steps, values and probabilities."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from trainer.records import Json
from trainer.sweep.choices import ListedChoices, SteppedChoices
from trainer.sweep.distributions import DISTRIBUTIONS
from trainer.sweep.findings import is_number
from trainer.sweep.fix import Case, Fix, Offer, number_in, scalar_in, shown
from trainer.sweep.joint import settled
from trainer.sweep.parameters import infer_distribution
from trainer.sweep.places import with_keys, with_value
from trainer.sweep.steps import readable_step, rounded

_SEPARATOR = re.compile(r"\s*[,|;]\s*")
_MAX_LISTED = 100


def _values_not_list(case: Case) -> Iterator[Fix]:
    given = case.value
    if isinstance(given, str):
        words = [word for word in _SEPARATOR.split(given.strip().strip("[]()")) if word]
        yield case.put("Write values as a list", [scalar_in(word) for word in words])
    elif is_number(given) or isinstance(given, bool):
        yield case.put(f"Write values: [{shown(given)}]", [given])


def _not_storable(case: Case) -> Iterator[Fix]:
    yield case.put(f"Write it as a text: '{case.value!r}'", repr(case.value))


def _not_a_number(case: Case) -> Iterator[Fix]:
    distribution = infer_distribution(case.around)
    field = DISTRIBUTIONS[distribution].field(case.key) if distribution else None
    number = number_in(case.value, whole=field is not None and field.kind == "integer")
    if number is None:
        number = number_in(case.value)
    if number is not None:
        yield case.put(f"Write {case.key}: {shown(number)}", number)
    elif field is not None and not field.is_required:
        yield case.remove(is_obvious=case.value is None)


def _not_whole(case: Case) -> Iterator[Fix]:
    number = number_in(case.value, whole=True)
    if number is not None:
        yield case.put(f"Write {case.key}: {number}", number)
    yield case.put_around("Use distribution: uniform", {**case.around, "distribution": "uniform"}, False)


def _below_least(case: Case) -> Iterator[Fix]:
    yield case.put(f"Write {case.key}: {shown(-case.value)}", -case.value)


def _equal(case: Case) -> Iterator[Fix]:
    low = case.value["min"]
    yield case.put(f"Write value: {shown(low)}", {"value": low})


def _swap(case: Case) -> Iterator[Fix]:
    yield case.put("Swap min and max", {**case.value, "min": case.value["max"], "max": case.value["min"]})


def _mixed(case: Case) -> Iterator[Fix]:
    low, high = case.value["min"], case.value["max"]
    if case.config.get("method") == "grid" and float(low).is_integer() and float(high).is_integer():
        yield case.put("Write both as whole numbers", {**case.value, "min": int(low), "max": int(high)})
    yield case.put("Write both as floats", {**case.value, "min": float(low), "max": float(high)})


def _probabilities_not_list(case: Case) -> Iterator[Fix]:
    yield from _equal_shares(case)
    if isinstance(case.around.get("values"), list):
        yield case.put_around("Remove probabilities", with_keys(case.around, ["probabilities", "distribution"]), False)


def _equal_shares(case: Case) -> Iterator[Fix]:
    values = case.around.get("values")
    if isinstance(values, list) and values:
        yield case.put("Give all the same probability", [1 / len(values)] * len(values), False)


def _probability_not_number(case: Case) -> Iterator[Fix]:
    number = number_in(case.value)
    if number is not None:
        yield case.put(f"Write {shown(number)}", number)


def _probability_negative(case: Case) -> Iterator[Fix]:
    yield case.put("Write 0", 0, False)


def _scaled(case: Case) -> Iterator[Fix]:
    shares = case.value
    total = math.fsum(shares)
    if total <= 0:
        yield from _equal_shares(case)
        return
    exact = [share / total for share in shares]
    for digits in (2, 3, 4, 6):
        parts = [round(share, digits) for share in exact]
        if abs(math.fsum(parts) - 1) < 1e-9 and _are_close(parts, exact):
            exact = parts
            break
    yield case.put("Scale them to add up to 1", exact)


def _are_close(parts: list[float], exact: list[float]) -> bool:
    return all(math.isclose(part, share, rel_tol=1e-3) for part, share in zip(parts, exact, strict=True))


def _settled(case: Case) -> Iterator[Fix]:
    yield case.put("Write whole floats as whole numbers", distinct(settled(case.value)))


def _without_repetitions(case: Case) -> Iterator[Fix]:
    yield case.put("Remove the repetitions", distinct(case.value))


def distinct(values: list[Json]) -> list[Json]:
    """Return the values that W&B tells apart, in their order."""
    choices = ListedChoices(values)
    return [choices.value(index) for index in range(choices.count)]


def _unquoted(case: Case) -> Iterator[Fix]:
    numbers = [value if not isinstance(value, str) or number_in(value) is None else number_in(value)
               for value in case.value]  # fmt: skip
    yield case.put("Remove the quotes", distinct(numbers))


def _ignored(case: Case) -> Iterator[Fix]:
    yield case.remove()


def _sigma_zero(case: Case) -> Iterator[Fix]:
    mu = case.around.get("mu", 0)
    if not is_number(mu) or "q" in str(case.around.get("distribution")).split("_"):
        return
    value = math.exp(min(mu, 700)) if "log" in str(case.around.get("distribution")) else mu
    yield case.put_around(f"Write value: {shown(value)}", {"value": value})


def _smaller_step(case: Case) -> Iterator[Fix]:
    low, high = case.around.get("min"), case.around.get("max")
    if is_number(low) and is_number(high) and high > low:
        step = readable_step(high - low, 10)
        q: float = int(step) if isinstance(low, int) and isinstance(high, int) and step >= 1 else step
        yield case.put_around(f"Write q: {shown(q)}", {**case.around, "q": q}, False)


def _step_above_max(case: Case) -> Iterator[Fix]:
    """Yield the steps of a grid as they were meant, none of them above `max`."""
    entry: Mapping[str, Any] = case.value
    low, high, q = entry["min"], entry["max"], entry.get("q", 1.0)
    steps = SteppedChoices(low, high, q)
    if steps.count <= _MAX_LISTED:
        digits = 12 - max(0, math.ceil(math.log10(max(abs(low), abs(high), 1e-9))))
        values = distinct([min(round(steps.value(index), digits), high) for index in range(steps.count)])
        yield case.put(f"List the {len(values)} values", {"values": values}, False)


def _max_in(case: Case) -> Iterator[Fix]:
    entry = case.around
    q = entry.get("q", 1.0)
    high = rounded(entry["max"] + q / 2, 12)
    yield Fix(f"Write max: {shown(high)}", with_value(case.config, case.keys, high), False)


VALUE_FIXES: dict[str, Offer] = {
    "values-not-list": _values_not_list,
    "not-storable": _not_storable,
    "not-a-number": _not_a_number,
    "not-whole": _not_whole,
    "below-least": _below_least,
    "min-equals-max": _equal,
    "min-above-max": _swap,
    "mixed-bounds": _mixed,
    "mixed-nested-bounds": _mixed,
    "probabilities-not-list": _probabilities_not_list,
    "probability-count": _probabilities_not_list,
    "probability-not-number": _probability_not_number,
    "probability-negative": _probability_negative,
    "probability-sum": _scaled,
    "repeated-values": _without_repetitions,
    "number-as-text": _unquoted,
    "joint-whole-float": _settled,
    "ignored-beside-value": _ignored,
    "sigma-zero": _sigma_zero,
    "step-wider-than-range": _smaller_step,
    "step-above-max": _step_above_max,
    "max-left-out": _max_in,
}
