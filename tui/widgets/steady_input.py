"""SteadyInput: a field of fixed width. Typing in it repaints it, and lays out nothing else."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.geometry import Size
from textual.reactive import Reactive
from textual.widgets import Input


class SteadyInput(Input):
    """An input whose text does not decide its size.

    Textual lays out the whole screen whenever the width of an input's text changes, which costs a large form 20 ms a
    keystroke and more.
    """

    virtual_size = Reactive(Size(0, 0), layout=False)

    told: Callable[[str], None] | None = None
    """Told what is typed, in place of a `Changed` that goes up from widget to widget, each of which takes its time."""

    @on(Input.Changed)
    def _tell(self, message: Input.Changed) -> None:
        if self.told is not None:
            message.stop()
            self.told(message.value)
