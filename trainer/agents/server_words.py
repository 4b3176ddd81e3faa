"""What an agent tells its server beside heartbeats; a server that does not hear it finds out by itself, later."""

from __future__ import annotations

from trainer.agents.supervisor import Supervisor
from trainer.errors import AuthenticationError, NotFoundError, ServerError
from trainer.settings import ServerKind

_NO_RUN = "none"


def tell_of_stop(host: Supervisor, run_id: str) -> None:
    """Mark a run as one that was asked to stop, so that it counts as killed and not as failed."""
    reference = host.reference
    try:
        host.client.stop_run(reference.entity, reference.project, run_id)
    except (ServerError, NotFoundError, AuthenticationError) as error:
        # The run is ended all the same; a server that did not hear of it will call it failed or crashed.
        host.report("stop_not_told", run_id=run_id, message=error.message)


def tell_of_end(host: Supervisor, agent_id: str) -> None:
    """Tell the embedded server that an agent's last run is over: it would else learn that by the agent's silence."""
    if not agent_id or host.client.connection.kind is not ServerKind.EMBEDDED:
        return
    try:
        # What lists a run is given no further one; a heartbeat without any would ask for it.
        host.client.heartbeat(agent_id, [_NO_RUN])
    except (ServerError, NotFoundError, AuthenticationError) as error:
        host.report("end_not_told", agent_id=agent_id, message=error.message)
