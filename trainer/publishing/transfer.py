"""Bytes of a file from one server to another: small files by way of memory, large ones piped. No disk is filled."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import requests

from trainer.errors import ServerLostError
from trainer.publishing.link import BLOCK, Link
from trainer.publishing.run_facts import StoredFile

IN_MEMORY = 8 << 20
"""Bytes of a file that are kept in memory on their way: it is fetched once, however often it has to be sent."""


def transfer(
    source: Link, file: StoredFile, target: Link, url: str, headers: Sequence[str], on_bytes: Callable[[int], object]
) -> None:
    """Put the bytes of a file at an address of another server; begun again where either server was lost meanwhile.

    Args:
        source: Where the file is.
        file: Its address and size.
        target: Where it goes.
        url: The address there.
        headers: What to put it with.
        on_bytes: Is told of bytes as they are sent.

    Raises:
        ServerError: If one of the servers refuses it.
    """
    if file.size > IN_MEMORY:
        target.upload(url, headers, file.name, lambda: _piped(source, file, on_bytes))
        return
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as spool:
        size = source.download(file.url, file.name, spool)

        @contextmanager
        def body() -> Iterator[object]:
            spool.seek(0)
            # An empty body must say so: without a length, storage services refuse it.
            yield spool if size else b""

        target.upload(url, headers, file.name, body)
    on_bytes(size)


@contextmanager
def _piped(source: Link, file: StoredFile, on_bytes: Callable[[int], object]) -> Iterator[object]:
    with source.opened(file.url, file.name) as answer:
        yield _Pipe(answer, file, source.connection.label, on_bytes)


class _Pipe:
    """A download as the body of an upload: requests asks it for `len` and reads it."""

    def __init__(
        self, answer: requests.Response, file: StoredFile, label: str, on_bytes: Callable[[int], object]
    ) -> None:
        self.len = file.size
        self._left = file.size
        self._blocks = answer.iter_content(BLOCK)
        self._block = b""
        self._name = file.name
        self._label = label
        self._on_bytes = on_bytes

    def __iter__(self) -> Iterator[bytes]:
        """Yield the blocks: what has this is not held in memory by requests."""
        while block := self.read(BLOCK):
            yield block

    def read(self, count: int = -1) -> bytes:
        """Return up to `count` bytes; none at the end.

        Raises:
            ServerLostError: If the download ends before all of it is there: half a file must not look whole.
        """
        if not self._block and self._left:
            try:
                self._block = next(self._blocks, b"")
            except requests.RequestException as error:
                raise ServerLostError(f"{self._label} cannot be reached.") from error
            if not self._block:
                raise ServerLostError(f"{self._label} did not send all of {self._name}.")
            # What grew since it was listed is sent as it was listed; the next time sends the rest of it.
            self._block = self._block[: self._left]
            self._left -= len(self._block)
            self._on_bytes(len(self._block))
        end = len(self._block) if count < 0 else count
        given, self._block = self._block[:end], self._block[end:]
        return given
