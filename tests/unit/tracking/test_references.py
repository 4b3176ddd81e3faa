from __future__ import annotations

import pytest

from trainer.errors import SweepReferenceError
from trainer.records import SweepReference
from trainer.tracking.references import parse_sweep_reference


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abc", ("me", "wine", "abc")),
        (" abc ", ("me", "wine", "abc")),
        ("p/abc", ("me", "p", "abc")),
        ("you/p/abc", ("you", "p", "abc")),
        ("you/p/sweeps/abc", ("you", "p", "abc")),
        ("https://wandb.ai/you/p/sweeps/abc?nw=x", ("you", "p", "abc")),
        ("http://127.0.0.1:8080/you/my%20project/sweeps/abc", ("you", "my project", "abc")),
    ],
)
def test_every_way_to_name_a_sweep(text: str, expected: tuple[str, str, str]) -> None:
    assert parse_sweep_reference(text, "me", "wine") == SweepReference(*expected)


@pytest.mark.parametrize(
    "text", ["", "a/b/c/d", "//", "a//b", "https://wandb.ai/you/p/runs/abc", "two words", "p/", "a/b/c/d/e"]
)
def test_what_names_no_sweep_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(SweepReferenceError) as caught:
        parse_sweep_reference(text, "me", "wine")
    assert repr(text) in caught.value.message


def test_an_id_alone_needs_a_project() -> None:
    with pytest.raises(SweepReferenceError, match="project"):
        parse_sweep_reference("abc", "me", None)
