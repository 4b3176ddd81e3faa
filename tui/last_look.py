"""What a sweep was like when it was last looked at, and what is new since. Pure, but for the file they are kept in.

One file for all sweeps of all servers, so that the list of sweeps reads it once; the looks of longest ago go first.
Only times that the server told are compared with each other: its clock need not be this machine's.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.atomic_file import write_text_atomically
from trainer.errors import TrainerError
from trainer.paths import state_dir
from trainer.records import SweepRecord, SweepReference
from trainer.states import SweepState
from tui.formatting import count_text, metric_text, seconds_text, sweep_label

if TYPE_CHECKING:
    from tui.feeds import SweepFeed

MAX_LOOKS = 500
MAX_ALIVE = 2000
"""Runs that were alive whose ids are kept; those beyond are not told apart from old ones."""
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Look:
    """A sweep at the moment somebody looked at it."""

    at: str
    """When, by this machine's clock: ISO 8601, UTC."""
    state: str
    run_count: int
    """Runs there were, in any state, as the record of the sweep counts them."""
    listed_best: float | None
    """The best value in the record of the sweep."""
    best: float | None = None
    newest: float = 0.0
    """When the newest run was created, by the server's clock."""
    at_newest: tuple[str, ...] = ()
    """The runs created at that very moment."""
    alive: tuple[str, ...] = ()
    """The runs that had not ended."""

    @property
    def moment(self) -> datetime:
        """When it was."""
        return datetime.fromisoformat(self.at)


@dataclass(frozen=True, slots=True)
class News:
    """What happened to a sweep since a look."""

    since: datetime
    ended: int = 0
    failed: int = 0
    best: float | None = None
    """A best value that is better than the one then; None where it is not."""
    gain: float | None = None
    """By how much, as a change of the value; None for the first value at all."""
    state: SweepState | None = None
    """The state, where it is another one."""
    run_ids: frozenset[str] = field(default=frozenset())
    """The runs that ended since."""

    def __bool__(self) -> bool:
        return bool(self.ended or self.best is not None or self.state is not None)

    def parts(self, metric_name: str = "") -> list[str]:
        """Return each change in a few words, the most important first."""
        parts = []
        if self.best is not None:
            gain = "" if self.gain is None else f" ({gain_text(self.gain)})"
            parts.append(f"new best {metric_name + ' ' if metric_name else ''}{metric_text(self.best)}{gain}")
        if self.ended:
            parts.append(f"{count_text(self.ended, 'run')} ended")
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        if self.state is not None:
            parts.append(f"sweep {sweep_label(self.state).word}")
        return parts

    def since_text(self, now: datetime) -> str:
        """Return when it was looked at last: `14:02 (23m05s ago)`, with the day where it was another one."""
        then, here = self.since.astimezone(), now.astimezone()
        day = "" if then.date() == here.date() else f"{then:%a} " if (here - then).days < 6 else f"{then:%-d %b} "
        return f"{day}{then:%H:%M} ({_rough_age((now - self.since).total_seconds())} ago)"


def _rough_age(seconds: float) -> str:
    minutes = int(max(seconds, 0) // 60)
    if minutes < 1:
        return seconds_text(seconds)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"


def gain_text(gain: float) -> str:
    """Return a change of a measured value with its sign."""
    return f"{'+' if gain >= 0 else '−'}{metric_text(abs(gain))}"


def look_at(feed: SweepFeed, now: datetime) -> Look | None:
    """Return what a feed shows at this moment; None before it has heard of its sweep."""
    sweep = feed.sweep
    if sweep is None:
        return None
    return Look(
        at=now.astimezone(UTC).isoformat(timespec="seconds"),
        state=sweep.state.value,
        run_count=max(sweep.run_count, len(feed.board.runs)),
        listed_best=_finite(sweep.best_value),
        best=_finite(feed.best_value),
        newest=feed.newest_run.timestamp() if feed.newest_run else 0.0,
        at_newest=tuple(sorted(feed.at_newest)),
        alive=tuple(sorted(feed.alive_ids))[:MAX_ALIVE],
    )


def news_of(look: Look, feed: SweepFeed) -> News:
    """Return what a feed shows that a look did not."""
    sweep, board = feed.sweep, feed.board
    assert sweep is not None
    was_alive, was_newest = set(look.alive), set(look.at_newest)
    ended = frozenset(
        run.id
        for run in board.runs.values()
        if run.state.is_terminal
        and (
            run.id in was_alive
            or (
                run.created_at is not None
                and (moment := run.created_at.timestamp()) >= look.newest
                and not (moment == look.newest and run.id in was_newest)
            )
        )
    )
    best, gain = feed.best_value, None
    if best is None or board.metric is None or not board.metric.is_better(best, look.best):
        best = None
    elif look.best is not None:
        gain = best - look.best
    return News(
        since=look.moment,
        ended=len(ended),
        failed=sum(board.runs[run_id].state.is_failure for run_id in ended),
        best=best,
        gain=gain,
        state=sweep.state if sweep.state.value != look.state else None,
        run_ids=ended,
    )


def listed_news(look: Look, sweep: SweepRecord) -> News:
    """Return what the record of a sweep, without its runs, tells that a look did not know; `ended` counts new runs."""
    best, gain = sweep.best_value, None
    if best is None or sweep.metric is None or not sweep.metric.is_better(best, look.listed_best):
        best = None
    elif look.listed_best is not None:
        gain = best - look.listed_best
    return News(
        since=look.moment,
        ended=max(sweep.run_count - look.run_count, 0),
        best=best,
        gain=gain,
        state=sweep.state if sweep.state.value != look.state else None,
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


# Kept on disk


def looks_file() -> Path:
    """Return the file of all looks."""
    return state_dir() / "looks.json"


def look_key(base_url: str, reference: SweepReference) -> str:
    """Return the name under which the look at a sweep is kept."""
    return f"{base_url} {reference}"


def read_looks(path: Path) -> dict[str, Look]:
    """Return the looks that are kept; none where the file cannot be read or is of another version."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        if held["version"] != _VERSION:
            return {}
        return dict(_looks(held["looks"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _looks(held: Mapping[str, dict[str, object]]) -> Iterable[tuple[str, Look]]:
    for key, values in held.items():
        look = Look(**values)  # type: ignore[arg-type]
        texts = {name: tuple(map(str, getattr(look, name))) for name in ("at_newest", "alive")}
        yield key, Look(**{**values, **texts})  # type: ignore[arg-type]
        look.moment  # noqa: B018  a time that cannot be read is refused here, and not when it is shown


def keep_look(path: Path, key: str, look: Look) -> str:
    """Keep a look in the place of the one before it; blocks. Returns why that failed, empty where it did not."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Another app may keep its own at this moment: each reads what is there, under the lock.
        lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            looks = read_looks(path)
            looks[key] = look
            newest = sorted(looks.items(), key=lambda item: item[1].at)[-MAX_LOOKS:]
            text = json.dumps({"version": _VERSION, "looks": {name: asdict(each) for name, each in newest}})
            write_text_atomically(path, text)
        finally:
            os.close(lock)
    except (OSError, TrainerError) as error:
        return str(error)
    return ""
