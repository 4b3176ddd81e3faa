"""GPUs as NVML answers: a real shared library behind the real pynvml, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.nvml.library import (
    DRIVER_NOT_LOADED,
    LOST,
    NO_PERMISSION,
    VERSION_MISMATCH,
    Machine,
    make_machine,
    uuid_of,
)
from trainer.agents.gpus import GIB, MIB, list_gpus

LIST = """
import dataclasses, json
from trainer.agents.gpus import list_gpus
print(json.dumps(dataclasses.asdict(list_gpus())))
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return make_machine(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def machine(library: Machine) -> Machine:
    library.lines.clear()
    library.write("")
    return library


def python(machine: Machine, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **machine.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def listed(machine: Machine, **environ: str) -> dict[str, Any]:
    answer = python(machine, "-c", LIST, **environ)
    assert answer.returncode == 0, answer.stderr
    inventory: dict[str, Any] = json.loads(answer.stdout)
    return inventory


def test_a_machine_without_a_driver_has_no_gpu() -> None:
    assert list_gpus().reason.startswith("no NVIDIA GPU")
    assert not list_gpus().is_fault


def test_a_driver_without_gpus_says_so(machine: Machine) -> None:
    assert listed(machine) == {"gpus": [], "reason": "no NVIDIA GPU: its driver sees none", "is_fault": False}


def test_two_gpus_one_busy(machine: Machine) -> None:
    machine.add()
    machine.add(used=40 * GIB, utilization=98)
    machine.use(uuid_of(1), os.getpid(), 39 * GIB)
    machine.use(uuid_of(1), 1 << 22)
    machine.use(uuid_of(1), os.getppid(), 100 * MIB, draws=True)
    free, busy = listed(machine)["gpus"]
    assert (free["index"], free["uuid"], free["name"]) == ("0", uuid_of(0), "NVIDIA H100 80GB HBM3")
    # What the driver keeps for itself is not in use.
    assert (free["memory_total"], free["memory_used"], free["utilization"]) == (80 * GIB, 4 * MIB, 0)
    assert free["users"] == []
    assert busy["utilization"] == 98
    users = {user["pid"]: user for user in busy["users"]}
    mine = users[os.getpid()]
    assert mine["program"] == Path("/proc/self/comm").read_text().strip()
    assert (mine["memory"], mine["draws_only"], mine["owner"] != "") == (39 * GIB, False, True)
    # A process of another container: its memory is not told, its name cannot be seen.
    assert users[1 << 22] == {"pid": 1 << 22, "program": "", "owner": "", "memory": None, "draws_only": False}
    assert users[os.getppid()]["draws_only"]


def test_eight_gpus_some_of_them_unwell(machine: Machine) -> None:
    for number in range(8):
        machine.add(error={3: LOST, 5: NO_PERMISSION, 6: 999}.get(number, 0))
    problems = {gpu["index"]: gpu["problem"] for gpu in listed(machine)["gpus"] if gpu["problem"]}
    assert list(problems) == ["3", "5", "6"]
    assert "lost" in problems["3"]
    assert problems["5"] == "you may not use it"
    assert "Unknown Error" in problems["6"]


def test_parts_of_a_divided_gpu_are_listed_in_its_place(machine: Machine) -> None:
    machine.add(parts=[("MIG-aaaa", 10 * GIB, 20 * MIB), ("MIG-bbbb", 10 * GIB, 6 * GIB)])
    machine.add("NVIDIA GeForce RTX 4090", total=24 * GIB)
    machine.use("MIG-bbbb", os.getpid(), 6 * GIB)
    first, second, whole = listed(machine)["gpus"]
    assert (first["index"], first["uuid"], first["utilization"]) == ("0:0", "MIG-aaaa", None)
    assert (second["index"], second["memory_used"], len(second["users"])) == ("0:1", 6 * GIB, 1)
    # A GPU that knows no parts.
    assert (whole["index"], whole["memory_total"], whole["problem"]) == ("1", 24 * GIB, "")


def test_a_driver_of_before_2022_is_read_too(machine: Machine) -> None:
    machine.add()
    assert listed(machine, NVML_OLD_DRIVER="1")["gpus"][0]["memory_used"] == 604 * MIB


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (VERSION_MISMATCH, "driver/library version mismatch"),
        (DRIVER_NOT_LOADED, "not loaded"),
        (NO_PERMISSION, "you may not use the NVIDIA driver"),
        (999, "does not start"),
    ],
)
def test_a_driver_that_fails_is_a_fault_in_words(machine: Machine, error: int, words: str) -> None:
    machine.add()
    machine.fail(error)
    inventory = listed(machine)
    assert inventory["gpus"] == []
    assert inventory["is_fault"]
    assert words in inventory["reason"]


def test_the_command_lists_gpus_for_people_and_for_programs(machine: Machine) -> None:
    machine.add()
    machine.add(used=40 * GIB)
    machine.use(uuid_of(1), os.getpid(), 39 * GIB)
    table = python(machine, "-m", "trainer", "gpus", CUDA_VISIBLE_DEVICES="1")
    assert table.returncode == 0, table.stderr
    header, row, user = table.stdout.splitlines()
    assert row.split() == [*"1 NVIDIA H100 80GB HBM3 40.0 GiB of 80.0 GiB 0 % no".split(), uuid_of(1)]
    assert f"(pid {os.getpid()}, " in user and "39.0 GiB" in user
    told = json.loads(python(machine, "-m", "trainer", "gpus", "--json").stdout)
    assert [(gpu["uuid"], bool(gpu["busy_because"])) for gpu in told["gpus"]] == [
        (uuid_of(0), False),
        (uuid_of(1), True),
    ]
    machine.fail(VERSION_MISMATCH)
    broken = python(machine, "-m", "trainer", "gpus")
    assert (broken.returncode, broken.stdout) == (1, "")
    assert "restarted" in broken.stderr
