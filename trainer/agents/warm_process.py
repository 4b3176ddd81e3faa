"""One bootstrap process under the sweep's interpreter, seen from the host: its socket, its runs, its end."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trainer.agents.process import KILL, RunProcess
from trainer.agents.python_command import PythonCommand
from trainer.errors import ProgramError
from trainer.process_identity import is_running, process_start
from trainer.records import Json

_BOOTSTRAP = Path(__file__).parent / "bootstrap" / "__main__.py"
_ANSWER_SECONDS = 10.0
"""A fork takes milliseconds; a process that does not answer for so long is stuck."""


class ForkedRun(RunProcess):
    """A run forked from a bootstrap process, which tells its end."""

    def __init__(self, pid: int, log_path: Path, on_exit: Callable[[], None], run_id: str = "") -> None:
        super().__init__(log_path, on_exit, run_id)
        self.pid = pid
        self.start = process_start(pid)

    def has_ended(self, code: int, usage: Mapping[str, float]) -> None:
        """Take note of the end; called once, from the thread that hears of it."""
        self.usage = usage
        self._has_ended(code)


class RefusedError(Exception):
    """The bootstrap process did not fork; the message says why."""


class WarmProcess:
    """A bootstrap process. Its thread hears what it says; the rest may be called from any thread."""

    def __init__(
        self,
        connection: socket.socket,
        pid: int,
        *,
        popen: subprocess.Popen[bytes] | None,
        on_change: Callable[[WarmProcess], None],
    ) -> None:
        """Take over a process that was started.

        Args:
            connection: The host's end of its socket.
            pid: The process.
            popen: Its handle, where this process started it.
            on_change: Called from the listening thread when it gets ready, proves unfit, or ends.
        """
        self.pid = pid
        self.start = process_start(pid)
        self.ready: Mapping[str, Any] | None = None
        """What it said when its imports were done."""
        self.unfit_because = ""
        self.has_ended = False
        self._socket = connection
        self._popen = popen
        self._on_change = on_change
        self._runs: dict[int, ForkedRun] = {}
        self._pending: tuple[str, Path, Callable[[], None]] | None = None
        self._answers: queue.SimpleQueue[ForkedRun | str] = queue.SimpleQueue()
        self._asking = threading.Lock()
        self._retired = False
        self._thread = threading.Thread(target=self._listen, name=f"warm-{pid}", daemon=True)

    def listen(self) -> None:
        """Begin to hear what it says."""
        self._thread.start()

    @property
    def is_ready(self) -> bool:
        """Whether runs can be forked from it now."""
        return self.ready is not None and not self.has_ended and not self._retired

    def fork(
        self, run_id: str, arguments: tuple[str, ...], environ: Mapping[str, str], cwd: Path, log_path: Path,
        on_exit: Callable[[], None],
    ) -> ForkedRun:  # fmt: skip
        """Have it fork a child that runs the program.

        Raises:
            RefusedError: If it does not, or cannot any more.
        """
        request = {
            "run": run_id,
            "arguments": list(arguments),
            "environ": dict(environ),
            "cwd": str(cwd),
            "log": str(log_path),
        }
        with self._asking:
            if not self.is_ready:
                raise RefusedError("it has ended")
            self._pending = (run_id, log_path, on_exit)
            try:
                self._socket.sendall(json.dumps(request).encode() + b"\n")
                answer = self._answers.get(timeout=_ANSWER_SECONDS)
            except queue.Empty as error:
                # Its children die with it, the one that may be on its way too: nothing runs twice.
                self.kill()
                raise RefusedError(f"it did not answer for {_ANSWER_SECONDS:g} s") from error
            except OSError as error:
                raise RefusedError("it has ended") from error
            finally:
                self._pending = None
        if isinstance(answer, str):
            raise RefusedError(answer)
        return answer

    def retire(self) -> None:
        """Fork no more; it ends when its runs have."""
        self._retired = True
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            # It has ended already.
            return

    def kill(self) -> None:
        """End it at once, and with it its runs."""
        self._retired = True
        try:
            if self._popen is not None:
                self._popen.kill()
            elif is_running(self.pid, self.start):
                os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def _listen(self) -> None:
        try:
            with self._socket.makefile("rb") as lines:
                for line in lines:
                    self._hear(json.loads(line))
        except (OSError, ValueError):
            # Half a line, or a connection that broke off: the end, as below.
            self.kill()
        self.has_ended = True
        if self._popen is not None:
            self._popen.wait()
        self._answers.put("it has ended")
        for run in list(self._runs.values()):
            # Without it, what it had started (wandb-core among them) ends too, and nobody could tell their end.
            run.send(KILL)
            run.has_ended(-KILL, {})
        self._runs.clear()
        self._socket.close()
        self._on_change(self)

    def _hear(self, message: Mapping[str, Any]) -> None:
        event = message.get("event")
        if event == "ready":
            self.ready = message
            self._on_change(self)
        elif event == "unfit":
            self.unfit_because = str(message["reason"])
            self._on_change(self)
        elif event == "started" and self._pending is not None:
            run_id, log_path, on_exit = self._pending
            run = ForkedRun(int(message["pid"]), log_path, on_exit, run_id)
            self._runs[run.pid] = run
            self._answers.put(run)
        elif event == "refused":
            self._answers.put(str(message["reason"]))
        elif event == "ended":
            ended = self._runs.pop(int(message["pid"]), None)
            if ended is not None:
                usage = {name: message[name] for name in ("max_rss_kb", "cpu_seconds") if name in message}
                ended.has_ended(os.waitstatus_to_exitcode(int(message["status"])), usage)


def spawn_bootstrap(
    command: PythonCommand, interpreter: str, environ: Mapping[str, str], cwd: Path, log_path: Path
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a bootstrap process and tell it what to prepare; return it with the host's end of its socket.

    Raises:
        ProgramError: If it cannot be started.
    """
    ours, theirs = socket.socketpair()
    # The same kind of output as a run's, so that Python sets up its streams as it would for one.
    try:
        with theirs, log_path.open("ab") as log:
            popen = subprocess.Popen(
                [interpreter, *command.flags, str(_BOOTSTRAP), str(theirs.fileno())],
                env=dict(environ),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                # Of its own session: it outlives the terminal, and no Ctrl-C meant for its starter reaches it.
                start_new_session=True,
            )
        ours.sendall(json.dumps(_preparation(command, cwd)).encode() + b"\n")
    except (OSError, ValueError) as error:
        ours.close()
        raise ProgramError(f"{interpreter} cannot be started: {error}.") from error
    return popen, ours


def _preparation(command: PythonCommand, cwd: Path) -> dict[str, Json]:
    return {
        "kind": "module" if command.is_module else "script",
        "target": command.target,
        "search_folder": str(command.search_folder(cwd)),
        "adds_folder": command.adds_folder,
    }
