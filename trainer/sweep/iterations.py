"""How often a run logs its metric, as far as a sweep's parameters tell: by the names that programs use for it.

A guess, and said to be one: hyperband counts logged values, and only the program knows how many it logs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trainer.records import Json
from trainer.sweep.early_terminate_rules import DEFAULT_ETA, bands_from_max_iter, bands_from_min_iter
from trainer.sweep.findings import Findings, is_number

_LENGTH = re.compile(
    r"(n|num|max|total|train|training|num_train)?_?(epochs?|iters?|iterations?|steps?|rounds?|boost_rounds?)"
)
_INTERVAL = re.compile(
    r"((log|logging|eval|evaluation|val|validation|validate|report|print)_?(every|interval|freq|frequency|steps|period)"
    r"|check_val_every_n_epoch)(_n)?(_epochs?|_steps?|_iters?)?"
)
_PATH = "early_terminate"


@dataclass(frozen=True, slots=True)
class RunLength:
    """How many values a run logs at most."""

    values: int
    source: str
    """The parameters that say so: `epochs`, or `max_steps / log_every`."""


def run_length(config: Mapping[str, Json]) -> RunLength | None:
    """Return how many values of its metric a run logs at most, or None where no parameter tells."""
    lengths: list[tuple[str, float]] = []
    intervals: list[tuple[str, float]] = []
    for name, entry in _leaves(config.get("parameters")):
        plain = re.split(r"[./]", name)[-1].lower().replace("-", "_")
        value = _largest(entry)
        if value is None or value < 1:
            continue
        if _INTERVAL.fullmatch(plain):
            intervals.append((name, _smallest(entry) or value))
        elif _LENGTH.fullmatch(plain):
            lengths.append((name, value))
    # Of several (epochs, warm-up steps, …) nobody knows which one counts.
    if len(lengths) != 1 or len(intervals) > 1:
        return None
    name, length = lengths[0]
    if not intervals or intervals[0][1] <= 1:
        return RunLength(int(length), name)
    return RunLength(int(length // intervals[0][1]), f"{name} / {intervals[0][0]}")


def bands_of(entry: Mapping[str, Json]) -> list[int]:
    """Return the bands of an `early_terminate`, increasing; empty where it breaks the rules."""
    max_iter, min_iter, s = (entry.get(key) for key in ("max_iter", "min_iter", "s"))
    eta = entry.get("eta", DEFAULT_ETA)
    if not is_number(eta) or eta <= 1:
        return []
    if "max_iter" in entry:
        is_fine = is_number(max_iter) and isinstance(s, int) and not isinstance(s, bool)
        return bands_from_max_iter(max_iter, s, eta) if is_fine else []  # type: ignore[arg-type]
    return bands_from_min_iter(min_iter, eta) if is_number(min_iter) and min_iter >= 1 else []


def advise_on_bands(config: Mapping[str, Json], findings: Findings) -> None:
    """Add what is odd about the bands, given how many values a run seems to log."""
    entry, length = config.get(_PATH), run_length(config)
    if not isinstance(entry, Mapping) or length is None:
        return
    bands = bands_of(entry)
    if not bands:
        return
    key = "max_iter" if "max_iter" in entry else "min_iter"
    says = f"`{length.source}` says that runs log {length.values:,}"
    if bands[0] > length.values:
        findings.add(
            f"{_PATH}.{key}",
            f"No run is ever judged: the first look is after {bands[0]:,} logged values, and {says}.",
            f"Lower `{key}`, or log more often.",
            code="never-judged",
        )
    elif key == "max_iter" and (late := [band for band in bands if band > length.values]):
        findings.add(
            f"{_PATH}.{key}",
            f"The look{'s' if len(late) > 1 else ''} after {', '.join(f'{band:,}' for band in late)} logged values"
            f" never come{'' if len(late) > 1 else 's'}: {says}.",
            f"Set `max_iter` to {length.values}.",
            code="late-bands",
        )


def _leaves(parameters: object) -> Iterator[tuple[str, Mapping[str, Json]]]:
    if not isinstance(parameters, Mapping):
        return
    for name, entry in parameters.items():
        if isinstance(entry, Mapping) and isinstance(entry.get("parameters"), Mapping):
            yield from _leaves(entry["parameters"])
        elif isinstance(entry, Mapping):
            yield str(name), entry


def _numbers(entry: Mapping[str, Json]) -> list[float]:
    if "value" in entry:
        found = [entry["value"]]
    elif isinstance(entry.get("values"), list):
        found = list(entry["values"])  # type: ignore[arg-type]
    else:
        found = [entry.get("min"), entry.get("max")]
    return [number for number in found if is_number(number)]


def _largest(entry: Mapping[str, Json]) -> float | None:
    return max(_numbers(entry), default=None)


def _smallest(entry: Mapping[str, Json]) -> float | None:
    return min(_numbers(entry), default=None)
