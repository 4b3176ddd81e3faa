"""Pages of runs, one after another: the server is at the next one while this one is made into records."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from trainer.records import Metric, RunRecord
from trainer.tracking.transport import GraphQLTransport
from trainer.wire import run_record


def read_run_pages(
    transport: GraphQLTransport,
    document: str,
    variables: Mapping[str, Any],
    project: Mapping[str, Any],
    metric: Metric | None,
) -> list[RunRecord]:
    """Return the runs of a page and of all that follow it.

    Args:
        transport: The way to the server.
        document: Asks for a further page.
        variables: Its variables, but for the cursor.
        project: The project with the first page.
        metric: What is sampled in them; None for nothing.

    Raises:
        ServerError, NotFoundError, AuthenticationError: As `GraphQLTransport.execute`.
    """
    runs: dict[str, RunRecord] = {}
    with ThreadPoolExecutor(1) as ahead:  # starts no thread before it is given something
        while True:
            page = project.get("runs") or {}
            info = page.get("pageInfo") or {}
            following = None
            if info.get("hasNextPage") and info.get("endCursor"):
                following = ahead.submit(transport.execute, document, {**variables, "cursor": info["endCursor"]})
            for edge in page.get("edges") or ():
                run = run_record(edge["node"], metric)
                runs[run.id] = run
            if following is None:
                return list(runs.values())
            project = following.result().get("project") or {}
