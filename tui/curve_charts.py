"""What the charts of the curves screen draw: from histories and a view to curves. Pure; run in a worker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from trainer.records import HistoryPoint
from tui.chart_scale import XAxis
from tui.chart_series import ChartSeries
from tui.curve_histories import CurveReader
from tui.curve_view import AXES, RELATIVE, STEP, WALL, CurveView, shown_range, x_range

if TYPE_CHECKING:
    from tui.curve_points import CurvePoints

_KINDS = {STEP: XAxis.COUNT, RELATIVE: XAxis.SECONDS, WALL: XAxis.CLOCK}


@dataclass(frozen=True, slots=True)
class CurveSource:
    """A run whose history is drawn."""

    label: str
    name: str
    color: str
    """As `#rrggbb`."""
    started_at: datetime | None
    history: Sequence[HistoryPoint]


@dataclass(frozen=True, slots=True)
class ChartContent:
    """Everything that one chart shows."""

    series: tuple[ChartSeries, ...]
    x_axis: XAxis
    x_range: tuple[float, float] | None = None
    log_x: bool = False
    log_y: bool = False
    cursor: float | None = None
    marks: tuple[float, ...] = ()


def metrics_of(history: Iterable[HistoryPoint]) -> set[str]:
    """Return the names of everything that was logged."""
    return set[str]().union(*(row.values for row in history))


def chart_contents(
    sources: Sequence[CurveSource],
    metrics: Sequence[str],
    view: CurveView,
    cursor: float | None = None,
    bands: Mapping[str, Sequence[int]] | None = None,
    reader: CurveReader | None = None,
) -> dict[str, ChartContent]:
    """Return what the chart of each metric shows, all of them over the same range of x.

    Args:
        sources: The runs, the most important first.
        metrics: What is drawn.
        view: How.
        cursor: Where values are read, as a part (0 to 1) of the x that is shown; None for the last values.
        bands: After how many logged values of a metric runs are judged.
        reader: What was read for the drawing before.
    """
    reader = reader or CurveReader()
    whole = {
        name: [reader.curve_points(source.history, name, view, source.started_at) for source in sources]
        for name in metrics
    }
    reader.forget_unused()
    axis = _KINDS.get(view.axis, XAxis.NUMBER)
    found = x_range(points for curves in whole.values() for points in curves)
    if found is None:
        return {name: ChartContent((), axis) for name in metrics}
    shown = shown_range(view, found)
    place = None if cursor is None else shown_range(CurveView(window=(cursor, 1.0), log_x=view.log_x), shown)[0]
    return {
        name: ChartContent(
            _series(sources, curves, view, shown, place),
            axis,
            shown if view.is_zoomed else found,
            view.log_x,
            view.log_y,
            place,
            _band_places(curves, (bands or {}).get(name, ()) if view.axis in AXES else (), shown),
        )
        for name, curves in whole.items()
    }


def why_empty(content: ChartContent, view: CurveView) -> str:
    """Return why the chart of a metric that was logged shows nothing, where it does not."""
    if content.series:
        return "no value above 0; y shows a linear axis" if view.log_y else "logged, but no number that can be drawn"
    if view.log_x:
        return "nothing above 0 on the x axis; l shows a linear one"
    if view.axis in AXES:
        return "nothing to draw yet" if view.axis == STEP else f"these rows have no {view.axis}; x changes the axis"
    return f"no row has both this and {view.axis}; x changes the axis"


def _series(
    sources: Sequence[CurveSource],
    curves: Sequence[CurvePoints],
    view: CurveView,
    shown: tuple[float, float],
    place: float | None,
) -> tuple[ChartSeries, ...]:
    from tui.curve_points import value_at, within, without_outliers

    seen = [within(points, *shown) if view.is_zoomed else points for points in curves]
    if view.cuts_outliers:
        seen = without_outliers(seen)
    return tuple(
        ChartSeries(
            source.label,
            source.name,
            source.color,
            points,
            value=value_at(whole, place) if place is not None else whole[-1][1] if whole else None,
        )
        for source, points, whole in zip(sources, seen, curves, strict=True)
        if points
    )


def _band_places(curves: Sequence[CurvePoints], bands: Sequence[int], shown: tuple[float, float]) -> tuple[float, ...]:
    """Return the x of each band: where the run that logged most had logged that many values."""
    longest = max(curves, key=len, default=())
    places = [longest[band - 1][0] for band in bands if 0 < band <= len(longest)]
    return tuple(place for place in places if shown[0] <= place <= shown[1])
