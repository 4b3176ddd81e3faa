"""What hangs on a run, over W&B's wire protocol: system metrics, files, artifacts, origin. Part of `WandbClient`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from trainer.errors import NotFoundError, ServerError, ServerLostError
from trainer.records import HistoryPoint
from trainer.run_contents import RunArtifact, RunFile, RunOrigin
from trainer.settings import Connection, ServerKind
from trainer.tracking import content_documents as documents
from trainer.tracking.exchange import bits_of
from trainer.tracking.rate_budget import asked_wait
from trainer.tracking.transport import BasicAuth, GraphQLTransport
from trainer.wire_contents import origin_of_metadata, run_artifact, run_file, run_origin, system_points

SYSTEM_ROWS = 500
"""Rows of system metrics read of a run: a terminal has fewer columns."""
MAX_FILES = 5_000
"""Files of a run or an artifact that are listed."""
METADATA = "wandb-metadata.json"
_PER_PAGE = 500
_CHUNK = 64 * 1024


class RunContents:
    """System metrics, files, artifacts, origin."""

    connection: Connection
    _transport: GraphQLTransport

    def _run_node(
        self, document: str, entity: str, project: str, run_id: str, variables: Mapping[str, Any]
    ) -> dict[str, Any]:
        raise NotImplementedError

    def read_system(self, entity: str, project: str, run_id: str, *, samples: int = SYSTEM_ROWS) -> list[HistoryPoint]:
        """Return up to `samples` rows of a run's system metrics, oldest first (SDK 0.31: `stream="system"`)."""
        node = self._run_node(documents.RUN_EVENTS, entity, project, run_id, {"samples": samples})
        return system_points(node.get("events") or ())

    def read_files(self, entity: str, project: str, run_id: str, names: Sequence[str] = ()) -> list[RunFile]:
        """Return the files of a run whose bytes arrived, `MAX_FILES` at most; of `names` only, where some are given."""
        found: list[RunFile] = []
        cursor = None
        while len(found) < MAX_FILES:
            page = {"names": list(names), "cursor": cursor, "perPage": _PER_PAGE}
            files = self._run_node(documents.RUN_FILES, entity, project, run_id, page).get("files") or {}
            edges = files.get("edges") or []
            # A file that was asked for by its name and is not there is answered without a time.
            found += [run_file(edge["node"]) for edge in edges if edge["node"].get("updatedAt")]
            info = files.get("pageInfo") or {}
            cursor = info.get("endCursor") or (edges[-1].get("cursor") if edges else None)
            if not info.get("hasNextPage") or not cursor:
                break
        return found[:MAX_FILES]

    def read_artifacts(self, entity: str, project: str, run_id: str) -> list[RunArtifact]:
        """Return the artifacts that a run logged, then those that it used."""
        found: list[RunArtifact] = []
        for field, is_used in (("outputArtifacts", False), ("inputArtifacts", True)):
            cursor = None
            while len(found) < MAX_FILES:
                page = {"cursor": cursor, "perPage": 100}
                node = self._run_node(documents.run_artifacts(field), entity, project, run_id, page)
                artifacts = node.get("artifacts") or {}
                found += [run_artifact(edge["node"], is_used=is_used) for edge in artifacts.get("edges") or ()]
                info = artifacts.get("pageInfo") or {}
                cursor = info.get("endCursor")
                if not info.get("hasNextPage") or not cursor:
                    break
        return found

    def read_artifact_files(self, entity: str, project: str, artifact: RunArtifact) -> list[RunFile]:
        """Return the files of an artifact, `MAX_FILES` at most; references too."""
        variables = {
            "entity": artifact.entity or entity, "project": artifact.project or project,
            "collection": artifact.collection, "alias": artifact.version or "latest",
            "perPage": _PER_PAGE, "cursor": None,
        }  # fmt: skip
        found: list[RunFile] = []
        while len(found) < MAX_FILES:
            data = self._transport.execute(documents.ARTIFACT_FILES, variables).get("project") or {}
            member = (data.get("artifactCollection") or {}).get("artifactMembership")
            if not member:
                raise NotFoundError(f"There is no artifact {artifact.name} any more.", hint="Somebody deleted it.")
            files = member.get("files") or {}
            found += [run_file(edge["node"]) for edge in files.get("edges") or ()]
            info = files.get("pageInfo") or {}
            variables["cursor"] = info.get("endCursor")
            if not info.get("hasNextPage") or not variables["cursor"]:
                break
        return found[:MAX_FILES]

    def read_origin(self, entity: str, project: str, run_id: str) -> RunOrigin:
        """Return where a run comes from; what its SDK did not put into the configuration is read from its file."""
        is_embedded = self.connection.kind is ServerKind.EMBEDDED
        origin = run_origin(self._run_node(documents.run_origin(is_embedded=is_embedded), entity, project, run_id, {}))
        if origin.executable:
            return origin
        # SDKs before 0.19 told it in this file only.
        for file in self.read_files(entity, project, run_id, [METADATA]):
            try:
                told = json.loads(b"".join(self.stream_file(file)))
            except (ValueError, ServerError):
                continue
            if isinstance(told, dict):
                older = origin_of_metadata(
                    told, python=origin.python, wandb_version=origin.wandb_version, host=origin.host,
                    program=origin.program, commit=origin.git_commit,
                )  # fmt: skip
                return replace(older, agent=origin.agent, exit_code=origin.exit_code)
        return origin

    def stream_file(self, file: RunFile) -> Iterator[bytes]:
        """Yield the bytes of a file as they arrive.

        Raises:
            NotFoundError: If its bytes are not here, or its address is no longer good.
            ServerBusyError: If it asks to be left alone for longer than there is patience.
            ServerLostError: If the server does not answer, or stops in the middle.
        """
        if file.is_reference or not file.url:
            where = file.url or "nowhere"
            raise NotFoundError(f"{file.name} is a reference: its bytes are at {where}.", hint="Fetch it from there.")
        own = urlsplit(file.url).netloc == urlsplit(self.connection.base_url).netloc
        with requests.Session() as session:
            # The key goes to the server that it is for; storage elsewhere has signed addresses (as in SDK 0.31).
            session.auth = BasicAuth(self.connection.api_key) if own else None
            session.trust_env = self.connection.kind is not ServerKind.EMBEDDED
            if own:
                self._transport.await_turn(f"fetch {file.name}")
            yield from self._stream(session, file, own=own)

    def _stream(self, session: requests.Session, file: RunFile, *, own: bool) -> Iterator[bytes]:
        try:
            with self._transport.exchanges.opened(session, file.url, (5, 15)) as answer:
                if answer.status_code in (403, 404, 410):
                    raise NotFoundError(
                        f"{file.name} is not to be had (HTTP {answer.status_code}).", hint="r lists the files anew."
                    )
                if answer.status_code == 429 and own:
                    self._transport.gate.refused(asked_wait(answer.headers))
                elif answer.status_code >= 400:
                    raise ServerError(f"{self.connection.label} refused {file.name} (HTTP {answer.status_code}).")
                else:
                    yield from bits_of(answer, _CHUNK)
                    return
        except (requests.RequestException, HTTPError) as error:
            raise ServerLostError(f"{file.name} stopped arriving from {self.connection.label}.") from error
        self._transport.await_turn(f"fetch {file.name}")
        yield from self._stream(session, file, own=own)
