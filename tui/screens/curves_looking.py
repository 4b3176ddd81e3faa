"""CurvesLooking: how curves are looked at, by keys: axis, smoothness, zoom, cursor. A mixin of `CurvesScreen`."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen

from tui.curve_view import AXES, SMOOTHINGS, CurveView

_CURSOR_STEP = 0.02
_ZOOM = 0.5


class CurvesLooking(Screen[None]):
    """One way of looking at curves, the same for all charts."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "next_axis", "X axis", id="curves.axis", tooltip="Over steps, relative time or wall time"),
        Binding("X", "ask_axis", "Over a metric", id="curves.metric_axis", show=False, tooltip="Over another metric"),
        Binding("s", "smooth(1)", "Smooth", id="curves.smooth", tooltip="A smoother line; from the smoothest to none"),
        Binding("S", "smooth(-1)", "Less smooth", id="curves.rough", show=False, tooltip="A less smooth line"),
        Binding("o", "toggle_outliers", "Outliers", id="curves.outliers", tooltip="Leave out the extremes, or not"),
        Binding("y", "toggle_log_y", "Log y", id="curves.log_y", tooltip="Logarithmic or linear value axes"),
        Binding("l", "toggle_log_x", "Log x", id="curves.log_x", show=False, tooltip="Logarithmic or linear x axes"),
        Binding("c", "toggle_cursor", "Values", id="curves.cursor", tooltip="Read the values at a place: left, right"),
        Binding("plus,equals_sign", "zoom(-1)", "Zoom in", key_display="+", id="curves.zoom_in", show=False,
                tooltip="Show less of the x axis, larger"),
        Binding("minus", "zoom(1)", "Zoom out", id="curves.zoom_out", show=False, tooltip="Show more of the x axis"),
        Binding("left", "move(-1)", "Left", id="curves.left", show=False, tooltip="Move the line, or what is shown"),
        Binding("right", "move(1)", "Right", id="curves.right", show=False, tooltip="Move the line, or what is shown"),
        Binding("0", "reset", "Reset", id="curves.reset", show=False, tooltip="All of the axis, as it was logged"),
    ]  # fmt: skip

    def __init__(self) -> None:
        """Begin with everything, as it was logged."""
        super().__init__()
        self.view = CurveView()
        self.cursor: float | None = None
        """Where values are read, as a part of the x in sight; None for the last values."""

    def show_charts(self) -> None:
        """Draw again."""
        raise NotImplementedError

    def forget_page(self) -> None:
        """Go to the first of all metrics with the next drawing."""
        raise NotImplementedError

    def looks_changed(self) -> None:
        """Draw in the colours there are now: see `FollowsLooks`."""
        self.show_charts()

    def look(self, view: CurveView) -> None:
        """Look at the curves in another way."""
        if view != self.view:
            self.view = view
            self.show_charts()

    def action_next_axis(self) -> None:
        """Go through the axes that every run has."""
        axes = [*AXES, *([self.view.axis] if self.view.axis not in AXES else [])]
        axis = axes[(axes.index(self.view.axis) + 1) % len(axes)]
        self.look(replace(self.view, axis=axis, window=(0.0, 1.0)))

    def action_smooth(self, by: int) -> None:
        """Smooth more or less."""
        index = SMOOTHINGS.index(self.view.smoothing) + by
        self.look(replace(self.view, smoothing=SMOOTHINGS[index % len(SMOOTHINGS)]))

    def action_toggle_outliers(self) -> None:
        """Leave the extremes out, or not."""
        self.look(replace(self.view, cuts_outliers=not self.view.cuts_outliers))

    def action_toggle_log_y(self) -> None:
        """Change the value axes."""
        self.look(replace(self.view, log_y=not self.view.log_y))

    def action_toggle_log_x(self) -> None:
        """Change the x axes."""
        self.look(replace(self.view, log_x=not self.view.log_x))

    def action_zoom(self, way: int) -> None:
        """Show less or more of the axis, about the cursor or else its end, where runs are now."""
        at = 1.0 if self.cursor is None else self.cursor
        self.look(self.view.zoomed(_ZOOM**-way, at))

    def action_toggle_cursor(self) -> None:
        """Read values at a place, or the last ones."""
        self.cursor = 0.5 if self.cursor is None else None
        self.show_charts()

    def action_move(self, by: int) -> None:
        """Move the cursor, or what is shown."""
        if self.cursor is None:
            self.look(self.view.panned(by * 0.2))
            return
        place = self.cursor + by * _CURSOR_STEP
        if 0 <= place <= 1:
            self.cursor = place
            self.show_charts()
        else:
            self.look(self.view.panned(by * 0.2))

    def action_reset(self) -> None:
        """Forget how the curves were looked at."""
        self.view, self.cursor = CurveView(), None
        self.forget_page()
        self.show_charts()
