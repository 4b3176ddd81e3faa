"""A warm run is, for its program, what a fresh one is: the same programs both ways, and what came of them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.agents.warm_twins import PATIENCE_SECONDS, Twins, outcome, wait_for
from trainer.agents.process import ASK, KILL, TERMINATE
from trainer.process_identity import process_start

STATE = """
import json, os, signal, sys
main = sys.modules["__main__"]
print(json.dumps({
    "argv": sys.argv, "orig": sys.orig_argv, "name": __name__, "file": __file__,
    "globals": sorted(set(globals())), "main": main.__dict__ is globals(), "builtins": str(type(__builtins__)),
    "loader": type(__loader__).__name__, "spec": repr(__spec__), "package": __package__,
    "path": sys.path, "cwd": os.getcwd(), "environ": dict(sorted(os.environ.items())), "stdin": sys.stdin.read(),
    "leads_group": os.getpgrp() == os.getpid(), "executable": sys.executable, "flags": repr(sys.flags),
    "signals": [repr(signal.getsignal(n)) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)],
    "mask": repr(signal.pthread_sigmask(signal.SIG_BLOCK, [])), "wakeup": signal.set_wakeup_fd(-1),
    "streams": [(s.encoding, s.errors, s.line_buffering, s.write_through, s.isatty(), s.fileno())
                for s in (sys.stdin, sys.stdout, sys.stderr)],
    "threads": __import__("threading").active_count(), "recursion": sys.getrecursionlimit(),
    "gc": __import__("gc").isenabled(), "umask": os.umask(0o22),
    "descriptors": len(os.listdir("/proc/self/fd")),
}))
"""

LEFT_OPEN = {"left.txt": "end\n", "kept.txt": "kept\n", "beside.txt": "beside\n"}
ENDINGS = {
    "files left open": (
        "import sys, types\nleft = open('left.txt', 'a')\nleft.write('end\\n')\n"
        "def f():\n    f.kept = open('kept.txt', 'a')\n    f.kept.write('kept\\n')\nf()\n"
        "module = sys.modules['beside'] = types.ModuleType('beside')\n"
        "module.file = open('beside.txt', 'a')\nmodule.file.write('beside\\n')\ndel module"
    ),
    "returns": "print('done')",
    "exit code": "import sys; sys.exit(3)",
    "exit text": "import sys; sys.exit('no GPU here')",
    "exit nothing": "import sys; print('a'); sys.exit()",
    "exit large": "raise SystemExit(256 + 7)",
    "exit object": "raise SystemExit([1, 2])",
    "os._exit": "import os; print('out'); os._exit(7)",
    "exception": "def f(x):\n    return 1 / x\nf(0)",
    "chained": "try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('bad') from e",
    "syntax": "print('no'\n",
    "encoding": "# -*- coding: latin-1 -*-\nprint('x')",
    "missing module": "import no_such_module_at_all",
    "interrupt": "raise KeyboardInterrupt",
    "killed": "import os; print('x', flush=True); os.kill(os.getpid(), 9)",
    "terminated": "import os, time; os.kill(os.getpid(), 15); time.sleep(9)",
    "segfault": "import os; os.kill(os.getpid(), 11)",
    "own hook": "import sys\nsys.excepthook = lambda t, v, tb: print('hook', t.__name__, v)\nraise ValueError('x')",
    "bad hook": "import sys\ndef h(*a): raise KeyError('in hook')\nsys.excepthook = h\nraise SystemExit(4)",
    "thread": (
        "import threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(0.2), print('thread ended'))).start()\nprint('main ended')"
    ),
    "exit handlers": (
        "import atexit\natexit.register(print, 'first')\natexit.register(print, 'second')\nprint('main')\n"
        "raise SystemExit(5)"
    ),
    "interrupt with handlers": "import atexit\natexit.register(print, 'handler')\nraise KeyboardInterrupt",
    "finalizers": (
        "import weakref, tempfile\nclass A: pass\na = A()\nweakref.finalize(a, print, 'finalized')\n"
        "d = tempfile.TemporaryDirectory()\nprint('main')"
    ),
    "finalizers of objects": (
        "import json\nclass A:\n    def __init__(self, name): self.name = name\n"
        "    def __del__(self): print('gone', json.dumps(self.name), helper())\n"
        "alone = A('alone')\nlisted = [A('listed')]\ncycle = A('cycle')\ncycle.me = cycle\n"
        "def helper(): return 7\nprint('main')"
    ),
    "closed stdout": "import sys\nprint('x')\nsys.stdout.close()",
    "no stdout": "import sys\nprint('x')\nsys.stdout = None\nraise SystemExit('text')",
    "daemon thread": (
        "import threading, time\n"
        "threading.Thread(target=lambda: [time.sleep(0.001) for _ in iter(int, 1)], daemon=True).start()\nprint('x')"
    ),
    "exception in a thread": "import threading\nt = threading.Thread(target=int, args='x')\nt.start(); t.join()",
    "exception in an exit handler": "import atexit\natexit.register(lambda: 1 / 0)\nprint('x')",
    "logging": "import logging\nlogging.basicConfig(filename='log.txt')\nlogging.warning('x')\nraise SystemExit(2)",
    "unflushed": "import sys\nsys.stdout = open(1, 'w', buffering=65536, closefd=False)\nprint('buffered')",
    "guard": "def main():\n    print('guarded')\nif __name__ == '__main__':\n    main()",
    "much": "for n in range(20000):\n    print('line', n, 'x' * 100)",
    "argparse error": (
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--x', required=True)\np.parse_args()"
    ),
}

PROCESSES = """
import concurrent.futures, multiprocessing, pickle, subprocess, sys
class Point:
    def __init__(self, x): self.x = x
def double(point): return Point(point.x * 2)
if __name__ == "__main__":
    assert pickle.loads(pickle.dumps(Point(3))).x == 3
    for method in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool:
            print(method, [p.x for p in pool.map(double, [Point(1), Point(2)])], flush=True)
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        print([p.x for p in pool.map(double, [Point(4)])])
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        print(list(pool.map(str, [1, 2])))
    queue = multiprocessing.Queue()
    worker = multiprocessing.Process(target=queue.put, args=(5,))
    worker.start(); print(queue.get()); worker.join()
    print(subprocess.run([sys.executable, "-c", "print('child')"], capture_output=True, text=True).stdout.strip())
    print(multiprocessing.current_process().name, multiprocessing.parent_process())
"""


NUMERICAL = """
import joblib, numpy, scipy.linalg, xgboost
from sklearn.datasets import load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
features, target = load_wine(return_X_y=True)
square = numpy.random.default_rng(0).random((300, 300))
print(round(float(numpy.linalg.slogdet(square @ square.T + numpy.eye(300))[1]), 3))
print(round(float(abs(scipy.linalg.eigvalsh(square + square.T)).max()), 3))
print(HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(features, target).score(features, target))
print(RandomForestClassifier(8, n_jobs=2, random_state=0).fit(features, target).score(features, target))
print(joblib.Parallel(2)(joblib.delayed(divmod)(n, 3) for n in range(4)))
print(xgboost.XGBClassifier(n_estimators=5, n_jobs=2).fit(features, target).score(features, target))
"""


@pytest.fixture(autouse=True)
def signals_end_programs() -> Iterator[None]:
    """Undo what `nohup` and `&` in scripts do: a host handles these signals, so its runs never inherit them ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)}
    for number in before:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def twins(tmp_path: Path) -> Iterator[Twins]:
    pair = Twins(tmp_path)
    yield pair
    pair.warm.close()


def test_a_program_finds_everything_as_in_a_fresh_process(twins: Twins) -> None:
    fresh, warm = twins.both(STATE, "--x=1", "--flag", WANDB_RUN_ID="r1", CUDA_VISIBLE_DEVICES="GPU-1")
    assert json.loads(warm[1]) == json.loads(fresh[1])
    assert warm[0] == fresh[0] == 0
    assert json.loads(warm[1])["argv"] == ["train.py", "--x=1", "--flag"]


@pytest.mark.parametrize("flags", [("-u",), ("-O", "-W", "error"), ("-Xdev",), ("-I",), ("-B", "-X", "utf8")])
def test_the_interpreters_own_options_hold(tmp_path: Path, flags: tuple[str, ...]) -> None:
    twins = Twins(tmp_path, command=(sys.executable, *flags, "train.py"))
    fresh, warm = twins.both(STATE)
    assert json.loads(warm[1]) == json.loads(fresh[1])
    twins.warm.close()


def compare_endings(twins: Twins) -> None:
    different = {}
    for name, source in ENDINGS.items():
        fresh, warm = ((code, re.sub("0x[0-9a-f]+", "0x", text)) for code, text in twins.both(source))
        if name == "finalizers of objects":  # in no order that CPython would promise
            fresh, warm = ((code, "".join(sorted(text.splitlines(True)))) for code, text in (fresh, warm))
        if fresh != warm:
            different[name] = (fresh, warm)
        for path, text in LEFT_OPEN.items():
            if name == "files left open":
                assert (twins.folder / path).read_text() == text + text
    assert not different


def test_a_program_ends_as_in_a_fresh_process(twins: Twins) -> None:
    compare_endings(twins)


def test_a_program_ends_alike_with_so_much_imported_that_it_is_left_quickly(twins: Twins) -> None:
    twins.write("__warm_imports__ = ['sklearn.ensemble']")
    assert twins.prepare() == "warm"
    compare_endings(twins)


def test_programs_may_start_processes_of_their_own_in_every_way(twins: Twins) -> None:
    fresh, warm = twins.both(PROCESSES)
    assert warm == fresh
    assert fresh[0] == 0


def test_libraries_with_thread_pools_of_their_own_work_on_two_cores(twins: Twins) -> None:
    # Threads that wait for work without spinning: on busy cores they would spin for most of the test.
    twins.environ.update(OPENBLAS_NUM_THREADS="2", OMP_NUM_THREADS="2", OMP_WAIT_POLICY="passive")
    fresh, warm = twins.both(NUMERICAL)
    assert fresh[0] == 0, fresh
    assert warm == fresh


def test_arrow_and_its_threads_work_in_a_warm_run(twins: Twins) -> None:
    pytest.importorskip("pyarrow")
    fresh, warm = twins.both(
        "import pyarrow as pa, pyarrow.compute as pc\n"
        "table = pa.table({'k': [n % 7 for n in range(200_000)], 'v': list(range(200_000))})\n"
        "print(table.group_by('k', use_threads=True).aggregate([('v', 'sum')]).sort_by('k').to_pydict())\n"
        "print(pc.sum(table['v']).as_py(), pa.cpu_count() > 0)\n"
    )
    assert fresh[0] == 0, fresh
    assert warm == fresh


@pytest.mark.parametrize("target", ["package", "package.part", "single"])
def test_modules_run_as_with_dash_m(tmp_path: Path, target: str) -> None:
    twins = Twins(tmp_path, command=(sys.executable, "-m", target))
    show = "import sys\nfrom . import other\n"
    show += "print(__name__, __package__, __spec__.name, sys.argv, sys.path[0], other.WORD)"
    twins.write("WORD = 'hello'", "package/other.py")
    twins.write("", "package/__init__.py")
    twins.write(show, "package/__main__.py")
    twins.write(show, "package/part.py")
    twins.write("import sys; print(sys.argv, sys.path[0], __file__); raise ValueError('x')", "single.py")
    fresh, warm = twins.both("", "a=1")
    assert warm == fresh
    assert "a=1" in warm[1]
    twins.warm.close()


def test_a_folder_and_a_link_run_as_programs(tmp_path: Path) -> None:
    for target in ("folder", "link.py"):
        twins = Twins(tmp_path, command=(sys.executable, target))
        show = "import sys, beside; print(sys.argv, sys.path[0], __file__, beside.WORD)"
        twins.write(show, "folder/__main__.py")
        twins.write("WORD = 1", "folder/beside.py")
        if not (tmp_path / "link.py").exists():
            (tmp_path / "link.py").symlink_to(tmp_path / "folder" / "__main__.py")
        fresh, warm = twins.both("")
        assert warm == fresh
        assert warm[0] == 0
        twins.warm.close()


def test_modules_beside_the_program_are_read_anew_by_each_run(twins: Twins) -> None:
    twins.write("WORD = 'first'", "beside.py")
    twins.write("from beside import WORD\nprint(WORD)")
    assert twins.prepare() == "warm"
    assert outcome(twins.start_warm()) == (0, "first\n")
    twins.write("WORD = 'second, and longer'", "beside.py")
    assert outcome(twins.start_warm()) == (0, "second, and longer\n")
    twins.write("print('another program')")
    assert outcome(twins.start_warm()) == (0, "another program\n")


def test_runs_do_not_share_their_random_numbers(twins: Twins) -> None:
    twins.write("import random, numpy, uuid, tempfile\nprint(random.random(), numpy.random.rand(), uuid.uuid4())")
    assert twins.prepare() == "warm"
    words = [outcome(twins.start_warm())[1].split() for _ in range(3)]
    assert len({word for line in words for word in line}) == 9


def test_a_stop_reaches_the_program_and_what_it_started(twins: Twins) -> None:
    twins.write(
        "import signal, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('asked', flush=True))\n"
        "sys.stdout.write(f'{child.pid}\\n')\nsys.stdout.flush()\nwhile True:\n    time.sleep(0.05)"
    )
    assert twins.prepare() == "warm"
    run = twins.start_warm()
    wait_for(run.last_line)
    child = int(run.last_line())
    run.begin_stop([(TERMINATE, 0.3), (KILL, 0.0)])
    wait_for(lambda: run.advance_stop() is None and run.exit_code is not None)
    assert run.exit_code == -signal.SIGKILL
    assert run.last_line() == "asked"
    wait_for(lambda: not process_start(child))


def test_an_interrupt_is_a_keyboard_interrupt(twins: Twins) -> None:
    twins.write(
        "import time\nprint('ready', flush=True)\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('ki')"
    )
    assert twins.prepare() == "warm"
    run = twins.start_warm()
    wait_for(run.last_line)
    run.send(ASK)
    assert outcome(run) == (0, "ready\nki\n")


def test_what_a_failed_program_leaves_behind_is_ended(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.agents.leftovers.GRACE_SECONDS", 0.2)
    twins.write(
        "import os, time\npid = os.fork()\nif pid == 0:\n    time.sleep(60)\nprint(pid, flush=True)\n"
        "raise SystemExit(1)"
    )
    assert twins.prepare() == "warm"
    run = twins.start_warm()
    assert outcome(run)[0] == 1
    child = int(run.last_line())
    wait_for(lambda: not process_start(child))


def test_a_run_is_killed_with_the_process_it_came_from_and_the_next_is_warm_again(twins: Twins) -> None:
    twins.write("import sys, time\nprint('ready', flush=True)\ntime.sleep(float(sys.argv[1]))")
    assert twins.prepare() == "warm"
    run = twins.start_warm("60")
    wait_for(run.last_line)
    first = twins.warm._process
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    assert run.wait(PATIENCE_SECONDS)
    assert run.exit_code == -signal.SIGKILL
    wait_for(lambda: not process_start(run.pid))
    wait_for(lambda: twins.warm._process is not None and twins.warm._process.is_ready)
    assert outcome(twins.start_warm("0")) == (0, "ready\n")
    assert [event for event, _ in twins.events] == ["warm", "warm_process_lost", "warm"]


def test_fifty_runs_leave_nothing_behind(twins: Twins) -> None:
    twins.write("import sys\nprint(sys.argv[1])")
    assert twins.prepare() == "warm"
    process = twins.warm._process
    assert process is not None
    before = _held_by(process.pid), len(os.listdir("/proc/self/fd")), threading.active_count()
    for number in range(50):
        assert outcome(twins.start_warm(str(number))) == (0, f"{number}\n")
    # What the last run left behind is being looked for meanwhile.
    wait_for(lambda: (_held_by(process.pid), len(os.listdir("/proc/self/fd")), threading.active_count()) <= before)


@pytest.mark.skipif(not os.environ.get("SWEEP_TUI_LONG_TESTS"), reason="takes minutes; set SWEEP_TUI_LONG_TESTS=1")
@pytest.mark.timeout(1800)
def test_a_thousand_runs_neither_hang_nor_leak(twins: Twins) -> None:
    twins.environ["WANDB_MODE"] = "offline"
    twins.write("import sys, wandb\nwith wandb.init() as run:\n    run.log({'x': 1})\nprint('end', sys.argv[1])")
    assert twins.prepare() == "warm"
    process = twins.warm._process
    assert process is not None

    def held() -> tuple[int, int, int, int]:
        return (*_held_by(process.pid), len(os.listdir("/proc/self/fd")), threading.active_count())

    early, resident = held(), 0
    for number in range(500):
        pair = [twins.start_warm(f"{number}.{half}") for half in (1, 2)]
        for half, run in enumerate(pair, start=1):
            code, text = outcome(run)
            assert (code, f"end {number}.{half}" in text) == (0, True), text
        run_folder = twins.folder / "wandb"
        shutil.rmtree(run_folder)
        if number == 50:
            early, resident = held(), _resident(process.pid)
    # What the last run left behind is being looked for meanwhile.
    wait_for(lambda: all(now <= before for now, before in zip(held(), early, strict=True)))
    assert _resident(process.pid) < resident * 1.05
    assert not [name for name in os.listdir("/tmp") if name.startswith(f"wandb-{process.pid}-")]


def _resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def _held_by(pid: int) -> tuple[int, int]:
    folder = Path(f"/proc/{pid}")
    children = (folder / "task" / str(pid) / "children").read_text().split()
    return len(list((folder / "fd").iterdir())), len(children)
