"""Follow a sweep together with its local agents, and bring the embedded server back when it dies meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from trainer.agents.pool import local_agents
from trainer.connection import revive
from trainer.errors import ServerError
from trainer.events import ServerLost, SweepEvent
from trainer.records import LocalAgent, SweepReference
from trainer.tracking.client import SweepSnapshot, TrackingClient
from trainer.tracking.follow import follow_sweep


def watch_sweep(
    client: TrackingClient,
    reference: SweepReference,
    stop: threading.Event,
    *,
    agents: Callable[[], tuple[LocalAgent, ...]] | None = None,
    forever: bool = False,
    hurry: threading.Event | None = None,
    first: Callable[[], SweepSnapshot] | None = None,
) -> Iterator[SweepEvent]:
    """Yield everything about a sweep and its local agents, then every change.

    Args:
        client: The server of the sweep.
        reference: The sweep.
        stop: Ends watching when set.
        agents: Reads the local agents; None for those that `trainer.agents.pool` knows.
        forever: Whether to go on when the sweep is over, for one that may be resumed.
        hurry: As `follow_sweep`.
        first: As `follow_sweep`.

    Raises:
        NotFoundError, AuthenticationError: As `follow_sweep`.
    """
    read_agents = agents or (lambda: local_agents(reference))
    for event in follow_sweep(
        client, reference, stop=stop, agents=read_agents, forever=forever, hurry=hurry, first=first
    ):
        yield event
        if isinstance(event, ServerLost) and not stop.is_set():
            # Told before: one that has to be started is waited for.
            try:
                revive(client.connection)
            except ServerError as error:
                yield ServerLost(error.message, event.retry_in_seconds)
