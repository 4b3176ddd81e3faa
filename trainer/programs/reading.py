"""`read_program`: from a program's file to its options, by whichever reader found how it takes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from trainer.errors import ProgramError
from trainer.programs import (
    argparse_reader,
    click_reader,
    dataclass_reader,
    flag_readers,
    hydra_reader,
    typer_reader,
    wandb_reader,
)
from trainer.programs.argparse_reader import Parser
from trainer.programs.click_reader import Command
from trainer.programs.evaluator import Evaluator
from trainer.programs.hydra_configs import hydra_options
from trainer.programs.hydra_reader import OmegaNode
from trainer.programs.location import ProgramPlace, locate, locate_named, start_command
from trainer.programs.options import ProgramOption, ProgramOptions, Style
from trainer.programs.own_trainer import is_own, own_options
from trainer.programs.sources import DEADLINE_SECONDS, Project, parse, read_text
from trainer.programs.trace import Trace
from trainer.programs.typer_reader import App
from trainer.records import Json

_READERS = (
    argparse_reader, dataclass_reader, click_reader, typer_reader, hydra_reader, flag_readers, wandb_reader,
)  # fmt: skip

_REWRITES_ARGV = re.compile(
    r"^[^#\n]*\bsys\.argv(?:\s*(?:\[[^\]\n]*\])?\s*\+?=(?!=)|\.(?:append|insert|extend|remove|pop|clear)\b)",
    re.MULTILINE,
)


def read_named(text: str, cwd: Path) -> ProgramOptions:
    """Return what the program takes that a user named: a path, a folder, `-m module`.

    Raises:
        ProgramError: If there is none, or its file is no Python that can be read.
    """
    return read_program(locate_named(text, cwd), cwd)


def read_for_sweep(
    config: Mapping[str, Json], cwd: Path, deadline_seconds: float = DEADLINE_SECONDS
) -> ProgramOptions | None:
    """Return what the program of a sweep takes; None where it is no Python program that can be read here."""
    place = locate(config, cwd)
    if place is None:
        return None
    start = start_command(config)
    try:
        return read_program(place, cwd, (*start.before, *start.after), deadline_seconds)
    except ProgramError as error:
        return ProgramOptions(place.shown, notes=(error.message,))


def read_program(
    place: ProgramPlace, cwd: Path, words: tuple[str, ...] = (), deadline_seconds: float = DEADLINE_SECONDS
) -> ProgramOptions:
    """Return what a program takes.

    Args:
        place: The program.
        cwd: The folder it is started in.
        words: Fixed words of its command; they may name a Hydra configuration.
        deadline_seconds: How long it may take; what was not read by then is noted.

    Raises:
        ProgramError: If its file is no Python that can be read.
    """
    if is_own(place.path):
        return own_options(place.shown)
    parse(read_text(place.path), place.path.name)
    roots = [cwd, cwd / "src"] if place.module else [place.path.parent, place.path.resolve().parent, cwd, cwd / "src"]
    project = Project(cwd, tuple(dict.fromkeys(roots)), deadline_seconds=deadline_seconds)
    trace = Trace()
    handlers = {name: handler for reader in _READERS for name, handler in reader.handlers(trace).items()}
    evaluator = Evaluator(project, handlers, wandb_reader.externals(trace))
    source = project.read(place.path)
    assert source is not None, "it was parsed just now"
    module = evaluator.run_program(source, place.module)
    if not _is_settled(trace):
        evaluator.call_uncalled(module)
    options = _settled(trace, project, place, words)
    rewrites = any(_REWRITES_ARGV.search(each.source.text) for each in evaluator.modules.values() if each.is_run)
    if rewrites and options.style.takes_flags:
        trace.note(f"{place.shown} changes sys.argv before it is parsed.")
    notes = [*options.notes, *trace.notes, *(note for note in project.notes if note not in trace.notes)]
    if evaluator.is_exhausted:
        notes.append(f"{place.shown} is too intricate to be followed to its end; options may be missing.")
    if options.style is Style.UNKNOWN and "sys.argv" in source.text:
        notes.append(f"{place.shown} reads sys.argv itself; what it takes cannot be told.")
    elif options.style is Style.UNKNOWN:
        notes.append(f"No way was found by which {place.shown} takes parameters.")
    return replace(
        options,
        is_complete=options.is_complete and not evaluator.is_exhausted and not rewrites,
        reads_wandb_config=trace.uses_wandb_config,
        logged=tuple(trace.logged),
        notes=tuple(dict.fromkeys(notes)),
        files=project.mtimes,
    )


def _is_settled(trace: Trace) -> bool:
    return bool(
        trace.hydra_mains or trace.parsed or trace.invoked or trace.records or trace.cli_configs or trace.has_absl
    )


def _settled(trace: Trace, project: Project, place: ProgramPlace, words: tuple[str, ...]) -> ProgramOptions:
    """Return the options of the way that the program takes them; the surest way first."""
    shown = place.shown
    if trace.hydra_mains:
        main = next((each for each in trace.hydra_mains if each.call.module.name == "__main__"), trace.hydra_mains[0])
        options, is_complete = hydra_options(main, trace, project, _config_name(words))
        return ProgramOptions(shown, Style.HYDRA, tuple(options), is_complete=is_complete)
    if trace.parsed:
        return _of_parsers(shown, trace, [parser for parser, _ in trace.parsed])
    if trace.records:
        return _of_records(shown, trace)
    command = _main_command(trace)
    if command is not None and (trace.invoked or not trace.parsers):
        return _of_command(shown, command)
    if trace.flags and (trace.has_absl or not trace.parsers):
        return ProgramOptions(shown, Style.ABSL, tuple(trace.flags), is_complete=not trace.notes)
    if trace.has_from_cli:
        return _of_omegaconf(shown, trace)
    if trace.parsers:
        found = _of_parsers(shown, trace, trace.parsers)
        return replace(found, allows_unknown=True, is_complete=False)
    if trace.uses_wandb_config or trace.wandb_defaults:
        return _of_wandb_config(shown, trace)
    return ProgramOptions(shown)


def _of_parsers(shown: str, trace: Trace, parsers: list[Parser]) -> ProgramOptions:
    options: dict[str, ProgramOption] = {}
    commands: dict[str, tuple[ProgramOption, ...]] = {}
    is_open = False
    for parser in parsers:
        options |= {option.name: option for option in parser.finished_options()}
        is_open = is_open or parser.is_open
        for name, inner in _subparsers(parser):
            commands[name] = tuple(inner.finished_options())
            is_open = is_open or inner.is_open
    return ProgramOptions(
        shown,
        Style.ARGPARSE,
        tuple(options.values()),
        commands,
        allows_unknown=not all(is_strict for _, is_strict in trace.parsed),
        is_complete=not is_open,
        allows_abbreviations=any(parser.allows_abbreviations for parser in parsers),
    )


def _subparsers(parser: Parser, path: tuple[str, ...] = ()) -> list[tuple[str, Parser]]:
    found = []
    for name, inner in parser.subparsers.items():
        found.append((" ".join((*path, name)), inner))
        found += _subparsers(inner, (*path, name))
    return found


def _of_records(shown: str, trace: Trace) -> ProgramOptions:
    options = {option.name: option for records in trace.records for option in records.options}
    styles = {"fire": Style.FIRE, "configurator": Style.CONFIGURATOR}
    style = styles.get(trace.records[0].style, Style.DATACLASSES)
    is_complete = all(records.is_complete for records in trace.records)
    commands = {name: tuple(found) for records in trace.records for name, found in records.commands.items()}
    return ProgramOptions(shown, style, tuple(options.values()), commands, is_complete=is_complete)


def _main_command(trace: Trace) -> Command | None:
    if trace.invoked:
        return trace.invoked[0]
    inner = {id(each) for command in trace.commands for _, each in command.all_commands()}
    outer = [command for command in trace.commands if id(command) not in inner]
    return outer[-1] if outer else None


def _of_command(shown: str, command: Command) -> ProgramOptions:
    style = Style.TYPER if command.is_typer else Style.CLICK
    main = command.settled() if isinstance(command, App) else command
    commands = dict(main.all_commands())
    everything = (main, *commands.values())
    return ProgramOptions(
        shown,
        style,
        tuple(main.options),
        {name: tuple(each.options) for name, each in commands.items()},
        allows_unknown=any(each.allows_unknown for each in everything),
        is_complete=not any(each.is_open for each in everything),
    )


def _of_omegaconf(shown: str, trace: Trace) -> ProgramOptions:
    nodes = [node for node in trace.cli_configs if isinstance(node, OmegaNode)]
    options = {option.name: option for node in nodes for option in node.options}
    is_strict = bool(nodes) and all(node.is_strict and node.is_known for node in nodes)
    return ProgramOptions(
        shown, Style.OMEGACONF, tuple(options.values()), allows_unknown=not is_strict, is_complete=is_strict
    )


def _of_wandb_config(shown: str, trace: Trace) -> ProgramOptions:
    options = {**trace.wandb_reads, **trace.wandb_defaults}
    return ProgramOptions(
        shown,
        Style.WANDB_CONFIG,
        tuple(options.values()),
        allows_unknown=True,
        is_complete=not trace.wandb_config_escapes,
        reads_wandb_config=True,
    )


def _config_name(words: tuple[str, ...]) -> str:
    """Return the configuration that a command names: `--config-name=exp`, `-cn exp`."""
    for index, word in enumerate(words):
        for flag in ("--config-name", "-cn"):
            if word == flag and index + 1 < len(words):
                return words[index + 1]
            if word.startswith(f"{flag}="):
                return word.partition("=")[2]
    return ""
