from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from trainer.records import HistoryPoint, RunRecord, SweepReference
from trainer.states import RunState
from trainer.tracking.history_cache import HistoryCache

REFERENCE = SweepReference("local", "wine", "s1")
SERVER = "http://127.0.0.1:1"


class Server:
    """Answers with one history per run, and counts what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, run_ids: Sequence[str]) -> dict[str, list[HistoryPoint]]:
        self.asked.append(list(run_ids))
        return {
            run_id: [HistoryPoint(1, {"loss": 0.5}, 2.0), HistoryPoint(2, {"loss": math.inf, "acc": 0.1 + 0.2})]
            for run_id in run_ids
            if run_id != "unknown"
        }


def a_run(run_id: str, state: RunState = RunState.FINISHED) -> RunRecord:
    return RunRecord(run_id, run_id, state, summary={"loss": 0.5})


def test_histories_of_ended_runs_are_asked_for_once_also_by_the_next_process(tmp_path: Path) -> None:
    server, runs = Server(), [a_run("a"), a_run("b"), a_run("live", RunState.RUNNING), a_run("unknown")]
    cache = HistoryCache(tmp_path / "histories")
    first = cache.read(SERVER, REFERENCE, runs, 100, server)
    again = HistoryCache(tmp_path / "histories").read(SERVER, REFERENCE, runs, 100, server)

    assert first == again and set(first) == {"a", "b", "live"}
    assert server.asked == [["a", "b", "live", "unknown"], ["live", "unknown"]]


@pytest.mark.parametrize(
    "other",
    [
        (SERVER, REFERENCE, replace(a_run("a"), summary={"loss": 0.4}), 100),
        (SERVER, replace(REFERENCE, project="iris"), a_run("a"), 100),
        ("http://127.0.0.1:2", REFERENCE, a_run("a"), 100),
        (SERVER, REFERENCE, a_run("a"), 200),
    ],
    ids=["a run that went on", "another project", "another server", "more rows"],
)
def test_what_may_differ_is_asked_for_again(tmp_path: Path, other: tuple[str, SweepReference, RunRecord, int]) -> None:
    server, cache = Server(), HistoryCache(tmp_path)
    cache.read(SERVER, REFERENCE, [a_run("a")], 100, server)
    cache.read(other[0], other[1], [other[2]], other[3], server)
    assert len(server.asked) == 2


def test_the_folder_stays_within_its_bound_and_what_was_looked_at_last_stays(tmp_path: Path) -> None:
    server = Server()
    HistoryCache(tmp_path).read(SERVER, REFERENCE, [a_run("first")], 100, server)
    size = next(tmp_path.iterdir()).stat().st_size
    cache = HistoryCache(tmp_path, max_bytes=size * 5)
    for number in range(20):
        cache.read(SERVER, REFERENCE, [a_run(f"run{number:02}")], 100, server)
    assert 2 <= len(list(tmp_path.iterdir())) and sum(file.stat().st_size for file in tmp_path.iterdir()) <= size * 5
    cache.read(SERVER, REFERENCE, [a_run("run19")], 100, server)
    assert server.asked[-1] == ["run19"] and len(server.asked) == 21


def test_damaged_files_and_folders_that_cannot_be_written_only_cost_a_request(tmp_path: Path) -> None:
    server = Server()
    cache = HistoryCache(tmp_path)
    cache.read(SERVER, REFERENCE, [a_run("a")], 100, server)
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()
    for content in (b"", whole[:-9], b"{}", b"\x1f\x8b" + whole[2:20]):
        kept.write_bytes(content)
        assert cache.read(SERVER, REFERENCE, [a_run("a")], 100, server)["a"][0].values == {"loss": 0.5}

    (tmp_path / "file").write_text("")
    unwritable = HistoryCache(tmp_path / "file" / "histories")
    assert set(unwritable.read(SERVER, REFERENCE, [a_run("a")], 100, server)) == {"a"}
