"""Why a run was stopped, in words: long for the run itself, short for a row of the leaderboard. Pure."""

from __future__ import annotations

import re

from trainer.records import RunRecord
from trainer.states import RunState

_EARLY = "early_terminate: "
_BAND = re.compile(r"at band (\d+)")


def stop_words(run: RunRecord, computed: str = "") -> str:
    """Return why a run was stopped, or is being stopped; empty where nobody asked it to end.

    Args:
        run: The run.
        computed: What the sweep's `early_terminate` says of it, where the server does not tell.
    """
    if run.state in (RunState.FINISHED, RunState.PENDING):
        return ""
    verb = "stopped" if run.state.is_terminal else "is to stop"
    if not run.stop_reason:
        return f"{verb} early, as the histories are now: {computed}" if computed and run.state.is_terminal else ""
    if run.stop_reason.startswith(_EARLY):
        return f"{verb} early {run.stop_reason.removeprefix(_EARLY)}"
    return run.stop_reason if run.stop_reason.startswith("stopped") else f"{verb}: {run.stop_reason}"


def short_stop_words(run: RunRecord) -> str:
    """Return the same for a cell: `band 9`, `by the user`; empty where it was not stopped."""
    if not run.stop_reason or run.state is not RunState.KILLED:
        return ""
    band = _BAND.search(run.stop_reason)
    if band:
        return f"band {band[1]}"
    return "by user" if "user" in run.stop_reason else ""
