"""Isolation for every test: a home of its own, no WANDB_* from outside, no network but loopback."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

_LOOPBACK = {"127.0.0.1", "localhost", "::1", ""}
_LONGEST = (
    "test_verify.py", "test_agent_chaos.py", "test_server_kills.py", "test_sdk_artifact_faults.py", "test_warm_sdk.py",
    "test_warm_runs.py", "test_run_waits.py", "test_agent_hosts.py", "test_server_disk_full.py",
)  # fmt: skip
"""Modules that are begun first: their tests take up to a minute, most of it waiting."""


def pytest_xdist_auto_num_workers() -> int:
    """Run half as many tests again as there are cores: a third of the time of those with processes is waiting."""
    if told := os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return int(told)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + cores // 2


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Have each worker begin with some of the longest tests; one that is begun last would be waited for alone."""
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    if workers > 1:
        items[:] = spread([item.path.name in _LONGEST for item in items], items, workers)


def pytest_collection_finish() -> None:
    """Let garbage lie longer: an app leaves many cycles behind, and going through all objects for them took a quarter.

    What was imported is never looked at again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 10, 10)


def spread(are_long: Sequence[bool], items: Sequence[pytest.Item], workers: int) -> list[pytest.Item]:
    """Return items so that each of equal parts begins with its share of those that are long."""
    long = [item for item, is_long in zip(items, are_long, strict=True) if is_long]
    short = [item for item, is_long in zip(items, are_long, strict=True) if not is_long]
    ordered: list[pytest.Item] = []
    for worker in range(workers):
        share = long[worker::workers]
        # As xdist's worksteal divides them at first (3.8).
        size = (len(items) - len(ordered)) // (workers - worker) - len(share)
        ordered += [*share, *short[: max(size, 0)]]
        del short[: max(size, 0)]
    return [*ordered, *short]


@pytest.fixture(autouse=True)
def isolated_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test an empty HOME and no settings from outside."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(("WANDB_", "XDG_", "GITHUB_", "SWEEP_TUI_")) or name in ("NETRC", "COLUMNS", "LINES"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    return home


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Refuse every connection that leaves the machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in _LOOPBACK:
            raise AssertionError(f"a test tried to reach {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    yield
