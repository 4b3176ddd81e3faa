"""`try`: run one configuration of a sweep file, or a few extremes, before it is launched."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from trainer.agents.log_tail import without_escapes
from trainer.commands.options import EXIT_FAILED, EXIT_INTERRUPTED, narrate
from trainer.commands.planning import load_clean
from trainer.durations import parse_duration
from trainer.errors import InputError
from trainer.records import Json

if TYPE_CHECKING:
    from trainer.trial.report import TrialReport, TrialRun
    from trainer.trial.runner import Trial, TrialProgress

_STOPPING = {
    "asked": "it is asked to end",
    "terminated": "it does not end: it is terminated",
    "killed": "it does not end: it is killed",
}


@click.command(name="try", short_help="Run one configuration of FILE for a few steps, and throw it away.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--point", type=click.IntRange(1), help="The configuration, by its number in `plan`; 1 unless given.")
@click.option("--extremes", is_flag=True, help="Up to 8 configurations with each bound and each choice, one by one.")
@click.option("--steps", type=click.IntRange(1), default=5, show_default=True, help="Logged rows that are enough.")
@click.option("--timeout", default="60s", show_default=True, metavar="TIME", help="Longest time of each run.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def try_(file: Path, point: int | None, extremes: bool, steps: int, timeout: str, as_json: bool) -> int:
    """Run one configuration of FILE for a few steps, as an agent would, before the sweep is launched.

    It runs against the embedded server, in a project of its own that is deleted afterwards, whatever server the sweep
    will use. What it took is remembered for `plan`. Exit code: 0 it works, 1 it does not, 2 bad input, 130 interrupted.
    """
    from trainer.launch import check_launch
    from trainer.run_times import remember
    from trainer.trial.extremes import Extremes, extreme_points, nth_point
    from trainer.trial.runner import Trial, TrialLimits

    if point is not None and extremes:
        raise click.UsageError("--point and --extremes exclude each other.")
    limits = TrialLimits(rows=steps, seconds=parse_duration(timeout))
    config, cwd = load_clean(file), Path.cwd()
    check_launch(config, cwd)
    chosen = extreme_points(config) if extremes else Extremes((nth_point(config, point or 1),))
    narration = _Narration(len(chosen.configurations))
    trial = Trial(
        config,
        chosen.configurations,
        cwd,
        limits,
        on_progress=narration.progress,
        on_run=narration.ended,
        left_out=chosen.left_out,
    )
    with _interruptible(trial) as interrupted:
        report = trial.run()
    if (known := report.run_time()) is not None:
        try:
            remember(config, cwd, known)
        except InputError as error:
            narrate(f"What it took is not remembered: {error}")
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2))
    else:
        click.echo("\n".join(_report_lines(report)))
    if interrupted.is_set():
        return EXIT_INTERRUPTED
    return 0 if report.is_good else EXIT_FAILED


class _Narration:
    """Tells on stderr what is tried, what it prints and how it ended."""

    def __init__(self, planned: int) -> None:
        self._planned = planned
        self._number = 0
        self._offset = 0
        self._log: Path | None = None
        self._stopping = ""

    def progress(self, progress: TrialProgress) -> None:
        """Tell which configuration is under way, and pass on what it has printed since."""
        if progress.number != self._number:
            self._number, self._offset, self._log, self._stopping = progress.number, 0, progress.log_path, ""
            of = f" {progress.number} of {self._planned}" if self._planned > 1 else ""
            narrate(f"Trying{of}: {_config_text(progress.config)}")
        self._pass_on(is_over=False)
        if progress.stopping != self._stopping:
            self._stopping = progress.stopping
            narrate(f"  … {_STOPPING.get(progress.stopping, progress.stopping)}")

    def ended(self, run: TrialRun) -> None:
        """Tell the end of one run among several; of a single one, the report does."""
        self._pass_on(is_over=True)
        if self._planned > 1:
            narrate(f"  {run.headline()}")

    def _pass_on(self, *, is_over: bool) -> None:
        try:
            with self._log.open("rb") if self._log is not None else open("/dev/null", "rb") as file:
                file.seek(self._offset)
                new = file.read(2**20)
        except OSError:
            return
        # A line that is still being written waits for its end.
        cut = len(new) if is_over else new.rfind(b"\n") + 1
        self._offset += cut
        for line in map(_shown, new[:cut].split(b"\n")[: None if is_over else -1]):
            is_told = not line.startswith("wandb: ") or line.startswith(("wandb: ERROR", "wandb: WARNING"))
            if not line or not is_told:
                continue  # what the SDK says of its own work
            narrate(f"  | {line}")


def _shown(line: bytes) -> str:
    """Return a line as a terminal would have left it, with a dot for what is no text."""
    text = without_escapes(line.rstrip(b"\r").rpartition(b"\r")[2].decode("utf-8", "replace"))
    return "".join(mark if mark.isprintable() or mark == "\t" else "·" for mark in text).rstrip()


def _report_lines(report: TrialReport) -> list[str]:
    lines = []
    if report.planned == 1 and report.runs:
        lines += [report.runs[0].headline(), *(f"  {note}" for note in report.runs[0].notes())]
    else:
        lines.append(("✓ " if report.is_good else "✗ ") + report.headline())
        for run in report.runs:
            lines += [f"{run.number}. {_config_text(run.config)}", f"   {run.headline()}"]
            lines += [f"   {note}" for note in run.notes()]
    lines += [f"Not tried: {what}." for what in report.left_out]
    if (known := report.run_time()) is not None:
        lines.append(f"So a run takes {known.basis()}.".replace(" a run,", ",", 1))
    return lines


def _config_text(config: dict[str, Json] | object) -> str:
    from trainer.run_filter import flat_items

    assert isinstance(config, dict)
    return " ".join(f"{key}={value}" for key, value in flat_items(config))


@contextmanager
def _interruptible(trial: Trial) -> Iterator[threading.Event]:
    """Have Ctrl-C, a closed terminal and a polite kill end the trial in good order; a second one kills its run."""
    interrupted = threading.Event()

    def stop(number: int, _: FrameType | None) -> None:
        trial.stop(now=interrupted.is_set() or number == signal.SIGHUP)
        interrupted.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
