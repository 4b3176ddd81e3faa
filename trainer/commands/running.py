"""`run`, `agent`, `open` and `train`: what starts work or shows it live."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trainer.commands.gating import Conclusion, conclude, described_by_job, gate_options, project_of_job
from trainer.commands.options import (
    EXIT_INTERRUPTED,
    LEADERBOARD_ROWS,
    AppOpener,
    agent_options,
    call_user,
    connected,
    find_sweep,
    narrate,
    notify_option,
    server_options,
    shows_links,
)
from trainer.commands.planning import load_valid, reused_sweep_in, taken_by_program, warn_of_program
from trainer.commands.policy_options import policy_options
from trainer.errors import AgentError
from trainer.settings import ServerKind, Settings, resolve_settings

if TYPE_CHECKING:
    from trainer.agents.devices import DevicePlan, DeviceWish
    from trainer.agents.policy import RunPolicy
    from trainer.agents.pool import AgentHost
    from trainer.launch import LaunchRequest
    from trainer.records import SweepRecord, SweepReference
    from trainer.settings import Connection
    from trainer.tracking.wandb_client import WandbClient


@click.command(short_help="Create the sweep of FILE, start agents, show it live.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--agents", "-a", type=click.IntRange(0, 256), help="Local agents; 1 unless given, or one per GPU asked for."
)
@click.option("--count", type=click.IntRange(1), help="Runs in all; becomes the sweep's run_cap.")
@click.option("--dataset", help="Set the parameter `dataset`.")
@click.option("--seed", type=click.IntRange(0), help="Set the parameter `seed`; also seeds the local search.")
@click.option("--name", help="Display name of the sweep.")
@click.option("--headless", is_flag=True, help="Progress lines instead of the app, also in a terminal.")
@agent_options
@notify_option
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the result here; implies --headless.")
@gate_options
@policy_options
@server_options
@click.pass_obj
def run(
    app: AppOpener | None,
    file: Path,
    agents: int | None,
    count: int | None,
    dataset: str | None,
    seed: int | None,
    name: str | None,
    headless: bool,
    gpus: str,
    gpus_per_run: int | None,
    slots_per_gpu: int | None,
    fresh: bool | None,
    live: bool,
    notify: bool,
    json_path: Path | None,
    conclusion: Conclusion,
    policy: RunPolicy,
    server: str | None,
    entity: str | None,
    project: str | None,
) -> int:
    """Create the sweep of FILE, start local agents, and show it live until it ends.

    Exit code: 0 done, 1 runs failed or the server was lost, 2 bad input, 3 a gate (--assert, --baseline) was missed,
    130 interrupted. With --max-failures N fewer than N failed runs are no failure of the command.
    """
    from trainer.agents.devices import DeviceWish
    from trainer.launch import LaunchRequest, Overrides, check_launch, overridden
    from trainer.report import check_writable
    from trainer.sweep.config import metric_of

    settings = resolve_settings(server, entity, project)
    wish = DeviceWish(gpus, gpus_per_run, slots_per_gpu)
    sweep_file = load_valid(file)
    overrides = taken_by_program(Overrides(name, settings.entity, count, dataset, seed), sweep_file.config)
    settings = replace(settings, project=settings.project or project_of_job(settings, sweep_file))
    config = described_by_job(overridden(sweep_file.config, overrides))
    request = LaunchRequest(
        config, agents, Path.cwd(), fresh, wish, live=live, policy=policy, reuses=reused_sweep_in(file)
    )
    if json_path is not None:
        check_writable(json_path)
    check_launch(request.config, request.cwd)
    conclusion.gates.check(metric_of(request.config))
    is_headless = headless or json_path is not None or bool(conclusion)
    if app is not None and not is_headless and app.can_open():
        warn_of_program(sweep_file, file)
        return app.open_launch(settings, request)
    return _run_headless(
        settings, request, json_path, conclusion, lambda: warn_of_program(sweep_file, file), notify=notify
    )


def _run_headless(
    settings: Settings,
    request: LaunchRequest,
    json_path: Path | None,
    conclusion: Conclusion,
    warn: Callable[[], None],
    *,
    notify: bool,
) -> int:
    """Run a sweep with progress lines and a final leaderboard; `warn` says what its program would refuse."""
    from trainer.launch import begin_agents, launch_sweep
    from trainer.server.lifecycle import begin_running

    # Before anything else, the imports that follow included: these take longest.
    request = request.planned()
    early = begin_agents(request, settings.kind)
    if settings.kind is ServerKind.EMBEDDED:
        begin_running()
    try:
        warn()
        connection, client = connected(settings)
    except BaseException:  # an interrupt too: without a host it would be nobody's
        if early is not None:
            early.abandon()
        raise
    from trainer.headless import follow_to_end
    from trainer.progress import SweepProgress
    from trainer.report import Outcome, write_report
    from trainer.tracking.leaderboard import render_leaderboard

    launched = launch_sweep(connection, client, request, on_created=_name_sweep, early=early)
    if launched.host is None:
        if json_path is not None:
            write_report(Outcome(SweepProgress(launched.sweep)), json_path)
        narrate(f"No agents were asked for. Start some with: sweep-tui agent {launched.sweep.reference}")
        return 0
    _name_agents(launched.host, request.plan)
    outcome = follow_to_end(client, launched.sweep, launched.host, narrate)
    outcome = replace(outcome, failures_allowed=max((request.policy.max_failures or 1) - 1, 0) if request.policy else 0)
    sweep, runs = outcome.progress.sweep, tuple(outcome.progress.runs.values())
    click.echo(render_leaderboard(sweep, runs, top=LEADERBOARD_ROWS, with_links=shows_links()))
    if outcome.problem:
        narrate(f"Error: {outcome.problem}")
    code = conclude(client, outcome, conclusion, json_path)
    if outcome.interrupted:
        narrate(f"Interrupted; results so far are kept. Go on with: sweep-tui agent {sweep.reference}")
    elif notify:
        call_user(f"{sweep.name}: {outcome.problem or outcome.progress.line()}")
    return code


def _name_sweep(sweep: SweepRecord) -> None:
    narrate(f"Sweep:  {sweep.name} ({sweep.reference})\n        {sweep.url}")


def _name_agents(host: AgentHost, plan: DevicePlan | None) -> None:
    starts = host.starts()
    how = f", {starts}" if starts is not None else ""
    narrate(f"Agents: {host.slots} local{how}; logs in {host.directory}")
    if plan is not None:
        narrate("Devices: " + "\n         ".join(plan.lines()))
    narrate(f"Policy: {host.policy()}")


@click.command(name="open", short_help="Open the live view of SWEEP.")
@click.argument("sweep")
@server_options
@click.pass_obj
def open_(app: AppOpener, sweep: str, server: str | None, entity: str | None, project: str | None) -> int:
    """Open the live view of SWEEP: an id, project/id, entity/project/id, URL, or the file of a bundle."""
    from trainer.bundle.layout import looks_like_bundle

    if looks_like_bundle(sweep):
        return app.open_bundle(Path(sweep))
    return app.open_sweep(resolve_settings(server, entity, project), sweep)


@click.command(short_help="Add local agents to SWEEP and follow it.")
@click.argument("sweep")
@click.option(
    "--agents", "-a", type=click.IntRange(1, 256), help="Agents to start; 1 unless given, or one per GPU asked for."
)
@click.option("--count", type=click.IntRange(1), help="Runs that these agents do together, then they leave.")
@agent_options
@click.option("--new-host", is_flag=True, help="Another process for them, also where one works on SWEEP already.")
@click.option("--detach", is_flag=True, help="Leave the agents in the background and return.")
@click.option("--retry-failed", is_flag=True, help="First have the points run again whose runs failed or crashed.")
@click.option("--include-killed", is_flag=True, help="With --retry-failed: also those whose runs were ended.")
@click.option("--include-holes", is_flag=True, help="With --retry-failed: also points that were never handed out.")
@click.option("--dry-run", is_flag=True, help="With --retry-failed: only say what would be run again.")
@policy_options
@server_options
def agent(
    sweep: str,
    agents: int | None,
    count: int | None,
    gpus: str,
    gpus_per_run: int | None,
    slots_per_gpu: int | None,
    fresh: bool | None,
    live: bool,
    new_host: bool,
    detach: bool,
    retry_failed: bool,
    include_killed: bool,
    include_holes: bool,
    dry_run: bool,
    policy: RunPolicy,
    server: str | None,
    entity: str | None,
    project: str | None,
) -> int:
    """Add local agents to SWEEP and follow it; Ctrl-C stops them, `--detach` leaves them.

    Where agents on this machine work on SWEEP already, in the same way, more of them start there.

    With --retry-failed the points whose runs failed are run again first, each once, however often this is asked: in the
    sweep where its server takes single runs, else in a new sweep of only these points.
    """
    from trainer.agents.assignment import assign_devices
    from trainer.agents.devices import DeviceWish
    from trainer.agents.pool import start_agents

    if not retry_failed and (include_killed or include_holes or dry_run):
        raise click.UsageError("--include-killed, --include-holes and --dry-run belong to --retry-failed.")
    wish = DeviceWish(gpus, gpus_per_run, slots_per_gpu)
    connection, client, record = find_sweep(sweep, resolve_settings(server, entity, project))
    targets: tuple[SweepReference, ...] = (record.reference,)
    if retry_failed:
        from trainer.tracking.retry import retry_failed as retry

        report = retry(client, record, include_killed=include_killed, include_holes=include_holes, dry_run=dry_run)
        for line in report.lines():
            narrate(line)
        if dry_run:
            return 0
        targets = report.to_work_on
        if not targets:
            narrate("There is nothing for agents to do.")

    may_join = 0 if new_host or count is not None or (agents is None and wish.is_explicit) else agents or 1

    def start(sweep: SweepRecord) -> AgentHost:
        joined = _join(connection, sweep.reference, may_join, fresh=fresh, wish=wish, live=live, policy=policy)
        if joined is not None:
            return joined
        plan = assign_devices(wish, agents)
        host = start_agents(
            connection, sweep, len(plan.slots), count=count, cwd=Path.cwd(), fresh=fresh, devices=plan, live=live,
            policy=policy,
        )  # fmt: skip
        _name_agents(host, plan)
        return host

    code = 0
    for target in targets:
        code = max(code, _work(client, target, start, follows=not detach, host_may_end=count is not None))
        if code == EXIT_INTERRUPTED:
            break
    return code


def _join(
    connection: Connection, reference: SweepReference, slots: int, *, fresh: bool | None, wish: DeviceWish, live: bool,
    policy: RunPolicy,
) -> AgentHost | None:  # fmt: skip
    """Add slots (none with 0) to a host that works on the sweep in the same way; None, and said why, where not."""
    from trainer.agents.joining import host_to_join, join

    if not slots:
        return None
    host, reason = host_to_join(connection, reference, Path.cwd(), fresh=fresh, wish=wish, live=live, policy=policy)
    try:
        if host is not None:
            joined = join(host, slots)
            word = "slot" if len(joined.joined) == 1 else "slots"
            numbers = ", ".join(map(str, joined.joined))
            narrate(f"Agents: {word} {numbers} added to process {host.pid} (host {host.id}); logs in {host.directory}")
            if joined.refused:
                narrate(f"        No more could be added: {joined.refused}")
            return joined
    except AgentError as error:
        reason = error.message
    if reason:
        narrate(f"Agents of another process work on this sweep; these do not join them: {reason.rstrip('.')}.")
    return None


def _work(
    client: WandbClient,
    reference: SweepReference,
    start: Callable[[SweepRecord], AgentHost],
    *,
    follows: bool,
    host_may_end: bool,
) -> int:
    """Start agents for a sweep, and follow it where that is wanted; return the exit code."""
    from trainer.headless import follow_to_end

    record = client.read_sweep(reference)
    snapshot = client.poll_sweep(record.reference, curves=False)
    ended_before = frozenset(run.id for run in snapshot.runs if run.state.is_terminal)
    host = start(record)
    if not follows:
        return 0
    outcome = follow_to_end(client, record, host, narrate, host_may_end=host_may_end, ended_before=ended_before)
    if outcome.problem:
        narrate(f"Error: {outcome.problem}")
    return outcome.exit_code


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
    add_help_option=False,
    short_help="Train one model as one run: what sweeps/*.yaml start.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def train(arguments: tuple[str, ...]) -> int:
    """Train one model and log it to W&B: the program that sweeps/*.yaml name. See `train --help`."""
    from trainer.training.command import train_from_argv

    return train_from_argv(arguments, _local_server)


def _local_server() -> Mapping[str, str]:
    """Start the embedded server for a run that is started by hand where no other server is configured."""
    connection, _ = connected(Settings(ServerKind.EMBEDDED, ""))
    return connection.environ()
