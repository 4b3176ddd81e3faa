"""Where the server listens: the address and port, and by which names it may be called. Imports nothing heavy."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import InputError, PortTakenError, ServerError
from trainer.server.data_folder import kept_port

HOST = "127.0.0.1"
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket's address as seen from this machine, and the names a request may call it by."""

    host: str
    """How this machine reaches it: never a wildcard."""
    port: int
    is_open: bool
    """Whether other machines can reach it."""
    names: frozenset[str]
    """Lower case, without port; beside these, an open server answers to any IP address."""

    def is_called(self, host_header: str | None) -> bool:
        """Return whether a Host header names this server, so that no web page can by a name of its own (DNS rebinding).

        An IP address cannot be rebound: a page that was loaded from it came from this server.
        """
        name, port = _split(host_header or "")
        if port is None:
            return False
        if name in _LOOPBACK_NAMES:
            return port == self.port or self.is_open
        return name in self.names or (self.is_open and _is_address(name))


def listen(host: str | None, port: int | None, folder: Path) -> socket.socket:
    """Return a listening socket: on `port`, else on the folder's own or a free one; on loopback unless `host` is given.

    Raises:
        PortTakenError: If `port` cannot be had.
        InputError: If `host` is not an address of this machine.
        ServerError: If no port is free.
    """
    address = _address(host or HOST)
    for candidate in (port,) if port is not None else (kept_port(folder), 0):
        try:
            return _bind(address, candidate)
        except (OSError, OverflowError) as error:
            number = error.errno if isinstance(error, OSError) else None
            if number in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                raise InputError(
                    f"{host!r} is not an address of this machine.", hint="Give --host one that is, or 0.0.0.0 for all."
                ) from error
            if port is not None and number == errno.EADDRINUSE:
                raise PortTakenError(
                    f"Port {port} is in use.", hint="Give another --port, or none to have one chosen."
                ) from error
            if port is not None:
                raise PortTakenError(f"Port {port} cannot be used: {error}.", hint="Give another --port.") from error
    raise ServerError(f"No port is free on {address}.")


def described(listener: socket.socket, host: str | None, allowed_hosts: Sequence[str]) -> Listening:
    """Return what a listening socket is; it is called by its address, by `host` as given, and by `allowed_hosts`."""
    bound, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(bound.partition("%")[0])
    own = bound
    if address.is_unspecified:
        own = HOST if address.version == 4 else "::1"
    given = {name.lower().rstrip(".").strip("[]") for name in (*allowed_hosts, host or "") if name}
    return Listening(own, int(port), not address.is_loopback, frozenset(given | {own}) - _LOOPBACK_NAMES)


def _address(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        pass
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except (OSError, UnicodeError) as error:
        raise InputError(f"{host!r} is not an address of this machine.", hint="Give --host an IP address.") from error


def _bind(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on: answers on a kept connection then come 40 ms late.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # A port of a server that ended a moment ago is ours again at once; a listening one stays taken.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(512)
    except BaseException:
        listener.close()
        raise
    return listener


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _split(header: str) -> tuple[str, int | None]:
    """Return name and port of a Host header, lower case and without brackets or a last dot; no port for nonsense."""
    text = header.strip().lower()
    name, separator, port = text.rpartition(":")
    if not separator or text.endswith("]"):
        name, port = text, "80"
    if ":" in name and not (name.startswith("[") and name.endswith("]")):
        return "", None
    is_number = port.isascii() and port.isdigit() and len(port) <= 5
    return name.strip("[]").removesuffix("."), int(port) if is_number else None
