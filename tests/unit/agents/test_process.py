from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from trainer.agents.log_tail import last_line
from trainer.agents.process import ASK, KILL, TERMINATE, FreshRun, RunProcess
from trainer.errors import ProgramError
from trainer.process_identity import is_running, process_start, signal_group, wait_for_end

PATIENCE_SECONDS = 20.0


def start(folder: Path, source: str, on_exit: Callable[[], None] = lambda: None) -> RunProcess:
    argv = [sys.executable, "-u", "-c", source]
    return FreshRun(argv, environ=dict(os.environ), cwd=folder, log_path=folder / "logs" / "r.log", on_exit=on_exit)


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_output_goes_to_the_log_and_the_end_is_told_at_once(tmp_path: Path) -> None:
    ended = threading.Event()
    process = start(tmp_path, "import sys; print('one'); print('two', file=sys.stderr); sys.exit(3)", ended.set)
    assert ended.wait(PATIENCE_SECONDS)
    assert process.exit_code == 3
    assert (tmp_path / "logs" / "r.log").read_text().split() == ["one", "two"]
    assert process.last_line() == "two"
    assert not process.stop_requested


def test_it_leads_a_group_of_its_own_and_reads_end_of_file(tmp_path: Path) -> None:
    process = start(tmp_path, "import os, sys; print(os.getpgrp() == os.getpid(), repr(sys.stdin.read()))")
    assert process.wait(PATIENCE_SECONDS)
    assert process.last_line() == "True ''"


def test_a_stop_gets_firmer_until_it_works(tmp_path: Path) -> None:
    stubborn = (
        "import signal, time\n"
        "for number in (signal.SIGINT, signal.SIGTERM):\n"
        "    signal.signal(number, lambda n, _: print('got', n))\n"
        "print('ready')\n"
        "while True: time.sleep(0.01)"
    )
    process = start(tmp_path, stubborn)
    wait_for(lambda: process.last_line() == "ready")
    process.begin_stop([(ASK, 0.1), (TERMINATE, 0.1), (KILL, 0.0)])
    wait_for(lambda: process.advance_stop() is None and process.exit_code is not None)
    assert process.exit_code == -signal.SIGKILL
    assert process.stop_requested
    assert (tmp_path / "logs" / "r.log").read_text().split("\n")[1:3] == ["got 2", "got 15"]


@pytest.mark.parametrize("has_descriptors", [True, False])
def test_the_end_of_a_process_is_waited_for_whoever_started_it(
    monkeypatch: pytest.MonkeyPatch, has_descriptors: bool
) -> None:
    if not has_descriptors:
        monkeypatch.setattr("trainer.process_identity._process_descriptor", lambda _pid: None)
    shell = subprocess.Popen(["sh", "-c", "sleep 60 & echo $!; read _"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert shell.stdin is not None and shell.stdout is not None
    grandchild = int(shell.stdout.readline())
    start = process_start(grandchild)
    assert not wait_for_end(grandchild, start, 0.05)
    assert wait_for_end(grandchild, "another start", math.inf)
    threading.Timer(0.1, os.kill, [grandchild, signal.SIGKILL]).start()
    assert wait_for_end(grandchild, start, PATIENCE_SECONDS)
    threading.Timer(0.1, shell.stdin.close).start()
    # One of our own that nobody has reaped has ended too.
    assert wait_for_end(shell.pid, process_start(shell.pid), math.inf)
    assert shell.wait() >= 0


def test_only_a_firmer_stop_replaces_one_under_way(tmp_path: Path) -> None:
    ignoring = "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('ready')\ntime.sleep(60)"
    process = start(tmp_path, ignoring)
    wait_for(lambda: process.last_line() == "ready")
    process.begin_stop([(TERMINATE, 60.0), (KILL, 0.0)])
    assert process.advance_stop() == pytest.approx(60.0, abs=1.0)
    process.begin_stop([(ASK, 0.0), (TERMINATE, 0.0), (KILL, 0.0)])
    assert (process.advance_stop() or 0.0) > 30.0
    process.begin_stop([(KILL, 0.0)])
    process.advance_stop()
    assert process.wait(PATIENCE_SECONDS)


def test_children_of_the_program_are_stopped_with_it(tmp_path: Path) -> None:
    parent = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid)\nchild.wait()"
    )
    process = start(tmp_path, parent)
    wait_for(process.last_line)
    child = int(process.last_line())
    process.send(KILL)
    wait_for(lambda: not process_start(child))


@pytest.mark.parametrize(
    "end",
    ["raise SystemExit(1)", "print(child.pid)", "import os; os.kill(os.getpid(), 9)", "import time; time.sleep(60)"],
)
def test_what_a_program_leaves_behind_is_ended_however_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr("trainer.agents.leftovers.GRACE_SECONDS", 0.3)
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    parent = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {deaf!r}], stdout=subprocess.PIPE)\n"
        f"child.stdout.readline()\nprint(child.pid)\n{end}"
    )
    process = start(tmp_path, parent)
    wait_for(process.last_line)
    child = int(process.last_line())
    if "sleep" in end:
        process.begin_stop([(TERMINATE, 30.0), (KILL, 0.0)])
        process.advance_stop()
    assert process.wait(PATIENCE_SECONDS)
    wait_for(lambda: not process_start(child))


@pytest.mark.parametrize("argv", [[], ["/no/such/program"], ["bad\0name"]])
def test_what_cannot_be_started_is_said(tmp_path: Path, argv: list[str]) -> None:
    with pytest.raises(ProgramError):
        FreshRun(argv, environ={}, cwd=tmp_path, log_path=tmp_path / "l", on_exit=lambda: None)


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="gone"):
        FreshRun([sys.executable], environ={}, cwd=tmp_path / "gone", log_path=tmp_path / "l", on_exit=lambda: None)


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for log_path in (tmp_path, tmp_path / "file" / "r.log"):
        with pytest.raises(ProgramError, match=f"log {log_path} cannot be written"):
            FreshRun([sys.executable], environ={}, cwd=tmp_path, log_path=log_path, on_exit=lambda: None)


def test_the_last_line_of_progress_bars_blanks_and_broken_text(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * 20_000 + b"\n10%\r50%\r99%\n\n   \n")
    assert last_line(log) == "99%"
    log.write_bytes("ValueError: \x1b[31mπ\x1b[0m\n\x1b[1;34mwandb\x1b[0m: \nwandb: Find logs at: x\n".encode())
    assert last_line(log) == "ValueError: π"
    log.write_bytes(b"wandb: Syncing run x\n")
    assert last_line(log) == "wandb: Syncing run x"
    log.write_bytes("grün".encode("latin-1"))
    assert last_line(log) == "gr\ufffdn"
    assert last_line(tmp_path / "none") == ""


def test_a_process_is_known_by_pid_and_start() -> None:
    mine = process_start(os.getpid())
    assert mine
    assert is_running(os.getpid(), mine)
    assert not is_running(os.getpid(), "another time")
    assert not is_running(os.getpid(), "")
    assert process_start(0) == ""
    assert not signal_group(os.getpid(), "another time", KILL)


def test_a_zombie_does_not_count_as_running() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    try:
        wait_for(lambda: process_start(pid) == "")
    finally:
        os.waitpid(pid, 0)
