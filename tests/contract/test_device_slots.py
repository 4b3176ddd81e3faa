"""Slots pinned to GPUs: what real runs see of them, warm and fresh, on a machine whose GPUs NVML's library makes up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.agent_launches import end_hosts, events_of
from tests.nvml.library import Machine, make_machine, uuid_of
from trainer.agents.cpus import usable_cores
from trainer.agents.gpus import GIB
from trainer.agents.pool import live_hosts, recent_hosts
from trainer.agents.requests import ADD_SLOTS, HostRequest
from trainer.errors import AgentError
from trainer.records import Json, SweepRecord
from trainer.tracking.wandb_client import WandbClient

# Each run waits for the other, so that both slots have one.
SHOW = """
import os, pathlib, sys, time
import numpy
import threadpoolctl
import wandb

folder = pathlib.Path("started")
with wandb.init() as run:
    threads = max(pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas")
    names = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL")
    run.summary.update({name: os.environ.get(name, "not set") for name in names})
    run.summary["blas_threads"] = threads
    run.summary["is_warm"] = "_sweep_tui_bootstrap" in sys.modules
    folder.mkdir(exist_ok=True)
    (folder / run.id).touch()
    deadline = time.monotonic() + 60
    while len(list(folder.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    run.log({"acc": 1})
"""
CONFIG: dict[str, Json] = {
    "method": "grid",
    "metric": {"name": "acc", "goal": "maximize"},
    "program": "train.py",
    "parameters": {"x": {"values": [1, 2]}},
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return make_machine(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def sweep(client: WandbClient, tmp_path: Path) -> Iterator[SweepRecord]:
    (tmp_path / "train.py").write_text(SHOW)
    yield client.create_sweep(CONFIG, client.connection.entity, "devices")
    end_hosts()


def agent(
    client: WandbClient, sweep: SweepRecord, cwd: Path, *options: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    connection = client.connection
    environ = {"PYTHONPATH": str(Path(__file__).parents[2]), "WANDB_API_KEY": connection.api_key, **environ}
    return subprocess.run(
        [sys.executable, "-m", "trainer", "agent", str(sweep.reference), "--server", connection.base_url, *options],
        cwd=cwd,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_warm_runs_see_their_slot_s_gpu_and_share_of_the_cores(
    client: WandbClient, sweep: SweepRecord, library: Machine, tmp_path: Path
) -> None:
    library.lines.clear()
    for number in range(3):
        library.add(used=40 * GIB if number == 1 else 0)
    library.use(uuid_of(1), os.getpid(), 40 * GIB)
    done = agent(client, sweep, tmp_path, "--gpus", "all", **library.environ)
    assert done.returncode == 0, done.stderr
    share = max(1, usable_cores() // 2)
    threads = f"{share} thread{'s' if share > 1 else ''}"
    assert f"slot 1: GPU 0 NVIDIA H100 80GB HBM3 ({uuid_of(0)[:12]}), {threads}\n" in done.stderr
    assert f"slot 2: GPU 2 NVIDIA H100 80GB HBM3 ({uuid_of(2)[:12]}), {threads}\n" in done.stderr
    assert "GPU 1 NVIDIA H100 80GB HBM3 is skipped: " in done.stderr and f"(pid {os.getpid()}, " in done.stderr
    summaries = [run.summary for run in client.read_runs(sweep)]
    assert sorted(str(summary["CUDA_VISIBLE_DEVICES"]) for summary in summaries) == [uuid_of(0), uuid_of(2)]
    assert [(summary["OMP_NUM_THREADS"], summary["blas_threads"]) for summary in summaries] == [(str(share), share)] * 2
    assert all(summary["is_warm"] for summary in summaries)


def test_fresh_runs_keep_to_the_gpus_and_threads_that_the_user_has_left_them(
    client: WandbClient, sweep: SweepRecord, library: Machine, tmp_path: Path
) -> None:
    library.lines.clear()
    for _ in range(3):
        library.add()
    hidden = {"CUDA_VISIBLE_DEVICES": "2,1", "OMP_NUM_THREADS": "1"}
    done = agent(client, sweep, tmp_path, "-a", "2", "--fresh", **library.environ, **hidden)
    assert done.returncode == 0, done.stderr
    assert "slot 1: GPU 2" in done.stderr and "slot 2: GPU 1" in done.stderr and "GPU 0" not in done.stderr
    summaries = [run.summary for run in client.read_runs(sweep)]
    assert sorted(str(summary["CUDA_VISIBLE_DEVICES"]) for summary in summaries) == [uuid_of(1), uuid_of(2)]
    assert [(summary["OMP_NUM_THREADS"], summary["is_warm"]) for summary in summaries] == [("1", False)] * 2


def test_slots_that_are_added_get_gpus_of_their_own_as_far_as_there_are_some(
    client: WandbClient, sweep: SweepRecord, library: Machine, tmp_path: Path
) -> None:
    library.lines.clear()
    for number in range(3):
        library.add(used=40 * GIB if number == 1 else 0)
    detached = agent(client, sweep, tmp_path, "-a", "1", "--gpus", "all", "--detach", **library.environ)
    assert detached.returncode == 0, detached.stderr
    (host,) = live_hosts(sweep.reference)
    assert [slot.gpu_uuids for slot in host.agents()] == [(uuid_of(0),)]
    # Its run waits for another one.
    with pytest.raises(
        AgentError, match=r"Slot 2 could be started and no more: 5 agents need 5 GPUs, and there is room for 1"
    ):
        host.ask_and_wait(HostRequest(ADD_SLOTS, count=5))
    assert host.wait(60)
    assert [slot.gpu_uuids for slot in host.agents()] == [(uuid_of(0),), (uuid_of(2),)]
    summaries = [run.summary for run in client.read_runs(sweep)]
    assert sorted(str(summary["CUDA_VISIBLE_DEVICES"]) for summary in summaries) == [uuid_of(0), uuid_of(2)]


def test_without_a_gpu_slots_share_the_cores_and_gpus_asked_for_are_an_error(
    client: WandbClient, sweep: SweepRecord, tmp_path: Path
) -> None:
    refused = agent(client, sweep, tmp_path, "--gpus", "all")
    assert refused.returncode == 2
    assert "none can be used: no NVIDIA GPU" in refused.stderr and "--gpus none" in refused.stderr
    assert live_hosts(sweep.reference) == []
    done = agent(client, sweep, tmp_path, "-a", "2", "--gpus", "none", "--live")
    assert done.returncode == 0, done.stderr
    assert "Devices: no GPU (--gpus none), " in done.stderr
    summaries = [run.summary for run in client.read_runs(sweep)]
    # A server that was named by its address is anybody's: only `--live` makes rows arrive at once.
    assert [
        (summary["CUDA_VISIBLE_DEVICES"], summary["WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL"]) for summary in summaries
    ] == [("", "1")] * 2


# Each run plays what its GPU holds after it: memory of itself, which is gone, of the test, and of nobody that is seen.
HOLD = """
import os, sys, time
path, x = os.environ["NVML_ANSWERS"], sys.argv[1].partition("=")[2]
time.sleep(0.5)
gpu = os.environ["CUDA_VISIBLE_DEVICES"]
with open(path) as file:
    lines = file.read().splitlines()
if x == "1":
    lines[0] = lines[0].replace("|4194304|", f"|{9 << 30}|")
    lines += [f"process|{gpu}|c|{os.getpid()}|{3 << 30}", f"process|{gpu}|c|{os.environ['TESTING']}|{2 << 30}"]
with open(path + ".new", "w") as file:
    file.write("\\n".join(lines) + "\\n")
os.replace(path + ".new", path)
print("done")
"""


def test_memory_that_a_gpu_still_holds_after_a_run_is_told_once(
    client: WandbClient, sweep: SweepRecord, library: Machine, tmp_path: Path
) -> None:
    library.lines.clear()
    library.add()
    (tmp_path / "train.py").write_text(HOLD)
    done = agent(client, sweep, tmp_path, "--gpus", "0", TESTING=str(os.getpid()), **library.environ)
    assert done.returncode == 1, "its runs never called wandb.init"
    (host,) = recent_hosts()
    first = events_of(host, "run_started")[0]
    told = [str(event["message"]) for event in events_of(host, "gpu_memory_held")]
    # The next run begins meanwhile, so that what it left may be told first.
    start = f"After run {first['run_id']}, memory is in use that was free before: on GPU 0 NVIDIA"
    (of_first,) = [message for message in told if message.startswith(start)]
    assert f"3.0 GiB of process {first['pid']}, which is gone or cannot be seen from here" in of_first
    stranger = f"(pid {os.getpid()}, "
    assert stranger in of_first and ") 2.0 GiB, which the run did not start as far as can be seen" in of_first
    # What no process holds is known once no run of ours is on the GPU: after the first run, or after the second.
    both = " ".join(told)
    assert both.count("4.0 GiB of no process that can be seen from here") == both.count(stranger) == 1
    assert [done.stderr.count(message) for message in told] == [1] * len(told)
