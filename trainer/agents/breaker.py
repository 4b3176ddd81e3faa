"""The circuit breaker of one slot: rests it when its runs fail and the slot is the likely reason. Pure.

A sick GPU fails each run within seconds and would take every point of a sweep while the healthy slots are at work.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainer.agents.failure_signs import FailureKind
from trainer.agents.failures import Failure
from trainer.agents.policy import RunPolicy

_OF_THE_SLOT = frozenset(
    {FailureKind.CUDA_ERROR, FailureKind.CUDA_OOM, FailureKind.SEGFAULT, FailureKind.OOM_KILLED, FailureKind.KILLED}
)
"""Point at the slot by themselves."""
_OF_ANYTHING = frozenset({FailureKind.UNKNOWN, FailureKind.OUT_OF_MEMORY, FailureKind.ASSERTION})
"""Point at the slot where another slot gets on with the same program."""


@dataclass(frozen=True)
class Rest:
    """A pause of a slot."""

    seconds: float
    reason: str
    closes: bool = False
    """Whether the slot should take no run ever again, if others can."""


class Breaker:
    """What one slot's runs say about the slot."""

    def __init__(self, policy: RunPolicy) -> None:
        self._policy = policy
        self._in_a_row = 0
        self._rests = 0

    def ended_well(self) -> None:
        """Hear of a run that did not fail."""
        self._in_a_row = self._rests = 0

    def failed(self, failure: Failure, *, others_get_on: bool) -> Rest | None:
        """Hear of a failed run; return the rest that follows from it.

        Args:
            failure: Why it failed.
            others_get_on: Whether another slot had a run end well meanwhile, or has one that got further.
        """
        points_here = failure.kind in _OF_THE_SLOT or (failure.kind in _OF_ANYTHING and others_get_on)
        if not points_here or not self._policy.slot_failures or not self._policy.slot_rests:
            return None
        self._in_a_row += 1
        # After a rest one run is tried: if it fails too, the slot is not well yet.
        if self._in_a_row < (1 if self._rests else self._policy.slot_failures):
            return None
        runs, is_first = self._in_a_row, not self._rests
        self._in_a_row = 0
        rests = self._policy.slot_rests
        seconds = rests[min(self._rests, len(rests) - 1)]
        self._rests += 1
        told = f"{runs} runs in a row failed here" if runs > 1 else "a run failed" if is_first else "it failed again"
        return Rest(seconds, f"{told}: {failure.title}", closes=self._rests > len(rests))
