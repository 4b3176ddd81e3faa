from __future__ import annotations

import pytest

from trainer.records import RunRecord
from trainer.run_filter import parse_run_filter
from trainer.states import RunState

RUN = RunRecord(
    id="k3x9",
    name="Rose-sweep-3",
    state=RunState.CRASHED,
    config={"lr": 0.01, "optimizer": {"name": "adam", "beta": 0.9}, "warm": True, "depth": None},
    summary={"accuracy": 0.91, "state": "not the state"},
    tags=("nightly",),
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rose",
        "CRASH",
        "nightly k3x",
        "lr=0.01",
        "lr = 1e-2",
        "lr >= 0.001 lr<0.1",
        "optimizer.name=adam",
        "config.optimizer.name = ADAM",
        "beta>0.5",
        "accuracy>0.9",
        "summary.accuracy!=1",
        "warm=true",
        "depth=none",
        "name~sweep",
        "tag=nightly",
        "-finished",
        "not finished",
        "!lr=5",
        "lr!=5",
        "accuracy>",
    ],
)
def test_a_filter_matches(text: str) -> None:
    assert parse_run_filter(text).matches(RUN)


@pytest.mark.parametrize(
    "text",
    ["tulip", "rose tulip", "lr>0.1", "-rose", "not lr=0.01", "optimizer.name=sgd", "unknown=1", "name>3", "warm=1"],
)
def test_a_filter_does_not_match(text: str) -> None:
    assert not parse_run_filter(text).matches(RUN)


def test_a_filter_over_state_looks_at_the_state_unless_a_key_has_that_name() -> None:
    plain = RunRecord("a", "a", RunState.FAILED)
    assert parse_run_filter("state=failed").matches(plain)
    assert not parse_run_filter("state=finished").matches(plain)
