"""Writes one W&B Report with wandb-workspaces: a process of its own that reads its order on stdin.

The server and the key are in its environment, where the SDK looks for them. It prints one line of JSON: `url` and
`inserted`, or `error`.
"""

from __future__ import annotations

import json
import sys
from typing import Any
from urllib.parse import quote

STAYS = " What is written below this line stays when it is made again."


def write_report(order: dict[str, Any]) -> dict[str, Any]:
    """Write the report of an order; change the one that has its mark, if there is one."""
    import wandb_workspaces.reports.v2 as wr

    found = None if order["new"] else _known(order)
    if found is None:
        report = wr.Report(entity=order["entity"], project=order["project"], title=order["title"])
        below: list[Any] = []
    else:
        # Only the id in the last part of the address counts.
        report = wr.Report.from_url(f"https://server/{order['entity']}/{order['project']}/reports/x--{found}")
        below = _below(report.blocks, order["mark"])
    report.description = order["description"]
    report.blocks = [*(_block(each, order) for each in order["blocks"]), wr.HorizontalRule(),
                     wr.P(order["mark"] + STAYS), *below]  # fmt: skip
    report.save()
    return {"url": quote(report.url, safe=":/=-_.~%"), "inserted": found is None}


def _known(order: dict[str, Any]) -> str | None:
    """Return the id of the report that has the order's mark, the one changed last if there are several."""
    import wandb

    reports = wandb.Api().reports(f"{order['entity']}/{order['project']}")
    marked = [report for report in reports if _has_mark(report.spec, order["mark"])]
    newest = max(marked, key=lambda report: str(report.updated_at or ""), default=None)
    return None if newest is None else str(newest.id)


def _has_mark(spec: dict[str, Any], mark: str) -> bool:
    return any(
        isinstance(block, dict)
        and "".join(str(child.get("text", "")) for child in block.get("children") or []).startswith(mark)
        for block in spec.get("blocks") or []
    )


def _below(blocks: list[Any], mark: str) -> list[Any]:
    for number, block in enumerate(blocks):
        text = getattr(block, "text", None)
        parts = text if isinstance(text, list) else [text]
        if "".join(part for part in parts if isinstance(part, str)).startswith(mark):
            return list(blocks[number + 1 :])
    return []


def _block(given: dict[str, Any], order: dict[str, Any]) -> Any:
    import wandb_workspaces.reports.v2 as wr

    kind = given["kind"]
    if kind == "panels":
        return _panel_grid(given, order)
    blocks = {"heading": wr.H2, "text": wr.P, "markdown": wr.MarkdownBlock}
    return wr.CodeBlock(given["text"], language="yaml") if kind == "code" else blocks[kind](given["text"])


def _panel_grid(given: dict[str, Any], order: dict[str, Any]) -> Any:
    import wandb_workspaces.expr as expr
    import wandb_workspaces.reports.v2 as wr

    metric, parameters = given["metric"], given["parameters"]
    order_by = wr.OrderBy(wr.SummaryMetric(metric), ascending=given["minimize"]) if metric else None
    columns = [f"config:{_in_config(name)}" for name in parameters]
    run_set = wr.Runset(
        entity=order["entity"],
        project=order["project"],
        name=given["name"],
        filters=[expr.Metric("Sweep") == given["sweep"]],
        pinned_columns=["run:displayName", *([f"summary:{metric}"] if metric else [])],
        visible_columns=["run:state", *columns],
        column_order=["run:displayName", *([f"summary:{metric}"] if metric else []), "run:state", *columns],
        **({"order": [order_by]} if order_by else {}),
    )
    panels: list[Any] = []
    if metric:
        panels.append(wr.LinePlot(title=metric, x="Step", y=[metric], max_runs_to_show=20,
                                  layout=wr.Layout(x=0, y=0, w=24, h=9)))  # fmt: skip
        if parameters:
            axes = [*map(wr.Config, parameters), wr.SummaryMetric(metric)]
            panels += [
                wr.ParallelCoordinatesPlot(
                    title=f"{metric} by parameter",
                    columns=[wr.ParallelCoordinatesPlotColumn(axis) for axis in axes],
                    layout=wr.Layout(x=0, y=9, w=14, h=9),
                ),
                wr.ParameterImportancePlot(with_respect_to=metric, layout=wr.Layout(x=14, y=9, w=10, h=9)),
            ]
    panels += [
        wr.LinePlot(title=name, x="Step", y=[name], layout=wr.Layout(x=8 * number, y=18, w=8, h=6))
        for number, name in enumerate(given["metrics"])
    ]
    return wr.PanelGrid(runsets=[run_set], panels=panels)


def _in_config(name: str) -> str:
    first, dot, rest = name.partition(".")
    return f"{first}.value{dot}{rest}"


def main() -> None:
    """Read the order, write the report, say where it is."""
    order = json.load(sys.stdin)
    try:
        answer = write_report(order)
    except Exception as error:
        # The edge of the process: whatever the library or its server says becomes the sentence of our caller.
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        answer = {"error": (lines[0] if lines else type(error).__name__).removeprefix("input: ")[:500]}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
