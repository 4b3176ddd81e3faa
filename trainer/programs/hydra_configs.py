"""Hydra's YAML files: composed along their defaults lists, with the choices of each config group.

Source: Hydra 1.3, "The Defaults List" and "Packages"; checked against hydra-core 1.3.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from trainer.errors import ProgramError, SweepFileError
from trainer.programs.dataclass_reader import record_options
from trainer.programs.hydra_reader import HydraMain, options_of_mapping
from trainer.programs.options import ProgramOption
from trainer.programs.sources import Project, read_text
from trainer.programs.trace import Trace
from trainer.programs.values import ClassValue, Instance, Value
from trainer.records import Json
from trainer.sweep.yaml_text import parse_yaml

_PACKAGE = re.compile(r"^\s*#\s*@package\s+(\S+)", re.MULTILINE)
_MAX_CONFIGS = 200
_MAX_DEPTH = 12


def load_mapping(path: Path, project: Project) -> tuple[dict[object, object], dict[str, int]]:
    """Return the content of a YAML file and the line of each dotted path; empty, with a note, where unreadable."""
    shown = project.shown(path)
    project.watch(path)
    try:
        parsed = parse_yaml(read_text(path, "configuration"), shown)
    except (ProgramError, SweepFileError) as error:
        project.notes.append(error.message)
        return {}, {}
    value = parsed.value
    mapping: dict[object, object] = {key: item for key, item in value.items()} if isinstance(value, dict) else {}
    return mapping, dict(parsed.lines)


@dataclass
class _Composition:
    """A configuration while it is being put together."""

    main: HydraMain
    trace: Trace
    project: Project
    options: dict[str, ProgramOption] = field(default_factory=dict)
    groups: dict[str, ProgramOption] = field(default_factory=dict)
    overrides: dict[str, str] = field(default_factory=dict)
    """Options of groups that a defaults list sets for another: `override model: vit`."""
    count: int = 0
    is_complete: bool = True


def hydra_options(main: HydraMain, trace: Trace, project: Project, name: str = "") -> tuple[list[ProgramOption], bool]:
    """Return every option of a Hydra program, and whether these are all.

    Args:
        main: What `@hydra.main` says.
        trace: Where structured configurations are.
        project: Reads the files.
        name: The configuration to begin with, if the command names one (`--config-name`).
    """
    name = (name or main.name).removesuffix(".yaml").removesuffix(".yml")
    made = _Composition(main, trace, project)
    if not name:
        made.is_complete = main.folder is None and not main.name
    elif not _exists(made, name):
        made.is_complete = False
        project.notes.append(
            f"The configuration {name} of {project.shown(main.call.module.source.path)} was not found."
        )
    else:
        _compose(made, name, "", (), None, 0)
    return [*made.groups.values(), *made.options.values()], made.is_complete


def _file(made: _Composition, name: str) -> Path | None:
    if made.main.folder is None:
        return None
    for suffix in (".yaml", ".yml"):
        path = made.main.folder / f"{name}{suffix}"
        try:
            if path.is_file():
                return path
        except (OSError, ValueError):
            # A name that no file can have.
            return None
    return None


def _split(name: str) -> tuple[str, str]:
    group, _, last = name.rpartition("/")
    return group, last


def _exists(made: _Composition, name: str) -> bool:
    return _file(made, name) is not None or _split(name) in made.trace.stored_configs


def _compose(
    made: _Composition, name: str, group: str, package: tuple[str, ...], only: tuple[str, str] | None, depth: int
) -> None:
    """Add what a configuration holds.

    Args:
        made: Where to.
        name: Its path below the folder, without suffix.
        group: The group it belongs to; empty for the primary one.
        package: Where its content goes.
        only: The group and its option under which it is there; None for always.
        depth: How many defaults lists lead to it.
    """
    made.count += 1
    if made.count > _MAX_CONFIGS or depth > _MAX_DEPTH:
        made.is_complete = False
        return
    path = _file(made, name)
    if path is None:
        _add_structured(made, made.trace.stored_configs.get(_split(name)), package, only)
        return
    mapping, lines = load_mapping(path, made.project)
    text_package = _package_of(path)
    if text_package == "_global_":
        package = ()
    elif text_package and text_package != "_group_":
        package = tuple(text_package.split("."))
    defaults = mapping.pop("defaults", None)
    mapping.pop("hydra", None)
    own = options_of_mapping(mapping, made.project.shown(path), (), lines)
    entries = defaults if isinstance(defaults, list) else []
    is_before = "_self_" in entries[: len(entries) - 1]
    if is_before:
        _add(made, own, package, only)
    for entry in entries:
        if entry != "_self_":
            _follow(made, entry, group, package, only, depth)
    if not is_before:
        _add(made, own, package, only)


def _package_of(path: Path) -> str:
    try:
        head = read_text(path, "configuration")[:2000]
    except ProgramError:
        # The note on the file says so.
        return ""
    found = _PACKAGE.search(head)
    return found.group(1) if found else ""


def _add(
    made: _Composition, options: list[ProgramOption], package: tuple[str, ...], only: tuple[str, str] | None
) -> None:
    for option in options:
        name = ".".join((*package, option.name))
        before = made.options.get(name)
        condition: tuple[str, tuple[str, ...]] | None = None if only is None else (only[0], (only[1],))
        if before is not None and before.only_with is not None and condition is not None:
            if before.only_with[0] == condition[0]:
                condition = (condition[0], tuple(dict.fromkeys((*before.only_with[1], *condition[1]))))
        elif before is not None:
            condition = None
        if before is not None and only is not None and not _is_selected(made, only):
            made.options[name] = replace(before, only_with=condition)
            continue
        typed = before is not None and before.kind != "any" and option.kind == "any"
        base = replace(before, default=option.default, is_required=option.is_required) if typed and before else option
        made.options[name] = replace(base, name=name, only_with=condition)


def _is_selected(made: _Composition, only: tuple[str, str]) -> bool:
    group = made.groups.get(only[0])
    return group is not None and group.default == only[1]


def _add_structured(made: _Composition, node: Value, package: tuple[str, ...], only: tuple[str, str] | None) -> None:
    if isinstance(node, dict):
        _add(made, options_of_mapping(node, ""), package, only)
    elif isinstance(node, ClassValue | Instance):
        options, is_complete = record_options(node, made.main.call, "hydra")
        made.is_complete = made.is_complete and is_complete
        cls = node.cls if isinstance(node, Instance) else node
        defaults = cls.all_fields().get("defaults")
        _add(made, [option for option in options if option.name != "defaults"], package, only)
        listed = made.main.call.evaluator.record_value(defaults.default) if defaults is not None else []
        for entry in listed if isinstance(listed, list) else []:
            if entry != "_self_":
                _follow(made, entry, "", package, only, 1)
    else:
        made.is_complete = False


def _follow(
    made: _Composition, entry: object, group: str, package: tuple[str, ...], only: tuple[str, str] | None, depth: int
) -> None:
    """Add what one entry of a defaults list names."""
    if isinstance(entry, str):
        target, _, renamed = entry.partition("@")
        where = tuple(part for part in renamed.split(".") if part and not part.startswith("_")) if renamed else package
        inner = target.removeprefix("/") if target.startswith("/") else "/".join(filter(None, (group, target)))
        if _exists(made, inner):
            _compose(made, inner, group, where, only, depth + 1)
        else:
            made.is_complete = False
        return
    if not isinstance(entry, Mapping) or len(entry) != 1:
        made.is_complete = False
        return
    ((key, option),) = entry.items()
    words = str(key).split()
    target = words[-1]
    is_optional = "optional" in words[:-1]
    name, _, renamed = target.partition("@")
    name = name.removeprefix("/") if name.startswith("/") else "/".join(filter(None, (group, name)))
    if "override" in words[:-1]:
        if name.startswith("hydra/"):
            return
        known = made.groups.get(name)
        if known is not None and isinstance(option, str):
            made.groups[name] = replace(known, default=option)
        else:
            made.overrides[name] = str(option)
        return
    if name.startswith("hydra"):
        return
    where = tuple(name.split("/")) if not renamed else tuple(p for p in renamed.split(".") if not p.startswith("_"))
    _add_group(made, name, option, where, only, depth, is_optional)


def _add_group(
    made: _Composition, group: str, option: object, package: tuple[str, ...], only: tuple[str, str] | None, depth: int,
    is_optional: bool,
) -> None:  # fmt: skip
    selected = made.overrides.get(group, option)
    names = _options_of(made, group)
    choices: tuple[Json, ...] | None = tuple(names) or None
    is_missing = selected == "???"
    several = [str(each) for each in selected] if isinstance(selected, list) else []
    default: Json = selected if isinstance(selected, str | None) else [*several]
    made.groups[group] = ProgramOption(
        group, kind="str", default=default, choices=None if several else choices, is_required=is_missing,
        source=made.project.shown(made.main.folder / group) if made.main.folder else "", note="config group",
        takes_many=bool(several),
    )  # fmt: skip
    chosen = several or ([selected] if isinstance(selected, str) and not is_missing else [])
    for each in chosen:
        if _exists(made, f"{group}/{each}"):
            _compose(made, f"{group}/{each}", group, package, only or (group, str(each)), depth + 1)
        elif not is_optional:
            made.is_complete = False
    for each in names:
        if each not in chosen and only is None:
            _compose(made, f"{group}/{each}", group, package, (group, each), depth + 1)


def _options_of(made: _Composition, group: str) -> list[str]:
    names = [name for (stored_group, name) in made.trace.stored_configs if stored_group == group]
    folder = made.main.folder / group if made.main.folder is not None else None
    try:
        if folder is not None and folder.is_dir():
            files = sorted(folder.iterdir())[:_MAX_CONFIGS]
            names += [path.stem for path in files if path.suffix in (".yaml", ".yml") and path.stem not in names]
    except OSError:
        # A closed folder: its options are not known then.
        made.is_complete = False
    return names
