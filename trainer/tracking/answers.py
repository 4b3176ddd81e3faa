"""What a W&B server's answer means, or that there is none: its data, or an error in one sentence with the way out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import requests

from trainer.errors import AccessError, AuthenticationError, NotFoundError, ServerError, ServerLostError
from trainer.settings import Connection, ServerKind, key_problem
from trainer.tracking.exchange import Reply

_ADDRESS_HINT = "Check the address: it is the one of the API, such as https://api.wandb.ai, without a path."
_OFFLINE_HINT = "Is there a network? `--server local` needs none."
_PROXY_HINT = "Check HTTPS_PROXY and HTTP_PROXY (with user and password where the proxy wants them), or set NO_PROXY."
_UNKNOWN_FIELD = re.compile(r"Cannot query field [\"'](\w+)[\"']")
"""As every implementation of GraphQL words it (the specification's reference does)."""


class UnknownFieldError(ServerError):
    """The server is older than what it was asked for.

    Attributes:
        fields: The names that it does not know.
    """

    def __init__(self, message: str, *, hint: str = "", fields: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint)
        self.fields = frozenset(fields)


def answer_data(response: Reply, connection: Connection) -> dict[str, Any]:
    """Return the data of an answer that is not worth repeating.

    Raises:
        AuthenticationError: If the server refuses the key, AccessError if it knows the key's owner.
        NotFoundError: If it answers that there is no such thing.
        UnknownFieldError: If it does not know a field.
        ServerError: For any other error it reports, and for what is no W&B server.
    """
    url, status = connection.base_url, response.status_code
    try:
        body = response.json()
    except ValueError:
        body = None
    message = error_message(body)
    if 300 <= status < 400:
        raise _sent_on(connection, response)
    if status == 407:
        raise lost(connection, "cannot be reached: the proxy refused to pass this on", _PROXY_HINT)
    if status == 401:
        raise refused_key(connection, message)
    if not isinstance(body, dict) or (status >= 400 and status != 403 and not message):
        page = ", a web page" if _is_page(response) else ""
        raise ServerError(f"{url} does not answer like a W&B server (HTTP {status}{page}).", hint=_page_hint(response))
    if status == 403 or (status < 400 and _says_forbidden(message)):
        raise AccessError(
            f"{url} does not let the owner of this key do that" + (f": {message}." if message else "."),
            hint="Ask for write access to the project, or name another one with --entity and --project.",
        )
    if message:
        raise _reported(connection, message, is_missing=status == 404)
    data = body.get("data")
    return data if isinstance(data, dict) else {}


def _reported(connection: Connection, message: str, *, is_missing: bool) -> ServerError | NotFoundError:
    """Return the error of what a W&B server says."""
    url = connection.base_url
    if fields := _UNKNOWN_FIELD.findall(message):
        named = ", ".join(dict.fromkeys(fields))
        own = connection.kind is ServerKind.EMBEDDED
        hint = (
            "`sweep-tui server stop` ends it; the next command starts the new one." if own else "It has to be updated."
        )
        return UnknownFieldError(f"{url} is too old for this: it does not know {named}.", hint=hint, fields=fields)
    if is_missing or _says_not_found(message):
        return NotFoundError(f"{url}: {message}.")
    return ServerError(f"{url} refused the request: {message}.")


def refused_key(connection: Connection, message: str = "") -> AuthenticationError:
    """Return what there is to say when a server does not take the key."""
    if connection.kind is ServerKind.EMBEDDED:
        hint = "It is another server's, or the server's key was renewed: unset WANDB_API_KEY, or use `--server local`."
    else:
        host = "" if connection.kind is ServerKind.CLOUD else f" --host {connection.base_url}"
        hint = (
            "It is expired, revoked or another server's: log in again (@ in the list of sweeps, or `wandb login"
            f" --relogin{host}`), or set WANDB_API_KEY."
        )
    if problem := key_problem(connection.api_key):
        hint = f"It can be none: {problem}. Look at WANDB_API_KEY, or log in again."
    return AuthenticationError(
        f"{connection.base_url} refused the API key" + (f": {message}." if message else "."), hint=hint
    )


def lost(connection: Connection, what: str, hint: str | None = None) -> ServerLostError:
    """Return what there is to say when a server does not answer.

    Args:
        connection: Which server.
        what: What it does, such as `cannot be reached`.
        hint: The way out; None for the general one.
    """
    if connection.kind is ServerKind.EMBEDDED:
        # Who is at the local server has no use for the advice to be at it.
        hint = ""
    return ServerLostError(f"{connection.label} {what}.", hint=_OFFLINE_HINT if hint is None else hint)


def connection_lost(connection: Connection, error: requests.ConnectionError) -> ServerLostError:
    """Return what there is to say of a connection that could not be made, or broke."""
    text = str(error)
    if isinstance(error, requests.exceptions.ProxyError):
        refused = "refused to pass this on" if "407" in text or "403" in text else "cannot be reached"
        return lost(connection, f"cannot be reached: the proxy {refused}", _PROXY_HINT)
    for sign, words, hint in _SIGNS:
        if sign in text:
            return lost(connection, words, hint)
    return lost(connection, "cannot be reached")


_CERTIFICATE_HINT = (
    "Where it is your company's own: set REQUESTS_CA_BUNDLE, and SSL_CERT_FILE for the runs, to the file of its"
    " authority."
)
_SIGNS: Sequence[tuple[str, str, str | None]] = (
    ("Connection refused", "cannot be reached: connection refused", "Does it run there? `--server local` needs none."),
    ("Name or service not known", "cannot be reached: no such host name", None),
    ("nodename nor servname", "cannot be reached: no such host name", None),
    ("Failed to resolve", "cannot be reached: its name cannot be resolved", None),
    ("timed out", "cannot be reached: connecting took too long", None),
    ("mismatch, certificate", "shows a certificate of another name", "Use the name that its certificate has."),
    ("certificate has expired", "shows a certificate that has expired", "Tell who runs it; is your clock right?"),
    ("CERTIFICATE_VERIFY_FAILED", "shows a certificate that cannot be trusted", _CERTIFICATE_HINT),
    ("WRONG_VERSION_NUMBER", "does not speak https", "Name it with http:// instead, if you trust the network."),
    ("SSLError", "breaks off the encrypted connection", None),
    ("Connection aborted", "broke the connection", None),
    ("RemoteDisconnected", "broke the connection", None),
)  # fmt: skip
"""What is found in the text of an error, in the order in which it is looked for."""


def error_message(body: Any) -> str:
    """Return what a GraphQL or REST error says, without a final full stop; empty when it is not an error."""
    if not isinstance(body, dict):
        return ""
    errors = body.get("errors") or body.get("error") or body.get("detail")
    if isinstance(errors, list):
        texts = [str(entry.get("message", "")) if isinstance(entry, dict) else str(entry) for entry in errors]
        errors = "; ".join(text for text in texts if text) or "an error without a message"
    return str(errors).rstrip(". \n") if errors else ""


def _sent_on(connection: Connection, response: Reply) -> ServerError:
    """Return what there is to say when something sends us elsewhere: the key is not sent after it."""
    own, other = urlsplit(connection.base_url), urlsplit(response.headers.get("Location", ""))
    if other.hostname == own.hostname and other.scheme == "https" != own.scheme:
        return ServerError(f"{connection.base_url} wants https.", hint=f"Use https://{other.netloc}.")
    where = f"{other.scheme}://{other.hostname}" if other.hostname else "another page"
    return ServerError(
        f"{connection.base_url} sends on to {where} (HTTP {response.status_code}); the key is not sent there.",
        hint=f"{_page_hint(response)} Is {where} the server? Name it then.",
    )


def _is_page(response: Reply) -> bool:
    return "html" in response.headers.get("Content-Type", "").lower() or response.text[:200].lstrip()[:1] == "<"


def _page_hint(response: Reply) -> str:
    if "HTTPS port" in response.text[:2000]:
        return "It wants https: name it with https://."
    return f"{_ADDRESS_HINT} On a network with a login page, log in there first."


def _says_forbidden(message: str) -> bool:
    lowered = message.lower()
    return any(words in lowered for words in ("permission denied", "not authorized", "forbidden", "unauthorized"))


def _says_not_found(message: str) -> bool:
    lowered = message.lower()
    return any(words in lowered for words in ("not found", "could not find", "does not exist", "there is no"))
