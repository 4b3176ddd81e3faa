"""NameInput: a field for the name of a parameter, into which several parameters can be pasted at once."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.message import Message

from tui.widgets.steady_input import SteadyInput


class NameInput(SteadyInput):
    """A field for names; several lines pasted into it are parameters."""

    @dataclass
    class LinesPasted(Message):
        """Several lines were pasted."""

        text: str

    def _on_paste(self, event: events.Paste) -> None:
        if len(event.text.strip().splitlines()) > 1:
            event.stop()
            event.prevent_default()
            self.post_message(self.LinesPasted(event.text))
        else:
            super()._on_paste(event)
