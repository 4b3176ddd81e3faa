"""The commands of sweep-tui: arguments in, one call, data on stdout, narration on stderr, an exit code.

`python -m trainer` serves them alone; `tui.cli` serves the same with the app behind `run`, `open` and no command.
Commands import what they need when they run, so that `--help` and the app's first paint wait for nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar

import click

from trainer.errors import InputError, SweepConfigError, TrainerError
from trainer.settings import Settings, resolve_settings

if TYPE_CHECKING:
    from trainer.launch import LaunchRequest
    from trainer.records import SweepRecord
    from trainer.settings import Connection
    from trainer.states import SweepState
    from trainer.tracking.wandb_client import WandbClient

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

_F = TypeVar("_F", bound=Callable[..., Any])


class AppOpener(Protocol):
    """What can draw the app; absent where Textual is not installed. Each call returns an exit code."""

    def open_home(self, settings: Settings) -> int:
        """Show the sweeps of the server."""

    def open_sweep(self, settings: Settings, reference_text: str) -> int:
        """Show the live view of one sweep."""

    def open_launch(self, settings: Settings, request: LaunchRequest) -> int:
        """Launch a sweep and show its live view."""

    def can_open(self) -> bool:
        """Return whether stdin and stdout are a terminal that the app can be drawn on."""


def exit_code_for(error: TrainerError) -> int:
    """Return the exit code of an error: 2 for what the user gave, 1 for what the world did."""
    return EXIT_BAD_INPUT if isinstance(error, InputError) else EXIT_FAILED


def run_cli(group: click.Group, arguments: list[str] | None = None) -> NoReturn:
    """Run the commands; errors become one sentence on stderr and an exit code, never a traceback."""
    try:
        code = group.main(args=arguments, prog_name=group.name, standalone_mode=False)
    except click.exceptions.Abort:
        code = EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except TrainerError as error:
        click.echo(f"Error: {error}", err=True)
        code = exit_code_for(error)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (`| head`) has left: there is nobody to tell, and nothing went wrong.
        sys.stderr.close()
        code = 0
    sys.exit(code if isinstance(code, int) else 0)


def main() -> NoReturn:
    """Serve the commands without the app."""
    run_cli(build_cli(None))


def server_options(command: _F) -> _F:
    """Add the options that choose a server, an entity and a project."""
    for option in (
        click.option("--project", "-p", help="W&B project; beats WANDB_PROJECT and the sweep file."),
        click.option("--entity", "-e", help="W&B entity; beats WANDB_ENTITY and the sweep file."),
        click.option(
            "--server",
            metavar="URL|cloud|local",
            help="W&B server; beats WANDB_BASE_URL. Without either: the cloud if you are logged in, else local.",
        ),
    ):
        command = option(command)
    return command


def build_cli(app: AppOpener | None) -> click.Group:
    """Return the commands; `app` draws what is interactive, None means that everything is headless."""

    @click.group(
        name="sweep-tui" if app else "python -m trainer",
        invoke_without_command=app is not None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    @click.version_option(package_name="sweep-tui")
    @server_options
    @click.pass_context
    def cli(context: click.Context, server: str | None, entity: str | None, project: str | None) -> int:
        """Build, run and watch Weights & Biases sweeps in the terminal, with or without an account."""
        context.obj = app
        if context.invoked_subcommand is None and app is not None:
            return app.open_home(resolve_settings(server, entity, project))
        # Options before the command are its defaults: `sweep-tui --server local run FILE`.
        given = {"server": server, "entity": entity, "project": project}
        context.default_map = {name: {k: v for k, v in given.items() if v} for name in cli.commands}
        return 0

    commands = [run, agent, plan, check, leaderboard, best, *steering_commands(), serve, env, train]
    for command in [*commands, open_] if app else commands:
        cli.add_command(command)
    return cli


def _narrate(text: str) -> None:
    click.echo(text, err=True)


def _connected(settings: Settings) -> tuple[Connection, WandbClient]:
    """Connect, and name the server on the first line of narration."""
    from trainer.connection import connect
    from trainer.tracking.wandb_client import WandbClient

    connection = connect(settings)
    _narrate(f"Server: {connection.label}")
    return connection, WandbClient(connection)


def _found(text: str, settings: Settings) -> tuple[Connection, WandbClient, SweepRecord]:
    """Connect and read the sweep that `text` names."""
    from trainer.tracking.references import parse_sweep_reference

    connection, client = _connected(settings)
    reference = parse_sweep_reference(text, connection.entity, connection.project)
    return connection, client, client.read_sweep(reference)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--agents", "-a", type=click.IntRange(0, 256), default=1, show_default=True, help="Local agents.")
@click.option("--count", type=click.IntRange(1), help="Runs in all; becomes the sweep's run_cap.")
@click.option("--dataset", help="Replace the parameter `dataset` by this constant.")
@click.option("--seed", type=click.IntRange(0), help="Replace the parameter `seed`; also seeds the local search.")
@click.option("--name", help="Display name of the sweep.")
@click.option("--headless", is_flag=True, help="Progress lines instead of the app, also in a terminal.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the result to this file.")
@server_options
@click.pass_obj
def run(
    app: AppOpener | None,
    file: Path,
    agents: int,
    count: int | None,
    dataset: str | None,
    seed: int | None,
    name: str | None,
    headless: bool,
    json_path: Path | None,
    server: str | None,
    entity: str | None,
    project: str | None,
) -> int:
    """Create the sweep of FILE, start local agents, and show it live until it ends.

    Exit code: 0 done, 1 runs failed or the server was lost, 2 bad input, 130 interrupted.
    """
    from trainer.headless import check_writable
    from trainer.launch import LaunchRequest, Overrides, check_launch, overridden
    from trainer.sweep.config import load_sweep_file

    settings = resolve_settings(server, entity, project)
    overrides = Overrides(name, settings.entity, count, dataset, seed)
    request = LaunchRequest(overridden(load_sweep_file(file).config, overrides), agents, Path.cwd())
    if json_path is not None:
        check_writable(json_path)
    _require_clean(file)
    check_launch(request.config, request.cwd)
    if app is not None and not headless and json_path is None and app.can_open():
        return app.open_launch(settings, request)
    return _run_headless(settings, request, json_path)


def _run_headless(settings: Settings, request: LaunchRequest, json_path: Path | None) -> int:
    """Run a sweep with progress lines and a final leaderboard."""
    from trainer.headless import write_report
    from trainer.launch import launch_sweep

    connection, client = _connected(settings)
    launched = launch_sweep(connection, client, request)
    sweep = launched.sweep
    _narrate(f"Sweep:  {sweep.name} ({sweep.reference})\n        {sweep.url}")
    if launched.host is not None:
        _narrate(f"Agents: {request.agents} local, logs in {launched.host.directory}")
    from trainer.headless import follow_to_end

    outcome = follow_to_end(client, sweep, launched.host, _narrate)
    if json_path is not None:
        write_report(outcome, json_path)
    _show_leaderboard(outcome.progress.sweep, tuple(outcome.progress.runs.values()))
    if outcome.problem:
        _narrate(f"Error: {outcome.problem}")
    if outcome.interrupted:
        _narrate(f"Interrupted; results so far are kept. Go on with: sweep-tui agent {sweep.reference}")
    return outcome.exit_code


def _show_leaderboard(sweep: SweepRecord, runs: tuple[Any, ...], top: int = 10) -> None:
    from trainer.tracking.leaderboard import render_leaderboard

    click.echo(render_leaderboard(sweep, runs, top=top, output_format="table"))


def _require_clean(file: Path) -> None:
    """Show every problem of a sweep file and leave with 2 if there is one."""
    from trainer.sweep.config import load_sweep_file
    from trainer.sweep.validation import violations

    sweep_file = load_sweep_file(file)
    problems = violations(sweep_file.config, sweep_file.positions)
    if problems:
        for problem in problems:
            _narrate(_problem_line(file, problem))
        raise SweepConfigError(
            f"{file} has {len(problems)} problem{'s' if len(problems) > 1 else ''}; nothing was created."
        )


def _problem_line(file: Path, problem: Any) -> str:
    place = f"{file}:{problem.line}" if problem.line else str(file)
    return f"{place}: {problem.path}: {problem.message} {problem.hint}".rstrip()


@click.command(name="open")
@click.argument("sweep")
@server_options
@click.pass_obj
def open_(app: AppOpener, sweep: str, server: str | None, entity: str | None, project: str | None) -> int:
    """Open the live view of SWEEP: an id, project/id, entity/project/id or URL."""
    return app.open_sweep(resolve_settings(server, entity, project), sweep)


@click.command()
@click.argument("sweep")
@click.option("--agents", "-a", type=click.IntRange(1, 256), default=1, show_default=True, help="Agents to start.")
@click.option("--count", type=click.IntRange(1), help="Runs that these agents do together, then they leave.")
@click.option("--detach", is_flag=True, help="Leave the agents in the background and return.")
@server_options
def agent(
    sweep: str,
    agents: int,
    count: int | None,
    detach: bool,
    server: str | None,
    entity: str | None,
    project: str | None,
) -> int:
    """Add local agents to SWEEP and follow it; Ctrl-C stops them, `--detach` leaves them."""
    from trainer.agents.pool import start_agents
    from trainer.headless import follow_to_end

    connection, client, record = _found(sweep, resolve_settings(server, entity, project))
    host = start_agents(connection, record, agents, count=count, cwd=Path.cwd())
    _narrate(f"Agents: {agents} local, logs in {host.directory}")
    if detach:
        return 0
    outcome = follow_to_end(client, record, host, _narrate, host_may_end=count is not None)
    if outcome.problem:
        _narrate(f"Error: {outcome.problem}")
    return outcome.exit_code


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="Configurations to show.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def plan(file: Path, limit: int, as_json: bool) -> int:
    """Show what FILE would run: counts, configurations and exact commands. Creates nothing, contacts nobody."""
    from trainer.search.plan import make_plan
    from trainer.sweep.config import load_sweep_file

    _require_clean(file)
    made = make_plan(load_sweep_file(file).config, limit)
    click.echo(json.dumps(made.as_json(), indent=2) if as_json else made.as_text())
    return 0


@click.command()
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="A JSON list of {file, path, message, hint, line} on stdout.")
def check(files: tuple[Path, ...], as_json: bool) -> int:
    """Find every problem in sweep FILES, with file, line, path and the way out. Exit code 0 or 2."""
    from trainer.sweep.config import load_sweep_file
    from trainer.sweep.validation import violations, warnings

    found: list[dict[str, Any]] = []
    for file in files:
        try:
            sweep_file = load_sweep_file(file)
        except InputError as error:
            line = getattr(error, "line", None)
            found.append({"file": str(file), "path": "", "message": error.message, "hint": error.hint, "line": line})
            _narrate(f"{error}")
            continue
        for problem in violations(sweep_file.config, sweep_file.positions):
            found.append(
                {
                    "file": str(file),
                    "path": problem.path,
                    "message": problem.message,
                    "hint": problem.hint,
                    "line": problem.line,
                }
            )
            if not as_json:
                click.echo(_problem_line(file, problem))
        for oddity in warnings(sweep_file.config, sweep_file.positions):
            _narrate(f"warning: {_problem_line(file, oddity)}")
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif not found:
        click.echo(f"{len(files)} file{'s' if len(files) > 1 else ''} checked, no problem.")
    return EXIT_BAD_INPUT if found else 0


@click.command()
@click.argument("sweep")
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="Runs to show.")
@click.option("--metric", help="Rank by this metric instead of the sweep's; needs no goal when it is the same.")
@click.option("--goal", type=click.Choice(["minimize", "maximize"]), help="Which direction of --metric is better.")
@click.option("--by", type=click.Choice(["last", "best"]), default="best", show_default=True, help="Which value ranks.")
@click.option(
    "--format", "output_format", type=click.Choice(["table", "json", "csv", "md"]), default="table", show_default=True
)
@server_options
def leaderboard(
    sweep: str,
    top: int,
    metric: str | None,
    goal: str | None,
    by: str,
    output_format: str,
    server: str | None,
    entity: str | None,
    project: str | None,
) -> int:
    """Show the best runs of SWEEP."""
    from trainer.tracking.leaderboard import ranking_metric, render_leaderboard

    _, client, record = _found(sweep, resolve_settings(server, entity, project))
    ranked_by = ranking_metric(record, metric, goal)
    runs = client.read_runs(record, ranked_by if by == "best" else None)
    click.echo(render_leaderboard(record, runs, metric=ranked_by, by=by, top=top, output_format=output_format))
    return 0


@click.command()
@click.argument("sweep")
@click.option("--by", type=click.Choice(["last", "best"]), default="best", show_default=True, help="Which value ranks.")
@click.option(
    "--format", "output_format", type=click.Choice(["yaml", "args", "json"]), default="yaml", show_default=True
)
@server_options
def best(sweep: str, by: str, output_format: str, server: str | None, entity: str | None, project: str | None) -> int:
    """Print the best configuration of SWEEP, ready to paste."""
    from trainer.tracking.leaderboard import ranking_metric, render_best

    _, client, record = _found(sweep, resolve_settings(server, entity, project))
    ranked_by = ranking_metric(record, None, None)
    runs = client.read_runs(record, ranked_by if by == "best" else None)
    click.echo(render_best(record, runs, by=by, output_format=output_format))
    return 0


def steering_commands() -> list[click.Command]:
    """Return pause, resume, stop and cancel: one state each."""
    from trainer.states import SweepState

    verbs = (
        ("pause", SweepState.PAUSED, "hand out no further runs until it is resumed; current runs go on"),
        ("resume", SweepState.RUNNING, "hand out runs again"),
        ("stop", SweepState.FINISHED, "hand out no further runs; current runs end by themselves"),
        ("cancel", SweepState.CANCELED, "hand out no further runs and end the current ones"),
    )
    return [_steering_command(name, state, what) for name, state, what in verbs]


def _steering_command(name: str, state: SweepState, what: str) -> click.Command:
    @click.command(name=name, help=f"{name.capitalize()} SWEEP: {what}.")
    @click.argument("sweep")
    @server_options
    def steer(sweep: str, server: str | None, entity: str | None, project: str | None) -> int:
        _, client, record = _found(sweep, resolve_settings(server, entity, project))
        client.set_sweep_state(record.reference, state)
        click.echo(f"{record.reference} {state.value}")
        return 0

    return steer


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port on 127.0.0.1; default: the last one used.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of the server's database, files and key.")
def serve(port: int | None, data_dir: Path | None) -> int:
    """Run the embedded W&B server in the foreground until Ctrl-C."""
    from trainer.server.lifecycle import serve_foreground

    serve_foreground(port, data_dir, narrate=_narrate)
    return 0


@click.command()
@server_options
def env(server: str | None, entity: str | None, project: str | None) -> int:
    """Print `export` lines that point any W&B tool at the server: eval "$(sweep-tui env)"."""
    import shlex

    from trainer.settings import ServerKind

    connection, _ = _connected(resolve_settings(server, entity, project))
    for name, value in connection.environ().items():
        click.echo(f"export {name}={shlex.quote(value)}")
    if connection.kind is ServerKind.EMBEDDED:
        click.echo("export WANDB_ERROR_REPORTING=false")
    return 0


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def train(arguments: tuple[str, ...]) -> int:
    """Train one model and log it to W&B: the program that sweeps/*.yaml name. See `train --help`."""
    from trainer.training.command import train_from_argv

    return train_from_argv(arguments)
