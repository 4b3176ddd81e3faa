"""A machine without room or memory: a library before the C library, made from `library.c`, that says so to hosts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "library.c"


@dataclass(frozen=True)
class PoorMachine:
    """A folder with the library, and the files it looks at."""

    folder: Path

    @property
    def full(self) -> Path:
        """Exists while the disks have no room."""
        return self.folder / "full"

    @property
    def vmstat(self) -> Path:
        """What the kernel says."""
        return self.folder / "vmstat"

    @property
    def environ(self) -> dict[str, str]:
        """What has a process load the library."""
        library = str(self.folder / "machine.so")
        return {"LD_PRELOAD": library, "MACHINE_FULL": str(self.full), "MACHINE_VMSTAT": str(self.vmstat)}


def make_poor_machine(folder: Path) -> PoorMachine:
    """Compile the library into a folder; skip where nothing can compile it."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("no C compiler to make the library with, or not Linux")
    target = str(folder / "machine.so")
    subprocess.run([compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", target, str(SOURCE), "-ldl"], check=True)
    machine = PoorMachine(folder)
    machine.vmstat.write_text("oom_kill 0\n")
    return machine
