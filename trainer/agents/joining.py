"""More slots for a host that works on the sweep already, where a second host beside it would do the same."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from trainer.agents.devices import DeviceWish
from trainer.agents.host_files import HostFiles
from trainer.agents.policy import RunPolicy
from trainer.agents.pool import AgentHost, live_hosts
from trainer.agents.requests import ADD_SLOTS, REMOVE_SLOTS, STOP_RUN, HostRequest, partial_outcome
from trainer.agents.warm import chosen_fresh
from trainer.errors import AgentError
from trainer.records import LocalAgent, SweepReference
from trainer.settings import Connection

_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class JoinedHost(AgentHost):
    """A host of somebody else's, with slots that were added to it; to stop it is to stop these."""

    joined: tuple[int, ...] = ()
    refused: str = ""
    """Why not all were added that were asked for; empty where they were."""

    def request_stop(self) -> None:
        """Ask the runs of the added slots to end, and these slots to leave."""
        runs = [agent.run_id for agent in self._joined_agents() if agent.run_id]
        try:
            self.ask(HostRequest(REMOVE_SLOTS, slots=self.joined))
            for run_id in runs:
                self.ask(HostRequest(STOP_RUN, run_id=run_id))
        except AgentError:
            # It has ended meanwhile, and they with it.
            return

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for the added slots to leave; return whether they did in time."""
        deadline = time.monotonic() + timeout_seconds
        while self.is_alive() and not all(agent.state.is_terminal for agent in self._joined_agents()):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _joined_agents(self) -> list[LocalAgent]:
        return [agent for agent in self.agents() if agent.slot in self.joined]


def join(host: AgentHost, slots: int) -> JoinedHost:
    """Add slots to a host.

    Raises:
        AgentError: If it has ended, or has no room for any of them.
    """
    said = partial_outcome(host.directory, host.ask(HostRequest(ADD_SLOTS, count=slots)), host.is_alive)
    joined = (*said.went_on, *said.added)
    if not joined:
        raise AgentError(said.refused or "They added no slot.")
    return JoinedHost(
        host.directory, host.pid, host.reference, host.slots, host.process_start, joined=joined, refused=said.refused
    )


def host_to_join(
    connection: Connection, reference: SweepReference, cwd: Path, *, fresh: bool | None, wish: DeviceWish, live: bool,
    policy: RunPolicy,
) -> tuple[AgentHost | None, str]:  # fmt: skip
    """Return the host on this machine that would run what is asked for, and how, if there is one.

    Args:
        connection: The sweep's server.
        reference: The sweep.
        cwd: Folder in which the runs start.
        fresh: As `start_agents`.
        wish: The GPUs asked for.
        live: As `start_agents`.
        policy: How runs may go.

    Returns:
        The host; or None, with why the one there is cannot be joined, empty where there is none.
    """
    reason = ""
    for host in live_hosts(reference):
        try:
            files = HostFiles(host.directory)
            spec = files.read_spec()
        except AgentError:
            continue
        if spec.base_url != connection.base_url:
            continue
        differing = [
            name
            for name, is_other in (
                ("its folder", spec.cwd != cwd.resolve()),
                ("`--fresh`", spec.fresh != (chosen_fresh() if fresh is None else fresh)),
                ("its GPUs", (spec.device_wish or DeviceWish()) != wish),
                ("`--live`", spec.live != live),
                ("`--count`", spec.count is not None),
                ("its policy", spec.policy.to_json() != policy.to_json()),
            )
            if is_other
        ]
        if differing:
            reason = f"{' and '.join(differing)} {'differs' if len(differing) == 1 else 'differ'}"
        elif not files.takes_requests() or host.note() or not host.working_slots():
            reason = "it is about to begin or to end"
        else:
            return host, ""
    return None, reason
