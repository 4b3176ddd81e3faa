from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.search.distributions import quantile
from trainer.sweep.parameters import Beta, Bounded, Categorical, Normal, Parameter, parameter_from_config
from tui.histogram import Histogram, beta_cdf, histogram_of
from tui.shorthand import parse_shorthand

BARS = 30
SAMPLES = 5_000
"""As many as a share of a bin can be told from to 4e-4: half a sample at each of its two ends."""


def parameter_of(text: str) -> Parameter:
    return parameter_from_config(("x",), parse_shorthand(text))


def drawn(text: str, bars: int = BARS) -> Histogram:
    histogram = histogram_of(parameter_of(text), bars)
    assert histogram is not None
    return histogram


def sampled_shares(parameter: Parameter) -> list[float]:
    """Return what the samplers really draw: the share of each value, or of each of BARS bins of the axis."""
    values = [quantile(parameter, (index + 0.5) / SAMPLES) for index in range(SAMPLES)]
    if not isinstance(parameter, Bounded | Normal | Beta) or parameter.q is not None:
        numbers = isinstance(parameter, Categorical)
        counts = Counter(map(repr if numbers else float, values))  # type: ignore[arg-type]
        return [counts[key] / SAMPLES for key in (counts if numbers else sorted(counts))]  # type: ignore[type-var]
    is_log = not isinstance(parameter, Beta) and parameter.is_log
    if isinstance(parameter, Normal):
        low, high = parameter.mu - 3 * parameter.sigma, parameter.mu + 3 * parameter.sigma
    elif isinstance(parameter, Bounded):
        low, high = (math.log(end) if is_log else end for end in (parameter.low, parameter.high))
    else:
        low, high = 0.0, 1.0
    bins = [0] * BARS
    for value in values:
        assert isinstance(value, int | float)
        place = ((math.log(value) if is_log else value) - low) / (high - low)
        if 0 <= place <= 1:
            bins[min(int(place * BARS), BARS - 1)] += 1
    return [count / SAMPLES for count in bins]


@pytest.mark.parametrize(
    "text",
    [
        "1, 2, 2, 3",
        "a @ 0.8, b @ 0.15, c @ 0.05",
        "3..10",
        "0.1..1",
        "0.1..1 step 0.1",
        "0..1 step 0.3",
        "1e-5..1e-1 log",
        "1..100 log step 10",
        "inv_log_uniform_values(0.1, 10)",
        "log_uniform(-4, 0)",
        "q_log_uniform(0, 3, 2)",
        "inv_log_uniform(0, 3)",
        "normal(3, 2)",
        "log_normal(0, 0.5)",
        "beta(2, 5)",
        "beta(0.5, 0.5)",
        "beta(1, 30)",
        "beta(40, 60)",
        "q_beta(2, 5, 0.1)",
    ],
)
def test_bars_are_the_shares_that_the_samplers_draw(text: str) -> None:
    shares, sampled = drawn(text).shares, sampled_shares(parameter_of(text))

    rarely_drawn = [0.0] * (len(shares) - len(sampled))
    assert [*shares] == pytest.approx(sampled + rarely_drawn, abs=4e-4)


@pytest.mark.parametrize("text", ["q_normal(0, 2, 1)", "q_log_normal(1, 0.5, 1)"])
def test_bars_of_quantised_bell_curves_are_the_samplers_within_three_sigma(text: str) -> None:
    shares = sorted(drawn(text).shares)
    sampled = sorted(sampled_shares(parameter_of(text)))

    assert shares[-5:] == pytest.approx(sampled[-5:], abs=1e-3)


@settings(deadline=None, max_examples=60)
@given(st.floats(0.05, 500), st.floats(0.05, 500), st.floats(0.001, 0.999))
def test_the_beta_distribution_is_scipys(a: float, b: float, x: float) -> None:
    from scipy import stats

    assert beta_cdf(x, a, b) == pytest.approx(float(stats.beta.cdf(x, a, b)), abs=1e-6)


@pytest.mark.parametrize(("a", "b"), [(1.0, 1e9), (1e9, 1.0), (5e4, 2e5), (1e-3, 1e-3)])
def test_extreme_beta_distributions_cost_little_and_stay_within_bounds(a: float, b: float) -> None:
    shares = [beta_cdf(index / 40, a, b) for index in range(41)]

    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_few_listed_values_are_named_with_their_probabilities() -> None:
    assert drawn("small @ 0.8, large @ 0.2").lines(24, 3) == ["small ████████████ 80 %", "large ███ 20 %"]


def test_many_listed_values_stand_side_by_side_between_the_first_and_the_last() -> None:
    lines = drawn("1, 2, 4, 8, 16, 32").lines(23, 2)

    assert lines == ["                       ", "███ ███ ███ ███ ███ ███", "1                    32"]


def test_steps_are_seen_and_the_ends_of_a_rounded_range_are_half_as_likely() -> None:
    assert drawn("0..4 step 1").lines(14, 1) == ["▄▄ ██ ██ ██ ▄▄", "0     2      4"]


def test_a_logarithmic_axis_is_labelled_by_orders_of_magnitude() -> None:
    histogram = drawn("1e-5..1e-1 log")

    assert (histogram.left, histogram.middle, histogram.right) == ("1e-5", "0.001", "0.1")
    assert histogram.note == "log axis"


@pytest.mark.parametrize(
    "text",
    [
        "5",
        "normal(0, -1)",
        "normal(0, 0)",
        "log_normal(1e6, 1)",
        "normal(0, 1e308)",
        "log_normal(0, 1e300)",
        "q_log_normal(600, 200, 1)",
        "beta(-1, 2)",
        "1..1",
        "0.5..0.5",
        f"1..{'9' * 300}",
        "q_normal(0, 1, 1e-300)",
        "0..1e300 step 1e-5",
        "1e-300..1e300 log",
        "q_beta(1, 1, 5)",
        "a, [1, 2], null",
        "one @ 0, two @ 1",
    ],
)
@pytest.mark.parametrize(("width", "height"), [(40, 4), (9, 1), (3, 0)])
def test_odd_numbers_are_drawn_or_left_out_but_never_fail(text: str, width: int, height: int) -> None:
    histogram = histogram_of(parameter_of(text), width)
    lines = histogram.lines(width, height) if histogram else []

    assert all(len(line) <= width for line in lines)
    assert len(lines) <= height + 1
