"""Trials of real programs against a real embedded server, which keeps nothing of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.contract.tracking_server import wait_for
from trainer.connection import connect
from trainer.errors import ProgramError
from trainer.process_identity import process_start
from trainer.records import Json
from trainer.server.lifecycle import stop_server
from trainer.settings import ServerKind, Settings
from trainer.tracking.wandb_client import WandbClient
from trainer.trial.report import Ending, TrialReport, TrialRun
from trainer.trial.runner import Trial, TrialLimits, TrialProgress
from trainer.trial.scratch import clear_away, trials_dir

QUICK = TrialLimits(rows=2, seconds=1.0, patience_seconds=0.1, ask_seconds=0.3)
SDK_PROGRAM = """
import sys, time, wandb
given = dict(word[2:].split("=") for word in sys.argv[1:])
if given["model"] == "gru":
    raise ValueError("no gru here")
run = wandb.init()
run.config.update({"width": 7}, allow_val_change=True)
for step in range(200):
    run.log({"acc": step, "loss": 1 / (step + 1)})
    time.sleep(0.1)
"""
HUNG = """
import signal, sys, time
for each in (signal.SIGINT, signal.SIGTERM):
    signal.signal(each, signal.SIG_IGN)
sys.stdout.buffer.write(bytes(range(256)) * 9)
sys.stdout.flush()
time.sleep(600)
"""
NEEDS_DATA = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.parse_args()
"""
FORKS = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
sys.exit(3)
"""
PROGRAMS = {
    "at_import": ("import no_such_module_anywhere", Ending.FAILED, "import_error"),
    "needs_data": (NEEDS_DATA, Ending.FAILED, "bad_flag"),
    "silent": ("print('done')", Ending.FINISHED, ""),
    "segfault": ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", Ending.FAILED, "segfault"),
    "hung": (HUNG, Ending.TIME, ""),
    "forks": (FORKS, Ending.FAILED, "unknown"),
}


@pytest.fixture
def cwd(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    stop_server()


def config(program: str, **changes: Json) -> dict[str, Json]:
    return {
        "program": program,
        "method": "random",
        "metric": {"name": "accuracy", "goal": "maximize"},
        "parameters": {"lr": {"min": 0.0, "max": 1.0}},
        "command": ["${env}", "${interpreter}", "${program}", "${args}"],
        **changes,
    }


def try_it(
    cwd: Path, program: str, points: Sequence[dict[str, Json]] = ({"lr": 0.5},), limits: TrialLimits = QUICK
) -> TrialReport:
    return Trial(config(program), points, cwd, limits).run()


def leaves_nothing() -> bool:
    client = WandbClient(connect(Settings(ServerKind.EMBEDDED, "")))
    return not list(trials_dir().glob("*")) and not client.list_sweeps()


def test_a_program_is_watched_until_it_has_shown_enough_and_the_failing_extreme_is_named(cwd: Path) -> None:
    (cwd / "train.py").write_text(SDK_PROGRAM)
    seen: list[TrialProgress] = []
    ended: list[TrialRun] = []
    points: list[dict[str, Json]] = [{"model": "mlp", "width": 3}, {"model": "gru", "width": 3}]
    trial = Trial(
        config("train.py"), points, cwd, TrialLimits(2, 30.0, 0.1), on_progress=seen.append, on_run=ended.append
    )
    report = trial.run()
    first, second = report.runs
    assert (first.ending, second.ending) == (Ending.ENOUGH, Ending.FAILED)
    assert first.rows >= 2 and first.metrics == ("acc", "loss")
    assert "accuracy was not logged yet; it logged acc, loss. Did you mean acc?" in first.notes()[0]
    assert first.step_seconds == pytest.approx(0.1, abs=0.08)
    assert first.stop_step == "asked" and not first.leftovers
    assert second.failure == "ValueError at train.py:5: ValueError: no gru here"
    assert report.headline() == "1 of 2 configurations do not work: number 2."
    assert ended == [first, second]
    assert {each.number for each in seen} == {1, 2} and max(each.rows for each in seen) >= 2
    assert leaves_nothing()


def test_every_way_to_go_wrong_has_its_sentence_and_leaves_nothing(cwd: Path) -> None:
    for name, (source, ending, kind) in PROGRAMS.items():
        (cwd / f"{name}.py").write_text(source)
        (run,) = try_it(cwd, f"{name}.py").runs
        assert (name, run.ending, run.failure_kind) == (name, ending, kind)
        assert not run.began and not run.is_good
        if name == "hung":
            assert run.stop_step == "killed" and run.seconds < 1.5
            assert "had to be killed" in " ".join(run.notes())
        if name == "silent":
            assert "never called wandb.init" in run.notes()[0]
        if name == "forks":
            assert "terminated" in run.leftovers
    with pytest.raises(ProgramError, match="does not exist"):
        try_it(cwd, "nowhere.py")
    assert leaves_nothing()


def test_a_trial_can_be_stopped_and_then_cut_off(cwd: Path) -> None:
    (cwd / "hung.py").write_text(HUNG)
    seen: list[TrialProgress] = []

    def stop(progress: TrialProgress) -> None:
        seen.append(progress)
        if len(seen) in (2, 3):
            trial.stop()

    limits = TrialLimits(seconds=60.0, ask_seconds=60.0)
    trial = Trial(config("hung.py"), [{"lr": 1}, {"lr": 2}], cwd, limits, on_progress=stop)
    began = time.monotonic()
    report = trial.run()
    assert time.monotonic() - began < 20
    assert [run.ending for run in report.runs] == [Ending.STOPPED]
    assert report.planned == 2


def test_a_trial_that_is_killed_takes_its_program_with_it_and_the_next_clears_up(cwd: Path) -> None:
    (cwd / "slow.py").write_text("import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)")
    (cwd / "sweep.yaml").write_text("program: slow.py\nmethod: grid\nparameters: {lr: {values: [1, 2]}}\n")
    (cwd / "silent.py").write_text("")
    command = [str(Path(sys.executable).parent / "sweep-tui"), "try", "sweep.yaml"]
    trial = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: (cwd / "pid").exists() and (cwd / "pid").read_text())
    pid = int((cwd / "pid").read_text())
    # What is killed is on record from then on.
    wait_for(lambda: any(str(pid) in path.read_text() for path in trials_dir().glob("*/state.json")))
    os.kill(trial.pid, signal.SIGKILL)
    trial.wait()
    wait_for(lambda: not process_start(pid))
    wait_for(lambda: any("host_lost" in path.read_text() for path in trials_dir().glob("*/events.jsonl")))
    assert not leaves_nothing()
    try_it(cwd, "silent.py")
    assert leaves_nothing()


def test_what_a_trial_is_just_making_is_not_cleared_away_by_another_one(cwd: Path) -> None:
    client = WandbClient(connect(Settings(ServerKind.EMBEDDED, "")))
    # Its folder is there before the record of whose it is.
    beginning = trials_dir() / "trial-begins"
    beginning.mkdir(parents=True)
    clear_away(client)
    assert beginning.is_dir()
    long_ago = time.time() - 3600
    os.utime(beginning, (long_ago, long_ago))
    clear_away(client)
    assert not beginning.exists()
