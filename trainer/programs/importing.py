"""Options of a program taken into a sweep as parameters, with the program and the command that they need. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from trainer.programs.location import start_command
from trainer.programs.options import ProgramOption, ProgramOptions, Style
from trainer.programs.passing import macro_of, passed_parameters
from trainer.programs.suggestions import command_for, metric_for, suggested_entry
from trainer.records import Json
from trainer.sweep.distributions import DISTRIBUTIONS
from trainer.sweep.joint import member_paths
from trainer.sweep.parameters import infer_distribution

_RUNS = 20
"""The run_cap of a search that was a grid, and has no end any more."""


@dataclass(frozen=True, slots=True)
class Import:
    """A sweep with a program's options."""

    config: dict[str, Json]
    added: tuple[str, ...]
    """Parameters that are new."""
    removed: tuple[str, ...]
    """Parameters of another program, which this one does not take."""
    changes: tuple[str, ...]
    """What else is different, a few words each: `program train.py`."""

    @property
    def label(self) -> str:
        """What it does, as the notice of its undoing names it."""
        many = f"{len(self.added)} parameter{'' if len(self.added) == 1 else 's'}"
        return f"take {many} from the program" if self.added else "take over the program"


def imported(
    config: Mapping[str, Json], options: ProgramOptions, chosen: Sequence[ProgramOption], command: str = ""
) -> Import:
    """Return a sweep with the chosen options of a program as parameters.

    Parameters that are there already stay as they are. Where the sweep had another program, those that this one is
    known to refuse go.

    Args:
        config: The sweep; not changed.
        options: What the program takes.
        chosen: Which of it to take.
        command: The subcommand whose options these are.
    """
    changes: list[str] = []
    is_other = not _is_same_program(config, options, command)
    taken = options.commands[command] if command else options.options
    given = config.get("parameters")
    parameters: dict[str, Json] = dict(given) if isinstance(given, Mapping) else {}
    known = {name for option in taken for name in option.names}
    is_strict = options.is_complete and not options.allows_unknown and options.style is not Style.TRAINER
    removed = tuple(name for name in parameters if not _names_of(name, parameters) <= known)
    removed = removed if is_other and is_strict else ()
    for name in removed:
        del parameters[name]
    present = {member for name in parameters for member in _names_of(name, parameters)}
    added = tuple(option.name for option in chosen if not set(option.names or (option.name,)) & present)
    by_name = {option.name: option for option in chosen}
    parameters |= {name: suggested_entry(by_name[name]) for name in added}
    present |= set(added)
    made = dict(config)
    if is_other:
        _start(made, options, [*_set_by(present, taken)], command, changes)
    else:
        _mend_macro(made, options, [*_set_by(present, taken)], command, changes)
    if made.get("method") == "grid" and any(not _is_gridable(parameters[name]) for name in added):
        made["method"] = "random"
        made.setdefault("run_cap", _RUNS)
        changes.append(f"method random, run_cap {made['run_cap']}")
    if is_other and options.logged:
        metric = metric_for(options)
        before = config.get("metric")
        if not isinstance(before, Mapping) or before.get("name") not in options.logged:
            made["metric"] = metric
            changes.append(f"metric {metric['name']}")
    made["parameters"] = parameters
    return Import(made, added, removed, tuple(changes))


def _is_gridable(entry: Json) -> bool:
    distribution = DISTRIBUTIONS.get((isinstance(entry, dict) and infer_distribution(entry)) or "")
    return distribution is None or distribution.is_gridable


def options_with(config: Mapping[str, Json], options: ProgramOptions, command: str = "") -> list[ProgramOption]:
    """Return the options of a program or of its subcommand, one of each name.

    Where one is taken under several conditions, with different values, it is the one that the sweep's values select.
    """
    taken = options.commands[command] if command else options.options
    values = {passed.name: {str(value) for value in passed.values} for passed in passed_parameters(config)}
    defaults = {option.name: {str(option.default)} for option in taken}
    found: dict[str, ProgramOption] = {}
    for option in taken:
        control, needed = option.only_with or ("", ())
        settings = values.get(control) or defaults.get(control, set())
        if option.name not in found or settings & set(needed):
            found[option.name] = option
    return list(found.values())


def _names_of(name: str, parameters: Mapping[str, Json]) -> set[str]:
    """Return the names that a program is given for a parameter: its members' where it is a joint one."""
    return {".".join(path) for path in member_paths(name, parameters[name])} or {name}


def _set_by(names: Set[str], taken: Sequence[ProgramOption]) -> list[ProgramOption]:
    return [option for option in taken if set(option.names) & names]


def _is_same_program(config: Mapping[str, Json], options: ProgramOptions, command: str) -> bool:
    start = start_command(config)
    shown = f"-m {start.module}" if start.module else start.program
    return shown == options.program and options.command_in(start.before) == command


def _start(
    made: dict[str, Json], options: ProgramOptions, chosen: list[ProgramOption], command: str, changes: list[str]
) -> None:
    """Have the sweep start a program."""
    if options.program.startswith("-m "):
        made.pop("program", None)
    else:
        made["program"] = options.program
    changes.append(f"program {options.program}")
    words = command_for(options, chosen, command)
    if words is None:
        made.pop("command", None)
    else:
        made["command"] = words
    if words is not None:
        changes.append(f"command … {' '.join(map(str, words[3:]))}")


def _mend_macro(
    made: dict[str, Json], options: ProgramOptions, chosen: list[ProgramOption], command: str, changes: list[str]
) -> None:
    """Have the command pass parameters in the way that the program takes them."""
    words = command_for(options, chosen, command)
    wanted = str(words[-1]) if words else "${args}"
    macro, _ = macro_of(made)
    listed = made.get("command")
    if macro.value == wanted or (wanted == "${args}" and macro.is_flags) or options.style is Style.TRAINER:
        return
    if isinstance(listed, list) and macro.value:
        made["command"] = [wanted if item == macro.value else item for item in listed]
        changes.append(f"{wanted} instead of {macro.value}")
    elif words is not None and not listed:
        made["command"] = words
        changes.append(wanted)
