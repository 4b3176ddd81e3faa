"""From a sweep configuration to a running sweep: check it, create it, start its local agents.

Nothing is created until everything that can be checked here has been checked.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trainer.agents.assignment import assign_devices
from trainer.agents.devices import DevicePlan, DeviceWish
from trainer.agents.early import EarlyStart, begin_early
from trainer.agents.policy import RunPolicy
from trainer.agents.pool import AgentHost, start_agents
from trainer.errors import SweepConfigError
from trainer.records import Json, SweepRecord, SweepReference
from trainer.settings import DEFAULT_PROJECT, Connection, ServerKind
from trainer.sweep.command import check_program
from trainer.sweep.validation import violations
from trainer.tracking.client import TrackingClient


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """What the user asked to run."""

    config: Mapping[str, Json]
    agents: int | None
    """Local agents to start; 0 creates the sweep only, None starts one, or as many as the GPUs asked for have room."""
    cwd: Path
    """Folder in which the program runs."""
    fresh: bool | None = None
    """Whether each run is a new process; None for what the environment says, else warm where it can be."""
    devices: DeviceWish = DeviceWish()
    """The GPUs asked for."""
    plan: DevicePlan | None = None
    """What each agent gets; None until it has been decided."""
    live: bool = False
    """Whether metrics are to arrive within a second on any server."""

    def planned(self) -> LaunchRequest:
        """Return the request with the devices of its agents decided; blocks while the GPUs' driver answers.

        Raises:
            DeviceError: If the GPUs asked for cannot be had.
        """
        if self.plan is not None or self.agents == 0:
            return self
        return replace(self, plan=assign_devices(self.devices, self.agents))

    policy: RunPolicy | None = None
    """How runs may go, and what is done when they do not; None for the defaults."""
    reuses: SweepReference | None = None
    """The sweep whose finished runs the search starts from; None for none."""


@dataclass(frozen=True, slots=True)
class LaunchedSweep:
    """A sweep that exists, with the local agents that work on it."""

    sweep: SweepRecord
    host: AgentHost | None
    """None when no agents were asked for."""


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line changes in a sweep file; None leaves the file's value."""

    name: str | None = None
    entity: str | None = None
    count: int | None = None
    """Runs in all; becomes `run_cap`, so that the server ends the sweep, whoever runs it."""
    dataset: str | None = None
    """Replaces the parameter `dataset` by this constant."""
    seed: int | None = None
    """Replaces the parameter `seed` by this constant; the embedded server seeds its search with it too."""


def overridden(config: Mapping[str, Json], overrides: Overrides) -> dict[str, Json]:
    """Return a copy of a sweep configuration with the command line's changes.

    Raises:
        SweepConfigError: If a parameter is to be replaced and `parameters` is not a mapping.
    """
    changed = copy.deepcopy(dict(config))
    for key, text in (("name", overrides.name), ("entity", overrides.entity)):
        if text is not None:
            changed[key] = text
    if overrides.count is not None:
        cap = changed.get("run_cap")
        changed["run_cap"] = min(cap, overrides.count) if isinstance(cap, int) else overrides.count
    for key, value in (("dataset", overrides.dataset), ("seed", overrides.seed)):
        if value is None:
            continue
        parameters = changed.setdefault("parameters", {})
        if not isinstance(parameters, dict):
            raise SweepConfigError("`parameters` is not a mapping.", hint="Write one `name: {…}` line per parameter.")
        parameters[key] = {"value": value}
    return changed


def check_launch(config: Mapping[str, Json], cwd: Path) -> None:
    """Raise for the first thing that would keep a sweep from running, before anything is created.

    Raises:
        SweepConfigError: If the configuration breaks W&B's rules; the message counts and names the problems.
        ProgramError: If the program it names does not exist.
    """
    problems = violations(config)
    if problems:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise SweepConfigError(f"{first.path}: {first.message}{more}", hint=first.hint)
    check_program(config, cwd)


def begin_agents(request: LaunchRequest, kind: ServerKind) -> EarlyStart | None:
    """Begin what can be done for planned agents before there is a server or a sweep; `launch_sweep` takes it over."""
    if request.plan is None:
        return None
    threads = request.plan.cpu_threads
    return begin_early(request.config, kind, request.cwd, fresh=request.fresh, cpu_threads=threads)


def launch_sweep(
    connection: Connection,
    client: TrackingClient,
    request: LaunchRequest,
    *,
    prior_runs: Sequence[str] = (),
    on_created: Callable[[SweepRecord], None] | None = None,
    early: EarlyStart | None = None,
) -> LaunchedSweep:
    """Create a sweep and start its local agents.

    Args:
        connection: The server.
        client: Its client.
        request: What to run, with how many agents.
        prior_runs: Ids of runs that the search starts from.
        on_created: Called as soon as the sweep exists, before the agents are started.
        early: What `begin_agents` began for this request; ended if the launch fails.

    Raises:
        SweepConfigError, ProgramError, DeviceError: If it cannot run here; nothing has been created then.
        ServerError: If the server refuses the sweep.
        AgentError: If the agents could not be started; the sweep exists.
    """
    try:
        check_launch(request.config, request.cwd)
        request = request.planned()
        early = early or begin_agents(request, connection.kind)
        owner = _entity(connection, request.config)
        project = connection.project or _text(request.config, "project") or DEFAULT_PROJECT
        if request.reuses is not None:
            from trainer.tracking.forking import prior_runs as runs_to_reuse

            prior_runs = (*prior_runs, *runs_to_reuse(client, request.config, request.reuses, owner, project))
        sweep = client.create_sweep(request.config, owner, project, prior_runs)
        if on_created is not None:
            on_created(sweep)
        if request.plan is None:
            return LaunchedSweep(sweep, None)
        host = start_agents(
            connection, sweep, len(request.plan.slots), cwd=request.cwd, fresh=request.fresh, early=early,
            devices=request.plan, live=request.live, policy=request.policy,
        )  # fmt: skip
    except BaseException:  # an interrupt too: without a host it would be nobody's
        if early is not None:
            early.abandon()
        if request.plan is not None:
            request.plan.release()
        raise
    return LaunchedSweep(sweep, host)


def _entity(connection: Connection, config: Mapping[str, Json]) -> str:
    """Return the entity that will own the sweep; the embedded server knows only its own."""
    if connection.kind is ServerKind.EMBEDDED:
        return connection.entity
    return _text(config, "entity") or connection.entity


def _text(config: Mapping[str, Json], key: str) -> str:
    value = config.get(key)
    return value if isinstance(value, str) else ""
