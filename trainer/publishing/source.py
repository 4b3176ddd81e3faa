"""Reads a sweep for publishing: every line and byte of it, as its server gives them. Changes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import IO, Any

from trainer.errors import NotFoundError
from trainer.publishing import documents
from trainer.publishing.artifact_facts import ArtifactFacts
from trainer.publishing.lines import console_text
from trainer.publishing.link import Link
from trainer.publishing.run_facts import RunFacts, StoredFile
from trainer.records import SweepReference
from trainer.tracking.documents import CONSOLE_PAGE, HISTORY_PAGE

_STEPS = 1_000
"""Steps of one page of a history: as many as rows are asked for, so that none is left out."""
_CONSOLE_LINES = 2_000
_EVER = 2**62
_CLIENT_ID = re.compile(r"wandb-client-artifact://([^/:\"\\]+)")


class Source:
    """The sweep that is published."""

    def __init__(self, link: Link, reference: SweepReference) -> None:
        self.link = link
        self.reference = reference
        self._place = {"entity": reference.entity, "project": reference.project}

    def sweep_texts(self) -> dict[str, str | None]:
        """Return configuration (as text), display name and description of the sweep."""
        found = self.link.ask(documents.READ_SWEEP_TEXT, name=self.reference.id, **self._place)
        sweep = (found.get("project") or {}).get("sweep")
        if not sweep:
            raise NotFoundError(f"{self.link.connection.label} has no sweep {self.reference}.", hint="Check its name.")
        return {name: sweep.get(name) for name in ("config", "displayName", "description")}

    def run(self, name: str) -> RunFacts:
        """Return a run."""
        document = documents.run(is_embedded=self.link.is_embedded)
        return RunFacts.of(self._run_node(document, name))

    def files(self, name: str) -> list[StoredFile]:
        """Return the files of a run whose bytes are there."""
        nodes = self.link.pages(documents.RUN_FILES, ("project", "run", "files"), name=name, **self._place)
        return [_file(node) for node in nodes if node.get("updatedAt") and node.get("directUrl")]

    def history(self, run: RunFacts, after: int) -> Iterator[tuple[int, str]]:
        """Yield the rows of a run's history that follow the first `after`, numbered from 0."""
        if after < run.history_lines:
            for number, text in enumerate(self._rows(run)):
                if number >= after:
                    yield number, text

    def _rows(self, run: RunFacts) -> Iterator[str]:
        low, left = 0, run.history_lines
        while left > 0 and (run.last_step is None or low <= run.last_step):
            rows = self._page(run.name, low, low + _STEPS, _STEPS)
            if not rows:
                next_row = self._page(run.name, low, _EVER, 1) if self.link.is_embedded else []
                step = _step(next_row[0]) if next_row else None
                if step is None and (self.link.is_embedded or run.last_step is None):
                    return
                low = step if step is not None else low + _STEPS
                continue
            yield from rows[:left]
            left -= len(rows)
            low += _STEPS

    def _page(self, name: str, low: int, end: int, size: int) -> list[str]:
        page = {"minStep": low, "maxStep": end, "pageSize": size}
        rows = self._run_node(HISTORY_PAGE, name, **page).get("history") or []
        return [row if isinstance(row, str) else json.dumps(row) for row in rows]

    def events(self, run: RunFacts, after: int) -> Iterator[tuple[int, str]]:
        """Yield the rows of a run's system metrics that follow the first `after`, numbered from 0."""
        if after < run.events_lines:
            rows = self._run_node(documents.RUN_EVENTS, run.name, samples=run.events_lines).get("events") or []
            for number, row in enumerate(rows):
                if number >= after:
                    yield number, row if isinstance(row, str) else json.dumps(row)

    def console(self, run: RunFacts, after: int) -> Iterator[tuple[int, str]]:
        """Yield the lines that a run printed from number `after` on."""
        cursor: str | None = None
        number = -1
        while after < run.console_lines:
            found = self._run_node(CONSOLE_PAGE, run.name, first=_CONSOLE_LINES, after=cursor).get("logLines") or {}
            edges = found.get("edges") or []
            for edge in edges:
                told = edge["node"].get("number")
                number = told if isinstance(told, int) else number + 1
                if number >= after:
                    yield number, console_text(edge["node"])
            info = found.get("pageInfo") or {}
            if not edges or not info.get("hasNextPage") or info.get("endCursor") in (None, cursor):
                return
            cursor = info["endCursor"]

    def artifacts(self, name: str, *, is_used: bool) -> list[ArtifactFacts]:
        """Return the versions of artifacts that a run logged, or (`is_used`) those that it read."""
        document = documents.run_artifacts("inputArtifacts" if is_used else "outputArtifacts")
        nodes = self.link.pages(document, ("project", "run", "artifacts"), name=name, **self._place)
        return [facts for node in nodes if (facts := ArtifactFacts.of(node)).is_whole]

    def manifest(self, artifact: ArtifactFacts, into: IO[bytes]) -> dict[str, Any]:
        """Return what a version lists, as it stands in its manifest."""
        found = self.link.ask(documents.MANIFEST, id=artifact.storage_id).get("artifact") or {}
        url = ((found.get("currentManifest") or {}).get("file") or {}).get("directUrl")
        if not url:
            raise NotFoundError(f"The artifact {artifact.title} has no manifest any more.", hint="Somebody deleted it.")
        self.link.download(url, artifact.title, into)
        into.seek(0)
        manifest = json.loads(into.read())
        return manifest if isinstance(manifest, dict) else {}

    def artifact_files(self, artifact: ArtifactFacts, names: list[str]) -> dict[str, StoredFile]:
        """Return files of a version by their names."""
        found = self.link.ask(documents.ARTIFACT_FILES, id=artifact.storage_id, names=names, perPage=len(names))
        edges = ((found.get("artifact") or {}).get("files") or {}).get("edges") or []
        return {file.name: file for edge in edges if (file := _file(edge["node"])).url}

    def client_ids(self, name: str) -> dict[str, str]:
        """Return the names that a run's program gave artifacts, by the storage id of each: its rows refer to them."""
        run = self.run(name)
        told = set(_CLIENT_ID.findall(run.summary))
        for _, row in self.history(run, 0):
            if "wandb-client-artifact" in row:
                told.update(_CLIENT_ID.findall(row))
        found = {}
        for client_id in sorted(told):
            mapping = self.link.ask(documents.CLIENT_ID, clientID=client_id).get("clientIDMapping") or {}
            if mapping.get("serverID"):
                found[str(mapping["serverID"])] = client_id
        return found

    def _run_node(self, document: str, name: str, **variables: Any) -> Mapping[str, Any]:
        found = self.link.ask(document, name=name, **self._place, **variables)
        run = (found.get("project") or {}).get("run")
        if not run:
            raise NotFoundError(f"The run {name} of {self.reference} is gone.", hint="Somebody deleted it; try again.")
        return dict(run)


def _file(node: Mapping[str, Any]) -> StoredFile:
    size = node.get("sizeBytes")
    size = int(size) if isinstance(size, int | str) and str(size).isdigit() else 0
    return StoredFile(str(node.get("name")), size, str(node.get("md5") or ""), str(node.get("directUrl") or ""))


def _step(row: str) -> int | None:
    try:
        step = json.loads(row).get("_step")
    except (ValueError, AttributeError):
        return None
    return step if isinstance(step, int) else None
