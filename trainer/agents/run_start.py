"""Start one run as the stock agent does: parameter file, environment, command line."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from trainer.agents.devices import SHARE_VARIABLE, SlotDevice
from trainer.agents.environment import run_environment, run_variables, wandb_folder
from trainer.agents.host_files import HostFiles, HostSpec
from trainer.agents.process import FreshRun, RunProcess
from trainer.agents.warm import RunRequest, WarmStarts
from trainer.errors import ProgramError
from trainer.records import AgentCommand, Json
from trainer.sweep.command import args_json, check_program, command_argv
from trainer.sweep.joint import with_members
from trainer.wire import wrap_config


class RunStarter:
    """Starts the runs of one sweep; used by all slots of a host."""

    def __init__(
        self, spec: HostSpec, files: HostFiles, environ: Mapping[str, str], warm: WarmStarts | None = None
    ) -> None:
        """Remember what all runs share.

        Args:
            spec: The host's work.
            files: The host's folder.
            environ: The host's environment; it holds the API key.
            warm: Forks runs where that can be; None for a fresh process each.
        """
        self._spec = spec
        self._files = files
        self._warm = warm
        self._shared = run_environment(environ, spec, files.directory)
        # The stock agent writes here, and programs may look for their parameters beside their run's files.
        self._parameters = wandb_folder(environ, files.directory) / "wandb" / f"sweep-{spec.reference.id}"

    def check(self) -> None:
        """Check what can be checked before a run is asked for.

        Raises:
            ProgramError: If the program is missing, or nothing on PATH can start it.
        """
        if not self._spec.cwd.is_dir():
            raise ProgramError(f"The folder {self._spec.cwd} is gone.", hint="Start the agents from another one.")
        check_program(self._spec.config, self._spec.cwd)
        argv = command_argv(self._spec.config, {}, environ=self._shared)
        if not argv:
            raise ProgramError("The sweep's command is empty.", hint="Name a program, or a command that starts one.")
        name = _started_by(argv)
        if name and not self._can_start(name):
            raise ProgramError(
                f"The sweep's command starts {name!r}, which is not on PATH.",
                hint="Install it, activate its environment, or mend `command`.",
            )

    def prepare(self, adopted: tuple[socket.socket, int] | None = None) -> None:
        """Begin to get ready to start runs, with a process that is at it already or a new one; returns at once."""
        if self._warm is not None:
            argv = tuple(command_argv(self._spec.config, {}, environ=self._shared))
            self._warm.begin(argv, self._shared, self._spec.cwd, fresh=self._spec.fresh, adopted=adopted)

    @property
    def is_prepared(self) -> bool:
        """Whether runs can be started now without waiting."""
        return self._warm is None or self._warm.is_settled

    @property
    def cpu_threads(self) -> int:
        """The threads that each run is told to keep to; 0 where the user says, or nobody."""
        return int(self._shared.get(SHARE_VARIABLE, 0))

    @property
    def metric_name(self) -> str:
        """The sweep's metric; empty without one."""
        metric = self._spec.config.get("metric")
        name = metric.get("name") if isinstance(metric, dict) else None
        return name if isinstance(name, str) else ""

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where runs write."""
        return self._spec.cwd, self._files.directory, self._parameters, Path(tempfile.gettempdir())

    def log_path(self, command: AgentCommand) -> Path:
        """Return where a run's output goes."""
        return self._files.run_log(command.run_id)

    def start(self, command: AgentCommand, on_exit: Callable[[], None], device: SlotDevice | None = None) -> RunProcess:
        """Start the run that the server handed out.

        Args:
            command: The run, with its hyperparameters.
            on_exit: Called when it has ended.
            device: The GPUs it may use; None leaves them as they are.

        Raises:
            ProgramError: If it cannot be started.
        """
        args = command.args or {}
        try:
            self._parameters.mkdir(parents=True, exist_ok=True)
            parameters_path = self._parameters / f"config-{command.run_id}.yaml"
            parameters_path.write_text(parameter_file(args, self._spec.config), encoding="utf-8")
            json_path = self._parameters / f"config-{command.run_id}.json"
            json_path.write_text(args_json(args, self._spec.config), encoding="utf-8")
        except OSError as error:
            raise ProgramError(
                f"The parameters of run {command.run_id} cannot be written to {self._parameters}: {error.strerror}.",
                hint="Make room, or set WANDB_DIR to a writable folder.",
            ) from error
        environ = self._shared | run_variables(command.run_id, parameters_path)
        if device is not None:
            # In a warm run too this is early enough: the process it is forked from has not touched CUDA.
            environ |= device.environ()
        argv = command_argv(self._spec.config, args, environ=environ, args_json_file=json_path)
        log_path = self.log_path(command)
        if self._warm is not None:
            request = RunRequest(command.run_id, tuple(argv), environ, self._spec.cwd, log_path, on_exit)
            if (forked := self._warm.start(request)) is not None:
                return forked
        return FreshRun(
            argv, environ=environ, cwd=self._spec.cwd, log_path=log_path, on_exit=on_exit, run_id=command.run_id
        )

    def _can_start(self, name: str) -> bool:
        if "/" in name:
            return shutil.which(str(self._spec.cwd / name)) is not None
        return shutil.which(name, path=self._shared["PATH"]) is not None


def parameter_file(args: Mapping[str, Json], config: Mapping[str, Json] | None = None) -> str:
    """Return the text of `WANDB_SWEEP_PARAM_PATH`: the run's parameters, as wandb.init reads them.

    Joint parameters stand there beside their members: wandb.config has what the program reads, and the server finds
    what it gave out.
    """
    head = "wandb_version: 1"
    if not args:
        # An empty mapping after the version would not parse.
        return head
    wrapped: Any = wrap_config(with_members(args, config))
    return head + "\n\n" + yaml.safe_dump(wrapped, default_flow_style=False, allow_unicode=True, sort_keys=False)


def _started_by(argv: list[str]) -> str:
    """Return the program an argument list starts, behind `env` and its assignments; empty when env has options."""
    if Path(argv[0]).name != "env":
        return argv[0]
    rest = [item for item in argv[1:] if "=" not in item or item.startswith("-")]
    return "" if not rest or rest[0].startswith("-") else rest[0]
