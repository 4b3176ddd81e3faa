"""SweepAlerts: calls the user for what happens to the sweep, also while another screen covers it. A mixin."""

from __future__ import annotations

from textual.screen import Screen

from tui.alerting_app import AlertingApp
from tui.alerts import SweepWatch
from tui.feeds import SweepFeed


class SweepAlerts(Screen[None]):
    """Watches the feed of the live view."""

    feed: SweepFeed
    _watch: SweepWatch | None = None

    def call_user(self) -> None:
        """Call for what happened since the last change; nothing happens to what is frozen."""
        if self._watch is None:
            self._watch = SweepWatch()
        alerts = self._watch.note(self.feed)
        if alerts and isinstance(self.app, AlertingApp) and self.feed.frozen_at is None:
            self.app.call_user(alerts)
