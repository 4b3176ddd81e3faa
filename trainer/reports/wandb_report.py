"""A sweep as a W&B Report: what it holds, and the process that writes it with W&B's own library.

The library (wandb-workspaces) takes its server and key from the environment and imports the whole SDK, so it works in a
process of its own, `wandb_report_writer`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.errors import InputError, MissingPackageError, ServerError
from trainer.records import Json, RunRecord
from trainer.reports.facts import ReportFacts
from trainer.reports.markdown import render_markdown_table
from trainer.reports.parts import Part, parts_of
from trainer.settings import TELLTALE_VARIABLES, Connection, ServerKind
from trainer.tracking.leaderboard import swept_columns
from trainer.tracking.tables import printable

_TIMEOUT_SECONDS = 600
_TITLE = 120
"""Characters; W&B takes 128."""
_MORE_METRICS = 3
"""Line plots beside that of the sweep's metric."""
_AXES = 12
"""Parameters in the plot of parallel coordinates."""


@dataclass(frozen=True, slots=True)
class SavedReport:
    """A report that was written."""

    url: str
    is_new: bool
    """Whether it was made; else one of an earlier time was changed."""


def require_report_writer() -> None:
    """Raise before anything is read if reports cannot be written.

    Raises:
        MissingPackageError: If wandb-workspaces is not installed.
    """
    if importlib.util.find_spec("wandb_workspaces") is None:
        raise MissingPackageError(
            "A W&B Report is written by wandb-workspaces, which is not installed.",
            hint="Run `pip install 'sweep-tui[reports]'`, or take Markdown or HTML.",
        )


def save_wandb_report(connection: Connection, facts: ReportFacts, *, always_new: bool = False) -> SavedReport:
    """Write the report of a sweep beside it on its server; blocks for some seconds.

    The one that an earlier call made is changed: its title, and what people wrote below its last line, stay.

    Args:
        connection: The server.
        facts: What is in it.
        always_new: Whether to make another one.

    Raises:
        MissingPackageError: If wandb-workspaces is not installed.
        InputError: If the sweep is of a bundle.
        ServerError: If the report could not be written.
    """
    require_report_writer()
    if connection.kind is ServerKind.BUNDLE:
        raise InputError(
            f"A W&B Report lives on a server, and {connection.base_url} is a bundle.", hint="Take Markdown or HTML."
        )
    request = report_request(facts) | {"new": always_new}
    kept = {name: text for name, text in os.environ.items() if name not in TELLTALE_VARIABLES}
    environ = kept | connection.environ() | {"WANDB_SILENT": "true"}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "trainer.reports.wandb_report_writer"],
            input=json.dumps(request),
            env=environ,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ServerError("The W&B Report was not saved within ten minutes.", hint="Try again.") from error
    answer = _answer(done.stdout)
    if "url" not in answer:
        words = str(answer.get("error") or (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1])
        raise ServerError(
            f"The W&B Report was not saved: {words.rstrip('.')}.",
            hint="See whether the key may write to this project; `--new` makes another report.",
        )
    return SavedReport(str(answer["url"]), answer.get("inserted") is True)


def _answer(printed: str) -> dict[str, Json]:
    """Return what the writer said: its last line; empty if it ended without a word."""
    lines = printed.strip().splitlines()
    try:
        answer = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def report_request(facts: ReportFacts) -> dict[str, Json]:
    """Return what the writer is told: where the report goes, and its blocks as plain values."""
    sweep = facts.sweep
    overview, *others = [part for part in parts_of(facts) if part.chart is None]
    blocks: list[Json] = []
    for part in others:
        # What the panels show stands before the rows that were read: it goes on living.
        if part.title == "Leaderboard":
            blocks += [{"kind": "heading", "text": "Runs"}, _panels(facts)]
        blocks += _blocks(part)
    return {
        "entity": sweep.reference.entity,
        "project": sweep.reference.project,
        "title": report_title(sweep.name, sweep.reference.id),
        "description": " ".join(overview.sentences),
        "mark": f"Made by sweep-tui from the sweep {sweep.reference}.",
        "blocks": blocks,
    }


def report_title(name: str, sweep_id: str) -> str:
    """Return a title without what would break the report's address, which the library makes of it unquoted."""
    words = re.sub(r"[\s/\\#?%&]+", " ", printable(name)).strip()
    return f"{words[: _TITLE - len(sweep_id)]} {sweep_id}" if words and words != sweep_id else f"Sweep {sweep_id}"


def _blocks(part: Part) -> list[Json]:
    blocks: list[Json] = [{"kind": "heading", "text": part.title}] if part.title else []
    blocks += [{"kind": "text", "text": sentence} for sentence in part.sentences]
    if part.code:
        blocks.append({"kind": "code", "text": part.code})
    if part.table is not None and part.table.rows:
        blocks.append({"kind": "markdown", "text": render_markdown_table(part.table, part.links)})
    blocks += [{"kind": "text", "text": note} for note in part.notes]
    return blocks


def _panels(facts: ReportFacts) -> dict[str, Json]:
    sweep, metric = facts.sweep, facts.metric
    return {
        "kind": "panels",
        "sweep": sweep.reference.id,
        "name": printable(sweep.name),
        "metric": None if metric is None else metric.name,
        "minimize": metric is None or metric.goal == "minimize",
        "metrics": [*other_metrics(facts.runs, None if metric is None else metric.name)],
        "parameters": [*swept_columns(sweep, facts.runs)[:_AXES]],
    }


def other_metrics(runs: Sequence[RunRecord], but: str | None) -> list[str]:
    """Return the numbers that most runs have in their summaries, without one of them."""
    counts = Counter(
        name
        for run in runs
        for name, value in run.summary.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and name != but
    )
    return [name for name, _ in counts.most_common(_MORE_METRICS)]
