"""From what a person types to the sweep it names."""

from __future__ import annotations

import re
from urllib.parse import unquote

from trainer.errors import NotFoundError, SweepReferenceError
from trainer.records import SweepReference
from trainer.tracking.client import TrackingClient
from trainer.wire import reference_from_url

_ID = re.compile(r"[A-Za-z0-9_.-]+")


def parse_sweep_reference(text: str, default_entity: str, default_project: str | None) -> SweepReference:
    """Return the sweep that a text names.

    Args:
        text: `id`, `project/id`, `entity/project/id`, `entity/project/sweeps/id` or the address of its page.
        default_entity: Entity of a text that names none.
        default_project: Project of a text that names none; None or empty where there is no default.

    Raises:
        SweepReferenceError: If the text is none of these, or names no project and there is no default.
    """
    cleaned = text.strip()
    parts = [unquote(part) for part in cleaned.split("/")]
    if "://" in cleaned:
        reference = reference_from_url(cleaned)
        if reference is None:
            raise _not_a_sweep(text)
        parts = [unquote(part) for part in (reference.entity, reference.project, reference.id)]
    elif len(parts) == 4 and parts[2] == "sweeps":
        parts.pop(2)
    if not 1 <= len(parts) <= 3 or not all(part.strip() for part in parts) or not _ID.fullmatch(parts[-1]):
        raise _not_a_sweep(text)
    project = parts[-2] if len(parts) > 1 else default_project
    entity = parts[-3] if len(parts) > 2 else default_entity
    if not project or not entity:
        raise SweepReferenceError(
            f"{text!r} does not say which project the sweep is in.",
            hint="Give project/id or entity/project/id, or use --project.",
        )
    return SweepReference(entity, project, parts[-1])


def find_sweep_reference(client: TrackingClient, text: str) -> SweepReference:
    """Return the sweep that a text names; a bare id is looked for in every project of the connection's entity.

    Raises:
        SweepReferenceError: As `parse_sweep_reference`, and if several sweeps have that id.
        NotFoundError: If none has it.
    """
    connection = client.connection
    try:
        return parse_sweep_reference(text, connection.entity, connection.project)
    except SweepReferenceError:
        sweeps = client.list_sweeps(limit=None)
        named = [sweep.reference for sweep in sweeps if sweep.reference.id == text.strip()]
        if len(named) == 1:
            return named[0]
        if not named and "/" not in text:
            raise NotFoundError(
                f"No project of {connection.entity} on the {connection.label} has a sweep {text.strip()!r}.",
                hint="Give its id as the list of sweeps shows it.",
            ) from None
        raise


def _not_a_sweep(text: str) -> SweepReferenceError:
    return SweepReferenceError(
        f"{text!r} does not name a sweep.",
        hint="Give its id, project/id, entity/project/id, or the address of its page (…/sweeps/id).",
    )
