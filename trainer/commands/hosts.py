"""`agents`: the agent hosts of this machine: list them, scale, drain and stop them, follow their logs, attach."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trainer.commands.options import AppOpener, narrate
from trainer.errors import InputError, NotFoundError, TerminalError

if TYPE_CHECKING:
    from trainer.agents.pool import AgentHost
    from trainer.agents.requests import HostRequest
    from trainer.records import LocalAgent

_POLL_SECONDS = 0.2
_TAIL_BYTES = 2**20


@click.group(invoke_without_command=True, short_help="List, scale, drain and stop the agents on this machine.")
@click.option("--all", "show_all", is_flag=True, help="Also hosts that ended in good order.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
@click.pass_context
def agents(context: click.Context, show_all: bool, as_json: bool) -> int:
    """List the agents on this machine with what each slot does, and those that crashed in the last days.

    Each host runs the agents of one sweep in its slots, in the background, whoever started it. SWEEP in the commands
    below is an id, project/id, entity/project/id or URL, or the id of a host where a sweep has several.
    """
    if context.invoked_subcommand is not None:
        return 0
    from trainer.agents.pool import recent_hosts

    found = [(host, _state_of(host)) for host in recent_hosts()]
    found = [(host, state) for host, state in found if show_all or state != "ended"]
    if as_json:
        click.echo(json.dumps([_entry(host, state) for host, state in found], indent=2))
    elif found:
        click.echo("\n".join(line for host, state in found for line in _lines(host, state)))
    else:
        click.echo("No agents run on this machine. Start some with: sweep-tui agent SWEEP")
    return 0


@agents.command(short_help="Have N slots: more start at once, fewer leave after their runs.")
@click.argument("sweep")
@click.argument("slots", metavar="N", type=click.IntRange(0, 256))
def scale(sweep: str, slots: int) -> int:
    """Have N slots work for SWEEP: more start at once, fewer leave after their runs, idle ones first."""
    from trainer.agents.requests import SCALE, HostRequest

    return _ask(sweep, HostRequest(SCALE, count=slots))


@agents.command(short_help="Finish the current runs and take no more.")
@click.argument("sweep")
@click.option("--slot", "-s", "slots", type=click.IntRange(1), multiple=True, help="This slot only; can be repeated.")
def drain(sweep: str, slots: tuple[int, ...]) -> int:
    """Have the agents of SWEEP finish their current runs and leave."""
    from trainer.agents.requests import DRAIN, REMOVE_SLOTS, HostRequest

    host = _live_host(sweep)
    numbers = {agent.slot for agent in host.agents() if not agent.state.is_terminal}
    if missing := set(slots) - numbers:
        raise InputError(
            f"The agents of sweep {host.reference} have no slot {min(missing)}.",
            hint=f"They have {', '.join(map(str, sorted(numbers)))}.",
        )
    return _ask(sweep, HostRequest(REMOVE_SLOTS, slots=slots) if slots else HostRequest(DRAIN))


@agents.command(short_help="End the current runs and the agents.")
@click.argument("sweep")
@click.option("--run", "run_id", help="End this run only; its slot goes on with the next.")
def stop(sweep: str, run_id: str | None) -> int:
    """End the current runs of SWEEP and its agents: asked, after 15 s terminated, after 15 more killed.

    Said again, it skips a step. The sweep itself goes on.
    """
    from trainer.agents.requests import STOP, STOP_RUN, HostRequest

    if run_id is not None:
        _ask(sweep, HostRequest(STOP_RUN, run_id=run_id))
        click.echo(f"Run {run_id} is stopping.")
        return 0
    return _ask(sweep, HostRequest(STOP))


@agents.command(short_help="Print what the runs print; -f follows.")
@click.argument("sweep")
@click.option("--slot", "-s", type=click.IntRange(1), help="The current run of this slot only.")
@click.option("--run", "run_id", help="This run only, also one that has ended.")
@click.option("--follow", "-f", is_flag=True, help="Go on until the agents end.")
@click.option("--lines", "-n", type=click.IntRange(0), default=50, show_default=True, help="Lines to begin with.")
def logs(sweep: str, slot: int | None, run_id: str | None, follow: bool, lines: int) -> int:
    """Print what the runs of SWEEP print: of every slot's current run, of one slot, or of one run."""
    if slot is not None and run_id is not None:
        raise InputError("--slot and --run exclude each other.", hint="Leave one of them out.")
    from trainer.agents.host_files import HostFiles
    from trainer.agents.pool import recent_hosts

    host = _choose(sweep, recent_hosts(), newest=True)

    def sources() -> dict[str, Path]:
        if run_id is not None:
            return {"": HostFiles(host.directory).run_log(run_id)}
        found = [agent for agent in host.agents() if agent.log_path is not None and slot in (None, agent.slot)]
        return {"" if slot else f"slot {agent.slot} | ": agent.log_path for agent in found if agent.log_path}

    if run_id is not None and not sources()[""].exists():
        raise NotFoundError(
            f"The agents of sweep {host.reference} have no log of run {run_id!r}.", hint=f"See {host.directory}."
        )
    if slot is not None and slot not in {agent.slot for agent in host.agents()}:
        raise InputError(
            f"The agents of sweep {host.reference} have no slot {slot}.", hint="`sweep-tui agents` lists them."
        )
    if not follow and not sources():
        narrate("No run has printed anything yet.")
    for line in _read_lines(sources, lines, host.is_alive if follow else None):
        click.echo(line)
    return 0


@agents.command(short_help="Open the live view of SWEEP.")
@click.argument("sweep")
@click.pass_obj
def attach(app: AppOpener | None, sweep: str) -> int:
    """Open the live view of the sweep that local agents work for, as `sweep-tui open SWEEP` does."""
    from trainer.agents.host_files import HostFiles
    from trainer.settings import ServerKind, resolve_settings

    host = _live_host(sweep)
    if app is None:
        raise TerminalError(
            "The app is not part of `python -m trainer`.",
            hint=f"Use `agents logs -f {sweep}`, or `sweep-tui agents attach`.",
        )
    spec = HostFiles(host.directory).read_spec()
    server = "local" if spec.kind is ServerKind.EMBEDDED else spec.base_url
    return app.open_sweep(resolve_settings(server), str(host.reference))


def _ask(sweep: str, request: HostRequest) -> int:
    """Ask the one host that is meant, and say what it did."""
    host = _live_host(sweep)
    did = host.ask_and_wait(request)
    said = [
        f"{_slots(numbers)} {verb}"
        for numbers, verb in (
            (did.added, "added"),
            (did.went_on, "stays" if len(did.went_on) == 1 else "stay"),
            (did.drained, "leaves after its run" if len(did.drained) == 1 else "leave after their runs"),
        )
        if numbers
    ]
    from trainer.agents.requests import STOP, STOP_RUN

    if request.do == STOP:
        said = ["its runs are stopping, and it ends after them"]
    if request.do != STOP_RUN:
        click.echo(f"{host.reference} (host {host.id}): {'; '.join(said) or 'nothing to change'}.")
    return 0


def _slots(numbers: tuple[int, ...]) -> str:
    return f"slot{'' if len(numbers) == 1 else 's'} {', '.join(map(str, numbers))}"


def _live_host(text: str) -> AgentHost:
    from trainer.agents.pool import live_hosts

    return _choose(text, live_hosts(), newest=False)


def _choose(text: str, hosts: list[AgentHost], *, newest: bool) -> AgentHost:
    """Return the host that a text names.

    Args:
        text: A host's id, or a sweep.
        hosts: Those there are.
        newest: Whether the newest is meant where a sweep has several: the one alive, if any is.

    Raises:
        NotFoundError: If there is none.
        InputError: If there are several.
    """
    found = [host for host in hosts if text == host.id] or [host for host in hosts if _is_named(host, text)]
    if not found:
        raise NotFoundError(
            f"No agents on this machine work for {text!r}.",
            hint=f"`sweep-tui agents` lists them; `sweep-tui agent {text}` starts one.",
        )
    if newest:
        return max(found, key=lambda host: (host.is_alive(), host.directory.stat().st_mtime))
    if len(found) > 1:
        raise InputError(
            f"{len(found)} hosts work for {text!r}.", hint=f"Name one: {', '.join(host.id for host in found)}."
        )
    return found[0]


def _is_named(host: AgentHost, text: str) -> bool:
    path = text.partition("://")[2].partition("/")[2] if "://" in text else text
    parts = [part for part in path.partition("?")[0].split("/") if part]
    if len(parts) == 4 and parts[2] == "sweeps":
        parts.pop(2)
    reference = host.reference
    return bool(parts) and [reference.entity, reference.project, reference.id][-len(parts) :] == parts


def _state_of(host: AgentHost) -> str:
    from trainer.agents.crashed import CRASHED
    from trainer.agents.pool import has_work_left

    if host.is_alive():
        return "running"
    if has_work_left(host):
        return "crashed"
    return "taken over" if any(agent.last_line == CRASHED for agent in host.agents()) else "ended"


def _started_at(host: AgentHost) -> datetime:
    return datetime.fromtimestamp((host.directory / "host.json").stat().st_mtime, UTC)


def _entry(host: AgentHost, state: str) -> dict[str, Any]:
    from trainer.agents.host_files import HostFiles

    spec = HostFiles(host.directory).read_spec()
    return {
        "id": host.id,
        "state": state,
        "sweep": str(host.reference),
        "server": str(spec.kind),
        "base_url": spec.base_url,
        "pid": host.pid,
        "since": _started_at(host).isoformat(),
        "directory": str(host.directory),
        "starts": str(host.starts() or ""),
        "slots": [json.loads(json.dumps(asdict(agent), default=str)) for agent in host.agents()],
    }


def _lines(host: AgentHost, state: str) -> Iterator[str]:
    from trainer.agents.host_files import HostFiles
    from trainer.durations import duration_text

    spec, since = HostFiles(host.directory).read_spec(), _started_at(host)
    age = duration_text((datetime.now(UTC) - since).total_seconds())
    how = {
        "running": f"process {host.pid}, since {since.astimezone():%Y-%m-%d %H:%M:%S} ({age})",
        "crashed": f"crashed; `sweep-tui agent {host.reference}` goes on with its runs",
        "taken over": "crashed; another host has taken over its runs",
        "ended": f"ended; began {since.astimezone():%Y-%m-%d %H:%M:%S}",
    }[state]
    yield f"{host.id}  {host.reference}  {spec.kind} {spec.base_url}  {how}"
    if state == "running":
        yield from (f"    {_slot_line(agent)}" for agent in host.agents())


def _slot_line(agent: LocalAgent) -> str:
    from trainer.durations import duration_text

    state = f"{agent.state}, leaves after this run" if agent.draining else str(agent.state)
    run = ""
    if agent.run_id:
        seconds = (datetime.now(UTC) - agent.run_started_at).total_seconds() if agent.run_started_at else 0.0
        run = f"run {agent.run_id} for {duration_text(seconds)}"
    threads = f"{agent.cpu_threads} thread{'' if agent.cpu_threads == 1 else 's'}" if agent.cpu_threads else ""
    parts = [f"slot {agent.slot}", state, agent.device, threads, run, f"{agent.runs_done} done"]
    if agent.runs_failed:
        parts.append(f"{agent.runs_failed} failed")
    line = "  ".join(filter(None, parts))
    return f"{line}  | {agent.last_line}" if agent.last_line else line


def _read_lines(
    sources: Callable[[], dict[str, Path]], first: int, goes_on: Callable[[], bool] | None
) -> Iterator[str]:
    """Yield the last lines of files, then (unless `goes_on` is None) what comes, for as long as that says so."""
    offsets: dict[Path, int] = {}
    is_first = True
    while True:
        is_last = goes_on is None or not goes_on()
        for prefix, path in sources().items():
            try:
                with path.open("rb") as stream:
                    if path not in offsets:
                        # What ran before is read from its end; a log that is begun later, whole.
                        offsets[path] = max(stream.seek(0, os.SEEK_END) - _TAIL_BYTES, 0) if is_first else 0
                    stream.seek(offsets[path])
                    data = stream.read()
            except OSError:
                continue
            # Half a line waits for its end, unless nothing more comes.
            whole = data if is_last else data[: data.rfind(b"\n") + 1]
            offsets[path] += len(whole)
            lines = whole.decode("utf-8", "replace").splitlines()
            if is_first:
                lines = lines[-first:] if first else []
            yield from (f"{prefix}{line}" for line in lines)
        if is_last:
            return
        is_first = False
        time.sleep(_POLL_SECONDS)
