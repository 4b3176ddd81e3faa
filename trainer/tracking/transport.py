"""One GraphQL request to a W&B server: authentication, retries within a deadline, errors in our words.

Knows HTTP; knows nothing of sweeps and runs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import requests

from trainer.errors import ServerBusyError, ServerError
from trainer.records import RateBudget
from trainer.settings import Connection, ServerKind
from trainer.tracking.answers import UnknownFieldError, answer_data, connection_lost, error_message, lost
from trainer.tracking.older_servers import without_fields
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
        self._absent: frozenset[str] = frozenset()
        """Fields that the server is too old to know."""

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
        while True:
            known = self._absent
            shorter = without_fields(document, known)
            try:
                return self._execute(shorter, variables, repeatable, waits)
            except UnknownFieldError as error:
                self._absent = known | error.fields
                if without_fields(document, self._absent) == shorter:
                    raise

    def _execute(self, document: str, variables: Mapping[str, Any], repeatable: bool, waits: bool) -> dict[str, Any]:
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
                    raise connection_lost(self._connection, error) from error
                broken_before = True
                continue
            except requests.Timeout as error:
                raise lost(self._connection, f"did not answer within {self._timeout_seconds:g} s") from error
            except requests.RequestException as error:
                raise lost(self._connection, f"cannot be reached: {error}") from error
            self.budget = budget_of(response.headers) or self.budget
            if response.status_code != 429 and response.status_code < 500:
                return answer_data(response, self._connection)
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
            # Who sends us on is no W&B server, and what is sent on becomes a GET.
            allow_redirects=False,
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

    def _busy(self, response: requests.Response) -> ServerError:
        try:
            message = error_message(response.json())
        except ValueError:
            message = ""
        said = f": {message}" if message else ""
        if response.status_code == 429:
            busy = ServerBusyError(f"{self._connection.label} asks to be left alone for a while (HTTP 429).", hint="")
            busy.retry_in_seconds = asked_wait(response.headers)
            return busy
        if response.status_code in _GATEWAY_STATUSES:
            return lost(self._connection, f"is not available (HTTP {response.status_code}{said})")
        return ServerError(f"{self._connection.base_url} failed (HTTP {response.status_code}{said}).")


class BasicAuth(requests.auth.AuthBase):
    """User `api`, password the key, as UTF-8; never shown."""

    def __init__(self, api_key: str) -> None:
        self._credentials = requests.auth.HTTPBasicAuth(b"api", api_key.encode())

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request."""
        signed: requests.PreparedRequest = self._credentials(request)
        return signed
