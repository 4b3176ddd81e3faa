"""Logging in to a W&B server: the key is checked, then stored by wandb's own mechanism. Prints and keeps no key."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

from trainer.errors import AuthenticationError, InputError
from trainer.servers_file import remember_server, remembered_servers
from trainer.settings import TELLTALE_VARIABLES, Connection, ServerKind, Settings, key_problem, resolve_settings
from trainer.tracking.wandb_client import WandbClient

_SECONDS = 60.0
_STORE = """
import sys, wandb
host, is_first = sys.argv[1], sys.argv[2] == "first"
key = sys.stdin.readline().rstrip("\\n")
if is_first:
    sys.exit(0 if wandb.login(key=key, host=host, relogin=True, verify=False) else 1)
from wandb.sdk.lib import wbauth
wbauth.write_netrc_auth(host=host, api_key=key)
"""
"""Runs in a process of its own: the key comes by a pipe, so that no list of processes shows it.

The first login is `wandb login` itself, which makes the server the default of all wandb programs. A later one keeps the
key alone: who looks at another server here does not want tomorrow's training to go there.
"""


def log_in(server: str, key: str, environ: Mapping[str, str] | None = None) -> tuple[Settings, str]:
    """Check a key with its server, store it as `wandb login` does (SDK 0.31: netrc), and return settings and owner.

    Args:
        server: `cloud`, or the server's URL.
        key: The API key.
        environ: The environment; None for this process's.

    Raises:
        InputError: If the server is no URL, or the key can be none.
        AuthenticationError: If the server refuses the key.
        ServerLostError: If it does not answer.
        ServerError: If it does not answer like a W&B server.
    """
    environ = os.environ if environ is None else environ
    key = key.strip()
    if problem := key_problem(key):
        raise InputError(f"That is no API key: {problem}.", hint="Copy all of it and paste it again.")
    if "://" not in server and "." in server and "/" not in server:
        server = f"https://{server}"
    # As if the environment had the key: what a URL may be, and what the cloud is called, is decided there.
    chosen = resolve_settings(server, environ={"WANDB_API_KEY": key, "WANDB_BASE_URL": server, "HOME": "/nonexistent"})
    connection = Connection(chosen.kind, chosen.base_url, key, "")
    owner = WandbClient(connection).default_entity()
    _store(chosen.base_url, key, environ, is_first=_knows_no_server(environ))
    remember_server(chosen.base_url, environ)
    return chosen, owner


def _knows_no_server(environ: Mapping[str, str]) -> bool:
    """Return whether nothing names another server than the embedded one."""
    try:
        return resolve_settings(environ=environ).kind is ServerKind.EMBEDDED
    except (AuthenticationError, InputError):
        return False


def _store(base_url: str, key: str, environ: Mapping[str, str], *, is_first: bool) -> None:
    # What would keep wandb from logging in, or make it keep another key, is nobody's wish here.
    dropped = ("WANDB_API_KEY", "WANDB_MODE", *TELLTALE_VARIABLES)
    kept = {name: value for name, value in environ.items() if name not in dropped}
    try:
        done = subprocess.run(
            [sys.executable, "-c", _STORE, base_url, "first" if is_first else "other"],
            input=f"{key}\n", env=kept | {"WANDB_SILENT": "true"}, capture_output=True, text=True, timeout=_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise AuthenticationError(f"wandb could not store the key: {type(error).__name__}.") from None
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["it did not say why"])[-1].replace(key, "…")
        raise AuthenticationError(
            f"wandb could not store the key: {said.rstrip('.')}.", hint="Is ~/.netrc writable? Or set WANDB_API_KEY."
        )


def servers_at_hand(settings: Settings, environ: Mapping[str, str] | None = None) -> dict[str, Settings]:
    """Return the servers that need no other login, by a word for each: `known_servers` and those remembered."""
    from trainer.settings import known_servers, server_word

    environ = os.environ if environ is None else environ
    found = known_servers(settings, environ)
    # What WANDB_API_KEY is for is among the known ones: it must not reach another.
    stored = {name: text for name, text in environ.items() if name not in ("WANDB_API_KEY", "WANDB_ENTITY")}
    for url in remembered_servers(environ):
        try:
            other = resolve_settings(url, None, None, stored)
        except (AuthenticationError, InputError):
            continue
        if other.kind is not ServerKind.EMBEDDED:
            found.setdefault(server_word(other), other)
    return found
