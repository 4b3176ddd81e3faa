"""PresenceApp: when somebody was last at the keyboard. Owns the moment, not what follows from it."""

from __future__ import annotations

from time import monotonic

from textual import events

from tui.type_ahead import TypeAheadApp


class PresenceApp(TypeAheadApp):
    """An app that knows for how long nobody has typed, clicked or come back to its window."""

    def __init__(self) -> None:
        super().__init__()
        self.last_input_at = monotonic()
        """By the clock of `monotonic`."""

    async def on_event(self, event: events.Event) -> None:
        """Note every key, every move of the mouse, and that the terminal has the focus again."""
        if isinstance(event, events.InputEvent | events.AppFocus):
            self.last_input_at = monotonic()
        await super().on_event(event)

    @property
    def idle_seconds(self) -> float:
        """Seconds since the last sign of somebody."""
        return monotonic() - self.last_input_at
