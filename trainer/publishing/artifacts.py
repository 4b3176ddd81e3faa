"""Publishes versions of artifacts, in their order; what is there already, by its digest, is only given its aliases."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext

from trainer.errors import ServerError
from trainer.publishing import documents
from trainer.publishing.artifact_facts import ArtifactFacts, base64_md5, creation_input, moved_manifest, uploads_of
from trainer.publishing.runs import FILES_PER_REQUEST
from trainer.publishing.source import Source
from trainer.publishing.target import Target
from trainer.publishing.transfer import IN_MEMORY, transfer

_MANIFEST = "wandb_manifest.json"


class ArtifactPublisher:
    """Publishes what the runs of a sweep logged and read."""

    def __init__(
        self, source: Source, target: Target, names: Mapping[str, str], on_bytes: Callable[[int], object]
    ) -> None:
        """Remember both servers.

        Args:
            source: Where the versions are.
            target: Where they go.
            names: Ids of runs there by their ids here.
            on_bytes: Is told of bytes that were sent.
        """
        self._source = source
        self._target = target
        self._names = names
        self._on_bytes = on_bytes
        self._there: dict[tuple[str, str], dict[str, ArtifactFacts]] = {}
        self._client_ids: dict[str, dict[str, str]] = {}
        self._moved: dict[str, str] = {}
        """Ids of versions there by their ids here."""
        self.renumbered: list[tuple[str, str]] = []
        """Versions that have another number there: other runs logged into the same collection."""

    def wanted(self) -> Iterator[tuple[str, ArtifactFacts, bool]]:
        """Yield (run here, version, whether the run read it) of everything that the runs logged and read."""
        for run in self._names:
            for is_used in (False, True):
                for artifact in self._source.artifacts(run, is_used=is_used):
                    yield run, artifact, is_used

    def publish_all(self) -> tuple[int, int]:
        """Publish everything; return how many versions were sent, and how many were there."""
        found = list(self.wanted())
        versions = {artifact.storage_id: artifact for _, artifact, _ in found}
        sent = 0
        for artifact in sorted(versions.values(), key=lambda artifact: artifact.order):
            sent += self._publish(artifact)
        for run in dict.fromkeys(run for run, _, is_used in found if is_used):
            known = self._target.used(self._names[run])
            for _, artifact, _ in (entry for entry in found if entry[0] == run and entry[2]):
                there = self._moved[artifact.storage_id]
                if there not in known:
                    self._target.use(self._names[run], there)
        return sent, len(versions) - sent

    def _publish(self, artifact: ArtifactFacts) -> bool:
        """Publish a version; return whether it had to be sent."""
        place = (artifact.collection, artifact.type)
        if place not in self._there:
            self._there[place] = self._target.versions(*place)
        there = self._there[place].get(artifact.digest)
        if there is not None:
            self._moved[artifact.storage_id] = there.storage_id
            self._add_aliases(artifact, there)
            self._note_number(artifact, there.version)
            return False
        target = self._target
        run = self._names.get(artifact.created_by)
        given = creation_input(artifact, target.entity, target.project, run, self._client_id(artifact))
        made = (target.link.ask(documents.CREATE_ARTIFACT, input=given).get("createArtifact") or {}).get("artifact")
        if not made or not made.get("id"):
            raise ServerError(f"{target.link.connection.label} did not make the artifact {artifact.title}.")
        version = made.get("versionIndex")
        if made.get("state") != "COMMITTED":
            version = self._send(artifact, str(made["id"]), run)
        self._moved[artifact.storage_id] = str(made["id"])
        self._note_number(artifact, version)
        return True

    def _send(self, artifact: ArtifactFacts, artifact_id: str, run: str | None) -> int | None:
        """Send the bytes of a version and commit it; return its number."""
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as spool:
            manifest = self._source.manifest(artifact, spool)
        manifest_id = self._announce_manifest(artifact_id, run, "")["id"]
        births: dict[str, str] = {}
        entries = uploads_of(manifest)
        for start in range(0, len(entries), FILES_PER_REQUEST):
            births |= self._send_files(artifact, artifact_id, manifest_id, entries[start : start + FILES_PER_REQUEST])
        content = moved_manifest(manifest, births, self._moved)
        file = self._announce_manifest(artifact_id, run, base64_md5(content))["file"]
        headers = [str(header) for header in file.get("uploadHeaders") or ()]
        self._target.link.upload(str(file["uploadUrl"]), headers, artifact.title, lambda: nullcontext(content))
        data = self._target.link.ask(documents.COMMIT_ARTIFACT, artifactID=artifact_id)
        version = ((data.get("commitArtifact") or {}).get("artifact") or {}).get("versionIndex")
        return version if isinstance(version, int) else None

    def _announce_manifest(self, artifact_id: str, run: str | None, digest: str) -> dict[str, dict[str, str]]:
        target = self._target
        data = target.link.ask(
            documents.CREATE_MANIFEST, artifactID=artifact_id, name=_MANIFEST, digest=digest,
            entityName=target.entity, projectName=target.project, runName=run or "", manifestType="FULL",
            includeUpload=bool(digest),
        )  # fmt: skip
        return dict((data.get("createArtifactManifest") or {}).get("artifactManifest") or {})

    def _send_files(
        self, artifact: ArtifactFacts, artifact_id: str, manifest_id: object, entries: list[tuple[str, str]]
    ) -> dict[str, str]:
        """Send files of a version; return the ids of the artifacts that brought them, by path."""
        specs = [
            {"artifactID": artifact_id, "artifactManifestID": manifest_id, "name": path, "md5": digest}
            for path, digest in entries
        ]
        given = {"artifactFiles": specs, "storageLayout": "V2"}
        data = self._target.link.ask(documents.CREATE_ARTIFACT_FILES, input=given).get("createArtifactFiles") or {}
        nodes = [edge["node"] for edge in (data.get("files") or {}).get("edges") or ()]
        if len(nodes) != len(entries):
            raise ServerError(f"{self._target.link.connection.label} did not take the files of {artifact.title}.")
        here = self._source.artifact_files(artifact, [path for path, _ in entries])
        births = {}
        # Answers come in the order of what was asked (SDK 0.31 relies on it).
        for (path, _), node in zip(entries, nodes, strict=True):
            births[path] = str((node.get("artifact") or {}).get("id") or artifact_id)
            if not node.get("uploadUrl"):
                continue
            if path not in here:
                raise ServerError(f"{path} of the artifact {artifact.title} is not on its server any more.")
            headers = [str(header) for header in node.get("uploadHeaders") or ()]
            url = str(node["uploadUrl"])
            transfer(self._source.link, here[path], self._target.link, url, headers, self._on_bytes)
        return births

    def _add_aliases(self, artifact: ArtifactFacts, there: ArtifactFacts) -> None:
        missing = [alias for alias in artifact.aliases if alias not in there.aliases]
        if not missing:
            return
        target = self._target
        aliases = [
            {
                "alias": alias, "artifactCollectionName": artifact.collection,
                "entityName": target.entity, "projectName": target.project,
            }
            for alias in missing
        ]  # fmt: skip
        target.link.ask(documents.ADD_ALIASES, input={"artifactID": there.storage_id, "aliases": aliases})

    def _client_id(self, artifact: ArtifactFacts) -> str:
        """Return the name that the version's program gave it, as rows refer to tables; else one of our own."""
        run = artifact.created_by
        if run in self._names and run not in self._client_ids:
            self._client_ids[run] = self._source.client_ids(run)
        return self._client_ids.get(run, {}).get(artifact.storage_id) or artifact.client_id()

    def _note_number(self, artifact: ArtifactFacts, version: int | None) -> None:
        if version is not None and version != artifact.version:
            self.renumbered.append((artifact.title, f"{artifact.collection}:v{version}"))
