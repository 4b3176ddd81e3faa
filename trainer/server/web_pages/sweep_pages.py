"""The page of a sweep: how far it is, its runs best first, what it searches."""

from __future__ import annotations

import json
import shlex
import sqlite3
from collections import Counter

from starlette.responses import Response

from trainer.records import Json
from trainer.server.tables import projects, runs, sweeps
from trainer.server.web_pages.listings import Place, run_time, shortened
from trainer.server.web_pages.markup import (
    Markup,
    address,
    block,
    code,
    facts,
    join,
    link,
    missing,
    moment,
    number,
    page,
    section,
    state,
    table,
    text,
)
from trainer.server.web_pages.paging import PAGE, Piece

_PARAMETERS = 12
"""Columns of parameters in the table of runs."""


def sweep(connection: sqlite3.Connection, place: Place, name: str, piece: Piece) -> Response:
    """Return the page of a sweep."""
    owner = projects.find(connection, *place)
    row = None if owner is None else sweeps.find(connection, owner["id"], name)
    trail = [(place[0], address(place[0])), (place[1], address(*place))]
    if row is None:
        return missing(f"sweep {'/'.join(place)}/{name}", trail)
    config: dict[str, Json] = json.loads(row["config"])
    counts = Counter(
        {
            word: count
            for word, count in connection.execute(
                "SELECT state, count(*) FROM runs WHERE project_id = ? AND sweep = ? GROUP BY state",
                (row["project_id"], name),
            )
        }
    )
    found = _best_first(connection, row, config, piece)
    total = sum(counts.values())
    listed = join((_runs(place, row, config, found), piece.links(address(*place, "sweeps", name), total)))
    parts = [
        _head(row, place, config, counts),
        section(f"Runs ({total:,}), best first", listed or Markup("<p>None yet.</p>"), "runs"),
        section("Configuration", block(row["config_yaml"], "Configuration"), "config"),
    ]
    return page(row["display_name"] or name, trail, join(parts))


def _goal(config: dict[str, Json]) -> str:
    metric = config.get("metric")
    return "maximize" if isinstance(metric, dict) and metric.get("goal") == "maximize" else "minimize"


def _best_first(
    connection: sqlite3.Connection, row: sqlite3.Row, config: dict[str, Json], piece: Piece
) -> list[sqlite3.Row]:
    """Return a piece of the runs: those with a value of the metric, best first, then the others, oldest first."""
    word = "DESC" if _goal(config) == "maximize" else "ASC"
    sweep_of = (row["project_id"], row["name"])
    scope = "project_id = ? AND sweep = ?"
    having = connection.execute(
        f"SELECT count(*) FROM runs WHERE {scope} AND history_best IS NOT NULL", sweep_of
    ).fetchone()[0]
    found: list[sqlite3.Row] = connection.execute(
        f"SELECT * FROM runs WHERE {scope} AND history_best IS NOT NULL ORDER BY history_best {word} LIMIT ? OFFSET ?",
        (*sweep_of, PAGE, piece.offset),
    ).fetchall()
    left = PAGE - len(found)
    if left:
        found += connection.execute(
            f"SELECT * FROM runs WHERE {scope} AND history_best IS NULL ORDER BY id LIMIT ? OFFSET ?",
            (*sweep_of, left, max(piece.offset - having, 0)),
        ).fetchall()
    return found


def _head(row: sqlite3.Row, place: Place, config: dict[str, Json], counts: Counter[str]) -> Markup:
    total, over = sum(counts.values()), sum(counts[word] for word in ("finished", "failed", "crashed", "killed"))
    expected = row["expected_runs"]
    by_state = join((Markup(f"{counts[word]:,} {state(word)}") for word in sorted(counts)), ", ")
    if expected:
        share = f'<progress max="{expected}" value="{min(over, expected)}" aria-label="Runs that are over"></progress>'
        by_state = Markup(f"{share}<br>{over:,} of {expected:,} are over: {by_state}")
    agent = code(f"wandb agent {shlex.quote('/'.join((*place, row['name'])))}")
    metric = f"{row['metric']}, {_goal(config)}" if row["metric"] else ""
    return facts(
        [
            ("State", state(row["state"])),
            ("Progress", by_state if total or expected else Markup("")),
            ("Method", text(config.get("method", ""))),
            ("Metric", text(metric)),
            ("Created", moment(row["created_at"])),
            ("Last agent", moment(row["heartbeat_at"])),
            ("Description", text(row["description"] or "")),
            ("Join", agent),
        ]
    )


def _runs(place: Place, row: sqlite3.Row, config: dict[str, Json], found: list[sqlite3.Row]) -> Markup:
    parameters = config.get("parameters")
    names = list(parameters)[:_PARAMETERS] if isinstance(parameters, dict) else []
    any_stopped = any(run["stop_reason"] for run in found)
    cells = []
    for run in found:
        given = runs.plain_config(run)
        best = run["history_best"] if run["history_best"] is not None else run["metric_value"]
        cells.append(
            (
                link(run["display_name"], address(*place, "runs", run["name"])),
                state(run["state"]),
                text("" if best is None else number(best)),
                *(code(shortened(given[name])) if name in given else Markup("") for name in names),
                text(run_time(run)),
                *((text(run["stop_reason"] or ""),) if any_stopped else ()),
            )
        )
    heads = (
        "Run",
        "State",
        f"#{row['metric'] or 'Metric'}",
        *names,
        "#Time",
        *(("Stopped because",) if any_stopped else ()),
    )
    return table("Runs, best first", heads, cells, wide="Stopped because")
