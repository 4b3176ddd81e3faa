"""Folders that cannot be a data folder are refused in one sentence."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import time
from pathlib import Path

import pytest

from trainer.errors import ServerError, ServerLostError, ServerRunningError
from trainer.process_identity import process_start
from trainer.server import data_folder
from trainer.server.data_folder import ServerRecord, is_locked, prepare_folder, read_record, server_lock, start_lock


def test_it_is_made_private_and_a_link_to_one_is_one(tmp_path: Path) -> None:
    folder = prepare_folder(tmp_path / "a" / "b")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o755)
    link = tmp_path / "link"
    link.symlink_to(folder)
    prepare_folder(link)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_is_no_folder_of_ones_own_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "nowhere")
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    for path, said in ((file, "not a folder"), (file / "inside", "not a folder"), (dangling, "not a folder")):
        with pytest.raises(ServerError, match=said):
            prepare_folder(path)
    with pytest.raises(ServerError, match="shared by all users"):
        prepare_folder(shared)
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777


def test_a_foreign_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ServerError, match="belongs to another user"):
        prepare_folder(tmp_path)


def test_one_holds_it_at_a_time(tmp_path: Path) -> None:
    assert not is_locked(tmp_path)
    with server_lock(tmp_path):
        assert is_locked(tmp_path)
        with pytest.raises(ServerRunningError, match="already runs"), server_lock(tmp_path):
            pass
    assert not is_locked(tmp_path)
    with start_lock(tmp_path, time.monotonic()):
        with pytest.raises(ServerLostError, match="too long"), start_lock(tmp_path, time.monotonic()):
            pass


def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(ServerError, match="no locks"), server_lock(tmp_path):
        pass


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ServerError, match="Read-only file system"), server_lock(tmp_path):
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": "x"}', "null", "3"])
def test_a_record_that_says_nothing_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "server.json").write_text(text)
    assert read_record(tmp_path) is None


def test_a_record_counts_while_its_process_lives(tmp_path: Path) -> None:
    record = ServerRecord(os.getpid(), process_start(os.getpid()), 8080, "::1", 2, 1.0)
    data_folder.write_record(tmp_path, record)
    assert read_record(tmp_path) == record
    assert record.base_url == "http://[::1]:8080"
    entry = json.loads((tmp_path / "server.json").read_text())
    (tmp_path / "server.json").write_text(json.dumps(entry | {"started": "1"}))
    assert read_record(tmp_path) is None
