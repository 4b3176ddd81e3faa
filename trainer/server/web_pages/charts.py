"""Line charts of a run's metrics as inline SVG, from a sample of its history."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator

from trainer.records import Json
from trainer.server.handlers.history_samples import pick, rows_with_keys
from trainer.server.tables import streams
from trainer.server.tables.streams import EVER
from trainer.server.web_pages.markup import Markup, join, number, text

MAX_CHARTS = 24
_SAMPLES = 300
_FEW_LINES = 20_000
"""Up to so many lines a metric that only some rows have is looked for in all of them."""
_WIDTH, _HEIGHT, _BOTTOM = 320, 130, 16

Points = list[tuple[float, float]]


def metric_charts(connection: sqlite3.Connection, run: sqlite3.Row) -> Markup:
    """Return a chart for each of a run's metrics, up to `MAX_CHARTS`; nothing if it logged none."""
    names = metric_names(run)
    charts = join(_chart(name, points) for name, points in _curves(connection, run, names[:MAX_CHARTS]) if points)
    left = len(names) - MAX_CHARTS
    more = Markup(f'<p class="dim">{left} more metrics are not drawn.</p>') if left > 0 else Markup("")
    return Markup(f'<div class="charts">{charts}</div>{more}') if charts else Markup("")


def metric_names(run: sqlite3.Row) -> list[str]:
    """Return the names of a run's numeric metrics, W&B's own left out."""
    keys = json.loads(run["history_keys"]).get("keys", {})
    return sorted(
        name
        for name, key in keys.items()
        if not name.startswith("_") and any(kind["type"] == "number" for kind in key["typeCounts"])
    )


def _curves(connection: sqlite3.Connection, run: sqlite3.Row, names: list[str]) -> Iterator[tuple[str, Points]]:
    lines = streams.thinned_lines(connection, run["id"], "history", run["history_lines"], _SAMPLES)
    rows: list[dict[str, Json]] = [row for row in map(json.loads, lines) if isinstance(row, dict)]
    for name in names:
        points = _points(rows, name)
        if len(points) < len(rows) and run["history_lines"] <= _FEW_LINES:
            found = rows_with_keys(connection, run["id"], ["_step", name], -EVER, EVER, _SAMPLES)
            points = _points(found, name)
        yield name, points


def _points(rows: list[dict[str, Json]], name: str) -> Points:
    points = []
    for row in rows:
        picked = pick(row, ["_step", name])
        if picked is not None:
            step, value = _finite(picked["_step"]), _finite(picked[name])
            if step is not None and value is not None:
                points.append((step, value))
    return points


def _finite(value: Json) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # a whole number beyond every float
        return None


def _chart(name: str, points: Points) -> Markup:
    steps, values = [step for step, _ in points], [value for _, value in points]
    (left, right), (low, high) = (min(steps), max(steps)), (min(values), max(values))
    label = f"{name}: {number(values[-1])} at step {steps[-1]:.0f}; from {number(low)} to {number(high)}"
    plot = _HEIGHT - _BOTTOM
    # A constant is a line in the middle; numbers too far apart for a difference are drawn there too.
    height = high - low if math.isfinite(high - low) else 0.0

    def place(step: float, value: float) -> tuple[float, float]:
        across = (step - left) / (right - left) if right > left else 0.5
        up = (value - low) / height if height > 0 else 0.5
        return round(4 + across * (_WIDTH - 8), 1), round(plot - 4 - up * (plot - 8), 1)

    places = [place(*point) for point in points]
    if len(places) == 1:
        drawn = f'<circle cx="{places[0][0]}" cy="{places[0][1]}" r="3"/>'
    else:
        drawn = f'<polyline points="{" ".join(f"{x},{y}" for x, y in places)}"/>'
    svg = (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{text(label)}">'
        f'<line x1="0" y1="{plot}" x2="{_WIDTH}" y2="{plot}"/>{drawn}'
        f'<text x="0" y="{_HEIGHT - 3}">{left:.0f}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT - 3}" text-anchor="end">{right:.0f}</text></svg>'
    )
    shown = f'<p class="dim">last {number(values[-1])} · {number(low)} … {number(high)}</p>'
    return Markup(f'<section class="chart"><h3>{text(name)}</h3>{shown}{svg}</section>')
