"""A slot's device on its way: into the host's files, into the state others read, into the environment of a run."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.unit.agents.test_starting import make_spec, make_starter
from trainer.agents import assignment
from trainer.agents.assignment import assign_devices, devices_for_more, read_occupancy
from trainer.agents.devices import DeviceWish, SlotDevice
from trainer.agents.environment import run_environment
from trainer.agents.gpus import GIB, Gpu, GpuInventory, GpuUser
from trainer.agents.host_files import HostFiles, SlotStatus
from trainer.errors import DeviceError
from trainer.paths import agents_dir
from trainer.process_identity import process_start
from trainer.records import AgentCommand, LocalAgent
from trainer.settings import ServerKind
from trainer.states import AgentState

RUN_WITH_WORKER = """
import subprocess
worker = subprocess.Popen(["sleep", "60"])
print(worker.pid, flush=True)
worker.wait()
"""
INTERVAL = "WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL"


def test_devices_are_in_the_host_s_files_and_files_of_before_have_none(tmp_path: Path) -> None:
    files = HostFiles(tmp_path)
    devices = (SlotDevice(("GPU-a", "GPU-b"), "GPUs 0, 1"), SlotDevice((), "no GPU"), SlotDevice())
    spec = dataclasses.replace(
        make_spec(tmp_path), slots=4, devices=devices, cpu_threads=2, live=True, device_wish=DeviceWish("0", 2)
    )
    files.write_spec(spec)
    assert files.read_spec() == spec
    assert [spec.device_of(slot) for slot in range(1, 5)] == [*devices, SlotDevice()]
    status = SlotStatus(LocalAgent(1, AgentState.WAITING, device="GPU 0", gpu_uuids=("GPU-a",)))
    files.write_state([status])
    assert files.read_state() == (status,)

    entry = json.loads((tmp_path / "host.json").read_text())
    state = json.loads(files.state_path.read_text())
    for name in ("devices", "device_wish", "cpu_threads", "live"):
        del entry[name]
    for name in ("device", "gpu_uuids"):
        del state["slots"][0][name]
    (tmp_path / "host.json").write_text(json.dumps(entry))
    files.state_path.write_text(json.dumps(state))
    assert files.read_spec().devices == () and files.read_spec().cpu_threads == 0
    assert files.read_state()[0].agent.gpu_uuids == ()


@pytest.mark.parametrize(
    ("device", "expected"),
    [(None, "7"), (SlotDevice(), "7"), (SlotDevice(()), ""), (SlotDevice(("GPU-a", "GPU-b")), "GPU-a,GPU-b")],
)
def test_a_run_sees_its_slot_s_gpus_else_the_user_s(device: SlotDevice | None, expected: str, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import os\nprint(os.environ['CUDA_VISIBLE_DEVICES'])")
    starter = make_starter(make_spec(tmp_path), tmp_path / "host", CUDA_VISIBLE_DEVICES="7")
    process = starter.start(AgentCommand("run", "r1", {}), lambda: None, device)
    process.wait(30)
    assert process.log_path.read_text() == f"{expected}\n"


def test_threads_are_limited_unless_the_user_has_done_so(tmp_path: Path) -> None:
    spec = dataclasses.replace(make_spec(tmp_path), cpu_threads=3)
    limited = run_environment({}, spec, tmp_path)
    assert limited["OMP_NUM_THREADS"] == "3"
    # A sweep that a run starts has its own share, and not a share that it takes for the user's wish.
    assert run_environment(limited, dataclasses.replace(spec, cpu_threads=1), tmp_path)["OMP_NUM_THREADS"] == "1"
    assert run_environment({"OMP_NUM_THREADS": "5"}, spec, tmp_path)["OMP_NUM_THREADS"] == "5"
    assert "OMP_NUM_THREADS" not in run_environment({}, make_spec(tmp_path), tmp_path)


@pytest.mark.parametrize(
    ("kind", "live", "expected"),
    [(ServerKind.EMBEDDED, False, "1"), (ServerKind.CLOUD, True, "1"), (ServerKind.CLOUD, False, None)],
)
def test_rows_are_sent_each_second_to_the_embedded_server_and_where_it_was_asked_for(
    kind: ServerKind, live: bool, expected: str | None, tmp_path: Path
) -> None:
    spec = dataclasses.replace(make_spec(tmp_path), kind=kind, live=live)
    assert run_environment({}, spec, tmp_path).get(INTERVAL) == expected
    assert run_environment({INTERVAL: "5"}, spec, tmp_path)[INTERVAL] == "5"


def test_a_limit_of_threads_reaches_what_numpy_computes_with() -> None:
    show = "import numpy, threadpoolctl; print({p['num_threads'] for p in threadpoolctl.threadpool_info()})"
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    answer = subprocess.run(
        [sys.executable, "-c", show], env=environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=True
    )
    assert answer.stdout == "{1}\n"


def test_gpus_of_live_agents_are_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # This process stands in for a host, its child for a run that has started a process of its own on the GPU.
    run = subprocess.Popen(
        [sys.executable, "-c", RUN_WITH_WORKER],
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        assert run.stdout is not None
        worker = int(run.stdout.readline())
        files = HostFiles(agents_dir() / "abc--1")
        files.directory.mkdir(parents=True)
        files.write_spec(
            dataclasses.replace(make_spec(tmp_path), pid=os.getpid(), process_start=process_start(os.getpid()))
        )
        at_work = LocalAgent(1, AgentState.RUNNING, device="GPU 0", gpu_uuids=("GPU-0",))
        gone = LocalAgent(2, AgentState.FAILED, gpu_uuids=("GPU-1",))
        files.write_state([SlotStatus(at_work, run.pid, process_start(run.pid)), SlotStatus(gone)])
        users = (GpuUser(worker, "python", "me", 30 * GIB), GpuUser(os.getppid(), "other", "me", GIB))
        gpus = (Gpu("0", "GPU-0", "H100", 80 * GIB, 31 * GIB, 0, users), Gpu("1", "GPU-1", "H100", 80 * GIB, 0))
        monkeypatch.setattr(assignment, "list_gpus", lambda: GpuInventory(gpus))

        occupancy = read_occupancy(GpuInventory(gpus))
        assert occupancy.holders == {"GPU-0": ["slot 1 of sweep me/wine/abc"]}
        assert occupancy.slots == 1
        assert occupancy.pids == {worker}
        plan = assign_devices(DeviceWish("all"), None, {})
        assert [slot.gpu_uuids for slot in plan.slots] == [("GPU-1",)]
        assert plan.cpu_threads >= 1

        # Whoever asks meanwhile waits until these are on record, or given up.
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(assign_devices, DeviceWish("1"), None, {})
            with pytest.raises(TimeoutError):
                other.result(0.3)
            plan.release()
            other.result(20).release()
        # A host's further slots: as many as there is room for, and none of those that are taken.
        with devices_for_more(DeviceWish("all"), 3) as (devices, reason):
            assert [device.gpu_uuids for device in devices] == [("GPU-1",)]
            assert "3 agents need 3 GPUs" in reason
        with devices_for_more(DeviceWish("all", per_run=2), 1) as (devices, reason):
            assert devices == () and "no 2 GPUs of one kind" in reason
        with devices_for_more(DeviceWish(), 1) as (devices, reason):
            assert ([device.gpu_uuids for device in devices], reason) == ([("GPU-1",)], "")
        with devices_for_more(None, 2) as (devices, reason):
            assert (devices, reason) == ((SlotDevice(), SlotDevice()), "")
        # What takes no GPU waits for nobody, and keeps nobody waiting.
        assert assign_devices(DeviceWish("none"), 1, {}).slots[0].gpu_uuids == ()
        with pytest.raises(DeviceError):
            assign_devices(DeviceWish("7"), 1, {})
        assign_devices(DeviceWish("all"), None, {}).release()
    finally:
        os.killpg(run.pid, 9)
        run.wait()


def test_a_damaged_folder_of_another_host_keeps_nobody_from_starting() -> None:
    folder = agents_dir() / "abc--1"
    folder.mkdir(parents=True)
    HostFiles(folder).write_spec(dataclasses.replace(make_spec(folder), pid=1 << 22, process_start="1"))
    (folder / "state.json").write_text("{")
    assert read_occupancy(GpuInventory()).slots == 0
