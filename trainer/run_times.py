"""What runs of a program took on this machine, remembered from one day to the next: a small file in the state folder.

One entry per program, folder and interpreter: the same script takes another time on another GPU's machine, or in
another environment. What is newest counts.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trainer.agents.environment import interpreter_folder
from trainer.atomic_file import write_text_atomically
from trainer.errors import TrainerError
from trainer.paths import state_dir
from trainer.records import Json
from trainer.search.cost import RunTime, newest
from trainer.server.lifecycle import find_running
from trainer.settings import DEFAULT_PROJECT, Connection, ServerKind, Settings
from trainer.sweep.program_key import program_key
from trainer.tracking.run_times import earlier_run_time
from trainer.tracking.wandb_client import WandbClient

logger = logging.getLogger(__name__)

_PATIENCE_SECONDS = 3.0
_VERSION = 1
_MAX_ENTRIES = 200


def remember(config: Mapping[str, Json], cwd: Path, run_time: RunTime) -> None:
    """Note what a run of a sweep's program took.

    Raises:
        InputError: If the file cannot be written.
    """
    entries = _read() | {_key(config, cwd): asdict(run_time)}
    newest = sorted(entries.items(), key=lambda item: item[1].get("measured_at", 0), reverse=True)[:_MAX_ENTRIES]
    write_text_atomically(_path(), json.dumps({"version": _VERSION, "run_times": dict(newest)}, indent=1) + "\n")


def recall(config: Mapping[str, Json], cwd: Path) -> RunTime | None:
    """Return what was noted last for a sweep's program; None if nothing was, or the file is not ours."""
    try:
        return RunTime(**_read()[_key(config, cwd)])
    except (KeyError, TypeError):
        return None


def _path() -> Path:
    return state_dir() / "run-times.json"


def _key(config: Mapping[str, Json], cwd: Path) -> str:
    where = f"{program_key(config)}\n{cwd.resolve()}\n{interpreter_folder(os.environ, cwd.resolve())}"
    return hashlib.sha256(where.encode("utf-8", "replace")).hexdigest()[:24]


def _read() -> dict[str, Any]:
    try:
        kept = json.loads(_path().read_text(encoding="utf-8"))
        entries = kept["run_times"] if kept["version"] == _VERSION else {}
    except (OSError, ValueError, KeyError, TypeError):
        # It only saves a trial: a file that cannot be read is written anew.
        return {}
    return (
        {key: entry for key, entry in entries.items() if isinstance(entry, dict)} if isinstance(entries, dict) else {}
    )


def known_run_time(config: Mapping[str, Json], cwd: Path, settings: Settings) -> RunTime | None:
    """Return what is known here of a sweep's program: noted, or told by the embedded server if that runs already.

    Starts no server and asks none on another machine.
    """
    if settings.kind is not ServerKind.EMBEDDED or (address := find_running()) is None:
        return recall(config, cwd)
    connection = Connection(ServerKind.EMBEDDED, address.base_url, address.api_key, "", settings.project)
    return told_run_time(config, cwd, connection, settings.project)


def told_run_time(
    config: Mapping[str, Json], cwd: Path, connection: Connection, project: str | None = None
) -> RunTime | None:
    """Return what is known here of a sweep's program and what its server tells; blocks for a few seconds at most.

    What another server than the embedded one tells is noted, so that it need not be asked each time.

    Args:
        config: The sweep configuration.
        cwd: Folder the runs start in.
        connection: The server; one without an entity is asked who owns the key.
        project: The project asked for; None for the sweep's own.
    """
    noted = recall(config, cwd)
    try:
        client = WandbClient(connection, _PATIENCE_SECONDS)
        owner = connection.entity or client.default_entity()
        told = earlier_run_time(client, config, owner, project_of(config, project))
        if told is not None and newest(noted, told) is told and connection.kind is not ServerKind.EMBEDDED:
            remember(config, cwd, told)
    except TrainerError as error:
        # An estimate is no reason to fail, or to wait.
        logger.debug("%s", error)
        return noted
    return newest(noted, told)


def project_of(config: Mapping[str, Json], chosen: str | None) -> str:
    """Return the project in which a sweep would be created: the one asked for, else its own, else W&B's default."""
    own = config.get("project")
    return chosen or (own if isinstance(own, str) and own else DEFAULT_PROJECT)
