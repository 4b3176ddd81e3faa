"""Sweep files: read, written, and their metric. A sweep configuration travels as a plain mapping, as W&B stores it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trainer.errors import SweepFileError
from trainer.records import Goal, Json, Metric
from trainer.sweep.findings import is_number
from trainer.sweep.yaml_text import dump_yaml, parse_yaml

_MAX_BYTES = 8 * 1024 * 1024
"""A sweep file is some kilobytes; the largest ones list a hundred thousand values."""


@dataclass(frozen=True, slots=True)
class SweepFile:
    """A sweep configuration and the text it came from."""

    source: str
    """What messages call it: the path as the user gave it."""
    text: str
    config: dict[str, Json]
    positions: Mapping[str, int] = field(default_factory=dict)
    """Line, from 1, by path: `parameters.lr.min`, `command[0]`."""


def load_sweep_file(path: Path) -> SweepFile:
    """Read a sweep file. What is wrong with its content beyond YAML, `validation` says.

    Raises:
        SweepFileError: If the file is missing, unreadable, too large, not text, or not a YAML mapping; with line and
            column where there is one.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise SweepFileError(f"There is no sweep file {path}.", hint=_neighbours(path)) from error
    except IsADirectoryError as error:
        raise SweepFileError(f"{path} is a folder, not a sweep file.", hint=_neighbours(path / "x")) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise SweepFileError(f"The sweep file {path} cannot be read: {reason}.", hint="Check its path.") from error
    if len(data) > _MAX_BYTES:
        raise SweepFileError(
            f"{path} is larger than {_MAX_BYTES // 1024 // 1024} MiB.", hint="A sweep file is a few lines of YAML."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SweepFileError(f"{path} is not a text file (byte {error.start}).", hint="Save it as UTF-8.") from error
    return parse_sweep_text(text, str(path))


def parse_sweep_text(text: str, source: str) -> SweepFile:
    """Read a sweep configuration from YAML or JSON text; `source` is what messages call it.

    Raises:
        SweepFileError: If the text is empty or not a YAML mapping; with line and column where there is one.
    """
    parsed = parse_yaml(text, source)
    if parsed.value is None:
        raise SweepFileError(f"{source} is empty.", hint="A sweep needs `method` and `parameters`.")
    if not isinstance(parsed.value, dict):
        kind = "list" if isinstance(parsed.value, list) else "single value"
        raise SweepFileError(
            f"{source} holds a {kind}, not keys and values.", hint="A sweep needs `method` and `parameters`."
        )
    return SweepFile(source, text, parsed.value, parsed.lines)


def dump_sweep_config(config: Mapping[str, Json]) -> str:
    """Return YAML that loads back to the same values, here and in stock W&B tools; the order of keys is kept."""
    return dump_yaml(dict(config))


def config_for_wandb(config: Mapping[str, Json]) -> dict[str, Json]:
    """Return a configuration as W&B's own check takes it; the same runs come of it.

    sweeps 0.3.0 refuses `impute_while_running: false` unless it is a text.
    """
    metric = config.get("metric")
    if isinstance(metric, dict) and metric.get("impute_while_running") is False:
        return {**config, "metric": {**metric, "impute_while_running": "false"}}
    return dict(config)


def metric_of(config: Mapping[str, Json]) -> Metric | None:
    """Return what a sweep optimises, or None; never fails on an odd configuration.

    Of several `metrics` (method `custom`) it is the first.
    """
    entry = config.get("metric")
    several = config.get("metrics")
    if entry is None and isinstance(several, list) and several:
        entry = several[0]
    if not isinstance(entry, Mapping):
        return None
    name, target = entry.get("name"), entry.get("target")
    if not isinstance(name, str) or not name:
        return None
    goal: Goal = "maximize" if entry.get("goal") == "maximize" else "minimize"
    if not is_number(target):
        return Metric(name, goal)
    return Metric(name, goal, float(target))


def _neighbours(path: Path) -> str:
    """Return a hint that names sweep files nearby."""
    try:
        found = sorted(entry for entry in path.parent.iterdir() if _looks_like_sweep(entry))[:4]
        if not found:
            found = sorted(Path("sweeps").glob("*.yaml"))[:4]
    except OSError:
        # The folder is missing or closed; the sentence before the hint says all there is.
        found = []
    return f"Near it: {', '.join(map(str, found))}." if found else "Check its path."


def _looks_like_sweep(path: Path) -> bool:
    return path.suffix in (".yaml", ".yml") and not path.name.startswith(".")
