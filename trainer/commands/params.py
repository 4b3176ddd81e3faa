"""`params`: what a program takes, read from its source, and a sweep file to begin with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trainer.commands.options import narrate

if TYPE_CHECKING:
    from trainer.programs.options import ProgramOption, ProgramOptions


@click.command(short_help="Show what PROGRAM takes, and a sweep file to begin with.")
@click.argument("program", nargs=-1, type=click.UNPROCESSED, metavar="PROGRAM [COMMAND]")
@click.option("-m", "--module", default="", metavar="MODULE", help="A module in place of the file, as in python -m.")
@click.option(
    "--format", "form", type=click.Choice(["table", "yaml", "json"]), default="table", show_default=True,
    help="A table; a ready sweep file; one JSON object.",
)  # fmt: skip
def params(program: tuple[str, ...], module: str, form: str) -> int:
    """Show what PROGRAM takes, and a sweep file to begin with. The program is read, never run.

    PROGRAM is a Python file, a folder with __main__.py, or `-m package.module`; COMMAND, a subcommand of it.
    Understood are argparse, click, typer, Hydra, OmegaConf, absl, fire, tyro and other parsers of dataclasses, and
    wandb.config.
    """
    from trainer.errors import ProgramError
    from trainer.programs.reading import read_named

    words = ["-m", module, *program] if module else list(program)
    if not words:
        raise click.UsageError("Name a program: sweep-tui params train.py, or -m package.module.")
    count = 2 if words[0] == "-m" and len(words) > 1 else 1
    options = read_named(" ".join(words[:count]) if count == 2 else words[0], Path.cwd())
    command = " ".join(words[count:])
    if command and command not in options.commands:
        known = ", ".join(options.commands) or "none"
        raise ProgramError(f"{options.program} has no command {command}.", hint=f"It has {known}.")
    for note in options.notes:
        narrate(f"note: {note}")
    if form == "json":
        click.echo(json.dumps(options.as_json(), indent=2, default=str))
    elif form == "yaml":
        click.echo(_yaml(options, command), nl=False)
    else:
        click.echo(_table(options, command))
    return 0


def _yaml(options: ProgramOptions, command: str) -> str:
    """Return a sweep file; what it does not set stands in it as comments."""
    from trainer.programs.suggestions import proposed, suggested_entry, sweep_for
    from trainer.sweep.config import dump_sweep_config
    from trainer.sweep.yaml_style import flow_yaml

    command = command or _only_command(options)
    chosen = proposed(options, command)
    names = {option.name for option in chosen}
    text = dump_sweep_config(sweep_for(options, chosen, command))
    taken = options.commands[command] if command else options.options
    rest = [option for option in taken if option.is_settable and option.name not in names]
    lines = [
        f"# Parameters of {options.program}, read from its source. Mend the ranges and the metric before you run it."
    ]
    lines.append(text.rstrip())
    if rest:
        lines.append("  # It also takes:")
        for option in rest:
            entry = suggested_entry(option)
            shown = "…" if entry in ({"value": None}, {"value": []}) else flow_yaml(entry)
            lines.append(f"  # {option.name}: {shown}{_remark(option)}")
    return "\n".join(lines) + "\n"


def _remark(option: ProgramOption) -> str:
    from trainer.programs.suggestions import passes_one_of_many

    text = option.help[:60]
    condition = f"with {option.only_with[0]} {' or '.join(option.only_with[1])}" if option.only_with else ""
    single = "one value: a flag passes no list" if passes_one_of_many(option) else ""
    said = "; ".join(filter(None, (text, condition, single)))
    return f"  # {said}" if said else ""


def _only_command(options: ProgramOptions) -> str:
    """Return the subcommand that is meant where the program itself takes nothing to speak of."""
    if not options.commands or any(option.is_settable for option in options.options):
        return ""
    likely = [name for name in options.commands if "train" in name or "run" in name or "fit" in name]
    return (likely or list(options.commands))[0]


def _table(options: ProgramOptions, command: str) -> str:
    from trainer.tracking.tables import Table, render_plain

    head = f"{options.program}: {options.style.value}"
    if options.allows_unknown:
        head += ", and ignores names it does not know"
    sections = [head]
    groups = [(command, options.commands[command])] if command else [("", options.options), *options.commands.items()]
    for name, found in groups:
        if not found:
            continue
        rows = tuple(_row(option) for option in found)
        title = f"{options.program} {name}:\n" if name else ""
        table = Table(("name", "type", "default", "choices", "suggested", "help"), rows, droppable=range(3, 6))
        sections.append(title + render_plain(table))
    if len(sections) == 1:
        sections.append("No parameters were found.")
    return "\n\n".join(sections)


def _row(option: ProgramOption) -> tuple[str, ...]:
    from trainer.programs.options import Form
    from trainer.programs.suggestions import suggested_entry
    from trainer.sweep.yaml_style import flow_yaml

    name = option.name if option.is_settable else f"({option.name})"
    limits = ", ".join(map(str, option.choices or ()))
    if option.low is not None or option.high is not None:
        limits = f"{_bound(option.low)}..{_bound(option.high)}"
    suggested = flow_yaml(suggested_entry(option)) if option.is_settable else ""
    kind = "word" if option.form is Form.POSITIONAL else option.type_text
    return (name, kind, option.default_text, _short(limits, 32), _short(suggested, 48), _short(option.help, 60))


def _bound(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
