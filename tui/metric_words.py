"""Metrics as words of a prompt: `log_loss`, `fit_seconds minimize`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from trainer.records import Goal, Metric
from tui.widgets.completing_input import Candidate

ARROWS = {"minimize": "↓", "maximize": "↑"}


def metric_candidates(names: Sequence[str]) -> list[Candidate]:
    """Return what may be entered as a metric: each with the goal that its name sounds like first."""
    from trainer.sweep.fix import guessed_goal

    guessed = [Candidate(f"{name} {guessed_goal(name)}", "as its name sounds") for name in names]
    others = {"minimize": "maximize", "maximize": "minimize"}
    return guessed + [Candidate(f"{name} {others[guessed_goal(name)]}") for name in names]


def metric_of(text: str, names: Sequence[str]) -> Metric | None:
    """Return the metric that a text names, with its goal or without; None where no run has logged it."""
    from trainer.sweep.fix import guessed_goal

    name, _, goal = text.strip().rpartition(" ")
    if goal not in ARROWS or not name:
        name, goal = text.strip(), ""
    exact = [each for each in names if each.lower() == name.strip().lower()]
    near = [each for each in names if name.strip() and name.strip().lower() in each.lower()]
    found = next(iter(exact or near), None)
    return None if found is None else Metric(found, cast(Goal, goal or guessed_goal(found)))
