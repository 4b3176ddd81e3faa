"""What a run is, in a few lines of dictionaries: the model that the property tests hold the server against."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

RUN_SILENCE_SECONDS = 300
STOPPED_SILENCE_SECONDS = 75
ALIVE = ("running", "preempting")


@dataclass
class Chunk:
    """One request of a run's stream, which may be sent again."""

    body: dict[str, Any]
    history: tuple[int, list[dict[str, Any]]]
    console: tuple[int, list[str]]


@dataclass
class ModelRun:
    """A run of its own, in no sweep."""

    name: str
    state: str = "running"
    config: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    history: dict[int, dict[str, Any]] = field(default_factory=dict)
    console: dict[int, str] = field(default_factory=dict)
    is_resuming: bool = False
    is_to_stop: bool = False
    has_ended_itself: bool = False
    silence: int = 0
    """Seconds since its last word."""
    next_line: int = 0
    """Where its program streams on."""
    next_console_line: int = 0
    last_chunk: Chunk | None = None

    @property
    def is_alive(self) -> bool:
        return self.state in ALIVE

    def begin(self, config: dict[str, Any], tags: list[str]) -> None:
        """A program calls `wandb.init` with this id and does not resume: the run starts over."""
        self.history.clear()
        self.console.clear()
        self.summary = {}
        self.is_to_stop = self.is_resuming = self.has_ended_itself = False
        self.next_line = self.next_console_line = 0
        self.config, self.tags, self.last_chunk = config, tags, None
        self.state, self.silence = "running", 0

    def resume(self, config: dict[str, Any]) -> None:
        """A program that has asked about the run goes on with it."""
        self.is_to_stop = self.is_resuming = self.has_ended_itself = False
        self.next_line = max(self.history, default=-1) + 1
        self.next_console_line = max(self.console, default=-1) + 1
        self.config, self.last_chunk = config, None
        self.state, self.silence = "running", 0

    def receive(self, chunk: Chunk) -> None:
        """Rows and console lines are kept by their numbers, so that what comes twice changes nothing."""
        first, rows = chunk.history
        self.history |= {first + index: row for index, row in enumerate(rows)}
        first, lines = chunk.console
        self.console |= {first + index: line for index, line in enumerate(lines)}
        summary = chunk.body["files"].get("wandb-summary.json")
        if summary is not None and rows:
            self.summary = rows[-1]
        if not self.has_ended_itself and not (self.state == "killed" and self.is_to_stop):
            self.hear()

    def hear(self) -> None:
        """A word from the program: it lives."""
        self.silence = 0
        self.state = "preempting" if self.state == "preempting" else "running"

    def end(self, exit_code: int) -> None:
        """The run says how it ended; said again, it is the same."""
        if self.has_ended_itself:
            return
        if exit_code == 0:
            self.state = "finished"
        elif self.is_to_stop:
            self.state = "killed"
        else:
            self.state = "preempted" if self.state == "preempting" else "failed"
        self.has_ended_itself = True

    def ask_to_stop(self) -> None:
        self.is_to_stop = self.is_to_stop or self.is_alive

    def pass_time(self, seconds: int) -> None:
        """Time goes by, and the server looks around."""
        self.silence += seconds
        patience = STOPPED_SILENCE_SECONDS if self.is_to_stop else RUN_SILENCE_SECONDS
        if self.is_alive and self.silence > patience:
            self.state = "killed" if self.is_to_stop else "preempted" if self.state == "preempting" else "crashed"
