"""Why runs failed, from the ends of logs in tests/data/failure_tails.

Captured from real programs, with paths made neutral; but `torch_oom`, `jax_oom`, `torchrun`, `dataloader` and `hydra`
were written by hand after public reports, since they need hardware or packages that are not here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from trainer.agents.failure_signs import TITLES, FailureKind
from trainer.agents.failures import ExitFacts, Failure, classify, end_text, grouped, groups_text
from trainer.agents.log_tail import last_error, read_tail
from trainer.records import FailureGroup

TAILS = Path(__file__).parents[2] / "data" / "failure_tails"
NOTHING = ExitFacts()

LOG_ENDS = {
    # name: exit code, kind, where, a part of the summary
    "argparse": (2, "bad_flag", "", "unrecognized arguments: --lrr 3"),
    "choice": (2, "bad_flag", "", "invalid choice: 'z'"),
    "click": (2, "bad_flag", "", "No such option '--lrr'"),
    "clickval": (2, "bad_flag", "", "'x' is not a valid float"),
    "import": (1, "import_error", "others.py:4", "No module named 'no_such_module_at_all'"),
    "memory": (1, "out_of_memory", "others.py:5", "MemoryError"),
    "numpy": (1, "out_of_memory", "others.py:7", "Unable to allocate 728. TiB"),
    "disk": (1, "disk_full", "others.py:8", "No space left on device"),
    "assert": (1, "assertion", "others.py:9", "shapes differ"),
    "perm": (1, "permission", "others.py:11", "Permission denied: '/root/x'"),
    "value": (1, "unknown", "others.py:12", "ValueError at others.py:12: ValueError: bad shape"),
    "keyerror": (1, "unknown", "others.py:13", "'lr'"),
    "fault": (139, "segfault", "others.py:15", "SIGSEGV"),
    "chain": (1, "cuda_error", "others.py:18", "illegal memory access"),
    "handled": (1, "unknown", "", "no data"),
    "interrupt": (130, "interrupted", "others.py:25", "KeyboardInterrupt"),
    "conn": (1, "lost_server", "others.py:27", "Connection refused"),
    "requests": (1, "lost_server", "others.py:29", "Max retries exceeded"),
    "wandb": (1, "lost_server", "others.py:31", "Timed out while retrying"),
    "nokey": (1, "refused", "others.py:33", "No API key configured"),
    "log": (1, "no_wandb", "others.py:35", "You must call wandb.init()"),
    "missing": (2, "missing_program", "", "can't open file"),
    "envmissing": (127, "missing_program", "", "nosuchprog"),
    "sh": (127, "missing_program", "", "not found"),
    "bash": (127, "missing_program", "", "command not found"),
    "torch_oom": (1, "cuda_oom", "train.py:41", "Tried to allocate 2.00 GiB"),
    "jax_oom": (1, "cuda_oom", "main.py:720", "RESOURCE_EXHAUSTED"),
    "torchrun": (1, "cuda_error", "train.py:57", "uncorrectable ECC error"),
    "dataloader": (1, "out_of_memory", "train.py:131", "DataLoader worker"),
    "hydra": (1, "bad_flag", "", "Could not override 'preferences.trait'"),
}


def failure_of(name: str, code: int) -> Failure:
    return classify(code, read_tail(TAILS / f"{name}.txt"), NOTHING)


@pytest.mark.parametrize("name", LOG_ENDS)
def test_the_end_of_a_log_is_told_by_its_kind_place_and_words(name: str) -> None:
    code, kind, place, words = LOG_ENDS[name]
    failure = failure_of(name, code)
    assert (failure.kind.value, words in failure.summary) == (kind, True), failure
    assert failure.title.endswith(f" at {place}") if place else " at " not in failure.title, failure
    assert len(failure.summary) <= 300


def test_every_tail_is_looked_at() -> None:
    assert {path.stem for path in TAILS.glob("*.txt")} == set(LOG_ENDS)
    assert set(TITLES) == set(FailureKind)


def test_signals_are_told_by_name_and_with_the_kernels_part() -> None:
    killed = classify(-9, [], NOTHING)
    assert (killed.kind, killed.title) == (FailureKind.KILLED, "killed from outside: ended by SIGKILL")
    by_kernel = classify(-9, [], ExitFacts(kernel_kills=1, max_rss_bytes=3 * 2**30, memory_bytes=4 * 2**30))
    assert by_kernel.kind is FailureKind.OOM_KILLED
    assert by_kernel.title == "killed, most likely by the kernel: out of memory (3.0 GiB used of 4.0 GiB)"
    by_size = classify(137, [], ExitFacts(max_rss_bytes=39 * 2**28, memory_bytes=10 * 2**30))
    assert by_size.kind is FailureKind.OOM_KILLED
    assert classify(-11, ["epoch 3"], NOTHING).summary == "crashed: ended by SIGSEGV (segmentation fault): epoch 3"
    assert classify(-7, [], NOTHING).title == "crashed: ended by SIGBUS (bus error)"
    assert classify(-15, [], NOTHING).title == "killed from outside: ended by SIGTERM"
    assert classify(-2, [], NOTHING).kind is FailureKind.INTERRUPTED
    assert end_text(3) == "exit code 3"
    assert end_text(255) == "exit code 255"
    assert end_text(-250) == "ended by signal 250"


def test_what_only_the_agent_knows_comes_first() -> None:
    late = classify(-15, ["CUDA out of memory"], ExitFacts(timeout="2h"))
    assert (late.kind, late.title) == (FailureKind.TIMEOUT, "took longer than its timeout of 2h")
    nan = classify(0, ["loss nan"], ExitFacts(metric_problem="the metric loss ended as NaN"))
    assert (nan.kind, nan.summary) == (FailureKind.NAN_METRIC, "the metric loss ended as NaN: loss nan")


def test_equal_failures_have_one_fingerprint() -> None:
    def of(message: str, line: int = 7, run_id: str = "") -> str:
        lines = ["Traceback (most recent call last):", f'  File "/x/train.py", line {line}, in f', "    g()"]
        return classify(1, [*lines, f"ValueError: {message}"], ExitFacts(run_id=run_id)).fingerprint

    assert of("bad shape (3, 4) at 0x7f12") == of("bad shape (12, 5) at 0x1111")
    assert of("no /data/a/b.csv") == of("no /data/c/d.csv")
    assert of("run abc1 is bad", run_id="abc1") == of("run xyz9 is bad", run_id="xyz9")
    assert of("bad shape") != of("bad type")
    assert of("bad shape") != of("bad shape", line=8)
    flags = [classify(2, [f"train.py: error: unrecognized arguments: --{flag}"], NOTHING) for flag in ("a", "b")]
    assert flags[0].fingerprint != flags[1].fingerprint
    values = [classify(2, [f"train.py: error: unrecognized arguments: --a={n}"], NOTHING) for n in ("3", "x")]
    assert values[0].fingerprint == values[1].fingerprint


def test_groups_are_told_with_the_most_frequent_first() -> None:
    groups = [
        FailureGroup("a", "unknown", "ValueError at a.py:3", "", "r1"),
        FailureGroup("b", "cuda_oom", "CUDA out of memory at train.py:41", "", "r2", 4),
        FailureGroup("b", "cuda_oom", "CUDA out of memory at train.py:41", "", "r9", 2),
    ]
    told = "7 runs failed: 6 x CUDA out of memory at train.py:41; 1 x ValueError at a.py:3"
    assert groups_text(groups) == told
    assert [(group.count, group.run_id) for group in grouped(groups)] == [(6, "r9"), (1, "r1")]
    assert groups_text([]) == ""


def test_a_syntax_error_has_its_place() -> None:
    error = last_error(
        ['  File "/x/train.py", line 3', "    print('a'", "         ^", "SyntaxError: '(' was never closed"]
    )
    assert error is not None
    assert (error.text, error.place) == ("SyntaxError: '(' was never closed", "train.py:3")


def test_a_tail_begins_after_earlier_lives_and_ends_well_when_it_cannot_be_read(tmp_path: Path) -> None:
    log = tmp_path / "r.log"
    log.write_bytes(b"ModuleNotFoundError: x\n" + b"50%\r100%\n\x1b[31mred\x1b[0m\xff\n")
    assert read_tail(log, 23) == ["50%", "100%", "red\ufffd"]
    assert read_tail(log, 10_000)[0] == "ModuleNotFoundError: x"  # it was cut meanwhile
    assert read_tail(tmp_path / "none") == []
    assert classify(1, [], NOTHING).summary == "exit code 1"
