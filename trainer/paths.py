"""Where sweep-tui keeps its files: pure functions of the environment; nothing is created here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_APP = "sweep-tui"


def _xdg(environ: Mapping[str, str] | None, variable: str, fallback: str) -> Path:
    environ = os.environ if environ is None else environ
    configured = environ.get(variable, "")
    # The XDG base directory specification 0.8 says to ignore relative paths.
    base = Path(configured) if configured.startswith("/") else Path(environ.get("HOME") or Path.home(), fallback)
    return base / _APP


def data_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of what must never be lost: the embedded server's database, files and key."""
    return _xdg(environ, "XDG_DATA_HOME", ".local/share")


def state_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of what a running program leaves behind: agent hosts, logs, drafts."""
    return _xdg(environ, "XDG_STATE_HOME", ".local/state")


def config_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of what the user sets: keymap, theme."""
    return _xdg(environ, "XDG_CONFIG_HOME", ".config")


def histories_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of histories that were read once and do not change any more; it may be deleted."""
    return _xdg(environ, "XDG_CACHE_HOME", ".cache") / "histories"


def server_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Return the default data folder of the embedded server."""
    return data_dir(environ) / "server"


def agents_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder that holds one folder per local agent host."""
    return state_dir(environ) / "agents"


def ledgers_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of what this machine's agents were handed by other servers, one file per sweep."""
    return state_dir(environ) / "ledgers"
