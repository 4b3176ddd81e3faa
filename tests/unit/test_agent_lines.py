from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from rich.cells import cell_len

from trainer.records import FailureGroup, LocalAgent, RunRecord
from trainer.states import AgentState, RunState
from tui.agent_lines import (
    MAX_FAILURES,
    AgentsView,
    cut,
    device_text,
    devices_text,
    failure_groups,
    host_text,
    panel_lines,
    plain_line,
    slot_label,
)

NOW = datetime(2026, 11, 27, 22, 0, tzinfo=UTC)
H100 = "GPU {} NVIDIA H100 80GB HBM3 (GPU-1a2b3c4d)"
RUNNING = LocalAgent(
    1, AgentState.RUNNING, host_pid=7, run_id="r1", run_started_at=NOW - timedelta(seconds=75), runs_done=3,
    last_line="step 3 accuracy 0.9", device=H100.format(0), starts="…/wine/.venv/bin/python 3.11, warm",
)  # fmt: skip
OOM = FailureGroup(
    "f1", "cuda_oom", "CUDA out of memory at train.py:41", "CUDA out of memory at train.py:41: 20 MiB", "r1"
)


def view(*agents: LocalAgent, **names: str) -> AgentsView:
    runs = {
        run_id: RunRecord(run_id, name, RunState.RUNNING, created_at=NOW - timedelta(minutes=int(run_id[1:])))
        for run_id, name in ({"r1": "rose-sweep-1"} | names).items()
    }
    return AgentsView(agents, runs, NOW)


def lines_of(shown: AgentsView, width: int = 140, *, names_hosts: bool = False) -> list[str]:
    return [line.text for line in panel_lines(shown, width, names_hosts=names_hosts)]


def changed(**values: object) -> LocalAgent:
    return dataclasses.replace(RUNNING, **values)  # type: ignore[arg-type]


def test_a_running_slot_says_where_what_how_long_how_many_and_its_last_words() -> None:
    (line,) = lines_of(view(changed(runs_failed=1)))
    for part in ("1", "GPU 0 H100", "● running", "rose-sweep-1", "1m15s", "3 done 1 failed", "step 3 accuracy 0.9"):
        assert part in line


def test_a_narrow_line_keeps_state_run_and_counts() -> None:
    (line,) = lines_of(view(changed(runs_failed=1)), 60)
    assert "● running" in line and "rose-sweep-1" in line and "✓2 ✗1" in line


@pytest.mark.parametrize("width", [1, 5, 20, 40, 59, 60, 76, 99, 100, 196])
def test_no_line_is_wider_than_its_place(width: int) -> None:
    wide = changed(slot=12, last_line="語" * 90, run_id="r2", life=3, runs_failed=2, failures=(OOM,))
    waits = changed(slot=2, waits_until=NOW + timedelta(hours=1), run_id="")
    stops = changed(slot=3, stopping="asked", next_stop_step="terminates", next_stop_at=NOW + timedelta(seconds=12))
    shown = view(RUNNING, wide, waits, stops, r2="名前" * 30)
    for names_hosts in (False, True):
        for line in panel_lines(shown, width, names_hosts=names_hosts, hint="+ one more · - one fewer"):
            assert cell_len(line.text) <= width
            assert "\n" not in line.text


def test_slots_line_up_whatever_they_do() -> None:
    waiting = LocalAgent(10, AgentState.WAITING, host_pid=7, device=H100.format(1), last_line="waits for a run")
    first, second = lines_of(view(RUNNING, waiting))
    assert first.index("●") == second.index("○")
    assert first.index("step 3") == second.index("waits for a run")


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (RUNNING, "● running"),
        (changed(draining=True), "◑ draining"),
        (changed(stopping="asked"), "◐ stopping"),
        (changed(state=AgentState.STOPPING), "◐ stopping"),
        (changed(run_id="", state=AgentState.WAITING, waits_until=NOW + timedelta(minutes=4)), "◔ resting"),
        (changed(state=AgentState.WAITING, waits_until=NOW + timedelta(minutes=4)), "↻ retrying"),
        (changed(waits_until=NOW - timedelta(minutes=4)), "● running"),
        (changed(state=AgentState.STOPPED, draining=True), "■ stopped"),
        (changed(state=AgentState.FAILED), "✗ failed"),
    ],
)
def test_every_state_has_a_glyph_and_a_word(agent: LocalAgent, expected: str) -> None:
    assert str(slot_label(agent, NOW)) == expected


@pytest.mark.parametrize("width", [76, 140])
def test_deadlines_are_shown_also_where_there_is_little_room(width: int) -> None:
    stops = changed(stopping="terminated", next_stop_step="kills", next_stop_at=NOW + timedelta(seconds=12))
    assert "kills in 12 s" in lines_of(view(stops), width)[0]
    said = "This slot rests for 5m: 3 runs in a row failed here: CUDA out of memory"
    rests = changed(run_id="", state=AgentState.WAITING, waits_until=NOW + timedelta(minutes=4), last_line=said)
    line = lines_of(view(rests), width)[0]
    assert "rests 4m00s  after 3 runs in a " in line
    again = changed(state=AgentState.WAITING, waits_until=NOW + timedelta(seconds=20), life=2)
    line = lines_of(view(again), width)[0]
    assert "again in 20s" in line and "rose-sweep-1 try 2" in line


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("", ""),
        (H100.format(3), "GPU 3 H100"),
        ("GPU 0 NVIDIA GeForce RTX 4090 (GPU-0011aabb)", "GPU 0 RTX 4090"),
        ("GPU 0:1 NVIDIA A100-SXM4-40GB MIG 1g.5gb (MIG-0011aabb)", "GPU 0:1 A100 1g.5gb"),
        ("GPUs 0, 1 Tesla V100-PCIE-16GB", "GPUs 0,1 V100"),
        ("all 8 GPUs", "all 8 GPUs"),
        ("all GPUs, though none is free", "all GPUs"),
        ("no NVIDIA GPU", "CPU"),
        ("no GPU (--gpus none)", "CPU"),
        ("CUDA_VISIBLE_DEVICES='' hides the machine's 2", "CPU"),
    ],
)
def test_a_device_is_named_in_a_few_letters(label: str, expected: str) -> None:
    assert device_text(label) == expected


def test_the_devices_of_a_host_are_one_phrase() -> None:
    agents = [changed(slot=slot, device=H100.format(slot)) for slot in range(4)]
    assert devices_text(agents) == "4 GPUs H100"
    assert devices_text([changed(device="no NVIDIA GPU")] * 3) == "CPU"
    assert devices_text([changed(device="no NVIDIA GPU", cpu_threads=2)] * 3) == "CPU 2 threads"
    assert host_text(agents) == "process 7 · …/wine/.venv/bin/python 3.11, warm · 4 GPUs H100"
    assert devices_text([changed(device="")]) == ""


def test_a_slot_without_a_gpu_says_how_many_threads_it_has_where_there_is_room() -> None:
    shown = view(changed(device="no NVIDIA GPU", cpu_threads=1))
    assert "CPU 1 thread " in lines_of(shown)[0]
    assert "CPU  ●" in lines_of(shown, 70)[0]


HOSTILE = [
    "\x1b[2J\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07red",
    "\x1b]8;;http://x\x1b\\red\x1b]8;;\x1b\\",
    "re\x00\x07d",
    "\u202ered\u2066",
    "red\r",
    "\x9b31mred",
    "\x1bPq#0;2;0;0;0\x1b\\red",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_steers_a_terminal_is_taken_out(text: str) -> None:
    plain = plain_line(text)
    assert plain.isprintable()
    assert plain.replace(" ", "") == "red"
    (line,) = lines_of(view(changed(last_line=text, device="", run_id="r\x1b[2J1")))
    assert "\x1b" not in line and line.endswith("d")


def test_a_line_without_end_costs_no_more_than_a_screen() -> None:
    assert len(plain_line("a b" * 10_000_000)) <= 2_000
    assert plain_line("\ud800") == "\ufffd"


def test_cutting_counts_cells_not_letters() -> None:
    assert cut("語語語語", 5) == "語語…"
    assert cut("abc", 3) == "abc" and cut("abc", 0) == ""


def test_equal_failures_of_all_slots_are_one_line_the_newest_first() -> None:
    other = FailureGroup("f2", "import_error", "an import failed", "an import failed: No module named 'x'", "r3", 2)
    later = dataclasses.replace(OOM, run_id="r2", count=4)
    shown = view(changed(failures=(OOM, other)), changed(slot=2, failures=(later,)), r2="two", r3="three")
    groups = failure_groups(shown)
    assert [(group.fingerprint, group.count, group.run_id) for group in groups] == [("f1", 5, "r1"), ("f2", 2, "r3")]
    lines = lines_of(shown)
    assert "✗ 7 runs failed for 2 reasons" in lines
    assert any("5 × CUDA out of memory at train.py:41: 20 MiB" in line and "rose-sweep-1" in line for line in lines)


def test_there_is_an_end_to_the_reasons() -> None:
    many = tuple(dataclasses.replace(OOM, fingerprint=f"f{number}") for number in range(MAX_FAILURES + 7))
    lines = lines_of(view(changed(failures=many)))
    assert len(lines) == MAX_FAILURES + 3
    assert lines[-1].strip() == "and 7 more reasons"


def test_slots_that_left_are_shown_only_when_none_works() -> None:
    left = changed(slot=2, state=AgentState.STOPPED, run_id="", failures=(OOM,))
    assert len([line for line in lines_of(view(RUNNING, left)) if "stopped" in line]) == 0
    assert any("1 run failed" in line for line in lines_of(view(RUNNING, left)))
    assert any("■ stopped" in line for line in lines_of(view(left)))


def test_two_hosts_are_named() -> None:
    lines = lines_of(view(RUNNING, changed(host_pid=9)))
    assert lines[0].startswith("process 7") and lines[2].startswith("process 9")


def test_without_agents_it_says_so() -> None:
    (line,) = lines_of(AgentsView(empty_hint="+ starts one."))
    assert line == "No agents on this machine work for this sweep. + starts one."
