"""The runs that a sweep's search starts from: those in no sweep become its own, those of other sweeps stay there.

A run is in one sweep only. One of another sweep counts for the search alone, if it finished: its point is not run
again, and bayes learns from it; it is none of the sweep's runs, and takes no share of its run_cap.
"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from trainer.records import Json
from trainer.server.context import RequestError
from trainer.server.filters import compile_filter
from trainer.server.tables import runs
from trainer.states import RunState

if TYPE_CHECKING:
    from trainer.search.optimizer import Optimizer

_MAX_BORROWED = 100_000


def adopt(connection: sqlite3.Connection, sweep: sqlite3.Row, condition: Json) -> None:
    """Make existing runs of the project that are in no sweep part of one.

    Raises:
        RequestError: If a run that is named does not exist.
    """
    for name in _names(condition):
        if runs.find(connection, sweep["project_id"], name) is None:
            raise RequestError(f"There is no run {name[:80]!r} in this project to start the sweep from.")
    compiled = compile_filter(condition)
    connection.execute(
        f"UPDATE runs SET sweep = ? WHERE project_id = ? AND sweep IS NULL AND ({compiled.sql})",
        (sweep["name"], sweep["project_id"], *compiled.values),
    )


def borrowed(connection: sqlite3.Connection, sweep: sqlite3.Row) -> list[sqlite3.Row]:
    """Return the finished runs of other sweeps that a sweep starts from, oldest first."""
    if not sweep["prior_runs"]:
        return []
    compiled = compile_filter(json.loads(sweep["prior_runs"]))
    return connection.execute(
        f"SELECT * FROM runs WHERE project_id = ? AND sweep IS NOT NULL AND sweep != ? AND state = ?"
        f" AND ({compiled.sql}) ORDER BY id LIMIT ?",
        (sweep["project_id"], sweep["name"], RunState.FINISHED, *compiled.values, _MAX_BORROWED),
    ).fetchall()


def expected_runs(connection: sqlite3.Connection, sweep: sqlite3.Row) -> int | None:
    """Return how many runs a sweep will have, without the points that runs of other sweeps have covered."""
    from trainer.sweep.space import SearchSpace, run_cap_of, run_count

    config = json.loads(sweep["config"])
    rows = borrowed(connection, sweep)
    if not rows or config.get("method") == "custom" or config.get("scheduler"):
        return run_count(config)
    space = SearchSpace.from_config(config)
    if space.unique_count is None:
        return run_count(config)
    covered = {index for row in rows if (index := space.index_of(assigned(row))) is not None}
    left = space.unique_count - len(covered)
    cap = run_cap_of(config)
    return left if cap is None else min(left, cap)


def assigned(row: sqlite3.Row) -> dict[str, Json]:
    """Return what a run was told to use, as far as is known."""
    suggested: dict[str, Json] = json.loads(row["suggested"]) if row["suggested"] else runs.plain_config(row)
    return suggested


def tell(optimizer: Optimizer, connection: sqlite3.Connection, sweep: sqlite3.Row, is_maximized: bool) -> None:
    """Report the runs of other sweeps that a search starts from."""
    from trainer.search.optimizer import ObservedRun
    from trainer.server.tables import best_values

    for row in borrowed(connection, sweep):
        value = best_values.of_run(row, is_maximized=is_maximized)
        config = runs.plain_config(row)
        optimizer.tell_prior(ObservedRun(row["name"], config, RunState(row["state"]), value, assigned(row)))


def _names(condition: Json) -> list[str]:
    """Return the runs that `wandb sweep -R` names: `{"$or": [{"name": "a"}, …]}` (SDK 0.31); none for other filters."""
    options = condition.get("$or") if isinstance(condition, dict) else None
    items = options if isinstance(options, list) else []
    return [name for item in items if isinstance(item, dict) and isinstance(name := item.get("name"), str)]
