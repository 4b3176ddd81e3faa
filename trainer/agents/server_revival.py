"""A host starts the embedded server again that died: nobody else may be there to do it.

Over a command line, as agents and server know nothing of each other. A server that was told to end stays away.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

LOST_SECONDS = 2.0
"""A server that is away for less is about to be back, started by whoever looked first."""
_PAUSE_SECONDS = 5.0
_START_SECONDS = 60.0
_NOT_DIED = 3
"""Exit code of `--revive` where the server was told to end: see `trainer.server.__main__`."""


class ServerRevival:
    """Watches over the server of one host. Any thread may call it."""

    def __init__(self, data_dir: Path, report: Callable[..., None], on_revived: Callable[[], None]) -> None:
        """Prepare.

        Args:
            data_dir: The server's data folder.
            report: Receives events.
            on_revived: Called from another thread when the server answers again because of this.
        """
        self._data_dir = data_dir
        self._report = report
        self._on_revived = on_revived
        self._lock = threading.Lock()
        self._lost_at: float | None = None
        self._tried_at = float("-inf")
        self._is_trying = False
        self._is_meant = False

    def away(self) -> None:
        """Hear that the server did not answer."""
        now = time.monotonic()
        with self._lock:
            self._lost_at = now if self._lost_at is None else self._lost_at
            if (
                self._is_meant
                or self._is_trying
                or now - self._lost_at < LOST_SECONDS
                or now - self._tried_at < _PAUSE_SECONDS
            ):
                return
            self._is_trying, self._tried_at = True, now
        threading.Thread(target=self._revive, name="revive-server", daemon=True).start()

    def back(self) -> None:
        """Hear that the server answered."""
        self._lost_at, self._is_meant = None, False

    def _revive(self) -> None:
        try:
            code, reason = self._run()
            self._report("server_revival", exit_code=code, reason=reason)
            self._is_meant = code == _NOT_DIED
            if code == 0:
                self._on_revived()
        finally:
            with self._lock:
                self._is_trying = False

    def _run(self) -> tuple[int, str]:
        environ = {name: text for name, text in os.environ.items() if not name.startswith("WANDB_")}
        try:
            done = subprocess.run(
                [sys.executable, "-m", "trainer.server", "--revive", "--data-dir", str(self._data_dir)],
                cwd=Path(__file__).resolve().parents[2],
                env=environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_START_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return 1, str(error)
        return done.returncode, done.stderr.strip()[-500:]
