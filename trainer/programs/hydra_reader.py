"""Hydra and OmegaConf: where a program's configuration comes from. `hydra_configs` reads the YAML files.

Source: Hydra 1.3, `main.py`, `core/config_store.py`; OmegaConf 2.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trainer.programs.dataclass_reader import record_options
from trainer.programs.options import NONE_GIVEN, UNREAD, Default, ProgramOption
from trainer.programs.trace import Trace, json_of, place_of
from trainer.programs.values import UNKNOWN, Bound, Call, ClassValue, Handler, Instance, Tracked, Value


@dataclass(frozen=True, slots=True)
class HydraMain:
    """A function decorated with `@hydra.main`."""

    folder: Path | None
    """The folder of its configurations; None where there is none, or it is not of the project."""
    name: str
    """The primary configuration; empty where it is not named."""
    call: Call


class _MainDecorator(Tracked):
    def __init__(self, trace: Trace, made: Call) -> None:
        self.trace, self.made = trace, made

    def call(self, call: Call) -> Value:
        folder, name = self.made.get("config_path", 0, "."), self.made.get("config_name", 1)
        base = self.made.module.source.path.parent
        path: Path | None = None
        if isinstance(folder, str) and "://" not in folder:
            path = base / folder
        elif folder is not None:
            self.trace.note(f"The folder of configurations at {place_of(self.made)} was not found: it is computed.")
        if name is UNKNOWN:
            self.trace.note(f"The name of the configuration at {place_of(self.made)} is computed.")
        self.trace.hydra_mains.append(HydraMain(path, name if isinstance(name, str) else "", self.made))
        return call.args[0] if call.args else UNKNOWN


class _Store(Tracked):
    """Hydra's ConfigStore."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def call_method(self, name: str, call: Call) -> Value:
        if name == "store":
            stored, group = call.get("name", 0), call.get("group", 2, "")
            if isinstance(stored, str):
                key = (group if isinstance(group, str) else "", stored.removesuffix(".yaml"))
                self.trace.stored_configs[key] = call.get("node", 1)
        return self if name == "instance" else UNKNOWN


class OmegaNode(Tracked):
    """A configuration of OmegaConf outside of Hydra."""

    def __init__(self, options: list[ProgramOption], *, is_strict: bool = False, is_cli: bool = False) -> None:
        self.options, self.is_strict, self.is_cli = options, is_strict, is_cli
        self.is_known = True

    def attribute(self, name: str, evaluator: object) -> Value:
        """Values are unknown: the command line may have changed them."""
        return Bound(self, name) if name in ("merge_with", "merge_with_cli") else UNKNOWN


def options_of_mapping(
    mapping: dict[object, object], source: str, path: tuple[str, ...] = (), lines: dict[str, int] | None = None
) -> list[ProgramOption]:
    """Return an option for every leaf of a nested mapping, named by its dotted path."""
    found: list[ProgramOption] = []
    for key, value in mapping.items():
        where = (*path, str(key))
        if isinstance(value, dict) and value:
            found += options_of_mapping(value, source, where, lines)
            continue
        dotted = ".".join(where)
        known = json_of(value)
        default: Default = UNREAD if known is UNKNOWN else known  # type: ignore[assignment]
        is_required = value == "???"
        default = NONE_GIVEN if is_required else default
        found.append(
            ProgramOption(
                dotted, kind="any", default=default, source=source, line=(lines or {}).get(dotted, 0),
                is_required=is_required,
            )
        )  # fmt: skip
    return found


def _omegaconf(trace: Trace) -> dict[str, Handler]:  # noqa: C901 - one function for each call
    from trainer.programs.hydra_configs import load_mapping

    def from_cli(call: Call) -> Value:
        if isinstance(call.get("args_list", 0), list):
            return OmegaNode([])
        trace.has_from_cli = True
        return OmegaNode([], is_cli=True)

    def load(call: Call) -> Value:
        name = call.get("file_", 0)
        for folder in (call.evaluator.project.cwd, call.module.source.path.parent):
            if isinstance(name, str) and (folder / name).is_file():
                mapping, lines = load_mapping(folder / name, call.evaluator.project)
                return OmegaNode(options_of_mapping(mapping, call.evaluator.project.shown(folder / name), (), lines))
        node = OmegaNode([])
        node.is_known = False
        return node

    def structured(call: Call) -> Value:
        record = call.get("obj", 0)
        if not isinstance(record, ClassValue | Instance):
            return UNKNOWN
        options, is_complete = record_options(record, call, "hydra")
        return OmegaNode(options, is_strict=is_complete)

    def create(call: Call) -> Value:
        record = call.get("obj", 0, {})
        if isinstance(record, dict):
            return OmegaNode(options_of_mapping(record, call.source))
        if isinstance(record, ClassValue | Instance):
            return structured(call)
        node = OmegaNode([])
        node.is_known = isinstance(record, OmegaNode)
        return record if isinstance(record, OmegaNode) else node

    def merge(call: Call) -> Value:
        nodes = []
        for each in call.args:
            if isinstance(each, ClassValue | Instance):
                options, is_complete = record_options(each, call, "hydra")
                nodes.append(OmegaNode(options, is_strict=is_complete))
            elif isinstance(each, dict):
                nodes.append(OmegaNode(options_of_mapping(each, call.source)))
            elif isinstance(each, OmegaNode):
                nodes.append(each)
        merged: dict[str, ProgramOption] = {}
        for node in nodes:
            for option in node.options:
                typed = merged.get(option.name)
                merged[option.name] = option if typed is None or option.kind != "any" else _with_default(typed, option)
        result = OmegaNode(
            list(merged.values()),
            is_strict=any(node.is_strict for node in nodes[:1]),
            is_cli=any(node.is_cli for node in nodes),
        )
        result.is_known = len(nodes) == len(call.args) and all(node.is_known for node in nodes)
        if result.is_cli:
            trace.cli_configs.append(result)
        return result

    names = {"from_cli": from_cli, "load": load, "structured": structured, "create": create, "merge": merge}
    names["unsafe_merge"] = merge
    return {f"omegaconf.OmegaConf.{name}": handler for name, handler in names.items()}


def _with_default(typed: ProgramOption, option: ProgramOption) -> ProgramOption:
    from dataclasses import replace

    return replace(typed, default=option.default, is_required=False)


def handlers(trace: Trace) -> dict[str, Handler]:
    """Return what calls of Hydra and OmegaConf mean."""
    store = _Store(trace)
    made: dict[str, Handler] = {
        "hydra.main": lambda call: _MainDecorator(trace, call),
        "hydra.core.config_store.ConfigStore.instance": lambda call: store,
        "hydra.core.config_store.ConfigStore": lambda call: store,
    }
    return made | _omegaconf(trace)
