"""Where a trial runs: a project of its own on the embedded server, and a folder; both go with it.

A trial that was killed leaves both behind. The folder says whose they were, so that the next trial clears them away;
its processes are ended at once by the guard (`trainer.agents.guard`).
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from trainer.agents.crashed import end_all_leftovers
from trainer.agents.environment import interpreter_folder
from trainer.agents.host_files import HostFiles, HostSpec
from trainer.errors import AgentError, InputError, TrainerError
from trainer.paths import state_dir
from trainer.process_identity import is_running, process_start
from trainer.records import Json, SweepRecord
from trainer.settings import Connection
from trainer.tracking.wandb_client import WandbClient

logger = logging.getLogger(__name__)

PREFIX = "trial-"
_BEGINNING_SECONDS = 300.0
"""Longer than it takes from making the folder of a trial to writing into it whose it is: a request to the server."""
_NOT_NEEDED = ("run_cap", "early_terminate", "controller", "scheduler", "description", "entity", "project")
"""What would have the server end a trial, or somebody else lead it."""


def trials_dir() -> Path:
    """Return the folder that holds one folder per trial."""
    return state_dir() / "trials"


class Scratch:
    """The project and the folder of one trial."""

    def __init__(self, client: WandbClient, config: Mapping[str, Json], cwd: Path, cpu_threads: int = 0) -> None:
        """Create both.

        Args:
            client: The embedded server.
            config: The sweep configuration.
            cwd: Folder the runs start in.
            cpu_threads: Threads that a run may use; 0 for no limit.

        Raises:
            InputError: If the folder cannot be written.
            ServerError: If the server refuses.
        """
        self._client = client
        self.project = f"{PREFIX}{secrets.token_hex(3)}"
        self.files = HostFiles(trials_dir() / self.project)
        try:
            self.files.directory.mkdir(parents=True, mode=0o700)
            self.sweep = client.create_sweep(_trial_config(config), client.connection.entity, self.project)
            self.spec = _spec(client.connection, self.sweep, config, cwd, cpu_threads)
            self.files.write_spec(self.spec)
        except OSError as error:
            self.delete()
            raise InputError(
                f"{self.files.directory} cannot be written: {error.strerror or error}.", hint="Make room."
            ) from error
        except BaseException:
            self.delete()
            raise

    def delete(self) -> None:
        """Remove both with everything in them; what cannot be removed now, the next trial removes."""
        try:
            self._client.delete_project(self._client.connection.entity, self.project)
        except TrainerError as error:
            logger.debug("%s", error)
            return
        shutil.rmtree(self.files.directory, ignore_errors=True)


def clear_away(client: WandbClient) -> None:
    """Remove what trials left behind that were killed."""
    for directory in sorted(trials_dir().glob(f"{PREFIX}*")):
        files = HostFiles(directory)
        try:
            spec = files.read_spec()
        except AgentError:
            spec = None
        if spec is not None and is_running(spec.pid, spec.process_start):
            continue
        if spec is None and not _is_old(directory):
            continue
        try:
            if spec is not None:
                end_all_leftovers(files)
                if spec.base_url != client.connection.base_url:
                    continue
            client.delete_project(client.connection.entity, directory.name)
        except (TrainerError, OSError) as error:
            logger.debug("%s", error)
            continue
        shutil.rmtree(directory, ignore_errors=True)


def _is_old(directory: Path) -> bool:
    """Return whether a folder that says not yet whose it is will never say it."""
    try:
        return time.time() - directory.stat().st_mtime > _BEGINNING_SECONDS
    except OSError:
        # Its trial has removed it just now.
        return False


def _trial_config(config: Mapping[str, Json]) -> dict[str, Json]:
    """Return the configuration of the sweep that the runs of a trial belong to."""
    kept = {key: value for key, value in config.items() if key not in _NOT_NEEDED}
    if kept.get("method") not in ("grid", "random", "bayes"):
        kept["method"] = "random"
    name = config.get("name")
    return kept | {"name": f"Trial of {name}" if isinstance(name, str) and name else "Trial"}


def _spec(
    connection: Connection, sweep: SweepRecord, config: Mapping[str, Json], cwd: Path, cpu_threads: int
) -> HostSpec:
    pid, folder = os.getpid(), cwd.resolve()
    return HostSpec(
        reference=sweep.reference,
        config=config,
        kind=connection.kind,
        base_url=connection.base_url,
        slots=1,
        count=None,
        cwd=folder,
        interpreter_folder=interpreter_folder(os.environ, folder),
        fresh=True,
        cpu_threads=cpu_threads,
        live=True,
        pid=pid,
        process_start=process_start(pid),
        data_dir=connection.data_dir,
    )
