from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trainer.search.distributions import quantile, share_below
from trainer.sweep.distributions import DISTRIBUTIONS
from trainer.sweep.parameters import Parameter, parameter_from_config

BOUNDS = {"min": 0.5, "max": 20.0}
EXPONENTS = {"min": math.log(0.5), "max": math.log(20)}
KEYS: dict[str, dict[str, Any]] = {
    "constant": {"value": None},
    "categorical": {"values": ["a", None, {"x": [1]}]},
    "categorical_w_probabilities": {"values": ["a", "b", "c"], "probabilities": [0.2, 0.0, 0.8]},
    "int_uniform": {"min": -3, "max": 3},
    "uniform": BOUNDS,
    "q_uniform": {**BOUNDS, "q": 0.3},
    "log_uniform_values": BOUNDS,
    "q_log_uniform_values": {**BOUNDS, "q": 2},
    "inv_log_uniform_values": BOUNDS,
    "log_uniform": EXPONENTS,
    "q_log_uniform": {**EXPONENTS, "q": 0.5},
    "inv_log_uniform": {"min": -math.log(20), "max": -math.log(0.5)},
    "normal": {"mu": 3, "sigma": 2},
    "q_normal": {"mu": 3, "sigma": 2, "q": 1},
    "log_normal": {"mu": 0.5, "sigma": 0.7},
    "q_log_normal": {"mu": 0.5, "sigma": 0.7, "q": 0.25},
    "beta": {"a": 2, "b": 5},
    "q_beta": {"a": 2, "b": 5, "q": 0.1},
}
REFERENCES: dict[str, Any] = {
    "uniform": stats.uniform(0.5, 19.5),
    "log_uniform_values": stats.loguniform(0.5, 20),
    "inv_log_uniform_values": stats.loguniform(0.5, 20),
    "log_uniform": stats.loguniform(0.5, 20),
    "inv_log_uniform": stats.loguniform(0.5, 20),
    "normal": stats.norm(3, 2),
    "log_normal": stats.lognorm(s=0.7, scale=math.exp(0.5)),
    "beta": stats.beta(2, 5),
}
shares = st.floats(0, 1)


def parameter(name: str) -> Parameter:
    return parameter_from_config(("p",), {"distribution": name, **KEYS[name]})


def test_every_distribution_is_covered() -> None:
    assert set(KEYS) == set(DISTRIBUTIONS)


@pytest.mark.parametrize("name", REFERENCES)
def test_quantiles_are_scipys(name: str) -> None:
    for u in np.linspace(0.001, 0.999, 101):
        assert quantile(parameter(name), float(u)) == pytest.approx(REFERENCES[name].ppf(u), rel=1e-9)


@pytest.mark.parametrize("name", KEYS)
@given(u=shares)
def test_quantiles_are_finite_and_within_bounds(name: str, u: float) -> None:
    value, keys = quantile(parameter(name), u), KEYS[name]
    if name.startswith(("categorical", "constant")):
        assert value in keys.get("values", [keys.get("value")]) and value != "b"
        return
    assert isinstance(value, int | float) and math.isfinite(value)
    low, high = (0.0, 1.0) if "beta" in name else (-math.inf, math.inf)
    if "min" in keys:
        low, high = (keys["min"], keys["max"]) if name == "int_uniform" else (0.5, 20.0)
    assert low - 1e-12 <= value <= high + 1e-9


@pytest.mark.parametrize("name", [name for name in KEYS if name.startswith("q_")])
@given(u=shares)
def test_quantised_values_are_multiples_and_ints_where_q_is(name: str, u: float) -> None:
    value, q = quantile(parameter(name), u), KEYS[name]["q"]
    assert isinstance(value, int | float)
    assert isinstance(value, int) == isinstance(q, int)
    assert value / q == pytest.approx(round(value / q), abs=1e-9)


@pytest.mark.parametrize("name", [name for name in KEYS if not name.startswith(("categorical", "constant", "q_"))])
@given(u=st.floats(0.001, 0.999))
def test_the_share_below_a_quantile_is_its_share(name: str, u: float) -> None:
    share = share_below(parameter(name), quantile(parameter(name), u))
    assert share == pytest.approx(u, abs=1 / 7 if name == "int_uniform" else 1e-6)


@pytest.mark.parametrize("name", [name for name in KEYS if not name.startswith(("categorical", "constant"))])
@pytest.mark.parametrize("value", [None, "1", True, math.nan, math.inf, [1], {"a": 1}])
def test_values_that_are_no_numbers_have_no_share(name: str, value: Any) -> None:
    assert share_below(parameter(name), value) is None


def test_values_outside_have_no_share() -> None:
    assert share_below(parameter("uniform"), 21) is None
    assert share_below(parameter("beta"), 1.5) is None
    assert share_below(parameter("log_normal"), -1) is None
    assert share_below(parameter("int_uniform"), 0.5) is None


def test_steps_stay_inside_where_wandb_leaves_the_range() -> None:
    q_uniform = parameter_from_config(("p",), {"distribution": "q_uniform", "min": 0.05, "max": 1, "q": 0.1})
    assert quantile(q_uniform, 0.0) == pytest.approx(0.1)
    q_log = parameter_from_config(("p",), {"distribution": "q_log_uniform_values", "min": 1, "max": 9, "q": 4})
    assert {quantile(q_log, u / 50) for u in range(51)} == {4, 8}


def test_extreme_parameters_stay_finite() -> None:
    extremes: list[dict[str, Any]] = [
        {"distribution": "log_normal", "mu": 900, "sigma": 50},
        {"distribution": "normal", "sigma": 0, "mu": 4},
    ]
    for keys in extremes:
        for u in (0.0, 0.5, 1.0):
            value = quantile(parameter_from_config(("p",), keys), u)
            assert isinstance(value, float) and math.isfinite(value)


def test_probabilities_decide_how_often_a_value_comes() -> None:
    drawn = [quantile(parameter("categorical_w_probabilities"), (i + 0.5) / 1000) for i in range(1000)]
    assert (drawn.count("a"), drawn.count("c")) == (200, 800)
