"""Databases of other formats: brought forward, or refused in one sentence."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.unit.server.conftest import GRID, Desk
from trainer.errors import ServerError
from trainer.server.migrations import SCHEMA_VERSION
from trainer.server.store import Store


def change(path: Path, script: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.executescript(script)
    connection.close()


def version(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    connection.close()
    return found


def test_format_1_learns_the_best_values(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    sweep = desk.create_sweep(GRID)
    desk.upsert_run("a", sweep=sweep["name"])
    desk.log("a", {"_step": 0, "acc": 0.9}, {"_step": 1, "acc": 0.5})
    desk.finish("a", acc=0.5)
    desk.server.close()
    path = tmp_path / "server.sqlite"
    change(
        path,
        "DROP INDEX runs_by_best; ALTER TABLE runs DROP COLUMN history_best;"
        " ALTER TABLE runs DROP COLUMN history_best_line; PRAGMA user_version = 1;",
    )
    again = Desk(tmp_path)
    document = f'{{ project(name: "p") {{ sweep(sweepName: "{sweep["name"]}") {{ bestLoss }} }} }}'
    assert again.ask(document)["project"]["sweep"]["bestLoss"] == 0.9
    again.server.close()
    assert version(path) == SCHEMA_VERSION


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("PRAGMA user_version = 999", "newer sweep-tui: it has format 999"),
        ("CREATE TABLE songs (title TEXT)", "not written by sweep-tui"),
    ],
)
def test_what_cannot_be_brought_forward_is_refused_untouched(tmp_path: Path, script: str, said: str) -> None:
    path = tmp_path / "server.sqlite"
    change(path, script)
    before = version(path)
    with pytest.raises(ServerError, match=said) as raised:
        Store(path)
    assert str(path) in str(raised.value)
    assert "--data-dir" in raised.value.hint
    assert version(path) == before


def test_a_start_that_broke_off_is_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "server.sqlite"
    change(path, f"PRAGMA user_version = {SCHEMA_VERSION}")
    Store(path).close()
    Store(path).close()
    assert version(path) == SCHEMA_VERSION
