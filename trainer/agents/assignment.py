"""What this machine has for new slots, and what our agents hold of it already; the plan that `devices` makes of it."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from trainer.agents.cpus import seen_cores, usable_cores
from trainer.agents.devices import NONE, DevicePlan, DeviceWish, Occupancy, SlotDevice, plan_devices
from trainer.agents.environment import limits_threads
from trainer.agents.gpus import GpuInventory, list_gpus, visible_gpus
from trainer.agents.host_files import HostFiles
from trainer.agents.pool import live_hosts
from trainer.errors import AgentError, DeviceError
from trainer.paths import agents_dir

logger = logging.getLogger(__name__)

_TURN_SECONDS = 60.0
"""Longer than a launch takes, server and sweep included."""
_TURN_POLL_SECONDS = 0.05


def assign_devices(wish: DeviceWish, slots: int | None, environ: Mapping[str, str] = os.environ) -> DevicePlan:
    """Decide what each slot of a new host gets, on this machine as it is now; blocks while the driver answers.

    Where GPUs are given, whoever asks next waits until these are on record: `DevicePlan.release` says so, or the end of
    this process.

    Args:
        wish: What the user asked for.
        slots: Slots asked for, at least 1; None to have the GPUs say.
        environ: The environment that the runs will inherit.

    Raises:
        DeviceError: If the GPUs asked for cannot be had.
    """
    inventory = GpuInventory() if wish.gpus == NONE else our_gpus(environ)
    cores = usable_cores()
    release = _take_turn() if inventory.gpus else _nothing
    try:
        plan = plan_devices(
            wish,
            slots,
            inventory,
            cores=cores,
            occupancy=read_occupancy(inventory),
            leave_threads=limits_threads(environ),
            quota=cores < seen_cores(),
        )
    except BaseException:
        release()
        raise
    if any(slot.gpu_uuids for slot in plan.slots):
        return replace(plan, release=release)
    release()
    return plan


@contextmanager
def devices_for_more(wish: DeviceWish | None, slots: int) -> Iterator[tuple[tuple[SlotDevice, ...], str]]:
    """Give what up to so many more slots of a host get, and why not more; they are claimed while the block runs.

    Args:
        wish: What was asked for when the host was started; None leaves the GPUs as they are.
        slots: Slots to add; none are with 0 or less.
    """
    if wish is None or slots < 1:
        yield (SlotDevice(),) * slots, ""
        return
    reason = ""
    try:
        try:
            plan = assign_devices(wish, slots)
        except DeviceError as error:
            # As many as there is room for.
            reason = str(error)
            plan = assign_devices(wish, None)
    except DeviceError as error:
        yield (), str(error)
        return
    try:
        yield plan.slots[:slots], reason
    finally:
        plan.release()


def _nothing() -> None:
    return


def _take_turn() -> Callable[[], None]:
    """Wait until nobody else is about to give out GPUs, then keep others waiting; return what lets them go on."""
    path = agents_dir() / "devices.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = path.open("a")
    except OSError as error:
        # Whoever starts the agents will meet it too, and says it better.
        logger.warning("GPUs are given out without a lock: %s", error)
        return _nothing
    deadline = time.monotonic() + _TURN_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if time.monotonic() >= deadline or error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                # A launch that is stuck, or a file system without locks: two hosts may then choose the same GPU.
                logger.warning("GPUs are given out without a lock: %s", error)
                return lock.close
        else:
            return lock.close
        time.sleep(_TURN_POLL_SECONDS)


def our_gpus(environ: Mapping[str, str] = os.environ) -> GpuInventory:
    """Return the GPUs that are ours to use: those of the machine, or those that CUDA_VISIBLE_DEVICES names."""
    inventory = list_gpus()
    visible = visible_gpus(inventory.gpus, environ)
    if inventory.gpus and not visible:
        named = environ["CUDA_VISIBLE_DEVICES"]
        return GpuInventory(reason=f"CUDA_VISIBLE_DEVICES={named!r} hides the machine's {len(inventory.gpus)}")
    return replace(inventory, gpus=visible)


def read_occupancy(inventory: GpuInventory) -> Occupancy:
    """Return what our agents on this machine hold."""
    holders: dict[str, list[str]] = defaultdict(list)
    slots, leaders, in_use = 0, set[int](), set[str]()
    try:
        states = [(host, HostFiles(host.directory).read_state()) for host in live_hosts()]
    except AgentError as error:
        # A damaged folder of another host must not keep this one from starting.
        logger.warning("what other agents hold is not known: %s", error)
        states = []
    for host, statuses in states:
        for status in statuses:
            if status.agent.state.is_terminal:
                continue
            slots += 1
            leaders.add(status.child_pid)
            for uuid in status.agent.gpu_uuids:
                holders[uuid].append(f"slot {status.agent.slot} of sweep {host.reference}")
                if status.child_pid:
                    in_use.add(uuid)
    pids = {user.pid for gpu in inventory.gpus for user in gpu.users}
    ours = frozenset(pid for pid in pids if _descends_from(pid, leaders - {0}))
    return Occupancy(holders, slots, ours, frozenset(in_use))


def _descends_from(pid: int, leaders: set[int]) -> bool:
    """Return whether a process is one of `leaders`, or was started by one, at any remove."""
    while pid > 1:
        if pid in leaders:
            return True
        pid = _parent(pid)
    return False


def _parent(pid: int) -> int:
    try:
        text = (Path("/proc") / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        # The name in parentheses may hold spaces; state and parent follow it (proc_pid_stat(5), fields 3 and 4).
        return int(text.rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0
