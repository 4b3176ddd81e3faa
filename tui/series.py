"""Series of numbers that are written short: `16, 32, … 256`, `16..256 x2`, `linspace(0, 1, 5)`. Pure.

Counted in decimals, so that 0.1, 0.2, 0.3 are what they look like.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation

from trainer.records import Json
from tui.shorthand_values import ShorthandError, power_of

MAX_VALUES = 1_000
"""Values a series may have; more are a range, which is drawn from without being listed."""
_LONGEST_EXPONENT = 400
_SUFFIXES = {"k": Decimal(1_000), "K": Decimal(1_000), "M": Decimal(1_000_000), "%": Decimal("0.01")}
_NUMBER = r"[-+]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
NUMBER = rf"(?:\d+(?:\.\d+)?\s?(?:\^|\*\*)\s?[-+]?\d+|{_NUMBER}(?:[kKM%](?![\w%]))?)"
"""A number as people type it in a range: `0.1`, `1e-5`, `10^-5`, `2**8`, `10k`, `50%`."""

Number = int | float


def number_of(text: str) -> Number:
    """Return the number that a text matching `NUMBER` stands for; whole ones as an int.

    Raises:
        ShorthandError: If it is larger than any float.
    """
    text = text.replace("_", "")
    power = power_of(text)
    if power is not None:
        return power
    factor = _SUFFIXES.get(text[-1:])
    if factor is None:
        return int(text) if re.fullmatch(r"[-+]?\d+", text) else _finite(float(text), text)
    value = _decimal(text[:-1]) * factor
    return int(value) if text[-1] != "%" and value == value.to_integral_value() else float(value)


def _finite(number: float, text: str) -> float:
    if not math.isfinite(number):
        raise ShorthandError(f"{text} is larger than a number can be.", hint="Try `1..1e6`.")
    return number


def arithmetic(start: Number, stop: Number, step: Number, *, with_stop: bool) -> list[Json]:
    """Return start, start + step, … up to `stop`.

    Raises:
        ShorthandError: If it has no end, no value, or too many.
    """
    first, last, width = _decimal(start), _decimal(stop), _decimal(step)
    if not width or (last - first) / width < 0:
        raise ShorthandError(f"Steps of {step} never reach {stop}.", hint="Try `0..10 step 2`.")
    count = int((last - first) / width) + 1
    if not with_stop and first + (count - 1) * width == last:
        count -= 1
    if not count:
        raise ShorthandError("There is no value in it.", hint="Try `range(1, 10)`.")
    return _listed((start, stop, step), count, lambda index: first + index * width)


def geometric(start: Number, stop: Number, factor: Number) -> list[Json]:
    """Return start, start * factor, … up to `stop`, which is included.

    Raises:
        ShorthandError: If it has no end, or too many values.
    """
    value, last, ratio = _decimal(start), _decimal(stop), _decimal(factor)
    if not value or ratio <= 0 or ratio == 1 or (abs(last) > abs(value)) != (ratio > 1) or (last > 0) != (value > 0):
        raise ShorthandError(f"Times {factor} never leads from {start} to {stop}.", hint="Try `16..256 x2`.")
    values: list[Decimal] = []
    while abs(value) <= abs(last) if ratio > 1 else abs(value) >= abs(last):
        values.append(value)
        value *= ratio
        if len(values) > MAX_VALUES:
            raise _too_many(MAX_VALUES)
    return _listed((start, stop, factor), len(values), values.__getitem__)


def between(start: Number, stop: Number, count: Number) -> list[Json]:
    """Return `count` numbers with equal distances, both ends included: numpy's linspace.

    Raises:
        ShorthandError: If there are none, or too many.
    """
    number = _count(count)
    first, last = _decimal(start), _decimal(stop)
    return _listed((start, stop), number, lambda index: first + (last - first) * index / max(number - 1, 1))


def powers(start: Number, stop: Number, count: Number, base: Number = 10) -> list[Json]:
    """Return base^start, …, base^stop, `count` of them: numpy's logspace.

    Raises:
        ShorthandError: If there are none, or too many, or their size is beyond a float.
    """
    number, root = _count(count), _decimal(base)
    first, last = _decimal(start), _decimal(stop)
    if root <= 0 or max(abs(first), abs(last)) > _LONGEST_EXPONENT:
        raise ShorthandError("logspace takes exponents.", hint="Try `logspace(-5, -1, 5)`, which is 1e-5 to 0.1.")
    return _listed((0.5,), number, lambda index: root ** (first + (last - first) * index / max(number - 1, 1)))


def ratios(start: Number, stop: Number, count: Number) -> list[Json]:
    """Return `count` numbers with equal ratios, both ends included: numpy's geomspace.

    Raises:
        ShorthandError: If there are none, or too many, or a bound is not above 0.
    """
    number, first, last = _count(count), _decimal(start), _decimal(stop)
    if first <= 0 or last <= 0:
        raise ShorthandError("geomspace takes bounds above 0.", hint="Try `geomspace(1e-5, 0.1, 5)`.")
    return _listed((0.5,), number, lambda index: first * (last / first) ** (Decimal(index) / max(number - 1, 1)))


def continued(shown: Sequence[Number], last: Number) -> list[Json]:
    """Return the series that begins as `shown` and ends with `last`: what stands for `…` in `1, 2, … 10`.

    Raises:
        ShorthandError: If nothing fits, or equal steps and equal ratios both do.
    """
    first, second = _decimal(shown[0]), _decimal(shown[1])
    sums = _if_it_fits(lambda: arithmetic(shown[0], last, _plain(second - first), with_stop=True), shown, last)
    products = _if_it_fits(lambda: geometric(shown[0], last, _plain(second / first)), shown, last) if first else None
    if sums is None and products is None:
        raise ShorthandError(f"These numbers do not lead to {last}.", hint="Try `16, 32, … 256` or `10, 20, … 50`.")
    if sums is None or products is None or sums == products:
        return sums or products or []
    ratio = second / first
    if second - first == 1:
        return sums
    if ratio >= 10 or _is_high_power(first, ratio):
        return products
    third_sum, third_product = sums[2], products[2]
    raise ShorthandError(
        f"Is the third number {third_sum} or {third_product}?",
        hint=f"Write it: `{shown[0]}, {shown[1]}, {third_sum}, … {last}`.",
    )


def _is_high_power(first: Decimal, ratio: Decimal) -> bool:
    """Return whether the first number is itself the ratio's square or more: 16 in `16, 32, … 256`."""
    power = ratio * ratio
    while power < first:
        power *= ratio
    return power == first


def _if_it_fits(make: Callable[[], list[Json]], shown: Sequence[Number], last: Number) -> list[Json] | None:
    try:
        made = make()
    except (ShorthandError, InvalidOperation, ZeroDivisionError):
        return None
    return made if len(made) > len(shown) and made[: len(shown)] == [*shown] and made[-1] == last else None


def _listed(given: Sequence[Number], count: int, value: Callable[[int], Decimal]) -> list[Json]:
    """Return the values as ints where all that was given, and they themselves, are whole."""
    if count > MAX_VALUES:
        raise _too_many(count)
    try:
        decimals = [value(index) for index in range(count)]
        whole = all(isinstance(number, int) for number in given) and all(each == int(each) for each in decimals)
        # A root has digits beyond what a float tells apart; they are noise, and would be seen.
        return [int(each) if whole else float(f"{each:.15g}") for each in decimals]
    except (ArithmeticError, ValueError) as error:
        raise ShorthandError("These numbers are too large.", hint="Try `linspace(0, 1, 5)`.") from error


def _count(count: Number) -> int:
    if count != int(count) or count < 1:
        raise ShorthandError(f"There cannot be {count} values.", hint="Try `linspace(0, 1, 5)`.")
    return int(count)


def _decimal(number: Number | str) -> Decimal:
    try:
        value = Decimal(repr(number) if isinstance(number, float) else str(number))
    except InvalidOperation as error:
        raise ShorthandError(f"{number} is no number.", hint="Try `1..10`.") from error
    if not value.is_finite() or abs(value.adjusted()) > _LONGEST_EXPONENT:
        raise ShorthandError(f"{number} is too large.", hint="Try `1e-5..1e-1 log`.")
    return value


def _plain(value: Decimal) -> Number:
    return int(value) if value == value.to_integral_value() else float(value)


def _too_many(count: int) -> ShorthandError:
    return ShorthandError(f"That makes {count:,} values or more.", hint="Use a range, which lists none: `1..5000`.")
