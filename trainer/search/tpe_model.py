"""Optuna's TPE over axes without names of ours: the only module that imports Optuna. Knows nothing of sweeps."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import optuna
from optuna.distributions import BaseDistribution as Axis
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import create_trial

__all__ = ["Axis", "TPEModel", "categories", "share", "steps"]


def categories(count: int) -> Axis:
    """Return an axis of `count` values that have no order."""
    return CategoricalDistribution(range(count))


def steps(count: int) -> Axis:
    """Return an axis of `count` evenly spaced values, numbered from 0."""
    return IntDistribution(0, count - 1)


def share() -> Axis:
    """Return an axis of shares from 0 to 1."""
    return FloatDistribution(0.0, 1.0)


class TPEModel:
    """TPE over the runs so far. Its suggestions differ from one another, but are told no values."""

    def __init__(
        self,
        axes: Mapping[str, Axis],
        outcomes: Sequence[tuple[Mapping[str, float], float]],
        *,
        seed: int,
        is_maximized: bool,
        startup_runs: int,
    ) -> None:
        self._axes = dict(axes)
        # Optuna narrates every study and trial on stderr, which is the user's.
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            # `multivariate` is marked experimental before Optuna 5.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            # Optuna's own constant liar knows only trials that it suggested itself; `BayesSearch` lies instead.
            sampler = optuna.samplers.TPESampler(
                multivariate=True, constant_liar=False, n_startup_trials=startup_runs, seed=seed
            )
        self._study = optuna.create_study(sampler=sampler, direction="maximize" if is_maximized else "minimize")
        self._study.add_trials(
            [create_trial(params=dict(place), distributions=self._axes, value=value) for place, value in outcomes]
        )

    def ask(self) -> dict[str, float]:
        """Return where to look next."""
        return dict(self._study.ask(self._axes).params)
