"""What a handler is given besides its arguments, and the small things all handlers share."""

from __future__ import annotations

import base64
import binascii
import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from trainer.errors import InputError
from trainer.records import Json
from trainer.server.budget import Budget
from trainer.server.security import FileSigner
from trainer.server.store import Store

if TYPE_CHECKING:
    from trainer.server.early_stops import EarlyStops
    from trainer.server.scheduling import Scheduler

T = TypeVar("T")

DEFAULT_ENTITY = "local"
DEFAULT_PROJECT = "uncategorized"
"""Where runs go whose program names no project; wandb 0.31's own default."""


class RequestError(InputError):
    """A request that cannot be answered, with the HTTP status that the SDK's reaction hangs on."""

    def __init__(self, message: str, *, status: int = 200) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The server as a handler sees it."""

    store: Store
    scheduler: Scheduler
    early_stops: EarlyStops
    signer: FileSigner
    files_dir: Path
    base_url: str
    """Without a trailing slash, as the client reached us: addresses of files start with it."""
    writer: str | None = None
    """Who asks, if it is one of several writers of a run (`mode="shared"`)."""
    budget: Budget = field(default_factory=Budget)
    """What is left of what a query may cost."""
    totals: dict[tuple[object, ...], int] = field(default_factory=dict)
    """How many runs meet a condition, as counted in this request."""
    shaped: list[tuple[list[str | int], list[object]]] = field(default_factory=list)
    """Lists of the answer that are as the client wants them already, by their paths."""

    @property
    def connection(self) -> sqlite3.Connection:
        """Return this thread's reading connection."""
        return self.store.reader

    def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job in a write transaction; its effect is on disk when this returns."""
        self.totals.clear()
        return self.store.write(job)


def storage_id(kind: str, number: int | str) -> str:
    """Return the opaque id of a row; base64, because the SDK turns ids of artifacts into hexadecimal and back."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def row_id(kind: str, identifier: str) -> int:
    """Return the row number behind an opaque id.

    Raises:
        RequestError: If it is not an id of this kind.
    """
    number = number_of(kind, identifier)
    if number is None:
        raise RequestError(f"{identifier[:80]!r} is not the id of a {kind.lower()}.")
    return number


def number_of(kind: str, identifier: str) -> int | None:
    """Return the row number behind an opaque id, or None if it is not an id of this kind."""
    try:
        prefix, _, number = base64.b64decode(identifier, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return int(number) if prefix == kind and number.isascii() and number.isdigit() and len(number) < 19 else None


def iso_time(micros: int | None) -> str | None:
    """Return a time of the tables as ISO 8601, or None."""
    if micros is None:
        return None
    # `strftime` takes ten times as long, and a page of runs has two thousand times.
    return f"{datetime.fromtimestamp(micros // 1_000_000, UTC).isoformat()[:19]}.{micros % 1_000_000:06d}Z"


def load_json(text: str | bytes) -> Json:
    """Return the value of a JSON text. Half of a surrogate pair, which JSON can carry and UTF-8 cannot, becomes `?`.

    Raises:
        ValueError: If it is not JSON.
        RecursionError: If it nests too deeply.
    """
    value: Json = json.loads(text)
    escapes = (b"\\ud", b"\\uD") if isinstance(text, bytes) else ("\\ud", "\\uD")
    if any(escape in text for escape in escapes):  # type: ignore[operator]
        value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    return value


def parse_json(text: str | None, what: str) -> Json:
    """Return the value of a JSON text; None for none.

    Raises:
        RequestError: If it is not JSON.
    """
    if text is None or text == "":
        return None
    try:
        return load_json(text)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"{what} is not JSON: {error}") from error


def parse_json_object(text: str | None, what: str) -> dict[str, Json]:
    """Return the object of a JSON text; empty for none.

    Raises:
        RequestError: If it is not JSON, or not an object.
    """
    value = parse_json(text, what)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RequestError(f"{what} is not a JSON object.")
    return value


_LAST = 2**62
"""No step, line or time of anything is beyond this; it fits what SQLite can hold, with room for sums."""


def bounded(value: object) -> object:
    """Return a value of a request with integers that are beyond everything brought within bounds."""
    if isinstance(value, int) and not -_LAST <= value <= _LAST:
        return _LAST if value > 0 else -_LAST
    return value


class Arguments:
    """A GraphQL input object, read by type. The schema has checked names and types already."""

    def __init__(self, values: Mapping[str, object]) -> None:
        """Read an input object.

        Raises:
            RequestError: If it is none: under a type name that only the client knows, anything may come.
        """
        if not isinstance(values, Mapping):
            raise RequestError("The input is not an object.")
        self._values = values

    def text(self, name: str) -> str | None:
        """Return a text, or None if it was not given."""
        value = self._values.get(name)
        return value if isinstance(value, str) else None

    def required(self, name: str) -> str:
        """Return a text that must not be empty.

        Raises:
            RequestError: If it is.
        """
        value = self.text(name)
        if not value:
            raise RequestError(f"{name} is missing.")
        return value

    def owner(self) -> tuple[str, str]:
        """Return entity and project; the usual ones where they are empty, as for artifacts of offline runs (0.31)."""
        return self.text("entityName") or DEFAULT_ENTITY, self.text("projectName") or DEFAULT_PROJECT

    def integer(self, name: str) -> int | None:
        """Return a whole number, or None if it was not given."""
        value = bounded(self._values.get(name))
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def number(self, name: str) -> float | None:
        """Return a number, or None if it was not given."""
        value = self._values.get(name)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    def is_set(self, name: str) -> bool:
        """Return whether something other than null was given."""
        return self._values.get(name) is not None

    def texts(self, name: str) -> list[str] | None:
        """Return a list of texts, or None if it was not given."""
        value = self._values.get(name)
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else None

    def objects(self, name: str) -> list[Arguments]:
        """Return a list of input objects; empty if it was not given."""
        value = self._values.get(name)
        return [Arguments(item) for item in value if isinstance(item, dict)] if isinstance(value, list) else []

    def boolean(self, name: str) -> bool:
        """Return a truth value; False if it was not given."""
        return self._values.get(name) is True
