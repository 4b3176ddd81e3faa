"""Manifests of artifacts: what a version's files are. Reads what clients sent, joins partial ones, and digests them.

Format 1, as SDK 0.31 writes it: `{"version": 1, "storagePolicy": …, "contents": {path: {"digest", "size", "ref"}}}`.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from trainer.records import Json
from trainer.server.context import RequestError, load_json
from trainer.server.tables.artifacts import WHOLE_MANIFEST, Entry

PARTIAL_TYPES = ("PATCH", "INCREMENTAL")
"""Types of manifests that list a part of a version: one process's files, or the difference to the newest version."""

Contents = dict[str, dict[str, Json]]


def read_contents(folder: Path, row: sqlite3.Row) -> Contents:
    """Return what an uploaded manifest lists, by path.

    Raises:
        RequestError: If it is no manifest.
    """
    try:
        manifest = load_json((folder / str(row["id"])).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError(f"The artifact's manifest cannot be read: {error}") from error
    contents = manifest.get("contents") if isinstance(manifest, dict) else None
    if not isinstance(contents, dict):
        raise RequestError("The artifact's manifest lists no contents.")
    return {path: item for path, item in contents.items() if isinstance(item, dict)}


def entries_of(contents: Contents) -> list[Entry]:
    """Return the entries of a manifest's contents."""
    entries = []
    for path, item in contents.items():
        size, ref = item.get("size"), item.get("ref")
        known_size = size if isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**62 else 0
        entries.append(Entry(path, str(item.get("digest", "")), known_size, ref if isinstance(ref, str) else None))
    return entries


def joined(parts: Sequence[Contents]) -> Contents:
    """Return the contents of all parts; where two list the same path, the later one counts."""
    return {path: item for part in parts for path, item in part.items()}


def whole_manifest(contents: Contents) -> bytes:
    """Return the manifest file of a whole version."""
    manifest = {
        "version": 1,
        "storagePolicy": "wandb-storage-policy-v1",
        "storagePolicyConfig": {"storageLayout": "V2"},
        "contents": dict(sorted(contents.items())),
    }
    return json.dumps(manifest, ensure_ascii=False).encode("utf-8", "replace")


def digest_of(contents: Contents) -> str:
    """Return the digest of a version's content, as the SDK computes it (0.31, artifact_manifest_v1.py)."""
    digest = hashlib.md5(b"wandb-artifact-manifest-v1\n", usedforsecurity=False)
    for path, item in sorted(contents.items()):
        digest.update(f"{path}:{item.get('digest', '')}\n".encode("utf-8", "replace"))
    return digest.hexdigest()


def is_partial(row: sqlite3.Row) -> bool:
    """Return whether a manifest's row is of a partial one."""
    return str(row["name"]) != WHOLE_MANIFEST
