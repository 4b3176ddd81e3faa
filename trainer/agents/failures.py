"""Why a run failed: a kind, one sentence, and a fingerprint by which equal failures are told as one. Pure."""

from __future__ import annotations

import hashlib
import re
import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from trainer.agents.failure_signs import SIGNS, TITLES, FailureKind
from trainer.agents.log_tail import PythonError, fault_place, last_error, own_lines
from trainer.records import FailureGroup

_LAST_LINES = 30
_MAX_SUMMARY = 300
_CRASHES = frozenset({"SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGSYS", "SIGTRAP"})
_SHELL_SIGNALS = 128
"""A shell adds the signal that ended a program to this."""
_MEMORY_SHARE = 0.85
"""A process that was killed and had used this much of the memory there is most likely used it all up."""
_VARIABLE = (
    (re.compile(r"(?<=\w)=\S+"), "=…"),
    (re.compile(r"0x[0-9a-fA-F]+"), "0x…"),
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"), "…"),
    (re.compile(r"(?:/[\w.+-]+){2,}/?"), "/…"),
    (re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"), "#"),
)
"""Parts of a message that differ between failures with one cause."""


@dataclass(frozen=True)
class ExitFacts:
    """What is known of an end beside exit status and output."""

    run_id: str = ""
    timeout: str = ""
    """The timeout it overran, as a text; empty if it did not."""
    kernel_kills: int = 0
    """How many processes the kernel killed for want of memory while it ran; 0 where that is not told."""
    max_rss_bytes: int = 0
    """The most memory it held; 0 if not known."""
    memory_bytes: int = 0
    """The memory there is for it; 0 if not known."""
    metric_problem: str = ""
    """What is wrong with the sweep's metric; empty if nothing is, or nobody asked."""


@dataclass(frozen=True)
class Failure:
    """Why one run failed."""

    kind: FailureKind
    title: str
    """What happened, short, and where: `CUDA out of memory at train.py:41`."""
    summary: str
    """One sentence for people: the title and the program's own words."""
    fingerprint: str
    """The same for failures with the same cause."""


def classify(exit_code: int, tail: Sequence[str], facts: ExitFacts) -> Failure:
    """Say why a run failed.

    Args:
        exit_code: Negative for a signal, as `subprocess` has it.
        tail: The last lines of its log.
        facts: What else is known.
    """
    number = _signal_number(exit_code)
    own = own_lines(tail)
    error = last_error(own)
    told, line = _told(tail, error)
    kind = _kind(exit_code, number, told, facts)
    said = error.text if error is not None else (line or (own or list(tail) or [""])[-1]).strip()
    place = (error.place if error is not None else "") or fault_place(own)
    title = _title(kind, exit_code, number, error, facts)
    at = f" at {place}" if place else ""
    # A message that is the title already would be told twice.
    words = "" if not said or said in title else f": {said}"
    what = error.type if error is not None else said
    if kind is FailureKind.NAN_METRIC:
        what = title  # what it printed last is no reason
    message = error.message if error is not None else ""
    return Failure(
        kind=kind,
        title=f"{title}{at}" if error or place else title,
        summary=f"{title}{at}{words}"[:_MAX_SUMMARY],
        fingerprint=_fingerprint(kind, _signal_name(number), what, message, place, facts.run_id),
    )


def end_text(exit_code: int) -> str:
    """Return how a program ended, in words: its exit code, or the signal that ended it by its name."""
    number = _signal_number(exit_code)
    if not number:
        return f"exit code {exit_code}"
    name = _signal_name(number)
    words = {"SIGSEGV": "segmentation fault", "SIGBUS": "bus error", "SIGABRT": "aborted", "SIGILL": "bad instruction"}
    return f"ended by {name}" + (f" ({words[name]})" if name in words else "")


def _kind(exit_code: int, number: int, told: FailureKind | None, facts: ExitFacts) -> FailureKind:
    if facts.timeout:
        return FailureKind.TIMEOUT
    name = _signal_name(number)
    if name == "SIGKILL":
        return FailureKind.OOM_KILLED if _was_out_of_memory(facts) else FailureKind.KILLED
    if exit_code == 0 and facts.metric_problem:
        return FailureKind.NAN_METRIC
    if told is not None:
        return told
    if name in _CRASHES:
        return FailureKind.SEGFAULT
    if name == "SIGINT":
        return FailureKind.INTERRUPTED
    if number:
        return FailureKind.KILLED
    # As shells and env(1) have it.
    return {126: FailureKind.PERMISSION, 127: FailureKind.MISSING_PROGRAM}.get(exit_code, FailureKind.UNKNOWN)


def _told(tail: Sequence[str], error: PythonError | None) -> tuple[FailureKind | None, str]:
    """Return the kind that the error names, else the one that the last lines do, with the line that does."""
    if error is not None:
        # What a program printed before has nothing to say beside the error that it ended with.
        return next((kind for kind, sign in SIGNS if sign.search(error.text)), None), error.text
    lines = [line.strip() for line in own_lines(tail)[-_LAST_LINES:]]
    lines = lines or [line.removeprefix("wandb: ERROR ") for line in tail if line.startswith("wandb: ERROR ")]
    for kind, sign in SIGNS:
        if found := [line for line in lines if sign.search(line)]:
            return kind, found[0]
    return None, ""


def _was_out_of_memory(facts: ExitFacts) -> bool:
    return facts.kernel_kills > 0 or (
        facts.memory_bytes > 0 and facts.max_rss_bytes > facts.memory_bytes * _MEMORY_SHARE
    )


def _title(kind: FailureKind, exit_code: int, number: int, error: PythonError | None, facts: ExitFacts) -> str:
    title = TITLES[kind]
    if kind is FailureKind.TIMEOUT:
        return f"{title} of {facts.timeout}"
    if kind is FailureKind.OOM_KILLED and facts.max_rss_bytes:
        of = f" of {_gib(facts.memory_bytes)}" if facts.memory_bytes else ""
        return f"{title} ({_gib(facts.max_rss_bytes)} used{of})"
    if kind in (FailureKind.KILLED, FailureKind.SEGFAULT):
        return f"{title}: {end_text(exit_code)}" if number else title
    if kind is FailureKind.NAN_METRIC:
        return facts.metric_problem or title
    if kind is FailureKind.UNKNOWN:
        return error.type if error is not None else end_text(exit_code)
    return title


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"


def _signal_number(exit_code: int) -> int:
    """Return the signal that ended a program, or the program that a shell ran; 0 for none."""
    if exit_code < 0:
        return -exit_code
    number = exit_code - _SHELL_SIGNALS
    # 255 is what the SDK ends a stopped run with (0.31); others above 128 may be a program's own.
    return number if number > 0 and _signal_name(number) in _CRASHES | {"SIGKILL", "SIGTERM", "SIGINT"} else 0


def _signal_name(number: int) -> str:
    if not number:
        return ""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _fingerprint(kind: FailureKind, name: str, what: str, message: str, place: str, run_id: str) -> str:
    plain = [text.replace(run_id, "RUN") if run_id else text for text in (what, message)]
    for pattern, mark in _VARIABLE:
        plain = [pattern.sub(mark, text) for text in plain]
    if kind in (FailureKind.CUDA_OOM, FailureKind.TIMEOUT, FailureKind.OOM_KILLED, FailureKind.KILLED):
        plain = []  # how much was wanted, or what it was at, is chance
    text = "|".join([kind, name, *plain, place])
    return hashlib.sha1(text.encode("utf-8", errors="replace"), usedforsecurity=False).hexdigest()[:12]


def grouped(groups: Iterable[FailureGroup]) -> tuple[FailureGroup, ...]:
    """Return failures with each fingerprint once, the most frequent first."""
    found: dict[str, FailureGroup] = {}
    for group in groups:
        before = found.get(group.fingerprint)
        count = group.count + (before.count if before else 0)
        found[group.fingerprint] = replace(group, count=count)
    return tuple(sorted(found.values(), key=lambda group: -group.count))


def groups_text(groups: Iterable[FailureGroup]) -> str:
    """Return failures as one text: `7 runs failed: 6 x CUDA out of memory at train.py:41; 1 x …`; empty for none."""
    told = grouped(groups)
    total = sum(group.count for group in told)
    if not total:
        return ""
    parts = "; ".join(f"{group.count} x {group.title}" for group in told)
    return f"{total} {'run' if total == 1 else 'runs'} failed: {parts}"
