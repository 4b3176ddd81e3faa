from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.test_feeds import feed_of, make_run, make_sweep
from trainer.events import RunsChanged, SweepChanged
from trainer.records import SweepReference
from trainer.states import RunState, SweepState
from tui.last_look import MAX_LOOKS, Look, News, keep_look, listed_news, look_at, look_key, news_of, read_looks

NOW = datetime(2026, 1, 1, 14, 2, tzinfo=UTC)


def test_news_counts_what_ended_since_whichever_runs_those_are() -> None:
    """Nothing of this machine's clock is compared with the server's: the runs here are of another year than `NOW`."""
    feed = feed_of([make_run(1, 0.5), make_run(2, 0.9), make_run(3, state=RunState.RUNNING)])
    look = look_at(feed, datetime(2031, 5, 1, tzinfo=UTC))
    assert look is not None
    assert not news_of(look, feed)
    twin = dataclasses.replace(make_run(3), id="twin", state=RunState.CRASHED)  # created at the very same moment
    feed.apply([RunsChanged((make_run(3, 0.7), twin, make_run(4, 0.93), make_run(5, state=RunState.RUNNING)))])

    news = news_of(look, feed)

    assert news.run_ids == {"run3", "twin", "run4"}
    assert (news.ended, news.failed, news.best) == (3, 1, 0.93)
    assert news.gain == pytest.approx(0.03)
    assert news.parts("accuracy") == ["new best accuracy 0.9300 (+0.0300)", "3 runs ended", "1 failed"]
    feed.apply([SweepChanged(make_sweep(state=SweepState.FINISHED))])
    assert news_of(look, feed).parts()[-1] == "sweep finished"


def test_a_smaller_loss_is_news_and_a_larger_one_is_none() -> None:
    from trainer.records import Metric

    look = Look(NOW.isoformat(), "RUNNING", 3, 0.5, best=0.5)
    sweep = make_sweep(metric=Metric("loss", "minimize"), run_count=3)
    assert not listed_news(look, dataclasses.replace(sweep, best_value=0.6))
    better = listed_news(look, dataclasses.replace(sweep, best_value=0.4, run_count=9))
    assert better.parts() == ["new best 0.4000 (−0.1000)", "6 runs ended"]


def test_when_it_was_is_said_as_people_say_it() -> None:
    here = NOW.astimezone()
    assert News(here).since_text(here + timedelta(minutes=23)) == f"{here:%H:%M} (23 min ago)"
    assert News(here).since_text(here + timedelta(seconds=40)) == f"{here:%H:%M} (40s ago)"
    assert News(here).since_text(here + timedelta(days=3)) == f"{here:%a %H:%M} (3 days ago)"


def test_looks_are_kept_by_server_and_sweep_and_the_oldest_go(tmp_path: Path) -> None:
    path = tmp_path / "state" / "looks.json"
    look = look_at(feed_of([make_run(1, 0.5)]), NOW)
    assert look is not None
    mine = look_key("http://127.0.0.1:1", SweepReference("local", "wine", "abc"))
    assert keep_look(path, mine, look) == ""
    assert read_looks(path) == {mine: look}
    text = json.loads(path.read_text())
    old = dataclasses.asdict(dataclasses.replace(look, at="2020-01-01T00:00:00+00:00"))
    text["looks"] |= {f"old{number}": old for number in range(MAX_LOOKS)}
    path.write_text(json.dumps(text))
    assert keep_look(path, "another", look) == ""
    kept = read_looks(path)
    assert len(kept) == MAX_LOOKS and {mine, "another"} <= set(kept)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"version": 9, "looks": {}}', '{"version": 1, "looks": {"a": {"at": "when"}}}', '{"version": 1}'],
)
def test_a_file_that_cannot_be_read_is_as_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "looks.json"
    path.write_text(text)
    assert read_looks(path) == {}
    assert keep_look(path, "a", Look(NOW.isoformat(), "RUNNING", 0, None)) == ""
    assert list(read_looks(path)) == ["a"]
