"""One GraphQL request to a W&B server: authentication, retries within a deadline, errors in our words.

Knows HTTP; knows nothing of sweeps and runs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import requests

from trainer.errors import (
    AccessError,
    AuthenticationError,
    NotFoundError,
    ServerBusyError,
    ServerError,
    ServerLostError,
)
from trainer.records import RateBudget
from trainer.settings import Connection, ServerKind
from trainer.tracking.rate_budget import asked_wait, budget_of

_FIRST_BACKOFF_SECONDS = 0.5
_MAX_BACKOFF_SECONDS = 8.0
_GATEWAY_STATUSES = frozenset({429, 502, 503, 504})
"""Statuses that say "not now" about the way to the server, not about the request."""


class GraphQLTransport:
    """Sends documents to `{base_url}/graphql`; safe to share between threads, each of which gets its own session."""

    def __init__(self, connection: Connection, timeout_seconds: float) -> None:
        self._connection = connection
        self._timeout_seconds = timeout_seconds
        self._sessions = threading.local()
        self.budget: RateBudget | None = None
        """What the last answer that told so said is left."""

    def execute(
        self, document: str, variables: Mapping[str, Any], *, repeatable: bool = True, waits: bool = True
    ) -> dict[str, Any]:
        """Return the `data` of a document's answer.

        Args:
            document: The GraphQL text.
            variables: Its variables.
            repeatable: Whether sending twice does no harm. If not, only a 429 is tried again: after a broken connection
                or a failure behind a gateway, what was asked may have been done.
            waits: Whether to wait where the server asks for it (429), as long as there is time.

        Raises:
            ServerBusyError: If the server asks to wait longer than that, or this does not wait.
            ServerLostError: If the server does not answer in time.
            AuthenticationError: If the server refuses the key.
            NotFoundError: If it answers that there is no such thing.
            ServerError: For any other error it reports.
        """
        deadline = time.monotonic() + self._timeout_seconds
        backoff = _FIRST_BACKOFF_SECONDS
        broken_before = False
        while True:
            try:
                response = self._post(document, variables, deadline)
            except requests.ConnectionError as error:
                # A server that restarted leaves a dead connection in the pool; one new try tells them apart.
                dropped = "Connection aborted" in str(error) or "RemoteDisconnected" in str(error)
                if not (dropped and repeatable) or broken_before:
                    raise self._lost(_connection_problem(error)) from error
                broken_before = True
                continue
            except requests.Timeout as error:
                raise self._lost(f"did not answer within {self._timeout_seconds:g} s") from error
            except requests.RequestException as error:
                raise self._lost(f"cannot be reached: {error}") from error
            self.budget = budget_of(response.headers) or self.budget
            if response.status_code != 429 and response.status_code < 500:
                return self._data(response)
            wait = asked_wait(response.headers) or backoff
            is_final = not waits if response.status_code == 429 else not repeatable
            if is_final or time.monotonic() + wait >= deadline:
                raise self._busy(response)
            time.sleep(wait)
            backoff = min(backoff * 2, _MAX_BACKOFF_SECONDS)

    def _post(self, document: str, variables: Mapping[str, Any], deadline: float) -> requests.Response:
        left = max(deadline - time.monotonic(), 0.05)
        return self._session().post(
            f"{self._connection.base_url}/graphql",
            json={"query": document, "variables": dict(variables)},
            timeout=(min(left, 5.0), left),
        )

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._sessions, "session", None)
        if session is None:
            session = requests.Session()
            session.auth = BasicAuth(self._connection.api_key)
            session.headers["User-Agent"] = "sweep-tui"
            # A proxy meant for the outside must not see loopback traffic, and the look-up costs on every request.
            session.trust_env = self._connection.kind is not ServerKind.EMBEDDED
            self._sessions.session = session
        return session

    def _data(self, response: requests.Response) -> dict[str, Any]:
        """Return the data of an answer that is not worth repeating, or raise what it says."""
        status = response.status_code
        try:
            body = response.json()
        except ValueError:
            body = None
        message = _error_message(body)
        if status == 401:
            raise AuthenticationError(
                f"{self._connection.base_url} refused the API key" + (f": {message}." if message else "."),
                hint="It may be expired or another server's: run `wandb login --relogin`, or set WANDB_API_KEY.",
            )
        if status == 403 or (status < 400 and _says_forbidden(message)):
            raise AccessError(
                f"{self._connection.base_url} does not let the owner of this key do that"
                + (f": {message}." if message else "."),
                hint="Ask for write access to the project, or name another one with --entity and --project.",
            )
        if status == 404 and isinstance(body, dict) and message:
            raise NotFoundError(f"{self._connection.base_url}: {message}.")
        if not isinstance(body, dict) or (status >= 400 and not message):
            raise ServerError(
                f"{self._connection.base_url} does not answer like a W&B server (HTTP {status}).",
                hint="Check the address; it is the one of the API, without a path.",
            )
        if message:
            if _says_not_found(message):
                raise NotFoundError(f"{self._connection.base_url}: {message}.")
            raise ServerError(f"{self._connection.base_url} refused the request: {message}.")
        data = body.get("data")
        return data if isinstance(data, dict) else {}

    def _busy(self, response: requests.Response) -> ServerError:
        try:
            message = _error_message(response.json())
        except ValueError:
            message = ""
        said = f": {message}" if message else ""
        if response.status_code == 429:
            busy = ServerBusyError(f"{self._connection.label} asks to be left alone for a while (HTTP 429).", hint="")
            busy.retry_in_seconds = asked_wait(response.headers)
            return busy
        if response.status_code in _GATEWAY_STATUSES:
            return self._lost(f"is not available (HTTP {response.status_code}{said})")
        return ServerError(f"{self._connection.base_url} failed (HTTP {response.status_code}{said}).")

    def _lost(self, what: str) -> ServerLostError:
        # Who is at the local server has no use for the advice to be at it.
        hint = (
            "" if self._connection.kind is ServerKind.EMBEDDED else "Is there a network? `--server local` needs none."
        )
        return ServerLostError(f"{self._connection.label} {what}.", hint=hint)


class BasicAuth(requests.auth.AuthBase):
    """User `api`, password the key, as UTF-8; never shown."""

    def __init__(self, api_key: str) -> None:
        self._credentials = requests.auth.HTTPBasicAuth(b"api", api_key.encode())

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request."""
        signed: requests.PreparedRequest = self._credentials(request)
        return signed


def _connection_problem(error: requests.ConnectionError) -> str:
    text = str(error)
    for sign, words in (
        ("Connection refused", "cannot be reached: connection refused"),
        ("Name or service not known", "cannot be reached: no such host name"),
        ("nodename nor servname", "cannot be reached: no such host name"),
        ("Failed to resolve", "cannot be reached: its name cannot be resolved"),
        ("timed out", "cannot be reached: connecting took too long"),
        ("CERTIFICATE_VERIFY_FAILED", "shows a certificate that cannot be trusted"),
        ("Connection aborted", "broke the connection"),
    ):
        if sign in text:
            return words
    return "cannot be reached"


def _error_message(body: Any) -> str:
    """Return what a GraphQL or REST error says, without a final full stop; empty when it is not an error."""
    if not isinstance(body, dict):
        return ""
    errors = body.get("errors") or body.get("error") or body.get("detail")
    if isinstance(errors, list):
        texts = [str(entry.get("message", "")) if isinstance(entry, dict) else str(entry) for entry in errors]
        errors = "; ".join(text for text in texts if text) or "an error without a message"
    return str(errors).rstrip(". \n") if errors else ""


def _says_forbidden(message: str) -> bool:
    lowered = message.lower()
    return any(words in lowered for words in ("permission denied", "not authorized", "forbidden", "unauthorized"))


def _says_not_found(message: str) -> bool:
    lowered = message.lower()
    return any(words in lowered for words in ("not found", "could not find", "does not exist", "there is no"))
