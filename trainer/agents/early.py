"""Begin a sweep's warm start before the sweep exists: imports take longer than everything else that a launch does.

The process is handed to the host as soon as there is one; a launch that fails, or a launcher that dies, ends it.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer.agents.environment import interpreter_folder, run_environment
from trainer.agents.host_files import HostSpec
from trainer.agents.python_command import python_command, reason_against_warm, resolved_interpreter
from trainer.agents.warm import CHOICE_VARIABLE, chosen_fresh
from trainer.agents.warm_process import spawn_bootstrap
from trainer.errors import ProgramError
from trainer.paths import agents_dir
from trainer.records import Json, SweepReference
from trainer.settings import ServerKind
from trainer.sweep.command import command_argv


@dataclass(frozen=True)
class EarlyStart:
    """A bootstrap process without a host yet."""

    popen: subprocess.Popen[bytes]
    connection: socket.socket
    log_path: Path

    def handed_over(self) -> None:
        """Leave it to the host, which has its own end of the socket by now."""
        self.connection.close()

    def abandon(self) -> None:
        """End it: there will be no host."""
        self.connection.close()
        self.popen.kill()
        self.popen.wait()
        self.log_path.unlink(missing_ok=True)


def begin_early(
    config: Mapping[str, Json], kind: ServerKind, cwd: Path, *, fresh: bool | None = None, cpu_threads: int = 0
) -> EarlyStart | None:
    """Start to prepare the runs of a sweep that is about to be created; None where its runs will not be warm.

    Args:
        config: The sweep's configuration.
        kind: Its server.
        cwd: Folder the runs will start in.
        fresh: As `start_agents`.
        cpu_threads: As in the plan that `start_agents` will be given.
    """
    if reason_against_warm() or (chosen_fresh() if fresh is None else fresh):
        return None
    cwd = cwd.resolve()
    spec = HostSpec(
        reference=SweepReference("", "", ""), config=config, kind=kind, base_url="", slots=1, count=None, cwd=cwd,
        interpreter_folder=interpreter_folder(os.environ, cwd), cpu_threads=cpu_threads,
    )  # fmt: skip
    environ = run_environment(os.environ, spec, cwd)
    command = python_command(command_argv(config, {}, environ=environ))
    if isinstance(command, str) or command.variables.get(CHOICE_VARIABLE) == "fresh":
        return None
    environ |= command.variables
    interpreter = resolved_interpreter(command, environ, cwd)
    if not interpreter:
        return None
    log_path = agents_dir() / f"warm-{secrets.token_hex(4)}.log"
    try:
        log_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        popen, connection = spawn_bootstrap(command, interpreter, environ, cwd, log_path)
    except (ProgramError, OSError):
        # The host will find the same, and says so.
        return None
    return EarlyStart(popen, connection, log_path)
