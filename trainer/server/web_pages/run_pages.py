"""The page of a run: state, curves, configuration, summary, console, files, artifacts."""

from __future__ import annotations

import json
import sqlite3

from starlette.responses import Response

from trainer.records import Json
from trainer.server.handlers.history_reads import console
from trainer.server.security import FileSigner
from trainer.server.tables import artifacts, files, runs
from trainer.server.web_pages.charts import metric_charts
from trainer.server.web_pages.listings import Place, file_table, run_time, shortened, version_table
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
    page,
    section,
    state,
    table,
    tags,
    text,
)

_CONSOLE_LINES = 200
_FILES = 500
_ARTIFACTS = 100
_VALUES = 300
_ALERTS = 20


def run(connection: sqlite3.Connection, signer: FileSigner, place: Place, name: str) -> Response:
    """Return the page of a run."""
    row = runs.find_by_path(connection, *place, name)
    trail = [(place[0], address(place[0])), (place[1], address(*place))]
    if row is None:
        return missing(f"run {'/'.join(place)}/{name}", trail)
    parts = [
        _head(row, place),
        _alerts(connection, row),
        section("Metrics", metric_charts(connection, row), "metrics"),
        Markup(f'<div class="columns">{_config(row)}{_summary(row)}</div>'),
        _console(connection, row),
        _files(connection, signer, row),
        _artifacts(connection, row, is_used=False),
        _artifacts(connection, row, is_used=True),
    ]
    return page(row["display_name"], trail, join(parts))


def _head(row: sqlite3.Row, place: Place) -> Markup:
    ending = Markup("") if row["exit_code"] is None else text(row["exit_code"])
    sweep = link(row["sweep"], address(*place, "sweeps", row["sweep"])) if row["sweep"] else Markup("")
    fields = facts(
        [
            ("State", state(row["state"])),
            ("Run", code("/".join((*place, row["name"])))),
            ("Sweep", sweep),
            ("Group", text(row["group_name"] or "")),
            ("Job type", text(row["job_type"] or "")),
            ("Tags", tags(json.loads(row["tags"]))),
            ("Created", moment(row["created_at"])),
            ("Last word", moment(row["heartbeat_at"] if row["reported_at"] else None)),
            ("Time", text(run_time(row))),
            ("Rows", text(f"{row['history_lines']:,}")),
            ("Program", code(row["program"]) if row["program"] else Markup("")),
            ("Host", text(row["host"] or "")),
            ("Exit code", ending),
        ]
    )
    stop = row["stop_reason"] or ("Somebody asked it to." if row["stop_requested"] else "")
    notes = Markup(f"<p>{'<br>'.join(text(line) for line in row['notes'].splitlines())}</p>") if row["notes"] else ""
    why = Markup(f'<p class="notice">Asked to stop: {text(stop)}</p>') if stop else Markup("")
    return Markup(f"{fields}{notes}{why}")


def _alerts(connection: sqlite3.Connection, row: sqlite3.Row) -> Markup:
    found = runs.alerts(connection, row["id"], _ALERTS)
    cells = [(text(alert["title"]), text(alert["severity"].lower()), moment(alert["created_at"]), text(alert["text"]))
             for alert in found]  # fmt: skip
    return section("Alerts", table("Alerts", ("Alert", "Level", "When", "Text"), cells, wide="Text"), "alerts")


def _config(row: sqlite3.Row) -> Markup:
    return section("Configuration", _values("Configuration", runs.plain_config(row)), "config")


def _summary(row: sqlite3.Row) -> Markup:
    summary: dict[str, Json] = json.loads(row["summary"])
    shown = {name: value for name, value in summary.items() if not name.startswith("_")}
    return section("Summary", _values("Summary", shown), "summary")


def _values(label: str, values: dict[str, Json]) -> Markup:
    flat = list(_flat(values, ""))
    cells = [(code(name), code(shortened(value))) for name, value in sorted(flat, key=lambda item: item[0])[:_VALUES]]
    more = Markup(f'<p class="dim">{len(flat) - _VALUES:,} more.</p>') if len(flat) > _VALUES else Markup("")
    return join((table(label, ("Name", "Value"), cells, wide="Value"), more)) if cells else Markup("")


def _flat(values: dict[str, Json], prefix: str) -> list[tuple[str, Json]]:
    """Return (dotted name, value) of what nests; media stay whole by the name of their type, and what is too deep."""
    found: list[tuple[str, Json]] = []
    for name, value in values.items():
        if isinstance(value, dict) and "_type" in value:
            found.append((prefix + name, value["_type"]))
        elif isinstance(value, dict) and value and prefix.count(".") < 10:
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((prefix + name, value))
    return found


def _console(connection: sqlite3.Connection, row: sqlite3.Row) -> Markup:
    edges = console(connection, row["id"], None, None, _CONSOLE_LINES)["edges"]
    assert isinstance(edges, list)
    lines = [str(edge["node"]["line"]) for edge in edges]
    if not lines:
        return Markup("")
    title = f"Console (last {len(lines)} of {row['console_lines']:,} lines)"
    return section(title, block("\n".join(lines), "Console"), "logs")


def _files(connection: sqlite3.Connection, signer: FileSigner, row: sqlite3.Row) -> Markup:
    total = files.count_of_run(connection, row["id"])
    listed = file_table(signer, files.page_of_run(connection, row["id"], _FILES, ""))
    more = Markup(f'<p class="dim">{total - _FILES:,} more are not listed.</p>') if total > _FILES else Markup("")
    return section(f"Files ({total:,})", join((listed, more)), "files")


def _artifacts(connection: sqlite3.Connection, row: sqlite3.Row, *, is_used: bool) -> Markup:
    total = artifacts.count_of_run(connection, row["id"], used=is_used)
    found = artifacts.of_run(connection, row["id"], used=is_used, after=0, limit=_ARTIFACTS)
    title = f"Artifacts {'used' if is_used else 'logged'} ({total:,})"
    return section(title, version_table(connection, found), "used" if is_used else "artifacts")
