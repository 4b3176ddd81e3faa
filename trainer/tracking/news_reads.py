"""NewsReads: what is new of runs, many in one request, along with the next poll. A part of `WandbClient`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from trainer.settings import Connection, ServerKind
from trainer.tracking import documents
from trainer.tracking.console_pages import ConsolePages
from trainer.tracking.parts import Part
from trainer.tracking.run_news import (
    Curves,
    CurvesAsk,
    RunAsk,
    RunNews,
    curves_of,
    curves_part,
    news_of,
    part_of,
)


class NewsReads:
    """Histories that grow, consoles that go on, runs that change."""

    connection: Connection
    _console: ConsolePages
    _page_size: int

    def ask_parts(self, parts: Sequence[Part], stop: threading.Event | None, name: str) -> list[dict[str, Any]]:
        """Return what is answered to each part."""
        raise NotImplementedError

    def read_news(self, asks: Sequence[RunAsk], stop: threading.Event | None = None) -> list[RunNews | None]:
        """Return what is new of runs, in one request; None for those that the server does not have.

        Args:
            asks: What to know of which runs.
            stop: Where given, the answers come with the next poll of whoever polls this server, and setting it ends
                the wait for that; the server is asked at once where nobody polls.
        """
        run_fields = documents.run_fields(is_embedded=self.connection.kind is ServerKind.EMBEDDED)
        parts = [part_of(ask, run_fields, numbers_lines=not self._console.is_legacy) for ask in asks]
        projects = self.ask_parts(parts, stop, "RunNews")
        nodes = [project.get("run") for project in projects]
        return [news_of(ask, node) if node else None for ask, node in zip(asks, nodes, strict=True)]

    def read_curves(self, asks: Sequence[CurvesAsk], stop: threading.Event | None = None) -> Curves:
        """Return sampled curves of metrics, in one request; `stop` as in `read_news`."""
        pages = [
            CurvesAsk(ask.entity, ask.project, ask.run_ids[start : start + self._page_size], ask.metrics, ask.samples)
            for ask in asks
            for start in range(0, len(ask.run_ids), self._page_size)
        ]
        found: Curves = {}
        answers = self.ask_parts([curves_part(page) for page in pages], stop, "RunCurves")
        for page, project in zip(pages, answers, strict=True):
            found |= curves_of(page, project)
        return found
