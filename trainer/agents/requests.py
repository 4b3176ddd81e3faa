"""Wishes to a running host: one small file each in the `requests` folder of its folder, obeyed and removed by it.

Any process of the user's may drop one; what it wrote whole is obeyed, also when it has ended since. The host looks
every half second, and at once when it gets SIGUSR1.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainer.atomic_file import write_text_atomically
from trainer.errors import AgentError, InputError
from trainer.records import Json

ADD_SLOTS = "add_slots"
SCALE = "scale"
REMOVE_SLOTS = "remove_slots"
DRAIN = "drain"
STOP = "stop"
STOP_RUN = "stop_run"
MAX_SLOTS = 256
_MAX_BYTES = 65_536


@dataclass(frozen=True)
class HostRequest:
    """One wish."""

    do: str
    """`add_slots` by `count`, `scale` to `count`, `remove_slots` (those of `slots`, else `count` of the host's choice)
    after their runs, `drain` all of them, `stop` the runs and the host, `stop_run` the run `run_id`."""
    count: int = 0
    slots: tuple[int, ...] = ()
    run_id: str = ""

    def __post_init__(self) -> None:
        if self.do not in (ADD_SLOTS, SCALE, REMOVE_SLOTS, DRAIN, STOP, STOP_RUN):
            raise ValueError(f"there is no request {self.do!r}")
        if self.do == ADD_SLOTS and not 1 <= self.count <= MAX_SLOTS:
            raise ValueError(f"{self.count} slots cannot be added")
        if self.do == SCALE and not 0 <= self.count <= MAX_SLOTS:
            raise ValueError(f"a host cannot have {self.count} slots")
        if self.do == REMOVE_SLOTS and not self.slots and self.count < 1:
            raise ValueError("no slot to remove is named")
        if self.do == STOP_RUN and not self.run_id:
            raise ValueError("no run to stop is named")


@dataclass(frozen=True)
class Outcome:
    """What a host did at a wish: slots, by number."""

    added: tuple[int, ...] = ()
    went_on: tuple[int, ...] = ()
    """Those that were to leave, and stay."""
    drained: tuple[int, ...] = ()
    """Those that leave after their run."""
    refused: str = ""
    """Why it did not do all of it; empty where it did."""


def submit(directory: Path, request: HostRequest) -> Path:
    """Drop a wish into a host's folder and return its file, which is gone when the host has obeyed.

    Raises:
        AgentError: If it cannot be written.
    """
    path = directory / "requests" / f"{time.time_ns():020d}-{secrets.token_hex(4)}.json"
    try:
        write_text_atomically(path, json.dumps(asdict(request)))
    except InputError as error:
        raise AgentError(f"The agents in {directory} cannot be told: {error.message}") from error
    return path


def outcome(directory: Path, path: Path, is_alive: Callable[[], bool], timeout_seconds: float = 10.0) -> Outcome:
    """Wait until a wish has been obeyed, and return what the host says of it.

    Raises:
        AgentError: If the host has ended instead, does not obey in time, or refused a part of it.
    """
    said = partial_outcome(directory, path, is_alive, timeout_seconds)
    if said.refused:
        raise AgentError(f"{_done_of(said)}: {said.refused.rstrip('.')}.")
    return said


def partial_outcome(
    directory: Path, path: Path, is_alive: Callable[[], bool], timeout_seconds: float = 10.0
) -> Outcome:
    """Do as `outcome`, but leave it to the caller that a part was refused.

    Raises:
        AgentError: If the host has ended instead, or does not obey in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while path.exists():
        if not is_alive() or time.monotonic() > deadline:
            path.unlink(missing_ok=True)
            why = "have ended" if not is_alive() else f"did not obey within {timeout_seconds:g} s"
            raise AgentError(f"The agents in {directory} {why}.", hint=f"See {directory / 'host.log'}.")
        time.sleep(0.02)
    for line in reversed((directory / "events.jsonl").read_text(encoding="utf-8").splitlines()):
        if path.name in line:
            said = json.loads(line)
            refused = said.get("refused") or (said.get("reason") if said["event"] == "request_refused" else "")
            added, went_on, drained = (tuple(said.get(name, ())) for name in ("added", "went_on", "drained"))
            return Outcome(added, went_on, drained, str(refused or ""))
    return Outcome()


def _done_of(said: Outcome) -> str:
    """Return how much of a wish was done, where not all of it was."""
    begun = (*said.went_on, *said.added)
    if not begun:
        return "The agents did not do it"
    slots = f"{'Slot' if len(begun) == 1 else 'Slots'} {', '.join(map(str, begun))}"
    return f"{slots} could be started and no more"


class RequestBox:
    """The host's side: takes the wishes, oldest first, each once."""

    def __init__(self, directory: Path, report: Callable[..., None]) -> None:
        """Look after the wishes of a host.

        Args:
            directory: The host's folder.
            report: Receives events.
        """
        self._folder = directory / "requests"
        self._report = report
        self._done: set[str] = set()

    def obey(self, do: Callable[[HostRequest], Mapping[str, Json]]) -> None:
        """Give each wish to `do`, which says what it did; what is no wish is reported and removed."""
        for name in self._names():
            try:
                request = _parse((self._folder / name).read_bytes())
            except FileNotFoundError:
                continue
            except (OSError, ValueError, TypeError) as error:
                self._report("request_refused", request=name, reason=str(error))
            else:
                self._report("request", request=name, **_said(request), **do(request))
            # What cannot be removed must not be done again and again.
            self._done.add(name)
            (self._folder / name).unlink(missing_ok=True)

    def _names(self) -> list[str]:
        try:
            # Names with a dot in front are being written.
            names = sorted(name for name in os.listdir(self._folder) if not name.startswith("."))
        except OSError:
            return []
        self._done &= set(names)
        return [name for name in names if name not in self._done]


def _parse(text: bytes) -> HostRequest:
    if len(text) > _MAX_BYTES:
        raise ValueError(f"it has {len(text)} bytes")
    entry: Any = json.loads(text)
    if not isinstance(entry, dict):
        raise ValueError("it is not a JSON object")
    slots, count, run_id = entry.get("slots", ()), entry.get("count", 0), entry.get("run_id", "")
    if not isinstance(slots, list | tuple) or not all(type(slot) is int for slot in slots):
        raise ValueError(f"slots {slots!r} are not numbers")
    if type(count) is not int or not isinstance(run_id, str):
        raise ValueError(f"count {count!r} or run {run_id!r} is not what it should be")
    return HostRequest(str(entry.get("do")), count, tuple(slots), run_id)


def _said(request: HostRequest) -> dict[str, Json]:
    details: dict[str, Json] = {"do": request.do}
    if request.count:
        details["count"] = request.count
    if request.slots:
        details["slots"] = list(request.slots)
    if request.run_id:
        details["run_id"] = request.run_id
    return details
