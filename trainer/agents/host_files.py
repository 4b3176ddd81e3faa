"""The folder of an agent host: who it is, what its slots do, what happened. Everything in it may be read by others.

`host.json` is written once by whoever starts the host, `state.json` replaced by the host at every change,
`events.jsonl` appended to, `logs/RUN.log` written by the runs. The API key is in none of them.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trainer.agents.devices import DeviceWish, SlotDevice
from trainer.agents.policy import RunPolicy
from trainer.errors import AgentError, InputError
from trainer.records import FailureGroup, Json, LocalAgent, SweepReference
from trainer.settings import ServerKind
from trainer.states import AgentState

_VERSION = 1
_MAX_EVENTS_BYTES = 5 * 2**20
_TIMES = ("run_started_at", "next_stop_at", "waits_until")


@dataclass(frozen=True)
class HostSpec:
    """What a host works on."""

    reference: SweepReference
    config: Mapping[str, Json]
    """The sweep configuration: its program and command."""
    kind: ServerKind
    base_url: str
    slots: int
    count: int | None
    """Runs to start in all, over all slots; None for as many as the server gives."""
    cwd: Path
    """Folder the runs start in."""
    interpreter_folder: Path
    """Comes first on the runs' PATH, so that `python` is the one meant."""
    fresh: bool = False
    """Whether each run is to be a new process, though it could be forked."""
    devices: tuple[SlotDevice, ...] = ()
    """What each slot is pinned to; slots beyond its end leave the GPUs as they are."""
    device_wish: DeviceWish | None = None
    """What slots that are added later are given; None leaves the GPUs as they are."""
    cpu_threads: int = 0
    """Threads that a run's numerical libraries may use; 0 for no limit. The same for all slots of a host, since it
    has to be said before a library is loaded, and warm runs share the libraries."""
    live: bool = False
    """Whether metrics are to arrive within a second on any server, and not only on the embedded one."""
    pid: int = 0
    process_start: str = ""
    data_dir: Path | None = None
    """Data folder of the embedded server, so that it can be started again; None for any other server."""
    policy: RunPolicy = field(default_factory=RunPolicy)
    """How its runs may go, and what is done when they do not."""

    def device_of(self, slot: int) -> SlotDevice:
        """Return what a slot, counted from 1, is pinned to."""
        return self.devices[slot - 1] if slot <= len(self.devices) else SlotDevice()


@dataclass(frozen=True)
class RunStarts:
    """How a host starts its runs."""

    mode: str
    """`warm`: forked from a process that has its imports done; `fresh`: a new process each; `warming`: not yet."""
    python: str = ""
    """The interpreter; empty where the command starts none."""
    version: str = ""
    """Of the interpreter; known once it has answered."""
    reason: str = ""
    """Why not warm."""

    def __str__(self) -> str:
        version = f" ({self.version.rpartition('.')[0]})" if self.version else ""
        how = {"warm": "warm", "warming": "warm"}.get(self.mode) or f"a fresh process per run: {self.reason}"
        return f"{self.python}{version}, {how}" if self.python else how

    @property
    def short(self) -> str:
        """The same in a few words: `…/wine/.venv/bin/python 3.11, warm`."""
        parts = Path(self.python).parts
        python = self.python if len(parts) <= 4 else f"…/{'/'.join(parts[-4:])}"
        how = f"fresh: {self.reason}" if self.mode == "fresh" and self.reason else self.mode
        interpreter = " ".join(filter(None, [python, self.version.rpartition(".")[0]]))
        return ", ".join(filter(None, [interpreter, how]))


@dataclass(frozen=True)
class SlotStatus:
    """One slot as the host last wrote it."""

    agent: LocalAgent
    child_pid: int = 0
    """Leader of the current run's process group; 0 when there is none."""
    child_start: str = ""
    orphaned: bool = False
    """Whether its host crashed, and no other has taken over what its agent had to do."""


class HostFiles:
    """Reads and writes a host's folder; one writer per file."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def log_path(self) -> Path:
        """What the host itself prints."""
        return self.directory / "host.log"

    @property
    def stop_path(self) -> Path:
        """Asks the host to stop by being there."""
        return self.directory / "stop"

    @property
    def state_path(self) -> Path:
        """What the slots do."""
        return self.directory / "state.json"

    @property
    def warm_log_path(self) -> Path:
        """What the process prints from which runs are forked: warnings of imports."""
        return self.directory / "warm.log"

    def run_log(self, run_id: str) -> Path:
        """Return where a run's output goes."""
        return self.directory / "logs" / f"{Path(run_id).name}.log"

    def write_spec(self, spec: HostSpec) -> None:
        """Write `host.json`."""
        entry = asdict(spec) | {"version": _VERSION, "cwd": str(spec.cwd)}
        entry["interpreter_folder"] = str(spec.interpreter_folder)
        entry["data_dir"] = str(spec.data_dir) if spec.data_dir else None
        entry["policy"] = spec.policy.to_json()
        _write_json(self.directory / "host.json", entry)

    def read_spec(self) -> HostSpec:
        """Return what `host.json` says.

        Raises:
            AgentError: If it is missing or not ours.
        """
        path = self.directory / "host.json"
        try:
            entry = json.loads(path.read_text(encoding="utf-8"))
            return HostSpec(
                reference=SweepReference(**entry["reference"]),
                config=entry["config"],
                kind=ServerKind(entry["kind"]),
                base_url=entry["base_url"],
                slots=entry["slots"],
                count=entry["count"],
                cwd=Path(entry["cwd"]),
                interpreter_folder=Path(entry["interpreter_folder"]),
                fresh=entry.get("fresh", False),
                devices=tuple(_slot_device(device) for device in entry.get("devices", ())),
                device_wish=DeviceWish(**entry["device_wish"]) if entry.get("device_wish") else None,
                cpu_threads=entry.get("cpu_threads", 0),
                live=entry.get("live", False),
                pid=entry["pid"],
                process_start=entry["process_start"],
                data_dir=Path(entry["data_dir"]) if entry.get("data_dir") else None,
                policy=RunPolicy.from_json(entry.get("policy", {})),
            )
        except (OSError, ValueError, KeyError, TypeError, InputError) as error:
            raise AgentError(
                f"{path} does not describe an agent host: {error!r}.", hint="Remove its folder."
            ) from error

    def write_state(
        self,
        statuses: Sequence[SlotStatus],
        starts: RunStarts | None = None,
        note: str = "",
        *,
        takes_requests: bool = False,
    ) -> None:
        """Replace `state.json`.

        Args:
            statuses: Every slot that the host has or had.
            starts: How runs start.
            note: Why the host asks for no more runs.
            takes_requests: Whether SIGUSR1 has the host look for requests; it ends a host of an earlier version.
        """
        slots = [
            asdict(replace(status.agent, log_path=None))
            | {name: _time_text(getattr(status.agent, name)) for name in _TIMES}
            | {
                "log_path": str(status.agent.log_path) if status.agent.log_path else None,
                "child_pid": status.child_pid,
                "child_start": status.child_start,
                "orphaned": status.orphaned,
            }
            for status in statuses
        ]
        entry = {
            "version": _VERSION,
            "slots": slots,
            "starts": asdict(starts) if starts else None,
            "note": note,
            "takes_requests": takes_requests,
        }
        _write_json(self.state_path, entry)

    def read_state(self) -> tuple[SlotStatus, ...]:
        """Return the slots as last written; none before the host has started.

        Raises:
            AgentError: If the file is there and not ours.
        """
        try:
            text = self.state_path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ()
        try:
            return tuple(_slot_status(entry) for entry in json.loads(text)["slots"])
        except (ValueError, KeyError, TypeError) as error:
            raise AgentError(f"{self.state_path} cannot be read: {error!r}.", hint="Remove its folder.") from error

    def read_starts(self) -> RunStarts | None:
        """Return how runs start; None where that is not known."""
        try:
            entry = json.loads(self.state_path.read_text(encoding="utf-8"))["starts"]
            return RunStarts(**entry) if entry else None
        except (OSError, ValueError, KeyError, TypeError):
            # It only says how; `read_state` says what is wrong with a file that cannot be read.
            return None

    def takes_requests(self) -> bool:
        """Return whether the host obeys requests and knows SIGUSR1."""
        try:
            return bool(json.loads(self.state_path.read_text(encoding="utf-8")).get("takes_requests"))
        except (OSError, ValueError, AttributeError):
            return False

    def read_note(self) -> str:
        """Return why the host asks for no more runs; empty while it does, or where that is not known."""
        try:
            return str(json.loads(self.state_path.read_text(encoding="utf-8")).get("note", ""))
        except (OSError, ValueError, AttributeError):
            return ""

    @property
    def events_path(self) -> Path:
        """What happened, as JSON lines; what is older than the newest few megabytes is in `events.1.jsonl`."""
        return self.directory / "events.jsonl"

    def append_event(self, event: str, details: Mapping[str, Json]) -> None:
        """Append one line to `events.jsonl`; a line is one write, so threads do not mix."""
        line = json.dumps({"at": datetime.now(UTC).isoformat(), "event": event, **details}) + "\n"
        try:
            if self.events_path.stat().st_size > _MAX_EVENTS_BYTES:
                self.events_path.replace(self.directory / "events.1.jsonl")
        except FileNotFoundError:
            pass  # the first event, or another thread has just moved it
        descriptor = os.open(self.events_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)


def _slot_device(entry: Mapping[str, Any]) -> SlotDevice:
    uuids = entry["gpu_uuids"]
    return SlotDevice(None if uuids is None else tuple(uuids), entry["label"])


def _slot_status(entry: Mapping[str, Any]) -> SlotStatus:
    agent = LocalAgent(
        slot=entry["slot"],
        state=AgentState(entry["state"]),
        agent_id=entry["agent_id"],
        host_pid=entry["host_pid"],
        run_id=entry["run_id"],
        **{name: datetime.fromisoformat(entry[name]) for name in _TIMES if entry.get(name)},
        runs_done=entry["runs_done"],
        runs_failed=entry["runs_failed"],
        last_line=entry["last_line"],
        log_path=Path(entry["log_path"]) if entry["log_path"] else None,
        device=entry.get("device", ""),
        cpu_threads=entry.get("cpu_threads", 0),
        gpu_uuids=tuple(entry.get("gpu_uuids", ())),
        draining=entry.get("draining", False),
        starts="",
        # Missing in the files of earlier versions.
        life=entry.get("life", 1),
        stopping=entry.get("stopping", ""),
        next_stop_step=entry.get("next_stop_step", ""),
        failures=tuple(FailureGroup(**group) for group in entry.get("failures", ())),
        runs_retried=entry.get("runs_retried", 0),
        runs_waiting=entry.get("runs_waiting", 0),
        left_behind=entry.get("left_behind", ""),
    )
    return SlotStatus(agent, entry["child_pid"], entry["child_start"], entry.get("orphaned", False))


def _time_text(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _write_json(path: Path, entry: Mapping[str, Any]) -> None:
    """Write a file whole or not at all; readers never see half of it."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(entry, stream)
        os.replace(temporary, path)
    except OSError:
        # A full disk is written to again at every change: the pieces would pile up.
        Path(temporary).unlink(missing_ok=True)
        raise
