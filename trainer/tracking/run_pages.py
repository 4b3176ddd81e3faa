"""Pages of runs, one after another: the server is at further ones while one is made into records."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from trainer.records import Metric, RunRecord
from trainer.tracking.transport import GraphQLTransport
from trainer.wire import run_records

Ready = Callable[[], object]
MAX_AHEAD = 8
"""Pages that are kept until there is time for them: a few megabytes each."""


def at_once() -> None:
    """Let records be made as soon as there is something to make them of."""


def read_run_pages(
    transport: GraphQLTransport,
    document: str,
    variables: Mapping[str, Any],
    project: Mapping[str, Any],
    metric: Metric | None,
    ready: Ready = at_once,
) -> list[RunRecord]:
    """Return the runs of a page and of all that follow it.

    Args:
        transport: The way to the server.
        document: Asks for a further page.
        variables: Its variables, but for the cursor.
        project: The project with the first page.
        metric: What is sampled in them; None for nothing.
        ready: Called before records are made; returns once there is time for that. Pages are read meanwhile.

    Raises:
        ServerError, NotFoundError, AuthenticationError: As `GraphQLTransport.execute`.
    """
    runs: dict[str, RunRecord] = {}
    for page in _pages_ahead(transport, document, variables, project):
        ready()
        for run in run_records([edge["node"] for edge in page.get("edges") or ()], metric):
            runs[run.id] = run
    return list(runs.values())


def _pages_ahead(
    transport: GraphQLTransport, document: str, variables: Mapping[str, Any], project: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """Yield the first page, then those that follow, each read while the ones before it are worked on."""
    first = project.get("runs") or {}
    if not _cursor_behind(first):
        yield first
        return
    pages: queue.Queue[Mapping[str, Any] | None] = queue.Queue(MAX_AHEAD)
    left = threading.Event()

    def read() -> None:
        page, cursor = first, _cursor_behind(first)
        try:
            while cursor and not left.is_set():
                answer = transport.execute(document, {**variables, "cursor": cursor})
                page = (answer.get("project") or {}).get("runs") or {}
                cursor = _cursor_behind(page)
                pages.put(page)
        finally:
            pages.put(None)

    with ThreadPoolExecutor(1) as ahead:
        reading = ahead.submit(read)
        try:
            yield first
            while (page := pages.get()) is not None:
                yield page
            reading.result()
        finally:
            left.set()
            while not reading.done():
                _drained(pages)


def _drained(pages: queue.Queue[Mapping[str, Any] | None]) -> None:
    """Make room for a reader that waits for some, so that it sees that nobody takes more."""
    try:
        pages.get(timeout=0.05)
    except queue.Empty:
        return


def _cursor_behind(page: Mapping[str, Any]) -> str:
    """Return the cursor of the page behind a page; empty where there is none."""
    info = page.get("pageInfo") or {}
    return str(info.get("endCursor") or "") if info.get("hasNextPage") else ""
