"""The runs that a filter of the command line wants, and what is odd about it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from trainer.filter_hints import FilterKey, FilterKeys, filter_note
from trainer.records import Json, RunRecord
from trainer.run_filter import RunFilter, flat_items, parse_run_filter


def matching_runs(runs: Sequence[RunRecord], text: str) -> tuple[list[RunRecord], str]:
    """Return the runs that a filter wants, and what is odd about it in one sentence (empty for nothing)."""
    wanted = parse_run_filter(text)
    names = {key for run in runs for key, _ in flat_items(run.config)} | {key for run in runs for key in run.summary}
    names |= {f"{key}.{inner}" for run in runs for key, value in run.summary.items() if isinstance(value, dict)
              for inner in value}  # fmt: skip
    note = filter_note(wanted, _keys(names, facts=True)) if runs else ""
    return [run for run in runs if wanted.matches(run)], note


def point_note(wanted: RunFilter, points: Iterable[Mapping[str, Json]]) -> str:
    """Return what is odd about a filter of configurations in one sentence; empty for nothing, and without points."""
    names = {key for point in points for key, _ in flat_items(point)}
    return filter_note(wanted, _keys(names, facts=False)) if names else ""


def _keys(names: Iterable[str], *, facts: bool) -> FilterKeys:
    return FilterKeys({name: FilterKey(name, "") for name in sorted(names)}, facts)
