"""The table of a sweep's runs with everything in it: one row per run, one column per thing known of any.

Owns which columns there are and what is in them; `table_files` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trainer.exports.origin import origin_of
from trainer.records import Json, Metric, Ranking, RunRecord, SweepRecord
from trainer.tracking.leaderboard import flatten_config, rank_runs

CellValue = str | int | float | bool | datetime | None
"""None where a run has nothing in a column."""

_FIXED = (
    "rank", "id", "name", "state", "sweep", "created_at", "ended_at", "seconds", "host", "group", "job_type", "tags",
    "notes", "branch", "commit", "url",
)  # fmt: skip


@dataclass(frozen=True)
class RunsTable:
    """The runs of a sweep, best first; rows are made while they are read, so that 100,000 take no memory twice."""

    sweep: SweepRecord
    runs: Sequence[RunRecord]
    """All of them, those of sweeps made for missing points, too."""
    metric: Metric | None
    by: Ranking = "best"
    top: int | None = None
    """How many rows; None for all."""

    def columns(self) -> list[str]:
        """Return the columns: what is known of every run, the metric, then `config.` and `summary.` by name."""
        config: dict[str, None] = {}
        summary: dict[str, None] = {}
        for run in self.runs:
            config |= dict.fromkeys(flatten_config(run.config))
            summary |= dict.fromkeys(_flat_summary(run.summary))
        own = [f"best.{self.metric.name}", f"last.{self.metric.name}"] if self.metric else []
        # Those that the sweep varies come in the sweep's order; the rest is easier found by name.
        swept = [name for name in config if name.partition(".")[0] in self._parameters]
        rest = sorted(name for name in config if name not in set(swept))
        keys = [f"config.{name}" for name in (*swept, *rest)] + [f"summary.{name}" for name in sorted(summary)]
        return [*_FIXED, *own, *keys]

    def rows(self) -> Iterator[dict[str, CellValue]]:
        """Yield the rows, best first; a column that a row does not have is empty."""
        for place in rank_runs(self.runs, self.metric, self.by)[: self.top]:
            yield self._row(place.rank, place.run)

    @property
    def _parameters(self) -> Mapping[str, Json]:
        parameters = self.sweep.config.get("parameters")
        return parameters if isinstance(parameters, dict) else {}

    def _row(self, rank: int, run: RunRecord) -> dict[str, CellValue]:
        origin = origin_of(run)
        row: dict[str, CellValue] = {
            "rank": rank,
            "id": run.id,
            "name": run.name,
            "state": run.state.value,
            "sweep": run.sweep_id or self.sweep.reference.id,
            "created_at": run.created_at,
            "ended_at": _ended_at(run),
            "seconds": run.duration_seconds,
            "host": run.host or None,
            "group": run.group or None,
            "job_type": run.job_type or None,
            "tags": " ".join(run.tags) or None,
            "notes": run.notes or None,
            "branch": origin.branch or None,
            "commit": origin.commit or None,
            "url": self.sweep.run_url(run.id) or None,
        }
        if self.metric:
            row[f"best.{self.metric.name}"] = run.metric_value(self.metric, "best")
            row[f"last.{self.metric.name}"] = run.metric_value(self.metric, "last")
        row |= {f"config.{name}": _cell(value) for name, value in flatten_config(run.config).items()}
        row |= {f"summary.{name}": _cell(value) for name, value in _flat_summary(run.summary).items()}
        return row


def _ended_at(run: RunRecord) -> datetime | None:
    if not run.state.is_terminal or run.created_at is None or run.duration_seconds is None:
        return None
    return run.created_at + timedelta(seconds=run.duration_seconds)


def _flat_summary(summary: Mapping[str, Json]) -> dict[str, Json]:
    """Return a summary with dotted keys; a picture, table or file that was logged stays one value."""
    flat: dict[str, Json] = {}
    for key, value in summary.items():
        if isinstance(value, dict) and value and "_type" not in value:
            flat |= {f"{key}.{name}": entry for name, entry in _flat_summary(value).items()}
        else:
            flat[key] = value
    return flat


def _cell(value: Json) -> CellValue:
    """Return a value as a cell: lists and mappings as the JSON that they are."""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return value
