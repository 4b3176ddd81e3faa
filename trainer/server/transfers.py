"""Bytes of files in and out, at signed addresses. Names from outside are never paths: a file is its number."""

from __future__ import annotations

import base64
import mimetypes
import sqlite3
import string
from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from trainer.server import file_store
from trainer.server.file_store import IncomingFile
from trainer.server.tables import files

if TYPE_CHECKING:
    from trainer.server.app import Server

MAX_FILE = 64 * 2**30
"""Bytes of one upload: a bound against runaways, far above any model a laptop trains."""

_BLOCK = 2**20

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

    async def entry(request: Request) -> Response:
        md5 = _digest_in(request.path_params["rest"])
        row = await server.in_worker(lambda: files.stored_with_md5(server.store.reader, md5)) if md5 else None
        if row is None:
            return PlainTextResponse("No artifact here has a file with this digest.\n", 404, _CORS)
        return _send(server, row)

    return [
        Route("/storage/{number}/{name:path}", transfer, methods=["GET", "PUT", "OPTIONS"]),
        Route("/artifactsV2/{rest:path}", entry),
    ]


def _digest_in(path: str) -> str | None:
    """Return the digest, base64, in the address of an artifact's entry, or None.

    The SDK makes such addresses by itself for `entry.download()`: region, entity, project, collection, artifact, digest
    in hexadecimal, and the name as it is (0.31, wandb_storage_policy.py `_file_url`).
    """
    for part in reversed(path.split("/")[-2:]):
        if len(part) == 32 and all(digit in string.hexdigits for digit in part):
            return base64.b64encode(bytes.fromhex(part)).decode()
    return None


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
    try:
        with await server.in_worker(lambda: IncomingFile(server.files_dir, int(row["id"]))) as incoming:
            async for data in _in_blocks(request):
                if incoming.size + len(data) > MAX_FILE:
                    return PlainTextResponse(f"A file may have {MAX_FILE} bytes at most.\n", 413, _CORS)
                # A block is written and digested in a thread: a large file must not hold up everybody else.
                await server.in_worker(partial(incoming.append, data))
            if row["kind"] == "artifact" and row["md5"] and row["md5"] != incoming.md5:
                return PlainTextResponse(
                    f"The bytes have the MD5 {incoming.md5}; {row['md5']} was announced.\n", 400, _CORS
                )
            await server.in_worker(lambda: _keep(server, incoming, row))
    except ClientDisconnect:
        return PlainTextResponse("The upload ended early.\n", 400, _CORS)
    except FileRefusedError as error:
        return PlainTextResponse(f"{error}\n", 409, _CORS)
    return Response(status_code=200, headers=_CORS)


async def _in_blocks(request: Request) -> AsyncIterator[bytes]:
    """Yield a request's body in blocks of `_BLOCK` bytes or a little more."""
    parts, size = list[bytes](), 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size >= _BLOCK:
            yield b"".join(parts)
            parts, size = [], 0
    if size:
        yield b"".join(parts)


class FileRefusedError(Exception):
    """An upload that comes too late: its file is gone, or belongs to a version that is closed."""


def _keep(server: Server, incoming: IncomingFile, row: sqlite3.Row) -> None:
    number = int(row["id"])
    mimetype = mimetypes.guess_type(row["name"])[0] or "application/octet-stream"
    closed = files.closed_md5(server.store.reader, number)
    if closed == incoming.md5:
        return  # the retry of an upload whose answer was lost
    if closed is not None:
        raise FileRefusedError("The artifact is committed: its files do not change any more.")
    incoming.keep()
    size, md5 = incoming.size, incoming.md5
    if not server.store.write(lambda connection: files.uploaded(connection, number, size, md5, mimetype)):
        file_store.discard(server.files_dir, [number])
        raise FileRefusedError("The file was deleted while it was being uploaded.")
