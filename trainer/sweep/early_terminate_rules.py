"""The rules of `early_terminate`, and the bands that it makes. Which runs to stop is `trainer.search.hyperband`'s."""

from __future__ import annotations

from collections.abc import Mapping

from trainer.records import Json
from trainer.sweep.findings import Findings, did_you_mean, is_number, is_whole, join, number_hint, show

KEYS = ("type", "min_iter", "max_iter", "s", "eta", "strict")
DEFAULT_ETA = 3
_PATH = "early_terminate"
_MAX_BANDS = 100


def bands_from_max_iter(max_iter: float, s: int, eta: float) -> list[int]:
    """Return the bands at `max_iter / eta`, `max_iter / eta ** 2`, … `s` of them, those below 1 left out.

    A band counts logged values of the sweep's metric, not steps.

    Returns:
        Increasing bands; empty if `max_iter` is less than `eta`.
    """
    bands: list[int] = []
    band = float(max_iter)
    for _ in range(min(s, _MAX_BANDS)):
        band /= eta
        if band < 1:
            break
        bands.append(int(band))
    return sorted(bands)


def bands_from_min_iter(min_iter: float, eta: float) -> list[int]:
    """Return the bands at `min_iter`, `min_iter * eta`, … as many as W&B makes, a hundred, unless they overflow."""
    bands: list[int] = []
    band: float = min_iter
    for _ in range(_MAX_BANDS):
        if not is_number(band):
            break
        bands.append(int(band))
        band *= eta
    return bands


def check_early_terminate(config: Mapping[str, Json], findings: Findings) -> None:
    """Add every problem of `early_terminate`."""
    if _PATH not in config:
        return
    if "metric" not in config:
        findings.add(
            _PATH,
            "`early_terminate` needs a `metric` to compare runs by.",
            "Add `metric:` with its `name`.",
            code="early-terminate-no-metric",
        )
    entry = config[_PATH]
    if not isinstance(entry, Mapping):
        hint = "Write `type: hyperband` and `min_iter: 3` below it."
        findings.add(
            _PATH,
            f"`early_terminate` must be keys and values, not {show(entry)}.",
            hint,
            code="early-terminate-not-mapping",
        )
        return
    for key in entry:
        if key not in KEYS:
            findings.add(
                join(_PATH, key),
                f"`early_terminate` has no key `{key}`.",
                did_you_mean(key, KEYS),
                code="unknown-early-terminate-key",
            )
    kind = entry.get("type")
    if kind != "hyperband":
        where = join(_PATH, "type") if "type" in entry else _PATH
        message = f"There is no type {show(kind)}." if "type" in entry else "`early_terminate` has no `type`."
        findings.add(where, message, "Write `type: hyperband`.", code="not-hyperband")
    if _check_numbers(entry, findings):
        _check_bands(entry, findings)


def _check_numbers(entry: Mapping[str, Json], findings: Findings) -> bool:
    before = len(findings.found)
    for key in ("min_iter", "max_iter"):
        value = entry.get(key, 1)
        if not is_whole(value):
            hint = number_hint(value, whole=True)
            findings.add(
                join(_PATH, key), f"`{key}` must be a whole number, not {show(value)}.", hint, code="iter-not-whole"
            )
        elif value < 1:
            findings.add(
                join(_PATH, key),
                f"`{key}` must be at least 1, not {value!r}.",
                "It counts logged values.",
                code="iter-too-small",
            )
    s, eta, strict = entry.get("s", 1), entry.get("eta", DEFAULT_ETA), entry.get("strict", True)
    # W&B looks at `s` beside `max_iter` only; alone it takes any number.
    if "max_iter" not in entry and is_number(s):
        s = 1
    if type(s) is not int:
        hint = f"Write {int(s)}." if is_whole(s) else "It is how many bands to place."
        findings.add(join(_PATH, "s"), f"`s` must be a whole number, not {show(s)}.", hint, code="s-not-whole")
    elif s < 1:
        findings.add(
            join(_PATH, "s"), f"`s` must be at least 1, not {s}.", "It is how many bands to place.", code="s-too-small"
        )
    if not is_number(eta):
        findings.add(
            join(_PATH, "eta"), f"`eta` must be a number, not {show(eta)}.", number_hint(eta), code="eta-not-number"
        )
    elif eta <= 1:
        findings.add(
            join(_PATH, "eta"),
            f"`eta` must be above 1, not {eta!r}.",
            "Each band keeps the best 1/eta.",
            code="eta-too-small",
        )
    if not isinstance(strict, bool):
        findings.add(
            join(_PATH, "strict"),
            f"`strict` must be true or false, not {show(strict)}.",
            "Mend it.",
            code="strict-not-bool",
        )
    return len(findings.found) == before


def _check_bands(entry: Mapping[str, Json], findings: Findings) -> None:
    max_iter, s, eta = entry.get("max_iter"), entry.get("s"), entry.get("eta", DEFAULT_ETA)
    if "max_iter" not in entry and "min_iter" not in entry:
        findings.add(_PATH, "Hyperband needs `min_iter`, or `max_iter` and `s`.", "Add `min_iter: 3`.", code="no-iter")
        return
    if max_iter is None:
        return
    if s is None:
        findings.add(
            _PATH, "`max_iter` needs `s`: how many bands to place.", "Add `s: 2`, or use `min_iter` alone.", code="no-s"
        )
    elif is_number(max_iter) and isinstance(s, int) and is_number(eta) and not bands_from_max_iter(max_iter, s, eta):
        findings.add(
            join(_PATH, "max_iter"),
            f"No band is left: `max_iter` ({max_iter!r}) divided by `eta` ({eta!r}) is below 1.",
            "Raise `max_iter`, lower `eta`, or use `min_iter`.",
            code="no-band",
        )
