from __future__ import annotations

import json
from pathlib import Path

import pytest

from trainer.records import Metric
from trainer.run_filter import parse_run_filter
from tui import kept_view
from tui.columns import Column, ColumnKind
from tui.kept_view import KeptView, keep_view, kept_file, read_kept, show_view, view_of
from tui.leaderboard_model import LeaderboardModel
from tui.sorting import Level

LR = Column(ColumnKind.CONFIG, "lr", "lr")


def test_what_is_kept_of_a_view_is_shown_again_and_the_plain_one_leaves_no_file(tmp_path: Path) -> None:
    board = LeaderboardModel(Metric("loss"), ["lr", "draw"])
    assert not view_of(board, [])
    board.seeds.chosen = frozenset({"draw"})
    board.set_grouping([LR])
    board.set_front(Metric("size", "maximize"))
    board.set_filter(parse_run_filter("lr>1"))
    board.set_sorts([Level(LR, True)])
    view, path = view_of(board, ["r1"]), kept_file(tmp_path, "http://127.0.0.1:1 me/wine/s")
    assert keep_view(path, view) == "" and read_kept(path) == view
    other = LeaderboardModel(Metric("loss"), ["lr", "draw"])
    show_view(other, read_kept(path))
    assert view_of(other, view.marked) == view
    assert view.words() == "filter lr>1 · groups by lr · front against size · sorted by lr · 1 marked · seeds draw"
    assert keep_view(path, KeptView()) == "" and not path.exists() and not read_kept(path)


@pytest.mark.parametrize(
    "change", [{"version": 9}, {"groups": [["no such kind", "x", ""]]}, {"sorts": [["rank"]]}, {"marked": None}]
)
def test_a_view_that_cannot_be_read_is_the_plain_one(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "view.json"
    keep_view(path, KeptView(filter="x"))
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert read_kept(path) == KeptView()


def test_the_views_of_longest_ago_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_view, "MAX_KEPT", 2)
    for name in ("a", "b", "c"):
        keep_view(kept_file(tmp_path, name), KeptView(filter=name))
    assert [bool(read_kept(kept_file(tmp_path, name))) for name in ("a", "b", "c")] == [False, True, True]
