"""Which W&B server to use, and with which key: decided once, here, from flags, environment and files.

A flag beats the environment, which beats wandb's own files. Owns no connection: `connection` opens one.
"""

from __future__ import annotations

import configparser
import netrc
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from trainer.errors import AuthenticationError, InputError

CLOUD_URL = "https://api.wandb.ai"
_KEY_LENGTH = 40
DEFAULT_PROJECT = "uncategorized"
"""Where W&B (SDK 0.31) puts what names no project."""

TELLTALE_VARIABLES = ("WANDB_DEBUG", "WANDB_CORE_DEBUG")
"""With them wandb-core writes its settings into its logs, the API key among them (SDK 0.31)."""


class ServerKind(StrEnum):
    """What stands behind the base URL."""

    CLOUD = "cloud"
    SELF_HOSTED = "self-hosted"
    EMBEDDED = "embedded"
    BUNDLE = "bundle"
    """No server at all: a file, see `trainer.bundle`."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The user's choice of server, project and entity."""

    kind: ServerKind
    base_url: str
    """Without a trailing slash; empty for the embedded server, whose address is known once it runs."""
    api_key: str = field(default="", repr=False)
    """Empty for the embedded server, which keeps its own."""
    entity: str | None = None
    """None for the default entity of the key's owner."""
    project: str | None = None
    """None for the project that the sweep names."""


def resolve_settings(
    server: str | None = None,
    entity: str | None = None,
    project: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Decide which server to use.

    `--server` (a URL, `cloud` or `local`), else `WANDB_BASE_URL`, else the host that `wandb login` stored, else
    the cloud where a key for it is known, else the embedded server.

    Raises:
        InputError: If `server` is not a URL, `cloud` or `local`.
        AuthenticationError: If a server was named for which no key is known.
    """
    environ = os.environ if environ is None else environ
    configured = environ.get("WANDB_BASE_URL") or _stored_base_url(environ)
    if server is not None and configured and _host(server) != _host(configured):
        # The key and entity in the environment belong to the server there, and must not reach the one named here.
        environ = {name: text for name, text in environ.items() if name not in ("WANDB_API_KEY", "WANDB_ENTITY")}
    elif server not in (None, "local") and not configured and _is_elsewhere(server, environ):
        environ = {name: text for name, text in environ.items() if name not in ("WANDB_API_KEY", "WANDB_ENTITY")}
    entity = entity or environ.get("WANDB_ENTITY") or None
    project = project or environ.get("WANDB_PROJECT") or None
    if server == "local":
        return Settings(ServerKind.EMBEDDED, "", "", entity, project)
    named = server or configured
    if named is None and not _key_for(CLOUD_URL, environ):
        return Settings(ServerKind.EMBEDDED, "", "", entity, project)
    if named and _has_login(named):
        # Not quoted: the address is shown in many places, and so would be what it holds.
        raise InputError(
            "A server's address must not hold a name or key: it is shown.",
            hint="Give the address alone, and the key to `wandb login --host URL` or WANDB_API_KEY.",
        )
    base_url = CLOUD_URL if named is None or _host(named) == _host(CLOUD_URL) else named.rstrip("/")
    if not _host(base_url):
        raise InputError(
            f"{named!r} is not a server.",
            hint="Give a URL such as https://api.wandb.ai, or `cloud`, or `local`.",
        )
    key = _key_for(base_url, environ)
    if not key:
        raise AuthenticationError(
            f"No API key is known for {base_url}.",
            hint=f"Run `wandb login --host {base_url}`, set WANDB_API_KEY, or use `--server local`.",
        )
    kind = ServerKind.CLOUD if base_url == CLOUD_URL else ServerKind.SELF_HOSTED
    return Settings(kind, base_url, key, entity, project)


def known_servers(settings: Settings, environ: Mapping[str, str] | None = None) -> dict[str, Settings]:
    """Return the servers that can be used without another login, by a word for each; that of `settings` comes first.

    They are the embedded server, the cloud where its key is known, and what `WANDB_BASE_URL` or `wandb login` name.
    """
    environ = os.environ if environ is None else environ
    configured = environ.get("WANDB_BASE_URL") or _stored_base_url(environ)
    found = {server_word(settings): settings}
    for server in ("local", configured, "cloud"):
        try:
            other = resolve_settings(server, None, settings.project, environ) if server else settings
        except (AuthenticationError, InputError):
            # No key, or no URL: it cannot be launched on.
            continue
        if other.kind is not ServerKind.CLOUD or other.api_key:
            found.setdefault(server_word(other), other)
    return found


def server_word(settings: Settings) -> str:
    """Return the word by which a server is chosen: `local`, `cloud`, or host and port."""
    if settings.kind in (ServerKind.EMBEDDED, ServerKind.BUNDLE):
        return "local" if settings.kind is ServerKind.EMBEDDED else "file"
    return "cloud" if settings.kind is ServerKind.CLOUD else urlsplit(settings.base_url).netloc.rpartition("@")[2]


def key_page(server: str) -> str:
    """Return the page on which a server shows its user's key."""
    return f"{'https://wandb.ai' if _host(server) == _host(CLOUD_URL) else server}/authorize"


def _host(server: str) -> str:
    """Return host and port of a server's URL; of the cloud by any of its names; empty if it is not a URL."""
    if server == "cloud":
        server = CLOUD_URL
    try:
        parts = urlsplit(server)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return ""
        host = "api.wandb.ai" if parts.hostname in ("wandb.ai", "www.wandb.ai") else parts.hostname
        return f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    except ValueError:
        # A bracket that is not an IPv6 address, or a port that is no number.
        return ""


def key_problem(key: str) -> str:
    """Return why a text can be no key, as wandb judges it (SDK 0.31, `check_api_key`); empty where it can."""
    if not key or any(letter.isspace() or not letter.isprintable() for letter in key):
        return "it is one word of letters and digits"
    length = len(key.partition("-")[2] or key)
    is_token = key.count(".") == 2
    return "" if is_token or length >= _KEY_LENGTH else f"it has {length} letters, and keys have {_KEY_LENGTH} or more"


def _has_login(server: str) -> bool:
    """Return whether an address holds a user or a key, as in `https://user:key@host`."""
    return "@" in server.partition("://")[2].partition("/")[0]


def _is_elsewhere(server: str | None, environ: Mapping[str, str]) -> bool:
    """Return whether a server has a key of its own, and is not the cloud, which WANDB_API_KEY alone is for."""
    if server is None or _host(server) in ("", _host(CLOUD_URL)):
        return False
    stored = {name: text for name, text in environ.items() if name != "WANDB_API_KEY"}
    return bool(_key_for(server.rstrip("/"), stored))


def _key_for(base_url: str, environ: Mapping[str, str]) -> str:
    """Return the API key for a server: WANDB_API_KEY, else netrc as wandb 0.31 writes it; empty if unknown."""
    if key := environ.get("WANDB_API_KEY", ""):
        return key
    home = Path(environ.get("HOME") or Path.home())
    candidates = [Path(environ["NETRC"])] if environ.get("NETRC") else [home / ".netrc", home / "_netrc"]
    parts = urlsplit(base_url)
    for path in candidates:
        try:
            logins = netrc.netrc(str(path))
            # wandb 0.31 writes host and port; what is older, or written by hand, has the host alone.
            login = logins.authenticators(parts.netloc) or logins.authenticators(parts.hostname or "")
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError, netrc.NetrcParseError) as error:
            raise AuthenticationError(
                f"{path} cannot be read: {error}.", hint="Mend it or set WANDB_API_KEY."
            ) from error
        if login and login[2]:
            return login[2]
    return ""


def _stored_base_url(environ: Mapping[str, str]) -> str | None:
    """Return the host that `wandb login --host` stored in wandb's settings file, or None."""
    home = Path(environ.get("HOME") or Path.home())
    folder = Path(environ.get("WANDB_CONFIG_DIR") or home / ".config" / "wandb")
    parser = configparser.ConfigParser()
    try:
        parser.read(folder / "settings")
        return parser.get("default", "base_url", fallback=None) or None
    except (OSError, UnicodeDecodeError, configparser.Error):
        # wandb itself ignores a settings file it cannot read; so do we, or `--server` would be needed everywhere.
        return None


@dataclass(frozen=True, slots=True)
class Connection:
    """A server that answered: everything needed to talk to it."""

    kind: ServerKind
    base_url: str
    api_key: str = field(repr=False)
    entity: str
    """The entity used where a reference names none."""
    project: str | None = None
    """The project the user asked for; None for the one that the sweep names."""
    data_dir: Path | None = None
    """Data folder of the embedded server where it is this machine's and known; None for any other server."""

    @property
    def label(self) -> str:
        """Return the words by which the status bar and every command's first line name the server."""
        if self.kind is ServerKind.BUNDLE:
            return f"bundle {Path(self.base_url).name}, no server"
        return f"{self.kind} server {self.base_url}" if self.kind is not ServerKind.CLOUD else "W&B cloud"

    def environ(self) -> dict[str, str]:
        """Return the variables that point any W&B tool at this server; they hold the key."""
        return {"WANDB_BASE_URL": self.base_url, "WANDB_API_KEY": self.api_key, "WANDB_ENTITY": self.entity}
