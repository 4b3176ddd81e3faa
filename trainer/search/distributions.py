"""Every W&B distribution as a quantile function on (0, 1), with its inverse: what random and bayes search sample by.

Normal and beta come from scipy.stats, imported when a sweep has one: it costs half a second and 60 MB, and uniform
quantiles are one line. Where this differs from W&B's engine 0.3.0: values in steps of q stay within min and max (there,
q_uniform from 0.05 by 0.1 gives 0), a sigma of 0 gives mu (there, NaN), and q_beta stays within 0 and 1.
"""

from __future__ import annotations

import bisect
import math
from typing import Any

from trainer.records import Json
from trainer.sweep.findings import is_number
from trainer.sweep.parameters import Beta, Bounded, Categorical, Constant, IntUniform, Normal, Parameter

_EDGE = 1e-12
"""Quantiles of normal and beta are asked this far from 0 and 1, where they are infinite."""


def quantile(parameter: Parameter, u: float) -> Json:
    """Return the value below which a share `u` of the distribution lies.

    Args:
        parameter: Any parameter.
        u: From 0 to 1; both ends are allowed, and give finite values.
    """
    if isinstance(parameter, Constant):
        return parameter.value
    if isinstance(parameter, Categorical):
        bounds = parameter.shares_up_to
        return parameter.choices.value(min(bisect.bisect_right(bounds, u), len(bounds) - 1))
    if isinstance(parameter, IntUniform):
        count = parameter.high - parameter.low + 1
        return parameter.low + min(int(u * count), count - 1)
    if isinstance(parameter, Bounded):
        return _bounded_quantile(parameter, u)
    if isinstance(parameter, Normal):
        return _normal_quantile(parameter, u)
    if isinstance(parameter, Beta):
        value = float(_stats().beta.ppf(min(max(u, _EDGE), 1 - _EDGE), parameter.a, parameter.b))
        multiples = parameter.multiples
        return value if multiples is None else multiples.value(multiples.nearest_index(value))
    raise TypeError(f"{type(parameter).__name__} has no quantile function")


def share_below(parameter: Parameter, value: Json) -> float | None:
    """Return the `u` whose quantile is `value`, or None when the parameter cannot take that value.

    For values in steps it is the middle of the values that round to it.
    """
    if not is_number(value):
        return None
    if isinstance(parameter, IntUniform):
        index = parameter.choices.index_of(value)
        return None if index is None else (index + 0.5) / parameter.choices.count
    if isinstance(parameter, Bounded):
        if not parameter.low <= value <= parameter.high:
            return None
        low, high, value = _scaled(parameter, parameter.low, parameter.high, value)
        return (value - low) / (high - low) if high > low else 0.5
    if isinstance(parameter, Normal):
        return _normal_share(parameter, value)
    if isinstance(parameter, Beta):
        return float(_stats().beta.cdf(value, parameter.a, parameter.b)) if 0 <= value <= 1 else None
    return None


def _scaled(parameter: Bounded, *values: float) -> list[float]:
    return [math.log(value) for value in values] if parameter.is_log else list(values)


def _bounded_quantile(parameter: Bounded, u: float) -> Json:
    low, high = _scaled(parameter, parameter.low, parameter.high)
    value = low + u * (high - low)
    value = min(max(math.exp(value) if parameter.is_log else value, parameter.low), parameter.high)
    multiples = parameter.multiples
    return float(value) if multiples is None else multiples.value(multiples.nearest_index(value))


def _normal_quantile(parameter: Normal, u: float) -> Json:
    u = min(max(u, _EDGE), 1 - _EDGE)
    value = float(_stats().norm.ppf(u, parameter.mu, parameter.sigma)) if parameter.sigma else float(parameter.mu)
    if parameter.is_log:
        value = math.exp(min(value, 709.0))
    if parameter.q is None:
        return value
    stepped = round(value / parameter.q) * parameter.q
    return stepped if math.isfinite(stepped) else value


def _normal_share(parameter: Normal, value: float) -> float | None:
    if parameter.is_log:
        if value < 0:
            return None
        # In steps of q, small values round to 0.
        value = math.log(value) if value > 0 else -math.inf
    if not parameter.sigma:
        return 0.5
    return float(_stats().norm.cdf(value, parameter.mu, parameter.sigma))


def _stats() -> Any:
    from scipy import stats

    return stats
