"""`plan` and `check`: what a sweep file means and what is wrong with it. Creates nothing, contacts nobody."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trainer.commands.options import EXIT_BAD_INPUT, narrate, problem_line
from trainer.counts import long_count
from trainer.errors import SweepConfigError, SweepFileError
from trainer.records import Json, SweepReference

if TYPE_CHECKING:
    from trainer.launch import Overrides
    from trainer.search.cost import Cost
    from trainer.search.plan import Plan
    from trainer.sweep.config import SweepFile


def load_clean(file: Path) -> dict[str, Json]:
    """Return the configuration of a sweep file that has no problem; show every problem it has.

    Raises:
        SweepFileError: If the file cannot be read.
        SweepConfigError: If it has a problem.
    """
    sweep_file = load_valid(file)
    warn_of_program(sweep_file, file)
    return sweep_file.config


def load_valid(file: Path) -> SweepFile:
    """Return a sweep file that has no problem, whatever its program may say; show every problem it has.

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
    return sweep_file


_SECONDS_TO_READ_PROGRAM = 1.0
"""What may be spent on the program before a launch; `check` takes its time."""


def warn_of_program(sweep_file: SweepFile, file: Path) -> None:
    """Say what the program would refuse. No reason not to start: agents stop by themselves where it does."""
    from trainer.programs.findings import program_findings
    from trainer.programs.reading import read_for_sweep

    options = read_for_sweep(sweep_file.config, Path.cwd(), _SECONDS_TO_READ_PROGRAM)
    if options is None:
        return
    found = program_findings(sweep_file.config, options, sweep_file.positions)
    for problem in (*found.problems, *found.oddities):
        narrate(f"warning: {problem_line(file, problem)}")


def taken_by_program(overrides: Overrides, config: Mapping[str, Json]) -> Overrides:
    """Return overrides without the parameters that the sweep does not have and its program surely refuses; say so."""
    from trainer.launch import overridden
    from trainer.programs.findings import program_findings
    from trainer.programs.reading import read_for_sweep

    parameters = config.get("parameters")
    known = parameters if isinstance(parameters, dict) else {}
    added = [name for name in ("dataset", "seed") if getattr(overrides, name) is not None and name not in known]
    options = read_for_sweep(config, Path.cwd(), _SECONDS_TO_READ_PROGRAM) if added else None
    if options is None:
        return overrides
    changed = overridden(config, overrides)
    refused = {problem.path for problem in program_findings(changed, options).problems}
    for name in added:
        if f"parameters.{name}" in refused:
            narrate(f"--{name} is left out: the sweep has no parameter {name!r}, and its program takes none.")
            overrides = replace(overrides, **{name: None})
    return overrides


def reused_sweep_in(file: Path) -> SweepReference | None:
    """Return the sweep whose runs a sweep file reuses, as its note says; None if it reuses none."""
    text = file.read_text(encoding="utf-8-sig")
    if "#:" not in text:
        return None
    from trainer.sweep.yaml_notes import notes_of
    from trainer.tracking.forking import reused_sweep

    return reused_sweep(notes_of(text))


@click.command(short_help="Show what FILE would run, and what it costs, without running it.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="Configurations to show.")
@click.option("--where", metavar="FILTER", help="Only these, as in the live view: `lr>=1e-3 model=forest`.")
@click.option("--agents", "-a", type=click.IntRange(1), default=1, show_default=True, help="Agents to estimate for.")
@click.option("--gpus-per-run", type=click.IntRange(0), help="GPUs that a run holds; 1 unless given, if there are any.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def plan(file: Path, limit: int, where: str | None, agents: int, gpus_per_run: int | None, as_json: bool) -> int:
    """Show what FILE would run: counts, cost, configurations and exact commands. Creates nothing.

    What it costs is told from a trial (`try FILE`) or from earlier runs, if the embedded server that has them runs.
    """
    from trainer.run_filter import parse_run_filter
    from trainer.search.plan import make_plan
    from trainer.tracking.filtering import point_note

    config = load_clean(file)
    wanted = parse_run_filter(where) if where else None
    made = make_plan(config, limit, where=wanted.matches_point if wanted else None)
    if wanted is not None and (note := point_note(wanted, make_plan(config, 1).configurations)):
        narrate(note)
    cost = _cost(config, made, agents, gpus_per_run)
    if as_json:
        click.echo(json.dumps(made.as_json() | {"cost": cost.as_json()}, indent=2))
    else:
        click.echo(_plan_text(made, cost, file))
    return 0


def _cost(config: Mapping[str, Json], plan: Plan, agents: int, gpus_per_run: int | None) -> Cost:
    """Return what a sweep costs, from what is known on this machine."""
    from trainer.agents.assignment import our_gpus
    from trainer.errors import TrainerError
    from trainer.run_times import known_run_time
    from trainer.search.cost import Cost
    from trainer.settings import ServerKind, Settings, resolve_settings

    try:
        settings = resolve_settings()
    except TrainerError:
        # No key for the server in the environment: what this machine has noted is still true.
        settings = Settings(ServerKind.SELF_HOSTED, "")
    gpus = (1 if our_gpus().gpus else 0) if gpus_per_run is None else gpus_per_run
    known = known_run_time(config, Path.cwd(), settings)
    return Cost(plan.run_count, agents, known, isinstance(config.get("early_terminate"), Mapping), gpus)


def _plan_text(plan: Plan, cost: Cost, file: Path) -> str:
    """Return the counts and the cost, then one configuration and its command per row."""
    from trainer.tracking.leaderboard import flatten_config
    from trainer.tracking.tables import Table, render_plain

    counts = f"{plan.method}: {_many(plan.run_count, 'run')}"
    if plan.raw_count is not None:
        counts += f" of {_many(plan.unique_count, 'unique combination')} ({long_count(plan.raw_count)} as written)"
    told = cost.text(datetime.now(), try_hint=f"not known; `sweep-tui try {shlex.quote(str(file))}` tells")
    lines = [counts, f"takes: {told}"]
    if cost.run_time is not None:
        lines.append(f"       ({cost.run_time.basis()})")
    if plan.scanned is not None:
        lines.append(f"shown: {_many(len(plan.numbers), 'match')} among the first {plan.scanned:,}")
    if plan.is_sample and plan.configurations:
        lines.append(f"A sample of what {plan.method} search may draw; the sweep itself draws others.")
    flats = [flatten_config(configuration) for configuration in plan.configurations]
    keys = list(dict.fromkeys(key for flat in flats for key in flat))
    if not keys:
        return "\n".join(lines)
    rows = [
        (f"{number}", *("" if key not in flat else str(flat[key]) for key in keys))
        for number, flat in zip(plan.numbers, flats, strict=True)
    ]
    commands = [f"{number}. {shlex.join(argv)}" for number, argv in zip(plan.numbers, plan.argv, strict=True)]
    table = render_plain(Table(("#", *keys), tuple(rows), droppable=range(1, 1 + len(keys))))
    return "\n".join([*lines, "", table, "", "Commands:", *commands])


def _many(count: int | None, noun: str) -> str:
    if count is None:
        return f"no end of {noun}s"
    plural = "es" if noun.endswith("ch") else "s"
    return f"{long_count(count)} {noun}{'' if count == 1 else plural}"


@click.command(short_help="Find every problem in sweep FILES.")
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--json", "as_json", is_flag=True, help="A JSON list of {file, path, message, hint, line, code} on stdout."
)
@click.option("--fix", is_flag=True, help="First make the obvious fixes in FILES, and print them as a diff.")
@click.option("--diff", "only_show", is_flag=True, help="With --fix: print the diff, and write nothing.")
def check(files: tuple[Path, ...], as_json: bool, fix: bool, only_show: bool) -> int:
    """Find every problem in sweep FILES, with file, line, path and the way out. Exit code 0 or 2.

    Their programs are read, not run: parameters and values that a program would refuse are problems too.
    """
    from trainer.programs.file_check import check_file, read_near
    from trainer.sweep.config import load_sweep_file
    from trainer.sweep.findings import Violation

    if (only_show and not fix) or (fix and as_json):
        raise click.UsageError("--diff belongs to --fix, and --fix prints no JSON.")
    found: list[dict[str, Any]] = []
    for file in files:
        if fix:
            from trainer.commands.fixing import fix_file

            fix_file(file, only_show=only_show)
        try:
            sweep_file = load_sweep_file(file)
        except SweepFileError as error:
            problem = Violation("", error.message, error.hint, error.line)
            found.append({"file": str(file)} | problem.as_json())
            narrate(str(error))
            continue
        checked = check_file(sweep_file, Path.cwd(), read_near(sweep_file, Path.cwd()))
        for problem in checked.problems:
            found.append({"file": str(file)} | problem.as_json())
            if not as_json:
                click.echo(problem_line(file, problem))
        for oddity in checked.oddities:
            narrate(f"warning: {problem_line(file, oddity)}")
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif not found:
        click.echo(f"{len(files)} file{'s' if len(files) > 1 else ''} checked, no problem.")
    return EXIT_BAD_INPUT if found else 0
