"""What a CI job is told of its sweep: the summary on its page, outputs for later steps, and annotations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trainer.ci_job import CiJob
from trainer.errors import InputError
from trainer.gates.judging import Verdict
from trainer.records import Ranking, RunRecord, SweepRecord
from trainer.reports.facts import read_facts
from trainer.reports.markdown import render_markdown_report
from trainer.reports.parts import Part, parts_of
from trainer.settings import ServerKind
from trainer.tracking.client import TrackingClient
from trainer.tracking.tables import Table, printable

_BYTES = 1_000_000
"""A step's summary has room for 1 MiB; GitHub refuses all of a longer one."""


def job_summary(
    client: TrackingClient,
    sweep: SweepRecord,
    runs: Sequence[RunRecord],
    verdicts: Sequence[Verdict],
    problem: str,
    job: CiJob | None,
    by: Ranking = "best",
) -> str:
    """Return the summary as Markdown: outcome, gates, best configuration, leaderboard, curves, failures, origin.

    Args:
        client: The server, which is asked why runs failed.
        sweep: The sweep.
        runs: All its runs, with the curve of its metric.
        verdicts: How its gates were decided.
        problem: Why it could not go on; empty if nothing was.
        job: The job; None outside CI.
        by: Which value ranks.

    Raises:
        ServerError, AuthenticationError: If the server cannot be read.
    """
    facts = read_facts(client, sweep, runs, sweep.metric, by, with_insight=False)
    first, *rest = parts_of(facts)
    said = Part("", (problem,)) if problem else None
    parts = [part for part in (said, first, _where(client, sweep), _gates(verdicts), *rest, _job(job)) if part]
    text = render_markdown_report(sweep.name, parts)
    cut = text.encode()[:_BYTES].decode(errors="ignore")
    return text if len(cut) == len(text) else f"{cut}\n\n*Cut: the bundle has all of it.*\n"


def append_summary(path: Path, text: str) -> None:
    """Append to the file of a step's summary, which other steps may have written to.

    Raises:
        InputError: If it cannot be written.
    """
    _append(path, f"\n{text}\n")


def append_outputs(path: Path, outputs: dict[str, str]) -> None:
    """Append a step's outputs, one line each.

    Raises:
        InputError: If the file cannot be written.
    """
    _append(path, "".join(f"{name}={printable(value)}\n" for name, value in outputs.items()))


def annotation(title: str, sentence: str) -> str:
    """Return the line by which GitHub shows an error at the top of a job."""
    text, head = (_escaped(part) for part in (sentence, title))
    return f"::error title={head.replace(':', '%3A').replace(',', '%2C')}::{text}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror or error}.", hint="Choose another place."
        ) from error


def _where(client: TrackingClient, sweep: SweepRecord) -> Part | None:
    if client.connection.kind is ServerKind.EMBEDDED:
        sentence = "It ran on the embedded server of this job; `sweep-tui open` shows a bundle of it anywhere."
        return Part("", notes=(sentence,))
    return Part("", (), Table(("sweep",), ((sweep.url,),)), {sweep.url: sweep.url}) if sweep.url else None


def _gates(verdicts: Sequence[Verdict]) -> Part | None:
    if not verdicts:
        return None
    rows = tuple(("✓" if verdict.passed else "✗ missed", verdict.gate, verdict.sentence) for verdict in verdicts)
    return Part("Gates", (), Table(("", "gate", "reached"), rows))


def _job(job: CiJob | None) -> Part | None:
    if job is None:
        return None
    urls = [url for url in (job.commit_url, job.run_url) if url]
    table = Table(("job",), tuple((text,) for text in (job.words(), *urls)))
    return Part("", (), table, {url: url for url in urls})
