"""A sweep in the forms in which people take it along: YAML, `wandb` commands, Python, a `sweep-tui run` command.

Each is complete: pasted into a shell or a file, it creates this very sweep. Owns the texts, and writes nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainer.records import Json
from trainer.settings import CLOUD_URL, ServerKind
from trainer.sweep.config import config_for_wandb, dump_sweep_config
from trainer.sweep.python_literal import python_literal

EXPORT_FORMS: Mapping[str, str] = {
    "yaml": "the sweep file",
    "wandb": "shell commands with `wandb sweep` and `wandb agent`",
    "python": "Python with `wandb.sweep`",
    "run": "a shell command with `sweep-tui run`",
}
"""What a sweep can be exported as, and what each is."""

_END = "END_OF_SWEEP"
_FIND_SWEEP = """tee /dev/stderr | sed -n "s/.*wandb agent //p" | tr -d "'" """.strip()
"""Takes the sweep's path out of what `wandb sweep` says (0.31: quoted where it holds a space), and lets it be seen."""


@dataclass(frozen=True, slots=True)
class ExportTarget:
    """Where an exported sweep is to run."""

    kind: ServerKind = ServerKind.CLOUD
    base_url: str = CLOUD_URL
    project: str | None = None
    """None for what the sweep or the environment says."""
    entity: str | None = None
    """None for what the sweep or the environment says; the embedded server has only its own."""
    agents: int = 1

    def shell_lines(self) -> list[str]:
        """Return the lines that point wandb at the server; the key is not among them."""
        if self.kind is ServerKind.EMBEDDED:
            return ['eval "$(sweep-tui env --server local)"']
        if self.kind is ServerKind.SELF_HOSTED:
            return [f"export WANDB_BASE_URL={shlex.quote(self.base_url)}"]
        return []

    def project_of(self, config: Mapping[str, Json]) -> str:
        """Return the project; empty where nobody named one."""
        return self.project or _text(config, "project")

    def entity_of(self, config: Mapping[str, Json]) -> str:
        """Return the entity; empty where nobody named one, or the server knows only its own."""
        return "" if self.kind is ServerKind.EMBEDDED else self.entity or _text(config, "entity")


def as_yaml(config: Mapping[str, Json]) -> str:
    """Return the sweep as a file that `wandb sweep` and `sweep-tui run` take."""
    return dump_sweep_config(config_for_wandb(config))


def as_wandb_commands(
    config: Mapping[str, Json], target: ExportTarget | None = None, *, file: str = "", text: str = ""
) -> str:
    """Return shell commands that create the sweep with stock `wandb` and start stock agents for it.

    Args:
        config: The sweep configuration.
        target: Where it is to run.
        file: The file that holds the sweep, as the shell will find it; empty to write the sweep into the commands.
        text: The sweep as the user wrote it, comments and all; empty for `as_yaml`.
    """
    target = target or ExportTarget()
    words = ["wandb", "sweep"]
    if entity := target.entity_of(config):
        words += ["--entity", entity]
    if project := target.project_of(config):
        words += ["--project", project]
    create = f"{shlex.join(words)} {_file_word(file)} 2>&1"
    lines = [*target.shell_lines(), *_written_file(config, file, text), f"sweep=$({create} | {_FIND_SWEEP})"]
    scheduler = config.get("scheduler")
    if isinstance(scheduler, Mapping) and scheduler.get("engine") in ("optuna", "ax"):
        lines.append('wandb sweep-scheduler "$sweep" &')
    if _is_controlled_here(config):
        lines.append('wandb controller "$sweep" &')
    if target.agents > 1:
        lines.append(f'for agent in $(seq {target.agents}); do wandb agent "$sweep" & done; wait')
    else:
        lines.append('wandb agent "$sweep"')
    return "\n".join(lines) + "\n"


def as_run_command(config: Mapping[str, Json], options: Sequence[str] = (), *, file: str = "", text: str = "") -> str:
    """Return the shell command that launches the sweep with our own agents.

    Args:
        config: The sweep configuration.
        options: Options of `sweep-tui run`: `["--agents", "4"]`.
        file: As for `as_wandb_commands`.
        text: As for `as_wandb_commands`.
    """
    words = " ".join(filter(None, ["sweep-tui run", _file_word(file), shlex.join(options)]))
    return "\n".join([*_written_file(config, file, text), words]) + "\n"


def as_python(config: Mapping[str, Json], target: ExportTarget | None = None) -> str:
    """Return a Python program that creates the sweep and starts an agent for it."""
    target = target or ExportTarget()
    lines = ["import wandb", ""]
    if shell := target.shell_lines():
        lines += [f"# Before Python starts: {line}" for line in shell]
    config = config_for_wandb(config)
    lines += [f"sweep_config = {python_literal(dict(config), before=len('sweep_config = '))}", ""]
    names = [(key, name) for key, name in _names(config, target) if name]
    arguments = "".join(f", {key}={python_literal(name)}" for key, name in names)
    for call in (f"sweep_id = wandb.sweep(sweep_config{arguments})", f"wandb.agent(sweep_id{arguments})"):
        lines.append(_wrapped_call(call, names))
    return "\n".join(lines) + "\n"


def _names(config: Mapping[str, Json], target: ExportTarget) -> list[tuple[str, str]]:
    return [("entity", target.entity_of(config)), ("project", target.project_of(config))]


def _wrapped_call(call: str, names: Sequence[tuple[str, str]]) -> str:
    """Return a call on one line where it fits, else with its arguments on the next one, or on a line each."""
    if len(call) <= 88:
        return call
    head, _, rest = call.partition("(")
    first = rest.partition(",")[0]
    arguments = [first, *(f"{key}={python_literal(name)}" for key, name in names)]
    joined = "    " + ", ".join(arguments)
    if len(joined) <= 88:
        return f"{head}(\n{joined}\n)"
    return f"{head}(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")"


def _written_file(config: Mapping[str, Json], file: str, text: str) -> list[str]:
    """Return the lines that write the sweep to a new file; none where it is in a file already.

    The file has no name of ours: one that is taken would be lost without a word.
    """
    if file:
        return []
    text = text or as_yaml(config)
    lines = text.rstrip("\n").split("\n")
    end = _END
    while end in lines:
        end += "_"
    return ["file=$(mktemp)", f"cat > \"$file\" <<'{end}'", *lines, end]


def _file_word(file: str) -> str:
    if not file:
        return '"$file"'
    # A name that looks like an option is none.
    return shlex.quote(f"./{file}" if file.startswith("-") else file)


def _is_controlled_here(config: Mapping[str, Json]) -> bool:
    controller = config.get("controller")
    return isinstance(controller, Mapping) and controller.get("type") == "local"


def _text(config: Mapping[str, Json], key: str) -> str:
    value = config.get(key)
    return value if isinstance(value, str) else ""
