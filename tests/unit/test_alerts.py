from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.unit.test_feeds import feed_of, make_run, make_sweep
from trainer.events import AgentsChanged, RunsChanged, SweepChanged
from trainer.records import FailureGroup, LocalAgent, Metric, SweepReference
from trainer.states import AgentState, RunState, SweepState
from trainer.terminal_alerts import BELL, alert_sequence
from tui.alerting_app import Notify, read_notify
from tui.alerts import Alert, AlertGate, AlertKind, ListedWatch, SweepWatch

A, B = SweepReference("local", "wine", "a"), SweepReference("local", "wine", "b")


def test_how_things_stand_and_a_first_best_are_no_reason_to_call_and_a_better_run_is() -> None:
    watch, feed = SweepWatch(), feed_of([make_run(1, state=RunState.RUNNING)])
    assert watch.note(feed) == []
    feed.apply([RunsChanged((make_run(1, 0.5),))])
    assert watch.note(feed) == [], "the first best"
    feed.apply([RunsChanged((make_run(2, 0.6, RunState.RUNNING),))])
    assert [alert.text for alert in watch.note(feed)] == [
        "wine-grid: new best accuracy 0.6000 (+0.1000) by rose-sweep-2"
    ]
    for value in (0.7, 0.8):
        feed.apply([RunsChanged((make_run(2, value, RunState.RUNNING),))])
        assert watch.note(feed) == [], "the same run gets better step by step"
    feed.apply([RunsChanged((make_run(3, 0.7),))])
    assert watch.note(feed) == []
    feed.apply([RunsChanged((make_run(4, 0.9),))])
    assert [alert.kind for alert in watch.note(feed)] == [AlertKind.BEST]
    assert SweepWatch().note(feed) == [], "who begins to watch now has missed nothing"


def test_runs_that_keep_failing_are_told_once_a_row_with_the_reason() -> None:
    watch, feed = SweepWatch(), feed_of([make_run(1, 0.5)])
    watch.note(feed)
    group = FailureGroup("f", "cuda_oom", "CUDA out of memory at train.py:41", "…", "run3", 3)
    told = []
    for number in range(2, 8):
        agents = AgentsChanged((LocalAgent(1, AgentState.RUNNING, failures=(group,)),))
        feed.apply([RunsChanged((make_run(number, state=RunState.CRASHED),)), agents])
        told += [alert.text for alert in watch.note(feed)]
    assert told == ["wine-grid: 3 runs in a row failed: CUDA out of memory at train.py:41"]
    feed.apply([RunsChanged((make_run(8, 0.4),))])
    assert watch.note(feed) == []
    for number in range(9, 12):
        feed.apply([RunsChanged((make_run(number, state=RunState.FAILED),))])
        told += [alert.text for alert in watch.note(feed)]
    assert len(told) == 2, "another row"


def test_the_end_is_told_once_with_what_came_of_it() -> None:
    watch, feed = SweepWatch(), feed_of([make_run(1, 0.5), make_run(2, state=RunState.RUNNING)])
    watch.note(feed)
    feed.apply([SweepChanged(make_sweep(state=SweepState.FINISHED))])
    assert watch.note(feed) == [], "a run is still at work"
    feed.apply([RunsChanged((make_run(2, state=RunState.FAILED),))])
    assert [alert.text for alert in watch.note(feed)] == ["wine-grid is done: 2 runs, 1 failed, best accuracy 0.5000"]
    assert watch.note(feed) == []


def test_sweeps_in_the_list_are_told_of_by_their_records_and_only_those_looked_at_before() -> None:
    watch = ListedWatch()
    one = make_sweep(reference=A, metric=Metric("loss", "minimize"), best_value=0.5, run_count=3)
    two = dataclasses.replace(one, reference=B)
    assert watch.note([one, two], {A}) == []
    better = [dataclasses.replace(each, best_value=0.4) for each in (one, two)]
    assert [alert.text for alert in watch.note(better, {A})] == ["wine-grid: new best loss 0.4000 (−0.1000)"]
    over = [dataclasses.replace(each, state=SweepState.CANCELED) for each in better]
    assert [alert.text for alert in watch.note(over, {A})] == ["wine-grid is canceled: 3 runs, best loss 0.4000"]
    assert watch.note(over, {A, B}) == []


def test_calls_keep_their_distance_and_what_waits_is_told_together() -> None:
    gate = AlertGate(15)
    gate.offer([Alert(AlertKind.BEST, A, "a is better")])
    assert gate.take(100.0) == "a is better"
    gate.offer(
        [Alert(AlertKind.DONE, B, "b is done"), Alert(AlertKind.BEST, A, "a: 2"), Alert(AlertKind.BEST, A, "a: 3")]
    )
    gate.offer([Alert(AlertKind.BEST, B, "b is better")])
    assert gate.take(114.9) == "" and gate.wait_seconds(114.0) == 1.0
    assert gate.take(115.0) == "b is done · a: 3", (
        "the end outweighs a best before it, and the newest best those before"
    )
    assert gate.take(200.0) == "" and gate.wait_seconds(200.0) is None


@pytest.mark.parametrize(
    ("environ", "sequence"),
    [
        ({"TERM": "xterm-256color"}, "\a\x1b]9;sweep-tui: 9 runs\a"),
        ({"TERM": "foot"}, "\a\x1b]777;notify;sweep-tui;9 runs\a"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, "\a\x1b]777;notify;sweep-tui;9 runs\a"),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x,1,0"}, "\a\x1bPtmux;\x1b\x1b]9;sweep-tui: 9 runs\a\x1b\\"),
        ({"TERM": "screen.xterm", "STY": "1.pts"}, "\a\x1bP\x1b]9;sweep-tui: 9 runs\a\x1b\\"),
        ({"TERM": "linux"}, "\a"),
        ({}, "\a"),
    ],
)
def test_each_terminal_is_called_as_it_understands(environ: dict[str, str], sequence: str) -> None:
    assert alert_sequence("9 runs", environ) == sequence
    assert alert_sequence("9 runs", environ, with_notice=False) == BELL


def test_a_name_from_a_server_cannot_steer_the_terminal() -> None:
    said = alert_sequence("a\x1b]52;c;eA==\x07\x9b31m\u202eb\nc " + "x" * 500, {"TERM": "xterm"})
    body = said.removeprefix("\a\x1b]9;").removesuffix("\a")
    assert body.isprintable() and len(body) < 250


def test_the_choice_is_read_from_the_environment_then_from_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "settings.yaml"
    assert read_notify(path) is Notify.ON
    for text, notify in (('"off"', Notify.OFF), ("off", Notify.OFF), ("bell", Notify.BELL), ("on", Notify.ON)):
        path.write_text(f"theme: nord\nnotify: {text}\n")
        assert read_notify(path) is notify
    monkeypatch.setenv("SWEEP_TUI_NOTIFY", "bell")
    assert read_notify(path) is Notify.BELL
