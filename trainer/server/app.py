"""The HTTP side: routes and bounds. Who gets in is `gate`'s; what a request means is decided elsewhere."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from graphql import GraphQLError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from trainer.errors import StorageError
from trainer.records import Json
from trainer.server import faults, graphql, transfers, web_pages
from trainer.server.context import RequestContext
from trainer.server.documents import LONG_QUERY, DocumentCache, PreparedDocument
from trainer.server.early_stops import EarlyStops
from trainer.server.file_stream import dump_json, is_to_stop, parts_of, store_chunk
from trainer.server.gate import Gate, error_response
from trainer.server.intake import MAX_GRAPHQL_BODY, MAX_STREAM_BODY, BadBodyError, Intake
from trainer.server.listening import Listening
from trainer.server.scheduling import Scheduler
from trainer.server.security import FileSigner
from trainer.server.store import Store
from trainer.server.tables import runs

logger = logging.getLogger(__name__)
T = TypeVar("T")


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
            if (fault := self.store.fault_of(error)) is not None:
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
    intake = Intake()

    async def health(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def telemetry(request: Request) -> Response:
        # 404 tells the SDK to send no telemetry (0.31).
        return PlainTextResponse("no telemetry here\n", 404)

    routes = [
        Route("/healthz", health),
        _graphql_route(server, intake),
        _stream_route(server, intake),
        Route("/sdk/otel/{rest:path}", telemetry, methods=["GET", "POST"]),
        *transfers.routes(server),
        *web_pages.routes(server),
    ]
    inner = Starlette(routes=routes, exception_handlers={Exception: _fault, StorageError: _disk_fault})
    return Gate(inner, server.key, server.listening, server.note_request)


def _graphql_route(server: Server, intake: Intake) -> Route:
    schema = graphql.load_schema()
    documents = DocumentCache(schema)

    async def answer_graphql(request: Request) -> Response:
        try:
            async with intake.body(request, MAX_GRAPHQL_BODY, server.in_worker) as body:
                return await answer_query(request, body)
        except BadBodyError as error:
            return error_response(str(error), error.status)
        except GraphQLError as error:
            return error_response(error.message, 200)

    async def answer_query(request: Request, body: dict[str, Json]) -> Response:
        query, given, operation = body.get("query"), body.get("variables"), body.get("operationName")
        variables = {} if given is None else given
        if not isinstance(query, str) or not isinstance(variables, dict):
            return error_response("A GraphQL request needs `query`, a text, and may have `variables`, an object.", 400)
        name = operation if isinstance(operation, str) and operation else None
        prepared = await _prepared(server, documents, query)
        is_heartbeat = "agentHeartbeat" in prepared.root_fields(name)
        context = server.context(f"http://{request.headers['host']}", _writer(request, "x-wandb-client-id"))

        def answer() -> Response:
            fitted = documents.fit_variables(prepared.operation(name), variables)
            reply = graphql.execute(schema, prepared, fitted, name, context)
            return _json_response(reply.body, reply.status)

        return await server.in_worker(answer, server.searchers if is_heartbeat else server.workers)

    return Route("/graphql", answer_graphql, methods=["POST"])


def _stream_route(server: Server, intake: Intake) -> Route:
    async def file_stream(request: Request) -> Response:
        path = request.path_params
        address = (path["entity"], path["project"], path["run"])
        writer = _writer(request, "x-wandb-async-client-id")
        try:
            async with intake.body(request, MAX_STREAM_BODY, server.in_worker) as body:
                stopped = await server.in_worker(
                    lambda: _store_stream(server, *address, body, writer), server.streamers
                )
        except BadBodyError as error:
            # A 4xx makes the SDK drop the rest of the run, so none is for what it may send: its rows travel as texts
            # inside well-formed JSON, far below the bound. What is neither was not sent by it.
            return error_response(str(error), error.status)
        if stopped is None:
            return error_response(f"There is no run {'/'.join(address)}.", 404)
        return JSONResponse({"exitcode": None, "limits": {}, **({"stopped": True} if stopped else {})})

    return Route("/files/{entity}/{project}/{run}/file_stream", file_stream, methods=["POST"])


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


def _json_response(body: dict[str, object], status: int) -> Response:
    try:
        return JSONResponse(body, status)
    except ValueError:  # NaN, an infinity, or half a surrogate pair: JSON has none of them
        return Response(dump_json(body), status, media_type="application/json")  # type: ignore[arg-type]


async def _fault(request: Request, error: Exception) -> Response:
    # The request boundary: a fault of ours is logged with its traceback and must not show its inside.
    logger.error("%s %s failed", request.method, request.scope["path"], exc_info=error)
    return error_response("The server failed at this request; its log says more.", 500)


async def _disk_fault(request: Request, error: Exception) -> Response:
    # Written to the log where it was noticed, once for all the requests that meet it.
    return error_response(str(error), faults.STATUS)
