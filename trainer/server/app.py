"""The HTTP side: routes and bounds. Who gets in is `gate`'s; what a request means is decided elsewhere."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from graphql import GraphQLError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from trainer.errors import StorageError
from trainer.records import Json
from trainer.server import faults, graphql, transfers, web_pages
from trainer.server.context import RequestContext, load_json
from trainer.server.documents import LONG_QUERY, DocumentCache, PreparedDocument
from trainer.server.early_stops import EarlyStops
from trainer.server.file_stream import dump_json, is_to_stop, parts_of, store_chunk
from trainer.server.gate import Gate
from trainer.server.listening import Listening
from trainer.server.scheduling import Scheduler
from trainer.server.security import FileSigner
from trainer.server.store import Store
from trainer.server.tables import runs

logger = logging.getLogger(__name__)
T = TypeVar("T")

MAX_GRAPHQL_BODY = 32 * 2**20
"""Bytes; `wandb verify` (SDK 0.31) sends 10 MB and expects an answer."""
MAX_STREAM_BODY = 256 * 2**20
"""Bytes; the SDK cuts its stream into requests of 10 MB, whatever a run logs and prints at once (0.31, measured)."""


@dataclass(slots=True)
class Server:
    """Everything that lives as long as the server."""

    store: Store
    key: str
    listening: Listening
    files_dir: Path
    scheduler: Scheduler = field(default_factory=Scheduler)
    early_stops: EarlyStops = field(default_factory=EarlyStops)
    last_request: float = field(default_factory=time.monotonic)
    """When the last request came, by the monotonic clock."""
    workers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(12, "request"))
    searchers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(8, "heartbeat"))
    """Heartbeats wait for searches and for one another: they get threads of their own."""
    streamers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(8, "stream"))
    """What runs log waits for no reader, however many queries there are and however long they take."""

    @property
    def signer(self) -> FileSigner:
        """Return what signs addresses of files."""
        return FileSigner(self.key)

    def note_request(self) -> None:
        """Take note that somebody needs the server."""
        self.last_request = time.monotonic()

    def context(self, base_url: str, writer: str | None = None) -> RequestContext:
        """Return the context of a request."""
        return RequestContext(
            self.store, self.scheduler, self.early_stops, self.signer, self.files_dir, base_url, writer
        )

    async def in_worker(self, work: Callable[[], T], pool: ThreadPoolExecutor | None = None) -> T:
        """Run blocking work in a thread and return its result.

        Raises:
            StorageError: If the disk failed at it.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(pool or self.workers, work)
        except (sqlite3.Error, OSError) as error:
            if (fault := self.store.faults.of(error)) is not None:
                raise fault from error
            raise

    def close(self) -> None:
        """Finish what is being written, and close the database."""
        self.workers.shutdown()
        self.searchers.shutdown()
        self.streamers.shutdown()
        self.store.close()


def create_app(server: Server) -> ASGIApp:
    """Return the ASGI application of a server."""
    schema = graphql.load_schema()
    documents = DocumentCache(schema)

    async def answer_graphql(request: Request) -> Response:
        try:
            body = await _json_body(request, MAX_GRAPHQL_BODY)
        except _BadBodyError as error:
            return _error(str(error), error.status)
        query, variables, operation = body.get("query"), body.get("variables"), body.get("operationName")
        variables = {} if variables is None else variables
        if not isinstance(query, str) or not isinstance(variables, dict):
            return _error("A GraphQL request needs `query`, a text, and may have `variables`, an object.", 400)
        name = operation if isinstance(operation, str) and operation else None
        try:
            prepared = await _prepared(server, documents, query)
            fitted = documents.fit_variables(prepared.operation(name), variables)
            is_heartbeat = "agentHeartbeat" in prepared.root_fields(name)
        except GraphQLError as error:
            return _error(error.message, 200)
        context = server.context(f"http://{request.headers['host']}", _writer(request, "x-wandb-client-id"))
        pool = server.searchers if is_heartbeat else server.workers
        reply = await server.in_worker(lambda: graphql.execute(schema, prepared, fitted, name, context), pool)
        return _json_response(reply.body, reply.status)

    async def file_stream(request: Request) -> Response:
        try:
            body = await _json_body(request, MAX_STREAM_BODY)
        except _BadBodyError as error:
            # A 4xx makes the SDK drop the rest of the run, so none is for what it may send: its rows travel as texts
            # inside well-formed JSON, far below the bound. What is neither was not sent by it.
            return _error(str(error), error.status)
        path = request.path_params
        writer = _writer(request, "x-wandb-async-client-id")
        stopped = await server.in_worker(
            lambda: _store_stream(server, path["entity"], path["project"], path["run"], body, writer), server.streamers
        )
        if stopped is None:
            return _error(f"There is no run {path['entity']}/{path['project']}/{path['run']}.", 404)
        return JSONResponse({"exitcode": None, "limits": {}, **({"stopped": True} if stopped else {})})

    async def health(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def telemetry(request: Request) -> Response:
        # 404 tells the SDK to send no telemetry (0.31).
        return PlainTextResponse("no telemetry here\n", 404)

    routes = [
        Route("/healthz", health),
        Route("/graphql", answer_graphql, methods=["POST"]),
        Route("/files/{entity}/{project}/{run}/file_stream", file_stream, methods=["POST"]),
        Route("/sdk/otel/{rest:path}", telemetry, methods=["GET", "POST"]),
        *transfers.routes(server),
        *web_pages.routes(server),
    ]
    inner = Starlette(routes=routes, exception_handlers={Exception: _fault, StorageError: _disk_fault})
    return Gate(inner, server.key, server.listening, server.note_request)


async def _prepared(server: Server, documents: DocumentCache, query: str) -> PreparedDocument:
    if len(query) > LONG_QUERY:
        return await server.in_worker(lambda: documents.prepare(query))
    return documents.prepare(query)


def _writer(request: Request, header: str) -> str | None:
    """Return who sends, where a run has several writers at once: they alone say so (SDK 0.31, `mode="shared"`)."""
    if request.headers.get("x-wandb-use-async-filestream") != "true":
        return None
    return request.headers.get(header, "")[:100] or None


def _store_stream(
    server: Server, entity: str, project: str, name: str, body: dict[str, Json], writer: str | None
) -> bool | None:
    """Store a chunk; return whether the run is to stop, or None if there is no such run."""

    def job(connection: sqlite3.Connection, part: dict[str, Json]) -> bool | None:
        run = runs.find_by_path(connection, entity, project, name)
        if run is None:
            return None
        store_chunk(connection, run, part, writer)
        return is_to_stop(connection, run)

    stopped: bool | None = None
    for part in parts_of(body):
        stopped = server.store.write(lambda connection, part=part: job(connection, part))  # type: ignore[misc]
        if stopped is None:
            return None
    return stopped


class _BadBodyError(Exception):
    """A request body that cannot be used."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


async def _json_body(request: Request, limit: int) -> dict[str, Json]:
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise _BadBodyError(f"The request is larger than {limit} bytes.", 413)
            parts.append(part)
    except ClientDisconnect as error:
        # Nobody may be left to read this; whoever is (a proxy) is to try again.
        raise _BadBodyError("The request ended early.", 503) from error
    raw = b"".join(parts)
    parts.clear()
    try:
        if request.headers.get("content-encoding", "").lower() == "gzip":
            raw = _unzipped(raw, limit)
        text = raw.decode(json.detect_encoding(raw), "surrogatepass")
        del raw  # bytes, text and values of 10 MB at once are more than the server otherwise needs
        body = load_json(text)
    except (ValueError, OSError, EOFError, zlib.error, RecursionError) as error:
        raise _BadBodyError(f"The request is not JSON: {error}", 400) from error
    if not isinstance(body, dict):
        raise _BadBodyError("The request is not a JSON object.", 400)
    return body


def _unzipped(raw: bytes, limit: int) -> bytes:
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    plain = inflater.decompress(raw, limit + 1)
    if len(plain) > limit:
        raise _BadBodyError(f"The request is larger than {limit} bytes.", 413)
    return plain


def _json_response(body: dict[str, object], status: int) -> Response:
    try:
        return JSONResponse(body, status)
    except ValueError:  # NaN, an infinity, or half a surrogate pair: JSON has none of them
        return Response(dump_json(body), status, media_type="application/json")  # type: ignore[arg-type]


def _error(message: str, status: int) -> JSONResponse:
    return JSONResponse({"errors": [{"message": message}], "data": None}, status)


async def _fault(request: Request, error: Exception) -> Response:
    # The request boundary: a fault of ours is logged with its traceback and must not show its inside.
    logger.error("%s %s failed", request.method, request.scope["path"], exc_info=error)
    return _error("The server failed at this request; its log says more.", 500)


async def _disk_fault(request: Request, error: Exception) -> Response:
    # Written to the log where it was noticed, once for all the requests that meet it.
    return _error(str(error), faults.STATUS)
