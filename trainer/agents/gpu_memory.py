"""Memory of a slot's GPUs that is still in use after a run and was free before: found and told, never freed by us.

What a run left running is ended before anything is looked up here (`leftovers`). What is left then belongs to processes
that are gone, to ones that nobody can tell the run started, or to other people's: whoever reads the sentence decides.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from trainer.agents.assignment import read_occupancy
from trainer.agents.gpus import MIB, Gpu, GpuInventory, GpuUser, list_gpus, memory_text

_ANSWER_SECONDS = 5.0
_BEFORE_SECONDS = 0.2
"""A run does not wait longer for the look before it; a driver that is awake answers within 10 ms."""
_SETTLE_SECONDS = 3.0
"""The driver frees the memory of a process that was killed a moment after its end."""
_POLL_SECONDS = 0.3
_HIDDEN_BYTES = 200 * MIB
"""Less that no listed process holds is the driver's own: it keeps some for each process that comes and goes."""


Held = dict[str, set[int]]
"""Processes on GPUs that are not ours, by the GPU's UUID."""


@dataclass(frozen=True)
class _Look:
    inventory: GpuInventory
    ours: frozenset[int]
    """Processes of runs that are under way, of any slot."""
    in_use: frozenset[str]
    """GPUs on which runs are under way."""


def _look() -> _Look:
    inventory = list_gpus(_ANSWER_SECONDS)
    occupancy = read_occupancy(inventory)
    return _Look(inventory, occupancy.pids, occupancy.in_use)


class GpuMemoryWatch:
    """What the GPUs of one slot held before its run and hold after it."""

    def __init__(self, uuids: tuple[str, ...], look: Callable[[], _Look] = _look) -> None:
        """Prepare.

        Args:
            uuids: The slot's GPUs; with none, nothing is ever looked up.
            look: Reads the machine.
        """
        self._uuids = uuids
        self._ask = look
        self._lock = threading.Lock()
        self._hidden: dict[str, int] = {}
        """By UUID, the least memory ever seen that no listed process held."""
        self._gave_up = not uuids

    def before_run(self) -> Held:
        """Return what the GPUs hold; waits for the driver, but not for long: what it says later is filled in."""
        held: Held = {}
        if not self._gave_up:
            noting = threading.Thread(target=self._note, args=[held], name="gpu-memory", daemon=True)
            noting.start()
            noting.join(_BEFORE_SECONDS)
        return held

    def after_run(self, run_id: str, before: Held) -> str:
        """Return a sentence on what the GPUs still hold; empty where that is nothing. Blocks for a few seconds then.

        Args:
            run_id: The run that ended.
            before: What `before_run` returned before it began.
        """
        if self._gave_up:
            return ""
        deadline = time.monotonic() + _SETTLE_SECONDS
        while True:
            found, hidden = self._look(), dict[str, int]()
            told = (
                [text for gpu in self._gpus(found) if (text := self._text(gpu, found, before, hidden))] if found else []
            )
            if not told or time.monotonic() >= deadline:
                break
            time.sleep(_POLL_SECONDS)
        with self._lock:
            # Told once.
            self._hidden.update(hidden)
        return f"After run {run_id}, memory is in use that was free before: {'; '.join(told)}." if told else ""

    def free(self) -> dict[str, int]:
        """Return what each GPU of the machine has free now, by UUID; empty for a slot without GPUs."""
        if self._gave_up or (found := self._look()) is None:
            return {}
        return {gpu.uuid: max(gpu.memory_total - gpu.memory_used, 0) for gpu in found.inventory.gpus if not gpu.problem}

    def _look(self) -> _Look | None:
        found = self._ask()
        if found.inventory.is_fault:
            # A driver that does not answer would be waited for after every run.
            self._gave_up = True
        return None if self._gave_up else found

    def _gpus(self, found: _Look) -> list[Gpu]:
        return [gpu for gpu in found.inventory.gpus if gpu.uuid in self._uuids and not gpu.problem]

    def _note(self, held: Held) -> None:
        if (found := self._look()) is None:
            return
        with self._lock:
            for gpu in self._gpus(found):
                held[gpu.uuid] = {user.pid for user in gpu.users} - found.ours
                if (hidden := _hidden(gpu)) is not None:
                    # Where runs follow each other closely, one may have begun by now.
                    self._hidden[gpu.uuid] = min(hidden, self._hidden.get(gpu.uuid, hidden))

    def _text(self, gpu: Gpu, found: _Look, held: Held, told: dict[str, int]) -> str:
        """Return what a GPU newly holds that no run of ours uses now; note in `told` what no process has."""
        with self._lock:
            known, before = held.get(gpu.uuid), self._hidden.get(gpu.uuid)
        if known is None:
            return ""
        parts = [
            _named(user) for user in gpu.users
            if not user.draws_only and user.pid not in known and user.pid not in found.ours
        ]  # fmt: skip
        hidden = _hidden(gpu)
        if hidden is not None and before is not None and gpu.uuid not in found.in_use:
            if hidden - before >= _HIDDEN_BYTES:
                told[gpu.uuid] = hidden
                parts.append(f"{memory_text(hidden - before)} of no process that can be seen from here")
        return f"on {gpu} {' and '.join(parts)}" if parts else ""


def _hidden(gpu: Gpu) -> int | None:
    """Return the memory that no listed process holds; None where the driver does not say what they hold."""
    if any(user.memory is None for user in gpu.users):
        return None
    return max(gpu.memory_used - sum(user.memory or 0 for user in gpu.users), 0)


def _named(user: GpuUser) -> str:
    if user.program:
        return f"{user}, which the run did not start as far as can be seen"
    held = memory_text(user.memory) if user.memory is not None else "some"
    return f"{held} of process {user.pid}, which is gone or cannot be seen from here"
