"""Fixes of a sweep's own keys: method, metric, run_cap, scheduler and controller, and keys that do not exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trainer.errors import SweepConfigError
from trainer.records import Json
from trainer.sweep.findings import is_number, nearest
from trainer.sweep.fix import SUGGESTED_RUNS, Case, Fix, Offer, guessed_goal, number_in, shown, with_method
from trainer.sweep.parameters import infer_distribution, is_nested
from trainer.sweep.places import with_keys
from trainer.sweep.space import SearchSpace
from trainer.sweep.validation import (
    ENGINES,
    GOAL_SYNONYMS,
    GOALS,
    IMPUTATIONS,
    MAX_RUNS_PER_AGENT,
    METHODS,
    METRIC_KEYS,
    SCHEDULER_KEYS,
    TOP_LEVEL_KEYS,
)

_KEY_SYNONYMS = {
    "params": "parameters", "hyperparameters": "parameters", "search_space": "parameters", "space": "parameters",
    "objective": "metric", "strategy": "method", "sampler": "method", "search": "method", "algorithm": "method",
    "max_runs": "run_cap", "num_runs": "run_cap", "n_trials": "run_cap", "num_samples": "run_cap", "count": "run_cap",
    "script": "program", "entrypoint": "program", "file": "program", "early_stopping": "early_terminate",
    "early_stop": "early_terminate", "cmd": "command", "title": "name",
}  # fmt: skip
_METRIC_SYNONYMS = {"direction": "goal", "mode": "goal", "objective": "goal", "type": "goal", "metric": "name"}
_HOLDERS = ("x-", "x_", "_", ".", "$")
"""How keys begin, by custom, that only hold what anchors name."""
_METHOD_SYNONYMS = {"bayesian": "bayes", "tpe": "bayes", "gp": "bayes", "hyperband": "random", "gridsearch": "grid"}
_GRID_AT_MOST = 1_000
"""Configurations up to which a sweep without a method is taken for a grid."""
_EXAMPLE_METRIC = "loss"


def _unknown_key(case: Case) -> Iterator[Fix]:
    entry = case.value
    parameters = case.config.get("parameters", {})
    is_said = _is_said_elsewhere(entry, with_keys(case.config, [case.key]))
    if case.key.startswith(_HOLDERS):
        # Where the text refers to its anchor, what it said is written out.
        yield case.remove(is_obvious=is_said)
        return
    if is_said:
        yield case.remove(is_obvious=False)
    if isinstance(entry, Mapping) and isinstance(parameters, Mapping) and case.key not in parameters:
        if infer_distribution(entry) is not None or is_nested(entry):
            moved = {**parameters, case.key: dict(entry)}
            yield case.top(f"Move {case.key} into parameters", not is_said, [case.key], parameters=moved)
    if is_said:
        return
    yield from _spelt(case, _KEY_SYNONYMS, TOP_LEVEL_KEYS)


def _is_said_elsewhere(value: Json, rest: Json) -> bool:
    """Return whether the sweep says all of a mapping or list in another place too, where an alias stood for it."""
    if not isinstance(value, Mapping | list) or not value:
        return False
    if isinstance(rest, Mapping):
        # Merged into a mapping, it can have other keys beside it there.
        if isinstance(value, Mapping) and all(key in rest and rest[key] == item for key, item in value.items()):
            return True
        return any(_is_said_elsewhere(value, item) for item in rest.values())
    if isinstance(rest, list):
        return rest == value or any(_is_said_elsewhere(value, item) for item in rest)
    return False


def _spelt(case: Case, synonyms: Mapping[str, str], valid: tuple[str, ...]) -> Iterator[Fix]:
    """Yield the key under the name that is meant, and without it."""
    meant = synonyms.get(case.key.lower().replace("-", "_")) or nearest(case.key, valid)
    if meant in valid and meant not in case.around:
        yield case.rename(meant)
    yield case.remove(is_obvious=False)


def _method(case: Case) -> Iterator[Fix]:
    given = case.config.get("method")
    meant = _METHOD_SYNONYMS.get(str(given).lower().replace("_", "")) or nearest(given, METHODS)
    if meant is not None:
        yield case.top(f"Use method: {meant}", True, method=meant)
        return
    yield from _no_method(case)


def _no_method(case: Case) -> Iterator[Fix]:
    """Yield a grid where there is one of a bearable size, else a search that ends."""
    try:
        size = SearchSpace.from_config({**case.config, "method": "grid"}).unique_count
    except SweepConfigError:
        # Another problem says which parameter cannot be read.
        size = None
    method = "bayes" if isinstance(case.config.get("metric"), Mapping) else "random"
    if size is not None and size <= _GRID_AT_MOST:
        method = "grid"
    rest = dict(case.config)
    rest.pop("method", None)
    # Keys are read from top to bottom: the method belongs before the parameters.
    yield Fix(f"Use method: {method}", with_method({"method": method, **rest}, method))


def _not_a_text(case: Case) -> Iterator[Fix]:
    if not isinstance(case.value, Mapping | list) and case.value is not None:
        text = str(case.value).lower() if isinstance(case.value, bool) else str(case.value)
        yield case.put(f'Quote it: "{shown(text)}"', text)
    else:
        yield case.remove(is_obvious=case.value is None)


def _kind(case: Case) -> Iterator[Fix]:
    yield case.put("Write kind: sweep", "sweep")


def _job_and_image(case: Case) -> Iterator[Fix]:
    yield case.top("Remove image_uri", False, ["image_uri"])
    yield case.top("Remove job", False, ["job"])


def _no_metric(case: Case) -> Iterator[Fix]:
    metric = {"name": _EXAMPLE_METRIC, "goal": "minimize"}
    yield case.top(f"Add metric: {_EXAMPLE_METRIC}, minimize", False, metric=metric)
    if case.violation.code == "early-terminate-no-metric":
        yield case.top("Remove early_terminate", False, ["early_terminate"])
    elif case.config.get("method") == "bayes":
        yield Fix("Use method: random", with_method(case.config, "random"), False)


def _metrics(case: Case) -> Iterator[Fix]:
    """Yield one `metric` for `metrics`, or the other way round where the method takes several."""
    several = case.config.get("metrics")
    first = several[0] if isinstance(several, list) and several else several
    if "metric" in case.config:
        yield case.top("Remove metrics", case.violation.code != "metric-and-metrics", ["metrics"])
        yield case.top("Remove metric", False, ["metric"])
    elif isinstance(first, Mapping):
        yield case.top("Keep the first metric only", not isinstance(several, list) or len(several) == 1, ["metrics"],
                       metric=dict(first))  # fmt: skip


def _metric_not_mapping(case: Case) -> Iterator[Fix]:
    if isinstance(case.value, str) and case.value.strip():
        name = case.value.strip()
        goal = guessed_goal(name)
        yield case.put(f"Write name: {shown(name)}, goal: {goal}", {"name": name, "goal": goal})


def _metric_key(case: Case) -> Iterator[Fix]:
    yield from _spelt(case, _METRIC_SYNONYMS, METRIC_KEYS)


def _metric_name(case: Case) -> Iterator[Fix]:
    entry = case.value if isinstance(case.value, Mapping) else case.around
    name = entry.get("name")
    if is_number(name):
        yield case.put(f'Quote it: "{name}"', str(name))
        return
    added = {**entry, "name": _EXAMPLE_METRIC}
    label = f"Write name: {_EXAMPLE_METRIC}"
    yield case.put(label, added, False) if isinstance(case.value, Mapping) else case.put_around(label, added, False)


def _goal(case: Case) -> Iterator[Fix]:
    given = str(case.value).lower()
    meant = GOAL_SYNONYMS.get(given) or nearest(given, GOALS)
    goal = meant or guessed_goal(str(case.around.get("name", "")))
    yield case.put(f"Write goal: {goal}", goal, meant is not None)


def _no_goal(case: Case) -> Iterator[Fix]:
    name = str(case.value.get("name", "")) if isinstance(case.value, Mapping) else ""
    guess = guessed_goal(name)
    for goal in (guess, *(goal for goal in GOALS if goal != guess)):
        # Minimizing is what happens without a goal: written down, nothing changes.
        yield case.put(f"Write goal: {goal}", {**case.value, "goal": goal}, guess == goal == "minimize")


def _number(case: Case) -> Iterator[Fix]:
    number = number_in(case.value)
    if number is not None:
        yield case.put(f"Write {case.key}: {shown(number)}", number)
    else:
        yield case.remove(is_obvious=case.value is None)


def _imputation(case: Case) -> Iterator[Fix]:
    meant = nearest(case.value, IMPUTATIONS) if isinstance(case.value, str) else None
    if meant is not None:
        yield case.put(f"Write {case.key}: {meant}", meant)
    yield case.remove(is_obvious=False)


def _remove(case: Case) -> Iterator[Fix]:
    yield case.remove()


def _remove_perhaps(case: Case) -> Iterator[Fix]:
    yield case.remove(is_obvious=False)


def _run_cap(case: Case) -> Iterator[Fix]:
    number = number_in(case.value, whole=True)
    if number is None and (number := number_in(case.value)) is not None:
        number = max(round(number), 1)
    if number is not None and number > 0:
        yield case.put(f"Write run_cap: {number}", number)
    yield case.remove(is_obvious=False)


def _scheduler_not_mapping(case: Case) -> Iterator[Fix]:
    engine = nearest(case.value, ENGINES) if isinstance(case.value, str) else None
    if engine is not None:
        yield case.put(f"Write engine: {engine}", {"engine": engine})
    yield case.top("Remove scheduler", False, ["scheduler"])


def _scheduler_key(case: Case) -> Iterator[Fix]:
    yield from _spelt(case, {}, SCHEDULER_KEYS)


def _no_engine(case: Case) -> Iterator[Fix]:
    engine = "optuna" if case.config.get("method") == "custom" else "wandb"
    yield case.put(f"Write engine: {engine}", {"engine": engine, **case.value}, False)


def _engine(case: Case) -> Iterator[Fix]:
    meant = nearest(case.value, ENGINES)
    if meant is not None:
        yield case.put(f"Write engine: {meant}", meant)


def _engine_and_custom(case: Case) -> Iterator[Fix]:
    yield Fix("Use method: random", with_method(case.config, "random"), False)


def _early_terminate_and_scheduler(case: Case) -> Iterator[Fix]:
    yield case.top("Remove early_terminate", False, ["early_terminate"])
    yield case.top("Remove scheduler", False, ["scheduler"])


def _controller(case: Case) -> Iterator[Fix]:
    kinds = ("local", "cloud")
    given = case.value.get("type") if isinstance(case.value, Mapping) else case.value
    meant = nearest(given, kinds) if isinstance(given, str) else None
    kept = dict(case.value) if isinstance(case.value, Mapping) else {}
    if meant is not None:
        yield case.put(f"Write type: {meant}", {**kept, "type": meant})
    elif kept:
        yield case.put("Write type: cloud", {"type": "cloud", **kept}, "type" not in kept)
    yield case.top("Remove controller", False, ["controller"])


def _local_controller(case: Case) -> Iterator[Fix]:
    yield case.top("Remove controller", False, ["controller"])


def _runs_per_agent(case: Case) -> Iterator[Fix]:
    number = number_in(case.value, whole=True)
    if number is not None:
        capped = min(max(number, 1), MAX_RUNS_PER_AGENT)
        yield case.put(f"Write {case.key}: {capped}", capped, capped == number)
    yield case.remove(is_obvious=False)


def _endless(case: Case) -> Iterator[Fix]:
    capped = with_method(case.config, str(case.config.get("method")))
    cap = capped.get("run_cap", SUGGESTED_RUNS)
    yield case.top(f"Add run_cap: {cap}", False, run_cap=cap)


def _huge_grid(case: Case) -> Iterator[Fix]:
    methods = ("bayes", "random") if isinstance(case.config.get("metric"), Mapping) else ("random",)
    for method in methods:
        changed = with_method(case.config, method) | {"run_cap": SUGGESTED_RUNS}
        yield Fix(f"Use {method} with run_cap: {SUGGESTED_RUNS}", changed, False)


def _few_points(case: Case) -> Iterator[Fix]:
    yield case.top("Use method: grid", False, method="grid")


def _cap_above_size(case: Case) -> Iterator[Fix]:
    size = SearchSpace.from_config(case.config).unique_count
    yield case.put(f"Write run_cap: {size}", size)


def _custom_without_scheduler(case: Case) -> Iterator[Fix]:
    method = "bayes" if isinstance(case.config.get("metric"), Mapping) else "random"
    kept: Any = with_keys(case.config, ["metrics"]) if isinstance(case.config.get("metric"), Mapping) else case.config
    yield Fix(f"Use method: {method}", with_method(kept, method), False)


SEARCH_FIXES: dict[str, Offer] = {
    "unknown-key": _unknown_key,
    "no-method": _no_method,
    "unknown-method": _method,
    "not-a-text": _not_a_text,
    "wrong-kind": _kind,
    "job-and-image": _job_and_image,
    "no-metric": _no_metric,
    "early-terminate-no-metric": _no_metric,
    "no-metric-named": _no_metric,
    "metrics-need-custom": _metrics,
    "metric-and-metrics": _metrics,
    "too-few-metrics": _metrics,
    "metric-not-mapping": _metric_not_mapping,
    "unknown-metric-key": _metric_key,
    "no-metric-name": _metric_name,
    "unknown-goal": _goal,
    "no-goal": _no_goal,
    "target-not-number": _number,
    "unknown-impute": _imputation,
    "unknown-impute-while-running": _imputation,
    "imputes-while-running": _remove_perhaps,
    "run-cap-not-whole": _run_cap,
    "run-cap-not-positive": _remove,
    "scheduler-not-mapping": _scheduler_not_mapping,
    "unknown-scheduler-key": _scheduler_key,
    "scheduler-text": _not_a_text,
    "early-terminate-and-scheduler": _early_terminate_and_scheduler,
    "no-engine": _no_engine,
    "unknown-engine": _engine,
    "engine-and-custom": _engine_and_custom,
    "unknown-controller": _controller,
    "controller-and-scheduler": _local_controller,
    "local-controller": _local_controller,
    "runs-per-agent": _runs_per_agent,
    "endless-search": _endless,
    "random-without-cap": _endless,
    "huge-grid": _huge_grid,
    "few-points-for-bayes": _few_points,
    "only-constants": _few_points,
    "cap-above-size": _cap_above_size,
    "custom-without-scheduler": _custom_without_scheduler,
}
