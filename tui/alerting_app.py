"""AlertingApp: rings, and has the terminal show a notice, when a screen has something to call the user for.

Owns whether that is wanted, how often it may happen, and the way to the terminal; `alerts` decides what is worth it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import ClassVar

from textual.binding import Binding, BindingType

from trainer.paths import config_dir
from trainer.terminal_alerts import alert_sequence
from tui.alerts import Alert, AlertGate
from tui.looking_app import LookingApp
from tui.looks import SETTINGS_FILE_NAME, Looks, read_settings

NOTIFY_VARIABLE = "SWEEP_TUI_NOTIFY"


class Notify(StrEnum):
    """How the user wants to be called."""

    ON = "on"
    """By the bell and a notice of the desktop."""
    BELL = "bell"
    OFF = "off"


_SAID = {
    Notify.ON: "Bell and desktop notice: when a sweep ends, finds a new best, or keeps failing.",
    Notify.BELL: "Bell only: when a sweep ends, finds a new best, or keeps failing.",
    Notify.OFF: "No bell, no desktop notices.",
}


class AlertingApp(LookingApp):
    """An app that calls its user."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "B",
            "next_notify",
            "Bell",
            id="app.notify",
            show=False,
            tooltip="Notifications when a sweep ends, finds a new best, keeps failing: on, bell only, off",
        ),
    ]

    def __init__(self, looks: Looks | None = None) -> None:
        """Create the app; `looks` as for `LookingApp`."""
        super().__init__(looks)
        self.gate = AlertGate()
        self.wanted_notify = Notify.ON
        self._is_waiting = False

    def on_mount(self) -> None:
        """Read what the user wants."""
        self.wanted_notify = read_notify(config_dir() / SETTINGS_FILE_NAME)

    def call_user(self, alerts: Iterable[Alert]) -> None:
        """Ring for these, now or as soon as the last call is long enough ago."""
        self.gate.offer(alerts)
        self._call()

    def _call(self) -> None:
        self._is_waiting = False
        now = monotonic()
        text = self.gate.take(now)
        if text and self.wanted_notify is not Notify.OFF:
            self.write_to_terminal(alert_sequence(text, os.environ, with_notice=self.wanted_notify is Notify.ON))
            self.notify(text, timeout=8, markup=False)
        wait = self.gate.wait_seconds(now)
        if wait is not None and not self._is_waiting:
            self._is_waiting = True
            self.set_timer(wait + 0.05, self._call)

    def write_to_terminal(self, sequence: str) -> None:
        """Write a sequence that draws nothing."""
        # As `copy_to_clipboard` of Textual 8.2 does: there is no other way past the compositor.
        if self._driver is not None and not self.is_headless:
            self._driver.write(sequence)

    def action_next_notify(self) -> None:
        """Take the next way of calling the user, and keep it."""
        ways = list(Notify)
        self.wanted_notify = ways[(ways.index(self.wanted_notify) + 1) % len(ways)]
        self.notify(_SAID[self.wanted_notify], timeout=4)
        # Quoted, since a bare `on` is a truth value in YAML.
        self.keep_looks("notify", f'"{self.wanted_notify.value}"')


def read_notify(path: Path) -> Notify:
    """Return what the environment, else the user's settings file, says; on where neither does."""
    for said in (os.environ.get(NOTIFY_VARIABLE), read_settings(path)[0].get("notify")):
        word = str(said).strip().lower()
        if said in (None, ""):
            continue
        if word in ("off", "no", "false", "0"):
            return Notify.OFF
        return Notify.BELL if word == Notify.BELL else Notify.ON
    return Notify.ON
