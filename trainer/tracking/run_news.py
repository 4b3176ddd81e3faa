"""What panes want to know of runs, refresh after refresh: only what is new. Values, their GraphQL, and its reading."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trainer.records import ConsolePage, HistoryPoint, RunRecord
from trainer.tracking.console_pages import page_of
from trainer.tracking.parts import Part
from trainer.wire import history_points, run_record
from trainer.wire_contents import system_points

if TYPE_CHECKING:
    from trainer.tracking.client import TrackingClient

LAST_STEP = 2**62


@dataclass(frozen=True, slots=True)
class RunAsk:
    """What to know of a run; nothing of what is left out."""

    entity: str
    project: str
    run_id: str
    record: bool = False
    from_step: int | None = None
    """Rows of the history from this step on."""
    samples: int = 1000
    """How many rows at most; of all rows (from step 0 on) they are a sample, else the first."""
    last_lines: int | None = None
    """Lines of the console, the last ones."""
    system: int | None = None
    """Rows of system metrics, sampled."""


@dataclass(frozen=True, slots=True)
class RunNews:
    """What was asked of a run."""

    run: RunRecord | None = None
    history: tuple[HistoryPoint, ...] = ()
    console: ConsolePage = field(default_factory=ConsolePage)
    system: tuple[HistoryPoint, ...] = ()


@dataclass(frozen=True, slots=True)
class CurvesAsk:
    """Curves of metrics of several runs of a project."""

    entity: str
    project: str
    run_ids: tuple[str, ...]
    metrics: tuple[str, ...]
    samples: int


Curves = dict[str, dict[str, list[HistoryPoint]]]
"""By run id, then by metric."""


def part_of(ask: RunAsk, run_fields: str, *, numbers_lines: bool) -> Part:
    """Return the question as a part of a document.

    Args:
        ask: What to know.
        run_fields: The fragment `RunFields`.
        numbers_lines: Whether the server has the improved pagination of consoles.
    """
    fields, types, values = ["name"], {"name": "String!"}, dict[str, Any](name=ask.run_id)
    if ask.record:
        fields.append("...RunFields")
    if ask.from_step is not None and ask.from_step <= 0:
        fields.append("history(samples: $samples)")
        types |= {"samples": "Int"}
        values |= {"samples": ask.samples}
    elif ask.from_step is not None:
        fields.append("history(minStep: $minStep, maxStep: $maxStep, samples: $samples)")
        types |= {"minStep": "Int64!", "maxStep": "Int64!", "samples": "Int!"}
        values |= {"minStep": ask.from_step, "maxStep": LAST_STEP, "samples": ask.samples}
    if ask.last_lines is not None:
        improved = ", useImprovedPagination: true" if numbers_lines else ""
        info = "pageInfo { startCursor hasPreviousPage endCursor }" if numbers_lines else ""
        lines = "edges { node { number timestamp level label line } }"
        fields.append(f"logLineCount logLines(last: $last{improved}) {{ {lines} {info} }}")
        types |= {"last": "Int"}
        values |= {"last": ask.last_lines}
    if ask.system is not None:
        fields.append("events(samples: $events)")
        types |= {"events": "Int"}
        values |= {"events": ask.system}
    fragments = (run_fields,) if ask.record else ()
    return Part(ask.entity, ask.project, f"run(name: $name) {{ {' '.join(fields)} }}", types, values, fragments)


def news_of(ask: RunAsk, node: Mapping[str, Any]) -> RunNews:
    """Return what a `Run` node says."""
    rows = history_points(node.get("history") or ()) if ask.from_step is not None else []
    return RunNews(
        run_record(node) if ask.record else None,
        tuple(point for point in rows if point.step >= (ask.from_step or 0)),
        page_of(node, None) if ask.last_lines is not None else ConsolePage(),
        tuple(system_points(node.get("events") or ())) if ask.system is not None else (),
    )


def curves_part(ask: CurvesAsk) -> Part:
    """Return the question as a part of a document."""
    specs = [json.dumps({"keys": ["_step", name], "samples": ask.samples}) for name in ask.metrics]
    return Part(
        ask.entity,
        ask.project,
        "runs(filters: $filters, first: $perPage) { edges { node { name sampledHistory(specs: $specs) } } }",
        {"filters": "JSONString", "perPage": "Int", "specs": "[JSONString!]!"},
        {
            "filters": json.dumps({"name": {"$in": list(ask.run_ids)}}),
            "perPage": len(ask.run_ids),
            "specs": specs,
        },
    )


def curves_of(ask: CurvesAsk, project: Mapping[str, Any]) -> Curves:
    """Return what a project answered."""
    found: Curves = {}
    for edge in (project.get("runs") or {}).get("edges") or ():
        node = edge["node"]
        sampled = node.get("sampledHistory") or []
        found[str(node.get("name"))] = {
            name: history_points(rows, [name])
            for name, rows in zip(ask.metrics, sampled, strict=False)
            if isinstance(rows, list)
        }
    return found


def read_one_by_one(client: TrackingClient, ask: RunAsk) -> RunNews:
    """Return news by a client's other methods, for one that asks no server.

    Raises:
        NotFoundError: If there is no such run.
    """
    where = (ask.entity, ask.project, ask.run_id)
    return RunNews(
        client.read_run(*where) if ask.record else None,
        ()
        if ask.from_step is None
        else tuple(client.read_history(*where, min_step=ask.from_step, samples=ask.samples)),
        ConsolePage() if ask.last_lines is None else client.read_console_page(*where, lines=ask.last_lines),
        () if ask.system is None else tuple(client.read_system(*where, samples=ask.system)),
    )
