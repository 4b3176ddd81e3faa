"""One GraphQL request to a W&B server: authentication, retries within a deadline, errors in our words.

Knows HTTP; knows nothing of sweeps and runs.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import requests

from trainer.errors import ServerBusyError, ServerError
from trainer.records import RateBudget
from trainer.settings import Connection, ServerKind
from trainer.tracking.answers import UnknownFieldError, answer_data, connection_lost, error_message, lost
from trainer.tracking.exchange import Exchanges, Reply
from trainer.tracking.older_servers import without_fields
from trainer.tracking.rate_budget import asked_wait, budget_of, clock_ahead
from trainer.tracking.request_gate import RequestGate, words_of

_FIRST_BACKOFF_SECONDS = 0.5
_MAX_BACKOFF_SECONDS = 8.0
_GATEWAY_STATUSES = frozenset({502, 503, 504})
"""Statuses that say "not now" about the way to the server, not about the request."""


class GraphQLTransport:
    """Sends documents to `{base_url}/graphql`; safe to share between threads."""

    def __init__(self, connection: Connection, timeout_seconds: float, patience_seconds: float | None = None) -> None:
        """Remember the server; nothing is sent yet.

        Args:
            connection: The server.
            timeout_seconds: By when an answer has to be there, whole.
            patience_seconds: How long to wait where the server asks for it (429); None for the timeout.
        """
        self._connection = connection
        self._timeout_seconds = timeout_seconds
        self._patience_seconds = timeout_seconds if patience_seconds is None else patience_seconds
        self.exchanges = Exchanges(self._new_session)
        self.gate = RequestGate()
        self.budget: RateBudget | None = None
        """What the last answer that told so said is left."""
        self._absent: frozenset[str] = frozenset()
        """Fields that the server is too old to know."""
        self.clock_ahead_seconds: float | None = None
        """How much later it is by the server's clock than by ours; None where it does not say."""

    def close(self) -> None:
        """Have everybody who waits for an answer hear that there will be none; nothing can be asked any more."""
        self.gate.shut_down()
        self.exchanges.close()

    def execute(
        self, document: str, variables: Mapping[str, Any], *, repeatable: bool = True, waits: bool = True
    ) -> dict[str, Any]:
        """Return the `data` of a document's answer.

        Args:
            document: The GraphQL text.
            variables: Its variables.
            repeatable: Whether sending twice does no harm. If not, only a 429 is tried again: after a broken connection
                or a failure behind a gateway, what was asked may have been done.
            waits: Whether to wait where the server asks for it (429), as long as there is patience.

        Raises:
            ServerBusyError: If the server asks to wait longer than that, or nobody waits, or waiting was given up.
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
        patient_until = time.monotonic() + self._patience_seconds
        while True:
            self.await_turn(words_of(document), patient_until - time.monotonic() if waits else 0.0)
            reply = self._ask(document, variables, repeatable=repeatable)
            if reply.status_code != 429:
                self.gate.answered()
                return answer_data(reply, self._connection)
            seconds = self.gate.refused(asked_wait(reply.headers))
            if not waits or time.monotonic() + seconds >= patient_until:
                raise self._busy(asked_wait(reply.headers))

    def await_turn(self, words: str, patience_seconds: float | None = None) -> None:
        """Wait while the server wants to be left alone.

        Args:
            words: What is to be done then, as in: `stop a run`.
            patience_seconds: How long at most; None for what the transport has.

        Raises:
            ServerBusyError: If it would take longer, or waiting was given up.
        """
        patience = self._patience_seconds if patience_seconds is None else patience_seconds
        if not self.gate.pass_through(words, patience):
            raise self._busy(self.gate.opens_in)

    def _ask(self, document: str, variables: Mapping[str, Any], *, repeatable: bool) -> Reply:
        """Return an answer that is no failure of the server, tried again until it has had its time."""
        deadline = time.monotonic() + self._timeout_seconds
        backoff = _FIRST_BACKOFF_SECONDS
        broken_before = False
        failure: Reply | None = None
        while True:
            try:
                reply = self._post(document, variables, deadline)
            except requests.ConnectionError as error:
                # A server that restarted leaves a dead connection in the pool; one new try tells them apart.
                dropped = "Connection aborted" in str(error) or "RemoteDisconnected" in str(error)
                if not (dropped and repeatable) or broken_before:
                    raise connection_lost(self._connection, error) from error
                broken_before = True
                continue
            except requests.Timeout as error:
                if failure is not None:
                    # It has said what is wrong with it, and only the last try was cut short.
                    raise self._failed(failure) from error
                raise lost(self._connection, f"did not answer within {self._timeout_seconds:g} s") from error
            except requests.exceptions.ChunkedEncodingError as error:
                raise lost(self._connection, "broke the connection in the middle of an answer") from error
            except requests.RequestException as error:
                raise lost(self._connection, f"cannot be reached: {error}") from error
            self.budget = budget_of(reply.headers) or self.budget
            self.clock_ahead_seconds = clock_ahead(reply.headers, datetime.now(UTC))
            if reply.status_code < 500:
                return reply
            wait = asked_wait(reply.headers) or backoff
            if not repeatable or time.monotonic() + wait >= deadline or self._is_left(wait):
                raise self._failed(reply)
            failure = reply
            backoff = min(backoff * 2, _MAX_BACKOFF_SECONDS)

    def _is_left(self, seconds: float) -> bool:
        """Wait; return whether nobody wants an answer any more."""
        return self.exchanges.closed.wait(seconds)

    def _post(self, document: str, variables: Mapping[str, Any], deadline: float) -> Reply:
        return self.exchanges.post(
            f"{self._connection.base_url}/graphql", {"query": document, "variables": dict(variables)}, deadline
        )

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        session.auth = BasicAuth(self._connection.api_key)
        session.headers["User-Agent"] = "sweep-tui"
        # A proxy meant for the outside must not see loopback traffic, and the look-up costs on every request.
        session.trust_env = self._connection.kind is not ServerKind.EMBEDDED
        return session

    def _busy(self, retry_in_seconds: float | None) -> ServerBusyError:
        when = "a minute" if retry_in_seconds is None else f"{retry_in_seconds:.0f} s"
        busy = ServerBusyError(
            f"{self._connection.label} asks to be left alone for a while (HTTP 429).", hint=f"Try again in {when}."
        )
        busy.retry_in_seconds = retry_in_seconds
        if self.budget is not None:
            busy.budget_left, busy.budget_reset_seconds = self.budget.remaining, self.budget.reset_seconds
        return busy

    def _failed(self, reply: Reply) -> ServerError:
        try:
            message = error_message(reply.json())
        except ValueError:
            message = ""
        said = f": {message}" if message else ""
        if reply.status_code in _GATEWAY_STATUSES:
            return lost(self._connection, f"is not available (HTTP {reply.status_code}{said})")
        return ServerError(f"{self._connection.base_url} failed (HTTP {reply.status_code}{said}).")


class BasicAuth(requests.auth.AuthBase):
    """User `api`, password the key, as UTF-8; never shown."""

    def __init__(self, api_key: str) -> None:
        self._credentials = requests.auth.HTTPBasicAuth(b"api", api_key.encode())

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request."""
        signed: requests.PreparedRequest = self._credentials(request)
        return signed
