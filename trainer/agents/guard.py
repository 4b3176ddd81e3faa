"""A host's guard: does nothing until the host is gone, and then ends the runs that it left behind.

Without it, runs of a host that was killed would go on until somebody looked. While it waits it is a shell of 1 MB that
reads from a pipe; `python -m trainer.agents.guard FOLDER PID START` is what that becomes when the pipe breaks.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from trainer.agents.crashed import end_all_leftovers
from trainer.agents.host_files import HostFiles
from trainer.process_identity import is_running, process_start

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.02
_RESTART_SECONDS = 5.0
_WAIT = "trap '' INT TERM HUP; read -r _ && exit 0; exec \"$@\""
"""A line means that all is in order; the end of the file that nobody is left to write one."""


class Guard:
    """The host's side. One thread uses it."""

    def __init__(self, directory: Path, report: Callable[..., None]) -> None:
        """Prepare.

        Args:
            directory: The host's folder.
            report: Receives events.
        """
        self._directory = directory
        self._report = report
        self._popen: subprocess.Popen[bytes] | None = None
        self._started_at = float("-inf")

    def keep(self) -> None:
        """Start it, or start it again when it has been killed."""
        if self._popen is not None and self._popen.poll() is None:
            return
        if time.monotonic() - self._started_at < _RESTART_SECONDS:
            return
        self._started_at = time.monotonic()
        if self._popen is not None and self._popen.stdin is not None:
            self._popen.stdin.close()
        pid = os.getpid()
        command = [sys.executable, "-m", "trainer.agents.guard", str(self._directory), str(pid), process_start(pid)]
        try:
            # Of a session of its own: what is sent to the host's group does not reach it.
            self._popen = subprocess.Popen(
                ["/bin/sh", "-c", _WAIT, "guard", *command],
                stdin=subprocess.PIPE,
                start_new_session=True,
                # Where `-m` finds the package, wherever whoever is guarded was started.
                cwd=Path(__file__).resolve().parents[2],
            )
        except OSError as error:
            self._report("no_guard", reason=str(error))
        else:
            self._report("guard_started", pid=self._popen.pid)

    def dismiss(self) -> None:
        """Let it go: the host ends in good order."""
        if self._popen is None or self._popen.stdin is None:
            return
        try:
            self._popen.stdin.write(b"done\n")
            self._popen.stdin.close()
        except OSError:
            # It has ended already.
            return
        self._popen.wait()


def main(directory: Path, host: int, start: str) -> None:
    """End what a host left behind that has just broken off."""
    while is_running(host, start):
        time.sleep(_POLL_SECONDS)
    files = HostFiles(directory)
    end_all_leftovers(files)
    files.append_event("host_lost", {"pid": host})


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
