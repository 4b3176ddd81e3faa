"""By what the runs of a leaderboard can be grouped, as words of a prompt: `lr, depth`, `state`. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tui.columns import Column, ColumnKind
from tui.leaderboard_model import LeaderboardModel
from tui.widgets.completing_input import Candidate

EXAMPLES = "group by: lr, depth · state · host · tags · nothing for no groups · tab completes"
SEED_EXAMPLES = (
    "keys that only repeat a configuration: my_rng, fold · nothing: those whose names say so · tab completes"
)
COLLAPSE = "all but the seeds"
_GROUPABLE = (
    ColumnKind.CONFIG, ColumnKind.SWEEP, ColumnKind.STATE, ColumnKind.HOST, ColumnKind.GPU, ColumnKind.TAGS,
    ColumnKind.NOTE,
)  # fmt: skip
_ALIASES = {"tag": "tags", "notes": "note", "gpus": "gpu", "hosts": "host"}
_LAST_WORD = re.compile(r"[^,]*$")


def groupable(board: LeaderboardModel) -> list[Column]:
    """Return the columns that runs can be grouped by, those that vary first."""
    return [column for column in board.all_columns if column.kind in _GROUPABLE]


def keys_of(board: LeaderboardModel, text: str) -> tuple[list[Column], list[str]]:
    """Return the columns that a text names, and its words that name none."""
    named = {_name(column).lower(): column for column in reversed(groupable(board))}
    for alias, name in _ALIASES.items():
        if name in named:
            named.setdefault(alias, named[name])
    keys: dict[Column, None] = {}
    unknown: list[str] = []
    for part in filter(None, map(str.strip, text.split(","))):
        whole = named.get(part.lower())
        for word in [part] if whole else part.split():
            column = whole or named.get(word.lower()) or _by_last_part(named, word.lower())
            if column is None:
                unknown.append(word)
            else:
                keys[column] = None
    return list(keys), unknown


def text_of(keys: Sequence[Column]) -> str:
    """Return the text that names columns."""
    return ", ".join(map(_name, keys))


def candidates(board: LeaderboardModel, text: str, is_asked: bool) -> list[Candidate]:
    """Return what a text may become; those that an empty one may only where they are asked for."""
    typed = _LAST_WORD.search(text)
    word = typed[0].strip().lower() if typed else ""
    kept = text[: typed.start()].rstrip() if typed else ""
    taken, _ = keys_of(board, kept)
    found = []
    if not kept and board.repeated_keys and word in COLLAPSE:
        found.append(Candidate(text_of(board.repeated_keys), text_of(board.repeated_keys), COLLAPSE))
    for column in groupable(board) if word or is_asked else ():
        name = _name(column)
        if word in name.lower() and column not in taken:
            varies = column in board.varying_columns
            meaning = "varies" if varies else "the same for all" if column.kind is ColumnKind.CONFIG else "of the run"
            found.append(Candidate(f"{kept} {name}".strip(), meaning, name))
    first = [each for each in found if each.word == COLLAPSE or each.word.lower().startswith(word)]
    return first + [each for each in found if each not in first]


def seed_candidates(board: LeaderboardModel, text: str, is_asked: bool) -> list[Candidate]:
    """Return what a text that names seeds may become: keys of the configuration that vary."""
    typed = _LAST_WORD.search(text)
    word = typed[0].strip().lower() if typed else ""
    kept = text[: typed.start()].rstrip() if typed else ""
    taken, _ = keys_of(board, kept)
    found = [
        Candidate(f"{kept} {column.path}".strip(), "varies", column.path)
        for column in (board.varying_columns if word or is_asked else ())
        if word in column.path.lower() and column not in taken
    ]
    return sorted(found, key=lambda each: not each.word.lower().startswith(word))


def note(board: LeaderboardModel, text: str) -> str:
    """Return what is odd about a text; empty for nothing."""
    _, unknown = keys_of(board, text)
    return f"No run has a key {unknown[0]}." if unknown and groupable(board) else ""


def _name(column: Column) -> str:
    return column.path or column.title


def _by_last_part(named: dict[str, Column], word: str) -> Column | None:
    """Return the only column whose last part is a word: `lr` for `optimizer.lr`."""
    found = [column for name, column in named.items() if name.rpartition(".")[2] == word]
    return found[0] if len(found) == 1 else None
