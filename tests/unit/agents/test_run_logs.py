"""Logs stay bounded while they are written; memory and leftovers are looked up where Linux says them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from trainer.agents import leftovers, run_logs
from trainer.agents.memory import kernel_kills, memory_bytes
from trainer.agents.run_logs import RunLogs, bound_log, set_aside
from trainer.process_identity import process_start

LIMIT = 64 * 1024


@pytest.mark.parametrize("in_place", [True, False])
def test_a_log_that_is_being_written_is_cut_in_the_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_place: bool
) -> None:
    if not in_place:
        monkeypatch.setattr(run_logs, "_collapse", lambda *_: False)
    log = tmp_path / "r.log"
    written = threading.Event()
    go_on = threading.Event()

    def write() -> None:
        with log.open("ab", buffering=0) as stream:  # as runs do: one descriptor, appending, all the time
            for number in range(20_000):
                stream.write(b"line %06d\n" % number)
            written.set()
            go_on.wait(20)
            for number in range(20_000, 20_010):
                stream.write(b"line %06d\n" % number)

    writer = threading.Thread(target=write)
    writer.start()
    assert written.wait(20)
    assert bound_log(log, LIMIT)
    go_on.set()
    writer.join()
    lines = log.read_text().splitlines()
    assert log.stat().st_size <= LIMIT + 200
    assert (lines[0], lines[-1]) == ("line 000000", "line 020009")
    assert any("was cut" in line for line in lines)
    assert "\0" not in log.read_text()
    kept = [int(line[5:]) for line in lines if len(line) == 11 and line.startswith("line 0")]
    assert kept == sorted(kept)
    assert kept[-2_000:] == list(range(18_010, 20_010))
    assert not bound_log(log, LIMIT)
    assert not bound_log(tmp_path / "none", LIMIT)


def test_old_logs_of_runs_that_ended_well_go_first(tmp_path: Path) -> None:
    logs = RunLogs(LIMIT, 250)
    paths = [tmp_path / f"r{number}.log" for number in range(5)]
    removed = []
    for number, path in enumerate(paths):
        path.write_bytes(b"x" * 100)
        removed += logs.ended(path, failed=number == 0)
    assert removed == [paths[1], paths[2], paths[3]]
    assert [path.exists() for path in paths] == [True, False, False, False, True]
    paths[2].write_bytes(b"x" * 300)
    assert logs.ended(paths[2], failed=False) == [paths[4], paths[0]]  # failed ones only when nothing else helps
    assert logs.ended(tmp_path / "none", failed=False) == []


def test_the_log_of_an_earlier_life_keeps_a_name_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "r1.log").write_text("one")
    assert set_aside(tmp_path / "r1.log", 1) == tmp_path / "r1.1.log"
    assert (tmp_path / "r1.1.log").read_text() == "one"
    assert set_aside(tmp_path / "r1.log", 2) is None


def test_memory_and_kernel_kills_are_read_of_either_cgroup_version(tmp_path: Path) -> None:
    def write(path: str, text: str) -> None:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    assert (kernel_kills(tmp_path), memory_bytes(tmp_path)) == (0, 0)
    write("proc/meminfo", "MemTotal:       16000 kB\nMemFree: 1 kB\n")
    write("proc/vmstat", "pgfault 12\noom_kill 3\n")
    assert (kernel_kills(tmp_path), memory_bytes(tmp_path)) == (3, 16_000 * 1024)
    write("proc/self/cgroup", "0::/user/job\n")
    write("sys/fs/cgroup/user/job/memory.events", "low 0\noom 2\noom_kill 5\n")
    write("sys/fs/cgroup/user/job/memory.max", "max\n")
    write("sys/fs/cgroup/user/memory.max", "8000000\n")
    assert (kernel_kills(tmp_path), memory_bytes(tmp_path)) == (5, 8_000_000)
    write("proc/self/cgroup", "4:memory:/box\n3:cpuset:/\n")
    write("sys/fs/cgroup/memory/box/memory.oom_control", "under_oom 0\noom_kill 7\n")
    write("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "4000000\n")
    assert (kernel_kills(tmp_path), memory_bytes(tmp_path)) == (7, 4_000_000)
    assert memory_bytes() > 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_child_that_left_its_group_is_found_by_its_run_and_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "GRACE_SECONDS", 0.1)
    monkeypatch.setattr(leftovers, "TERMINATE_SECONDS", 0.2)
    source = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    environ = os.environ | {"WANDB_RUN_ID": "left-over-1"}
    child = subprocess.Popen(
        [sys.executable, "-c", source], env=environ, start_new_session=True, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.readline()
    found = leftovers.find_leftovers(2**22 + 1, "left-over-1")
    assert [each.pid for each in found] == [child.pid]
    assert leftovers.find_leftovers(2**22 + 1, "left-over") == []
    reaper = threading.Thread(target=child.wait)
    reaper.start()
    assert leftovers.end_leftovers(2**22 + 1, found, ended_well=True) == "killed"
    reaper.join(10)
    assert not process_start(child.pid)
    child.stdout.close()
