from __future__ import annotations

import dataclasses
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.agents.test_starting import make_spec
from trainer.agents.crashed import folder_prefix
from trainer.agents.host_files import HostFiles, RunStarts, SlotStatus
from trainer.agents.pool import known_agents, local_agents
from trainer.paths import agents_dir
from trainer.records import FailureGroup, LocalAgent
from trainer.states import AgentState

OOM = FailureGroup("f1", "cuda_oom", "CUDA out of memory", "CUDA out of memory at train.py:41", "r1", 3)


def test_a_host_that_has_ended_still_tells_why_runs_failed(tmp_path: Path) -> None:
    spec = dataclasses.replace(make_spec(tmp_path), pid=1 << 22, process_start="1")
    for name in ("whole", "damaged"):
        files = HostFiles(agents_dir() / f"{folder_prefix(spec.reference)}{name}")
        files.directory.mkdir(parents=True)
        files.write_spec(spec)
        well = LocalAgent(1, AgentState.STOPPED, host_pid=spec.pid)
        files.write_state([SlotStatus(well), SlotStatus(dataclasses.replace(well, slot=2, failures=(OOM,)))])
    files.state_path.write_text("{", encoding="utf-8")
    # Nothing is alive, so `local_agents` reads only what is recent; the damaged folder is made old for it.
    os.utime(files.state_path, (0, 0))
    assert local_agents(spec.reference) == ()
    (agent,) = known_agents(spec.reference)
    assert (agent.slot, agent.failures) == (2, (OOM,))


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        (RunStarts("warm", "/home/me/wine/.venv/bin/python", "3.11.7"), "…/wine/.venv/bin/python 3.11, warm"),
        (RunStarts("fresh", "/usr/bin/python3", "", "it is asked for"), "/usr/bin/python3, fresh: it is asked for"),
        (RunStarts("warming", "/usr/bin/python3"), "/usr/bin/python3, warming"),
        (RunStarts("fresh", reason="no Python starts"), "fresh: no Python starts"),
    ],
)
def test_how_runs_start_is_said_in_a_few_words(starts: RunStarts, expected: str) -> None:
    assert starts.short == expected


def test_a_slot_that_rests_or_leaves_is_not_ready() -> None:
    ready = LocalAgent(1, AgentState.WAITING)
    assert ready.is_ready
    assert not dataclasses.replace(ready, draining=True).is_ready
    assert not dataclasses.replace(ready, state=AgentState.STOPPED).is_ready
    assert not dataclasses.replace(ready, waits_until=datetime.now(UTC)).is_ready
    assert dataclasses.replace(ready, waits_until=datetime.now(UTC), run_id="r1").is_ready
