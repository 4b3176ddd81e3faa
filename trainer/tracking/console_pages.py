"""Reads a run's console log page by page, over W&B's wire protocol. A part of `WandbClient`.

Cursors are the server's own: those of the improved pagination (server 0.77 and later) go in both directions, those of
older servers nowhere. A page may be cut short by a bound on its size, with `hasNextPage` false in the middle of the log
(wandb 0.31, core/pkg/wbapi/runs.go): the numbers of the lines tell whether it is the last one.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from trainer.errors import NotFoundError, ServerError
from trainer.records import ConsoleLine, ConsolePage
from trainer.tracking import documents
from trainer.tracking.transport import GraphQLTransport
from trainer.wire import console_line

MAX_LINES = 20_000
"""Lines one call returns at most; the next call, with the number of the last one, goes on from there."""
_PAGE_LINES = 2_000
_LEGACY_LINES = 10_000
"""Lines that older servers give of the end at most."""
_REMEMBERED_RUNS = 32


class ConsolePages:
    """Console logs of runs; safe to share between threads."""

    def __init__(self, transport: GraphQLTransport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self._cursors: dict[tuple[str, str, str, int], str] = {}
        """Cursor behind the line of a number, for the positions last handed out."""
        self.is_legacy = False
        """Whether the server was found to know only the end of a log."""

    def read(self, entity: str, project: str, run_id: str, after: int) -> list[ConsoleLine]:
        """Return the lines whose number is greater than `after`, at most `MAX_LINES`, in order."""
        with self._lock:
            cursor = self._cursors.get((entity, project, run_id, after), "")
        number = after if cursor else -1
        lines: list[ConsoleLine] = []
        while len(lines) < MAX_LINES:
            page = self.page(entity, project, run_id, _PAGE_LINES, after=cursor)
            lines += [line for line in page.lines if line.number > after]
            number = page.lines[-1].number if page.lines else number
            is_last = not page.lines or page.newer in ("", cursor) or number + 1 >= page.total
            cursor = page.newer or cursor
            if is_last:
                break
        if cursor and number >= after:
            self._remember((entity, project, run_id, number), cursor)
        return lines

    def page(
        self, entity: str, project: str, run_id: str, lines: int, before: str = "", after: str | None = None
    ) -> ConsolePage:
        """Return up to `lines` lines: the last before a mark, or the first behind one (empty: from the beginning)."""
        where = {"entity": entity, "project": project, "name": run_id}
        if self.is_legacy:
            return self._legacy_end(where, lines, before, after)
        try:
            if after is not None:
                node = self._node(documents.CONSOLE_PAGE, {**where, "first": lines, "after": after or None})
            else:
                node = self._node(documents.CONSOLE_PAGE_BACK, {**where, "last": lines, "before": before or None})
        except ServerError as error:
            if "useImprovedPagination" not in str(error):
                raise
            self.is_legacy = True
            return self._legacy_end(where, lines, before, after)
        return page_of(node, after)

    def _legacy_end(self, where: Mapping[str, str], lines: int, before: str, after: str | None) -> ConsolePage:
        if before or after:
            return ConsolePage()
        node = self._node(documents.CONSOLE_TAIL, {**where, "last": _LEGACY_LINES if after is not None else lines})
        page = page_of(node, after)
        return ConsolePage(page.lines, page.total)

    def _node(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        run = (self._transport.execute(document, variables).get("project") or {}).get("run")
        if not run:
            where = "/".join(str(variables[part]) for part in ("entity", "project", "name"))
            raise NotFoundError(f"There is no run {where}.", hint="Check its id.")
        return dict(run)

    def _remember(self, position: tuple[str, str, str, int], cursor: str) -> None:
        with self._lock:
            self._cursors.pop(position, None)
            self._cursors[position] = cursor
            while len(self._cursors) > _REMEMBERED_RUNS:
                self._cursors.pop(next(iter(self._cursors)))


def page_of(node: Mapping[str, Any], after: str | None) -> ConsolePage:
    """Return the lines of a `Run` node: those behind the mark `after`, or (None) the last before one."""
    connection = node.get("logLines") or {}
    edges, info = connection.get("edges") or [], connection.get("pageInfo") or {}
    count = node.get("logLineCount")
    total = count if isinstance(count, int) else 0
    # Servers that do not number lines give their end, or begin at the first.
    first = max(total - len(edges), 0) if after is None else 0
    lines = [console_line(edge["node"], first + index) for index, edge in enumerate(edges)]
    total = max(total, lines[-1].number + 1 if lines else 0)
    has_older = bool(lines) and (bool(info.get("hasPreviousPage")) or lines[0].number > 0)
    older = str(info.get("startCursor") or "") if has_older else ""
    return ConsolePage(lines, total, older, str(info.get("endCursor") or ""))


class RunConsoles:
    """What runs printed."""

    _console: ConsolePages

    def read_console(self, entity: str, project: str, run_id: str, *, after: int = -1) -> list[ConsoleLine]:
        """Return the lines a run printed whose number is greater than `after`; at most `MAX_LINES`."""
        return self._console.read(entity, project, run_id, after)

    def read_console_page(
        self, entity: str, project: str, run_id: str, *, lines: int, before: str = "", after: str | None = None
    ) -> ConsolePage:
        """Return up to `lines` lines: the last before a mark, or the first behind one (empty: from the beginning)."""
        return self._console.page(entity, project, run_id, lines, before, after)
