"""A training run's side of wandb: start it, log rows, tables and the model, and end it in the right state.

wandb is imported only when a run starts; before, `has_server` says whether it could.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.errors import AuthenticationError, InputError, ServerLostError
from trainer.settings import ServerKind, resolve_settings

if TYPE_CHECKING:
    import wandb

DEFAULT_PROJECT = "wine-quality-dev"
STOPPED_EXIT_CODE = 255
"""What wandb itself reports for an interrupted run (0.31): the server calls it killed if it asked, else failed."""
_SERVERLESS_MODES = ("offline", "dryrun", "disabled")
_SERVER_MODES = ("online", "run", "shared", "")


def has_server(environ: Mapping[str, str]) -> bool:
    """Return whether wandb will find a server and a key, or needs none; else it would ask for a key in a prompt.

    Raises:
        AuthenticationError: If a server is configured, and no key for it.
        InputError: If WANDB_MODE or WANDB_BASE_URL cannot be used.
    """
    mode = environ.get("WANDB_MODE") or _stored_mode(environ)
    if mode in _SERVERLESS_MODES:
        return True
    if mode not in _SERVER_MODES:
        raise InputError(f"WANDB_MODE={mode} is not a mode of wandb.", hint="Set it to online, offline or disabled.")
    if environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    try:
        kind = resolve_settings(environ=environ).kind
    except AuthenticationError as error:
        hint = "Run `wandb login --host URL`, set WANDB_API_KEY, or set WANDB_MODE=offline."
        raise AuthenticationError(error.message, hint=hint) from error
    except InputError as error:
        raise InputError(error.message, hint="Set WANDB_BASE_URL to a URL such as https://api.wandb.ai.") from error
    return kind is not ServerKind.EMBEDDED


def _stored_mode(environ: Mapping[str, str]) -> str:
    """Return the mode that `wandb offline` stored in a settings file; empty if none did."""
    home = Path(environ.get("HOME") or Path.home())
    parser = configparser.ConfigParser()
    try:
        parser.read(
            [
                Path(environ.get("WANDB_CONFIG_DIR") or home / ".config" / "wandb") / "settings",
                Path(environ.get("WANDB_DIR") or ".") / "wandb" / "settings",
            ]
        )
        return parser.get("default", "mode", fallback="")
    except (OSError, UnicodeDecodeError, configparser.Error):
        # wandb itself goes on without a settings file that it cannot read.
        return ""


def start_run(options: Mapping[str, str], config: Mapping[str, object]) -> wandb.Run:
    """Start a run.

    Args:
        options: Of `catalog.RUN_OPTIONS`, those that were given.
        config: What the command line gives; parameters of the sweep are added, and win, by wandb's own doing.

    Raises:
        AuthenticationError: If the server refused the key.
        ServerLostError: If the server could not be reached.
        InputError: If wandb refused what it was given.
    """
    # Error reporting to W&B costs 50 ms at the first logged row (measured with 0.31): off unless the user chose.
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    import wandb

    project = options.get("project") or os.environ.get("WANDB_PROJECT") or DEFAULT_PROJECT
    try:
        return wandb.init(
            project=project,
            entity=options.get("entity"),
            name=options.get("name"),
            group=options.get("group"),
            config=dict(config),
        )
    except wandb.errors.AuthenticationError as error:
        raise AuthenticationError(f"The W&B server refused the key: {_first_line(error)}") from error
    except wandb.errors.CommError as error:
        raise ServerLostError(
            f"The W&B server did not start the run: {_first_line(error)}",
            hint="Check WANDB_BASE_URL, or set WANDB_MODE=offline.",
        ) from error
    except wandb.errors.UsageError as error:
        raise InputError(f"wandb cannot start the run: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".") + "."


def sweep_parameters_path(environ: Mapping[str, str]) -> Path | None:
    """Return the file in which an agent left this run's parameters; None outside a sweep."""
    path = environ.get("WANDB_SWEEP_PARAM_PATH")
    return Path(path) if path else None


def add_to_config(run: wandb.Run, values: Mapping[str, object]) -> None:
    """Record values under names that the configuration does not have; a name that it has is never touched."""
    for name, value in values.items():
        if name not in run.config:
            run.config[name] = value


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> wandb.Table:
    """Return a W&B table."""
    import wandb

    return wandb.Table(columns=list(columns), data=[list(row) for row in rows])


def log_model(run: wandb.Run, name: str, model: Any, metadata: Mapping[str, object]) -> None:
    """Log a fitted model as an artifact of type `model` that holds `model.joblib`, and `metadata.json` with the run.

    Without the latter the same model of another run would be no new version, and that run would have logged none.

    Args:
        run: The run that made it.
        name: Of the artifact; characters that W&B does not allow become hyphens.
        model: Anything that joblib can store.
        metadata: What the artifact says about the model; JSON values.
    """
    import joblib  # type: ignore[import-untyped]
    import wandb

    artifact = wandb.Artifact(re.sub(r"[^\w.-]+", "-", name)[:128], type="model", metadata=dict(metadata))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.joblib"
        joblib.dump(model, path)
        # add_file copies the file into wandb's own staging folder, so ours may go.
        artifact.add_file(str(path))
        about = Path(folder) / "metadata.json"
        about.write_text(json.dumps({"run": run.id, **metadata}, indent=2) + "\n", encoding="utf-8")
        artifact.add_file(str(about))
    run.log_artifact(artifact)
