"""Which runs of a host that crashed are still to be done, and by whom: asked of the server before anything starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trainer.agents.duplicates import is_duplicate
from trainer.agents.orders import MAX_TAKEOVERS, Inheritance, Order
from trainer.agents.supervisor import Supervisor
from trainer.errors import AuthenticationError, NotFoundError, ServerError
from trainer.records import AgentCommand
from trainer.states import RunState


def keep_order(host: Supervisor, command: AgentCommand, agent_id: str) -> None:
    """Note a run that was handed to an agent, before it starts."""
    try:
        host.orders.keep(Order(command, agent_id))
    except OSError as error:
        # A full disk must not end the agent; only a crash of this host would lose the run now.
        host.report("order_not_kept", run_id=command.run_id, reason=str(error))


def go_on_with(
    host: Supervisor, inheritance: Inheritance, reserve: Callable[[Sequence[Order]], bool]
) -> list[Order] | None:
    """Tell the server that an agent whose host crashed goes on, and return the orders that it is to do.

    Args:
        host: The host that goes on with them.
        inheritance: The agent with its orders.
        reserve: Takes as many of the runs that the host may still start; False where so many are not left.

    Returns:
        None where nobody goes on in the name of this agent, now or at all.

    Raises:
        ServerError: If the server does not answer; the inheritance has been given back to the host.
    """
    try:
        due = [order for order in inheritance.orders if not _struck(host, order, _why_done(host, order))]
        if not reserve(due):
            host.return_inheritance(inheritance)
            return None
        # It may have given a run to another agent meanwhile, or want it stopped.
        answer = host.client.heartbeat(inheritance.agent_id, [order.command.run_id for order in due])
    except (NotFoundError, AuthenticationError) as error:
        host.report("not_taken_over", agent_id=inheritance.agent_id, reason=error.message)
        return None
    except ServerError:
        host.return_inheritance(inheritance)
        raise
    unwanted = {command.run_id for command in answer if command.type == "stop"}
    ours = []
    for order in due:
        run_id = order.command.run_id
        reason = "the server wants it stopped" if run_id in unwanted else ""
        if not reason and is_duplicate(host, order.command):
            reason = "another run has its point"
        if not _struck(host, order, reason):
            host.report("run_taken_over", run_id=run_id, takeovers=order.takeovers)
            ours.append(order)
    return ours


def _struck(host: Supervisor, order: Order, reason: str) -> bool:
    if reason:
        host.orders.forget(order.command.run_id)
        host.report("not_taken_over", run_id=order.command.run_id, reason=reason)
    return bool(reason)


def _why_done(host: Supervisor, order: Order) -> str:
    if order.takeovers > MAX_TAKEOVERS:
        return f"{order.takeovers} hosts crashed with it"
    reference = host.reference
    try:
        state = host.client.read_run(reference.entity, reference.project, order.command.run_id).state
    except NotFoundError:
        return "it was deleted"
    # What failed as its host crashed most likely failed because of that.
    return f"it is {state}" if state in (RunState.FINISHED, RunState.KILLED) else ""
