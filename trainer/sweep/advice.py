"""What W&B allows in a sweep but people seldom mean. Blocks nothing; reads any configuration without failing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial

from trainer.errors import SweepConfigError
from trainer.records import Json
from trainer.sweep.command import command_of
from trainer.sweep.command_rules import embedded_macros
from trainer.sweep.findings import Findings, is_number, join, show
from trainer.sweep.iterations import advise_on_bands
from trainer.sweep.joint import joint_values
from trainer.sweep.joint_rules import advise_on_joints
from trainer.sweep.key_advice import advise_on_keys
from trainer.sweep.parameters import Bounded, infer_distribution, parameter_from_config
from trainer.sweep.space import SearchSpace, run_cap_of

MANY_RUNS = 100_000
FEW_POINTS = 20
_LISTED_VALUES = 2_000
"""Longer lists are checked in their first part only: the builder asks at every key."""
_FLAG_MACROS = {
    "${args}",
    "${args_no_equals}",
    "${args_no_hyphens}",
    "${args_no_boolean_flags}",
    "${args_append_hydra}",
    "${args_override_hydra}",
}
_JSON_MACROS = {"${args_json}", "${args_json_file}"}
_SHELL_WORDS = {"|", "||", "&&", ";", ">", ">>", "<", "2>&1", "&"}

_Leaf = tuple[str, Mapping[str, Json]]


def advise(config: Mapping[str, Json], findings: Findings) -> None:
    """Add everything that is odd."""
    for path, entry in _leaves(config.get("parameters"), "parameters"):
        _advise_on_parameter(path, entry, config, findings)
    parameters = config.get("parameters")
    if isinstance(parameters, Mapping):
        advise_on_joints(parameters, findings)
    _advise_on_size(config, findings)
    _advise_on_metric(config, findings)
    _advise_on_command(config, findings)
    _advise_on_rest(config, findings)
    advise_on_keys(config, findings)
    advise_on_bands(config, findings)


def _leaves(parameters: object, path: str) -> Iterator[_Leaf]:
    if not isinstance(parameters, Mapping):
        return
    for name, entry in parameters.items():
        if isinstance(entry, Mapping) and isinstance(entry.get("parameters"), Mapping):
            yield from _leaves(entry["parameters"], join(join(path, str(name)), "parameters"))
        elif isinstance(entry, Mapping):
            yield join(path, str(name)), entry


def _advise_on_parameter(path: str, entry: Mapping[str, Json], config: Mapping[str, Json], findings: Findings) -> None:
    distribution = infer_distribution(entry)
    if distribution == "constant":
        for key in ("values", "min", "max"):
            if key in entry:
                findings.add(
                    join(path, key),
                    f"W&B uses `value` and ignores `{key}` beside it.",
                    "Remove one of them.",
                    code="ignored-beside-value",
                )
    values = _written_values(entry)
    joint = joint_values(path.removeprefix("parameters."), entry)[:_LISTED_VALUES]
    if joint:
        # Programs get the members, not the mappings.
        values = [member for value in joint for member in value.values()]
    if isinstance(entry.get("values"), list) and distribution != "constant":
        _advise_on_values(path, entry, findings)
    if set(command_of(config)) & _FLAG_MACROS:
        _advise_on_texts(path, values, config, findings)
    low, high = entry.get("min"), entry.get("max")
    if (
        distribution == "uniform"
        and "distribution" not in entry
        and type(low) is not type(high)
        and ".parameters." in path
    ):
        findings.add(
            path,
            "Whole numbers and floats are mixed; W&B takes the range as floats.",
            "Write both as floats.",
            code="mixed-nested-bounds",
        )
    if distribution in ("normal", "q_normal", "log_normal", "q_log_normal") and entry.get("sigma") == 0:
        findings.add(
            join(path, "sigma"), "With `sigma` 0 the value is always the same.", "Write `value:`.", code="sigma-zero"
        )
    if distribution == "q_uniform":
        _advise_on_steps(path, entry, config, findings)


def _written_values(entry: Mapping[str, Json]) -> list[Json]:
    values = entry.get("values")
    if "value" in entry:
        return [entry["value"]]
    return values[:_LISTED_VALUES] if isinstance(values, list) else []


def _advise_on_values(path: str, entry: Mapping[str, Json], findings: Findings) -> None:
    values = _written_values(entry)
    where = join(path, "values")
    try:
        choices = SearchSpace([parameter_from_config((path,), {"values": values})], "grid")
    except SweepConfigError:
        # An empty list; a violation says so.
        return
    repeated = len(values) - (choices.unique_count or 0)
    if repeated:
        findings.add(
            where,
            f"{repeated} of the values repeat others (1 and 1.0 are the same to W&B).",
            "Remove the repetitions.",
            code="repeated-values",
        )
    numeric = [value for value in values if isinstance(value, str) and _reads_as_number(value)]
    if numeric:
        findings.add(
            where,
            f"{show(numeric[0])} is a text; once the program turns it into a number, W&B runs it again.",
            "Remove the quotes.",
            code="number-as-text",
        )


def _reads_as_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _advise_on_texts(path: str, values: list[Json], config: Mapping[str, Json], findings: Findings) -> None:
    if any(value is None for value in values):
        findings.add(
            path,
            "None reaches the program as the text `None`.",
            "Let the program read `None`, or use a macro with JSON.",
            code="none-as-text",
        )
    if any(isinstance(value, list | dict) for value in values):
        findings.add(
            path,
            "Lists and mappings reach the program as Python texts, not JSON.",
            "Use ${args_json}, or wandb.config.",
            code="nested-as-text",
        )
    if any(isinstance(value, bool) for value in values) and "${args_no_boolean_flags}" not in command_of(config):
        findings.add(
            path,
            "True and False reach the program as the texts `True` and `False`, and both are true to argparse's bool.",
            "Use ${args_no_boolean_flags} for flags.",
            code="bool-as-text",
        )


def _advise_on_steps(path: str, entry: Mapping[str, Json], config: Mapping[str, Json], findings: Findings) -> None:
    try:
        parameter = parameter_from_config((path,), entry)
    except SweepConfigError:
        # A violation names it.
        return
    if not isinstance(parameter, Bounded) or parameter.q is None:
        return
    if parameter.q > parameter.high - parameter.low:
        findings.add(
            join(path, "q"),
            f"`q` ({parameter.q:g}) is wider than the range.",
            "Use a smaller `q`.",
            code="step-wider-than-range",
        )
        return
    grid = parameter.grid
    if config.get("method") != "grid" or grid is None:
        return
    last = grid.value(grid.count - 1)
    if is_number(last) and last > parameter.high:
        findings.add(
            path,
            f"Rounding takes the last step above `max`: {last!r}.",
            "List `values` instead.",
            code="step-above-max",
        )
    elif is_number(last) and math.isclose(last + parameter.q, parameter.high, rel_tol=1e-9):
        findings.add(
            join(path, "max"),
            f"A grid leaves `max` out: the last step is {last!r}, not {parameter.high!r}.",
            f"Write max: {parameter.high + parameter.q / 2:g} to have it in.",
            code="max-left-out",
        )


def _advise_on_size(config: Mapping[str, Json], findings: Findings) -> None:
    method, cap = config.get("method"), run_cap_of(config)
    if method not in ("grid", "random", "bayes") or config.get("scheduler"):
        return
    try:
        unique = SearchSpace.from_config(config).unique_count
    except SweepConfigError:
        # A violation names the parameter.
        return
    if unique is None:
        if cap is None and method != "grid":
            findings.add(
                "method",
                f"Nothing ends this {method} search.",
                "Add `run_cap:`, or give `--count`.",
                code="endless-search",
            )
        return
    if method == "grid" and min(unique, cap or unique) >= MANY_RUNS:
        hint = "Use random or bayes with a `run_cap`."
        findings.add("method", f"The grid has {unique:,} runs.", hint, code="huge-grid")
    if method == "bayes" and unique <= FEW_POINTS:
        findings.add(
            "method",
            f"bayes has only {unique} configurations to choose from.",
            "A grid runs them all.",
            code="few-points-for-bayes",
        )
    if method == "random" and cap is None and unique > 1:
        findings.add(
            "method",
            f"Without `run_cap` all {unique:,} configurations run.",
            "Add `run_cap:`.",
            code="random-without-cap",
        )
    if cap is not None and cap > unique:
        findings.add(
            "run_cap", f"There are only {unique:,} configurations.", "`run_cap` has no effect.", code="cap-above-size"
        )


def _advise_on_metric(config: Mapping[str, Json], findings: Findings) -> None:
    metric = config.get("metric")
    if not isinstance(metric, Mapping):
        if "metrics" not in config and config.get("method") in ("grid", "random"):
            findings.add(
                "metric",
                "Without a `metric` nothing says which run is best.",
                "Add `metric:` with name and goal.",
                code="no-metric-named",
            )
        return
    if "goal" not in metric:
        findings.add(
            "metric", "Without a `goal` the metric is minimized.", "Write `goal: minimize` or maximize.", code="no-goal"
        )
    if metric.get("impute_while_running") not in (None, False, "false"):
        findings.add(
            "metric.impute_while_running",
            "Runs that have not ended count with a value that is not final.",
            "Remove it, unless runs take very long.",
            code="imputes-while-running",
        )


def _advise_on_command(config: Mapping[str, Json], findings: Findings) -> None:
    written = config.get("command")
    command = command_of(config)
    if not set(command) & (_FLAG_MACROS | _JSON_MACROS):
        findings.add(
            "command",
            "The command passes no parameters.",
            "Add `${args}`, unless it reads wandb.config.",
            code="passes-no-parameters",
        )
    if not isinstance(written, list):
        return
    add = partial(findings.add, hint="Put each macro, word and path in an item of its own; no shell reads them.")
    for index, item in enumerate(command):
        for name in embedded_macros(item):
            add(
                f"command[{index}]",
                f"${{{name}}} within a longer text is passed on as it stands.",
                code="embedded-macro",
            )
        if item in _SHELL_WORDS:
            add(
                f"command[{index}]",
                f"{item!r} is passed to the program: no shell reads the command.",
                code="shell-word",
            )


def _advise_on_rest(config: Mapping[str, Json], findings: Findings) -> None:
    scheduler, controller = config.get("scheduler"), config.get("controller")
    if isinstance(scheduler, Mapping) and scheduler.get("engine") in ("optuna", "ax"):
        hint = "Run `wandb sweep-scheduler` beside the sweep; the method must be custom."
        findings.add(
            "scheduler.engine",
            f"Not every W&B server takes the engine {scheduler['engine']}.",
            hint,
            code="engine-not-everywhere",
        )
    elif config.get("method") == "custom" and not isinstance(scheduler, Mapping):
        findings.add(
            "method",
            "Only a scheduler hands out runs of a custom sweep.",
            "Add `scheduler:` with `engine`.",
            code="custom-without-scheduler",
        )
    if isinstance(controller, Mapping) and controller.get("type") == "local":
        findings.add(
            "controller",
            "A local controller must run somewhere.",
            "Start `wandb controller` for it.",
            code="local-controller",
        )
    stopping = config.get("early_terminate")
    if not isinstance(stopping, Mapping):
        return
    if "max_iter" in stopping and "min_iter" in stopping:
        findings.add(
            "early_terminate.min_iter",
            "W&B ignores `min_iter` beside `max_iter`.",
            "Remove one of them.",
            code="min-iter-ignored",
        )
    if "s" in stopping and "max_iter" not in stopping:
        findings.add("early_terminate.s", "W&B ignores `s` without `max_iter`.", "Remove it.", code="s-ignored")
