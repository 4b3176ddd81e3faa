from __future__ import annotations

import json
import math
import time
from pathlib import Path

import pytest

from trainer.durations import duration_text
from trainer.errors import InputError
from trainer.events import RunsChanged, SweepChanged
from trainer.progress import SweepProgress
from trainer.records import HistoryPoint, Json, Metric, RunRecord, SweepRecord, SweepReference
from trainer.report import Outcome, check_writable, report, write_report
from trainer.states import RunState, SweepState


def sweep(state: SweepState = SweepState.RUNNING) -> SweepRecord:
    config: dict[str, Json] = {"parameters": {"lr": {"values": [0.1, 0.2, 0.3]}, "data": {"value": "wine"}}}
    return SweepRecord(
        SweepReference("e", "p", "s"), "s", state, "grid", Metric("acc", "maximize"), config, run_count_expected=3
    )


def run(name: str, state: RunState, lr: float, *values: float) -> RunRecord:
    curve = tuple(HistoryPoint(step, {"acc": value}) for step, value in enumerate(values))
    summary: dict[str, Json] = {"acc": values[-1]} if values else {"loss": math.nan}
    config: dict[str, Json] = {"lr": lr, "data": "wine", "provenance": {"commit": name}}
    return RunRecord(name, name, state, config, summary, curve=curve, duration_seconds=1.5)


def progress_of(*runs: RunRecord, state: SweepState = SweepState.RUNNING) -> SweepProgress:
    progress = SweepProgress(sweep(), started=time.monotonic() - 10)
    progress.apply(RunsChanged(runs))
    progress.apply(SweepChanged(sweep(state)))
    return progress


def test_a_line_names_what_is_done_the_best_by_its_swept_keys_and_the_time_left() -> None:
    progress = progress_of(run("a", RunState.FINISHED, 0.1, 0.9, 0.7), run("b", RunState.RUNNING, 0.2, 0.8))
    assert progress.headline() == "1/3 done · 1 running · best acc 0.9 (lr=0.1)"
    assert progress.line().startswith(progress.headline() + " · ETA 20s")


def test_no_time_is_left_when_all_is_done() -> None:
    runs = [run(name, RunState.FAILED, 0.1) for name in "abc"]
    assert progress_of(*runs).line() == "3/3 done · 3 failed"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (59.4, "59s"), (185, "3m05s"), (7620, "2h07m")])
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_failed_runs_and_problems_decide_the_exit_code() -> None:
    fine = progress_of(run("a", RunState.FINISHED, 0.1, 0.9), run("b", RunState.KILLED, 0.2))
    assert Outcome(fine).exit_code == 0
    assert Outcome(fine, problem="gone").exit_code == 1
    assert Outcome(fine, interrupted=True).exit_code == 130
    assert Outcome(progress_of(run("a", RunState.CRASHED, 0.1))).exit_code == 1


def test_a_report_is_json_with_every_run_and_the_best(tmp_path: Path) -> None:
    ended = progress_of(
        run("a", RunState.FINISHED, 0.1, 0.9, 0.7), run("b", RunState.FAILED, 0.2), state=SweepState.FINISHED
    )
    path = tmp_path / "out.json"
    write_report(Outcome(ended), path)
    written = json.loads(path.read_text())
    assert written == report(Outcome(ended))
    assert (written["sweep"], written["method"], written["run_count"]) == ("e/p/s", "grid", 3)
    assert written["states"] == {"finished": 1, "failed": 1}
    assert (written["best"]["id"], written["best"]["value"]) == ("a", 0.9)
    assert {"id", "name", "state", "config", "summary", "seconds"} == set(written["runs"][0])
    assert written["runs"][1]["summary"] == {"loss": "NaN"}, "strict JSON has no NaN"
    assert [each.name for each in tmp_path.iterdir()] == ["out.json"]


def test_a_report_that_cannot_be_written_is_said_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="out.json"):
        check_writable(tmp_path / "nowhere" / "out.json")
    with pytest.raises(InputError):
        check_writable(tmp_path)
