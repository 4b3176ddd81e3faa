"""Keys of the live view: many mixins and the leaderboard bind them, and none may take one from another."""

from __future__ import annotations

from collections import defaultdict

from textual.binding import Binding

from tui.app import SweepApp
from tui.screens.analysis import AnalysisScreen
from tui.screens.sweep import SweepScreen
from tui.widgets.runs_table import RunsTable


def meanings(*nodes: type) -> dict[str, set[str]]:
    """Return what each key does in any of the classes."""
    found: dict[str, set[str]] = defaultdict(set)
    for node in nodes:
        for binding in vars(node).get("BINDINGS", ()):
            if isinstance(binding, Binding):
                for key in binding.key.split(","):
                    found[key.strip()].add(binding.action.removeprefix("app."))
    return found


def test_no_key_means_two_things_where_the_leaderboard_has_the_focus() -> None:
    for nodes in ((*SweepScreen.__mro__, RunsTable, SweepApp), (*AnalysisScreen.__mro__, SweepApp)):
        own = [node for node in nodes if node.__module__.startswith("tui.")]
        assert {key: actions for key, actions in meanings(*own).items() if len(actions) > 1} == {}
