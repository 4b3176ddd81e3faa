"""What is done when a run fails, per class of failure, and how long runs may take. Pure: decides, does nothing.

The defaults, and why:

* What every run of the sweep would fail with (a flag the program does not take, an import, a missing program, a refused
  key) stops the host after three alike in a row: the points stay for when it is mended.
* Memory of a GPU is a matter of which GPU and of who else is on it: one retry on another slot. A process that the
  kernel killed for want of memory gets one retry with the machine to itself.
* A server or network that was away comes back: three retries, each after a longer wait.
* A full disk fails every run until there is room: the slot waits for it, then starts the run over.
* Anything else would most likely fail again: the point is left, and the sweep goes on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from trainer.agents.failure_signs import FailureKind
from trainer.durations import short_duration
from trainer.errors import InputError
from trainer.records import Json

_MAX_RETRIES = 100
_WAITS = (10.0, 60.0, 300.0)
"""Before each retry of a run whose server was lost."""
_FORM = re.compile(r"(?P<word>retry|skip|stop-sweep|stop)(?::(?P<number>\d+))?(?:@(?P<place>same|other|alone))?")


class Place(StrEnum):
    """Where a run is tried again."""

    SAME = "same"
    """Its own slot."""
    OTHER = "other"
    """Another slot; not at all where there is none."""
    ALONE = "alone"
    """Its own slot, while no other slot of the host has a run."""


class Ending(StrEnum):
    """What follows a failure that is not retried."""

    SKIP = "skip"
    """The point is left, the sweep goes on."""
    STOP = "stop"
    """The host asks for no more runs; the sweep and its open points stay as they are."""
    STOP_SWEEP = "stop-sweep"
    """The sweep is stopped on the server too."""


@dataclass(frozen=True)
class Rule:
    """What is done about one class of failure."""

    retries: int = 0
    place: Place = Place.SAME
    ending: Ending = Ending.SKIP
    in_a_row: int = 1
    """An ending other than skip comes after this many equal failures with no run between that ended well."""
    waits: tuple[float, ...] = ()
    """Seconds before each retry; the last holds for all further ones."""
    needs_room: bool = False
    """Whether a retry waits until the disk has room."""

    def wait_seconds(self, retry: int) -> float:
        """Return the wait before a retry, counted from 1."""
        return self.waits[min(retry, len(self.waits)) - 1] if self.waits else 0.0

    def __str__(self) -> str:
        parts = []
        if self.retries:
            parts.append(f"retry:{self.retries}" + (f"@{self.place}" if self.place is not Place.SAME else ""))
        if self.ending is not Ending.SKIP:
            parts.append(f"{self.ending}:{self.in_a_row}")
        return ",".join(parts) or "skip"


_HOPELESS = Rule(ending=Ending.STOP, in_a_row=3)
DEFAULT_RULES: Mapping[FailureKind, Rule] = {
    FailureKind.BAD_FLAG: _HOPELESS,
    FailureKind.IMPORT_ERROR: _HOPELESS,
    FailureKind.MISSING_PROGRAM: _HOPELESS,
    FailureKind.PERMISSION: _HOPELESS,
    FailureKind.REFUSED: _HOPELESS,
    FailureKind.CUDA_OOM: Rule(retries=1, place=Place.OTHER),
    FailureKind.OOM_KILLED: Rule(retries=1, place=Place.ALONE),
    # Whoever wants to be rid of a run stops it: what killed it was no judgement of its point.
    FailureKind.KILLED: Rule(retries=3),
    FailureKind.LOST_SERVER: Rule(retries=3, waits=_WAITS),
    FailureKind.DISK_FULL: Rule(retries=3, waits=(5.0, 30.0, 120.0), needs_room=True),
}
"""A kind that is not here is left."""


@dataclass(frozen=True)
class RunPolicy:
    """How the runs of a host may go, and what is done when they do not."""

    rules: Mapping[FailureKind, Rule] = field(default_factory=dict)
    """What the user said; kinds that are missing follow `DEFAULT_RULES`."""
    max_failures: int | None = None
    """The host asks for no more runs once this many have failed for good."""
    timeout_seconds: float | None = None
    """A run that takes longer is stopped."""
    budget_seconds: float | None = None
    """No run is begun later than this after the host began."""
    budget_ends_runs: bool = False
    """Whether the runs under way are stopped then; else they go on to their end."""
    slot_failures: int = 3
    """A slot rests after this many failures in a row that point at it and not at the program; 0 for never."""
    slot_rests: tuple[float, ...] = (60.0, 300.0, 900.0)
    """Seconds of each rest; a slot that fails on after them is closed while others work, else it rests on."""
    keeps_leftovers: bool = False
    """Whether processes that a run leaves behind may go on."""
    log_bytes: int = 50 * 2**20
    """A run's log is cut in the middle when it grows beyond this."""
    logs_bytes: int = 2 * 2**30
    """The logs of ended runs together; the oldest of runs that ended well go first."""

    def rule(self, kind: FailureKind) -> Rule:
        """Return what is done about a class of failure."""
        return self.rules.get(kind) or DEFAULT_RULES.get(kind) or Rule()

    def with_rule(self, text: str) -> RunPolicy:
        """Return the policy with one more rule, as the user types it: `cuda_oom=retry:2@other,stop:5`.

        Raises:
            InputError: If it is none.
        """
        name, _, action = text.partition("=")
        kind = _kind(name.strip(), text)
        return replace(self, rules={**self.rules, kind: _rule(action.strip(), self.rule(kind), text)})

    def with_retries(self, text: str) -> RunPolicy:
        """Return the policy with another number of retries for one class: `unknown=1`.

        Raises:
            InputError: If it is none.
        """
        name, _, number = text.partition("=")
        kind = _kind(name.strip(), text)
        if not number.strip().isdecimal() or int(number) > _MAX_RETRIES:
            raise InputError(f"{text!r} names no number of retries.", hint="Write KIND=N, for example unknown=1.")
        return replace(self, rules={**self.rules, kind: replace(self.rule(kind), retries=int(number))})

    def __str__(self) -> str:
        """Return what it says, in the words that options take."""
        kinds = [kind for kind in FailureKind if kind in self.rules or kind in DEFAULT_RULES]
        limits = [
            f"timeout {short_duration(self.timeout_seconds)}" if self.timeout_seconds else "",
            f"budget {short_duration(self.budget_seconds)}" if self.budget_seconds else "",
            f"at most {self.max_failures} failures" if self.max_failures is not None else "",
        ]
        return "; ".join([text for text in limits if text] + [f"{kind}={self.rule(kind)}" for kind in kinds])

    def to_json(self) -> dict[str, Json]:
        """Return it as JSON."""
        return {
            "rules": {str(kind): str(rule) for kind, rule in self.rules.items()},
            "max_failures": self.max_failures,
            "timeout_seconds": self.timeout_seconds,
            "budget_seconds": self.budget_seconds,
            "budget_ends_runs": self.budget_ends_runs,
            "slot_failures": self.slot_failures,
            "slot_rests": list(self.slot_rests),
            "keeps_leftovers": self.keeps_leftovers,
            "log_bytes": self.log_bytes,
            "logs_bytes": self.logs_bytes,
        }

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> RunPolicy:
        """Return the policy that a JSON object says; what it leaves out is as by default.

        Raises:
            InputError: If a rule of it is none.
        """
        known = {name: entry[name] for name in cls.__dataclass_fields__ if name in entry and name != "rules"}
        if "slot_rests" in known:
            known["slot_rests"] = tuple(known["slot_rests"])
        policy = cls(**known)
        for kind, rule in entry.get("rules", {}).items():
            policy = policy.with_rule(f"{kind}={rule}")
        return policy


@dataclass(frozen=True)
class Decision:
    """What is done about one failure."""

    retries: bool
    place: Place = Place.SAME
    wait_seconds: float = 0.0
    needs_room: bool = False
    ending: Ending = Ending.SKIP


def decide(rule: Rule, *, tried: int, in_a_row: int, has_other_slot: bool) -> Decision:
    """Decide about a failure.

    Args:
        rule: What is done about its class.
        tried: How often this run was retried because of this class.
        in_a_row: Equal failures since a run ended well, this one included, over all slots.
        has_other_slot: Whether there is another slot on which the run could do better.
    """
    ends = rule.ending is not Ending.SKIP and in_a_row >= rule.in_a_row
    if not ends and tried < rule.retries and (rule.place is not Place.OTHER or has_other_slot):
        return Decision(True, rule.place, rule.wait_seconds(tried + 1), rule.needs_room)
    return Decision(False, ending=rule.ending if ends else Ending.SKIP)


def _kind(name: str, text: str) -> FailureKind:
    try:
        return FailureKind(name.lower().replace("-", "_"))
    except ValueError as error:
        known = ", ".join(FailureKind)
        raise InputError(f"{text!r} begins with no class of failure.", hint=f"The classes: {known}.") from error


def _rule(action: str, before: Rule, text: str) -> Rule:
    # Waits and room go with the class: a server that is away is not back at once, however often it is tried.
    rule = Rule(waits=before.waits, needs_room=before.needs_room, place=before.place)
    for part in action.split(","):
        form = _FORM.fullmatch(part.strip())
        if form is None or (form["word"] == "skip" and form["number"]) or (form["place"] and form["word"] != "retry"):
            hint = "Write KIND=ACTION with retry:N, retry:N@other, retry:N@alone, skip, stop:N or stop-sweep:N."
            raise InputError(f"{text!r} says nothing that can be done.", hint=hint)
        number = min(int(form["number"] or 1), _MAX_RETRIES)
        if form["word"] == "retry":
            place = Place(form["place"]) if form["place"] else Place.SAME
            rule = replace(rule, retries=number, place=place)
        elif form["word"] != "skip":
            rule = replace(rule, ending=Ending(form["word"]), in_a_row=max(number, 1))
    return rule
