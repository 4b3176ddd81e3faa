"""How the builder looks in each of its states: pictures that are compared with the ones kept beside this file.

A picture that changed is looked at before it is accepted; CONTRIBUTING.md says how.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Footer, Input, Static, TextArea
from textual.widgets._footer import FooterKey

from tests.ui.memory_session import MemorySession, make_sweep
from tests.ui.wait_for import wait_for
from trainer.records import HistoryPoint, Json, Metric, RunRecord
from trainer.search.cost import RunTime
from trainer.search.narrowing import Narrowing, narrowing
from trainer.states import RunState
from trainer.sweep.config import parse_sweep_text
from trainer.sweep.rules import RuleLine
from trainer.tracking.evaluated import evaluated
from trainer.trial.report import Ending, TrialReport, TrialRun
from tui.app import SweepApp
from tui.kept_drafts import KeptDraft
from tui.screens.diff import DiffScreen
from tui.screens.kept_draft import KeptDraftScreen
from tui.screens.launch import LaunchScreen
from tui.screens.preview import PreviewScreen
from tui.screens.program_import import OptionsList, ProgramImportScreen
from tui.screens.save_sweep import SaveSweepScreen
from tui.screens.sweep_builder import SweepBuilderScreen
from tui.screens.trial import TrialScreen

S = TypeVar("S", bound=Screen[Any])
SMALL, MIDDLE, LARGE = (80, 24), (120, 36), (200, 50)
STILL_SECONDS = 0.3
"""A picture that stays the same that long is done: a pause in typing is half of it."""
TRAIN = """\
import argparse
import wandb

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.001, help="step size of the optimizer")
parser.add_argument("--batch_size", type=int, default=32)
parser.add_argument("--optimizer", choices=["sgd", "adam"], default="adam")
parser.add_argument("--amp", action="store_true", help="half precision")
parser.add_argument("--layers", type=int, default=2)
args = parser.parse_args()
run = wandb.init(config=args)
run.log({"val_accuracy": 0.5})
"""
SWEEP = """\
# The rates that are worth their time.
name: rates
description: which rate learns fastest
method: random
run_cap: 40
program: train.py
metric:
  name: val_accuracy
  goal: maximize
early_terminate:
  type: hyperband
  max_iter: 27
  s: 3

parameters:
  lr:  # the step size
    distribution: log_uniform_values
    min: 1e-5
    max: 0.1
  layers: {values: [2, 4, 8]}
  optimizer:
    values: [sgd, adam]
    probabilities: [0.25, 0.75]
"""
DRAWN = """\
method: random
run_cap: 20
command: [python, t.py, "${args}"]
parameters:
  rate: {distribution: log_uniform_values, min: 1.0e-5, max: 0.1}
  noise: {distribution: normal, mu: 0, sigma: 2}
  share: {distribution: q_uniform, min: 0, max: 1, q: 0.1}
  loss: {values: [huber, mse, mae], probabilities: [0.5, 0.3, 0.2]}
"""
NESTED = """\
method: grid
command: [python, t.py, "${args}"]
parameters:
  dataset: {value: wine}
  optimizer:
    parameters:
      name: {values: [sgd, adam]}
      schedule:
        parameters:
          warmup: {values: [0, 100, 500]}
          decay: {values: [linear, cosine]}
      #: off momentum: {values: [0.8, 0.9]}
  seed: {values: [1, 2, 3]}
"""
WRONG = """\
method: bayes
program: train.py
metric: {name: val_loss, goal: maximise}
parameters:
  lr: {min: 0.1, max: 0.01}
  amp: {values: [true, false]}
  layer: {values: [2, 4]}
  optimizer: {values: [sgd, adamw]}
"""
UNREADABLE = SWEEP.replace("  layers: {values: [2, 4, 8]}", "  layers: {values: [2, 4, 8}")
RULED = """\
method: grid
command: [python, t.py, "${args}"]
metric: {name: loss, goal: minimize}
parameters:
  batch_size: {values: [16, 32, 64]}
  accumulation: {values: [1, 2, 4]}
  optimizer: {values: [sgd, adam]}
"""
RUNS = tuple(
    RunRecord(
        f"r{index}", f"run {index}", RunState.FINISHED,
        {"lr": 10 ** (-5 + 4 * index / 59), "layers": [2, 4, 8][index % 3], "optimizer": ["sgd", "adam"][index % 2]},
        {"val_accuracy": 1 - abs(-2.9 + 4 * index / 59) / 5 - (index % 2) * 0.3},
    )
    for index in range(60)
)  # fmt: skip


class Snapshot(Protocol):
    """What pytest-textual-snapshot hands to a test."""

    def __call__(
        self,
        app: SweepApp,
        *,
        terminal_size: tuple[int, int],
        run_before: Callable[[Pilot[None]], Awaitable[None]],
    ) -> bool: ...


class GivenSession(MemorySession):
    """A server with one sweep and its runs; what a run takes is given."""

    def run_time(self, config: Mapping[str, Json]) -> RunTime | None:
        return RunTime(90.0, 80.0, 110.0, 12, "earlier runs", 0.0)

    def count_gpus(self) -> int:
        return 0

    def narrowing(self, sweep: Any) -> Narrowing:
        return narrowing(sweep.config, evaluated(RUNS, sweep.metric), sweep.metric.goal)


class StoppedClock(datetime):
    """Always the same afternoon."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> StoppedClock:
        return cls(2026, 3, 2, 14, 30, tzinfo=tz)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one program; nothing around it that a picture could depend on."""
    (tmp_path / "train.py").write_text(TRAIN)
    for name in ("NO_COLOR", "TERM", "COLORTERM", "TMUX", "STY", "SSH_CONNECTION", "SSH_TTY", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr("trainer.agents.environment.interpreter_folder", lambda environ, cwd: Path("/venv/bin"))
    monkeypatch.setattr("tui.widgets.yaml_editor.MARK_SECONDS", 0.1)
    monkeypatch.setattr("tui.screens.builder_cost.datetime", StoppedClock)
    return tmp_path


async def shown(pilot: Pilot[None], kind: type[S]) -> S:
    await wait_for(pilot, lambda: isinstance(pilot.app.screen, kind) and pilot.app.screen.is_mounted)
    screen = pilot.app.screen
    assert isinstance(screen, kind)
    return screen


async def built(pilot: Pilot[None], text: str | None) -> SweepBuilderScreen:
    """Open the builder and wait until it says all that it finds out by itself."""
    app = pilot.app
    assert isinstance(app, SweepApp)
    app.session.connect()
    config = parse_sweep_text(text, "text").config if text else None
    screen = SweepBuilderScreen(app.session, config, None, text)
    await app.push_screen(screen)
    has_program = text is None or "program:" in text
    await wait_for(pilot, lambda: not has_program or screen.document.program is not None)
    await wait_for(pilot, lambda: screen._run_time is not None)
    return screen


async def settled(pilot: Pilot[None]) -> None:
    """Wait until nothing moves any more: what comes after a pause in typing is there, marks of changes are gone."""
    app = pilot.app
    app.clear_notifications()
    for each in app.screen.query("Input, TextArea"):
        assert isinstance(each, Input | TextArea)
        each.cursor_blink = False
    footers = app.screen.query(Footer)
    await wait_for(pilot, lambda: all(footer.query(FooterKey) for footer in footers))
    seen = ""
    deadline = time.monotonic() + 10
    while (now := app.export_screenshot()) != seen and time.monotonic() < deadline:
        seen = now
        await pilot.pause(STILL_SECONDS)
        await pilot.wait_for_scheduled_animations()


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE], ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_fresh_sweep(snap_compare: Snapshot, folder: Path, size: tuple[int, int]) -> None:
    async def run(pilot: Pilot[None]) -> None:
        await built(pilot, None)
        await settled(pilot)

    assert snap_compare(SweepApp(GivenSession(cwd=folder)), terminal_size=size, run_before=run)


@pytest.mark.parametrize("name", ["rate", "noise", "share", "loss"])
def test_what_a_distribution_yields(snap_compare: Snapshot, folder: Path, name: str) -> None:
    async def run(pilot: Pilot[None]) -> None:
        screen = await built(pilot, DRAWN)
        await screen.go_to(f"parameters.{name}")
        await settled(pilot)

    assert snap_compare(SweepApp(GivenSession(cwd=folder)), terminal_size=SMALL, run_before=run)


@pytest.mark.parametrize("size", [SMALL, MIDDLE], ids=["80x24", "120x36"])
@pytest.mark.parametrize("state", ["nested", "problems"])
def test_parameters(snap_compare: Snapshot, folder: Path, state: str, size: tuple[int, int]) -> None:
    async def run(pilot: Pilot[None]) -> None:
        screen = await built(pilot, NESTED if state == "nested" else WRONG)
        await screen.go_to("parameters.optimizer.parameters.schedule" if state == "nested" else "parameters.lr")
        await settled(pilot)

    assert snap_compare(SweepApp(GivenSession(cwd=folder)), terminal_size=size, run_before=run)


@pytest.mark.parametrize("size", [SMALL, MIDDLE], ids=["80x24", "120x36"])
def test_yaml_that_cannot_be_read(snap_compare: Snapshot, folder: Path, size: tuple[int, int]) -> None:
    async def run(pilot: Pilot[None]) -> None:
        screen = await built(pilot, SWEEP)
        if size == SMALL:
            await pilot.press("ctrl+t")
        screen.yaml.load_text(UNREADABLE)
        await wait_for(pilot, lambda: screen.document.text_problem is not None)
        await settled(pilot)

    assert snap_compare(SweepApp(GivenSession(cwd=folder)), terminal_size=size, run_before=run)


def test_rules(snap_compare: Snapshot, folder: Path) -> None:
    async def run(pilot: Pilot[None]) -> None:
        screen = await built(pilot, RULED)
        screen.document.draft.rules = [RuleLine("batch_size * accumulation <= 64"), RuleLine("batch_size > many")]
        screen.document.form_edited("write rules", "")
        await screen.show_document()
        await screen.show_section("section-rules")
        await settled(pilot)

    assert snap_compare(SweepApp(GivenSession(cwd=folder)), terminal_size=MIDDLE, run_before=run)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "200x50"])
def test_the_search_and_its_bands(snap_compare: Snapshot, folder: Path, size: tuple[int, int]) -> None:
    async def run(pilot: Pilot[None]) -> None:
        screen = await built(pilot, SWEEP)
        await screen.go_to("early_terminate.max_iter")
        await settled(pilot)

    assert snap_compare(SweepApp(GivenSession(cwd=folder)), terminal_size=size, run_before=run)


@pytest.mark.parametrize("size", [SMALL, MIDDLE], ids=["80x24", "120x36"])
def test_the_program_and_its_command(snap_compare: Snapshot, folder: Path, size: tuple[int, int]) -> None:
    async def run(pilot: Pilot[None]) -> None:
        screen = await built(pilot, SWEEP + 'command: ["${env}", "${interpreter}", "${program}", --quiet, "${args}"]\n')
        await screen.go_to("command[3]")
        await settled(pilot)

    assert snap_compare(SweepApp(GivenSession(cwd=folder)), terminal_size=size, run_before=run)


def test_the_preview(snap_compare: Snapshot, folder: Path) -> None:
    async def run(pilot: Pilot[None]) -> None:
        await built(pilot, NESTED)
        await pilot.press("f6")
        screen = await shown(pilot, PreviewScreen)
        await wait_for(pilot, lambda: screen.rows is not None and screen.table.rows is screen.rows)
        await settled(pilot)

    assert snap_compare(SweepApp(GivenSession(cwd=folder)), terminal_size=MIDDLE, run_before=run)


class GivenTrial(TrialScreen):
    """A trial whose outcome is given; the times of a real one differ."""

    CSS_PATH = str(Path(__file__).parents[3] / "tui" / "screens" / "trial.tcss")

    def run_trial(self, point: int) -> None:  # type: ignore[override]
        good = TrialRun(
            1, {"lr": 1e-5, "layers": 2}, ("python", "train.py", "--lr=1e-05", "--layers=2"), Ending.ENOUGH, 8.4,
            run_seconds=6.0, history=tuple(HistoryPoint(step, {"val_accuracy": 0.5}) for step in range(3)),
            metrics=("epoch", "val_accuracy"), metric="val_accuracy", stop_step="asked", tail=("epoch 2",),
        )  # fmt: skip
        bad = TrialRun(
            2, {"lr": 0.1, "layers": 8}, ("python", "train.py", "--lr=0.1", "--layers=8"), Ending.FAILED, 3.2,
            exit_code=1, failure_kind="crash", failure="RuntimeError: loss is nan", metric="val_accuracy",
            tail=("Traceback (most recent call last):", "RuntimeError: loss is nan"),
        )  # fmt: skip
        trial = cast(Any, None)
        self.post_message(self.RunEnded(trial, good, ["epoch 0", "epoch 1", "epoch 2"]))
        self.post_message(self.RunEnded(trial, bad, list(bad.tail)))
        self.post_message(self.TrialEnded(trial, TrialReport((good, bad), 2)))


def test_what_came_of_a_trial(snap_compare: Snapshot, folder: Path) -> None:
    async def run(pilot: Pilot[None]) -> None:
        screen = await built(pilot, SWEEP)
        trial = GivenTrial(screen.session, screen.document.config())
        await pilot.app.push_screen(trial)
        await wait_for(pilot, lambda: trial.report is not None)
        await settled(pilot)

    assert snap_compare(SweepApp(GivenSession(cwd=folder)), terminal_size=SMALL, run_before=run)


def test_parameters_of_a_program(snap_compare: Snapshot, folder: Path) -> None:
    async def run(pilot: Pilot[None]) -> None:
        await built(pilot, SWEEP)
        await pilot.press("f9")
        dialog = await shown(pilot, ProgramImportScreen)
        await wait_for(pilot, lambda: len(dialog.names) > 0)
        dialog.query_one("#path", Input).value = "train.py"
        await pilot.press("enter")
        await wait_for(pilot, lambda: dialog.query_one(OptionsList).option_count == 5)
        await wait_for(pilot, lambda: "train.py" in str(dialog.query_one("#option-facts", Static).render()))
        await settled(pilot)

    assert snap_compare(SweepApp(GivenSession(cwd=folder)), terminal_size=SMALL, run_before=run)


@pytest.mark.parametrize(("key", "kind"), [("ctrl+l", LaunchScreen), ("f2", SaveSweepScreen)], ids=["launch", "save"])
def test_the_dialog_to(snap_compare: Snapshot, folder: Path, key: str, kind: type[Screen[Any]]) -> None:
    async def run(pilot: Pilot[None]) -> None:
        await built(pilot, SWEEP)
        await pilot.press(key)
        await shown(pilot, kind)
        await settled(pilot)

    assert snap_compare(SweepApp(GivenSession(cwd=folder)), terminal_size=SMALL, run_before=run)


def test_how_a_sweep_is_narrowed(snap_compare: Snapshot, folder: Path) -> None:
    async def run(pilot: Pilot[None]) -> None:
        await wait_for(pilot, lambda: bool(pilot.app.screen.query("#sweeps:focus")))
        await pilot.press("N")
        await shown(pilot, DiffScreen)
        await settled(pilot)

    config = parse_sweep_text(SWEEP, "text").config
    sweep = make_sweep("rates", config=config, metric=Metric("val_accuracy", "maximize"), method="random")
    assert snap_compare(SweepApp(GivenSession([sweep], cwd=folder)), terminal_size=MIDDLE, run_before=run)


def test_the_offer_of_a_kept_draft(snap_compare: Snapshot, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(pilot: Pilot[None]) -> None:
        await built(pilot, None)
        pilot.app.push_screen(KeptDraftScreen(draft.summary, "1 more is kept; you are asked about it next time."))
        await shown(pilot, KeptDraftScreen)
        await settled(pilot)

    # Its time of day is told in the user's time zone, whatever that is here.
    noon = datetime(2026, 3, 2, 12).astimezone().isoformat()
    draft = KeptDraft(SWEEP, "", None, "rates", 3, noon)
    assert snap_compare(SweepApp(GivenSession(cwd=folder)), terminal_size=SMALL, run_before=run)
