"""Runs one program fresh and warm, so that tests can compare what came of it."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trainer.agents.process import FreshRun, RunProcess
from trainer.agents.warm import RunRequest, WarmStarts
from trainer.agents.warm_process import ForkedRun
from trainer.records import Json

PATIENCE_SECONDS = 60.0


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


@dataclass
class Twins:
    """Starts a program both ways in one folder."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = (sys.executable, "train.py")
    events: list[tuple[str, dict[str, Json]]] = field(default_factory=list)
    runs: int = 0

    def __post_init__(self) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environ = {**kept, "PYTHONUNBUFFERED": "1", "PYTHONHASHSEED": "0", **self.environ}
        self.warm = WarmStarts(log_path=self.folder / "warm.log", report=self.report, on_change=lambda: None)

    def report(self, event: str, **details: Json) -> None:
        self.events.append((event, details))

    def write(self, source: str, name: str = "train.py") -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)

    def prepare(self) -> str:
        """Begin, wait until it is settled, and return how runs start now."""
        self.warm.begin(self.command, self.environ, self.folder, fresh=False)
        wait_for(lambda: self.warm.is_settled)
        return self.warm.starts.mode

    def start_warm(self, *arguments: str, **variables: str) -> ForkedRun:
        process = self.start_either(*arguments, **variables)
        assert isinstance(process, ForkedRun), (self.warm.starts, self.events, self.said())
        return process

    def start_either(self, *arguments: str, **variables: str) -> RunProcess | None:
        return self.warm.start(self.request(arguments, variables))

    def start_fresh(self, *arguments: str, **variables: str) -> FreshRun:
        asked = self.request(arguments, variables)
        return FreshRun(
            asked.argv, environ=asked.environ, cwd=asked.cwd, log_path=asked.log_path, on_exit=asked.on_exit
        )

    def request(self, arguments: tuple[str, ...], variables: Mapping[str, str]) -> RunRequest:
        self.runs += 1
        log = self.folder / "logs" / f"{self.runs}.log"
        argv = (*self.command, *arguments)
        return RunRequest(f"r{self.runs}", argv, {**self.environ, **variables}, self.folder, log, threading.Event().set)

    def both(self, source: str, *arguments: str, **variables: str) -> tuple[tuple[int | None, str], ...]:
        """Return exit code and output of the program, fresh and warm."""
        self.write(source)
        if self.warm.starts.mode != "warm":
            assert self.prepare() == "warm", (self.warm.starts, self.said())
        return tuple(outcome(start(*arguments, **variables)) for start in (self.start_fresh, self.start_warm))

    def said(self) -> str:
        return (self.folder / "warm.log").read_text() if (self.folder / "warm.log").exists() else ""


def outcome(process: RunProcess) -> tuple[int | None, str]:
    """Wait for the end; return exit code and output."""
    assert process.wait(PATIENCE_SECONDS)
    return process.exit_code, process.log_path.read_text()
