from __future__ import annotations

import json
import re
from dataclasses import replace

from tests.unit.insight.synthetic import LOSS, a_run, a_sweep, peaked_runs
from trainer.insight.confidence import grouped
from trainer.insight.report import insight_of
from trainer.insight.text import render_insight
from trainer.records import Json, Metric, RunRecord
from trainer.search.narrowing import narrowing
from trainer.tracking.evaluated import evaluated

PARAMETERS: dict[str, Json] = {"lr": {"values": [0.1, 0.2, 0.3]}, "seed": {"min": 0, "max": 99}}


def repeated_runs() -> list[RunRecord]:
    runs = [
        a_run(number, {"lr": lr, "seed": number}, loss, [2.0, 1.0, loss])
        for number, lr in enumerate(lr for lr in (0.1, 0.11, 0.3) for _ in range(5))
        for loss in [lr * lr + 0.01 * (number % 5)]
    ]
    return [replace(run, summary={**run.summary, "size": float(number)}) for number, run in enumerate(runs)]


def test_the_report_says_what_the_numbers_are() -> None:
    runs = repeated_runs()
    size = Metric("size", "maximize")
    found = insight_of(a_sweep(PARAMETERS), runs, LOSS, "best", [size])
    groups = grouped(found.table, ["lr"])
    text = render_insight(found, groups, width=0)
    assert "peaks: 15 runs with loss (minimize, best value)" in text
    assert "2 of 3 configurations share the first place" in text
    assert re.search(r"^=1 +0\.1 +0\.03 ", text, re.MULTILINE), text
    assert "Noise from 15 runs of 3 configurations that were repeated." in text
    assert "By lr" in text and "Pareto front of loss (minimize) and size (maximize)" in text
    assert re.search(r"hyperband min_iter 1 eta 3 +\d+", text)

    told = json.loads(render_insight(found, groups, output_format="json"))
    assert [group["count"] for group in told["groups"]] == [5, 5, 5]
    assert told["groups"][0]["runs"] == ["r0", "r1", "r2", "r3", "r4"]
    assert told["ties"]["tied"] == 2
    assert told["pareto"][0]["id"] == "r0" and told["pareto"][-1]["id"] == "r14"
    assert told["early_stop"]["rules"][0]["all_values"] == 45

    marked = render_insight(found, groups, output_format="md")
    assert marked.startswith("# peaks: 15 runs") and "\n## By lr\n" in marked and "| parameter |" in marked


def test_the_next_space_is_that_of_narrow() -> None:
    runs, sweep = peaked_runs(60), a_sweep()
    found = insight_of(sweep, runs, LOSS)
    assert found.narrowing.changes
    assert found.narrowing == narrowing(sweep.config, evaluated(runs, LOSS), "minimize")
    told = json.loads(render_insight(found, output_format="json"))
    assert told["next_space"]["config"] == found.narrowing.config()
    text = render_insight(found, width=100)
    words = "the chance that the first of 60 configurations is really the best is >99.9%."
    assert f"If other seeds changed nothing: {words}" in " ".join(text.split())


def test_a_sweep_with_hardly_a_run_is_answered_in_words() -> None:
    for runs in ([], [a_run(0, {"lr": 0.1}, 1.0)], [a_run(0, {"lr": 0.1}, 1.0), a_run(1, {"lr": 0.2}, 2.0)]):
        found = insight_of(a_sweep(), runs, LOSS, "best", [Metric("size")])
        for output_format in ("table", "md"):
            text = render_insight(found, grouped(found.table, ["lr"]), output_format=output_format, width=80)
            assert "it takes 10" in text and "nothing to stop early" in text and "No run has logged them all" in text
        told = json.loads(render_insight(found, output_format="json"))
        assert told["importance"]["parameters"] == [] and told["ties"]["tied"] is None
