"""Bytes of files in and out, at signed addresses. Names from outside are never paths: a file is its number."""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from trainer.atomic_file import fsync_folder
from trainer.server.tables import files

if TYPE_CHECKING:
    from trainer.server.app import Server

MAX_FILE = 64 * 2**30
"""Bytes of one upload: a bound against runaways, far above any model a laptop trains."""

_CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, PUT, OPTIONS"}


def routes(server: Server) -> list[Route]:
    """Return the routes of file transfers."""

    async def transfer(request: Request) -> Response:
        number = _file_number(request.path_params["number"])
        signature, to_write = request.query_params.get("signature", ""), request.method == "PUT"
        if number is None or not server.signer.accepts(number, signature, to_write=to_write):
            return PlainTextResponse("This address is not signed by this server, or too old.\n", 403, _CORS)
        if request.method == "OPTIONS":
            return Response(headers={**_CORS, "Access-Control-Allow-Headers": "*"})
        row = await server.in_worker(lambda: files.by_id(server.store.reader, number))
        if row is None:
            return PlainTextResponse("There is no such file.\n", 404, _CORS)
        if request.method == "PUT":
            return await _receive(server, request, row)
        return _send(server, row)

    return [Route("/storage/{number}/{name:path}", transfer, methods=["GET", "PUT", "OPTIONS"])]


def _file_number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _send(server: Server, row: sqlite3.Row) -> Response:
    path = server.files_dir / str(row["id"])
    if row["size"] is None or not path.is_file():
        return PlainTextResponse("This file was announced and never uploaded.\n", 404, _CORS)
    # Sandboxed: a run may upload HTML, and it must not act with this server's origin.
    headers = {**_CORS, "Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, media_type=row["mimetype"] or "application/octet-stream", headers=headers)


async def _receive(server: Server, request: Request, row: sqlite3.Row) -> Response:
    """Store an upload beside its final place, then move it there: a reader never sees half a file."""
    server.files_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    number = int(row["id"])
    partial = server.files_dir / f"{number}.{os.urandom(6).hex()}.part"
    digest, size = hashlib.md5(usedforsecurity=False), 0
    try:
        with partial.open("wb") as file:
            async for part in request.stream():
                size += len(part)
                if size > MAX_FILE:
                    return PlainTextResponse("The file is too large.\n", 413, _CORS)
                digest.update(part)
                file.write(part)
            file.flush()
            await server.in_worker(lambda: os.fsync(file.fileno()))
        md5 = base64.b64encode(digest.digest()).decode()
        mimetype = mimetypes.guess_type(row["name"])[0] or "application/octet-stream"
        await server.in_worker(lambda: _keep(server, partial, number, size, md5, mimetype))
    except ClientDisconnect:
        return PlainTextResponse("The upload ended early.\n", 400, _CORS)
    except OSError as error:
        if (fault := server.store.faults.of(error)) is not None:
            raise fault from error
        raise
    finally:
        partial.unlink(missing_ok=True)
    return Response(status_code=200, headers=_CORS)


def _keep(server: Server, partial: Path, number: int, size: int, md5: str, mimetype: str) -> None:
    partial.replace(server.files_dir / str(number))
    fsync_folder(server.files_dir)  # the name is on disk before the row that promises it
    server.store.write(lambda connection: files.uploaded(connection, number, size, md5, mimetype))
