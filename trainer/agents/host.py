"""The process that runs a sweep's local agents: `python -m trainer.agents.host FOLDER [DESCRIPTOR PID]`.

It is a session of its own, outlives the terminal that started it, and says what it does only through its folder.
The API key reaches it through its environment. What starts the runs is `RunStarter`, with `WarmStarts` at its side.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from trainer.agents.agent import SlotAgent
from trainer.agents.host_files import HostFiles, RunStarts, SlotStatus
from trainer.agents.pace import EMBEDDED_PACE, SHARED_PACE, AgentLimits
from trainer.agents.run_start import RunStarter
from trainer.agents.warm import WarmStarts
from trainer.errors import TrainerError
from trainer.records import Json
from trainer.settings import Connection, ServerKind
from trainer.tracking.client import TrackingClient
from trainer.tracking.wandb_client import WandbClient

logger = logging.getLogger(__name__)

_REFRESH_SECONDS = 0.5
"""Last lines of logs and the stop file are looked at this often."""
_MAX_STOP_LEVEL = 3


class Host:
    """The slots of one host, what they share, and their record on disk."""

    def __init__(self, files: HostFiles, environ: Mapping[str, str]) -> None:
        spec = files.read_spec()
        connection = Connection(spec.kind, spec.base_url, environ.get("WANDB_API_KEY", ""), spec.reference.entity)
        self.reference = spec.reference
        self.client: TrackingClient = WandbClient(connection)
        self.warm = WarmStarts(log_path=files.warm_log_path, report=self.report, on_change=self._starts_changed)
        self.starter = RunStarter(spec, files, environ, self.warm)
        self.pace = EMBEDDED_PACE if spec.kind is ServerKind.EMBEDDED else SHARED_PACE
        self.limits = AgentLimits.from_environ(environ)
        self._files = files
        self._interpreter_folder = spec.interpreter_folder
        self._runs_left = spec.count
        self._lock = threading.Lock()
        self._wake_reader, self._wake_writer = os.pipe()
        self._stop_level = 0
        self._written: tuple[list[SlotStatus], RunStarts] | None = None
        self._working = spec.slots
        self._agents = [SlotAgent(slot, self, spec.device_of(slot)) for slot in range(1, spec.slots + 1)]

    @property
    def stop_level(self) -> int:
        """0 to work, 1 to ask runs to end, 2 to terminate them, 3 to kill them."""
        return self._stop_level

    def request_stop(self) -> None:
        """Stop, or stop more firmly when asked before. Takes no lock, so a signal handler may call it."""
        self._stop_level = min(self._stop_level + 1, _MAX_STOP_LEVEL)
        os.write(self._wake_writer, b"!")

    @property
    def slots(self) -> int:
        """How many slots there are."""
        return len(self._agents)

    def work_arrived(self, slot: int) -> None:
        """Have the other slots ask for a run too."""
        for number, agent in enumerate(self._agents, start=1):
            if number != slot:
                agent.hurry()

    def reserve_run(self) -> bool:
        """Take one of the runs the host may still start; False when none is left."""
        with self._lock:
            if self._runs_left == 0:
                return False
            if self._runs_left is not None:
                self._runs_left -= 1
            return True

    def return_run(self) -> None:
        """Give back a run that was reserved and not started, for slots that ask later; who has left stays away."""
        with self._lock:
            if self._runs_left is not None:
                self._runs_left += 1

    def changed(self) -> None:
        """Write the state now: a process that is not on record could not be found after a crash."""
        with self._lock:
            state = ([agent.status() for agent in self._agents], self.warm.starts)
            if state == self._written:
                return
            try:
                self._files.write_state(*state)
            except OSError as error:
                # A full disk must not end the runs: the next change tries again.
                logger.error("state cannot be written: %s", error)
            else:
                self._written = state

    def _starts_changed(self) -> None:
        self.changed()
        for agent in self._agents:
            agent.wake()

    def agent_left(self) -> None:
        """Hear that one slot is done for good."""
        self.changed()
        with self._lock:
            self._working -= 1
        os.write(self._wake_writer, b".")

    def report(self, event: str, **details: Json) -> None:
        """Append an event to `events.jsonl`, and to the log."""
        logger.info("%s %s", event, details)
        try:
            self._files.append_event(event, details)
        except OSError as error:
            logger.error("events cannot be written: %s", error)

    def run(self, adopted: tuple[socket.socket, int] | None = None) -> None:
        """Work until every slot has left; `adopted` is a bootstrap process that its starter began."""
        self.report("host_started", pid=os.getpid(), slots=len(self._agents), python=str(self._interpreter_folder))
        self.starter.prepare(adopted)
        self.changed()
        for agent in self._agents:
            agent.start()
        while self._working:
            if select.select([self._wake_reader], [], [], _REFRESH_SECONDS)[0]:
                os.read(self._wake_reader, 64)
            if self._stop_level == 0 and self._files.stop_path.exists():
                self.request_stop()
            for agent in self._agents:
                agent.refresh_last_line()
                if self._stop_level:
                    agent.wake()
            self.changed()
        self.changed()
        self.warm.close()
        self.report("host_ended")


def main(directory: Path, adopted: tuple[socket.socket, int] | None = None) -> int:
    """Run the host of a folder, with the bootstrap process that its starter began; return the exit code."""
    files = HostFiles(directory)
    try:
        host = Host(files, os.environ)
    except TrainerError as error:
        logger.error("%s", error)
        return 2

    def on_stop(_number: int, _frame: FrameType | None) -> None:
        host.request_stop()

    def on_hangup(_number: int, _frame: FrameType | None) -> None:
        """Stay: the terminal may go. A handler, since an ignored signal would stay ignored in the runs."""

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_stop)
    signal.signal(signal.SIGHUP, on_hangup)
    host.run(adopted)
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    started = (socket.socket(fileno=int(sys.argv[2])), int(sys.argv[3])) if len(sys.argv) > 3 else None
    sys.exit(main(Path(sys.argv[1]), started))
