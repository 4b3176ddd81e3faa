"""How many runs a sweep will have, in words: the line at the top of the builder. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trainer.counts import long_count
from trainer.counts import short_count as short_count
from trainer.errors import SweepConfigError
from trainer.records import Json
from trainer.sweep.rule_compiler import Compiled
from trainer.sweep.space import SearchSpace, run_count

_MAX_FACTORS = 6


@dataclass(frozen=True, slots=True)
class CountText:
    """The number of runs, and how it comes about."""

    headline: str
    """`9 runs`, `endless`, or `?` when it cannot be counted yet."""
    detail: str
    is_countable: bool = True


def count_text_of(config: Mapping[str, Json], compiled: Compiled | None = None) -> CountText:
    """Return what the builder says about the number of runs; never fails, and never lists a configuration.

    Args:
        config: The configuration.
        compiled: How rules made its parameters; None for a sweep without.
    """
    try:
        space = SearchSpace.from_config(config)
        runs = run_count(config)
    except SweepConfigError as error:
        return CountText("? runs", error.message, is_countable=False)
    method = str(config.get("method", ""))
    varied = [parameter for parameter in space.parameters if parameter.distribution != "constant"]
    if method == "grid" and space.unique_count is None and varied:
        endless = [parameter.name for parameter in varied if parameter.grid is None]
        return CountText("? runs", f"a grid cannot run through {', '.join(endless[:3])}", is_countable=False)
    parts = [_space_words(space, method)]
    unique, raw = space.unique_count, space.raw_count
    if compiled is not None and compiled.ruling:
        parts.append(_rule_words(compiled, unique if method == "grid" else None))
    if raw is not None and unique is not None and raw != unique:
        parts.append(f"{short_count(raw)} written, {short_count(unique)} distinct")
    cap = config.get("run_cap")
    if isinstance(cap, int) and not isinstance(cap, bool) and cap > 0:
        of_all = f" of {short_count(unique)}" if unique is not None and unique > cap else ""
        parts.append(f"run cap {short_count(cap)}{of_all}")
    if runs is None:
        return CountText("endless", "  ·  ".join([*parts, "set a run cap to give it an end"]))
    noun = "run" if runs == 1 else "runs"
    return CountText(f"{long_count(runs)} {noun}", "  ·  ".join(part for part in parts if part))


def _rule_words(compiled: Compiled, unique: int | None) -> str:
    """Return how many combinations rules leave: of the grid, or else of the parameters that they tie."""
    left, before = compiled.left, compiled.before
    if unique is not None:
        # Each combination that is left goes with the same number of the rest.
        left, before = unique, unique // left * before
    rules = len(compiled.ruling)
    return f"{short_count(left)} of {short_count(before)} by {rules} rule{'' if rules == 1 else 's'}"


def _space_words(space: SearchSpace, method: str) -> str:
    varied = [parameter for parameter in space.parameters if parameter.distribution != "constant"]
    if not varied:
        return "nothing varies"
    if method != "grid":
        return f"{method or 'search'} over {len(varied)} parameter{'' if len(varied) == 1 else 's'}"
    factors = [short_count(parameter.grid.count) for parameter in varied if parameter.grid is not None]
    shown = factors[:_MAX_FACTORS] + (["…"] if len(factors) > _MAX_FACTORS else [])
    return f"{' × '.join(shown)} grid"
