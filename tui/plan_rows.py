"""Rows of a preview: the planned runs of a sweep as a table asks for them, all or those that a filter wants. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from trainer.records import Json
from trainer.run_filter import flat_items
from trainer.search.plan import PlannedRuns


class PlanRows:
    """All runs, or those with given numbers."""

    def __init__(self, runs: PlannedRuns, found: Sequence[int] | None = None) -> None:
        """Prepare.

        Args:
            runs: The planned runs.
            found: Numbers of those to show, counted from 0; may grow. None for all.
        """
        self.runs = runs
        self.found = found
        varying, constant = runs.columns()
        self.titles: Sequence[str] = [*varying, *constant]

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self.runs.count if self.found is None else len(self.found)

    def index(self, row: int) -> int:
        """Return the number of a row's run, counted from 0."""
        return row if self.found is None else self.found[row]

    def number(self, row: int) -> int:
        """Return the same as people count."""
        return self.index(row) + 1

    def texts(self, row: int) -> list[str]:
        """Return the values of a row's run by title; empty where it has none."""
        flat = dict(flat_items(self.runs.configuration(self.index(row))))
        return [value_text(flat[title]) if title in flat else "" for title in self.titles]


def value_text(value: Json | Mapping[str, Json]) -> str:
    """Return a value as the command passes it; what is no plain value as JSON."""
    if isinstance(value, float):
        return f"{value:.6g}" if float(f"{value:.6g}") != value else repr(value)
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(value)
