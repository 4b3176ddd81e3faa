"""Numbers, durations, ages and states as short text. Pure; owns no colour and no widget."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len, set_cell_size

from trainer import durations
from trainer.records import Json
from trainer.states import AgentState, RunState, SweepState

MISSING = "–"
"""What stands where a value is not known."""


@dataclass(frozen=True, slots=True)
class StateLabel:
    """How a state is shown: told apart by its glyph and word alone, its tone only helps."""

    glyph: str
    word: str
    tone: str
    """One of `TONES`; a widget turns it into a colour of the theme."""

    def __str__(self) -> str:
        return f"{self.glyph} {self.word}"


TONES = ("good", "active", "bad", "warn", "muted")

_RUN_LABELS = {
    RunState.PENDING: StateLabel("○", "pending", "muted"),
    RunState.RUNNING: StateLabel("●", "running", "active"),
    RunState.FINISHED: StateLabel("✓", "finished", "good"),
    RunState.FAILED: StateLabel("✗", "failed", "bad"),
    RunState.CRASHED: StateLabel("✗", "crashed", "bad"),
    RunState.KILLED: StateLabel("■", "killed", "warn"),
    RunState.PREEMPTING: StateLabel("◐", "preempting", "warn"),
    RunState.PREEMPTED: StateLabel("◌", "preempted", "warn"),
}
_SWEEP_LABELS = {
    SweepState.PENDING: StateLabel("○", "pending", "muted"),
    SweepState.RUNNING: StateLabel("●", "running", "active"),
    SweepState.PAUSED: StateLabel("◐", "paused", "warn"),
    SweepState.FINISHED: StateLabel("✓", "finished", "good"),
    SweepState.CANCELED: StateLabel("■", "canceled", "bad"),
}
_AGENT_LABELS = {
    AgentState.STARTING: StateLabel("◌", "starting", "muted"),
    AgentState.WAITING: StateLabel("○", "waiting", "muted"),
    AgentState.RUNNING: StateLabel("●", "running", "active"),
    AgentState.STOPPING: StateLabel("◐", "stopping", "warn"),
    AgentState.STOPPED: StateLabel("■", "stopped", "muted"),
    AgentState.FAILED: StateLabel("✗", "failed", "bad"),
}


def run_label(state: RunState) -> StateLabel:
    """Return the glyph, word and tone of a run's state."""
    return _RUN_LABELS[state]


def sweep_label(state: SweepState) -> StateLabel:
    """Return the glyph, word and tone of a sweep's state."""
    return _SWEEP_LABELS[state]


def agent_label(state: AgentState) -> StateLabel:
    """Return the glyph, word and tone of a local agent's state."""
    return _AGENT_LABELS[state]


def metric_text(value: float | None) -> str:
    """Return a measured value with the digits that tell runs apart: `0.9815`, `12.35`, `1.2e-05`, `1.234e+08`.

    Trailing zeros stay, so that a right-aligned column lines up at the point.
    """
    if value is None:
        return MISSING
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    if size and (size < 1e-3 or size >= 1e7):
        return f"{value:.3e}"
    if isinstance(value, int) or (value.is_integer() and size >= 1000):
        return str(int(value))
    whole_digits = len(str(int(size)))
    return f"{value:.{max(5 - whole_digits, 1)}f}"


def number_text(value: float) -> str:
    """Return a chosen value (a hyperparameter) as people write it: `0.001`, `1e-05`, `64`, `0.3333`."""
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        return str(value)
    text = f"{value:.4g}"
    # 4 digits must not turn 12345.0 into 1.234e+04.
    return f"{value:.0f}" if "e+" in text and abs(value) < 1e7 else text


def value_text(value: Json, limit: int = 0) -> str:
    """Return any JSON value on one line; None as `None`, as scikit-learn's users write it.

    Args:
        value: The value.
        limit: Longest text, an ellipsis included; 0 for no limit.
    """
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif value is None:
        text = "None"
    elif isinstance(value, int | float):
        text = number_text(value)
    elif isinstance(value, str):
        text = " ".join(value.split())
    else:
        text = json.dumps(value, ensure_ascii=False)
    return shortened(text, limit) if limit else text


def shortened(text: str, limit: int) -> str:
    """Return `text` in at most `limit` cells of the terminal, with an ellipsis where it was cut."""
    if cells_of(text) <= limit:
        return text
    if limit <= 0:
        return ""
    # Half of a wide sign is a space.
    return f"{text[: limit - 1] if text.isascii() else set_cell_size(text, limit - 1).rstrip()}…"


def on_one_line(text: str) -> str:
    """Return a text with a sign where its lines end: a name or a note may have several, a row has one."""
    return " ↵ ".join(text.splitlines()) if "\n" in text or "\r" in text else text


def cells_of(text: str) -> int:
    """Return how many cells a text takes: a Chinese sign and an emoji take two, a combining accent none."""
    return len(text) if text.isascii() else cell_len(text)


def padded(text: str, width: int) -> str:
    """Return a text with spaces behind it, `width` cells in all; longer ones stay as they are."""
    return text + " " * (width - cells_of(text))


def padded_left(text: str, width: int) -> str:
    """Return a text with spaces before it, `width` cells in all; longer ones stay as they are."""
    return " " * (width - cells_of(text)) + text


def duration_text(seconds: float | None) -> str:
    """Return a duration as `0.4s`, `42s`, `3m05s`, `2h07m` or `3d04h`."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    seconds = max(seconds, 0.0)
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    return durations.duration_text(seconds)


def seconds_text(seconds: float | None) -> str:
    """Return a duration that ticks on the screen: as `duration_text`, but never with tenths."""
    return duration_text(seconds) if seconds is None or seconds >= 9.95 else f"{max(seconds, 0.0):.0f}s"


def age_text(moment: datetime | None, now: datetime) -> str:
    """Return how long ago an aware `moment` was, in whole seconds or more."""
    return MISSING if moment is None else seconds_text((now - moment).total_seconds())


def count_text(count: int, noun: str) -> str:
    """Return a count with its noun: `1 run`, `12,000 runs`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def rate_text(runs_per_second: float | None) -> str:
    """Return how fast runs end, in the unit that gives a readable number."""
    if runs_per_second is None or runs_per_second <= 0:
        return MISSING
    for seconds, unit in ((60, "min"), (3600, "h"), (86400, "day")):
        if runs_per_second * seconds >= 1:
            return f"{_short_number(runs_per_second * seconds)} runs/{unit}"
    return f"{_short_number(runs_per_second * 86400)} runs/day"


def _short_number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def size_text(size: float) -> str:
    """Return a number of bytes as `889 B`, `195 KiB`, `1.2 GiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 9.95 else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} TiB"
