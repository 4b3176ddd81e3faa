"""What an agent needs of the host around it."""

from __future__ import annotations

from typing import Protocol

from trainer.agents.host_life import HostLife
from trainer.agents.ledger import PointLedger
from trainer.agents.orders import Inheritance, OrderBook
from trainer.agents.pace import AgentLimits, AgentPace
from trainer.agents.run_logs import RunLogs
from trainer.agents.run_start import RunStarter
from trainer.records import Json, SweepReference
from trainer.tracking.client import TrackingClient


class Supervisor(Protocol):
    """The host, as its agents see it. Any of their threads may call it."""

    reference: SweepReference
    client: TrackingClient
    starter: RunStarter
    pace: AgentPace
    limits: AgentLimits
    life: HostLife
    logs: RunLogs
    orders: OrderBook
    ledger: PointLedger | None

    @property
    def stop_level(self) -> int:
        """0 to work, 1 to ask runs to end, 2 to terminate them, 3 to kill them."""

    def reserve_run(self) -> bool:
        """Take one of the runs the host may still start; False when none is left."""

    def return_run(self) -> None:
        """Give back a run that was reserved and not started."""

    def next_inheritance(self) -> Inheritance | None:
        """Take an agent of a host that crashed, to go on in its name; None when there is none."""

    def return_inheritance(self, inheritance: Inheritance) -> None:
        """Give back one that cannot be gone on with now."""

    def changed(self) -> None:
        """Have the state written."""

    def server_away(self) -> None:
        """Hear that the server did not answer."""

    def server_back(self) -> None:
        """Hear that the server answered."""

    def agent_left(self) -> None:
        """Hear that one slot is done for good."""

    @property
    def slots(self) -> int:
        """How many slots the host has."""

    def have_others_ask(self, slot: int) -> None:
        """Have the other slots ask the server now: one that had waited got a run, or heard that there is none."""

    def report(self, event: str, **details: Json) -> None:
        """Append an event to the host's record."""
