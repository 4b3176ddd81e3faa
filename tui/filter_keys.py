"""What the filter of a leaderboard or of a plan may name: its keys and their values. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from trainer.filter_hints import FilterKey, FilterKeys, completions, filter_note, listed_values
from trainer.records import Json
from trainer.run_filter import parse_run_filter
from tui.columns import ColumnKind, swept_keys
from tui.leaderboard_model import LeaderboardModel
from tui.widgets.completing_input import Candidate

SAMPLED_RUNS = 500
"""Runs whose values are offered: those ranked best, since a keystroke must not read 10,000."""


def board_keys(board: LeaderboardModel) -> FilterKeys:
    """Return the keys of a leaderboard: what varies first, then other configuration keys and the summary."""
    sample = list(board.ranked[:SAMPLED_RUNS])
    flats = [board.flat_config(run_id) for run_id in sample]
    keys: dict[str, FilterKey] = {}
    for column in board.all_columns:
        if column.kind is ColumnKind.CONFIG:
            keys[column.path] = FilterKey(column.path, "varies", _values(flats, column.path))
    for flat in flats:
        for key, value in flat.items():
            keys.setdefault(key, FilterKey(key, "the same for all", listed_values([value])))
    for run_id in sample[:20]:
        for name in board.runs[run_id].summary:
            keys.setdefault(name, FilterKey(name, "last value"))
    return FilterKeys(keys)


def point_keys(config: Mapping[str, Json], names: Iterable[str]) -> FilterKeys:
    """Return the keys of the configurations that a sweep plans.

    Args:
        config: The sweep.
        names: Dotted keys of its configurations.
    """
    swept, parameters = set(swept_keys(config)), config.get("parameters")
    given = parameters if isinstance(parameters, Mapping) else {}
    keys = {}
    for name in names:
        entry = given.get(name)
        values = entry.get("values") if isinstance(entry, Mapping) else None
        listed = listed_values(values) if isinstance(values, list) else []
        keys[name] = FilterKey(name, "varies" if name in swept else "the same for all", listed)
    return FilterKeys(keys, facts=False)


def candidates(text: str, is_asked: bool, keys: FilterKeys) -> list[Candidate]:
    """Return what a filter may become; unasked, only once the next word has begun."""
    if not is_asked and (not text or text[-1].isspace()):
        return []
    return [Candidate(each.text, each.meaning, each.word) for each in completions(text, keys) if each.text != text]


def note(text: str, keys: FilterKeys) -> str:
    """Return what is odd about a filter; empty where there is nothing to compare it with yet."""
    return filter_note(parse_run_filter(text), keys) if keys.keys else ""


def _values(flats: Sequence[Mapping[str, Json]], key: str) -> list[str]:
    return listed_values(flat[key] for flat in flats if key in flat)
