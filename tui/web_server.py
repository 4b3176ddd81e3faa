"""The app in a browser: textual-serve (1.1) runs one process of the app for each page. Imported for `--web` alone.

textual-serve asks nobody who they are: each page gets an app with the user's W&B key and programs. So that only who
started the server gets in, every request needs a cookie, which the address that is printed gives once; and requests by
other names than this machine's own, or from other pages, are refused (DNS rebinding, cross-site WebSockets).
"""

from __future__ import annotations

import ipaddress
import os
import secrets
import shlex
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from aiohttp import web
from rich.console import Console
from textual_serve.server import Server

from trainer.errors import InputError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_TOKEN = "token"
_SHUTDOWN_SECONDS = 2.0
TITLE = "sweep-tui"


def serve_in_browser(arguments: Sequence[str], host: str, port: int) -> int:
    """Serve `sweep-tui ARGUMENTS` in a browser until it is interrupted; return the exit code. Blocks.

    Args:
        arguments: The command line of the app, without what asks for the browser.
        host: The address to listen on.
        port: The port; 0 for a free one.

    Raises:
        InputError: If it cannot listen there.
    """
    listener = _listener(host, port)
    address = listener.getsockname()
    shown = f"[{address[0]}]" if ":" in address[0] else address[0]
    guard = Guard(secrets.token_urlsafe(24), address[1])
    server = Server(
        shlex.join([sys.executable, "-m", "tui", *arguments]), host=address[0], port=address[1], title=TITLE
    )
    # Its banner names the command line; ours says more.
    server.console = Console(quiet=True)
    guard.server = server
    reached = "127.0.0.1" if shown == "0.0.0.0" else "[::1]" if shown == "[::]" else shown
    print(f"sweep-tui is at http://{reached}:{address[1]}/?{_TOKEN}={guard.token}", flush=True)
    print("Who has this address can use the app as you; ctrl+c ends it.", file=sys.stderr, flush=True)
    web.run_app(_app(server, guard), sock=listener, print=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    return 0


async def _app(server: Server, guard: Guard) -> web.Application:
    app = await server._make_app()

    # aiohttp marks what it is given, and a method cannot be marked.
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await guard.check(request, handler)

    app.middlewares.append(web.middleware(check))
    return app


def _listener(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        # A port of which old connections are still dying can be listened on again, except where that means sharing it.
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # Before the address is told: who is quick waits for the server, and is not refused.
        listener.listen()
    except OSError as error:
        raise InputError(
            f"The app cannot be served at {host}:{port}: {error.strerror or error}.",
            hint="Choose another `--port`, or 0 for a free one.",
        ) from error
    return listener


class Guard:
    """Lets in who has the token, under an address of this machine, from a page of ours."""

    def __init__(self, token: str, port: int) -> None:
        """Create the guard.

        Args:
            token: What the printed address holds.
            port: The port of the server: cookies are those of a host, whatever the port.
        """
        self.token = token
        self.server: Server | None = None
        self._cookie = f"sweep-tui-{port}"

    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request, or refuse it with the reason."""
        if not is_own_name(request.host):
            return _refused(f"This server does not answer to the name {request.host!r}; use its IP address.")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            return _refused(f"A page of {origin} may not use this server.")
        if request.path == "/" and self._is_token(request.query.get(_TOKEN)):
            # The token leaves the address bar, and so the browser's history of pages that are open.
            response = web.Response(status=303, headers={"Location": "/", "Referrer-Policy": "no-referrer"})
            response.set_cookie(self._cookie, self.token, httponly=True, samesite="Strict", path="/")
            return response
        if not self._is_token(request.cookies.get(self._cookie)):
            return _refused("Open the address that `sweep-tui --web` printed: it lets your browser in.")
        if self.server is not None:
            # Pages find their socket under the name they were asked by: localhost, or a tunnel's end.
            self.server.public_url = f"{request.scheme}://{request.host}"
        return await handler(request)

    def _is_token(self, given: str | None) -> bool:
        return given is not None and secrets.compare_digest(given.encode(), self.token.encode())


def is_own_name(host: str) -> bool:
    """Return whether a request's `Host` cannot be a name that somebody else points at this machine."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost":
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _refused(why: str) -> web.Response:
    return web.Response(status=403, text=f"{why}\n")
