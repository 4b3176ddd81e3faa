"""What the agents of this machine were handed of one grid, so that a point handed out twice is run once.

For servers that are not ours: W&B's own grid search hands a point out again to agents that ask at the same moment, and
when a program changed a value (github.com/wandb/wandb/issues/7749, 7350). The embedded server needs no ledger. One
JSON-lines file per sweep, shared by all hosts; a line is one write under a lock.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from trainer.errors import SweepConfigError
from trainer.paths import ledgers_dir
from trainer.process_identity import is_running, process_start
from trainer.records import Json, SweepReference
from trainer.settings import ServerKind
from trainer.sweep.space import SearchSpace

_VERSION = 1


class Report(Protocol):
    """Takes an event for the host's record."""

    def __call__(self, event: str, **details: Json) -> None:
        """Append it."""


@dataclass(slots=True)
class _Holder:
    """A run that was started here for a point."""

    run_id: str
    pid: int
    process_start: str
    """The host that started it."""
    is_done: bool | None = None
    """Whether it did its work; None while that is not known."""

    @property
    def has_it(self) -> bool:
        """Whether the point is done, or about to be. What a host that died left undone is not."""
        return self.is_done if self.is_done is not None else is_running(self.pid, self.process_start)


class PointLedger:
    """Which run of which host has which point of a grid. Thread-safe, and safe between processes.

    Attributes:
        refused_in_a_row: How many runs had no point of their own since the last one that had.
    """

    def __init__(self, path: Path, space: SearchSpace, report: Report) -> None:
        """Remember where the ledger is; `report` hears of a file that fails."""
        self._report = report
        self.refused_in_a_row = 0
        self._path = path
        self._space = space
        self._pid = os.getpid()
        self._process_start = process_start(self._pid)

    def claim(self, run_id: str, config: Mapping[str, Json]) -> str:
        """Take the point of a run that was handed out.

        Returns:
            Empty when it is this run's, also when it was before (a run that is tried again); else the id of the run
            that finished it or is at it. Empty too where the file fails: rather a point twice than not at all.
        """
        try:
            other = self._claim(run_id, config)
        except OSError as error:
            self._report("ledger_failed", run_id=run_id, message=str(error))
            other = ""
        self.refused_in_a_row = self.refused_in_a_row + 1 if other else 0
        return other

    def reopen(self, run_id: str) -> bool:
        """Take back that a run did its work, where it ended and is said to have; return whether it was."""
        try:
            with self._locked() as descriptor:
                holders = [holder for its in _holders(descriptor).values() for holder in its]
                if not any(holder.run_id == run_id and holder.is_done for holder in holders):
                    return False
                _append(descriptor, {"event": "ended", "run": run_id, "done": False})
                return True
        except OSError as error:
            self._report("ledger_failed", run_id=run_id, message=str(error))
            return False

    def ended(self, run_id: str, *, is_done: bool) -> None:
        """Note how a run that had its point ended."""
        try:
            with self._locked() as descriptor:
                _append(descriptor, {"event": "ended", "run": run_id, "done": is_done})
        except OSError as error:
            self._report("ledger_failed", run_id=run_id, message=str(error))

    def _claim(self, run_id: str, config: Mapping[str, Json]) -> str:
        point = hashlib.blake2b(repr(self._space.key_of(config)).encode("utf-8", "replace"), digest_size=12).hexdigest()
        with self._locked() as descriptor:
            holders = _holders(descriptor)
            for holder in holders.get(point, []):
                if holder.run_id != run_id and holder.has_it:
                    return holder.run_id
            _append(
                descriptor,
                {"event": "started", "point": point, "run": run_id, "pid": self._pid, "start": self._process_start},
            )
        return ""

    @contextmanager
    def _locked(self) -> Iterator[int]:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)


def ledger_of(
    config: Mapping[str, Json], kind: ServerKind, base_url: str, reference: SweepReference, report: Report
) -> PointLedger | None:
    """Return the ledger of a sweep; None where a point cannot be handed out twice, or may well be.

    Only a grid promises each point once; random and bayes search may draw one again on purpose.
    """
    if kind is ServerKind.EMBEDDED or config.get("method") != "grid" or config.get("scheduler"):
        return None
    try:
        space = SearchSpace.from_config(config)
    except SweepConfigError:
        return None
    name = hashlib.blake2b(f"{base_url} {reference}".encode(), digest_size=12).hexdigest()
    return PointLedger(ledgers_dir() / f"{name}.jsonl", space, report)


def _holders(descriptor: int) -> dict[str, list[_Holder]]:
    """Return who was given each point; lines that a crash cut off, and those of later versions, are left out."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        lines = stream.read().splitlines()
    by_point: dict[str, list[_Holder]] = {}
    by_run: dict[str, _Holder] = {}
    for line in lines:
        try:
            entry = json.loads(line)
            if entry["v"] != _VERSION:
                continue
            if entry["event"] == "started":
                holder = _Holder(entry["run"], entry["pid"], entry["start"])
                its = by_point.setdefault(entry["point"], [])
                # A run that is tried again is one run.
                its[:] = [earlier for earlier in its if earlier.run_id != holder.run_id] + [holder]
                by_run[holder.run_id] = holder
            elif entry["event"] == "ended" and entry["run"] in by_run:
                by_run[entry["run"]].is_done = bool(entry["done"])
        except (ValueError, KeyError, TypeError):
            continue
    return by_point


def _append(descriptor: int, entry: Mapping[str, Json]) -> None:
    line = json.dumps({"v": _VERSION, "at": datetime.now(UTC).isoformat(), **entry}) + "\n"
    size = os.lseek(descriptor, 0, os.SEEK_END)
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        line = "\n" + line
    os.write(descriptor, line.encode())
