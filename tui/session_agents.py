"""AgentActions: what a session does with the agents of this machine. All of it blocks; screens call it in workers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trainer.errors import AgentError
from trainer.records import LocalAgent, SweepReference
from trainer.settings import Connection

if TYPE_CHECKING:
    from trainer.tracking.client import TrackingClient


class AgentActions:
    """The part of `Session` that starts and ends local agents."""

    cwd: Path

    @property
    def client(self) -> TrackingClient:
        """The client of the connection."""
        raise NotImplementedError

    def connect(self) -> Connection:
        """Connect unless connected already."""
        raise NotImplementedError

    def start_agents(self, reference: SweepReference, count: int) -> None:
        """Start `count` more local agents for a sweep; blocks."""
        from trainer.agents.assignment import assign_devices
        from trainer.agents.devices import DeviceWish
        from trainer.agents.pool import start_agents

        connection, sweep = self.connect(), self.client.read_sweep(reference)
        plan = assign_devices(DeviceWish(), count)
        try:
            start_agents(connection, sweep, count, cwd=self.cwd, devices=plan)
        finally:
            plan.release()

    def add_agent(self, reference: SweepReference) -> None:
        """Have one more local agent work for a sweep: in the host that runs, else in a new one; blocks.

        Raises:
            ServerError, AgentError, DeviceError: If the server or this machine refuses.
        """
        from trainer.agents.pool import live_hosts
        from trainer.agents.requests import ADD_SLOTS, HostRequest

        hosts = live_hosts(reference)
        if hosts:
            hosts[-1].ask_and_wait(HostRequest(ADD_SLOTS, count=1))
        else:
            self.start_agents(reference, 1)

    def drain_agent(self, reference: SweepReference, agent: LocalAgent | None = None) -> None:
        """Have one local agent of a sweep leave after its current run, an idle one at once; blocks.

        Args:
            reference: The sweep.
            agent: Which one; None for one that is idle, else for the last.

        Raises:
            AgentError: If none is left that takes runs, or its host cannot be told.
        """
        from trainer.agents.pool import live_hosts
        from trainer.agents.requests import REMOVE_SLOTS, HostRequest

        hosts = [host for host in live_hosts(reference) if host.working_slots()]
        if agent is not None:
            hosts = [host for host in hosts if host.pid == agent.host_pid]
        if not hosts:
            raise AgentError("No agent on this machine takes further runs of this sweep.")
        slots = (agent.slot,) if agent is not None else ()
        hosts[-1].ask_and_wait(HostRequest(REMOVE_SLOTS, count=1, slots=slots))

    def drain_agents(self, reference: SweepReference) -> None:
        """Have all local agents of a sweep leave after their current runs; blocks.

        Raises:
            AgentError: If none takes runs, or a host cannot be told.
        """
        from trainer.agents.pool import live_hosts
        from trainer.agents.requests import DRAIN, HostRequest

        hosts = [host for host in live_hosts(reference) if host.working_slots()]
        if not hosts:
            raise AgentError("No agent on this machine takes further runs of this sweep.")
        for host in hosts:
            host.ask_and_wait(HostRequest(DRAIN))

    def stop_agents(self, reference: SweepReference) -> int:
        """Ask the local agents of a sweep to stop their runs and end; return how many hosts were asked. Blocks."""
        from trainer.agents.pool import live_hosts

        for host in (hosts := live_hosts(reference)):
            host.request_stop()
        return len(hosts)
