"""SteadyInput: a field of fixed width. Typing in it repaints it, and lays out nothing else."""

from __future__ import annotations

from textual.geometry import Size
from textual.reactive import Reactive
from textual.widgets import Input


class SteadyInput(Input):
    """An input whose text does not decide its size.

    Textual lays out the whole screen whenever the width of an input's text changes, which costs a large form 20 ms a
    keystroke and more.
    """

    virtual_size = Reactive(Size(0, 0), layout=False)
