"""The options of `run` and `agent` that say how runs may go, and what is done when they do not."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from trainer.agents.policy import RunPolicy

_F = TypeVar("_F", bound=Callable[..., Any])
_NAMES = (
    "timeout", "budget", "budget_ends_runs", "max_failures", "retry", "on_failure", "slot_failures", "keep_leftovers",
)  # fmt: skip


def policy_options(command: _F) -> _F:
    """Add the options; the command gets what they mean as its argument `policy`."""

    @functools.wraps(command)
    def with_policy(*args: Any, **kwargs: Any) -> Any:
        given = {name: kwargs.pop(name) for name in _NAMES}
        return command(*args, policy=_policy(**given), **kwargs)

    wrapped: Any = with_policy
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]


def _policy(
    timeout: str | None,
    budget: str | None,
    budget_ends_runs: bool,
    max_failures: int | None,
    retry: tuple[str, ...],
    on_failure: tuple[str, ...],
    slot_failures: int,
    keep_leftovers: bool,
) -> RunPolicy:
    from trainer.agents.policy import RunPolicy
    from trainer.durations import parse_duration

    policy = RunPolicy(
        timeout_seconds=parse_duration(timeout) if timeout is not None else None,
        budget_seconds=parse_duration(budget) if budget is not None else None,
        budget_ends_runs=budget_ends_runs,
        max_failures=max_failures,
        slot_failures=slot_failures,
        keeps_leftovers=keep_leftovers,
    )
    for text in on_failure:
        policy = policy.with_rule(text)
    for text in retry:
        policy = policy.with_retries(text)
    return policy


_OPTIONS = (
    click.option("--timeout", metavar="TIME", help="Stop a run that takes longer: 90s, 10m, 2h."),
    click.option("--budget", metavar="TIME", help="Begin no run later than this; those under way go on."),
    click.option("--budget-ends-runs", is_flag=True, help="Stop the runs under way too when the budget is used up."),
    click.option("--max-failures", type=click.IntRange(1), metavar="N", help="Ask for no more runs once N failed."),
    click.option("--retry", multiple=True, metavar="KIND=N", help="Start runs that fail like this over, N times."),
    click.option(
        "--on-failure",
        multiple=True,
        metavar="KIND=ACTION",
        help="retry:N, retry:N@other, retry:N@alone, skip, stop:N, stop-sweep:N; several with commas.",
    ),
    click.option(
        "--slot-failures",
        type=click.IntRange(0),
        default=3,
        show_default=True,
        metavar="N",
        help="Rest an agent after N failures in a row that point at its device; 0 for never.",
    ),
    click.option("--keep-leftovers", is_flag=True, help="Let processes that a run leaves behind go on."),
)
