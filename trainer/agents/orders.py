"""The runs that a host has taken upon itself and not seen end: one file each, in the `orders` folder of its folder.

Written before a run starts, removed when it has ended. What is left when a host has crashed is taken over by another
host of the sweep: its runs begin anew under their ids, in the name of the agents that were given them, so that for the
server nothing has happened but a pause.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from trainer.records import AgentCommand

MAX_TAKEOVERS = 10
"""A run during which so many hosts have crashed is likely why they did."""


@dataclass(frozen=True)
class Order:
    """A run that was handed to an agent."""

    command: AgentCommand
    agent_id: str
    """The agent that the server gave it to."""
    takeovers: int = 0
    """How many hosts have crashed while they had it."""


@dataclass(frozen=True)
class Inheritance:
    """An agent whose host crashed, with the runs it had. To be taken on by one slot."""

    agent_id: str
    orders: tuple[Order, ...] = ()
    """None where its last answer may have been lost: the server gives the order again to who asks in its name."""


class OrderBook:
    """The orders of one host. A file has one owner at any moment: to take over is to rename it."""

    def __init__(self, directory: Path) -> None:
        self._folder = directory / "orders"

    def keep(self, order: Order) -> None:
        """Note an order, or how it has changed.

        Raises:
            OSError: If it cannot be written.
        """
        self._folder.mkdir(exist_ok=True)
        command = order.command
        entry = {
            "type": command.type,
            "run_id": command.run_id,
            "args": command.args,
            "agent_id": order.agent_id,
            "takeovers": order.takeovers,
        }
        part = self._path(command.run_id).with_suffix(".part")
        part.write_text(json.dumps(entry), encoding="utf-8")
        os.replace(part, self._path(command.run_id))

    def forget(self, run_id: str) -> None:
        """Strike an order; one that is not there is no error."""
        self._path(run_id).unlink(missing_ok=True)

    def orders(self) -> list[Order]:
        """Return what is left, as far as it can be read."""
        found = []
        for path in self._paths():
            try:
                entry = json.loads(path.read_text(encoding="utf-8"))
                command = AgentCommand(entry["type"], entry["run_id"], entry["args"])
                found.append(Order(command, entry["agent_id"], entry["takeovers"]))
            except (OSError, ValueError, KeyError, TypeError):
                # Half-written when the power went: the server gives the run up in its own time.
                continue
        return found

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        return not self._paths()

    def take_from(self, other: OrderBook) -> list[Order]:
        """Take over all that is left in the book of a host that crashed."""
        taken = []
        for order in other.orders():
            run_id = order.command.run_id
            self._folder.mkdir(exist_ok=True)
            try:
                os.rename(other._path(run_id), self._path(run_id))
            except FileNotFoundError:
                continue
            counted = replace(order, takeovers=order.takeovers + 1)
            self.keep(counted)
            taken.append(counted)
        return taken

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("*.json"))

    def _path(self, run_id: str) -> Path:
        return self._folder / f"{Path(run_id).name}.json"


def inheritances(orders: Iterable[Order], agent_ids: Iterable[str]) -> list[Inheritance]:
    """Return what each agent had; `agent_ids` are those of a crashed host, with or without orders."""
    by_agent: dict[str, list[Order]] = {}
    for order in orders:
        by_agent.setdefault(order.agent_id, []).append(order)
    for agent_id in agent_ids:
        by_agent.setdefault(agent_id, [])
    # Those with runs first: they are where time was lost.
    ordered = sorted(by_agent.items(), key=lambda item: not item[1])
    return [Inheritance(agent_id, tuple(found)) for agent_id, found in ordered]
