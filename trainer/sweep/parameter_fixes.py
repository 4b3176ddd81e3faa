"""Fixes of how a parameter is written: its form, its keys, its distribution. Its numbers and lists: `value_fixes`."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from trainer.sweep.distributions import DISTRIBUTIONS
from trainer.sweep.findings import Findings, is_number, nearest
from trainer.sweep.fix import Case, Fix, Offer, scalar_in, shown, with_method
from trainer.sweep.parameter_rules import check_parameters
from trainer.sweep.parameters import infer_distribution
from trainer.sweep.places import with_keys
from trainer.sweep.steps import listed_range

_KEY_SYNONYMS = {
    "low": "min", "lower": "min", "start": "min", "from": "min", "minimum": "min", "lo": "min",
    "high": "max", "upper": "max", "stop": "max", "end": "max", "to": "max", "maximum": "max", "hi": "max",
    "step": "q", "mean": "mu", "loc": "mu", "std": "sigma", "stddev": "sigma", "scale": "sigma",
    "alpha": "a", "beta": "b", "choices": "values", "options": "values", "list": "values", "default": "value",
    "probs": "probabilities", "weights": "probabilities", "type": "distribution", "dist": "distribution",
}  # fmt: skip
_DISTRIBUTION_SYNONYMS = {
    "choice": "categorical", "choices": "categorical", "cat": "categorical", "values": "categorical",
    "int": "int_uniform", "integer": "int_uniform", "randint": "int_uniform", "range": "int_uniform",
    "float": "uniform", "real": "uniform", "double": "uniform", "linear": "uniform",
    "log": "log_uniform_values", "loguniform": "log_uniform_values", "quniform": "q_uniform",
    "qloguniform": "q_log_uniform_values", "gaussian": "normal", "gauss": "normal", "lognormal": "log_normal",
    "const": "constant", "fixed": "constant", "value": "constant",
}  # fmt: skip
_KNOWN_KEYS = ("distribution", "parameters", *{f.name: None for d in DISTRIBUTIONS.values() for f in d.fields})
_LARGEST = 700.0
"""exp of much more overflows a float."""
_LETTERS = {
    "ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "đ": "d", "ł": "l", "þ": "th", "ı": "i", "α": "alpha", "β": "beta",
    "γ": "gamma", "δ": "delta", "ε": "epsilon", "η": "eta", "θ": "theta", "λ": "lambda", "μ": "mu", "µ": "mu",
    "ρ": "rho", "σ": "sigma", "τ": "tau", "ω": "omega",
}  # fmt: skip
"""What letters that are no others with an accent are written as; of the Greek ones those that formulas have."""
_NAME_AND_MORE = re.compile(r"([A-Za-z_][\w.-]*)\s*[:=]\s", re.ASCII)
"""A name whose values came along, `lr: 0.1`."""
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]")


def _meant_key(key: str) -> str | None:
    return _KEY_SYNONYMS.get(key.lower()) or nearest(key, _KNOWN_KEYS)


def _is_clean(entry: Mapping[str, Any], case: Case) -> bool:
    """Return whether a parameter alone has no problem."""
    findings = Findings()
    check_parameters({"p": entry}, "parameters", case.config.get("method"), findings)
    return not findings.found


def _not_mapping(case: Case) -> Iterator[Fix]:
    """Yield the mapping of a list such as `- name: lr` or `- lr: {...}`."""
    if not isinstance(case.value, list) or not all(isinstance(item, Mapping) for item in case.value):
        return
    named: dict[str, Any] = {}
    for item in case.value:
        if isinstance(item.get("name"), str):
            named[item["name"]] = with_keys(item, ["name"])
        elif len(item) == 1:
            named.update(item)
    if named and len(named) == len(case.value):
        yield case.put("Write them as keys and values", named)


def _bad_name(case: Case) -> Iterator[Fix]:
    plain = case.key.strip().lstrip("-")
    with_values = _NAME_AND_MORE.match(plain)
    if with_values is not None and with_values[1] not in case.around:
        yield case.rename(with_values[1], is_obvious=False)
        return
    name = _NOT_IN_NAMES.sub("_", _in_ascii(plain))
    name = f"_{name}" if name[:1] in "0123456789.-" else name
    if name not in case.around and _says_anything(name, plain):
        yield case.rename(name, is_obvious=name == plain)


def _in_ascii(name: str) -> str:
    """Return a name with the letters that accents and ligatures are written with; other scripts stay."""
    plain = "".join(_LETTERS.get(sign, sign) for sign in name)
    return "".join(sign for sign in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(sign))


def _says_anything(name: str, given: str) -> bool:
    """Return whether the letters of a name are still there, and no row of `_` stands for them."""
    return sum(sign.isalnum() for sign in name) == sum(sign.isalnum() for sign in _in_ascii(given)) > 0


def _entry_not_mapping(case: Case) -> Iterator[Fix]:
    value = case.value
    if isinstance(value, list) and value:
        yield case.put("Write values:", {"values": value})
    elif isinstance(value, str) and "," in value:
        values = [scalar_in(word) for word in value.strip("[]() ").split(",") if word.strip()]
        yield case.put("Write values:", {"values": values})
    elif value is not None and not isinstance(value, list):
        yield case.put(f"Write value: {shown(value)}", {"value": value})


def _beside_nested(case: Case) -> Iterator[Fix]:
    nested = case.around.get("parameters")
    if isinstance(case.value, Mapping) and isinstance(nested, Mapping) and case.key not in nested:
        moved = with_keys(case.around, [case.key], parameters={**nested, case.key: dict(case.value)})
        yield case.put_around(f"Move {case.key} into parameters", moved)
    yield case.remove(is_obvious=case.key == "distribution")


def _empty_distribution(case: Case) -> Iterator[Fix]:
    yield case.remove()


def _distribution(case: Case) -> Iterator[Fix]:
    given = str(case.value).lower().replace("-", "_")
    meant = _DISTRIBUTION_SYNONYMS.get(given.replace("_", "")) or nearest(given, DISTRIBUTIONS)
    if meant is not None:
        name = DISTRIBUTIONS[meant].replacement or meant
        yield case.put(f"Use distribution: {name}", name)
    rest = with_keys(case.around, ["distribution"])
    if infer_distribution(rest) is not None:
        yield case.put_around("Remove distribution", rest, _is_clean(rest, case))


def _misspelt_key(case: Case) -> Iterator[Fix]:
    if isinstance(case.value, Mapping):
        yield from _group(case, case.around, is_around=True)
    meant = _meant_key(case.key)
    if meant is not None and meant not in case.around:
        yield case.rename(meant)


def _no_values(case: Case) -> Iterator[Fix]:
    entry = case.value if isinstance(case.value, Mapping) else {}
    yield from _group(case, entry, is_around=False)
    meant = {_KEY_SYNONYMS.get(str(key).lower(), str(key)): value for key, value in entry.items()}
    if len(meant) == len(entry) and meant != entry:
        yield case.put(f"Rename to {', '.join(key for key in meant if key not in entry)}", meant)


def _group(case: Case, entry: Mapping[str, Any], *, is_around: bool) -> Iterator[Fix]:
    """Yield the nested parameters that an entry lists without saying `parameters`."""
    if entry and all(isinstance(value, Mapping) and value for value in entry.values()):
        label, nested = "Put parameters: above them", {"parameters": dict(entry)}
        yield case.put_around(label, nested) if is_around else case.put(label, nested)


def _key_not_taken(case: Case) -> Iterator[Fix]:
    entry, key = case.around, case.key
    distribution = infer_distribution(entry)
    if distribution is None:
        return
    meant = _meant_key(key)
    if meant is not None and meant != key and meant not in entry:
        changed: dict[str, Any] = {meant if each == key else each: value for each, value in entry.items()}
        if DISTRIBUTIONS[distribution].field(meant) or _is_clean(changed, case):
            yield case.rename(meant)
    if key == "probabilities" and case.config.get("method") != "grid":
        yield case.put_around(
            "Use distribution: categorical_w_probabilities", {**entry, "distribution": "categorical_w_probabilities"}
        )
    if key == "q":
        stepped = "q_uniform" if distribution == "int_uniform" else f"q_{distribution}"
        if stepped in DISTRIBUTIONS:
            yield case.put_around(f"Use distribution: {stepped}", {**entry, "distribution": stepped})
    inferred = with_keys(entry, ["distribution"])
    if "distribution" in entry and _is_clean(inferred, case):
        yield case.put_around("Remove distribution", inferred)
    yield case.remove(is_obvious=False)


def _field_missing(case: Case) -> Iterator[Fix]:
    entry = case.value
    distribution = infer_distribution(entry)
    if distribution is None:
        return
    fields = DISTRIBUTIONS[distribution].fields
    name = next(field.name for field in fields if f"needs `{field.name}`" in case.violation.message)
    for key in entry:
        if DISTRIBUTIONS[distribution].field(key) is None and key != "distribution" and _meant_key(key) == name:
            changed = {name if each == key else each: value for each, value in entry.items()}
            yield case.put(f"Rename {key} to {name}", changed)
    inferred = with_keys(entry, ["distribution"])
    if "distribution" in entry and _is_clean(inferred, case):
        yield case.put("Remove distribution", inferred)
    if name == "probabilities" and isinstance(entry.get("values"), list) and entry["values"]:
        share = 1 / len(entry["values"])
        yield case.put("Give all the same probability", {**entry, name: [share] * len(entry["values"])}, False)
    bound = _other_bound(name, entry, distribution)
    if bound is not None:
        yield case.put(f"Add {name}: {shown(bound)}", {**entry, name: bound}, False)


def _other_bound(name: str, entry: Mapping[str, Any], distribution: str) -> float | None:
    """Return a bound that goes with the one there is: an order of magnitude or three away, or 0 and 1."""
    low, high = entry.get("min"), entry.get("max")
    is_log = "log" in distribution
    if name == "min" and is_number(high) and high > 0:
        return high / 1000 if is_log else type(high)(0)
    if name == "max" and is_number(low):
        return low * (1000 if is_log else 10) if low > 0 else type(low)(1) if low < 1 else None
    return None


def _deprecated(case: Case) -> Iterator[Fix]:
    entry = case.around if case.key == "distribution" else case.value
    distribution = DISTRIBUTIONS[str(entry["distribution"])]
    low, high = entry.get("min"), entry.get("max")
    if not (is_number(low) and is_number(high)):
        return
    put = case.put_around if case.key == "distribution" else case.put
    use = f"Use {distribution.replacement}"
    kept = {**entry, "distribution": distribution.replacement}
    yield from _as_exponents(put, use, entry, distribution.name)
    if 0 < low < high:
        yield put(f"{use}, {shown(low)} to {shown(high)}", kept, case.violation.code == "exponent-too-large")


def _as_exponents(put: Any, use: str, entry: Mapping[str, Any], distribution: str) -> Iterator[Fix]:
    """Yield a log distribution over what `min` and `max` are the logarithms of."""
    low, high = entry["min"], entry["max"]
    if distribution.startswith("inv_"):
        low, high = -high, -low
    if max(abs(low), abs(high)) > _LARGEST:
        return
    low, high = (float(f"{math.exp(exponent):.4g}") for exponent in (low, high))
    name = DISTRIBUTIONS[distribution].replacement or distribution
    changed = {**entry, "distribution": name, "min": low, "max": high}
    yield put(f"{use}, {shown(low)} to {shown(high)}", changed)


def _not_above(case: Case) -> Iterator[Fix]:
    """Yield a number above 0: of a step the one without its sign, of a bound what it is the logarithm of."""
    entry, key = case.around, case.key
    if key != "min":
        if is_number(case.value) and case.value < 0:
            yield case.put(f"Write {key}: {shown(-case.value)}", -case.value)
        yield case.remove(is_obvious=False)
        return
    high, distribution = entry.get("max"), str(infer_distribution(entry))
    if not is_number(high) or not is_number(case.value):
        return
    if case.value < high <= 0 and case.value < 0:
        yield from _as_exponents(case.put_around, "Take them for exponents", entry, distribution)
    if high > 0:
        low = high / 1000
        yield case.put(f"Write min: {shown(low)}", low, False)
    plain = "q_uniform" if distribution.startswith("q_") else "uniform"
    yield case.put_around(f"Use distribution: {plain}", {**entry, "distribution": plain}, False)


def _grid_probabilities(case: Case) -> Iterator[Fix]:
    yield case.put("Remove probabilities", with_keys(case.value, ["probabilities", "distribution"]))


def _grid_continuous(case: Case) -> Iterator[Fix]:
    """Yield the values that a range is likely meant to stand for, and the method that needs none."""
    values = listed_range(case.value)
    if values is not None:
        listed = f"{shown(values[0])}, {shown(values[1])} … {shown(values[-1])}"
        yield case.put(f"List {len(values)} values: {listed}", {"values": values}, False)
    yield Fix("Use method: random", with_method(case.config, "random"), False)


PARAMETER_FIXES: dict[str, Offer] = {
    "parameters-not-mapping": _not_mapping,
    "bad-name": _bad_name,
    "entry-not-mapping": _entry_not_mapping,
    "beside-nested": _beside_nested,
    "empty-distribution": _empty_distribution,
    "unknown-distribution": _distribution,
    "misspelt-parameter-key": _misspelt_key,
    "no-values-said": _no_values,
    "key-not-taken": _key_not_taken,
    "field-missing": _field_missing,
    "deprecated-distribution": _deprecated,
    "exponent-too-large": _deprecated,
    "not-above": _not_above,
    "grid-probabilities": _grid_probabilities,
    "grid-continuous": _grid_continuous,
}
