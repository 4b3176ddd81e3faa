"""How a server's process is told from others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from trainer.server.lifecycle import process_start


def test_a_killed_process_that_nobody_waited_for_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        assert process_start(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while process_start(process.pid):
            assert time.monotonic() < deadline, "it still counts as running"
            time.sleep(0.01)
        assert process.returncode is None
    finally:
        process.wait()
    assert process_start(os.getpid())
