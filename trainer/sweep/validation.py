"""Every problem of a sweep configuration, all at once: `violations` block a launch, `warnings` are odd but allowed.

Stricter than W&B at creation, which accepts sweeps that fail at their first run; never stricter than W&B as a whole.
Builder, command line and server share it. Whether the program exists is `command.check_program`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from trainer.records import Json
from trainer.sweep.advice import advise
from trainer.sweep.command_rules import check_command
from trainer.sweep.early_terminate_rules import check_early_terminate
from trainer.sweep.findings import (
    EnoughFoundError,
    Findings,
    did_you_mean,
    is_number,
    is_whole,
    join,
    nearest,
    number_hint,
    show,
)
from trainer.sweep.findings import Violation as Violation
from trainer.sweep.joint_rules import check_joints
from trainer.sweep.parameter_rules import check_parameters

METHODS = ("grid", "random", "bayes", "custom")
GOALS = ("minimize", "maximize")
TOP_LEVEL_KEYS = (
    "method",
    "parameters",
    "program",
    "command",
    "metric",
    "metrics",
    "early_terminate",
    "run_cap",
    "name",
    "description",
    "project",
    "entity",
    "scheduler",
    "controller",
    "job",
    "image_uri",
    "apiVersion",
    "kind",
)
RUNS_PER_AGENT_KEY = "runs_per_agent"
MAX_RUNS_PER_AGENT = 64
SCHEDULER_KEYS = ("engine", "source", "optimizer", "search_space")
METRIC_KEYS = ("name", "goal", "target", "impute", "impute_while_running")
_TEXT_KEYS = ("program", "name", "description", "project", "entity", "job", "image_uri", "apiVersion", "kind")
IMPUTATIONS = ("latest", "best", "worst")
ENGINES = ("wandb", "optuna", "ax")
GOAL_SYNONYMS = {"min": "minimize", "minimise": "minimize", "max": "maximize", "maximise": "maximize"}


def violations(
    config: Mapping[str, Json], positions: Mapping[str, int] | None = None, *, needs_program: bool = True
) -> list[Violation]:
    """Return everything that keeps a sweep from running, in the order of the file.

    Args:
        config: The sweep configuration.
        positions: Line by path, as `SweepFile.positions` has it; None when there is no file.
        needs_program: Whether a sweep without `program` and `command` is a problem. It is none on a server: agents
            made by `wandb.agent(function=...)` bring their own code.
    """
    findings = Findings(positions)
    with suppress(EnoughFoundError):
        _check(config, findings, needs_program)
    return findings.in_file_order()


def _check(config: Mapping[str, Json], findings: Findings, needs_program: bool) -> None:
    _check_keys(config, findings)
    _check_method(config, findings)
    _check_texts(config, findings)
    if "parameters" in config:
        check_parameters(config["parameters"], "parameters", config.get("method"), findings)
        if isinstance(config["parameters"], Mapping):
            check_joints(config["parameters"], findings)
    elif not _has_search_space(config):
        findings.add(
            "parameters", "The sweep has no `parameters`.", "Add `parameters:` with at least one.", code="no-parameters"
        )
    _check_metrics(config, findings)
    check_early_terminate(config, findings)
    _check_run_cap(config, findings)
    _check_scheduler(config, findings)
    _check_controller(config, findings)
    check_command(config, findings, needs_program)


def warnings(config: Mapping[str, Json], positions: Mapping[str, int] | None = None) -> list[Violation]:
    """Return what W&B allows but people seldom mean; never fails, also on a configuration with violations."""
    findings = Findings(positions)
    with suppress(EnoughFoundError):
        advise(config, findings)
    return findings.in_file_order()


def _check_keys(config: Mapping[str, Json], findings: Findings) -> None:
    for key in config:
        if key not in TOP_LEVEL_KEYS:
            findings.add(key, f"A sweep has no key `{key}`.", did_you_mean(key, TOP_LEVEL_KEYS), code="unknown-key")


def _check_method(config: Mapping[str, Json], findings: Findings) -> None:
    if "method" not in config:
        findings.add(
            "method", "The sweep has no `method`.", f"Add `method:`, one of {', '.join(METHODS)}.", code="no-method"
        )
    elif config["method"] not in METHODS:
        findings.add(
            "method",
            f"There is no method {show(config['method'])}.",
            did_you_mean(config["method"], METHODS),
            code="unknown-method",
        )


def _check_texts(config: Mapping[str, Json], findings: Findings) -> None:
    for key in _TEXT_KEYS:
        value = config.get(key, "")
        if not isinstance(value, str):
            findings.add(
                key, f"`{key}` must be a text, not {show(value)}.", "Quote it, or remove it.", code="not-a-text"
            )
    if isinstance(config.get("kind"), str) and config["kind"] != "sweep":
        findings.add(
            "kind", f"`kind` must be sweep, not {show(config['kind'])}.", "Write `kind: sweep`.", code="wrong-kind"
        )
    if config.get("job") and config.get("image_uri"):
        findings.add(
            "image_uri",
            "A sweep runs either a `job` or an `image_uri`, not both.",
            "Remove one of them.",
            code="job-and-image",
        )


def _has_search_space(config: Mapping[str, Json]) -> bool:
    scheduler = config.get("scheduler")
    return isinstance(scheduler, Mapping) and bool(scheduler.get("search_space"))


def _check_metrics(config: Mapping[str, Json], findings: Findings) -> None:
    if "metric" in config:
        _check_metric(config["metric"], "metric", findings)
    elif config.get("method") == "bayes":
        findings.add(
            "metric",
            "bayes needs a `metric`.",
            "Add `metric:` with `name` and `goal`.",
            near="method",
            code="no-metric",
        )
    if "metrics" not in config:
        return
    metrics = config["metrics"]
    if config.get("method") != "custom":
        findings.add(
            "metrics",
            "`metrics` goes with the method custom only.",
            "Use `metric:` with one name.",
            code="metrics-need-custom",
        )
    if "metric" in config:
        findings.add(
            "metrics",
            "A sweep has either `metric` or `metrics`, not both.",
            "Remove one of them.",
            code="metric-and-metrics",
        )
    if not isinstance(metrics, list) or len(metrics) < 2:
        findings.add(
            "metrics",
            f"`metrics` must list at least two, not {show(metrics)}.",
            "Use `metric:` for one.",
            code="too-few-metrics",
        )
        return
    for index, metric in enumerate(metrics):
        _check_metric(metric, f"metrics[{index}]", findings)


def _check_metric(metric: object, path: str, findings: Findings) -> None:
    if not isinstance(metric, Mapping):
        hint = f"Write `name: {metric}` below it." if isinstance(metric, str) else "Give `name` and `goal`."
        findings.add(path, f"`metric` must be keys and values, not {show(metric)}.", hint, code="metric-not-mapping")
        return
    for key in metric:
        if key not in METRIC_KEYS:
            findings.add(
                join(path, key),
                f"A metric has no key `{key}`.",
                did_you_mean(key, METRIC_KEYS),
                code="unknown-metric-key",
            )
    name, goal = metric.get("name"), metric.get("goal", "minimize")
    if not isinstance(name, str) or not name:
        where = join(path, "name") if "name" in metric else path
        findings.add(
            where,
            "The metric needs a `name`, a text.",
            "Name what the program logs: `name: accuracy`.",
            code="no-metric-name",
        )
    if goal not in GOALS:
        close = GOAL_SYNONYMS.get(str(goal).lower()) or nearest(goal, GOALS)
        hint = f"Write `goal: {close}`." if close else "Write minimize or maximize."
        findings.add(join(path, "goal"), f"There is no goal {show(goal)}.", hint, code="unknown-goal")
    if "target" in metric and not is_number(metric["target"]):
        target = metric["target"]
        findings.add(
            join(path, "target"),
            f"`target` must be a number, not {show(target)}.",
            number_hint(target),
            code="target-not-number",
        )
    if metric.get("impute", "worst") not in IMPUTATIONS:
        impute = metric["impute"]
        findings.add(
            join(path, "impute"),
            f"There is no `impute` {show(impute)}.",
            did_you_mean(impute, IMPUTATIONS),
            code="unknown-impute",
        )
    running = metric.get("impute_while_running", False)
    if running is not False and running not in (*IMPUTATIONS, "false"):
        findings.add(
            join(path, "impute_while_running"),
            f"`impute_while_running` cannot be {show(running)}.",
            "Write latest, best, worst or false.",
            code="unknown-impute-while-running",
        )


def _check_run_cap(config: Mapping[str, Json], findings: Findings) -> None:
    cap = config.get("run_cap", 1)
    if not is_whole(cap):
        findings.add(
            "run_cap",
            f"`run_cap` must be a whole number, not {show(cap)}.",
            number_hint(cap, whole=True),
            code="run-cap-not-whole",
        )
    elif cap <= 0:
        findings.add(
            "run_cap", f"`run_cap` must be above 0, not {cap!r}.", "Remove it for no cap.", code="run-cap-not-positive"
        )


def _check_scheduler(config: Mapping[str, Json], findings: Findings) -> None:
    if "scheduler" not in config:
        return
    scheduler = config["scheduler"]
    if not isinstance(scheduler, Mapping):
        findings.add(
            "scheduler",
            f"`scheduler` must be keys and values, not {show(scheduler)}.",
            "Give its `engine`.",
            code="scheduler-not-mapping",
        )
        return
    for key in scheduler:
        if key not in SCHEDULER_KEYS:
            findings.add(
                join("scheduler", key),
                f"A scheduler has no key `{key}`.",
                did_you_mean(key, SCHEDULER_KEYS),
                code="unknown-scheduler-key",
            )
        elif not isinstance(scheduler[key], str):
            findings.add(
                join("scheduler", key),
                f"`{key}` must be a text, not {show(scheduler[key])}.",
                "Quote it.",
                code="scheduler-text",
            )
    _check_engine(config, scheduler, findings)
    for key in ("optimizer", "search_space"):
        if key in scheduler and "source" not in scheduler:
            findings.add(
                join("scheduler", key),
                f"`{key}` needs `source`.",
                "Name the file that defines it.",
                code="needs-source",
            )
    if "early_terminate" in config:
        findings.add(
            "early_terminate",
            "`early_terminate` does not go with a `scheduler`.",
            "Remove one of them.",
            code="early-terminate-and-scheduler",
        )


def _check_engine(config: Mapping[str, Json], scheduler: Mapping[str, Json], findings: Findings) -> None:
    engine = scheduler.get("engine")
    if "engine" not in scheduler:
        findings.add(
            "scheduler", "The scheduler names no `engine`.", f"Use one of {', '.join(ENGINES)}.", code="no-engine"
        )
    elif engine not in ENGINES:
        findings.add(
            "scheduler.engine",
            f"There is no engine {show(engine)}.",
            did_you_mean(engine, ENGINES),
            code="unknown-engine",
        )
    elif engine == "wandb" and config.get("method") == "custom":
        findings.add(
            "scheduler.engine",
            "The engine wandb has no method custom.",
            "Use grid, random or bayes.",
            code="engine-and-custom",
        )


def _check_controller(config: Mapping[str, Json], findings: Findings) -> None:
    if "controller" not in config:
        return
    controller = config["controller"]
    kind = controller.get("type") if isinstance(controller, Mapping) else None
    if kind not in ("local", "cloud"):
        findings.add(
            "controller",
            f"`controller` cannot be {show(controller)}.",
            "Write `type: cloud` below it.",
            code="unknown-controller",
        )
    elif kind == "local" and "scheduler" in config:
        findings.add(
            "controller",
            "A local `controller` does not go with a `scheduler`.",
            "Remove one of them.",
            code="controller-and-scheduler",
        )
    count = controller.get(RUNS_PER_AGENT_KEY, 1) if isinstance(controller, Mapping) else 1
    if type(count) is not int or not 1 <= count <= MAX_RUNS_PER_AGENT:
        findings.add(
            join("controller", RUNS_PER_AGENT_KEY),
            f"`{RUNS_PER_AGENT_KEY}` must be a whole number from 1 to {MAX_RUNS_PER_AGENT}, not {show(count)}.",
            "Remove it for one run at a time.",
            code="runs-per-agent",
        )


def runs_per_agent(config: Mapping[str, Json]) -> int:
    """Return how many runs an agent has at once: `controller: {type: cloud, runs_per_agent: 4}`; 1 without it.

    W&B's own schema lets the key stand, and its server takes no notice of it (wandb/sweeps 0.3.0).
    """
    controller = config.get("controller")
    count = controller.get(RUNS_PER_AGENT_KEY, 1) if isinstance(controller, Mapping) else 1
    return count if type(count) is int and 1 <= count <= MAX_RUNS_PER_AGENT else 1
