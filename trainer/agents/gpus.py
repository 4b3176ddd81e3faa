"""The NVIDIA GPUs of this machine, as NVML answers. Reads only; which slot gets which is decided in `devices`.

`pynvml` is imported where there is a driver, and nowhere else: it takes 30 ms.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from types import ModuleType

MIB = 1 << 20
GIB = 1 << 30
_ANSWER_SECONDS = 30.0
"""Without the persistence daemon the driver wakes each GPU first, which takes seconds; a sick one never answers."""
_NVML_MEMORY_V2 = 0x02000028

_T = TypeVar("_T")


@dataclass(frozen=True)
class GpuUser:
    """A process that uses a GPU."""

    pid: int
    program: str
    """Its short name; empty where it cannot be seen, as from within a container."""
    owner: str
    """Login name, or the number where it has none; empty where it cannot be seen."""
    memory: int | None
    """Bytes; None where the driver does not say."""
    draws_only: bool = False
    """Whether it only draws, as a desktop does, and computes nothing."""

    def __str__(self) -> str:
        who = f"{self.program or 'a process'} (pid {self.pid}{', ' + self.owner if self.owner else ''})"
        return f"{who} {memory_text(self.memory)}" if self.memory is not None else who


@dataclass(frozen=True)
class Gpu:
    """A GPU, or one part of a GPU that is divided (MIG)."""

    index: str
    """As in `nvidia-smi`: `0`; a part of it is `0:1`."""
    uuid: str
    name: str = ""
    memory_total: int = 0
    """Bytes."""
    memory_used: int = 0
    """Bytes, without what the driver keeps for itself."""
    utilization: int | None = None
    """Percent of the last second; None where it is not measured, as for parts of a GPU."""
    users: tuple[GpuUser, ...] = ()
    problem: str = ""
    """Why it cannot be used; empty when it can."""

    @property
    def is_part(self) -> bool:
        """Whether it is a part of a divided GPU."""
        return ":" in self.index

    def __str__(self) -> str:
        return f"GPU {self.index} {self.name}".rstrip()


@dataclass(frozen=True)
class GpuInventory:
    """What NVML said."""

    gpus: tuple[Gpu, ...] = ()
    reason: str = ""
    """Why there are none, as a clause; empty when there are some."""
    is_fault: bool = False
    """Whether `reason` is a fault of the machine, and not simply that it has no GPU."""


def memory_text(size: int) -> str:
    """Return a number of bytes in GiB, or in MiB below one."""
    return f"{size / GIB:.1f} GiB" if size >= GIB - MIB // 2 else f"{size / MIB:.0f} MiB"


def list_gpus(timeout_seconds: float = _ANSWER_SECONDS) -> GpuInventory:
    """Return the GPUs of this machine; never raises for what the driver does.

    Args:
        timeout_seconds: Patience with the driver.
    """
    if sys.platform == "darwin":
        return GpuInventory(reason="no NVIDIA GPU: macOS has none")
    import ctypes

    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return GpuInventory(reason="no NVIDIA GPU: its driver is not installed here")
    answers: list[GpuInventory] = []
    asking = threading.Thread(target=lambda: answers.append(_ask()), name="nvml", daemon=True)
    asking.start()
    asking.join(timeout_seconds)
    if asking.is_alive():
        return _fault(f"the NVIDIA driver did not answer within {timeout_seconds:g} s")
    return answers[0] if answers else _fault("the NVIDIA driver's library does not answer as it should")


def _fault(reason: str) -> GpuInventory:
    return GpuInventory(reason=reason, is_fault=True)


def _ask() -> GpuInventory:
    try:
        import pynvml
    except ImportError:
        return _fault("there is an NVIDIA driver, but the package nvidia-ml-py is not installed")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return _not_initialised(pynvml, error)
    try:
        count = pynvml.nvmlDeviceGetCount()
        gpus = [gpu for number in range(count) for gpu in _read_gpu(pynvml, number)]
    except pynvml.NVMLError as error:
        return _fault(f"the NVIDIA driver fails: {error}")
    # Not shut down: the process ends soon, and a driver that fails would fail in this too.
    return GpuInventory(tuple(gpus), reason="" if gpus else "no NVIDIA GPU: its driver sees none")


def _not_initialised(nvml: ModuleType, error: Any) -> GpuInventory:
    if error.value == nvml.NVML_ERROR_DRIVER_NOT_LOADED:
        return _fault("the NVIDIA driver is installed but not loaded: try `nvidia-smi`, or restart the machine")
    if error.value == nvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH:
        return _fault(
            "the NVIDIA driver was updated while the old one runs (driver/library version mismatch): no GPU can be "
            "used until the machine is restarted or the driver's modules are loaded anew"
        )
    if error.value == nvml.NVML_ERROR_NO_PERMISSION:
        return _fault("you may not use the NVIDIA driver: ask for access to /dev/nvidia*")
    return _fault(f"the NVIDIA driver does not start: {error}")


def _read_gpu(nvml: ModuleType, number: int) -> Iterable[Gpu]:
    """Return a GPU, or the parts of one that is divided; one that fails is returned with its problem."""
    known = Gpu(str(number), uuid="")
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(number)
        known = replace(known, uuid=nvml.nvmlDeviceGetUUID(handle))
        known = replace(known, name=nvml.nvmlDeviceGetName(handle))
        if _optional(nvml, lambda: nvml.nvmlDeviceGetMigMode(handle)[0], 0) == 1:
            return _parts(nvml, known, handle)
        return [_measured(nvml, known, handle)]
    except nvml.NVMLError as error:
        return [replace(known, problem=_problem(nvml, error))]


def _parts(nvml: ModuleType, whole: Gpu, handle: Any) -> list[Gpu]:
    parts = []
    for number in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        try:
            part = nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, number)
        except nvml.NVMLError_NotFound:
            # Places of the table without a part.
            continue
        known = Gpu(f"{whole.index}:{number}", nvml.nvmlDeviceGetUUID(part))
        known = replace(known, name=_optional(nvml, lambda: nvml.nvmlDeviceGetName(part), whole.name))  # noqa: B023
        try:
            parts.append(_measured(nvml, known, part))
        except nvml.NVMLError as error:
            parts.append(replace(known, problem=_problem(nvml, error)))
    return parts or [replace(whole, problem="it is in MIG mode and not divided: nothing can run on it")]


def _measured(nvml: ModuleType, known: Gpu, handle: Any) -> Gpu:
    try:
        # Version 1 counts what the driver keeps for itself as used: 600 MiB of an H100.
        memory = nvml.nvmlDeviceGetMemoryInfo(handle, version=_NVML_MEMORY_V2)
    except (nvml.NVMLError_FunctionNotFound, nvml.NVMLError_NotSupported, nvml.NVMLError_InvalidArgument):
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    utilization = _optional(nvml, lambda: int(nvml.nvmlDeviceGetUtilizationRates(handle).gpu), None)
    nothing: list[Any] = []
    computing = _optional(nvml, lambda: nvml.nvmlDeviceGetComputeRunningProcesses(handle), nothing)
    drawing = _optional(nvml, lambda: nvml.nvmlDeviceGetGraphicsRunningProcesses(handle), nothing)
    memory_of = {process.pid: process.usedGpuMemory for process in [*drawing, *computing]}
    computing_pids = {process.pid for process in computing}
    users = tuple(_user(pid, used, draws_only=pid not in computing_pids) for pid, used in sorted(memory_of.items()))
    return replace(
        known,
        memory_total=int(memory.total),
        memory_used=int(memory.used),
        utilization=utilization,
        users=users,
    )


def _problem(nvml: ModuleType, error: Any) -> str:
    known = {
        nvml.NVML_ERROR_GPU_IS_LOST: "it is lost: it has fallen off the bus, or was taken away; see `dmesg`",
        nvml.NVML_ERROR_RESET_REQUIRED: "it has to be reset first (`nvidia-smi --gpu-reset`)",
        nvml.NVML_ERROR_NO_PERMISSION: "you may not use it",
        nvml.NVML_ERROR_INSUFFICIENT_POWER: "its power cables are not connected properly",
    }
    return known.get(error.value, f"the driver says: {error}")


def _optional(nvml: ModuleType, read: Callable[[], _T], otherwise: _T) -> _T:
    """Return what a driver may not tell; a GPU that is gone is an error all the same."""
    try:
        return read()
    except nvml.NVMLError as error:
        if error.value in (nvml.NVML_ERROR_GPU_IS_LOST, nvml.NVML_ERROR_RESET_REQUIRED):
            raise
        return otherwise


def _user(pid: int, memory: int | None, *, draws_only: bool) -> GpuUser:
    folder = Path("/proc") / str(pid)
    try:
        program = (folder / "comm").read_text(encoding="utf-8", errors="replace").strip()
        owner = _login(folder.stat().st_uid)
    except OSError:
        # Of another container, or just ended.
        return GpuUser(pid, "", "", memory, draws_only)
    return GpuUser(pid, program, owner, memory, draws_only)


def _login(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def visible_gpus(gpus: Iterable[Gpu], environ: Mapping[str, str] = os.environ) -> tuple[Gpu, ...]:
    """Return the GPUs that CUDA_VISIBLE_DEVICES leaves us, in its order; all where it is not set.

    Entries are read as CUDA reads them: numbers or beginnings of UUIDs, up to the first that names nothing. Numbers
    mean the order of `nvidia-smi`; it is CUDA's too where all GPUs are alike, or with CUDA_DEVICE_ORDER=PCI_BUS_ID.

    Source: CUDA C++ Programming Guide 12.9, "CUDA Environment Variables".
    """
    listed = tuple(gpus)
    text = environ.get("CUDA_VISIBLE_DEVICES")
    if text is None:
        return listed
    kept: list[Gpu] = []
    for entry in text.split(","):
        named = named_gpus(listed, entry.strip())
        if not named or any(gpu in kept for gpu in named):
            break
        kept += named
    return tuple(kept)


def named_gpus(gpus: Iterable[Gpu], name: str) -> list[Gpu]:
    """Return the GPU that a number or the beginning of a UUID names; of a divided one, all parts by its number."""
    if name.upper().startswith(("GPU-", "MIG-")):
        found = [gpu for gpu in gpus if gpu.uuid.lower().startswith(name.lower())]
        return found if len(found) == 1 else []
    return [gpu for gpu in gpus if name and (gpu.index == name or gpu.index.partition(":")[0] == name)]
