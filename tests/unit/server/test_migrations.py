"""Databases of other formats: brought forward, or refused in one sentence."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from tests.unit.server.conftest import GRID, Desk
from trainer.errors import ServerError
from trainer.server import backups, leftovers, migrations
from trainer.server.backups import backups_of
from trainer.server.migrations import SCHEMA_VERSION
from trainer.server.store import Store


def change(path: Path, script: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.executescript(script)
    connection.close()


FORMAT_2 = """
DROP TABLE memberships; DROP INDEX entries_by_digest; DROP INDEX artifacts_by_state; DROP INDEX artifacts_by_ttl;
ALTER TABLE collections DROP COLUMN kind; ALTER TABLE collections DROP COLUMN tags;
ALTER TABLE collections DROP COLUMN next_version; ALTER TABLE artifacts DROP COLUMN distributed_id;
DROP TABLE files;
CREATE TABLE files (id INTEGER PRIMARY KEY, run_id INTEGER REFERENCES runs (id) ON DELETE CASCADE,
  artifact_id INTEGER REFERENCES artifacts (id) ON DELETE CASCADE, kind TEXT NOT NULL, name TEXT NOT NULL,
  size INTEGER, md5 TEXT, mimetype TEXT, updated_at INTEGER NOT NULL);
CREATE UNIQUE INDEX files_of_run ON files (run_id, name) WHERE kind = 'run';
CREATE UNIQUE INDEX files_of_artifact ON files (artifact_id, kind, name) WHERE kind != 'run';
CREATE INDEX files_by_md5 ON files (md5) WHERE kind = 'artifact';
PRAGMA user_version = 2;
"""
"""Takes a database of format 3 back to format 2."""

_ARTIFACT_OF_FORMAT_2 = """
INSERT INTO collections (id, project_id, name, type, created_at, updated_at) VALUES (7, 1, 'model', 'model', 1, 1);
INSERT INTO artifacts (id, collection_id, version, state, digest, created_at, updated_at) VALUES
  (3, 7, 0, 'DELETED', 'd0', 1, 1), (4, 7, 1, 'COMMITTED', 'd1', 2, 2), (5, 7, NULL, 'PENDING', 'd2', 3, 3);
INSERT INTO artifact_entries VALUES (3, 'f', 'md5-0', 1, NULL), (4, 'f', 'md5-1', 1, NULL);
INSERT INTO aliases VALUES (7, 'latest', 4);
INSERT INTO files VALUES (9, NULL, 4, 'artifact', 'f', 1, 'md5-1', NULL, 1), (8, NULL, 3, 'artifact', 'f', 1, 'md5-0',
  NULL, 1);
"""


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
    change(path, FORMAT_2)
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


def test_format_2_learns_which_versions_a_collection_shows(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.upsert_run("a")
    desk.server.close()
    path = tmp_path / "server.sqlite"
    change(path, FORMAT_2 + _ARTIFACT_OF_FORMAT_2)
    again = Desk(tmp_path)
    found = again.ask(
        """{ project(name: "p") { artifactCollection(name: "model") { __typename artifacts { edges { version node {
        state files { edges { node { name directUrl } } } } } } } none: artifact(name: "model:v0") { id }
        latest: artifact(name: "model:latest") { versionIndex aliases { alias } } } }"""
    )["project"]
    (edge,) = found["artifactCollection"]["artifacts"]["edges"]
    assert (edge["version"], edge["node"]["state"]) == ("v1", "COMMITTED")
    assert "/storage/9/f?" in edge["node"]["files"]["edges"][0]["node"]["directUrl"]
    assert found["artifactCollection"]["__typename"] == "ArtifactSequence"
    assert found["latest"] == {"versionIndex": 1, "aliases": [{"alias": "latest"}, {"alias": "v1"}]}
    assert found["none"] is None
    leftovers.sweep(again.server.store, tmp_path / "files")
    kept = [row[0] for row in again.server.store.reader.execute("SELECT id FROM files")]
    assert kept == [9]
    assert again.server.store.reader.execute("SELECT next_version FROM collections").fetchone()[0] == 2
    again.server.close()


def schema_of(path: Path) -> list[tuple[str, str, str]]:
    """Return every column and index of a database, whatever the order of columns."""
    with sqlite3.connect(path) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = [(table, *row[1:]) for table in tables for row in connection.execute(f"PRAGMA table_info({table})")]
        found += [
            ("", str(row[0]), str(row[1]))
            for row in connection.execute("SELECT name, tbl_name FROM sqlite_master WHERE type = 'index'")
        ]
        for table in tables:
            found += [(table, *map(str, row[2:])) for row in connection.execute(f"PRAGMA foreign_key_list({table})")]
    connection.close()
    return sorted(tuple(str(part) for part in row) for row in found)  # type: ignore[misc]


def test_a_migrated_database_is_as_a_new_one(tmp_path: Path) -> None:
    Store(tmp_path / "new.sqlite").close()
    path = tmp_path / "old.sqlite"
    Store(path).close()
    change(path, FORMAT_2)
    assert schema_of(path) != schema_of(tmp_path / "new.sqlite")
    Store(path).close()
    assert schema_of(path) == schema_of(tmp_path / "new.sqlite")


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
