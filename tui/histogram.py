"""What a parameter's distribution yields, as a small histogram of block characters. Pure, and cheap at every key.

Shares come from cumulative distribution functions in closed form; scipy, which the samplers use, takes half a second
to import. Distributions of a logarithm stand on a logarithmic axis; values in steps get a bar each where there is room.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

from trainer.records import Json
from trainer.sweep.choices import Choices
from trainer.sweep.parameters import Beta, Bounded, Categorical, IntUniform, Normal, Parameter

BLOCKS = " ▁▂▃▄▅▆▇█"
_SIGMAS = 3.0
"""How far a bell curve is drawn to each side; 0.3 % of its values lie beyond."""
_LARGEST_EXPONENT = 700.0
_MAX_TERMS = 500
_FLAT_HEIGHT = 0.5
_LEAST_AXIS = 16
"""Cells an axis gets at least, so that its labels fit, however narrow the bars above it are."""
_STANDARD = NormalDist()


@dataclass(frozen=True, slots=True)
class Histogram:
    """Shares of a distribution from left to right, and what stands under them."""

    shares: tuple[float, ...]
    """One per bar."""
    left: str
    middle: str
    right: str
    """Labels of the axis: its ends, and what lies half-way between them (empty for a list)."""
    note: str = ""
    """What the axis does not show by itself: `log axis`, `steps of 0.1`."""
    named: tuple[str, ...] = ()
    """A name for each bar, for listed values; empty for an axis of numbers."""

    def lines(self, width: int, height: int) -> list[str]:
        """Return the bars, `height` lines of them, and the labels under them as one more line.

        A list of values that fits is drawn as one horizontal bar per value, with its probability, in `height` + 1
        lines at most.
        """
        if width < 8 or height < 1 or not self.shares:
            return []
        if self.named and len(self.named) <= height + 1:
            return self._named_lines(width)
        heights = _spread(self.shares, width)
        return [*_columns(heights, height), self._axis_line(max(len(heights), min(width, _LEAST_AXIS)))]

    def words(self) -> list[str]:
        """Return the same in words: the ends, and how much of it lies in each fifth from left to right."""
        if self.named:
            return [f"{name}: {_percent(share)}" for name, share in zip(self.named, self.shares, strict=True)]
        ends = f"from {self.left} to {self.right}" + (f", {self.middle} in the middle" if self.middle else "")
        fifths, count = [0.0] * 5, len(self.shares)
        for place, share in enumerate(self.shares):
            fifths[min(place * 5 // count, 4)] += share
        if count < 5 or not sum(fifths):
            return [ends]
        return [ends, "in fifths: " + ", ".join(_percent(share / sum(fifths)) for share in fifths)]

    def _named_lines(self, width: int) -> list[str]:
        label = min(max(len(name) for name in self.named), width // 2)
        room = max(width - label - 7, 1)
        most = max(self.shares)
        lines = []
        for name, share in zip(self.named, self.shares, strict=True):
            bar = _row(share / most * room if most else 0.0)
            lines.append(f"{_cut(name, label).ljust(label)} {bar} {_percent(share)}"[:width])
        return lines

    def _axis_line(self, width: int) -> str:
        left, middle, right = _cut(self.left, width // 2 - 1), self.middle, _cut(self.right, width // 2 - 1)
        gap = width - len(left) - len(right)
        if middle and len(middle) + 4 <= gap:
            start = max((width - len(middle)) // 2, len(left) + 2)
            start = min(start, width - len(right) - len(middle) - 2)
            return f"{left}{middle.rjust(start + len(middle) - len(left))}".ljust(width - len(right)) + right
        return f"{left}{' ' * gap}{right}"


def histogram_of(parameter: Parameter, bars: int) -> Histogram | None:
    """Return the histogram of a parameter, or None where there is nothing to draw: a constant, or odd numbers.

    Args:
        parameter: Any parameter, also one that `validation` refuses.
        bars: How many bars there is room for.
    """
    try:
        if isinstance(parameter, Categorical):
            return _of_listed(parameter, bars)
        if isinstance(parameter, IntUniform):
            return _of_integers(parameter, bars)
        if isinstance(parameter, Bounded):
            return _of_bounded(parameter, bars)
        if isinstance(parameter, Normal):
            return _of_normal(parameter, bars)
        if isinstance(parameter, Beta):
            return _of_beta(parameter, bars)
    except (ArithmeticError, ValueError):
        # Numbers at the edge of what a float holds; validation names those that cannot be.
        return None
    return None


def _of_listed(parameter: Categorical, bars: int) -> Histogram:
    weights, choices = parameter.weights, parameter.choices
    count = len(weights)
    if count <= bars:
        names = tuple(_text(choices.value(index)) for index in range(count))
        return Histogram(weights, names[0], "", names[-1], named=names)
    edges = [index * count // bars for index in range(bars + 1)]
    # The mean, since the number of values that share a bar differs by one.
    shares = tuple(
        math.fsum(weights[low:high]) / (high - low) * count / bars for low, high in zip(edges, edges[1:], strict=False)
    )
    return Histogram(shares, _text(choices.value(0)), f"{count:,} values", _text(choices.value(count - 1)))


def _of_integers(parameter: IntUniform, bars: int) -> Histogram:
    low, high = parameter.low, parameter.high
    count = high - low + 1
    shown = count if count <= bars else bars
    note = "whole numbers"
    middle = _text((low + high) // 2) if count > bars or (count > 2 and count % 2) else ""
    return Histogram((1 / shown,) * shown, _text(low), middle, _text(high), note)


def _of_bounded(parameter: Bounded, bars: int) -> Histogram | None:
    low, high = parameter.low, parameter.high
    if parameter.is_log:
        start, end = math.log(low), math.log(high)
        cdf = _uniform(start, end)
        if parameter.q is None:
            return _on_log_axis(cdf, start, end, bars)
    else:
        start, end = float(low), float(high)
        cdf = _uniform(start, end)
        if parameter.q is None:
            return _on_axis(cdf, start, end, bars)
    assert parameter.q is not None and parameter.multiples is not None
    return _in_steps(cdf, parameter.q, parameter.multiples, bars, (start, end), is_log=parameter.is_log)


def _of_normal(parameter: Normal, bars: int) -> Histogram | None:
    if parameter.sigma <= 0:
        return None
    bell = NormalDist(parameter.mu, parameter.sigma)
    start, end = parameter.mu - _SIGMAS * parameter.sigma, parameter.mu + _SIGMAS * parameter.sigma
    if parameter.q is None:
        return (_on_log_axis if parameter.is_log else _on_axis)(bell.cdf, start, end, bars)
    q = parameter.q
    if parameter.is_log and not -_LARGEST_EXPONENT < start < end < _LARGEST_EXPONENT:
        return None
    low, high = (math.exp(start), math.exp(end)) if parameter.is_log else (start, end)
    steps = _Multiples(round(low / q), round(high / q), q)
    return _in_steps(bell.cdf, q, steps, bars, (start, end), is_log=parameter.is_log, is_bounded=False)


def _of_beta(parameter: Beta, bars: int) -> Histogram | None:
    a, b = parameter.a, parameter.b
    if a <= 0 or b <= 0:
        return None

    def cdf(x: float) -> float:
        return beta_cdf(x, a, b)

    if parameter.q is None or parameter.multiples is None:
        return _on_axis(cdf, 0.0, 1.0, bars)
    return _in_steps(cdf, parameter.q, parameter.multiples, bars, (0.0, 1.0), is_log=False)


def _on_axis(cdf: Callable[[float], float], low: float, high: float, bars: int) -> Histogram | None:
    if not low < high or not math.isfinite(high - low):
        return None
    shares = _binned(cdf, low, high, bars)
    return Histogram(shares, _text(low), _text(low + (high - low) / 2), _text(high))


def _on_log_axis(cdf: Callable[[float], float], low: float, high: float, bars: int) -> Histogram | None:
    """Return a histogram over logarithms; `low`, `high` and `cdf` are of the logarithm."""
    if not low < high:
        return None
    shares = _binned(cdf, low, high, bars)
    middle = low + (high - low) / 2
    return Histogram(shares, _exp_text(low), _exp_text(middle), _exp_text(high), "log axis")


def _binned(cdf: Callable[[float], float], low: float, high: float, bars: int) -> tuple[float, ...]:
    heights = [cdf(low + (high - low) * index / bars) for index in range(bars + 1)]
    return tuple(max(above - below, 0.0) for below, above in zip(heights, heights[1:], strict=False))


@dataclass(frozen=True, slots=True)
class _Multiples:
    """Multiples of a step without bounds, from the first drawn to the last."""

    first: int
    last: int
    step: float

    @property
    def count(self) -> int:
        return self.last - self.first + 1

    def value(self, index: int) -> float:
        return (self.first + index) * self.step


def _in_steps(
    cdf: Callable[[float], float],
    q: float,
    steps: Choices | _Multiples,
    bars: int,
    ends: tuple[float, float],
    *,
    is_log: bool,
    is_bounded: bool = True,
) -> Histogram | None:
    """Return a histogram of values in steps; `cdf` and `ends` are of the logarithm where `is_log`.

    Each step gets what lies nearest to it; the first and the last also what lies beyond them, if `is_bounded`.
    """
    count, note = steps.count, f"steps of {_text(q)}"
    if count > bars:
        drawn = (_on_log_axis if is_log else _on_axis)(cdf, *ends, bars)
        return None if drawn is None else Histogram(drawn.shares, drawn.left, drawn.middle, drawn.right, note)
    values = [float(steps.value(index)) for index in range(count)]  # type: ignore[arg-type]

    def share_below(value: float) -> float:
        if not is_log:
            return cdf(value)
        return cdf(math.log(value)) if value > 0 else 0.0

    borders = [share_below((below + above) / 2) for below, above in zip(values, values[1:], strict=False)]
    outer = (0.0, 1.0) if is_bounded else (share_below(values[0] - q / 2), share_below(values[-1] + q / 2))
    heights = [outer[0], *borders, outer[1]]
    shares = tuple(max(above - below, 0.0) for below, above in zip(heights, heights[1:], strict=False))
    middle = _text(values[count // 2]) if count > 2 and count % 2 else ""
    return Histogram(shares, _text(values[0]), middle, _text(values[-1]), note)


def _uniform(low: float, high: float) -> Callable[[float], float]:
    def cdf(x: float) -> float:
        return min(max((x - low) / (high - low), 0.0), 1.0) if high > low else float(x >= low)

    return cdf


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return the share of a beta distribution below `x`: the regularised incomplete beta function.

    Source: Lentz's continued fraction as in Press et al., "Numerical Recipes", section 6.4. Where it would need many
    terms (`a` and `b` both large) the distribution is a bell curve, and is taken for one.
    """
    if x <= 0 or x >= 1:
        return float(x > 0)
    if min(a, b) > 3_000:
        mean = a / (a + b)
        return _STANDARD.cdf((x - mean) / math.sqrt(mean * (1 - mean) / (a + b + 1)))
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    is_left = x < (a + 1) / (a + b + 2)
    if front < -_LARGEST_EXPONENT:
        return 0.0 if is_left else 1.0
    if is_left:
        return min(math.exp(front) * _beta_fraction(x, a, b) / a, 1.0)
    return max(1.0 - math.exp(front) * _beta_fraction(1 - x, b, a) / b, 0.0)


def _beta_fraction(x: float, a: float, b: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1) or tiny)
    result = d
    for m in range(1, _MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 / (1.0 + term * d or tiny)
            c = 1.0 + term / c or tiny
            result *= c * d
        if abs(c * d - 1.0) < 1e-10:
            break
    return result


def _spread(shares: tuple[float, ...], width: int) -> list[float]:
    """Return a height from 0 to 1 for each column; bars are as wide as there is room, with gaps if there is room."""
    most = max(shares) or 1.0
    # A flat distribution is drawn low: a solid block says no more, and is all that one sees.
    scale = (_FLAT_HEIGHT if min(shares) > 0.999 * most else 1.0) / most
    count = len(shares)
    if count * 2 > width + 1:
        return [share * scale for share in shares for _ in range(max(width // count, 1))]
    bar = (width + 1) // count - 1
    return [height for share in shares for height in (*((share * scale,) * bar), 0.0)][:-1]


def _columns(heights: list[float], lines: int) -> list[str]:
    drawn = []
    for line in reversed(range(lines)):
        levels = (height * lines * 8 - line * 8 for height in heights)
        drawn.append("".join(BLOCKS[min(max(math.ceil(level - 0.25), 0), 8)] for level in levels))
    return drawn


def _row(length: float) -> str:
    """Return a horizontal bar; at least a sliver, so that a small probability is not taken for none."""
    eighths = max(round(length * 8), 1) if length > 0 else 0
    return "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]


def _percent(share: float) -> str:
    percent = share * 100
    return f"{percent:.0f} %" if percent >= 10 or percent == round(percent) else f"{percent:.2g} %"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(width - 1, 0)]}…"


def _exp_text(exponent: float) -> str:
    if abs(exponent) < _LARGEST_EXPONENT:
        return _text(math.exp(exponent))
    return f"10^{exponent / math.log(10):.0f}"


def _text(value: Json) -> str:
    """Return a value as a short label: `0.001`, `1e-5`, `2.5e+8`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) and abs(value) >= 10**7:
        sign = "-" if value < 0 else ""
        return f"{sign}10^{math.log10(abs(value)):.0f}" if abs(value) >= 10**15 else f"{float(value):.3g}"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if e else text
