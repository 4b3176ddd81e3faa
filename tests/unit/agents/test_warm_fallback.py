"""When runs are not forked, and that it is said why; real interpreters, libraries that misbehave on purpose."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nvml.library import make_cuda
from tests.unit.agents.warm_twins import Twins, outcome, wait_for
from trainer.agents import warm
from trainer.agents.warm import WarmStarts, chosen_fresh

LIBRARIES = {
    "thread": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        "threads",
    ),
    "process": ("import subprocess\nsubprocess.Popen(['sleep', '60'])", "processes"),
    "ends": ("import os\nos._exit(3)", "preparation ended"),
    "says why": ("import os\nprint('license expired', flush=True)\nos._exit(3)", "license expired"),
    "native": (
        "import ctypes, _thread, time\n_thread.start_new_thread(time.sleep, (60,))\ntime.sleep(0.05)",
        "threads of their own",
    ),
}  # fmt: skip


@pytest.fixture
def twins(tmp_path: Path) -> Iterator[Twins]:
    pair = Twins(tmp_path, environ={"PYTHONPATH": str(tmp_path / "libraries")})
    yield pair
    pair.warm.close()


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_that_a_fork_would_break_means_fresh_processes(twins: Twins, name: str) -> None:
    source, words = LIBRARIES[name]
    twins.write(source, "libraries/badly.py")
    twins.write("import badly")
    assert twins.prepare() == "fresh"
    assert words in twins.warm.starts.reason
    assert twins.warm.starts.python == sys.executable
    assert twins.start_either() is None
    assert [event for event, _ in twins.events] == ["fresh"]


@pytest.mark.skipif(sys.platform != "linux", reason="CUDA is for Linux")
def test_cuda_at_work_means_fresh_processes_and_its_library_alone_does_not(twins: Twins) -> None:
    library = make_cuda(twins.folder)
    for initialises, expected in ((False, "warm"), (True, "fresh")):
        twins = Twins(twins.folder, environ=twins.environ)
        call = "cuda.cuInit(0)" if initialises else "cuda.cuDeviceGetCount(ctypes.byref(ctypes.c_int()))"
        twins.write(f"import ctypes\ncuda = ctypes.CDLL({str(library)!r})\n{call}", "libraries/driven.py")
        twins.write("import driven\nprint('x')")
        assert twins.prepare() == expected
        assert ("initialise CUDA" in twins.warm.starts.reason) is initialises
        twins.warm.close()


def test_imports_that_take_too_long_are_given_up(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "_PREPARE_SECONDS", 0.5)
    twins.write("import time\ntime.sleep(600)", "libraries/slow.py")
    twins.write("import slow")
    assert twins.prepare() == "fresh"
    assert "longer than" in twins.warm.starts.reason


def test_an_import_that_fails_is_left_to_the_program(twins: Twins) -> None:
    twins.write("raise RuntimeError('needs a display')", "libraries/badly.py")
    twins.write("import sys\nsys.exit('no')", "libraries/leaving.py")
    twins.write("import none_such\n")
    for source in ("import badly", "import none_such", "import leaving"):
        fresh, forked = twins.both(source)
        assert forked == fresh
        assert fresh[0] == 1


def test_libraries_see_the_environment_that_the_program_writes_out(twins: Twins) -> None:
    twins.write("import os\nBACKEND = os.environ.get('BACKEND')\nprint('imported')", "libraries/configured.py")
    source = "import os\nos.environ['BACKEND'] = 'jax'\nimport configured\nprint(configured.BACKEND)"
    fresh, forked = twins.both(source)
    assert fresh == (0, "imported\njax\n")
    assert forked == (0, "jax\n"), "it was imported ahead"
    twins.warm.close()
    (twins.folder / "other").mkdir()
    computed = Twins(twins.folder / "other", environ=twins.environ)
    fresh, forked = computed.both(source.replace("'jax'", "str(7)"))
    assert fresh == forked == (0, "imported\n7\n")
    computed.warm.close()


def test_a_library_that_changes_on_disk_is_imported_anew(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    twins.write("WORD = 'old'", "libraries/edited.py")
    twins.write("import edited\nprint(edited.WORD)")
    assert twins.prepare() == "warm"
    assert outcome(twins.start_warm()) == (0, "old\n")
    twins.write("WORD = 'new and longer'", "libraries/edited.py")
    # Looked at once a second.
    wait_for(lambda: twins.start_either() is None)
    assert "edited.py has changed" in str(twins.events[-1] if twins.events[-1][0] != "warm" else twins.events[-2])
    wait_for(lambda: twins.warm._process is not None and twins.warm._process.is_ready)
    assert outcome(twins.start_warm()) == (0, "new and longer\n")


def test_runs_that_differ_in_what_imports_read_start_fresh(twins: Twins) -> None:
    twins.write("print('x')")
    assert twins.prepare() == "warm"
    assert twins.start_either(OMP_NUM_THREADS="3") is None
    assert "OMP_NUM_THREADS" in str(twins.events[-1])
    assert outcome(twins.start_warm(CUDA_VISIBLE_DEVICES="1", WANDB_NAME="x")) == (0, "x\n")


def test_a_process_that_is_lost_again_and_again_is_given_up(twins: Twins) -> None:
    twins.write("print('x')")
    assert twins.prepare() == "warm"
    for lost in range(1, 6):
        wait_for(lambda: twins.warm._process is not None and twins.warm._process.is_ready)
        process = twins.warm._process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        wait_for(lambda seen=lost: [event for event, _ in twins.events].count("warm_process_lost") == seen)  # type: ignore[misc]
    wait_for(lambda: twins.warm.starts.mode == "fresh")
    assert "lost 5 times" in twins.warm.starts.reason


def test_the_users_choice_and_what_cannot_be_warm_need_no_process(tmp_path: Path) -> None:
    def decided(command: tuple[str, ...], fresh: bool = False, platform_reason: str = "") -> str:
        twins = Twins(tmp_path, command=command)
        twins.warm = WarmStarts(
            log_path=tmp_path / "log", report=twins.report, on_change=lambda: None, platform_reason=platform_reason
        )
        twins.warm.begin(command, twins.environ, tmp_path, fresh=fresh)
        assert twins.warm._process is None
        assert twins.warm.is_settled
        return str(twins.warm.starts)

    python = (sys.executable, "train.py")
    assert "chosen" in decided(python, fresh=True)
    assert "chosen" in decided(("/usr/bin/env", "SWEEP_TUI_START=fresh", *python))
    assert "macOS" in decided(python, platform_reason="a fork without exec is not safe on macOS")
    assert "bash" in decided(("bash", "run.sh"))
    assert "no-such" in decided(("/no-such/python", "train.py"))
    assert chosen_fresh({"SWEEP_TUI_START": "fresh"})
    assert not chosen_fresh({})
