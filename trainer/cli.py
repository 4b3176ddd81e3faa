"""The command line: one group of commands, and errors turned into one sentence and an exit code.

`python -m trainer` serves the commands alone; `tui.cli` serves the same with the app behind `run`, `open` and no
command.
"""

from __future__ import annotations

import atexit
import gc
import signal
import sys
from typing import NoReturn

import click

from trainer.commands.bundling import bundle
from trainer.commands.comparing import compare
from trainer.commands.deriving import fork, narrow
from trainer.commands.exporting import export
from trainer.commands.gpus import gpus
from trainer.commands.hosts import agents
from trainer.commands.insight import insight
from trainer.commands.models import fetch_best, promote
from trainer.commands.options import EXIT_INTERRUPTED, AppOpener, exit_code_for, server_options
from trainer.commands.params import params
from trainer.commands.planning import check, plan
from trainer.commands.publishing import publish
from trainer.commands.reading import best, leaderboard, points
from trainer.commands.reporting import report
from trainer.commands.running import agent, open_, run, train
from trainer.commands.server_care import server as server_group
from trainer.commands.serving import env, serve
from trainer.commands.steering import steering_commands
from trainer.commands.trying import try_
from trainer.errors import TrainerError
from trainer.settings import resolve_settings

__all__ = ["AppOpener", "build_cli", "main", "run_cli"]


def run_cli(group: click.Group, arguments: list[str] | None = None) -> NoReturn:
    """Run the commands; errors become one sentence on stderr and an exit code, never a traceback."""
    # The interpreter would look through all objects for garbage, several times, before it ends: 0.05 s.
    atexit.register(gc.freeze)
    try:
        code = group.main(args=arguments, prog_name=group.name, standalone_mode=False)
    except click.exceptions.Abort:
        # Who presses Ctrl-C twice must not see a traceback of the end.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        code = EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except TrainerError as error:
        click.echo(f"Error: {error}", err=True)
        code = exit_code_for(error)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (`| head`) has left: there is nobody to tell, and nothing went wrong.
        sys.stderr.close()
        code = 0
    sys.exit(code if isinstance(code, int) else 0)


def main() -> NoReturn:
    """Serve the commands without the app."""
    run_cli(build_cli(None))


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

    commands = [run, agent, agents, params, plan, check, try_, export, leaderboard, best, points, *steering_commands()]
    commands += [compare, insight, report, fork, narrow, bundle, publish, promote, fetch_best]
    commands += [gpus, serve, server_group, env, train]
    for command in [*commands, open_] if app else commands:
        cli.add_command(command)
    return cli
