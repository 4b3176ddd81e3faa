"""The options of `run` by which a sweep passes or fails, and what a CI job is told at its end."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trainer.ci_job import ci_job
from trainer.commands.options import EXIT_FAILED, narrate
from trainer.errors import InputError, TrainerError

if TYPE_CHECKING:
    from trainer.gates.judging import Gates, ReadRuns, Verdict
    from trainer.records import Json, RunRecord
    from trainer.report import Outcome
    from trainer.settings import Settings
    from trainer.sweep.config import SweepFile
    from trainer.tracking.client import TrackingClient
    from trainer.tracking.wandb_client import WandbClient

EXIT_MISSED = 3

_F = TypeVar("_F", bound=Callable[..., Any])
_NAMES = ("asserts", "baseline", "margin", "junit", "summary")


@dataclass(frozen=True)
class Conclusion:
    """What is to be concluded from a sweep when it has ended, and where that is written."""

    gates: Gates
    junit: Path | None = None
    summary: Path | None = None
    """The Markdown summary; None for that of the CI job, if there is one."""

    def __bool__(self) -> bool:
        """Whether anything was asked for, which the app does not do."""
        return bool(self.gates) or self.junit is not None or self.summary is not None


def gate_options(command: _F) -> _F:
    """Add the options; the command gets what they mean as its argument `conclusion`."""

    @functools.wraps(command)
    def with_conclusion(*args: Any, **kwargs: Any) -> Any:
        given = {name: kwargs.pop(name) for name in _NAMES}
        return command(*args, conclusion=_conclusion(**given), **kwargs)

    wrapped: Any = with_conclusion
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]


def _conclusion(
    asserts: tuple[str, ...], baseline: Path | None, margin: float | None, junit: Path | None, summary: Path | None
) -> Conclusion:
    from trainer.gates.assertions import parse_assertion
    from trainer.gates.baseline import read_baseline
    from trainer.gates.judging import Gates
    from trainer.report import check_writable

    if margin is not None and baseline is None:
        raise click.UsageError("--margin belongs to --baseline.")
    for path in (junit, summary):
        if path is not None:
            check_writable(path)
    gates = Gates(
        tuple(map(parse_assertion, asserts)), read_baseline(baseline) if baseline is not None else None, margin or 0.0
    )
    return Conclusion(gates, junit, summary)


def project_of_job(settings: Settings, sweep_file: SweepFile) -> str | None:
    """Return the project of a CI job's branch, and say so; None outside CI, where one was named, or none is mapped.

    Raises:
        InputError: If the mapping of branches cannot be used.
    """
    job = ci_job(os.environ)
    if job is None or settings.project is not None or not job.branch:
        return None
    from trainer.branch_projects import project_for

    project = project_for(job.branch, sweep_file.text, sweep_file.source, Path.cwd())
    narrate(f"CI:     {job.words()}" + (f"; project {project}" if project else ""))
    return project


def described_by_job(config: dict[str, Json]) -> dict[str, Json]:
    """Return a sweep's configuration whose description says which CI job made it; unchanged outside CI."""
    job = ci_job(os.environ)
    if job is None:
        return config
    said = config.get("description")
    return config | {"description": f"{said} — {job.note()}" if isinstance(said, str) and said else job.note()}


def conclude(client: WandbClient, outcome: Outcome, conclusion: Conclusion, json_path: Path | None) -> int:
    """Decide the gates of a sweep that has ended, write what was asked for, and return the command's exit code.

    Raises:
        InputError: If a file cannot be written.
    """
    from trainer.report import write_report
    from trainer.reports.job_summary import annotation

    job = ci_job(os.environ)
    # Gates and summary most often look at the same metric: all runs with its curves are read once.
    read = functools.cache(lambda metric: client.read_runs(outcome.progress.sweep, metric))
    verdicts, code = _verdicts(read, outcome, conclusion.gates)
    code = outcome.exit_code or code
    for verdict in verdicts:
        narrate(f"Gate {'passed' if verdict.passed else 'missed'}: {verdict.sentence}")
    missed = [verdict for verdict in verdicts if not verdict.passed]
    code = code or (EXIT_MISSED if missed else 0)
    if job is not None:
        for sentence in [verdict.sentence for verdict in missed] + ([outcome.problem] if outcome.problem else []):
            narrate(annotation(f"sweep {outcome.progress.sweep.name}", sentence))
    if json_path is not None:
        write_report(outcome, json_path, verdicts)
    if not outcome.interrupted and not outcome.problem:
        _mark_best_model(client, outcome)
    try:
        _tell(client, read, outcome, conclusion, verdicts)
    except InputError:
        raise
    except TrainerError as error:
        # The server is away: the exit code and the lines above have said how it went.
        narrate(f"The summary could not be written: {error}")
        code = code or EXIT_FAILED
    return code


def _mark_best_model(client: WandbClient, outcome: Outcome) -> None:
    from trainer.tracking.best_model import mark_after_sweep

    sweep = outcome.progress.sweep
    try:
        model = mark_after_sweep(client, sweep, tuple(outcome.progress.runs.values()))
    except TrainerError as error:
        narrate(f"The best model could not be marked: {error}")
        return
    if model is not None:
        narrate(f"Model:  {model.artifact.name} is `best`; sweep-tui fetch-best {sweep.reference} downloads it")


def _verdicts(read: ReadRuns, outcome: Outcome, gates: Gates) -> tuple[list[Verdict], int]:
    if not gates or outcome.interrupted:
        return [], 0
    from trainer.gates.judging import judge

    sweep, runs = outcome.progress.sweep, tuple(outcome.progress.runs.values())
    seconds = time.monotonic() - outcome.progress.started
    try:
        return judge(gates, sweep, runs, seconds, read), 0
    except TrainerError as error:
        narrate(f"Error: the gates could not be decided: {error}")
        return [], EXIT_FAILED


def _tell(
    client: TrackingClient, read: ReadRuns, outcome: Outcome, conclusion: Conclusion, verdicts: list[Verdict]
) -> None:
    progress = outcome.progress
    sweep = progress.sweep
    summary, outputs = conclusion.summary, ""
    job = ci_job(os.environ)
    if job is not None:
        outputs = os.environ.get("GITHUB_OUTPUT", "")
        told = os.environ.get("GITHUB_STEP_SUMMARY", "")
        summary = summary or (Path(told) if told else None)
    runs: tuple[RunRecord, ...] = tuple(progress.runs.values())
    if conclusion.junit is not None:
        from trainer.gates.junit import write_junit

        failures = [group for agent in progress.agents for group in agent.failures]
        seconds = time.monotonic() - progress.started
        write_junit(conclusion.junit, sweep, runs, failures, verdicts, outcome.problem, seconds)
    if outputs:
        from trainer.reports.job_summary import append_outputs

        best = progress.best
        value = best.metric_value(sweep.metric, "best") if best is not None and sweep.metric else None
        told_best = {} if best is None else {"best-run": best.id, "best-value": "" if value is None else repr(value)}
        append_outputs(Path(outputs), {"sweep": str(sweep.reference), "url": sweep.url, **told_best})
    if summary is not None:
        from trainer.reports.job_summary import append_summary, job_summary

        if sweep.metric is not None:
            runs = tuple(read(sweep.metric))
        append_summary(summary, job_summary(client, sweep, runs, verdicts, outcome.problem, job))


_OPTIONS = (
    click.option(
        "--assert",
        "asserts",
        multiple=True,
        metavar="CONDITION",
        help="What must hold at the end, else exit code 3: 'best(accuracy)>=0.9', 'mean(loss)<0.4', 'failed<=2'.",
    ),
    click.option(
        "--baseline",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="No worse than this, else exit code 3: a file of `best SWEEP` or `run --json`.",
    ),
    click.option("--margin", type=click.FloatRange(0), help="How much worse than --baseline is allowed."),
    click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write runs and gates as JUnit XML."),
    click.option(
        "--summary",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Append a Markdown summary; in a GitHub job that of the job unless given.",
    ),
)
