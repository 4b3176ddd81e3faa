"""LaunchChoice: how a sweep is to be launched, read from what was typed, in words, and kept for the next launch.

Pure but for `recall` and `remember`, which read and write one small file. The number of runs is not kept: it was that
sweep's.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.atomic_file import write_text_atomically
from trainer.durations import parse_duration, short_duration
from trainer.errors import InputError
from trainer.paths import state_dir
from trainer.records import Json
from tui.sweep_count import count_text_of, short_count

if TYPE_CHECKING:
    from trainer.launch import LaunchRequest

logger = logging.getLogger(__name__)

MAX_AGENTS = 256
MAX_SHARE = 64
_PROJECT_LENGTH = 128
_NOT_IN_PROJECTS = "/\\#?%:"
_FILE_NAME = "launch.json"
_VERSION = 1
KEPT = ("agents", "project", "gpus", "slots_per_gpu", "gpus_per_run", "timeout", "budget", "max_failures")
"""The fields whose texts are there again at the next launch."""


@dataclass(frozen=True, slots=True)
class LaunchChoice:
    """How to launch."""

    agents: int | None
    """None for as many as the GPUs have room for."""
    project: str = ""
    gpus: str = ""
    """As `--gpus` says it; empty where nothing was said."""
    slots_per_gpu: int | None = None
    gpus_per_run: int | None = None
    count: int | None = None
    """Runs in all; None for what the sweep says."""
    timeout: str = ""
    """As `--timeout` says it; empty for none."""
    budget: str = ""
    """As `--budget` says it; empty for none."""
    max_failures: int | None = None

    def request(self, config: Mapping[str, Json], cwd: Path) -> LaunchRequest:
        """Return what is to be launched."""
        from trainer.agents.devices import AUTO, DeviceWish
        from trainer.agents.policy import RunPolicy
        from trainer.launch import LaunchRequest, Overrides, overridden

        policy = RunPolicy(
            timeout_seconds=parse_duration(self.timeout) if self.timeout else None,
            budget_seconds=parse_duration(self.budget) if self.budget else None,
            max_failures=self.max_failures,
        )
        wish = DeviceWish(self.gpus or AUTO, self.gpus_per_run, self.slots_per_gpu)
        return LaunchRequest(
            overridden(config, Overrides(count=self.count)), self.agents, cwd, devices=wish, policy=policy
        )

    def options(self) -> list[str]:
        """Return the options of `sweep-tui run` that say the same."""
        given = (
            ("--agents", self.agents), ("--project", self.project), ("--gpus", self.gpus),
            ("--slots-per-gpu", self.slots_per_gpu), ("--gpus-per-run", self.gpus_per_run), ("--count", self.count),
            ("--timeout", self.timeout), ("--budget", self.budget), ("--max-failures", self.max_failures),
        )  # fmt: skip
        return [word for name, value in given if value not in (None, "") for word in (name, str(value))]

    def sentence(self, config: Mapping[str, Json], server: str, prior_points: int = 0, entity: str = "") -> str:
        """Return what will happen, such as `27 runs, 4 at a time, on the embedded server, in the project wine`.

        Args:
            config: The sweep configuration.
            server: The words that name the server.
            prior_points: Points of its space that runs it starts from have done already.
            entity: Whose project it is; empty where that goes without saying.
        """
        project = f"{entity}/" * bool(entity) + (self.project or "uncategorized")
        parts = [
            self._runs_words(config, prior_points),
            self._agents_words(),
            f"on the {server}",
            f"in the project {project}",
        ]
        text = ", ".join(part for part in parts if part) + "."
        limits = []
        if self.timeout:
            limits.append(f"a run that takes longer than {short_duration(parse_duration(self.timeout))} is stopped")
        if self.budget:
            limits.append(f"after {short_duration(parse_duration(self.budget))} no run begins")
        if self.max_failures:
            limits.append(f"after {self.max_failures} failure{'s' if self.max_failures > 1 else ''} no run begins")
        said = "; ".join(limits)
        return f"{text} {said[:1].upper()}{said[1:]}." if said else text

    def runs(self, config: Mapping[str, Json], prior_points: int = 0) -> int | None:
        """Return how many runs there will be; None where nothing ends the sweep."""
        runs = count_text_of(config, prior_points=prior_points).runs
        if self.count is None:
            return runs
        return self.count if runs is None else min(runs, self.count)

    def _runs_words(self, config: Mapping[str, Json], prior_points: int) -> str:
        if self.agents == 0:
            return "Creates the sweep and starts no agent"
        runs = self.runs(config, prior_points)
        if runs is None:
            return "Runs without an end"
        return f"{short_count(runs)} run{'' if runs == 1 else 's'}"

    def _agents_words(self) -> str:
        if self.agents is None:
            return "as many at a time as the GPUs have room for"
        if self.agents == 0:
            return ""
        gpus = f" on GPU {self.gpus}" if self.gpus and self.gpus[:1].isdigit() else ""
        return ("one" if self.agents == 1 else str(self.agents)) + f" at a time{gpus}"


def default_agents() -> int:
    """Return how many agents are suggested: half of the CPUs, at least 1 and at most 4."""
    return max(1, min((os.cpu_count() or 2) // 2, 4))


def read_choice(texts: Mapping[str, str]) -> tuple[LaunchChoice | None, dict[str, str]]:
    """Return the choice that was typed, or None and what is wrong with which field.

    Args:
        texts: The text of each field by the name it has in `LaunchChoice`.
    """
    problems: dict[str, str] = {}
    plain = {name: text.strip() for name, text in texts.items()}

    def whole(name: str, low: int, high: int) -> int | None:
        text = plain.get(name, "")
        if not text:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) < 20 and low <= int(text) <= high):
            limits = f"from {low} to {high}" if high < 10**9 else f"of at least {low}"
            problems[name] = f"Give a whole number {limits}."
            return None
        return int(text)

    gpus = plain.get("gpus", "")
    agents = whole("agents", 0, MAX_AGENTS)
    choice = LaunchChoice(
        agents,
        plain.get("project", ""),
        gpus,
        whole("slots_per_gpu", 1, MAX_SHARE),
        whole("gpus_per_run", 1, MAX_SHARE),
        whole("count", 1, 10**18),
        plain.get("timeout", ""),
        plain.get("budget", ""),
        whole("max_failures", 1, 10**9 - 1),
    )
    has_gpus = bool(gpus and gpus != "none") or choice.slots_per_gpu or choice.gpus_per_run
    if agents is None and not has_gpus:
        problems.setdefault("agents", f"Give a whole number from 0 to {MAX_AGENTS}.")
    if problem := project_problem(choice.project):
        problems["project"] = problem
    for name in ("timeout", "budget"):
        try:
            parse_duration(plain.get(name) or "1s")
        except InputError as error:
            problems[name] = str(error)
    if problem := _device_problem(choice):
        problems.setdefault("gpus", problem)
    return (None if problems else choice), problems


def project_problem(name: str) -> str:
    """Return why W&B would not take a name for a project; empty where it would."""
    if len(name) <= _PROJECT_LENGTH and not any(sign in _NOT_IN_PROJECTS for sign in name):
        return ""
    return f"A project has at most {_PROJECT_LENGTH} characters, none of {' '.join(_NOT_IN_PROJECTS)}."


def _device_problem(choice: LaunchChoice) -> str:
    if not (choice.gpus or choice.slots_per_gpu or choice.gpus_per_run):
        return ""
    from trainer.agents.devices import AUTO, DeviceWish

    try:
        DeviceWish(choice.gpus or AUTO, choice.gpus_per_run, choice.slots_per_gpu)
    except InputError as error:
        return str(error)
    return ""


def memory_path() -> Path:
    """Return the file that holds the last choices."""
    return state_dir() / _FILE_NAME


def recall(path: Path) -> dict[str, str]:
    """Return the texts of the last launch by field; empty where there was none, or nobody can read them. Blocks."""
    try:
        entry = json.loads(path.read_bytes()[:10_000])
    except (OSError, ValueError):
        # The defaults serve as well: nothing is lost but a few keys.
        return {}
    texts = entry.get("texts") if isinstance(entry, dict) and entry.get("version") == _VERSION else None
    if not isinstance(texts, dict):
        return {}
    return {name: texts[name] for name in KEPT if isinstance(texts.get(name), str)}


def remember(path: Path, texts: Mapping[str, str]) -> None:
    """Keep the texts of a launch. Blocks."""
    kept = {name: texts[name].strip() for name in KEPT if name in texts}
    try:
        write_text_atomically(path, json.dumps({"version": _VERSION, "texts": kept}) + "\n")
    except InputError as error:
        # The launch is what was asked for, and it does not depend on this.
        logger.warning("the choices of this launch are not kept: %s", error)
