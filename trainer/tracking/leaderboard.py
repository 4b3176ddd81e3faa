"""Which runs are best, and the leaderboard as text. Pure: the runs are given, nothing is read."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

import yaml

from trainer.errors import InputError, NotFoundError
from trainer.records import ORIGIN_KEY, Goal, Json, Metric, Ranking, RunRecord, SweepRecord
from trainer.states import RunState
from trainer.sweep.hydra_overrides import hydra_words
from trainer.sweep.joint import member_paths, unpacked
from trainer.tracking.tables import Cell, Table, render_csv, render_markdown, render_plain

TableFormat = Literal["table", "json", "csv", "md"]
ConfigFormat = Literal["yaml", "args", "json", "hydra"]


@dataclass(frozen=True, slots=True)
class RankedRun:
    """A run with its place."""

    rank: int
    """Counts from 1."""
    run: RunRecord
    value: float | None
    """What it was ranked by; None when it has logged no number, and then it comes last."""


def rank_runs(runs: Iterable[RunRecord], metric: Metric | None, by: Ranking = "best") -> list[RankedRun]:
    """Return the runs, best first; those without a value last, ties and no metric in order of creation."""
    ordered = [(run.metric_value(metric, by) if metric else None, run) for run in sorted(runs, key=_creation_order)]
    sign = -1.0 if metric and metric.goal == "maximize" else 1.0
    ordered.sort(key=lambda entry: (entry[0] is None, sign * (entry[0] or 0.0)))
    return [RankedRun(rank, run, value) for rank, (value, run) in enumerate(ordered, start=1)]


def best_run(runs: Iterable[RunRecord], metric: Metric | None, by: Ranking = "best") -> RunRecord | None:
    """Return the best run; None when no run has logged a number, or there is no metric."""
    first = next(iter(rank_runs(runs, metric, by)), None)
    return first.run if first and first.value is not None else None


def ranking_metric(sweep: SweepRecord, name: str | None = None, goal: str | None = None) -> Metric | None:
    """Return the metric to rank by: the sweep's own, or another; None when there is none.

    Args:
        sweep: The sweep; a metric of its own keeps its goal.
        name: Another metric; None for the sweep's.
        goal: minimize or maximize; None for the sweep's, which is minimize for a metric that is not its own.

    Raises:
        InputError: If `goal` is neither, or is given for no metric.
    """
    own = sweep.metric
    if goal not in (None, "minimize", "maximize"):
        raise InputError(f"{goal!r} is not a goal.", hint="Use minimize or maximize.")
    chosen = name or (own.name if own else None)
    if chosen is None:
        if goal is not None:
            raise InputError(f"Sweep {sweep.reference} names no metric.", hint="Name one with --metric.")
        return None
    default: Goal = own.goal if own and own.name == chosen else "minimize"
    return Metric(chosen, cast(Goal, goal) if goal else default)


def flatten_config(config: Mapping[str, Json]) -> dict[str, Json]:
    """Return a configuration with dotted keys, joint parameters as their members; an empty mapping is a value."""
    return _flatten(unpacked(config), "")


def _flatten(config: Mapping[str, Json], prefix: str) -> dict[str, Json]:
    flat: dict[str, Json] = {}
    for key, value in config.items():
        if isinstance(value, dict) and value:
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def varying_config(runs: Iterable[RunRecord]) -> list[str]:
    """Return the dotted keys of the configuration in which runs differ, in order of appearance.

    Where a run is from (`ORIGIN_KEY`) is no difference of its configuration.
    A key that only some runs have counts where they finished: before, a program may not have reported it yet.
    """
    seen: dict[str, set[str]] = {}
    counts: dict[str, int] = {}
    finished = 0
    for run in runs:
        is_finished = run.state is RunState.FINISHED
        finished += is_finished
        for key, value in flatten_config(run.config).items():
            seen.setdefault(key, set()).add(f"{type(value).__name__}:{value!r}")
            counts[key] = counts.get(key, 0) + is_finished
    differing = (key for key, values in seen.items() if len(values) > 1 or 0 < counts[key] < finished)
    return [key for key in differing if not key.startswith(f"{ORIGIN_KEY}.")]


def swept_columns(sweep: SweepRecord, runs: Sequence[RunRecord]) -> list[str]:
    """Return the dotted keys that the sweep varies and in which its runs differ so far; all it varies of one run."""
    varying = varying_config(runs) if len(runs) > 1 else [key for run in runs for key in flatten_config(run.config)]
    names = _swept_names(sweep)
    return [key for key in varying if _is_swept(names, key)]


def leaderboard_columns(sweep: SweepRecord, runs: Sequence[RunRecord]) -> list[str]:
    """Return the configuration keys that a leaderboard shows: what the sweep varies, then what else differs."""
    swept = swept_columns(sweep, runs)
    return swept + [key for key in varying_config(runs) if key not in swept]


def render_leaderboard(
    sweep: SweepRecord,
    runs: Sequence[RunRecord],
    *,
    metric: Metric | None = None,
    by: str = "best",
    top: int | None = None,
    output_format: str = "table",
    width: int | None = None,
    with_links: bool = False,
) -> str:
    """Return the best runs as text.

    Args:
        sweep: Whose runs they are.
        runs: All of its runs.
        metric: What ranks them; None for the sweep's own.
        by: best or last.
        top: How many to show; None for all.
        output_format: table, json, csv or md.
        width: Columns of the terminal; None to ask it, 0 for as wide as it gets. Only a table cares.
        with_links: Whether the names of a table lead to the runs' pages: for terminals only.
    """
    metric = metric or sweep.metric
    ranked = rank_runs(runs, metric, cast(Ranking, by))[:top]
    if output_format == "json":
        entries = [_entry(place, metric) for place in ranked]
        if sweep.parts:
            entries = [{"sweep": place.run.sweep_id, **entry} for place, entry in zip(ranked, entries, strict=True)]
        return json.dumps(entries, indent=2)
    table = _table(ranked, leaderboard_columns(sweep, runs), metric, with_sweeps=bool(sweep.parts))
    if output_format == "csv":
        return render_csv(table)
    if output_format == "md":
        return render_markdown(table)
    if with_links:
        table = replace(table, links=tuple(sweep.run_url(place.run.id) for place in ranked), linked=1)
    return render_plain(table, width, with_links=with_links) if ranked else f"{sweep.name} has no runs yet."


def leaderboard_table(
    sweep: SweepRecord, runs: Sequence[RunRecord], *, metric: Metric | None, by: Ranking, top: int | None
) -> Table:
    """Return the best runs as a table, as `render_leaderboard` shows them."""
    ranked, columns = rank_runs(runs, metric, by)[:top], leaderboard_columns(sweep, runs)
    return _table(ranked, columns, metric, with_sweeps=bool(sweep.parts))


def render_best(
    sweep: SweepRecord,
    runs: Sequence[RunRecord],
    *,
    metric: Metric | None = None,
    by: str = "best",
    output_format: str = "yaml",
) -> str:
    """Return the best run's configuration: the parameters of the sweep, or all of it when it names none.

    Args:
        sweep: Whose runs they are.
        runs: All of its runs.
        metric: What ranks them; None for the sweep's own.
        by: best or last.
        output_format: yaml, json, args: the command line that the agents pass, or hydra: overrides; both of these
            quoted for a shell.

    Raises:
        InputError: If there is no metric to rank by, or Hydra has no way to write a name.
        NotFoundError: If no run has logged it.
    """
    metric = metric or sweep.metric
    if metric is None:
        raise InputError(
            f"Sweep {sweep.reference} names no metric, so none of its runs is best.", hint="Name one with --metric."
        )
    run = best_run(runs, metric, cast(Ranking, by))
    if run is None:
        raise NotFoundError(
            f"No run of sweep {sweep.reference} has logged {metric.name!r}.",
            hint="Wait for one, or check the metric's name.",
        )
    config = best_config(sweep, run)
    if output_format == "args":
        return " ".join(shlex.quote(f"--{key}={value}") for key, value in config.items())
    if output_format == "hydra":
        return hydra_words(config)
    if output_format == "json":
        return json.dumps(strict_json(config), indent=2)
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True).rstrip()


def best_config(sweep: SweepRecord, run: RunRecord) -> dict[str, Json]:
    """Return the part of a run's configuration that came from the sweep; all of it when that is unknown."""
    parameters = sweep.config.get("parameters")
    entries = parameters if isinstance(parameters, dict) else {}
    # In the sweep's order: a run reports its configuration in any, a different one each time (wandb-core 0.31).
    named = dict.fromkeys(path[0] for name, entry in entries.items() for path in member_paths(name, entry) or [(name,)])
    config = unpacked(run.config, sweep.config)
    chosen = {key: config[key] for key in named if key in config}
    return chosen or config


def _creation_order(run: RunRecord) -> tuple[float, str]:
    return (run.created_at.timestamp() if run.created_at else math.inf, run.id)


def _swept_names(sweep: SweepRecord) -> dict[str, bool]:
    """Return the dotted names that the sweep's parameters have in a configuration, and whether it varies them."""
    parameters = sweep.config.get("parameters")
    names: dict[str, bool] = {}
    for name, parameter in parameters.items() if isinstance(parameters, dict) else ():
        members = member_paths(name, parameter)
        names |= dict.fromkeys(map(".".join, members), True)
        if not members:
            names.setdefault(name, not (isinstance(parameter, dict) and "value" in parameter))
    return names


def _is_swept(names: Mapping[str, bool], key: str) -> bool:
    """Return whether a dotted key is that of a parameter that varies, or within one."""
    if key in names:
        return names[key]
    return next((varies for name, varies in names.items() if key.startswith(f"{name}.")), False)


def _table(
    ranked: Sequence[RankedRun], columns: Sequence[str], metric: Metric | None, *, with_sweeps: bool = False
) -> Table:
    rows: list[list[Cell]] = []
    for place in ranked:
        flat = flatten_config(place.run.config)
        row: list[Cell] = [place.rank, place.run.name, *([place.run.sweep_id] if with_sweeps else [])]
        row += [_cell(flat[key]) if key in flat else "" for key in columns]
        row += [place.value] if metric else []
        rows.append([*row, place.run.state.value, place.run.duration_seconds])
    first = ["#", "run", *(["sweep"] if with_sweeps else [])]
    heads = [*first, *columns, *([metric.name] if metric else []), "state", "seconds"]
    return Table(tuple(heads), tuple(map(tuple, rows)), droppable=range(len(first), len(first) + len(columns)))


def _cell(value: Json) -> Cell:
    if value is None or isinstance(value, dict | list | bool):
        return str(value)
    return value


def _entry(place: RankedRun, metric: Metric | None) -> dict[str, Json]:
    run = place.run
    return {
        "rank": place.rank,
        "id": run.id,
        "name": run.name,
        "state": run.state.value,
        "metric": metric.name if metric else None,
        "value": place.value,
        "config": strict_json(dict(run.config)),
        "summary": strict_json(dict(run.summary)),
        "seconds": run.duration_seconds,
    }


def strict_json(value: Json) -> Json:
    """Return a value that strict JSON can carry: NaN and the infinities become the words W&B uses."""
    if isinstance(value, dict):
        return {key: strict_json(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [strict_json(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
