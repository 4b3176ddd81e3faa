from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from trainer.errors import InputError
from trainer.gates.assertions import parse_assertion
from trainer.gates.baseline import note_of_best, read_baseline
from trainer.gates.judging import Gates, Verdict, judge
from trainer.gates.junit import write_junit
from trainer.records import FailureGroup, HistoryPoint, Metric, RunRecord, SweepRecord, SweepReference
from trainer.states import RunState, SweepState

ACCURACY = Metric("accuracy", "maximize")
SWEEP = SweepRecord(SweepReference("me", "wine", "abc"), "forest", SweepState.FINISHED, "grid", ACCURACY, {})


def run(
    number: int, state: RunState = RunState.FINISHED, *, curve: tuple[float, ...] = (), **summary: float
) -> RunRecord:
    points = tuple(HistoryPoint(step, {"accuracy": value}) for step, value in enumerate(curve))
    return RunRecord(f"r{number}", f"run-{number}", state, {"lr": number}, dict(summary), curve=points)


RUNS = (
    run(1, accuracy=0.8, loss=0.5, curve=(0.9, 0.8)),
    run(2, accuracy=0.85, loss=0.3, curve=(0.7, 0.85)),
    run(3, RunState.FAILED, accuracy=0.1, loss=2.0),
    run(4, RunState.KILLED),
)


def verdict(text: str, runs: tuple[RunRecord, ...] = RUNS) -> Verdict:
    return judge(Gates((parse_assertion(text),)), SWEEP, runs, 90.0, lambda _metric: runs)[0]


@pytest.mark.parametrize(
    ("text", "value", "passed"),
    [
        ("best(accuracy)>=0.9", 0.9, True),
        ("best(accuracy) > 90%", 0.9, False),
        ("last(accuracy)>=0.85", 0.85, True),
        ("max(accuracy) => 0.9", 0.9, True),
        ("min(accuracy)<0.2", 0.1, True),
        ("best(loss)<=0.3", 0.3, True),
        ("best( 'loss' ) < 0.3", 0.3, False),
        ("mean(accuracy)>=0.83", 0.825, False),
        ("median(loss)<=0.4", 0.4, True),
        ("finished==2", 2, True),
        ("failed = 0", 1, False),
        ("killed<=1", 1, True),
        ("runs!=4", 4, False),
        ("seconds<2m", 90.0, True),
        ("seconds<60", 90.0, False),
    ],
)
def test_assertions_are_decided_on_the_runs(text: str, value: float, passed: bool) -> None:
    decided = verdict(text)
    assert decided.value == pytest.approx(value)
    assert decided.passed is passed


def test_a_miss_says_what_was_reached_and_by_how_much() -> None:
    assert verdict("best(accuracy)>=0.95").sentence == "best(accuracy) is 0.9, wanted >= 0.95: missed by 0.05."
    never = verdict("best(accurracy)>=0.5")
    assert not never.passed and never.value is None
    assert never.sentence == ("best(accurracy) has no value: no run has logged accurracy. Did you mean `accuracy`?")
    assert "no run has logged accuracy" in verdict("best(accuracy)>=0.5", ()).sentence


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("accuracy>=0.9", "best(accuracy)"),
        ("best(accuracy)", "asserts nothing"),
        ("best(accuracy)>=high", "'high' is no number"),
        ("best(accuracy)>=nan", "no number to compare"),
        ("best()>=1", "no function of a metric"),
        ("worst(accuracy)>=1", "median(METRIC)"),
        ("", "asserts nothing"),
        ("0.8<=best(accuracy)<=0.9", "asserts nothing"),
    ],
)
def test_what_asserts_nothing_is_refused_with_a_way_out(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_assertion(text)
    assert said in str(caught.value)


def test_the_better_direction_of_another_metric_must_be_known_before_anything_runs() -> None:
    with pytest.raises(InputError, match=r"max\(loss\) or min\(loss\)"):
        Gates((parse_assertion("best(loss)==0.3"),)).check(ACCURACY)
    Gates((parse_assertion("best(accuracy)==0.3"), parse_assertion("mean(loss)==1"))).check(ACCURACY)


def against(path: Path, margin: float = 0.0) -> Verdict:
    return judge(Gates((), read_baseline(path), margin), SWEEP, RUNS, 1.0, lambda _metric: RUNS)[0]


def test_a_sweep_may_not_fall_behind_its_baseline(tmp_path: Path) -> None:
    path = tmp_path / "best.yaml"
    for value, margin, passed, word in (
        (0.85, 0.0, True, "better by 0.05"),
        (0.9, 0.0, True, "as good"),
        (0.92, 0.0, False, "worse by 0.02"),
        (0.92, 0.03, True, "no worse (up to 0.03 is allowed)"),
    ):
        path.write_text(f"{note_of_best(ACCURACY, value, 'r1', 'me/wine/abc')}\nlr: 0.1\n")
        decided = against(path, margin)
        assert (decided.passed, word in decided.sentence) == (passed, True), decided


def test_a_baseline_is_what_best_and_run_write_or_somebody_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "b"
    path.write_text('{"sweep": "x", "best": {"id": "r", "metric": "loss", "value": 0.4}}')
    assert (read_baseline(path).metric, read_baseline(path).value) == ("loss", 0.4)
    with pytest.raises(InputError, match="more or less of loss is better"):
        Gates((), read_baseline(path)).check(ACCURACY)
    path.write_text("metric: loss\nvalue: 0.31\ngoal: minimize\n")
    assert against(path).passed
    odd = note_of_best(Metric("va l: {ü}", "minimize"), 1e-300, "r", "s")
    path.write_text(f"{odd}\nlr: 1\n")
    assert (read_baseline(path).metric, read_baseline(path).value) == ("va l: {ü}", 1e-300)
    assert yaml.safe_load(path.read_text()) == {"lr": 1}


@pytest.mark.parametrize(
    "text", ["lr: 0.1\n", "[1]", "metric: a\nvalue: high\n", "{", "metric: a\nvalue: 1\ngoal: up\n"]
)
def test_a_file_that_is_no_baseline_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "best.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match="The baseline .*best.yaml"):
        read_baseline(path)
    with pytest.raises(InputError, match="No such file"):
        read_baseline(tmp_path / "none.yaml")


def test_junit_has_a_case_for_each_run_and_gate(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    failure = FailureGroup("f", "unknown", "ValueError", "ValueError: \x00 <lr> too large", "r3")
    gates = [verdict("best(accuracy)>=0.95"), verdict("failed<=1")]
    write_junit(path, SWEEP, RUNS, [failure], gates, "", 12.5)
    runs, decided = ElementTree.parse(path).getroot()
    assert [runs.get(name) for name in ("tests", "failures", "skipped", "time")] == ["4", "1", "1", "12.500"]
    message = runs[2].find("failure")
    assert message is not None and message.get("message") == "ValueError: \ufffd <lr> too large"
    assert [case.find("failure") is not None for case in decided] == [True, False]
