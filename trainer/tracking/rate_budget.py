"""What a server says about how often it may be asked: in the headers of its answers.

W&B's: `RateLimit-Limit`, `RateLimit-Remaining` (both of 0 to 1000) and `RateLimit-Reset` (seconds), as its public
documentation of rate limits has them; `Retry-After` as HTTP has it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from trainer.records import RateBudget

LOW = 0.2
"""Part of a budget from which on the server is asked less often."""
MOST_ASKED_SECONDS = 86_400.0
"""No server means longer than that."""
LONGEST_WAIT_SECONDS = 60.0
"""Between two reads, where it is our own caution and not the server that asks for it."""


def budget_of(headers: Mapping[str, str]) -> RateBudget | None:
    """Return what an answer's headers say is left; None where they say nothing."""
    limit, remaining = _number(headers, "RateLimit-Limit"), _number(headers, "RateLimit-Remaining")
    if remaining is None or not limit:
        return None
    return RateBudget(min(max(remaining / limit, 0.0), 1.0), max(_number(headers, "RateLimit-Reset") or 0.0, 0.0))


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a refusal asks to wait, by `Retry-After` or the end of the window; None for no word."""
    text = headers.get("Retry-After", "")
    with suppress(ValueError):
        return _sensible(float(text))
    with suppress(ValueError):
        moment = parsedate_to_datetime(text).astimezone(UTC)
        # By the server's own clock, where it tells the time: ours may be another.
        ahead = clock_ahead(headers, datetime.now(UTC)) or 0.0
        return _sensible((moment - datetime.now(UTC)).total_seconds() - ahead)
    reset = _number(headers, "RateLimit-Reset")
    return _sensible(reset) if reset else None


def _sensible(seconds: float) -> float:
    return min(max(seconds, 0.05), MOST_ASKED_SECONDS) if math.isfinite(seconds) else MOST_ASKED_SECONDS


def clock_ahead(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return how many seconds later it is by the server's clock (`Date`, in whole seconds); None where it is silent."""
    try:
        moment = parsedate_to_datetime(headers.get("Date", ""))
    except ValueError:
        return None
    return (moment.astimezone(UTC) - now).total_seconds()


def wait_of(budget: RateBudget | None, interval_seconds: float) -> float:
    """Return the seconds until the next read: longer the less is left, so that the budget lasts until its reset."""
    if budget is None or budget.remaining >= LOW:
        return interval_seconds
    stretched = interval_seconds * LOW / max(budget.remaining, 0.01)
    until_reset = budget.reset_seconds or LONGEST_WAIT_SECONDS
    return max(interval_seconds, min(stretched, until_reset, LONGEST_WAIT_SECONDS))


def _number(headers: Mapping[str, str], name: str) -> float | None:
    try:
        # `RateLimit-Limit` may carry a policy behind the number: `100;w=60`.
        return float(headers.get(name, "").partition(";")[0].partition(",")[0])
    except ValueError:
        return None
