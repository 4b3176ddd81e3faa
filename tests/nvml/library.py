"""GPUs for machines without: NVML's shared library, made from `library.c`, which answers what a test writes down.

What is above it is real: the dynamic loader, pynvml, its structures. Its answers are written as the driver gives them
on such machines.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from trainer.agents.gpus import GIB, MIB

SOURCE = Path(__file__).parent / "library.c"
H100 = "NVIDIA H100 80GB HBM3"
LOST, NO_PERMISSION, DRIVER_NOT_LOADED, VERSION_MISMATCH = 15, 4, 9, 18


def uuid_of(number: int) -> str:
    return f"GPU-{number:08x}-1111-2222-3333-444455556666"


@dataclass
class Machine:
    """A folder with the library, and the file it answers from."""

    folder: Path
    lines: list[str] = field(default_factory=list)

    def add(
        self, name: str = H100, *, total: int = 80 * GIB, used: int = 4 * MIB, utilization: int = 0, error: int = 0,
        uuid: str = "", parts: Sequence[tuple[str, int, int]] = (),
    ) -> str:  # fmt: skip
        """Add a GPU; return its UUID. Parts are UUID, bytes, and used bytes."""
        index = sum(line.startswith("gpu|") for line in self.lines)
        uuid = uuid or uuid_of(index)
        places = 7 if parts else 0
        self.lines.append(f"gpu|{index}|{uuid}|{name}|{total}|{600 * MIB}|{used}|{utilization}|{places}|{error}")
        for place, (part, size, part_used) in enumerate(parts):
            self.lines.append(f"part|{index}|{part}|{name} MIG 1g.10gb|{size}|0|{part_used}|-1|{place}|0")
        return self.write(uuid)

    def use(self, uuid: str, pid: int, memory: int = -1, *, draws: bool = False) -> None:
        """Add a process that uses a GPU."""
        self.lines.append(f"process|{uuid}|{'g' if draws else 'c'}|{pid}|{memory}")
        self.write("")

    def fail(self, error: int) -> None:
        """Have the driver not start."""
        self.lines.append(f"init|{error}")
        self.write("")

    def write(self, text: str) -> str:
        self.answers.write_text("".join(f"{line}\n" for line in self.lines))
        return text

    @property
    def answers(self) -> Path:
        return self.folder / "answers"

    @property
    def environ(self) -> dict[str, str]:
        """What has a process find the library."""
        return {"LD_LIBRARY_PATH": str(self.folder), "NVML_ANSWERS": str(self.answers)}


def make_cuda(folder: Path) -> Path:
    """Compile a CUDA driver that knows only whether it was initialised; skip where nothing can compile it."""
    target = folder / "libcuda.so.1"
    _compile(Path(__file__).parent / "cuda.c", target)
    return target


def _compile(source: Path, target: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler to make the driver's library with")
    subprocess.run([compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", str(target), str(source)], check=True)


def make_machine(folder: Path) -> Machine:
    """Compile the library into a folder; skip where nothing can compile it."""
    pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed; pyproject.toml names it")
    _compile(SOURCE, folder / "libnvidia-ml.so.1")
    machine = Machine(folder)
    machine.write("")
    return machine
