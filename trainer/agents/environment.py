"""The environment of a run: which server, which run, which `python`. Pure: reads no process, changes none."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from trainer.agents.devices import SHARE_VARIABLE, THREAD_VARIABLE
from trainer.agents.host_files import HostSpec
from trainer.ci_job import run_variables as ci_variables
from trainer.settings import TELLTALE_VARIABLES, ServerKind

_NOT_INHERITED = (
    "WANDB_SERVICE", "WANDB_RUN_ID", "WANDB_SWEEP_ID", "WANDB_SWEEP_PARAM_PATH", "WANDB_IDENTITY_TOKEN_FILE",
    "WANDB_CREDENTIALS_FILE", *TELLTALE_VARIABLES,
)  # fmt: skip
"""A socket that may be dead (every later wandb call would fail), what names another run, credentials that may be
another server's (runs get the key of theirs), and what has the key written into logs."""

_LIVE_DEFAULTS = {"WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL": "1"}
"""Metrics arrive each second, not each fifteen (SDK 0.31)."""
_EMBEDDED_DEFAULTS = _LIVE_DEFAULTS | {
    # No telemetry probes, which also makes the first log faster.
    "WANDB_ERROR_REPORTING": "false",
}


def interpreter_folder(environ: Mapping[str, str], cwd: Path) -> Path:
    """Return the folder whose `python` runs the sweep's program.

    Stock agents take whatever `python` is first on PATH. That fails where this program was started from an
    environment nobody activated, so: our own where it is the environment of the folder in which the runs start
    (somebody named it by its path), else the active environment, else that folder's (`.venv`, then `venv`), else our
    own.
    """
    own, local = Path(sys.prefix), [cwd / ".venv", cwd / "venv"]
    if any(folder.exists() and folder.resolve() == own.resolve() for folder in local):
        return Path(sys.executable).parent
    # conda's base environment is active for everybody who has conda: it is nobody's choice.
    conda = environ.get("CONDA_PREFIX", "") if environ.get("CONDA_DEFAULT_ENV", "base") != "base" else ""
    for candidate in (environ.get("VIRTUAL_ENV", ""), conda, *map(str, local)):
        if candidate and (Path(candidate) / "bin" / "python").exists():
            return Path(candidate) / "bin"
    return Path(sys.executable).parent


def host_environment(environ: Mapping[str, str], api_key: str) -> dict[str, str]:
    """Return the environment of a host: ours, with the key, which reaches it in no other way."""
    kept = {name: value for name, value in environ.items() if name not in _NOT_INHERITED}
    return kept | {"WANDB_API_KEY": api_key}


def wandb_folder(environ: Mapping[str, str], directory: Path) -> Path:
    """Return where wandb keeps its local files: the user's choice, else the host's folder, not the user's own."""
    return Path(environ.get("WANDB_DIR") or directory)


def run_environment(environ: Mapping[str, str], spec: HostSpec, directory: Path) -> dict[str, str]:
    """Return what all runs of a host share; `run_variables` adds what is one run's own."""
    shared = {name: value for name, value in environ.items() if name not in _NOT_INHERITED}
    if spec.kind is ServerKind.EMBEDDED:
        shared = _EMBEDDED_DEFAULTS | shared
    elif spec.live:
        shared = _LIVE_DEFAULTS | shared
    if spec.cpu_threads and not limits_threads(shared):
        shared |= {THREAD_VARIABLE: str(spec.cpu_threads), SHARE_VARIABLE: str(spec.cpu_threads)}
    shared |= ci_variables(environ)
    path = shared.get("PATH") or os.defpath
    return (
        {"PYTHONUNBUFFERED": "1"}
        | shared
        | {
            "PATH": f"{spec.interpreter_folder}{os.pathsep}{path}",
            "WANDB_DIR": str(wandb_folder(environ, directory)),
            "WANDB_BASE_URL": spec.base_url,
            "WANDB_ENTITY": spec.reference.entity,
            "WANDB_PROJECT": spec.reference.project,
            "WANDB_SWEEP_ID": spec.reference.id,
        }
    )


def limits_threads(environ: Mapping[str, str]) -> bool:
    """Return whether the user limits threads; then nobody else does."""
    return bool(environ.get(THREAD_VARIABLE)) and SHARE_VARIABLE not in environ


def run_variables(run_id: str, parameters_path: Path) -> dict[str, str]:
    """Return what names one run to the SDK."""
    return {"WANDB_RUN_ID": run_id, "WANDB_SWEEP_PARAM_PATH": str(parameters_path)}
