"""The way to one server: GraphQL, a run's stream, bytes of files. Waits where the server is away. Knows no sweeps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import IO, Any, TypeVar
from urllib.parse import quote, urlsplit

import requests

from trainer.connection import revive
from trainer.errors import NotFoundError, ServerError, ServerLostError
from trainer.publishing.patience import Patience, TryLaterError
from trainer.records import Json
from trainer.settings import Connection, ServerKind
from trainer.tracking.transport import GraphQLTransport

_TIMEOUT = 120.0
"""Also the longest `Retry-After` of a GraphQL answer that is waited for as asked."""
_TIMEOUTS = (10.0, 120.0)
BLOCK = 1 << 18
_PAGE = 200
_T = TypeVar("_T")


class Link:
    """One server. For several threads."""

    def __init__(self, connection: Connection, tell: Callable[[str], object], patience: Patience | None = None) -> None:
        self.connection = connection
        self.patience = patience or Patience(lambda: revive(connection), tell)
        self._transport = GraphQLTransport(connection, _TIMEOUT)
        self._sessions = threading.local()

    @property
    def is_embedded(self) -> bool:
        """Whether it is the embedded server, of this machine or another."""
        return self.connection.kind is ServerKind.EMBEDDED

    def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """Return the data of a document's answer; sent again where that is needed."""
        return self.patience.call(lambda: self._transport.execute(document, variables))

    def ask_once(self, document: str, **variables: Any) -> dict[str, Any]:
        """Return the data of a document's answer; what may have been done is not asked for again."""
        return self._transport.execute(document, variables, repeatable=False)

    def pages(self, document: str, path: Sequence[str], **variables: Any) -> Iterator[dict[str, Any]]:
        """Yield the nodes of a connection, which lies in the answer under `path`; none where that is null."""
        cursor = None
        while True:
            found: Any = self.ask(document, cursor=cursor, perPage=_PAGE, **variables)
            for name in path:
                found = (found or {}).get(name)
            edges = (found or {}).get("edges") or []
            yield from (edge["node"] for edge in edges)
            info = (found or {}).get("pageInfo") or {}
            cursor = info.get("endCursor") or (edges[-1].get("cursor") if edges else None)
            if not info.get("hasNextPage") or not cursor:
                return

    def stream(self, entity: str, project: str, run: str, body: Mapping[str, Json]) -> None:
        """Send one request of a run's stream."""
        path = "/".join(quote(part, safe="") for part in (entity, project, run))
        url = f"{self.connection.base_url}/files/{path}/file_stream"
        self._http(lambda: self._session(url).post(url, json=dict(body), timeout=_TIMEOUTS), f"rows of {run}")

    def download(self, url: str, name: str, file: IO[bytes]) -> int:
        """Write the bytes of an address to a file, from its beginning; return how many there are."""

        def work() -> requests.Response:
            file.seek(0)
            file.truncate()
            with self._session(url).get(url, stream=True, timeout=_TIMEOUTS) as answer:
                if answer.status_code < 400:
                    for block in answer.iter_content(BLOCK):
                        file.write(block)
                return answer

        self._http(work, name)
        return file.tell()

    def opened(self, url: str, name: str) -> requests.Response:
        """Return the answer of an address, whose bytes are still to come; to be closed."""
        return self._http(lambda: self._session(url).get(url, stream=True, timeout=_TIMEOUTS), name)

    def upload(
        self, url: str, headers: Sequence[str], name: str, body: Callable[[], AbstractContextManager[object]]
    ) -> None:
        """Put bytes at an address.

        Args:
            url: The address.
            headers: What to put them with.
            name: What they are, for errors.
            body: Gives them from their beginning; is called for each try.
        """
        given = dict(header.split(":", 1) for header in headers if ":" in header)

        def work() -> requests.Response:
            with body() as data:
                return self._session(url).put(url, data=data, headers=given, timeout=_TIMEOUTS)  # type: ignore[arg-type]

        self._http(work, name)

    def _session(self, url: str) -> requests.Session:
        """Return this thread's session: the key is for the server, and storage elsewhere has signed addresses."""
        is_own = urlsplit(url).netloc == urlsplit(self.connection.base_url).netloc
        name = "own" if is_own else "storage"
        session: requests.Session | None = getattr(self._sessions, name, None)
        if session is None:
            session = requests.Session()
            session.auth = ("api", self.connection.api_key) if is_own else None
            session.trust_env = self.connection.kind is not ServerKind.EMBEDDED
            session.headers["User-Agent"] = "sweep-tui"
            setattr(self._sessions, name, session)
        return session

    def _http(self, work: Callable[[], requests.Response], what: str) -> requests.Response:
        label = self.connection.label

        def once() -> requests.Response:
            try:
                answer = work()
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                raise ServerLostError(f"{label} cannot be reached.") from error
            except requests.RequestException as error:
                raise ServerError(f"{label} did not take {what}: {error}") from error
            status = answer.status_code
            if status == 429 or status >= 500:
                raise TryLaterError(f"{label} is not available (HTTP {status}).", _seconds(answer))
            if status in (404, 410):
                raise NotFoundError(f"{label} has no place for {what} any more (HTTP {status}).", hint="Try again.")
            if status >= 400:
                raise ServerError(f"{label} refused {what} (HTTP {status}).")
            return answer

        return self.patience.call(once)


def _seconds(answer: requests.Response) -> float | None:
    try:
        return max(float(answer.headers.get("Retry-After", "")), 0.0)
    except ValueError:
        return None
