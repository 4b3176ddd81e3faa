"""A start that is killed at any moment, first start or change of format, is taken up by the next one."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.unit.server.conftest import Desk
from tests.unit.server.test_migrations import format_1, version
from trainer.server.backups import backups_of
from trainer.server.migrations import SCHEMA_VERSION
from trainer.server.security import load_or_create_key, read_key
from trainer.server.store import Store


def seconds_of(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def killed_after(seconds: float, work: Callable[[], object]) -> bool:
    """Do work in a process that is killed after a while; return whether it was killed in the middle of it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def problems(path: Path) -> str:
    connection = sqlite3.connect(path)
    try:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        connection.close()


def first_start(folder: Path) -> None:
    load_or_create_key(folder)
    Store(folder / "server.sqlite").close()


def change_format(database: Path) -> None:
    Store(database).close()


def test_a_killed_first_start_is_taken_up(tmp_path: Path) -> None:
    (tmp_path / "measured").mkdir()
    usual = seconds_of(partial(first_start, tmp_path / "measured"))
    choose = random.Random(3)
    killed = 0
    for number in range(12):
        folder = tmp_path / str(number)
        folder.mkdir()
        killed += killed_after(choose.uniform(0, usual), partial(first_start, folder))
        first_start(folder)
        assert len(read_key(folder)) >= 40
        desk = Desk(folder)
        desk.upsert_run("r")
        desk.server.close()
        assert problems(folder / "server.sqlite") == "ok"
    assert killed, "no start was killed in the middle"


def test_a_killed_change_of_format_is_taken_up(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    path, sweep = format_1(old)
    shutil.copytree(old, tmp_path / "measured")
    usual = seconds_of(partial(change_format, tmp_path / "measured" / path.name))
    choose = random.Random(4)
    killed = 0
    for number in range(8):
        folder = tmp_path / str(number)
        shutil.copytree(old, folder)
        work = partial(change_format, folder / path.name)
        killed += killed_after(choose.uniform(0, usual), work)
        desk = Desk(folder)
        document = f'{{ project(name: "p") {{ sweep(sweepName: "{sweep}") {{ bestLoss }} }} }}'
        assert desk.ask(document)["project"]["sweep"]["bestLoss"] == 0.9
        desk.server.close()
        assert version(folder / path.name) == SCHEMA_VERSION
        assert problems(folder / path.name) == "ok"
        for backup in backups_of(folder / path.name):
            assert problems(backup) == "ok"
            assert version(backup) == 1
    assert killed, "no change of format was killed in the middle"
