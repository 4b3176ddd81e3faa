"""The server that a sweep is published to: what is there, and writing what is not. Knows nothing of a source."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trainer.errors import NotFoundError, ServerError
from trainer.publishing import documents
from trainer.publishing.artifact_facts import ArtifactFacts
from trainer.publishing.lines import chunks
from trainer.publishing.link import Link
from trainer.publishing.run_facts import RunFacts, StoredFile
from trainer.records import Json, SweepRecord, SweepReference
from trainer.states import SweepState
from trainer.tracking.documents import SET_SWEEP_STATE, STOP_RUN, UPSERT_SWEEP
from trainer.tracking.wandb_client import WandbClient
from trainer.wire import sweep_config

_NAMES_PER_REQUEST = 100
HISTORY, EVENTS, CONSOLE, SUMMARY = "wandb-history.jsonl", "wandb-events.jsonl", "output.log", "wandb-summary.json"


class Target:
    """A project of a server."""

    def __init__(self, link: Link, entity: str, project: str) -> None:
        self.link = link
        self.entity = entity
        self.project = project
        self._place = {"entity": entity, "project": project}
        self._client = WandbClient(link.connection, timeout_seconds=60)

    def reference(self, sweep_id: str) -> SweepReference:
        """Return the reference of a sweep of the project."""
        return SweepReference(self.entity, self.project, sweep_id)

    # Sweeps

    def sweep(self, sweep_id: str) -> SweepRecord | None:
        """Return a sweep of the project; None if it is not there."""
        try:
            return self.link.patience.call(lambda: self._client.read_sweep(self.reference(sweep_id)))
        except NotFoundError:
            return None

    def empty_sweep(self, texts: Mapping[str, str | None]) -> SweepRecord | None:
        """Return the oldest sweep without runs that has a configuration and a name; None if there is none."""
        try:
            sweeps = self._client.list_sweeps(self.project, None, entity=self.entity)
        except NotFoundError:
            return None
        wanted = json.dumps(sweep_config(texts["config"]), sort_keys=True)
        name = texts["displayName"] or sweep_config(texts["config"]).get("name")
        alike = [
            sweep
            for sweep in sweeps
            if not sweep.run_count
            and json.dumps(sweep.config, sort_keys=True) == wanted
            and (not name or sweep.name == name)
        ]
        return alike[-1] if alike else None

    def made_sweep(self, texts: Mapping[str, str | None]) -> SweepReference:
        """Return a sweep without runs that has a configuration and a name; it is made where there is none."""

        def work() -> SweepReference:
            # Looked for each time: the answer to what made it may have been lost.
            if (found := self.empty_sweep(texts)) is not None:
                return found.reference
            variables = {
                "id": None, "config": texts["config"], "description": texts["description"],
                "displayName": texts["displayName"], "entityName": self.entity, "projectName": self.project,
                "controller": None, "launchScheduler": None, "templateVariableValues": "null", "scheduler": None,
                "priorRunsFilters": None, "state": None,
            }  # fmt: skip
            sweep = (self.link.ask_once(UPSERT_SWEEP, **variables).get("upsertSweep") or {}).get("sweep") or {}
            if not sweep.get("name"):
                raise ServerError(f"{self.link.connection.label} did not say which sweep it created.")
            return self.reference(str(sweep["name"]))

        return self.link.patience.call(work)

    def set_sweep_state(self, sweep_id: str, wanted: SweepState) -> None:
        """Bring a sweep into a state, by the ways that there are."""
        sweep = self.sweep(sweep_id)
        if sweep is None:
            raise NotFoundError(f"The sweep {self.reference(sweep_id)} is gone.", hint="Publish it again.")
        node = self.link.ask(documents.SWEEP_ID, name=sweep_id, **self._place)
        storage_id = ((node.get("project") or {}).get("sweep") or {}).get("id")
        for state in state_steps(sweep.state, wanted):
            self.link.ask(
                SET_SWEEP_STATE, id=storage_id, state=state.value, entityName=self.entity, projectName=self.project
            )

    # Runs

    def runs(self, names: Sequence[str]) -> dict[str, RunFacts]:
        """Return those of some runs that are there, by their names."""
        found: dict[str, RunFacts] = {}
        for start in range(0, len(names), _NAMES_PER_REQUEST):
            part = list(names[start : start + _NAMES_PER_REQUEST])
            filters = json.dumps({"name": {"$in": part}})
            try:
                answer = self.link.ask(documents.RUNS, filters=filters, perPage=len(part), **self._place)
            except NotFoundError:
                return found
            edges = ((answer.get("project") or {}).get("runs") or {}).get("edges") or []
            found |= {facts.name: facts for edge in edges if (facts := RunFacts.of(edge["node"])).name in part}
        return found

    def begin_run(self, name: str, sweep_id: str, run: RunFacts, config: Mapping[str, Any]) -> str:
        """Make a run; return its storage id."""
        return self._upsert(None, name, sweep_id, run, config)

    def change_run(self, storage_id: str, sweep_id: str, run: RunFacts, config: Mapping[str, Any]) -> None:
        """Give a run that is there attributes and configuration; its state stays."""
        self._upsert(storage_id, None, sweep_id, run, config)

    def reopen_run(self, name: str) -> None:
        """Let a run that has ended go on, as a program does that resumes it."""
        found = self.link.ask(documents.RUN_RESUME, name=name, **self._place)
        bucket = (found.get("model") or {}).get("bucket") or {}
        self.link.ask(documents.UPSERT_RUN, id=bucket.get("id"), name=name, **self._place)

    def _upsert(
        self, storage_id: str | None, name: str | None, sweep_id: str, run: RunFacts, config: Mapping[str, Any]
    ) -> str:
        texts = {key: text for key, text in run.texts.items() if text is not None}
        place = {} if name is None else self._place
        data = self.link.ask(
            documents.UPSERT_RUN, id=storage_id, name=name, sweep=sweep_id, tags=list(run.tags),
            config=json.dumps(config), **texts, **place,
        )  # fmt: skip
        bucket = (data.get("upsertBucket") or {}).get("bucket") or {}
        if not bucket.get("id"):
            raise ServerError(f"{self.link.connection.label} did not say that it made the run {run.name}.")
        return str(bucket["id"])

    def send_lines(self, name: str, file: str, lines: Iterable[tuple[int, str]]) -> int:
        """Send numbered lines of a run's stream; return how many characters they had."""
        size = 0
        for first, part in chunks(lines):
            self.stream(name, {"files": {file: {"offset": first, "content": list[Json](part)}}})
            size += sum(len(text) for text in part)
        return size

    def stream(self, name: str, body: Mapping[str, Json]) -> None:
        """Send one request of a run's stream."""
        self.link.stream(self.entity, self.project, name, body)

    def stop_run(self, storage_id: str) -> None:
        """Ask a run to end, without which its end would be called a failure."""
        self.link.ask(STOP_RUN, id=storage_id)

    # Files

    def files(self, name: str) -> list[StoredFile]:
        """Return the files of a run whose bytes are there."""
        nodes = self.link.pages(documents.RUN_FILES, ("project", "run", "files"), name=name, **self._place)
        return [
            StoredFile(str(node.get("name")), int(node.get("sizeBytes") or 0), str(node.get("md5") or ""))
            for node in nodes
            if node.get("updatedAt")
        ]

    def announce_files(self, name: str, files: Sequence[str]) -> tuple[dict[str, str], list[str]]:
        """Return where to put files of a run, by their names, and the headers to put them with."""
        data = self.link.ask(documents.CREATE_RUN_FILES, run=name, files=list(files), **self._place)
        found = data.get("createRunFiles") or {}
        urls = {str(file["name"]): str(file["uploadUrl"]) for file in found.get("files") or () if file.get("uploadUrl")}
        return urls, [str(header) for header in found.get("uploadHeaders") or ()]

    # Artifacts

    def versions(self, collection: str, kind: str) -> dict[str, ArtifactFacts]:
        """Return the committed versions of a collection by their digests."""
        path = ("project", "artifactType", "artifactCollection", "artifacts")
        try:
            nodes = list(self.link.pages(documents.COLLECTION, path, name=collection, type=kind, **self._place))
        except NotFoundError:
            return {}
        facts = [ArtifactFacts.of(node) for node in nodes]
        return {found.digest: found for found in facts if found.state == "COMMITTED"}

    def used(self, name: str) -> set[str]:
        """Return the storage ids of the versions that a run read."""
        path = ("project", "run", "artifacts")
        document = documents.run_artifacts("inputArtifacts")
        return {str(node.get("id")) for node in self.link.pages(document, path, name=name, **self._place)}

    def use(self, name: str, artifact_id: str) -> None:
        """Note that a run read a version."""
        given = {"artifactID": artifact_id, "entityName": self.entity, "projectName": self.project, "runName": name}
        self.link.ask(documents.USE_ARTIFACT, input=given)


def state_steps(current: SweepState, wanted: SweepState) -> list[SweepState]:
    """Return the states that a sweep has to go through: what is over must be resumed, what pauses must have run."""
    if current is wanted or wanted is SweepState.PENDING:
        return []
    if wanted is SweepState.PAUSED and current is not SweepState.RUNNING:
        return [SweepState.RUNNING, SweepState.PAUSED]
    if wanted.is_terminal and current.is_terminal:
        return [SweepState.RUNNING, wanted]
    return [wanted]
