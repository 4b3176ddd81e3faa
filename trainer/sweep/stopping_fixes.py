"""Fixes of `early_terminate`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trainer.sweep.early_terminate_rules import DEFAULT_ETA, KEYS
from trainer.sweep.findings import is_number, nearest
from trainer.sweep.fix import Case, Fix, Offer, number_in
from trainer.sweep.iterations import run_length
from trainer.sweep.places import with_keys

_SYNONYMS = {
    "reduction_factor": "eta", "max_t": "max_iter", "max_iterations": "max_iter", "grace_period": "min_iter",
    "min_iterations": "min_iter", "brackets": "s", "method": "type", "name": "type",
}  # fmt: skip
_PLAIN = {"type": "hyperband", "min_iter": 3}
_TRUE, _FALSE = ("true", "yes", "on", "1", "y"), ("false", "no", "off", "0", "n")


def _not_mapping(case: Case) -> Iterator[Fix]:
    is_meant = case.value is True or (isinstance(case.value, str) and nearest(case.value, ["hyperband"]) is not None)
    yield case.put("Write type: hyperband, min_iter: 3", dict(_PLAIN), is_meant)
    yield case.top("Remove early_terminate", False, ["early_terminate"])


def _unknown_key(case: Case) -> Iterator[Fix]:
    meant = _SYNONYMS.get(case.key.lower()) or nearest(case.key, KEYS)
    if meant is not None and meant not in case.around:
        yield case.rename(meant)
    yield case.remove(is_obvious=False)


def _type(case: Case) -> Iterator[Fix]:
    if case.key != "type" and isinstance(case.value, Mapping):
        yield case.put("Write type: hyperband", {"type": "hyperband", **case.value})
    else:
        yield case.put("Write type: hyperband", "hyperband", nearest(case.value, ["hyperband"]) is not None)


def _whole(case: Case) -> Iterator[Fix]:
    number = number_in(case.value, whole=True)
    if number is None and (number := number_in(case.value)) is not None:
        number = round(number)
    if number is not None:
        yield case.put(f"Write {case.key}: {max(number, 1)}", max(int(number), 1))
    else:
        yield case.put(f"Write {case.key}: 2", 2, False)


def _eta(case: Case) -> Iterator[Fix]:
    number = number_in(case.value)
    if number is not None and number > 1:
        yield case.put(f"Write eta: {number:g}", number)
    yield case.remove(is_obvious=False)


def _strict(case: Case) -> Iterator[Fix]:
    word = str(case.value).strip().lower()
    if word in _TRUE or word in _FALSE:
        yield case.put(f"Write strict: {str(word in _TRUE).lower()}", word in _TRUE)
    else:
        yield case.remove(is_obvious=False)


def _no_iter(case: Case) -> Iterator[Fix]:
    yield case.put("Add min_iter: 3", {**with_keys(case.value, ["s"]), "min_iter": 3}, False)


def _no_s(case: Case) -> Iterator[Fix]:
    yield case.put("Add s: 2", {**case.value, "s": 2}, False)
    if "min_iter" in case.value:
        yield case.put("Remove max_iter", with_keys(case.value, ["max_iter"]), False)


def _no_band(case: Case) -> Iterator[Fix]:
    entry = with_keys(case.around, ["max_iter", "s"], min_iter=1)
    yield case.put_around("Use min_iter: 1 instead", entry, False)


def _lower(case: Case) -> Iterator[Fix]:
    """Yield bands that a run of the length which the parameters tell reaches."""
    length, eta = run_length(case.config), case.around.get("eta", DEFAULT_ETA)
    if length is None or not is_number(eta):
        return
    if case.key == "max_iter" and length.values >= eta:
        yield case.put(f"Write max_iter: {length.values}", length.values, False)
    elif length.values >= 1:
        least = max(int(length.values // eta), 1)
        entry = with_keys(case.around, ["max_iter", "s"], min_iter=least)
        yield case.put_around(f"Use min_iter: {least}", entry, False)


def _ignored(case: Case) -> Iterator[Fix]:
    yield case.remove()


STOPPING_FIXES: dict[str, Offer] = {
    "early-terminate-not-mapping": _not_mapping,
    "unknown-early-terminate-key": _unknown_key,
    "not-hyperband": _type,
    "iter-not-whole": _whole,
    "iter-too-small": _whole,
    "s-not-whole": _whole,
    "s-too-small": _whole,
    "eta-not-number": _eta,
    "eta-too-small": _eta,
    "strict-not-bool": _strict,
    "no-iter": _no_iter,
    "no-s": _no_s,
    "no-band": _no_band,
    "never-judged": _lower,
    "late-bands": _lower,
    "min-iter-ignored": _ignored,
    "s-ignored": _ignored,
}
