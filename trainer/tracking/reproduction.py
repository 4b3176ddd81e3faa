"""How to run one run of a sweep again by hand: what to check out, what to set, which command. Pure."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import yaml

from trainer.records import Json, RunRecord, SweepRecord
from trainer.run_contents import RunOrigin
from trainer.settings import CLOUD_URL
from trainer.sweep.command import command_argv, command_of
from trainer.tracking.leaderboard import best_config

_PLAIN = re.compile(r"[\w@%+=:,./${}-]+", re.ASCII)
_ENVIRONMENT = re.compile(r"\$\{[A-Z0-9_]+\}")


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What to do, from nothing."""

    argv: tuple[str, ...]
    """The command as the agent ran it; `${NAME}` stands for what the environment held."""
    folder: str = ""
    """Where it was started; empty where nobody told."""
    lines: tuple[str, ...] = field(default=())
    """The whole as lines for a shell, comments included."""
    is_exact: bool = True
    """Whether the arguments are those that the program told; if not, they follow from the sweep."""

    @property
    def command(self) -> str:
        """The command for a shell."""
        return " ".join(_word(word) for word in self.argv)

    @property
    def script(self) -> str:
        """The whole as a file for bash."""
        return "\n".join(("#!/usr/bin/env bash", "set -e", *self.lines)) + "\n"


def reproduction(
    sweep: SweepRecord, run: RunRecord, origin: RunOrigin, *, base_url: str = "", has_diff: bool = False
) -> Reproduction:
    """Return how to run a run again.

    Args:
        sweep: The sweep that it is of.
        run: The run, with its configuration.
        origin: What its SDK told of itself.
        base_url: The server's API; empty for none that a program could talk to.
        has_diff: Whether the changes that were not committed are kept, as `diff.patch`.
    """
    args = best_config(sweep, run)
    parameters_file = f"config-{run.id}.yaml"
    json_file = f"config-{run.id}.json"
    command = command_of(sweep.config)
    argv, is_exact = _argv(sweep.config, args, origin, json_file)
    lines = [
        f"# {run.name} ({run.id}) of sweep {sweep.name}" + (f", as it ran on {origin.host}" if origin.host else "")
    ]
    folder, top = origin.folder, origin.repository
    if origin.git_remote:
        lines.append(f"# elsewhere: git clone {shlex.quote(origin.git_remote)}")
    commit = origin.git_commit or run.commit
    if commit and top and top != folder:
        lines.append(f"cd {shlex.quote(top)}")
    elif folder:
        lines.append(f"cd {shlex.quote(folder)}")
    if commit:
        lines.append(f"git checkout {shlex.quote(commit)}")
    if has_diff:
        lines.append("git apply diff.patch  # what was not committed: among the run's files")
    if folder and commit and top and top != folder:
        lines.append(f"cd {shlex.quote(folder)}")
    if base_url and base_url != CLOUD_URL:
        lines.append(f"export WANDB_BASE_URL={shlex.quote(base_url)}")
    reference = sweep.reference
    lines.append(f"export WANDB_ENTITY={_word(reference.entity)} WANDB_PROJECT={_word(reference.project)}")
    if "${args_json_file}" in command:
        lines += _here_document(json_file, json.dumps(args))
    elif not _takes_arguments(command):
        # The program has its values from wandb.config alone, which the agent fills by this file.
        lines += _here_document(parameters_file, _parameters(args))
        lines.append(f"export WANDB_SWEEP_PARAM_PATH={shlex.quote(parameters_file)}")
    found = Reproduction(tuple(argv), folder, (), is_exact)
    return Reproduction(found.argv, folder, (*lines, found.command), is_exact)


def _argv(
    config: Mapping[str, Json], args: Mapping[str, Json], origin: RunOrigin, json_file: str
) -> tuple[list[str], bool]:
    """Return the command, and whether its arguments are as the program told them."""
    argv = command_argv(config, args, environ=_Unexpanded(), args_json_file=json_file)
    if argv[:1] == ["/usr/bin/env"]:
        argv = argv[1:]
    command, program = command_of(config), config.get("program")
    if origin.executable and argv[:1] == ["python"] and "${interpreter}" in command:
        argv[0] = origin.executable
    # What follows the program is what it found in sys.argv, whatever macro it came from.
    if origin.program and "${program}" in command and "${args_json_file}" not in command and program in argv:
        return [*argv[: argv.index(str(program)) + 1], *origin.args], True
    return argv, False


class _Unexpanded(dict[str, str]):
    """An environment whose variables stand for themselves: it was another machine's."""

    def get(self, name: str, default: object = None) -> str:
        return f"${{{name}}}"


def _takes_arguments(command: Sequence[str]) -> bool:
    return any(item.startswith("${args") for item in command)


def _parameters(args: Mapping[str, Json]) -> str:
    wrapped = {"wandb_version": 1, **{name: {"value": value} for name, value in args.items()}}
    return yaml.safe_dump(wrapped, sort_keys=False, allow_unicode=True).rstrip()


def _here_document(name: str, text: str) -> Iterator[str]:
    yield f"cat > {shlex.quote(name)} <<'END'"
    yield from text.split("\n")
    yield "END"


def _word(text: str) -> str:
    """Return a word for a shell, in which `${NAME}` is still expanded."""
    if _ENVIRONMENT.search(text):
        kept = _ENVIRONMENT.sub("", text)
        return (
            text if not kept or _PLAIN.fullmatch(kept) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        )
    return shlex.quote(text)
