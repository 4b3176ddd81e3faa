"""Assertions about a sweep: `best(accuracy)>=0.9`, `failed<=2`, `seconds<600`. Read here; `judging` decides them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

from trainer.durations import parse_duration
from trainer.errors import InputError
from trainer.records import Goal, Metric

Function = Literal["best", "last", "max", "min", "mean", "median"]
Count = Literal["finished", "failed", "killed", "runs", "seconds"]

FUNCTIONS: tuple[Function, ...] = ("best", "last", "max", "min", "mean", "median")
COUNTS: tuple[Count, ...] = ("finished", "failed", "killed", "runs", "seconds")
OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_FORM = re.compile(
    r"(?P<left>\w+\s*\(.*\)|[^<>=!()]+?)\s*(?P<operator>>=|<=|==|!=|=>|=<|=|>|<)\s*(?P<right>[^<>=!]+)", re.DOTALL
)
_CALL = re.compile(r"(?P<function>[A-Za-z_]\w*)\s*\((?P<metric>.*)\)", re.DOTALL)
_SPELLED = {"=": "==", "=>": ">=", "=<": "<="}
_WAY_OUT = "Write for example best(accuracy)>=0.9, mean(loss)<0.4, failed<=2 or seconds<10m."


@dataclass(frozen=True, slots=True)
class Assertion:
    """Something that is to be true of a sweep when it has ended."""

    text: str
    """As it was given."""
    left: str
    """A function of a metric, or a count."""
    metric: str
    """Empty for a count."""
    operator: str
    bound: float
    """In seconds for `seconds`."""

    @property
    def subject(self) -> str:
        """Return what it is about: `best(accuracy)`, `failed`."""
        return f"{self.left}({self.metric})" if self.metric else self.left

    def holds(self, value: float) -> bool:
        """Return whether a value satisfies it."""
        return OPERATORS[self.operator](value, self.bound)

    def metric_of(self, own: Metric | None) -> Metric:
        """Return the metric with the direction that is better.

        The sweep's own metric keeps its goal; of another, the direction is the one that is asserted.

        Args:
            own: The sweep's metric.

        Raises:
            InputError: If nothing says which direction is better.
        """
        if self.left in ("max", "min"):
            return Metric(self.metric, "maximize" if self.left == "max" else "minimize")
        if own is not None and own.name == self.metric:
            return own
        if self.left in ("mean", "median"):
            return Metric(self.metric)
        goals: dict[str, Goal] = {">": "maximize", ">=": "maximize", "<": "minimize", "<=": "minimize"}
        if self.operator not in goals:
            raise InputError(
                f"{self.text!r}: whether more or less of {self.metric} is better, the sweep does not say.",
                hint=f"Use max({self.metric}) or min({self.metric}).",
            )
        return Metric(self.metric, goals[self.operator])


def parse_assertion(text: str) -> Assertion:
    """Return the assertion that a text makes.

    Raises:
        InputError: If it makes none.
    """
    form = _FORM.fullmatch(text.strip())
    if form is None:
        raise InputError(f"{text!r} asserts nothing.", hint=_WAY_OUT)
    left, sign = form["left"].strip(), _SPELLED.get(form["operator"], form["operator"])
    call = _CALL.fullmatch(left)
    if call is None:
        if left not in COUNTS:
            raise InputError(
                f"{text!r}: {left!r} is no count of a sweep.",
                hint=f"Of a metric it would be best({left}); counts are {', '.join(COUNTS)}.",
            )
        return Assertion(text, left, "", sign, _bound(form["right"], text, is_duration=left == "seconds"))
    metric = call["metric"].strip().strip("\"'")
    if call["function"] not in FUNCTIONS or not metric:
        hint = f"There are {', '.join(f'{name}(METRIC)' for name in FUNCTIONS)}."
        raise InputError(f"{text!r}: {left!r} is no function of a metric.", hint=hint)
    return Assertion(text, cast(Function, call["function"]), metric, sign, _bound(form["right"], text))


def _bound(text: str, whole: str, *, is_duration: bool = False) -> float:
    plain = text.strip()
    try:
        if is_duration and not re.fullmatch(r"[\d.]+", plain):
            return parse_duration(plain)
        value = float(plain.removesuffix("%")) / (100.0 if plain.endswith("%") else 1.0)
    except (ValueError, InputError) as error:
        raise InputError(f"{whole!r}: {plain!r} is no number.", hint=_WAY_OUT) from error
    if value != value or value in (float("inf"), float("-inf")):
        raise InputError(f"{whole!r}: {plain!r} is no number to compare with.", hint=_WAY_OUT)
    return value
