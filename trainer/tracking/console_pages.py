"""Reads a run's console log page by page, and remembers where it stopped, since cursors are the server's own."""

from __future__ import annotations

import threading
from typing import Any

from trainer.errors import NotFoundError
from trainer.records import ConsoleLine
from trainer.tracking import documents
from trainer.tracking.transport import GraphQLTransport
from trainer.wire import console_line

MAX_LINES = 20_000
"""Lines one call returns at most; the next call, with the number of the last one, goes on from there."""
_PAGE_LINES = 2_000
_REMEMBERED_RUNS = 32


class ConsolePages:
    """Console logs of runs; safe to share between threads."""

    def __init__(self, transport: GraphQLTransport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self._cursors: dict[tuple[str, str, str, int], str] = {}
        """Cursor behind the line of a number, for the positions last handed out."""

    def read(self, entity: str, project: str, run_id: str, after: int) -> list[ConsoleLine]:
        """Return the lines whose number is greater than `after`, at most `MAX_LINES`, in order."""
        with self._lock:
            cursor = self._cursors.get((entity, project, run_id, after))
        number = after if cursor else -1
        lines: list[ConsoleLine] = []
        while len(lines) < MAX_LINES:
            page, info = self._page(entity, project, run_id, cursor)
            for node in page:
                line = console_line(node, number + 1)
                number = line.number
                if line.number > after:
                    lines.append(line)
            cursor = info.get("endCursor") or cursor
            if not page or not info.get("hasNextPage"):
                break
        if cursor and number >= after:
            self._remember((entity, project, run_id, number), cursor)
        return lines

    def _page(
        self, entity: str, project: str, run_id: str, cursor: str | None
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        data = self._transport.execute(
            documents.CONSOLE_PAGE,
            {"entity": entity, "project": project, "name": run_id, "first": _PAGE_LINES, "after": cursor},
        )
        run = (data.get("project") or {}).get("run")
        if not run:
            raise NotFoundError(f"There is no run {entity}/{project}/{run_id}.", hint="Check its id.")
        lines = run.get("logLines") or {}
        return [edge["node"] for edge in lines.get("edges") or ()], lines.get("pageInfo") or {}

    def _remember(self, position: tuple[str, str, str, int], cursor: str) -> None:
        with self._lock:
            self._cursors.pop(position, None)
            self._cursors[position] = cursor
            while len(self._cursors) > _REMEMBERED_RUNS:
                self._cursors.pop(next(iter(self._cursors)))
