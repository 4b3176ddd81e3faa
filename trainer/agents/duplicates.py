"""What an agent does about points that are handed out twice: the ledger says which, the server is told."""

from __future__ import annotations

from trainer.agents.server_words import tell_of_stop
from trainer.agents.supervisor import Supervisor
from trainer.errors import AuthenticationError, NotFoundError, ServerError
from trainer.records import AgentCommand
from trainer.states import RunState

MAX_DUPLICATES = 10
"""When a server hands out only points that were run, this often in a row, the grid is done: agents leave."""


def is_duplicate(host: Supervisor, command: AgentCommand) -> bool:
    """Return whether the point of a run is another run's; it is its own from now on where it is not.

    A duplicate is not started. Where the server has made a run of it, that is ended: nobody will begin it.
    """
    if host.ledger is None:
        return False
    other = host.ledger.claim(command.run_id, command.args or {})
    if other and _came_to_nothing(host, other) and host.ledger.reopen(other):
        host.report("point_reopened", run_id=command.run_id, point_of=other)
        other = host.ledger.claim(command.run_id, command.args or {})
    if not other:
        return False
    host.report("duplicate_skipped", run_id=command.run_id, point_of=other)
    tell_of_stop(host, command.run_id)
    return True


def _came_to_nothing(host: Supervisor, run_id: str) -> bool:
    """Return whether the server has no results of a run: its process ended well, and yet it failed, or was deleted."""
    reference = host.reference
    try:
        state = host.client.read_run(reference.entity, reference.project, run_id).state
    except NotFoundError:
        return True
    except (ServerError, AuthenticationError):
        return False
    return state.is_terminal and state is not RunState.FINISHED


def hands_out_only_duplicates(host: Supervisor) -> bool:
    """Return whether nothing but duplicates has been handed out for a while; said in the host's record."""
    if host.ledger is None or host.ledger.refused_in_a_row < MAX_DUPLICATES:
        return False
    host.report("only_duplicates", count=host.ledger.refused_in_a_row)
    return True


def note_end(host: Supervisor, run_id: str, *, is_done: bool) -> None:
    """Strike the order of a run that has ended or will not be begun, and say in the ledger what became of its point."""
    host.orders.forget(run_id)
    if host.ledger is not None:
        host.ledger.ended(run_id, is_done=is_done)
