"""A database that is locked, damaged, read-only, deleted or replaced under the server."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.unit.server.conftest import Desk
from trainer.errors import ServerError, StorageError
from trainer.server.faults import Faults
from trainer.server.security import KEY_FILE, load_or_create_key
from trainer.server.store import Store


def history_count(desk: Desk) -> int:
    return int(desk.run("r", "historyLineCount")["historyLineCount"])


def test_what_a_locked_database_refuses_can_be_sent_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk.upsert_run("r")
    desk.sql("PRAGMA busy_timeout = 50")
    shell = sqlite3.connect(desk.folder / "server.sqlite", isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")
    for _ in range(3):
        with pytest.raises(StorageError, match="keeps the database .* locked"):
            desk.log("r", {"_step": 0, "a": 1})
    assert "locked" in desk.server.store.faults.current
    reply = desk.reply('mutation { upsertBucket(input: {modelName: "p", name: "other"}) { inserted } }')
    assert reply.status == 503
    assert history_count(desk) == 0
    shell.execute("ROLLBACK")
    shell.close()
    desk.log("r", {"_step": 0, "a": 1})
    assert history_count(desk) == 1
    assert desk.server.store.faults.current == ""
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert [text.split(" ")[0:2] for text in told] == [["Another", "program"], ["the", "database"]]


@pytest.mark.parametrize("how", ["deleted", "moved", "replaced", "log deleted"])
def test_nothing_is_acknowledged_once_the_file_is_gone(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    desk = Desk(folder)
    desk.upsert_run("r")
    if how == "deleted":
        shutil.rmtree(folder)
    elif how == "moved":
        folder.rename(tmp_path / "elsewhere")
    elif how == "replaced":
        shutil.copy(folder / "server.sqlite", folder / "copy")
        os.replace(folder / "copy", folder / "server.sqlite")
    else:
        (folder / "server.sqlite-wal").unlink()
    for _ in range(2):
        with pytest.raises(StorageError, match="deleted, moved or replaced"):
            desk.log("r", {"_step": 0, "a": 1})
    assert desk.server.store.lost is not None
    desk.server.close()


def test_a_lost_log_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.upsert_run("r")
    desk.log("r", {"_step": 0, "a": 1})
    (tmp_path / "server.sqlite-wal").unlink()
    with pytest.raises(StorageError):
        desk.log("r", {"_step": 1, "a": 1}, offset=1)
    desk.server.close()
    again = Desk(tmp_path)
    assert history_count(again) >= 1
    again.server.close()


def test_a_damaged_page_is_a_sentence_and_the_rest_can_be_read(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.upsert_run("r")
    for index in range(40):
        desk.log("r", {"_step": index, "a": "x" * 3000}, offset=index)
    desk.server.close()
    path = desk.folder / "server.sqlite"
    with sqlite3.connect(path) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'history'").fetchone()[0]
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    desk.__init__(desk.folder)  # type: ignore[misc]
    reply = desk.reply('{ project(name: "p") { run(name: "r") { history(samples: 10) } } }')
    assert reply.status == 503
    assert "cannot be used: database disk image is malformed" in str(reply.body)
    assert desk.run("r", "displayName")["displayName"]
    with pytest.raises(StorageError, match="malformed"):
        desk.log("r", {"_step": 40, "a": 1}, offset=40)
    desk.upsert_run("other")
    assert "Traceback" not in caplog.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to everything")
def test_a_read_only_database_is_a_sentence(tmp_path: Path) -> None:
    Store(tmp_path / "server.sqlite").close()
    (tmp_path / "server.sqlite").chmod(0o400)
    with pytest.raises(ServerError, match="cannot be written"):
        Store(tmp_path / "server.sqlite")


def test_a_database_that_cannot_be_opened_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "server.sqlite").mkdir()
    with pytest.raises(ServerError, match=r"server\.sqlite cannot be written: unable to open database file"):
        Store(tmp_path / "server.sqlite")


def test_the_writer_goes_on_after_the_disk_failed(desk: Desk) -> None:
    desk.upsert_run("r")

    def job(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE runs SET notes = 'half'")
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise error

    before = desk.server.store._writer
    with pytest.raises(StorageError, match="failed: disk I/O error"):
        desk.server.store.write(job)
    desk.log("r", {"_step": 0, "a": 1})
    assert desk.server.store._writer is not before, "a connection whose disk failed is in doubt"
    assert desk.run("r", "notes historyLineCount") == {"notes": None, "historyLineCount": 1}


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("y"), sqlite3.IntegrityError("z"), None, OSError("plain")])
def test_an_error_of_ours_is_no_fault_of_the_disk(tmp_path: Path, error: Exception | None) -> None:
    assert Faults(tmp_path / "server.sqlite").of(error) is None


def test_a_key_that_was_never_finished_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_text("")
    (tmp_path / f"{KEY_FILE}.part").write_text("local-123")
    (tmp_path / f"{KEY_FILE}.part").chmod(0o644)
    key = load_or_create_key(tmp_path)
    assert len(key) == 46
    assert load_or_create_key(tmp_path) == key
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / f"{KEY_FILE}.part").exists()
