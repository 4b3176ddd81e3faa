"""Which rows of a leaderboard share the first place, from a snapshot of it. Pure; `standing` is run in a worker.

What a tie is, and how likely the first is the best, `trainer.insight.confidence` decides, as for the analysis.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainer.records import HistoryPoint, Json, Metric

if TYPE_CHECKING:
    from trainer.insight.confidence import Group
    from tui.leaderboard_model import LeaderboardModel

SINGLE = "one run per configuration"
ALONE = f"which is best cannot be told: {SINGLE}"
MOST_CURVES = 500
"""Curves that are looked at for their noise where nothing was repeated: those of the best runs."""


@dataclass(frozen=True, slots=True)
class RowTies:
    """Which rows are tied for the first place."""

    tied: frozenset[str] = frozenset()
    """Their ids, the first's among them; empty where it stands alone, or nobody can say."""
    chances: Mapping[str, float] = field(default_factory=dict)
    """Probability of being really the best, by id; rows that are not named were not looked at."""
    words: str = ""
    """The answer in a few words; empty where there is nothing to compare."""
    brief: str = ""
    """The answer in fewer."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the rows of a leaderboard are compared by."""

    metric: Metric
    values: Mapping[str, float]
    """Of the runs that ended with a value, the best first."""
    flats: Mapping[str, Mapping[str, Json]]
    """Their configurations under dotted keys."""
    curves: Mapping[str, Sequence[HistoryPoint]]
    keys: tuple[str, ...]
    """Dotted keys that tell configurations apart."""
    groups: Mapping[str, Sequence[str]] | None = None
    """Runs of each group by its id; None where the rows are runs."""
    is_configurations: bool = False
    """Whether the groups are configurations, and what is in them repeats."""


def snapshot_of(board: LeaderboardModel) -> Snapshot | None:
    """Return what the lines of a leaderboard are compared by; None without a metric."""
    if board.metric is None:
        return None
    values: dict[str, float] = {}
    for run_id in board.ranked:
        value = board.value(run_id)
        if value is None:
            break
        if board.runs[run_id].state.is_terminal:
            values[run_id] = value
    grouping, repeated = board.grouping, board.repeated_keys
    return Snapshot(
        board.metric,
        values,
        {} if grouping is not None else {run_id: board.flat_config(run_id) for run_id in values},
        {run_id: board.runs[run_id].curve for run_id in list(values)[:MOST_CURVES]},
        tuple(column.path for column in repeated or board.varying_columns if not board.seeds.are(column.path)),
        None if grouping is None else {name: tuple(group.run_ids) for name, group in grouping.groups.items()},
        grouping is not None and set(grouping.keys) >= set(repeated or board.varying_columns),
    )


def standing(snapshot: Snapshot) -> RowTies:
    """Return which rows may be the best; imports numpy, and computes for a moment."""
    from trainer.insight.confidence import MOST_CONTENDERS, contest, group_of, ranked
    from trainer.insight.text import chance_text

    ids, values = list(snapshot.values), list(snapshot.values.values())
    place = {run_id: number for number, run_id in enumerate(ids)}

    def groups(members: Mapping[str, Sequence[str]]) -> list[Group]:
        found = {name: [place[run_id] for run_id in run_ids if run_id in place] for name, run_ids in members.items()}
        return ranked(
            [group_of((("", name),), own, values) for name, own in found.items() if own], snapshot.metric.goal
        )

    rows = groups({run_id: (run_id,) for run_id in ids} if snapshot.groups is None else snapshot.groups)
    if len(rows) < 2:
        return RowTies()
    repeats = rows if snapshot.groups is not None else groups(_configurations(snapshot))
    curves = [snapshot.curves.get(run_id, ()) for run_id in ids[:MOST_CURVES]]
    found = contest(rows, repeats, values, curves, snapshot.metric)
    noun = "run" if snapshot.groups is None else "configuration" if snapshot.is_configurations else "group"
    if found.noise is None:
        # Nobody knows the noise; what is equal is tied all the same.
        equal = [_name(group) for group in rows if group.mean == rows[0].mean]
        said = f"{len(equal):,} {noun}s have the same value; " if len(equal) > 1 else ""
        return RowTies(frozenset(equal if len(equal) > 1 else ()), {}, f"{said}{ALONE}", SINGLE)
    tied = [_name(each.group) for each in found.contenders if each.is_tied]
    least = "at least " if len(tied) == MOST_CONTENDERS < len(rows) else ""
    said = f"{least}{len(tied):,} {noun}s are tied for first; " if len(tied) > 1 else ""
    chance = chance_text(found.contenders[0].chance)
    brief = f"{len(tied):,} tied · P(best) {chance}" if len(tied) > 1 else f"P(best) {chance}"
    said += f"P(first is best) {chance}"
    if not found.repeated:
        said += f", if seeds changed nothing ({SINGLE})"
        brief += " · one run each"
    chances = {_name(each.group): each.chance for each in found.contenders}
    if len(chances) < MOST_CONTENDERS:
        chances = dict.fromkeys(map(_name, rows), 0.0) | chances
    return RowTies(frozenset(tied if len(tied) > 1 else ()), chances, said, brief)


def _name(group: Group) -> str:
    return group.key[0][1]


def _configurations(snapshot: Snapshot) -> dict[str, list[str]]:
    """Return the runs of each configuration: those that differ in seeds only are one."""
    found: dict[str, list[str]] = {}
    for run_id in snapshot.values:
        flat = snapshot.flats[run_id]
        found.setdefault(json.dumps([flat.get(key) for key in snapshot.keys]), []).append(run_id)
    return found
