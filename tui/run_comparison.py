"""Runs side by side: the configuration keys in which they differ, and their metrics. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui.columns import summary_numbers
from tui.formatting import MISSING, duration_text, metric_text, value_text
from tui.leaderboard_model import LeaderboardModel

MOST_RUNS = 12


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One key with its value in each run."""

    title: str
    values: tuple[str, ...]
    best: int | None = None
    """Which run is best in it; None where that is not known."""


def compared(board: LeaderboardModel, run_ids: Sequence[str]) -> list[ComparedRow]:
    """Return what tells runs apart: state, the metric, differing configuration, other metrics, time."""
    runs = [board.runs[run_id] for run_id in run_ids]
    rows = [ComparedRow("state", tuple(run.state.value for run in runs))]
    if board.metric is not None:
        values = [board.value(run_id) for run_id in run_ids]
        known = [value for value in values if value is not None]
        best = None
        if known:
            best = values.index(max(known) if board.metric.goal == "maximize" else min(known))
        rows.append(ComparedRow(f"{board.by} {board.metric.name}", tuple(map(metric_text, values)), best))
    flats = [board.flat_config(run_id) for run_id in run_ids]
    for key in dict.fromkeys(key for flat in flats for key in flat):
        held = [(key in flat, flat.get(key)) for flat in flats]
        if any(each != held[0] or type(each[1]) is not type(held[0][1]) for each in held[1:]):
            rows.append(ComparedRow(key, tuple(value_text(value, 30) if there else MISSING for there, value in held)))
    numbers = [dict(summary_numbers(run.summary)) for run in runs]
    own = board.metric.name if board.metric else ""
    for name in sorted({name for each in numbers for name in each if name != own or board.by == "best"}):
        rows.append(ComparedRow(f"last {name}", tuple(metric_text(each.get(name)) for each in numbers)))
    rows.append(ComparedRow("time", tuple(duration_text(run.duration_seconds) for run in runs)))
    return rows
