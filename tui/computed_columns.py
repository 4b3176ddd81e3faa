"""Columns computed from histories: least, greatest, last value, mean of the last k of a metric. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trainer.records import HistoryPoint
from tui.columns import Column, ColumnKind

WAYS = ("min", "max", "last", "mean")
DEFAULT_COUNT = 5
_WORDS = re.compile(r"^\s*(?P<way>min|max|last|mean)\s*(?P<count>\d+)?\s+(?P<metric>\S.*?)\s*$", re.IGNORECASE)
_PATH = re.compile(r"^(?P<way>min|max|last|mean)(?P<count>\d+)?:(?P<metric>.+)$")


@dataclass(frozen=True, slots=True)
class Computed:
    """What is computed of a metric."""

    way: str
    metric: str
    count: int = 1
    """How many of the last values a mean is of."""

    @property
    def column(self) -> Column:
        """The column; its title says what is computed."""
        how = f"{self.way}{self.count}" if self.way == "mean" else self.way
        title = f"mean of last {self.count} {self.metric}" if self.way == "mean" else f"{how} {self.metric}"
        return Column(ColumnKind.COMPUTED, title, f"{how}:{self.metric}")

    def value(self, history: Iterable[HistoryPoint]) -> float | None:
        """Return it for one run; None where the metric was never logged."""
        logged = [point.values[self.metric] for point in history if self.metric in point.values]
        finite = [value for value in logged if math.isfinite(value)]
        if not finite:
            return None
        if self.way == "min":
            return min(finite)
        if self.way == "max":
            return max(finite)
        last = finite[-self.count :] if self.way == "mean" else finite[-1:]
        return math.fsum(last) / len(last)


def parse_computed(text: str) -> Computed | None:
    """Return what `mean 5 loss` or `min loss` asks for; None where it asks for nothing that can be computed."""
    return _made(_WORDS.match(text))


def computed_of(path: str) -> Computed | None:
    """Return what the column with a path computes; None for another column's path."""
    return _made(_PATH.match(path))


def _made(match: re.Match[str] | None) -> Computed | None:
    if match is None:
        return None
    way = match["way"].lower()
    count = max(int(match["count"] or DEFAULT_COUNT), 1) if way == "mean" else 1
    return Computed(way, match["metric"], min(count, 10_000))


def offered(metrics: Sequence[str]) -> list[str]:
    """Return what may be asked for, in words."""
    return [f"{way} {DEFAULT_COUNT} {name}" if way == "mean" else f"{way} {name}" for name in metrics for way in WAYS]
