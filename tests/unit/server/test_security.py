"""What proves that a request may be answered."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from trainer.errors import ServerError
from trainer.server.log_file import without_secrets
from trainer.server.security import FileSigner, is_authorized, load_or_create_key, read_key

KEY = "local-" + "0123456789" * 4


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "is_good"),
    [
        (basic(f"api:{KEY}"), True),
        (basic(f"api:{KEY}").replace("Basic", "basic"), True),
        (basic(f"api:{KEY}x"), False),
        (basic(f"user:{KEY}"), False),
        (basic(KEY), False),
        (basic("api:"), False),
        (basic(f"api:{KEY}ü"), False),
        ("Basic ü", False),
        ("Basic \x00", False),
        ("Basic", False),
        (f"Bearer {KEY}", False),
        (basic(f"api:{KEY}").replace("Basic", "Bearer"), False),
        ("", False),
        (None, False),
    ],
)
def test_only_basic_credentials_with_the_key_are_good(header: str | None, is_good: bool) -> None:
    assert is_authorized(header, KEY) is is_good


def test_a_signature_is_of_one_file_one_use_and_seven_days() -> None:
    now = [1_000_000_000.0]
    signer = FileSigner(KEY, clock=lambda: now[0])
    reading = signer.path(7, "a b.txt").partition("=")[2]
    writing = signer.path(7, "a b.txt", is_writable=True).partition("=")[2]
    assert signer.accepts(7, reading)
    assert not signer.accepts(7, reading, to_write=True)
    assert signer.accepts(7, writing, to_write=True)
    assert signer.accepts(7, writing)
    assert not signer.accepts(8, reading)
    assert not FileSigner(KEY[:-1] + "x", clock=lambda: now[0]).accepts(7, reading)
    for forged in (reading.replace("r.", "w.", 1), "", ".", "r.9.", "r.99999.x", "w..", "r.²." + "0" * 40, "\ud800"):
        assert not signer.accepts(7, forged)
        assert not signer.accepts(7, forged, to_write=True)
    now[0] += 6 * 86_400
    assert signer.accepts(7, reading)
    now[0] += 3 * 86_400
    assert not signer.accepts(7, reading)
    assert not signer.accepts(7, writing, to_write=True)


def test_a_key_is_made_once_and_a_bad_one_is_named(tmp_path: Path) -> None:
    assert load_or_create_key(tmp_path) == load_or_create_key(tmp_path)
    (tmp_path / "api_key").write_text("short")
    with pytest.raises(ServerError, match="too short"):
        read_key(tmp_path)


def test_secrets_are_cut_out_of_texts() -> None:
    address = FileSigner(KEY).path(7, "a.txt")
    for secret, text in (
        (KEY, f"the key {KEY}!"),
        (address.partition("=")[2], f"GET {address} failed"),
        (basic(f"api:{KEY}").split()[1], f"Authorization: {basic(f'api:{KEY}')}"),
    ):
        assert secret not in without_secrets(text)
    assert without_secrets("a local-first signature of basic things") == "a local-first signature of basic things"
