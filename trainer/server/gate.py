"""Who gets in: every request carries the key, names this server as its host, and comes from no other site's page.

Only signed addresses of files (`transfers` checks them) and the SDK's telemetry probe (a plain 404) need no key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trainer.server import security
from trainer.server.listening import Listening
from trainer.server.web_pages.markup import sign_in

_KEYLESS = ("/storage/", "/sdk/otel/")
_READING = ("GET", "HEAD", "OPTIONS")
_FORM_TYPES = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data")
"""What a page of another site can send without asking first (the Fetch standard's simple types); the SDK never does."""


class Gate:
    """Lets through what may come in, and refuses the rest before it is read."""

    def __init__(self, inner: ASGIApp, key: str, listening: Listening, on_entry: Callable[[], None]) -> None:
        self._inner = inner
        self._key = key
        self._listening = listening
        self._on_entry = on_entry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope["method"], scope["path"], Headers(scope=scope))
        if refusal is None:
            self._on_entry()
        has_begun = False

        async def noted_send(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await (refusal or self._inner)(scope, receive, noted_send)
        except asyncio.CancelledError:
            # The server was told to end, and its patience is over. Whoever asked is to ask the next one.
            if not has_begun:
                await error_response("The server ends.", 503)(scope, receive, send)

    def _refusal(self, method: str, path: str, headers: Headers) -> Response | None:
        host = headers.get("host")
        if not self._listening.is_called(host):
            return PlainTextResponse(
                "This server does not answer to that host name; `--allowed-host NAME` lets it.\n", 421
            )
        if path.startswith(_KEYLESS):
            return None
        if not security.is_authorized(headers.get("authorization"), self._key):
            return _who_are_you(headers)
        if method not in _READING and _is_from_another_site(host or "", headers):
            return error_response("Pages of other sites may not change anything here.", 403)
        if method not in _READING and headers.get("content-type", "").lower().startswith(_FORM_TYPES):
            return error_response("Send JSON, as `Content-Type: application/json` says.", 415)
        return None


def _who_are_you(headers: Headers) -> Response:
    """Ask for the key: a browser asks its user for it, who is told where to find it."""
    ask = {"WWW-Authenticate": 'Basic realm="sweep-tui; user api, password the API key", charset="UTF-8"'}
    if "text/html" in headers.get("accept", ""):
        return sign_in(ask)
    return JSONResponse({"errors": [{"message": "The API key is missing or wrong."}]}, 401, headers=ask)


def error_response(message: str, status: int) -> JSONResponse:
    """Return an error as clients of GraphQL read it, whatever the route."""
    return JSONResponse({"errors": [{"message": message}], "data": None}, status)


def _is_from_another_site(host: str, headers: Headers) -> bool:
    """Return whether a browser says that another site's page sent this: it adds the credentials it knows by itself."""
    origin = headers.get("origin")
    if origin is not None and origin.lower().partition("://")[2] != host.lower():
        return True
    return headers.get("sec-fetch-site", "none").lower() not in ("none", "same-origin")
