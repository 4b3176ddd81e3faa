"""What is said of one run beside its row: why it was stopped, its whole name, tags and note. Pure."""

from __future__ import annotations

from trainer.records import RunRecord
from trainer.states import RunState
from tui.formatting import duration_text, run_label
from tui.stop_words import stop_words


def cursor_words(run: RunRecord | None) -> str:
    """Return what the row under the cursor has no room for, in one line; empty where it says everything."""
    if run is None:
        return ""
    parts = [
        stop_words(run) if run.state is not RunState.RUNNING or run.stop_reason else "",
        " ".join(run.notes.split()),
    ]
    return " · ".join(part for part in parts if part)


def tooltip_words(run: RunRecord) -> str:
    """Return all that a row says in short, a line for each thing."""
    lines = [
        run.name,
        f"{run_label(run.state)} · {duration_text(run.duration_seconds)}{f' · {run.host}' if run.host else ''}",
        stop_words(run),
        " ".join(f"#{tag}" for tag in run.tags),
        " ".join(run.notes.split()),
    ]
    return "\n".join(line for line in lines if line)
