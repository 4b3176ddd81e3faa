"""The process that runs a sweep's local agents: `python -m trainer.agents.host FOLDER [DESCRIPTOR PID]`.

It is a session of its own, outlives the terminal that started it, says what it does only through its folder, and is
told what to do through `requests` in it.
The API key reaches it through its environment. What starts the runs is `RunStarter`, with `WarmStarts` at its side.
"""

from __future__ import annotations

import atexit
import gc
import logging
import os
import select
import signal
import socket
import sys
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from trainer.agents.agent import SlotAgent
from trainer.agents.assignment import devices_for_more
from trainer.agents.crashed import Heir
from trainer.agents.devices import SlotDevice
from trainer.agents.guard import Guard
from trainer.agents.host_files import HostFiles, RunStarts, SlotStatus
from trainer.agents.host_life import HostLife
from trainer.agents.ledger import ledger_of
from trainer.agents.orders import Inheritance, OrderBook
from trainer.agents.pace import EMBEDDED_PACE, SHARED_PACE, AgentLimits
from trainer.agents.requests import ADD_SLOTS, DRAIN, MAX_SLOTS, REMOVE_SLOTS, SCALE, STOP, HostRequest, RequestBox
from trainer.agents.run_logs import RunLogs, bound_host_logs
from trainer.agents.run_start import RunStarter
from trainer.agents.server_revival import ServerRevival
from trainer.agents.warm import WarmStarts
from trainer.errors import TrainerError
from trainer.records import Json
from trainer.settings import Connection, ServerKind
from trainer.tracking.best_model import mark_after_sweep
from trainer.tracking.client import TrackingClient
from trainer.tracking.wandb_client import WandbClient

logger = logging.getLogger(__name__)

_REFRESH_SECONDS = 0.5
"""Last lines of logs, requests and the stop file are looked at this often."""
_HEIR_SECONDS = 2.0
"""Hosts of the sweep that crashed are looked for this often."""
_MAX_STOP_LEVEL = 3


class Host:
    """The slots of one host, what they share, and their record on disk."""

    def __init__(self, files: HostFiles, environ: Mapping[str, str]) -> None:
        spec = files.read_spec()
        connection = Connection(spec.kind, spec.base_url, environ.get("WANDB_API_KEY", ""), spec.reference.entity)
        self.reference = spec.reference
        self._keeper = WandbClient(connection)
        self.client: TrackingClient = self._keeper
        self.warm = WarmStarts(log_path=files.warm_log_path, report=self.report, on_change=self._starts_changed)
        self.starter = RunStarter(spec, files, environ, self.warm)
        self.pace = EMBEDDED_PACE if spec.kind is ServerKind.EMBEDDED else SHARED_PACE
        self.limits = AgentLimits.from_environ(environ)
        self.orders = OrderBook(files.directory)
        self.ledger = ledger_of(spec.config, spec.kind, spec.base_url, spec.reference, self.report)
        self.life = HostLife(
            spec.policy,
            spec.slots,
            max_initial_failures=self.limits.max_initial_failures,
            on_change=self._wake_agents,
        )
        self.logs = RunLogs(spec.policy.log_bytes, spec.policy.logs_bytes)
        self._agents: list[SlotAgent] = []
        self._requests = RequestBox(files.directory, self.report)
        self._guard = Guard(files.directory, self.report)
        self._heir = Heir(spec.reference, files)
        self._inheritances: deque[Inheritance] = deque()
        self._revival = ServerRevival(spec.data_dir, self.report, self._hurry) if spec.data_dir else None
        self._ended = threading.Event()
        self._files = files
        self._interpreter_folder = spec.interpreter_folder
        self._runs_left = spec.count
        self._lock = threading.Lock()
        self._wake_reader, self._wake_writer = os.pipe()
        self._stop_level = 0
        self._written: tuple[list[SlotStatus], RunStarts, str] | None = None
        self._working = spec.slots
        self._device_wish = spec.device_wish
        self._agents = [SlotAgent(slot, self, spec.device_of(slot)) for slot in range(1, spec.slots + 1)]

    @property
    def stop_level(self) -> int:
        """0 to work, 1 to ask runs to end, 2 to terminate them, 3 to kill them."""
        return self._stop_level

    def request_stop(self) -> None:
        """Stop, or stop more firmly when asked before. Takes no lock, so a signal handler may call it."""
        self._stop_level = min(self._stop_level + 1, _MAX_STOP_LEVEL)
        os.write(self._wake_writer, b"!")

    def look_around(self) -> None:
        """Look for requests now. Takes no lock, so a signal handler may call it."""
        os.write(self._wake_writer, b"?")

    @property
    def slots(self) -> int:
        """How many slots take runs."""
        return sum(agent.takes_runs for agent in self._agents)

    def have_others_ask(self, slot: int) -> None:
        """Have the other slots ask the server too."""
        for number, agent in enumerate(self._agents, start=1):
            if number != slot:
                agent.hurry()

    def next_inheritance(self) -> Inheritance | None:
        """Take an agent of a host that crashed, to go on in its name; None when there is none."""
        try:
            return self._inheritances.popleft()
        except IndexError:
            return None

    def return_inheritance(self, inheritance: Inheritance) -> None:
        """Give back one that cannot be gone on with now."""
        self._inheritances.append(inheritance)

    def server_away(self) -> None:
        """Hear that the server did not answer."""
        if self._revival is not None:
            self._revival.away()

    def server_back(self) -> None:
        """Hear that the server answered."""
        if self._revival is not None:
            self._revival.back()

    def _hurry(self) -> None:
        for agent in self._agents:
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
            state = ([agent.status() for agent in self._agents], self.warm.starts, self.life.note)
            if state == self._written:
                return
            try:
                self._files.write_state(*state, takes_requests=True)
            except OSError as error:
                # A full disk must not end the runs: the next change tries again.
                logger.error("state cannot be written: %s", error)
            else:
                self._written = state

    def _starts_changed(self) -> None:
        self.changed()
        self._wake_agents()

    def _wake_agents(self) -> None:
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
        self.report(
            "host_started", pid=os.getpid(), slots=len(self._agents), python=str(self._interpreter_folder),
            policy=str(self.life.policy),
        )  # fmt: skip
        self._guard.keep()
        self.starter.prepare(adopted)
        self.changed()
        # Before any slot asks for a new run: what was begun comes first.
        self._take_over()
        for agent in self._agents:
            agent.start()
        threading.Thread(target=self._look_for_crashed_hosts, name="heir", daemon=True).start()
        while self._working:
            if select.select([self._wake_reader], [], [], _REFRESH_SECONDS)[0]:
                os.read(self._wake_reader, 64)
            if self._stop_level == 0 and self._files.stop_path.exists():
                self.request_stop()
            self._requests.obey(self._obey)
            self._guard.keep()
            for agent in self._agents:
                agent.refresh_last_line()
                if self._stop_level:
                    agent.wake()
            bound_host_logs(self._files)
            self.changed()
        self._ended.set()
        self.changed()
        if self._stop_level == 0:
            self._mark_best_model()
        self.warm.close()
        self._guard.dismiss()
        self.report("host_ended")

    def _mark_best_model(self) -> None:
        """Give the best model of the sweep, as it is now, its alias: the last host to end sees all runs."""
        try:
            model = mark_after_sweep(self._keeper, self.client.read_sweep(self.reference))
        except TrainerError as error:
            logger.warning("the best model could not be marked: %s", error)
            return
        if model is not None:
            self.report("best_model", artifact=model.artifact.name, run=model.run.id)

    def _look_for_crashed_hosts(self) -> None:
        while not self._ended.wait(_HEIR_SECONDS):
            if self._stop_level == 0 and self.slots:
                self._take_over()

    def _take_over(self) -> None:
        found = self._heir.claim()
        if not found:
            return
        self.report("taken_over", agents=len(found), runs=sum(len(each.orders) for each in found))
        self._inheritances.extend(found)
        self._hurry()

    def _obey(self, request: HostRequest) -> dict[str, Json]:
        """Do what a request says; return what came of it. In the main thread."""
        if request.do == STOP:
            self.request_stop()
        elif request.do == DRAIN:
            return {"drained": self._drain([agent.slot for agent in self._agents if agent.takes_runs])}
        elif request.do == ADD_SLOTS:
            return self._scale(self.slots + request.count)
        elif request.do == SCALE:
            return self._scale(request.count)
        elif request.do == REMOVE_SLOTS:
            named = [agent.slot for agent in self._agents if agent.slot in request.slots and agent.takes_runs]
            return {"drained": self._drain(named)} if request.slots else self._scale(max(self.slots - request.count, 0))
        elif not any(agent.stop_run(request.run_id) for agent in self._agents):
            return {"refused": "no slot has this run"}
        return {}

    def _scale(self, slots: int) -> dict[str, Json]:
        """Have so many slots take runs: drained ones go on first, idle ones leave first."""
        working = [agent for agent in self._agents if agent.takes_runs]
        surplus = len(working) - slots
        if surplus > 0:
            leaving = sorted(working, key=lambda agent: (not agent.is_idle, -agent.slot))[:surplus]
            return {"drained": self._drain([agent.slot for agent in leaving])}
        if self._stop_level:
            return {"refused": "the host is stopping"}
        kept = [agent.slot for agent in self._agents if self.slots < slots and agent.go_on()]
        with devices_for_more(self._device_wish, min(slots, MAX_SLOTS) - self.slots) as (devices, reason):
            added = [self._add_slot(device) for device in devices]
        refused: dict[str, Json] = {"refused": reason} if reason else {}
        return {"went_on": list[Json](kept), "added": list[Json](added)} | refused

    def _add_slot(self, device: SlotDevice) -> int:
        self.life.add_slot(len(self._agents) + 1)
        agent = SlotAgent(len(self._agents) + 1, self, device)
        with self._lock:
            self._working += 1
            # A new list: other threads go through the old one.
            self._agents = [*self._agents, agent]
        self.changed()
        agent.start()
        return agent.slot

    def _drain(self, slots: list[int]) -> list[Json]:
        for agent in self._agents:
            if agent.slot in slots:
                agent.drain()
        return list[Json](slots)


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

    def on_request(_number: int, _frame: FrameType | None) -> None:
        host.look_around()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_stop)
    signal.signal(signal.SIGUSR1, on_request)
    signal.signal(signal.SIGHUP, on_hangup)
    host.run(adopted)
    return 0


if __name__ == "__main__":
    # Whoever waits for its end need not wait until the interpreter has looked through all objects for garbage.
    atexit.register(gc.freeze)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    started = (socket.socket(fileno=int(sys.argv[2])), int(sys.argv[3])) if len(sys.argv) > 3 else None
    sys.exit(main(Path(sys.argv[1]), started))
