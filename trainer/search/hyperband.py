"""Hyperband as W&B documents it: the bands at which runs are compared, and which runs to stop. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainer.errors import SweepConfigError
from trainer.records import Json
from trainer.sweep.config import metric_of
from trainer.sweep.early_terminate_rules import (
    DEFAULT_ETA,
    bands_from_max_iter,
    bands_from_min_iter,
    check_early_terminate,
)
from trainer.sweep.findings import Findings


@dataclass(frozen=True, slots=True)
class RunCurve:
    """The logged values of the sweep's metric of one run, oldest first, unsampled."""

    run_id: str
    values: Sequence[float]
    is_running: bool
    """Whether it can still be stopped; runs that ended only set the thresholds."""


@dataclass(frozen=True, slots=True)
class StopDecision:
    """Why a run is to be stopped."""

    run_id: str
    band: int
    """The last band it reached."""
    threshold: float
    """What it had to reach there."""
    value: float
    """What it had: there, or (not strict) at best so far."""
    eta: float
    """About the best 1/eta go on."""
    is_maximized: bool
    is_strict: bool = True

    @property
    def reason(self) -> str:
        """Return the decision as one sentence: `at band 9 (9 values logged): 0.71, below the best third (0.78)`."""
        logged = f"{self.band} value{'' if self.band == 1 else 's'} logged"
        value = f"{self.value:g}" if self.is_strict else f"{self.value:g} at best"
        side = "below" if self.is_maximized else "above"
        share = _SHARES.get(self.eta, f"1/{self.eta:g}")
        return f"at band {self.band} ({logged}): {value}, {side} the best {share} ({self.threshold:g})"


_SHARES: Mapping[float, str] = {2: "half", 3: "third", 4: "quarter", 5: "fifth", 10: "tenth"}


@dataclass(frozen=True, slots=True)
class HyperbandRule:
    """The `early_terminate` of a sweep, read."""

    bands: list[int]
    eta: float
    is_strict: bool
    sign: float
    """-1 where the metric is maximised, so that less is better below."""

    def threshold(self, at_band: Sequence[float]) -> float:
        """Return what lets a run pass a band, of the sorted values that the runs had there, less being better."""
        # As upstream computes it: (1 / eta) * n, whose rounding decides for eta 3 and multiples of 3.
        return at_band[int((1.0 / self.eta) * len(at_band))]


def bands(config: Mapping[str, Json]) -> list[int]:
    """Return the bands of a sweep's `early_terminate`, increasing; empty when it has none.

    A band counts logged values of the metric, not steps. `min_iter: 3` gives 3, 9, 27, …; `max_iter: 27` with `s: 2`
    gives 3 and 9.

    Raises:
        SweepConfigError: If `early_terminate` breaks W&B's rules, or the sweep names no metric.
    """
    rule = hyperband_rule(config)
    return [] if rule is None else rule.bands


def runs_to_stop(config: Mapping[str, Json], curves: Sequence[RunCurve]) -> list[StopDecision]:
    """Return the running runs that are worse than hyperband lets pass.

    The threshold of a band is the value at place `int(len / eta)` of the sorted values that all runs had there: band 3
    is the third value. At the last band it has reached a run must not be worse than that (or, not strict, its best so
    far must not be). Values that are no finite numbers are dropped, so later ones move up.

    Args:
        config: The sweep configuration; without `early_terminate` nothing is stopped.
        curves: All runs of the sweep, those that ended too.

    Raises:
        SweepConfigError: If `early_terminate` breaks W&B's rules, or the sweep names no metric.

    Source: Li et al., "Hyperband", https://arxiv.org/abs/1603.06560; W&B's variant in wandb/sweeps 0.3.0,
        hyperband_stopping.py, and its pull request 108 for `strict`.
    """
    rule = hyperband_rule(config)
    if rule is None:
        return []
    histories = {curve.run_id: [rule.sign * value for value in curve.values if _is_finite(value)] for curve in curves}
    thresholds = _thresholds(rule, [history for history in histories.values() if history])
    decisions: list[StopDecision] = []
    for curve in curves:
        history = histories[curve.run_id]
        reached = [band for band in rule.bands if band <= len(history)]
        if not curve.is_running or not reached:
            continue
        band = reached[-1]
        value = history[band - 1] if rule.is_strict else min(history)
        if value > thresholds[band]:
            decisions.append(
                StopDecision(
                    curve.run_id, band, rule.sign * thresholds[band], rule.sign * value, rule.eta,
                    is_maximized=rule.sign < 0, is_strict=rule.is_strict,
                )
            )  # fmt: skip
    return decisions


def why_stopped(config: Mapping[str, Json], curves: Sequence[RunCurve], run_id: str) -> StopDecision | None:
    """Return why the rule stops a run that has ended, by what all runs have logged until now; None where it does not.

    For servers that do not tell: other runs may have reached the band since, and then the threshold was another.
    """
    told = [RunCurve(curve.run_id, curve.values, curve.run_id == run_id) for curve in curves]
    return next(iter(runs_to_stop(config, told)), None)


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _thresholds(rule: HyperbandRule, histories: Sequence[Sequence[float]]) -> dict[int, float]:
    """Return the threshold of each band that some run has reached."""
    thresholds: dict[int, float] = {}
    for band in rule.bands:
        at_band = sorted(history[band - 1] for history in histories if len(history) >= band)
        if not at_band:
            break
        thresholds[band] = rule.threshold(at_band)
    return thresholds


def hyperband_rule(config: Mapping[str, Json]) -> HyperbandRule | None:
    """Return the rule of a sweep's `early_terminate`; None when it has none.

    Raises:
        SweepConfigError: If it breaks W&B's rules, or the sweep names no metric.
    """
    entry = config.get("early_terminate")
    if entry is None:
        return None
    findings = Findings()
    check_early_terminate(config, findings)
    metric = metric_of(config)
    if findings.found or metric is None or not isinstance(entry, Mapping):
        problem = findings.found[0] if findings.found else None
        raise SweepConfigError(
            problem.message if problem else "`early_terminate` needs a `metric` with a `name`.",
            hint=problem.hint if problem else "",
        )
    eta = _number(entry.get("eta", DEFAULT_ETA))
    if "max_iter" in entry:
        made = bands_from_max_iter(_number(entry["max_iter"]), int(_number(entry["s"])), eta)
    else:
        made = bands_from_min_iter(_number(entry["min_iter"]), eta)
    sign = -1.0 if metric.goal == "maximize" else 1.0
    return HyperbandRule(made, eta, entry.get("strict", True) is True, sign)


def _number(value: Json) -> float:
    if not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number")
    return value
