"""`plan` and `check`: what a sweep file means and what is wrong with it. Creates nothing, contacts nobody."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trainer.commands.options import EXIT_BAD_INPUT, narrate, problem_line
from trainer.errors import SweepConfigError, SweepFileError
from trainer.records import Json

if TYPE_CHECKING:
    from trainer.search.plan import Plan


def load_clean(file: Path) -> dict[str, Json]:
    """Return the configuration of a sweep file that has no problem; show every problem it has.

    Raises:
        SweepFileError: If the file cannot be read.
        SweepConfigError: If it has a problem.
    """
    from trainer.sweep.config import load_sweep_file
    from trainer.sweep.validation import violations

    sweep_file = load_sweep_file(file)
    problems = violations(sweep_file.config, sweep_file.positions)
    for problem in problems:
        narrate(problem_line(file, problem))
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise SweepConfigError(f"{file} has {count}; nothing was created.")
    return sweep_file.config


@click.command(short_help="Show what FILE would run, without running it.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="Configurations to show.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def plan(file: Path, limit: int, as_json: bool) -> int:
    """Show what FILE would run: counts, configurations and exact commands. Creates nothing, contacts nobody."""
    from trainer.search.plan import make_plan

    made = make_plan(load_clean(file), limit)
    click.echo(json.dumps(made.as_json(), indent=2) if as_json else _plan_text(made))
    return 0


def _plan_text(plan: Plan) -> str:
    """Return the counts, then one configuration and its command per row."""
    from trainer.tracking.leaderboard import flatten_config
    from trainer.tracking.tables import Table, render_plain

    counts = f"{plan.method}: {_many(plan.run_count, 'run')}"
    if plan.raw_count is not None:
        counts += f" of {_many(plan.unique_count, 'unique combination')} ({plan.raw_count:,} as written)"
    flats = [flatten_config(configuration) for configuration in plan.configurations]
    keys = list(dict.fromkeys(key for flat in flats for key in flat))
    if not keys:
        return counts
    rows = [
        (str(number), *("" if key not in flat else str(flat[key]) for key in keys))
        for number, flat in enumerate(flats, start=1)
    ]
    commands = [f"{number}. {shlex.join(argv)}" for number, argv in enumerate(plan.argv, start=1)]
    table = render_plain(Table(("#", *keys), tuple(rows), droppable=range(1, 1 + len(keys))))
    return "\n".join([counts, "", table, "", "Commands:", *commands])


def _many(count: int | None, noun: str) -> str:
    if count is None:
        return f"no end of {noun}s"
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


@click.command(short_help="Find every problem in sweep FILES.")
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--json", "as_json", is_flag=True, help="A JSON list of {file, path, message, hint, line, code} on stdout."
)
def check(files: tuple[Path, ...], as_json: bool) -> int:
    """Find every problem in sweep FILES, with file, line, path and the way out. Exit code 0 or 2."""
    from trainer.sweep.config import load_sweep_file
    from trainer.sweep.findings import Violation
    from trainer.sweep.validation import violations, warnings

    found: list[dict[str, Any]] = []
    for file in files:
        try:
            sweep_file = load_sweep_file(file)
        except SweepFileError as error:
            problem = Violation("", error.message, error.hint, error.line)
            found.append({"file": str(file)} | problem.as_json())
            narrate(str(error))
            continue
        for problem in violations(sweep_file.config, sweep_file.positions):
            found.append({"file": str(file)} | problem.as_json())
            if not as_json:
                click.echo(problem_line(file, problem))
        for oddity in warnings(sweep_file.config, sweep_file.positions):
            narrate(f"warning: {problem_line(file, oddity)}")
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif not found:
        click.echo(f"{len(files)} file{'s' if len(files) > 1 else ''} checked, no problem.")
    return EXIT_BAD_INPUT if found else 0
