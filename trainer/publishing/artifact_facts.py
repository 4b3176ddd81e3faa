"""A version of an artifact as its server holds it, and its manifest made fit for another server. Pure."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SERVERS_OWN = "wandb-"
"""Types that servers make by themselves (`wandb-history`); the SDK refuses to log them (0.31)."""
_REFERENCE = "wandb-artifact://"


@dataclass(frozen=True, slots=True)
class ArtifactFacts:
    """A version of an artifact."""

    storage_id: str
    collection: str
    type: str
    version: int | None
    state: str
    digest: str
    description: str | None
    metadata: str
    """JSON text."""
    tags: tuple[str, ...]
    aliases: tuple[str, ...]
    """In the collection that it was logged into; without `latest`, which servers give."""
    history_step: int | None
    ttl_seconds: int | None
    created_by: str
    """The run; empty where none is told."""

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> ArtifactFacts:
        """Return the facts of an `Artifact` node."""
        collection = str((node.get("artifactSequence") or {}).get("name") or "")
        aliases = [
            str(alias["alias"])
            for alias in node.get("aliases") or ()
            if (alias.get("artifactCollection") or {}).get("name") == collection
        ]
        version, step, ttl = node.get("versionIndex"), node.get("historyStep"), node.get("ttlDurationSeconds")
        metadata = node.get("metadata")
        return cls(
            storage_id=str(node.get("id") or ""),
            collection=collection,
            type=str((node.get("artifactType") or {}).get("name") or ""),
            version=version if isinstance(version, int) else None,
            state=str(node.get("state") or ""),
            digest=str(node.get("digest") or ""),
            description=node.get("description"),
            metadata=metadata if isinstance(metadata, str) else json.dumps(metadata or {}),
            tags=tuple(str(tag["name"]) for tag in node.get("tags") or ()),
            aliases=tuple(alias for alias in aliases if alias != "latest" and not _is_version(alias)),
            history_step=step if isinstance(step, int) else None,
            ttl_seconds=ttl if isinstance(ttl, int) and ttl > 0 else None,
            created_by=str((node.get("createdBy") or {}).get("name") or ""),
        )

    @property
    def is_whole(self) -> bool:
        """Whether it can be published: committed, and logged by somebody rather than made by a server."""
        return self.state == "COMMITTED" and bool(self.digest) and not self.type.startswith(_SERVERS_OWN)

    @property
    def title(self) -> str:
        """Return how it is asked for."""
        return f"{self.collection}:v{self.version}"

    @property
    def order(self) -> tuple[str, int]:
        """Return where it comes among others: servers number the versions of a collection as they come."""
        return self.collection, self.version if self.version is not None else 2**62

    def client_id(self) -> str:
        """Return a name for it that is the same each time: a server knows by it what was begun before."""
        return hashlib.blake2b(f"{self.storage_id} {self.title} {self.digest}".encode()).hexdigest()


def creation_input(
    artifact: ArtifactFacts, entity: str, project: str, run: str | None, client_id: str
) -> dict[str, Any]:
    """Return the input of `CreateArtifact`, as the SDK fills it in."""
    return {
        "entityName": entity,
        "projectName": project,
        "runName": run,
        "artifactTypeName": artifact.type,
        "artifactCollectionName": artifact.collection,
        "aliases": [{"alias": alias, "artifactCollectionName": artifact.collection} for alias in artifact.aliases],
        "tags": [{"tagName": tag} for tag in artifact.tags],
        "clientID": client_id,
        "digest": artifact.digest,
        "digestAlgorithm": "MANIFEST_MD5",
        "description": artifact.description,
        "metadata": artifact.metadata,
        "historyStep": artifact.history_step,
        "ttlDurationSeconds": artifact.ttl_seconds,
        "enableDigestDeduplication": True,
    }


def uploads_of(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (path, digest) of the entries of a manifest whose bytes its server has: all but references."""
    contents = manifest.get("contents") or {}
    return [(path, str(entry.get("digest") or "")) for path, entry in contents.items() if not entry.get("ref")]


def moved_manifest(manifest: Mapping[str, Any], births: Mapping[str, str], moved: Mapping[str, str]) -> bytes:
    """Return the bytes of a manifest for another server.

    Args:
        manifest: As its server gave it.
        births: Ids there of the artifacts that brought the bytes of entries, by path.
        moved: Ids of versions there by their ids here: entries may refer to other artifacts.
    """
    made = copy.deepcopy(dict(manifest))
    for path, entry in (made.get("contents") or {}).items():
        if births.get(path):
            entry["birthArtifactID"] = births[path]
        ref = entry.get("ref")
        if isinstance(ref, str) and ref.startswith(_REFERENCE):
            identifier, slash, rest = ref.removeprefix(_REFERENCE).partition("/")
            there = moved.get(_id_of_hex(identifier))
            if there:
                entry["ref"] = f"{_REFERENCE}{_hex_of_id(there)}{slash}{rest}"
    return json.dumps(made, ensure_ascii=False).encode("utf-8", "replace")


def base64_md5(content: bytes) -> str:
    """Return an MD5 as servers take it."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def _is_version(alias: str) -> bool:
    return alias[:1] == "v" and alias[1:].isascii() and alias[1:].isdigit()


def _hex_of_id(identifier: str) -> str:
    """Return a storage id as references write it (SDK 0.31, `b64_to_hex_id`)."""
    try:
        return base64.standard_b64decode(identifier).hex()
    except ValueError:
        return identifier


def _id_of_hex(text: str) -> str:
    try:
        return base64.standard_b64encode(bytes.fromhex(text)).decode()
    except ValueError:
        return text
