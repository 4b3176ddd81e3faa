"""Databases of other formats: brought forward, or refused in one sentence."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from tests.unit.server.conftest import GRID, Desk
from trainer.errors import ServerError
from trainer.server import backups, migrations
from trainer.server.backups import backups_of
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


def format_1(folder: Path) -> tuple[Path, str]:
    """Make a database of format 1 with a run of a sweep; return its path and the sweep's name."""
    desk = Desk(folder)
    sweep = desk.create_sweep(GRID)
    desk.upsert_run("a", sweep=sweep["name"])
    desk.log("a", {"_step": 0, "acc": 0.9}, {"_step": 1, "acc": 0.5})
    desk.finish("a", acc=0.5)
    desk.server.close()
    path = folder / "server.sqlite"
    change(
        path,
        "DROP INDEX runs_by_best; ALTER TABLE runs DROP COLUMN history_best;"
        " ALTER TABLE runs DROP COLUMN history_best_line; PRAGMA user_version = 1;",
    )
    return path, str(sweep["name"])


def test_format_1_learns_the_best_values(tmp_path: Path) -> None:
    path, sweep = format_1(tmp_path)
    again = Desk(tmp_path)
    document = f'{{ project(name: "p") {{ sweep(sweepName: "{sweep}") {{ bestLoss }} }} }}'
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


def contents(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        found = list(connection.iterdump())
    connection.close()
    return found


def test_a_backup_is_taken_first_and_is_the_old_database(tmp_path: Path) -> None:
    path, _ = format_1(tmp_path)
    before = contents(path)
    Store(path).close()
    (backup,) = backups_of(path)
    assert contents(backup) == before
    assert version(backup) == 1
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert backup.name.startswith("server.sqlite.backup-v1-")
    Store(path).close()
    assert backups_of(path) == [backup]
    # Restored as the README says, it is brought forward anew.
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    backup.rename(path)
    Store(path).close()
    assert version(path) == SCHEMA_VERSION


def test_the_two_newest_backups_stay(tmp_path: Path) -> None:
    path, _ = format_1(tmp_path)
    old = [tmp_path / f"server.sqlite.backup-v1-2026010{day}T000000Z" for day in (1, 2, 3)]
    for made in old:
        made.write_bytes(b"old")
        os.utime(made, (1, 1))
    Store(path).close()
    kept = backups_of(path)
    assert len(kept) == 2
    assert kept[0] == old[2]
    assert version(kept[1]) == 1


def test_a_failed_step_changes_nothing_and_names_the_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = format_1(tmp_path)
    before = contents(path)
    steps = dict(migrations._STEPS)

    def fail(connection: sqlite3.Connection) -> None:
        steps[1](connection)
        connection.execute("DELETE FROM projects")
        raise ValueError("a row of long ago")

    monkeypatch.setattr(migrations, "_STEPS", {**steps, 1: fail})
    for _ in range(2):  # tried again, it needs no further backup
        with pytest.raises(ServerError, match="a row of long ago") as raised:
            Store(path)
        (backup,) = backups_of(path)
        assert str(backup) in raised.value.hint
        assert contents(path) == contents(backup) == before
        assert version(path) == 1


def test_without_room_for_the_backup_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = format_1(tmp_path)
    monkeypatch.setattr(backups, "_SPARE", 2**60)
    with pytest.raises(ServerError, match="no room for the backup"):
        Store(path)
    assert version(path) == 1
    assert backups_of(path) == []
