"""How many runs a sweep will have, in words: the line at the top of the builder. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from trainer.counts import long_count
from trainer.counts import short_count as short_count
from trainer.errors import SweepConfigError
from trainer.records import Json
from trainer.sweep.advice import FEW_POINTS, MANY_RUNS
from trainer.sweep.rule_compiler import Compiled
from trainer.sweep.space import SearchSpace, run_cap_of, run_count

_MAX_FACTORS = 6
_DOT = "  ·  "


@dataclass(frozen=True, slots=True)
class CountText:
    """The number of runs, and how it comes about."""

    headline: str
    """`9 runs`, `endless`, or `?` when it cannot be counted yet."""
    detail: str
    is_countable: bool = True
    runs: int | None = None
    """Runs there will be; None where nothing ends the sweep, or it cannot be counted."""
    warning: str = ""
    """What is odd about the number, with the way out; empty if nothing is."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that stands beside the number of runs."""

    text: str
    style: str
    rank: int
    """What has no room goes first: the parts with the highest rank."""


def one_line(count: CountText, extra: Sequence[Part], room: int) -> list[tuple[str, str]]:
    """Return what stands beside the number on one line, with its styles: as many whole parts as there is room for.

    Args:
        count: How the number comes about.
        extra: What else there is to say.
        room: Cells beside the number; none while that is not known, and then everything is returned.
    """
    muted = "$foreground-muted"
    how = [Part(text, muted, 1 if count.runs is None else 3) for text in count.detail.split(_DOT) if text]
    if count.runs is None and how:
        # To give it an end comes before how it comes about.
        how = [*(Part(each.text, muted, 3) for each in how[:-1]), how[-1]]
    parts = [*how, *extra]
    left = room
    shown: list[Part] = []
    for part in sorted(parts, key=lambda each: each.rank):
        needed = cell_len(part.text) + (len(_DOT) if shown else 3)
        if needed <= left or room <= 0:
            shown.append(part)
            left -= needed
    # Where not even the first has room, it is cut.
    shown = shown or sorted(parts, key=lambda each: each.rank)[:1]
    styled = [(part.text, part.style) for part in parts if part in shown]
    dots = [("   ", ""), *((_DOT, muted) for _ in styled[1:])]
    return [piece for pair in zip(dots, styled, strict=False) for piece in pair]


def count_text_of(config: Mapping[str, Json], compiled: Compiled | None = None, *, prior_points: int = 0) -> CountText:
    """Return what the builder says about the number of runs; never fails, and never lists a configuration.

    Args:
        config: The configuration.
        compiled: How rules made its parameters; None for a sweep without.
        prior_points: Points of its space that runs it starts from have done already.
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
    if prior_points and unique is not None:
        done = min(prior_points, unique)
        parts.append(f"minus {short_count(done)} already run")
        runs = unique - done if runs is None else min(runs, unique - done)
    cap = run_cap_of(config)
    if cap is not None:
        of_all = f" of {short_count(unique)}" if unique is not None and unique > cap else ""
        parts.append(f"run cap {short_count(cap)}{of_all}")
    warning = _warning(config, method, unique, cap)
    if runs is None:
        detail = _DOT.join([*parts, "set a run cap to give it an end"])
        return CountText("endless", detail, warning=warning)
    noun = "run" if runs == 1 else "runs"
    detail = _DOT.join(part for part in parts if part)
    return CountText(f"{long_count(runs)} {noun}", detail, runs=runs, warning=warning)


def _warning(config: Mapping[str, Json], method: str, unique: int | None, cap: int | None) -> str:
    """Return what `advice` says of the number of runs, in the few words that stand beside it."""
    if unique is None or config.get("scheduler"):
        return ""
    if cap is not None and cap > unique:
        return f"there are only {short_count(unique)}: the run cap has no effect"
    if method == "grid" and min(unique, cap or unique) >= MANY_RUNS:
        return "a very large grid: random or bayes with a run cap finds good ones sooner"
    if method == "bayes" and unique <= FEW_POINTS:
        return f"bayes on {unique} point{'' if unique == 1 else 's'}: a grid runs them all"
    if method == "random" and cap is None and unique > 1:
        return f"random without a run cap runs all {short_count(unique)}"
    return ""


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
