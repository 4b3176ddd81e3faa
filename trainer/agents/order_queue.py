"""The runs that a slot was given and has not begun, with what it may still begin of the host's count."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from trainer.agents.duplicates import note_end
from trainer.agents.orders import Order
from trainer.agents.supervisor import Supervisor
from trainer.agents.taking_over import keep_order
from trainer.records import AgentCommand


class OrderQueue:
    """Used by the slot's thread only."""

    def __init__(self, host: Supervisor) -> None:
        self._host = host
        self._commands: deque[AgentCommand] = deque()
        self._reserved = 0

    def __len__(self) -> int:
        return len(self._commands)

    @property
    def run_ids(self) -> list[str]:
        """The runs, first to begin first."""
        return [command.run_id for command in self._commands]

    def reserve(self) -> bool:
        """Take one of the runs that the host may still start, if none is reserved; return whether one is."""
        if self._reserved == 0 and self._host.reserve_run():
            self._reserved = 1
        return self._reserved > 0

    def reserve_for(self, orders: Sequence[Order]) -> bool:
        """Take as many of the runs that the host may still start; return whether so many were left."""
        while self._reserved < len(orders):
            if not self._host.reserve_run():
                return False
            self._reserved += 1
        return True

    def add(self, command: AgentCommand, agent_id: str) -> bool:
        """Take a run that the server handed out; return False where the host may start no more."""
        if self._reserved <= len(self._commands):
            if not self._host.reserve_run():
                return False
            self._reserved += 1
        keep_order(self._host, command, agent_id)
        self._commands.append(command)
        return True

    def extend(self, commands: Iterable[AgentCommand]) -> None:
        """Take runs that are on record and reserved already."""
        self._commands.extend(commands)

    def pop(self) -> AgentCommand:
        """Take out the run that begins next."""
        self._reserved -= 1
        return self._commands.popleft()

    def remove(self, run_id: str) -> None:
        """Give up one run, if it is there."""
        if run_id in self.run_ids:
            self._commands = deque(command for command in self._commands if command.run_id != run_id)
            note_end(self._host, run_id, is_done=False)

    def clear(self) -> None:
        """Give up all runs."""
        for run_id in self.run_ids:
            self.remove(run_id)

    def give_back(self) -> None:
        """Let others start what was reserved."""
        while self._reserved:
            self._reserved -= 1
            self._host.return_run()
