from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from trainer.agents.duplicates import MAX_DUPLICATES, hands_out_only_duplicates
from trainer.agents.ledger import PointLedger, ledger_of
from trainer.agents.supervisor import Supervisor
from trainer.records import Json, SweepReference
from trainer.settings import ServerKind
from trainer.sweep.space import SearchSpace

GRID: dict[str, Json] = {
    "method": "grid",
    "parameters": {"x": {"values": [1, 2, True]}, "o": {"parameters": {"lr": {"values": ["1e-3", 0.001]}}}},
}
SPACE = SearchSpace.from_config(GRID)
ONE: dict[str, Json] = {"x": 1, "o": {"lr": 0.001}}


class Events(list[str]):
    """Keeps what is reported."""

    def __call__(self, event: str, **_details: Json) -> None:
        self.append(event)


EVENTS = Events()


def open_ledger(path: Path) -> PointLedger:
    return PointLedger(path, SPACE, EVENTS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledgers" / "grid.jsonl"


def test_a_point_belongs_to_the_run_that_has_it_until_that_failed(path: Path) -> None:
    first, second = open_ledger(path), open_ledger(path)
    assert first.claim("a", ONE) == ""
    assert first.claim("a", ONE) == "", "a run that is tried again has its point"
    assert second.claim("b", ONE) == "a"
    first.ended("a", is_done=False)
    assert second.claim("c", ONE) == ""
    second.ended("c", is_done=True)
    assert first.claim("d", ONE) == "c"


def test_agents_leave_when_nothing_but_duplicates_is_handed_out(path: Path) -> None:
    host = cast(Supervisor, SimpleNamespace(ledger=open_ledger(path), report=EVENTS))
    ledger = host.ledger
    assert ledger is not None
    ledger.claim("a", ONE)
    ledger.ended("a", is_done=True)
    for number in range(MAX_DUPLICATES):
        assert not hands_out_only_duplicates(host)
        assert ledger.claim(f"again-{number}", ONE) == "a"
    assert hands_out_only_duplicates(host)
    assert ledger.claim("b", {"x": 2, "o": {"lr": 0.001}}) == ""
    assert not hands_out_only_duplicates(host)


def test_a_point_is_reopened_only_where_its_run_is_said_to_be_done(path: Path) -> None:
    ledger = open_ledger(path)
    ledger.claim("a", ONE)
    assert not ledger.reopen("a"), "it is at it"
    ledger.ended("a", is_done=True)
    assert ledger.reopen("a")
    assert not ledger.reopen("a")
    assert ledger.claim("b", ONE) == ""


def test_values_are_one_where_w_and_b_takes_them_for_one(path: Path) -> None:
    ledger = open_ledger(path)
    assert ledger.claim("a", ONE) == ""
    assert ledger.claim("b", {"x": 1.0, "o": {"lr": 0.001}}) == "a"
    assert ledger.claim("c", {"x": True, "o": {"lr": 0.001}}) == ""
    assert ledger.claim("d", {"x": 1, "o": {"lr": "1e-3"}}) == ""
    assert ledger.claim("e", {"x": 2, "o": {"lr": 0.001}}) == ""


def test_what_a_host_that_died_had_begun_is_free_again(path: Path) -> None:
    source = (
        "import sys; from pathlib import Path; from tests.unit.agents.test_ledger import ONE, open_ledger;"
        "print(open_ledger(Path(sys.argv[1])).claim('a', ONE))"
    )
    subprocess.run([sys.executable, "-c", source, str(path)], check=True, cwd=Path(__file__).parents[3])
    assert json.loads(path.read_text().splitlines()[0])["run"] == "a"
    assert open_ledger(path).claim("b", ONE) == ""


def test_lines_cut_off_by_a_crash_and_later_versions_are_left_out(path: Path) -> None:
    ledger = open_ledger(path)
    ledger.claim("a", ONE)
    ledger.ended("a", is_done=True)
    with path.open("a") as stream:
        stream.write('{"v": 9, "event": "unsaid"}\n[]\n{"v": 1, "event": "ended", "ru')
    assert ledger.claim("b", {"x": 2, "o": {"lr": 0.001}}) == ""
    assert ledger.claim("c", ONE) == "a"
    assert json.loads(path.read_text().splitlines()[-1])["run"] == "b"


def test_of_many_agents_that_are_handed_one_point_at_once_one_has_it(path: Path) -> None:
    answers: dict[str, str] = {}

    def claim(name: str) -> None:
        answers[name] = open_ledger(path).claim(name, ONE)

    threads = [threading.Thread(target=claim, args=(f"r{number}",)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [name for name, other in answers.items() if not other]
    assert {other for other in answers.values() if other} == {winner}


@pytest.mark.parametrize(
    ("kind", "change", "has_one"),
    [
        (ServerKind.CLOUD, {}, True),
        (ServerKind.SELF_HOSTED, {}, True),
        (ServerKind.EMBEDDED, {}, False),
        (ServerKind.CLOUD, {"method": "random"}, False),
        (ServerKind.CLOUD, {"scheduler": {"engine": "optuna"}}, False),
    ],
)
def test_only_grids_of_servers_that_are_not_ours_need_one(
    kind: ServerKind, change: dict[str, Json], has_one: bool, isolated_home: Path
) -> None:
    reference = SweepReference("me", "p", "s")
    ledger = ledger_of({**GRID, **change}, kind, "https://api.wandb.ai", reference, EVENTS)
    assert (ledger is not None) == has_one
    if ledger is not None:
        ledger.claim("a", ONE)
        written = list((isolated_home / ".local/state/sweep-tui/ledgers").iterdir())
        assert len(written) == 1 and os.stat(written[0]).st_mode & 0o077 == 0


def test_where_the_file_fails_the_run_goes_ahead_and_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    events = Events()
    ledger = PointLedger(tmp_path / "file" / "grid.jsonl", SPACE, events)
    assert ledger.claim("a", ONE) == ""
    ledger.ended("a", is_done=True)
    assert events == ["ledger_failed", "ledger_failed"]
