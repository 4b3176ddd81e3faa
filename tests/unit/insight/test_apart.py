"""The process that analyses says what is computed here, and fails in one sentence."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
import time

import pytest

from tests.unit.insight.synthetic import a_sweep, peaked_runs
from trainer.errors import AnalysisError, SweepConfigError
from trainer.insight.apart import InsightProcess
from trainer.insight.report import insight_of


def test_another_process_says_what_is_computed_here_and_is_replaced_when_it_was_killed() -> None:
    sweep, runs = a_sweep(), peaked_runs(16)
    assert sweep.metric is not None
    process = InsightProcess()
    found = process.insight_of(sweep, runs, sweep.metric, "last")
    assert found == insight_of(sweep, runs, sweep.metric, "last")
    assert found.table.runs[0] is next(run for run in runs if run.id == found.table.runs[0].id)

    broken = dataclasses.replace(sweep, config={**sweep.config, "parameters": {"lr": {"min": "low", "max": 1}}})
    with pytest.raises(SweepConfigError) as refused:
        process.insight_of(broken, runs, sweep.metric, "last")
    with pytest.raises(SweepConfigError) as here:
        insight_of(broken, runs, sweep.metric, "last")
    assert (refused.value.message, refused.value.hint) == (here.value.message, here.value.hint)

    assert process._process is not None
    os.kill(process._process.pid, signal.SIGKILL)
    process._process.wait()
    assert process.insight_of(sweep, runs[:4], sweep.metric, "last").importance.problem
    process.close()
    with pytest.raises(AnalysisError, match="closed"):
        process.insight_of(sweep, runs, sweep.metric, "last")


def test_closing_ends_what_is_being_computed() -> None:
    sweep, runs = a_sweep(), peaked_runs(16)
    assert sweep.metric is not None
    process, failures = InsightProcess(), []
    process.begin()

    def ask() -> None:
        assert sweep.metric is not None
        try:
            process.insight_of(sweep, runs, sweep.metric, "last")
        except AnalysisError as error:
            failures.append(error.message)

    thread = threading.Thread(target=ask)
    thread.start()
    while not process._asking.locked():
        time.sleep(0.001)
    process.close()
    thread.join(10)
    assert failures and ("signal 9" in failures[0] or "closed" in failures[0])
