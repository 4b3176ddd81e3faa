"""By which names a server answers, and where it listens."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from trainer.errors import InputError, PortTakenError
from trainer.server.listening import Listening, described, listen

LOOPBACK = Listening("127.0.0.1", 8080, is_open=False, names=frozenset({"sweeps.example.com"}))
OPEN = Listening("10.0.0.5", 8080, is_open=True, names=frozenset({"gpu-box"}))
WEB = Listening("127.0.0.1", 80, is_open=False, names=frozenset())


@pytest.mark.parametrize(
    ("listening", "header", "is_called"),
    [
        (LOOPBACK, "127.0.0.1:8080", True),
        (LOOPBACK, "LOCALHOST:8080", True),
        (LOOPBACK, "localhost.:8080", True),
        (LOOPBACK, "[::1]:8080", True),
        (LOOPBACK, "sweeps.example.com", True),
        (LOOPBACK, "sweeps.example.com:443", True),
        (LOOPBACK, "::1:8080", False),
        (LOOPBACK, "127.0.0.1", False),
        (LOOPBACK, "127.0.0.1:8081", False),
        (LOOPBACK, "127.0.0.1:8080:8080", False),
        (LOOPBACK, "127.0.0.1:²", False),
        (LOOPBACK, "evil.example:8080", False),
        (LOOPBACK, "localhost.evil.example:8080", False),
        (LOOPBACK, "10.0.0.5:8080", False),
        (LOOPBACK, "localhost..:8080", False),
        (LOOPBACK, "user@127.0.0.1:8080", False),
        (LOOPBACK, "", False),
        (LOOPBACK, None, False),
        (WEB, "127.0.0.1", True),
        (WEB, "[::1]", True),
        (OPEN, "10.0.0.5:8080", True),
        (OPEN, "192.168.1.1:9000", True),
        (OPEN, "gpu-box:8080", True),
        (OPEN, "localhost:9000", True),
        (OPEN, "evil.example:8080", False),
        (OPEN, "gpu-box.evil.example:8080", False),
    ],
)
def test_a_server_answers_to_its_own_names_only(listening: Listening, header: str | None, is_called: bool) -> None:
    assert listening.is_called(header) is is_called


@pytest.mark.parametrize(
    ("host", "reached", "is_open"),
    [(None, "127.0.0.1", False), ("localhost", "127.0.0.1", False), ("0.0.0.0", "127.0.0.1", True)],
)
def test_loopback_unless_told_otherwise(tmp_path: Path, host: str | None, reached: str, is_open: bool) -> None:
    with listen(host, 0, tmp_path) as listener:
        found = described(listener, host, ["Box.Example."])
    assert (found.host, found.is_open) == (reached, is_open)
    assert found.is_called("box.example")


def test_a_foreign_address_and_a_taken_port_are_one_sentence(tmp_path: Path) -> None:
    for host in ("192.0.2.1", "no such host"):
        with pytest.raises(InputError, match="is not an address of this machine"):
            listen(host, 0, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortTakenError, match="in use"):
        listen(None, taken.getsockname()[1], tmp_path)
