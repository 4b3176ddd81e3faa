"""A sweep's report from its server or bundle to the text of a file: what the command and the app call."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from trainer.records import Metric, Ranking, RunRecord, SweepRecord
from trainer.reports.facts import read_facts
from trainer.reports.html import render_html_report
from trainer.reports.markdown import render_markdown_report
from trainer.reports.parts import parts_of
from trainer.tracking.client import TrackingClient


def render_report(
    client: TrackingClient,
    sweep: SweepRecord,
    runs: Sequence[RunRecord],
    metric: Metric | None,
    by: Ranking = "best",
    *,
    html: bool,
    read_at: datetime | None = None,
) -> str:
    """Return the report; blocks as `read_facts` does.

    Args:
        client: The server, or the bundle.
        sweep: The sweep.
        runs: All its runs, with the curve of `metric`.
        metric: What ranks them.
        by: Which value of it.
        html: Whether it is to be a page; else Markdown.
        read_at: When the runs were read; None for now.

    Raises:
        ServerError, AuthenticationError: If the server cannot be read.
    """
    parts = parts_of(read_facts(client, sweep, runs, metric, by, read_at))
    return (render_html_report if html else render_markdown_report)(sweep.name, parts)
