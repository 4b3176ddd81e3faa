"""The value that a sweep must not fall behind, in a file that `best` or `run --json` wrote, or somebody by hand."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from trainer.errors import InputError
from trainer.records import Json, Metric

_NOTE = re.compile(r"^#: best: (\{.*\})[ \t]*$", re.MULTILINE)
_WAY_OUT = (
    "Write it with `sweep-tui best SWEEP > best.yaml`, or by hand: {metric: accuracy, value: 0.9, goal: maximize}."
)
_MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Baseline:
    """A value to be reached."""

    source: str
    """The file, as it was named."""
    metric: str
    value: float
    goal: str = ""
    """minimize or maximize; empty where the file does not say."""

    def metric_of(self, own: Metric | None) -> Metric:
        """Return the metric with its goal: the file's, else that of the sweep.

        Raises:
            InputError: If neither says.
        """
        if self.goal in ("minimize", "maximize"):
            return Metric(self.metric, "maximize" if self.goal == "maximize" else "minimize")
        if own is not None and own.name == self.metric:
            return own
        raise InputError(
            f"{self.source}: whether more or less of {self.metric} is better, neither it nor the sweep says.",
            hint="Add `goal: maximize` or `goal: minimize` to it.",
        )


def note_of_best(metric: Metric, value: float, run: str, sweep: str) -> str:
    """Return the comment line that makes the file of a best configuration a baseline."""
    told: dict[str, Json] = {"metric": metric.name, "value": value, "goal": metric.goal, "run": run, "sweep": sweep}
    flow = yaml.safe_dump(told, default_flow_style=True, sort_keys=False, allow_unicode=True, width=math.inf).strip()
    return f"#: best: {flow}"


def read_baseline(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        InputError: If the file cannot be read, or says no value.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES).decode("utf-8-sig")
        noted = _NOTE.search(text)
        content = yaml.safe_load(noted[1] if noted else text)
    except OSError as error:
        raise InputError(f"The baseline {path} cannot be read: {error.strerror or error}.", hint=_WAY_OUT) from error
    except (ValueError, yaml.YAMLError) as error:
        raise InputError(f"The baseline {path} is neither YAML nor JSON.", hint=_WAY_OUT) from error
    entry = content.get("best", content) if isinstance(content, dict) else None
    if not isinstance(entry, Mapping) or not isinstance(entry.get("metric"), str) or not entry["metric"]:
        raise InputError(f"The baseline {path} names no metric with a value.", hint=_WAY_OUT)
    value, goal = entry.get("value"), entry.get("goal", "")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"The baseline {path}: value is {value!r}, not a number.", hint=_WAY_OUT)
    if goal not in ("", "minimize", "maximize"):
        raise InputError(f"The baseline {path}: goal is {goal!r}.", hint="It is minimize or maximize.")
    return Baseline(str(path), entry["metric"], float(value), goal)
