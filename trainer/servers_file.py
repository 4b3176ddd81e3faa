"""`servers.json`: which servers were logged in to here, and where on each one was last. Owns the file; holds no key.

It is a convenience: without it an address is typed and a project chosen again. So what cannot be read or written is as
if it were not there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from trainer.atomic_file import write_text_atomically
from trainer.errors import InputError
from trainer.paths import config_dir
from trainer.settings import Settings, server_word

_FILE_NAME = "servers.json"
_MOST_SERVERS = 50


@dataclass(frozen=True, slots=True)
class Place:
    """Whose sweeps are looked at, and of which project."""

    entity: str | None = None
    """None for the owner of the key."""
    project: str | None = None
    """None for all projects."""


def remembered_servers(environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the addresses of servers that were logged in to here, the latest first."""
    urls = _read(environ).get("servers")
    return [url for url in urls if isinstance(url, str) and _is_url(url)] if isinstance(urls, list) else []


def remember_server(base_url: str, environ: Mapping[str, str] | None = None) -> None:
    """Note that a server was logged in to."""
    urls = list(dict.fromkeys([base_url, *remembered_servers(environ)]))[:_MOST_SERVERS]
    _write(_read(environ) | {"servers": urls}, environ)


def remembered_place(settings: Settings, environ: Mapping[str, str] | None = None) -> Place | None:
    """Return where on a server one was last; None where nobody chose."""
    found = _places(environ).get(server_word(settings))
    if not isinstance(found, dict):
        return None
    entity, project = (found.get(name) for name in ("entity", "project"))
    return Place(entity if isinstance(entity, str) else None, project if isinstance(project, str) else None)


def at_remembered_place(settings: Settings, environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings with the place where one was last, unless they name one."""
    if settings.entity or settings.project:
        return settings
    place = remembered_place(settings, environ)
    return settings if place is None else replace(settings, entity=place.entity, project=place.project)


def remember_place(settings: Settings, environ: Mapping[str, str] | None = None) -> None:
    """Note where on a server one is."""
    place = {"entity": settings.entity, "project": settings.project}
    places = {**_places(environ), server_word(settings): place}
    _write(_read(environ) | {"places": dict(list(places.items())[-_MOST_SERVERS:])}, environ)


def _places(environ: Mapping[str, str] | None) -> dict[str, Any]:
    places = _read(environ).get("places")
    return places if isinstance(places, dict) else {}


def _is_url(text: str) -> bool:
    try:
        return bool(urlsplit(text).hostname)
    except ValueError:
        return False


def _read(environ: Mapping[str, str] | None) -> dict[str, Any]:
    try:
        content = json.loads((config_dir(_or_own(environ)) / _FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write(content: Mapping[str, Any], environ: Mapping[str, str] | None) -> None:
    try:
        write_text_atomically(config_dir(_or_own(environ)) / _FILE_NAME, json.dumps(dict(content), indent=2) + "\n")
    except InputError:
        return


def _or_own(environ: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if environ is None else environ
