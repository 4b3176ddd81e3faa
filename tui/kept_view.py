"""KeptView: how the runs of one sweep were looked at last, to show them so again. Pure, but for the file it is kept in.

Columns are kept per project, since the sweeps of one have the same ones: see `column_view`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from trainer.atomic_file import write_text_atomically
from trainer.errors import TrainerError
from trainer.records import Goal, Metric, Ranking
from trainer.run_filter import parse_run_filter
from tui.columns import RANK, Column, ColumnKind
from tui.leaderboard_model import LeaderboardModel
from tui.sorting import Level

VERSION = 1
MAX_MARKED = 1_000
MAX_KEPT = 500
"""Sweeps whose views are kept; those of longest ago go first."""
_Key = tuple[str, str, str]


@dataclass(frozen=True)
class KeptView:
    """What differs from the plain view of a sweep's runs."""

    filter: str = ""
    sorts: tuple[tuple[str, str, str, bool], ...] = ()
    """Columns as (kind, title, path), and whether the other way round; empty for the place."""
    by: str = "best"
    groups: tuple[_Key, ...] = ()
    seeds: tuple[str, ...] | None = None
    """The keys that the user calls seeds; None where they said nothing."""
    front: tuple[str, str] | None = None
    """Name and goal of the metric that is traded off."""
    marked: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != KeptView()

    def words(self) -> str:
        """Return in a few words what differs."""
        parts = [f"filter {self.filter}"] if self.filter else []
        parts += [f"groups by {', '.join(path or title for _, title, path in self.groups)}"] if self.groups else []
        parts += [f"front against {self.front[0]}"] if self.front else []
        parts += [f"sorted by {', '.join(path or title for _, title, path, _ in self.sorts)}"] if self.sorts else []
        parts += ["ranked by the last value"] if self.by == "last" else []
        parts += [f"{len(self.marked):,} marked"] if self.marked else []
        parts += [f"seeds {', '.join(self.seeds)}"] if self.seeds else []
        return " · ".join(parts)


def view_of(board: LeaderboardModel, marked: Iterable[str]) -> KeptView:
    """Return how a leaderboard is looked at."""
    sorts = tuple((*_key(level.column), level.reverse) for level in board.sorts)
    return KeptView(
        filter=board.filter.text if board.filter else "",
        sorts=() if sorts == ((*_key(RANK), False),) else sorts,
        by=board.by,
        groups=tuple(map(_key, board.grouping.keys)) if board.grouping else (),
        seeds=tuple(sorted(board.seeds.chosen)) if board.seeds.chosen is not None else None,
        front=(board.front.against.name, board.front.against.goal) if board.front else None,
        marked=tuple(marked)[:MAX_MARKED],
    )


def show_view(board: LeaderboardModel, view: KeptView) -> None:
    """Show a leaderboard as it was looked at; how it ranks and what is marked are others' to set."""
    board.seeds.chosen = frozenset(view.seeds) if view.seeds is not None else None
    board.set_grouping([_column(key) for key in view.groups])
    board.set_front(Metric(view.front[0], cast("Goal", view.front[1])) if view.front else None)
    board.set_filter(parse_run_filter(view.filter) if view.filter else None)
    board.set_sorts([Level(_column((kind, title, path)), reverse) for kind, title, path, reverse in view.sorts])


def ranking_of(view: KeptView) -> Ranking:
    """Return by which value of the metric runs were ranked."""
    return "last" if view.by == "last" else "best"


def _key(column: Column) -> _Key:
    return column.kind.value, column.title, column.path


def _column(key: _Key) -> Column:
    return Column(ColumnKind(key[0]), key[1], key[2])


# Kept on disk


def kept_file(folder: Path, key: str) -> Path:
    """Return where the view of a sweep is kept; `key` names its server and itself."""
    return folder / "views" / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"


def read_kept(path: Path) -> KeptView:
    """Return the view kept in a file; the plain one where there is none that can be read."""
    try:
        return _parsed(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return KeptView()


def _parsed(held: Mapping[str, Any]) -> KeptView:
    if held["version"] != VERSION:
        return KeptView()
    seeds, front = held["seeds"], held["front"]
    view = KeptView(
        filter=str(held["filter"]),
        sorts=tuple((*_texts(each[:3]), bool(each[3])) for each in held["sorts"]),
        by=str(held["by"]),
        groups=tuple(_texts(each) for each in held["groups"]),
        seeds=tuple(map(str, seeds)) if seeds is not None else None,
        front=(str(front[0]), "maximize" if front[1] == "maximize" else "minimize") if front else None,
        marked=tuple(map(str, held["marked"]))[:MAX_MARKED],
    )
    for kind, title, path in (*view.groups, *(each[:3] for each in view.sorts)):
        _column((kind, title, path))  # a kind that there is no more is refused here, and not when it is shown
    return view


def _texts(held: Iterable[object]) -> _Key:
    kind, title, path = map(str, held)
    return kind, title, path


def keep_view(path: Path, view: KeptView) -> str:
    """Keep a view, or forget it where it is the plain one; blocks. Returns why that failed, empty where it did not."""
    try:
        if not view:
            path.unlink(missing_ok=True)
            return ""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text_atomically(path, json.dumps({"version": VERSION, **asdict(view)}))
        kept = sorted(path.parent.glob("*.json"), key=lambda each: each.stat().st_mtime)
        for old in kept[:-MAX_KEPT]:
            old.unlink(missing_ok=True)
    except (OSError, TrainerError) as error:
        return str(error)
    return ""
