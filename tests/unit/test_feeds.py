from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from trainer.events import AgentsChanged, ClockRead, RunsChanged, RunsGone, ServerBack, ServerLost, SweepChanged
from trainer.records import HistoryPoint, Json, LocalAgent, Metric, RunRecord, SweepRecord, SweepReference
from trainer.run_filter import parse_run_filter
from trainer.states import AgentState, RunState, SweepState
from tui.columns import ColumnKind, swept_keys
from tui.feeds import EventInbox, SweepFeed

START = datetime(2026, 1, 1, tzinfo=UTC)
CONFIG: dict[str, Json] = {
    "method": "grid",
    "parameters": {
        "dataset": {"value": "wine"},
        "depth": {"values": [3, 5, None]},
        "optimizer": {"parameters": {"lr": {"min": 0.0, "max": 1.0}, "name": {"values": ["sgd"]}}},
    },
}


def make_sweep(**changes: object) -> SweepRecord:
    values: dict[str, object] = {
        "reference": SweepReference("local", "wine", "abc"),
        "name": "wine-grid",
        "state": SweepState.RUNNING,
        "method": "grid",
        "metric": Metric("accuracy", "maximize"),
        "config": CONFIG,
        "run_count_expected": 9,
        **changes,
    }
    return SweepRecord(**values)  # type: ignore[arg-type]


def make_run(
    number: int, accuracy: float | None = None, state: RunState = RunState.FINISHED, **config: Json
) -> RunRecord:
    return RunRecord(
        id=f"run{number}",
        name=f"rose-sweep-{number}",
        state=state,
        config={"dataset": "wine", **config},
        summary={} if accuracy is None else {"accuracy": accuracy},
        created_at=START + timedelta(seconds=10 * number),
        duration_seconds=10.0,
    )


def feed_of(runs: Iterable[RunRecord], **sweep: object) -> SweepFeed:
    feed = SweepFeed()
    feed.apply([SweepChanged(make_sweep(**sweep)), RunsChanged(tuple(runs))])
    return feed


def test_runs_are_ranked_by_the_goal_and_runs_without_a_value_come_last() -> None:
    feed = feed_of([make_run(1, 0.5), make_run(2), make_run(3, 0.9), make_run(4, math.nan)])
    assert list(feed.board.ranked) == ["run3", "run1", "run2", "run4"]
    assert [feed.board.rank(run_id) for run_id in feed.board.ranked] == [1, 2, None, None]
    assert feed.best is not None and feed.best.id == "run3"
    minimized = feed_of([make_run(1, 0.5), make_run(3, 0.9)], metric=Metric("accuracy", "minimize"))
    assert minimized.board.best_id == "run1"


def test_a_sweep_without_a_metric_lists_runs_oldest_first() -> None:
    feed = feed_of([make_run(2, 0.9), make_run(1, 0.5)], metric=None)
    assert list(feed.board.rows) == ["run1", "run2"]
    assert feed.best is None


def test_best_and_last_rank_by_different_values() -> None:
    curve = (HistoryPoint(0, {"accuracy": 0.99}), HistoryPoint(1, {"accuracy": 0.2}))
    falling = RunRecord("a", "a", RunState.FINISHED, summary={"accuracy": 0.2}, curve=curve)
    steady = RunRecord("b", "b", RunState.FINISHED, summary={"accuracy": 0.6})
    feed = feed_of([falling, steady])
    assert list(feed.board.rows) == ["a", "b"]
    feed.board.set_ranking("last")
    assert list(feed.board.rows) == ["b", "a"]


def test_a_changed_run_moves_and_an_unchanged_one_is_not_reported() -> None:
    feed = feed_of([make_run(1, 0.5), make_run(2, 0.6)])
    change = feed.apply([RunsChanged((make_run(1, 0.5), make_run(2, 0.4)))])
    assert change.run_ids == {"run2"}
    assert change.new_best
    assert list(feed.board.rows) == ["run1", "run2"]


def test_the_latest_of_two_records_of_one_run_wins() -> None:
    feed = feed_of([])
    feed.apply([RunsChanged((make_run(1, 0.1),)), RunsChanged((make_run(1, 0.2),))])
    assert feed.best_value == 0.2


def test_columns_are_swept_keys_then_what_else_varies_then_other_metrics() -> None:
    assert swept_keys(CONFIG) == ["depth", "optimizer.lr"]
    first = make_run(1, 0.5, depth=3, optimizer={"lr": 0.1}, seed=1)
    feed = feed_of([first])
    assert [column.title for column in feed.board.columns] == [
        "#", "run", "state", "accuracy", "depth", "optimizer.lr", "time",
    ]  # fmt: skip
    second = RunRecord(
        "x", "x", RunState.RUNNING, {"dataset": "wine", "seed": 2}, {"loss": 1.0, "table": {"_type": "t"}}
    )
    assert feed.apply([RunsChanged((second,))]).columns
    titles = [column.title for column in feed.board.columns]
    assert titles == ["#", "run", "state", "accuracy", "depth", "optimizer.lr", "seed", "time", "loss"]


def test_a_key_stops_being_a_column_when_it_stops_varying() -> None:
    feed = feed_of([make_run(1, seed=1), make_run(2, seed=2)])
    assert "seed" in [column.title for column in feed.board.columns]
    feed.apply([RunsChanged((make_run(2, seed=1),))])
    assert "seed" not in [column.title for column in feed.board.columns]


def test_any_column_sorts_both_ways_with_missing_values_last() -> None:
    feed = feed_of(
        [make_run(1, 0.5, depth=3), make_run(2, 0.6, depth=None), make_run(3, 0.7, depth=10), make_run(4, 0.1)]
    )
    depth = next(column for column in feed.board.columns if column.title == "depth")
    feed.board.set_sort(depth)
    assert list(feed.board.rows)[:2] == ["run1", "run3"]
    feed.board.set_sort(depth, reverse=True)
    assert list(feed.board.rows)[:2] == ["run3", "run1"]
    feed.apply([RunsChanged((make_run(5, 0.2, depth=7),))])
    assert list(feed.board.rows)[:3] == ["run3", "run5", "run1"]
    assert set(feed.board.rows) == {f"run{number}" for number in range(1, 6)}
    name = next(column for column in feed.board.columns if column.kind is ColumnKind.NAME)
    feed.board.set_sort(name, reverse=True)
    assert feed.board.rows[0] == "run5"


def test_points_that_were_run_again_are_expected_too() -> None:
    progress = feed_of([make_run(number) for number in range(1, 7)], run_count_expected=4).progress
    assert (progress.done, progress.expected, progress.left) == (6, 6, 0)


def test_progress_counts_every_state_against_what_is_expected() -> None:
    states = [
        RunState.FINISHED,
        RunState.FINISHED,
        RunState.CRASHED,
        RunState.KILLED,
        RunState.RUNNING,
        RunState.PENDING,
    ]
    feed = feed_of(make_run(number, state=state) for number, state in enumerate(states))
    progress = feed.progress
    assert (progress.done, progress.running, progress.pending, progress.left) == (4, 1, 1, 3)
    assert (progress.finished, progress.failed, progress.stopped) == (2, 1, 1)
    assert feed_of([], run_count_expected=None).progress.left is None


def test_a_resumed_run_is_alive_again() -> None:
    feed = feed_of([make_run(1)], state=SweepState.FINISHED)
    assert feed.is_over
    feed.apply([RunsChanged((make_run(1, state=RunState.RUNNING),))])
    assert not feed.is_over
    assert feed.progress.done == 0


def test_the_time_left_follows_from_durations_gaps_and_slots() -> None:
    # One slot: ten runs of 10 s end one after the other, 10 s each and no gap between them.
    serial = [make_run(number) for number in range(4)]
    feed = feed_of([*serial, make_run(4, state=RunState.RUNNING)], run_count_expected=7)
    pace = feed.pace()
    assert pace.runs_per_second == pytest.approx(0.1)
    # The run at work has lasted its 10 s; two more are to come.
    assert pace.eta_seconds == pytest.approx(20.0)


def test_a_gap_between_runs_counts() -> None:
    spaced = [make_run(2 * number) for number in range(5)]
    feed = feed_of([*spaced, make_run(10, state=RunState.RUNNING)], run_count_expected=8)
    pace = feed.pace()
    assert pace.runs_per_second == pytest.approx(1 / 18)
    assert pace.eta_seconds == pytest.approx(36.0)


def test_the_time_until_the_first_run_counts_while_runs_are_few() -> None:
    feed = feed_of([make_run(1)], created_at=START)
    feed.apply([AgentsChanged((LocalAgent(1, AgentState.WAITING),))])
    # The run lasted 10 s, but the sweep was created 20 s before it ended.
    assert feed.pace().runs_per_second == pytest.approx(1 / 20)


def test_a_pause_overnight_does_not_spoil_the_estimate() -> None:
    runs = [make_run(1), make_run(2), make_run(5000), make_run(5001), make_run(5002, state=RunState.RUNNING)]
    pace = feed_of(runs).pace()
    assert pace.runs_per_second is not None
    assert pace.runs_per_second > 1 / 30


def test_nothing_at_work_means_no_time_left() -> None:
    assert feed_of([make_run(1)]).pace().eta_seconds is None
    waiting = feed_of([make_run(1)])
    waiting.apply([AgentsChanged((LocalAgent(1, AgentState.WAITING),))])
    assert waiting.pace().eta_seconds == pytest.approx(80.0)
    waiting.apply([SweepChanged(make_sweep(state=SweepState.PAUSED))])
    assert waiting.pace().eta_seconds is None


def test_elapsed_time_stands_still_when_the_sweep_is_over() -> None:
    feed = feed_of([make_run(1), make_run(2)])
    now = START + timedelta(hours=1)
    assert feed.elapsed_seconds(now) == pytest.approx(3590.0)
    feed.apply([SweepChanged(make_sweep(state=SweepState.FINISHED))])
    assert feed.elapsed_seconds(now) == pytest.approx(20.0)


def test_a_lost_server_keeps_what_is_known() -> None:
    feed = feed_of([make_run(1, 0.5)])
    change = feed.apply([ServerLost("No answer.", 4.0)])
    assert change.connection and feed.lost is not None and feed.best_value == 0.5
    feed.apply([ServerBack()])
    assert feed.lost is None


def test_a_changed_configuration_rebuilds_the_columns_and_keeps_the_runs() -> None:
    feed = feed_of([make_run(1, 0.5)])
    feed.apply([SweepChanged(make_sweep(metric=Metric("loss", "minimize")))])
    assert "loss" in [column.title for column in feed.board.columns]
    assert list(feed.board.rows) == ["run1"]


def test_the_inbox_wakes_its_reader_once_until_it_is_drained() -> None:
    woken: list[int] = []
    inbox = EventInbox(lambda: woken.append(1))
    writers = [threading.Thread(target=inbox.put, args=(ServerBack(),)) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(woken) == 1
    assert len(inbox.drain()) == 8
    assert inbox.drain() == []
    inbox.put(ServerBack())
    assert len(woken) == 2


def test_twenty_changes_among_ten_thousand_runs_cost_a_fraction_of_taking_them_all_in() -> None:
    runs = [make_run(number, (number * 7919 % 10007) / 10007, depth=number % 7) for number in range(10_000)]
    feed = feed_of([])
    started = time.perf_counter()
    feed.apply([RunsChanged(tuple(runs))])
    first = time.perf_counter() - started
    costs = []
    for batch in range(10):
        changed = tuple(make_run(batch * 100 + number, 0.5 + number / 100, depth=1) for number in range(20))
        started = time.perf_counter()
        feed.apply([RunsChanged(changed)])
        feed.pace()
        costs.append(time.perf_counter() - started)
    assert min(costs) < first / 8, f"{min(costs) * 1000:.1f} ms a batch, {first * 1000:.0f} ms for all"


def test_a_feed_that_took_over_another_knows_and_shows_the_same_and_more() -> None:
    feed = feed_of([make_run(number, number / 10) for number in range(5)])
    depth = next(column for column in feed.board.columns if column.kind is ColumnKind.METRIC)
    twin = feed.twin()
    change = twin.take_over(feed, [RunsChanged((make_run(9, 0.95), make_run(4, 0.4)))])
    # What is chosen while the other thread works counts, too.
    feed.board.set_sort(depth, reverse=True)
    feed.board.set_filter(parse_run_filter("state=finished"))
    twin.take_choices(feed)
    assert change.run_ids == {"run9"}
    assert twin.best is not None and twin.best.id == "run9"
    assert twin.sweep == feed.sweep and twin.progress.done == feed.progress.done + 1
    assert twin.board.sorts == feed.board.sorts and twin.board.filter is feed.board.filter
    assert [run_id for run_id in twin.board.rows if run_id != "run9"] == list(feed.board.rows)


def test_times_go_by_the_servers_clock_and_stand_while_it_is_away() -> None:
    feed, now = SweepFeed(), datetime.now(UTC)
    # A server whose clock is an hour ahead made the sweep ten seconds ago.
    created = now + timedelta(hours=1, seconds=-10)
    change = feed.apply([SweepChanged(make_sweep(created_at=created)), ClockRead(3600.0)])
    assert change.clock and feed.elapsed_seconds(now) == pytest.approx(10)
    feed.apply([ServerLost("away", 1.0, silent_seconds=4.0)])
    feed.apply([ServerLost("away", 2.0, silent_seconds=9.0)])
    assert feed.elapsed_seconds(now + timedelta(seconds=60)) == pytest.approx(6, abs=1)
    feed.apply([ServerBack()])
    assert feed.elapsed_seconds(now + timedelta(seconds=60)) == pytest.approx(70)


def test_runs_that_are_gone_are_forgotten_even_those_that_came_in_the_same_batch() -> None:
    feed = SweepFeed()
    runs = tuple(RunRecord(name, name, RunState.FINISHED) for name in ("a", "b", "c"))
    change = feed.apply([RunsChanged(runs), RunsGone(("b",))])
    assert change.gone == 1 and sorted(feed.board.runs) == ["a", "c"]
    feed.apply([RunsGone(("a", "unknown"))])
    assert (sorted(feed.board.runs), feed.progress.done) == (["c"], 1)
