"""Every problem that a sweep can have: which fix it has, what the fix does, or that it has none."""

from __future__ import annotations

import ast
import copy
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.sweep.config import dump_sweep_config, parse_sweep_text
from trainer.sweep.fixes import FIXES, fixes_for, obviously_fixed, problems_and_oddities
from trainer.sweep.steps import listed_range, readable_step

SWEEP = Path(__file__).resolve().parents[3] / "trainer" / "sweep"
METRIC = {"name": "accuracy", "goal": "maximize"}
BASE: dict[str, Any] = {
    "program": "t.py",
    "method": "grid",
    "metric": METRIC,
    "parameters": {"p": {"values": [1, 2]}},
}

UNFIXED = {
    "no-parameters": "nobody knows which",
    "parameters-empty": "nobody knows which",
    "values-empty": "nobody knows which",
    "step-too-small": "any step is a guess",
    "range-too-wide": "no distribution of W&B spans it",
    "needs-source": "nobody knows the file",
    "no-program": "nobody knows the file",
    "no-such-program": "nobody knows the file",
    "none-as-text": "the program has to read it",
    "nested-as-text": "the program has to read it",
    "member-set-twice": "either of them may be meant",
    "key-in-sweep": "the program may need something in its place",
    "key-on-command-line": "the program may need something in its place",
    "joint-without-members": "nobody knows what the members are",
    "rules-stale": "the list and the rules may be meant",
    "rule": "nobody knows what it was to say",
    "shell-word": "what the shell was to do goes into a script",
    "engine-not-everywhere": "it may be the right server",
}


def codes_in_source() -> dict[str, str]:
    """Return where each kind of problem is found; fails for a problem that has no kind."""
    places: dict[str, str] = {}
    for path in sorted(SWEEP.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not _adds_a_finding(node.func):
                continue
            code = next((word.value for word in node.keywords if word.arg == "code"), None)
            place = f"{path.name}:{node.lineno}"
            assert isinstance(code, ast.Constant) and code.value, f"{place} finds a problem without a code"
            places[str(code.value)] = place
    return places


def _adds_a_finding(called: ast.expr) -> bool:
    if isinstance(called, ast.Attribute):
        return called.attr == "add" and isinstance(called.value, ast.Name) and called.value.id == "findings"
    return isinstance(called, ast.Name) and called.id == "add"


def test_every_problem_has_a_fix_or_a_reason_for_none() -> None:
    codes = codes_in_source()
    assert len(codes) > 90
    undecided = {code: place for code, place in codes.items() if code not in FIXES and code not in UNFIXED}
    assert undecided == {}
    assert set(UNFIXED) & set(FIXES) == set()


def parameter(entry: Any, method: str = "random", **top: Any) -> dict[str, Any]:
    return {**BASE, "method": method, "run_cap": 5, "parameters": {"x": {"value": 1}, "p": entry}, **top}


def entry(**keys: Any) -> dict[str, Any]:
    return keys


def metric(**keys: Any) -> dict[str, Any]:
    return {**BASE, "metric": keys}


def stopping(value: Any) -> dict[str, Any]:
    return {**BASE, "early_terminate": value}


def top(without: str = "", **keys: Any) -> dict[str, Any]:
    return {key: value for key, value in {**BASE, **keys}.items() if key != without}


EXP = entry(distribution="log_uniform", min=math.log(1e-4), max=math.log(0.1))

EPOCHS = {"epochs": {"value": 12}, "p": {"values": [1, 2]}}
CUSTOM = parameter(entry(min=1, max=90), "custom")
CASES: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    # code, broken, label of the first fix, configuration after it
    ("unknown-key", top("parameters", paramaters=BASE["parameters"]), "Rename paramaters to parameters", BASE),
    ("unknown-key", top("program", script="t.py"), "Rename script to program", BASE),
    ("unknown-key", top(lr={"min": 1, "max": 3}), "Move lr into parameters",
     top(parameters={"p": {"values": [1, 2]}, "lr": {"min": 1, "max": 3}})),
    ("unknown-key", top(settings={"a": 1}), "Remove settings", BASE),
    ("unknown-key", {**BASE, "x-base": {"values": [1, 2]}}, "Remove x-base", BASE),
    ("unknown-key", top(base={"values": [1, 2]}), "Remove base", BASE),
    ("no-method", top("method"), "Use method: grid", BASE),
    ("no-method", {**top("method"), "parameters": {"p": {"min": 0.1, "max": 1.0}}}, "Use method: bayes",
     {**BASE, "method": "bayes", "run_cap": 50, "parameters": {"p": {"min": 0.1, "max": 1.0}}}),
    ("unknown-method", top(method="Grid"), "Use method: grid", BASE),
    ("unknown-method", parameter(entry(min=1, max=90), "bayesian"), "Use method: bayes",
     parameter(entry(min=1, max=90), "bayes")),
    ("not-a-text", top(name=7), 'Quote it: "7"', top(name="7")),
    ("not-a-text", top(project=None), "Remove project", BASE),
    ("wrong-kind", top(kind="Sweep"), "Write kind: sweep", top(kind="sweep")),
    ("job-and-image", top(job="j", image_uri="i"), "Remove image_uri", top(job="j")),
    ("no-metric", {**parameter(entry(min=1, max=90), "bayes"), "metric": ...}, "Add metric: loss, minimize",
     parameter(entry(min=1, max=90), "bayes", metric={"name": "loss", "goal": "minimize"})),
    ("metrics-need-custom", {**top("metric"), "metrics": [METRIC]}, "Keep the first metric only", BASE),
    ("metric-and-metrics", top(metrics=[METRIC, METRIC]), "Remove metrics", BASE),
    ("too-few-metrics", {**top("metric"), "metrics": [METRIC]}, "Keep the first metric only", BASE),
    ("metric-not-mapping", top(metric="val/accuracy"), "Write name: val/accuracy, goal: maximize",
     metric(name="val/accuracy", goal="maximize")),
    ("metric-not-mapping", top(metric="val_loss"), "Write name: val_loss, goal: minimize",
     metric(name="val_loss", goal="minimize")),
    ("unknown-metric-key", metric(name="accuracy", gaol="maximize"), "Rename gaol to goal", BASE),
    ("unknown-metric-key", metric(name="accuracy", direction="maximize"), "Rename direction to goal", BASE),
    ("no-metric-name", metric(goal="minimize"), "Write name: loss", metric(name="loss", goal="minimize")),
    ("no-metric-name", metric(name=1, goal="minimize"), 'Quote it: "1"', metric(name="1", goal="minimize")),
    ("unknown-goal", metric(name="accuracy", goal="maximise"), "Write goal: maximize", BASE),
    ("unknown-goal", metric(name="accuracy", goal="MAX"), "Write goal: maximize", BASE),
    ("unknown-goal", metric(name="accuracy", goal="high"), "Write goal: maximize", BASE),
    ("target-not-number", {**BASE, "metric": {**METRIC, "target": "0.9"}}, "Write target: 0.9",
     {**BASE, "metric": {**METRIC, "target": 0.9}}),
    ("target-not-number", {**BASE, "metric": {**METRIC, "target": None}}, "Remove target", BASE),
    ("unknown-impute", {**BASE, "metric": {**METRIC, "impute": "Best"}}, "Write impute: best",
     {**BASE, "metric": {**METRIC, "impute": "best"}}),
    ("unknown-impute-while-running", {**BASE, "metric": {**METRIC, "impute_while_running": True}},
     "Remove impute_while_running", BASE),
    ("imputes-while-running", {**BASE, "metric": {**METRIC, "impute_while_running": "best"}},
     "Remove impute_while_running", BASE),
    ("run-cap-not-whole", parameter(entry(min=0.5, max=1.0), run_cap="20"), "Write run_cap: 20",
     parameter(entry(min=0.5, max=1.0), run_cap=20)),
    ("run-cap-not-whole", parameter(entry(min=0.5, max=1.0), run_cap=2.5), "Write run_cap: 2",
     parameter(entry(min=0.5, max=1.0), run_cap=2)),
    ("run-cap-not-positive", top(run_cap=0), "Remove run_cap", BASE),
    ("scheduler-not-mapping", top(scheduler="wandb"), "Write engine: wandb", top(scheduler={"engine": "wandb"})),
    ("unknown-scheduler-key", top(scheduler={"engin": "wandb"}), "Rename engin to engine",
     top(scheduler={"engine": "wandb"})),
    ("scheduler-text", top(scheduler={"engine": "wandb", "source": 3}), 'Quote it: "3"',
     top(scheduler={"engine": "wandb", "source": "3"})),
    ("early-terminate-and-scheduler",
     top(scheduler={"engine": "wandb"}, early_terminate={"type": "hyperband", "min_iter": 3}),
     "Remove early_terminate", top(scheduler={"engine": "wandb"})),
    ("no-engine", top(scheduler={"source": "s.py"}), "Write engine: wandb",
     top(scheduler={"engine": "wandb", "source": "s.py"})),
    ("unknown-engine", top(scheduler={"engine": "wandbb"}), "Write engine: wandb", top(scheduler={"engine": "wandb"})),
    ("engine-and-custom", top(method="custom", scheduler={"engine": "wandb"}), "Use method: random",
     top(method="random", run_cap=2, scheduler={"engine": "wandb"})),
    ("unknown-controller", top(controller="cloud"), "Write type: cloud", top(controller={"type": "cloud"})),
    ("unknown-controller", top(controller={"runs_per_agent": 2}), "Write type: cloud",
     top(controller={"type": "cloud", "runs_per_agent": 2})),
    ("controller-and-scheduler", top(scheduler={"engine": "wandb"}, controller={"type": "local"}),
     "Remove controller", top(scheduler={"engine": "wandb"})),
    ("local-controller", top(controller={"type": "local"}), "Remove controller", BASE),
    ("runs-per-agent", top(controller={"type": "cloud", "runs_per_agent": "4"}), "Write runs_per_agent: 4",
     top(controller={"type": "cloud", "runs_per_agent": 4})),
    ("endless-search", {**parameter(entry(min=0.5, max=1.0)), "run_cap": ...}, "Add run_cap: 50",
     parameter(entry(min=0.5, max=1.0), run_cap=50)),
    ("random-without-cap", {**parameter(entry(min=1, max=900)), "run_cap": ...}, "Add run_cap: 50",
     parameter(entry(min=1, max=900), run_cap=50)),
    ("huge-grid", top(parameters={"p": {"min": 1, "max": 200_000}}), "Use bayes with run_cap: 50",
     top(method="bayes", run_cap=50, parameters={"p": {"min": 1, "max": 200_000}})),
    ("few-points-for-bayes", top(method="bayes"), "Use method: grid", BASE),
    ("only-constants", top(method="bayes", parameters={"p": {"value": 1}}), "Use method: grid",
     top(parameters={"p": {"value": 1}})),
    ("cap-above-size", top(run_cap=20), "Write run_cap: 2", top(run_cap=2)),
    ("custom-without-scheduler", CUSTOM, "Use method: bayes", {**CUSTOM, "method": "bayes"}),
    ("no-metric-named", top("metric"), "Add metric: loss, minimize",
     {**top("metric"), "metric": {"name": "loss", "goal": "minimize"}}),
    ("no-goal", metric(name="loss"), "Write goal: minimize", metric(name="loss", goal="minimize")),
    ("no-goal", metric(name="val_acc"), "Write goal: maximize", metric(name="val_acc", goal="maximize")),
    # early_terminate
    ("early-terminate-no-metric", {**stopping({"type": "hyperband", "min_iter": 3}), "metric": ...},
     "Add metric: loss, minimize",
     {**top("metric"), "early_terminate": {"type": "hyperband", "min_iter": 3},
      "metric": {"name": "loss", "goal": "minimize"}}),
    ("early-terminate-not-mapping", stopping("hyperband"), "Write type: hyperband, min_iter: 3",
     stopping({"type": "hyperband", "min_iter": 3})),
    ("unknown-early-terminate-key", stopping({"type": "hyperband", "min_iters": 3}), "Rename min_iters to min_iter",
     stopping({"type": "hyperband", "min_iter": 3})),
    ("unknown-early-terminate-key", stopping({"type": "hyperband", "min_iter": 3, "reduction_factor": 4}),
     "Rename reduction_factor to eta", stopping({"type": "hyperband", "min_iter": 3, "eta": 4})),
    ("not-hyperband", stopping({"type": {"a": 1}, "min_iter": 3}), "Write type: hyperband",
     stopping({"type": "hyperband", "min_iter": 3})),
    ("not-hyperband", stopping({"min_iter": 3}), "Write type: hyperband",
     stopping({"type": "hyperband", "min_iter": 3})),
    ("not-hyperband", stopping({"type": "Hyperband", "min_iter": 3}), "Write type: hyperband",
     stopping({"type": "hyperband", "min_iter": 3})),
    ("iter-not-whole", stopping({"type": "hyperband", "min_iter": "3"}), "Write min_iter: 3",
     stopping({"type": "hyperband", "min_iter": 3})),
    ("iter-too-small", stopping({"type": "hyperband", "min_iter": 0}), "Write min_iter: 1",
     stopping({"type": "hyperband", "min_iter": 1})),
    ("s-not-whole", stopping({"type": "hyperband", "max_iter": 27, "s": 2.0}), "Write s: 2",
     stopping({"type": "hyperband", "max_iter": 27, "s": 2})),
    ("s-too-small", stopping({"type": "hyperband", "max_iter": 27, "s": 0}), "Write s: 1",
     stopping({"type": "hyperband", "max_iter": 27, "s": 1})),
    ("eta-not-number", stopping({"type": "hyperband", "min_iter": 3, "eta": "4"}), "Write eta: 4",
     stopping({"type": "hyperband", "min_iter": 3, "eta": 4})),
    ("eta-too-small", stopping({"type": "hyperband", "min_iter": 3, "eta": 1}), "Remove eta",
     stopping({"type": "hyperband", "min_iter": 3})),
    ("strict-not-bool", stopping({"type": "hyperband", "min_iter": 3, "strict": "False"}), "Write strict: false",
     stopping({"type": "hyperband", "min_iter": 3, "strict": False})),
    ("no-iter", stopping({"type": "hyperband", "s": 2}), "Add min_iter: 3",
     stopping({"type": "hyperband", "min_iter": 3})),
    ("no-s", stopping({"type": "hyperband", "max_iter": 27}), "Add s: 2",
     stopping({"type": "hyperband", "max_iter": 27, "s": 2})),
    ("no-band", stopping({"type": "hyperband", "max_iter": 2, "s": 2}), "Use min_iter: 1 instead",
     stopping({"type": "hyperband", "min_iter": 1})),
    ("never-judged", {**stopping({"type": "hyperband", "min_iter": 30}), "parameters": EPOCHS}, "Use min_iter: 4",
     {**stopping({"type": "hyperband", "min_iter": 4}), "parameters": EPOCHS}),
    ("late-bands", {**stopping({"type": "hyperband", "max_iter": 81, "s": 3}), "parameters": EPOCHS},
     "Write max_iter: 12",
     {**stopping({"type": "hyperband", "max_iter": 12, "s": 3}), "parameters": EPOCHS}),
    ("min-iter-ignored", stopping({"type": "hyperband", "max_iter": 27, "s": 2, "min_iter": 3}), "Remove min_iter",
     stopping({"type": "hyperband", "max_iter": 27, "s": 2})),
    ("s-ignored", stopping({"type": "hyperband", "min_iter": 3, "s": 2}), "Remove s",
     stopping({"type": "hyperband", "min_iter": 3})),
    # the form of parameters
    ("parameters-not-mapping", top(parameters=[{"name": "a", "values": [1, 2]}, {"b": {"value": 3}}]),
     "Write them as keys and values", top(parameters={"a": {"values": [1, 2]}, "b": {"value": 3}})),
    ("bad-name", top(parameters={"--p": {"values": [1, 2]}}), "Rename --p to p", BASE),
    ("bad-name", top(parameters={"größe_µ": {"values": [1, 2]}}), "Rename größe_µ to grosse_mu",
     top(parameters={"grosse_mu": {"values": [1, 2]}})),
    ("bad-name", top(parameters={"p: 1, 2": {"values": [1, 2]}}), "Rename p: 1, 2 to p", BASE),
    ("bad-name", top(parameters={"2p/q": {"values": [1, 2]}}), "Rename 2p/q to _2p_q",
     top(parameters={"_2p_q": {"values": [1, 2]}})),
    ("entry-not-mapping", parameter([1, 2, 3, 4, 5]), "Write values:", parameter(entry(values=[1, 2, 3, 4, 5]))),
    ("entry-not-mapping", top(parameters={"p": "1, 2e-3, relu, 'x'"}), "Write values:",
     top(parameters={"p": {"values": [1, 0.002, "relu", "x"]}})),
    ("entry-not-mapping", top(parameters={"p": 0.1}), "Write value: 0.1", top(parameters={"p": {"value": 0.1}})),
    ("beside-nested", top(parameters={"g": {"parameters": {"a": {"value": 1}}, "b": {"value": 2}}}),
     "Move b into parameters", top(parameters={"g": {"parameters": {"a": {"value": 1}, "b": {"value": 2}}}})),
    ("beside-nested", top(parameters={"g": {"parameters": {"a": {"value": 1}}, "distribution": "x"}}),
     "Remove distribution", top(parameters={"g": {"parameters": {"a": {"value": 1}}}})),
    ("empty-distribution", parameter(entry(distribution=None, min=1, max=9)), "Remove distribution",
     parameter(entry(min=1, max=9))),
    ("unknown-distribution", parameter(entry(distribution="unifrom", min=0.5, max=1.0)), "Use distribution: uniform",
     parameter(entry(distribution="uniform", min=0.5, max=1.0))),
    ("unknown-distribution", parameter(entry(distribution="loguniform", min=0.1, max=1.0)),
     "Use distribution: log_uniform_values", parameter(entry(distribution="log_uniform_values", min=0.1, max=1.0))),
    ("unknown-distribution", parameter(entry(distribution="wide", min=1, max=9)), "Remove distribution",
     parameter(entry(min=1, max=9))),
    ("misspelt-parameter-key", parameter(entry(valeus=[1, 2, 3, 4, 5])), "Rename valeus to values",
     parameter(entry(values=[1, 2, 3, 4, 5]))),
    ("no-values-said", top(parameters={"g": {"lr": {"value": 1}, "opt": {"values": [1, 2]}}}),
     "Put parameters: above them",
     top(parameters={"g": {"parameters": {"lr": {"value": 1}, "opt": {"values": [1, 2]}}}})),
    ("no-values-said", parameter(entry(low=1, high=9)), "Rename to min, max", parameter(entry(min=1, max=9))),
    ("key-not-taken", parameter(entry(min=0.1, max=1.0, q=0.1)), "Use distribution: q_uniform",
     parameter(entry(min=0.1, max=1.0, q=0.1, distribution="q_uniform"))),
    ("key-not-taken", parameter(entry(min=1, max=90, q=2)), "Use distribution: q_uniform",
     parameter(entry(min=1, max=90, q=2, distribution="q_uniform"))),
    ("key-not-taken", parameter(entry(distribution="categorical", values=[1, 2, 3, 4, 5, 6],
                                      probabilities=[0.25, 0.25, 0.125, 0.125, 0.125, 0.125])),
     "Use distribution: categorical_w_probabilities",
     parameter(entry(distribution="categorical_w_probabilities", values=[1, 2, 3, 4, 5, 6],
                     probabilities=[0.25, 0.25, 0.125, 0.125, 0.125, 0.125]))),
    ("key-not-taken", parameter(entry(distribution="normal", mean=1)), "Rename mean to mu",
     parameter(entry(distribution="normal", mu=1))),
    ("key-not-taken", parameter(entry(distribution="uniform", values=[1, 2, 3, 4, 5])), "Remove distribution",
     parameter(entry(values=[1, 2, 3, 4, 5]))),
    ("key-not-taken", parameter(entry(min=1, max=9, sigma=2)), "Remove sigma", parameter(entry(min=1, max=9))),
    ("field-missing", parameter(entry(min=1, maxx=9)), "Rename maxx to max", parameter(entry(min=1, max=9))),
    ("field-missing", parameter(entry(max=9)), "Add min: 0", parameter(entry(max=9, min=0))),
    ("field-missing", parameter(entry(distribution="log_uniform_values", max=0.1)), "Add min: 0.0001",
     parameter(entry(distribution="log_uniform_values", max=0.1, min=0.0001))),
    ("field-missing", parameter(entry(distribution="uniform", value=3), run_cap=1), "Remove distribution",
     parameter(entry(value=3), run_cap=1)),
    ("deprecated-distribution", parameter(EXP), "Use log_uniform_values, 0.0001 to 0.1",
     parameter(entry(distribution="log_uniform_values", min=0.0001, max=0.1))),
    ("deprecated-distribution", parameter(entry(distribution="inv_log_uniform", min=0, max=math.log(100))),
     "Use inv_log_uniform_values, 0.01 to 1",
     parameter(entry(distribution="inv_log_uniform_values", min=0.01, max=1.0))),
    ("exponent-too-large", parameter(entry(distribution="log_uniform", min=1, max=1000)),
     "Use log_uniform_values, 1 to 1000", parameter(entry(distribution="log_uniform_values", min=1, max=1000))),
    ("not-above", parameter(entry(distribution="log_uniform_values", min=math.log(1e-4), max=math.log(0.1))),
     "Take them for exponents, 0.0001 to 0.1",
     parameter(entry(distribution="log_uniform_values", min=0.0001, max=0.1))),
    ("not-above", parameter(entry(distribution="log_uniform_values", min=0, max=0.1)), "Write min: 0.0001",
     parameter(entry(distribution="log_uniform_values", min=0.0001, max=0.1))),
    ("not-above", parameter(entry(distribution="q_uniform", min=0, max=90, q=-3)), "Write q: 3",
     parameter(entry(distribution="q_uniform", min=0, max=90, q=3))),
    ("not-above", parameter(entry(distribution="q_uniform", min=0, max=90, q=0)), "Remove q",
     parameter(entry(distribution="q_uniform", min=0, max=90))),
    ("grid-probabilities", parameter(entry(values=[1, 2, 3, 4, 5], probabilities=[0.2] * 5), "grid"),
     "Remove probabilities", parameter(entry(values=[1, 2, 3, 4, 5]), "grid")),
    ("grid-continuous", parameter(entry(min=0.0, max=1.0), "grid"), "List 6 values: 0, 0.2 … 1",
     parameter(entry(values=[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]), "grid")),
    ("grid-continuous", parameter(entry(distribution="log_uniform_values", min=1e-5, max=0.1), "grid"),
     "List 5 values: 1e-05, 0.0001 … 0.1", parameter(entry(values=[1e-5, 1e-4, 1e-3, 0.01, 0.1]), "grid")),
    ("grid-continuous", parameter(entry(distribution="normal"), "grid"), "Use method: random",
     parameter(entry(distribution="normal"), "random")),
    # their numbers and lists
    ("values-not-list", top(parameters={"p": {"values": "1, 2"}}), "Write values as a list", BASE),
    ("values-not-list", top(parameters={"p": {"values": 3}}), "Write values: [3]",
     top(parameters={"p": {"values": [3]}})),
    ("not-storable", top(parameters={"p": {"values": [1, math.inf]}}), "Write it as a text: 'inf'",
     top(parameters={"p": {"values": [1, "inf"]}})),
    ("not-a-number", parameter(entry(distribution="uniform", min="1e-3", max=1.0)), "Write min: 0.001",
     parameter(entry(distribution="uniform", min=0.001, max=1.0))),
    ("not-a-number", parameter(entry(distribution="normal", mu=None)), "Remove mu",
     parameter(entry(distribution="normal"))),
    ("not-whole", parameter(entry(distribution="int_uniform", min=1.0, max=9)), "Write min: 1",
     parameter(entry(distribution="int_uniform", min=1, max=9))),
    ("not-whole", parameter(entry(distribution="int_uniform", min=1.5, max=9)), "Use distribution: uniform",
     parameter(entry(distribution="uniform", min=1.5, max=9))),
    ("below-least", parameter(entry(distribution="normal", sigma=-2)), "Write sigma: 2",
     parameter(entry(distribution="normal", sigma=2))),
    ("min-equals-max", top(parameters={"p": {"min": 3, "max": 3}}), "Write value: 3",
     top(parameters={"p": {"value": 3}})),
    ("min-above-max", parameter(entry(min=9, max=1)), "Swap min and max", parameter(entry(min=1, max=9))),
    ("mixed-bounds", parameter(entry(min=0, max=1.5)), "Write both as floats", parameter(entry(min=0.0, max=1.5))),
    ("mixed-bounds", parameter(entry(min=0, max=9.0), "grid"), "Write both as whole numbers",
     parameter(entry(min=0, max=9), "grid")),
    ("mixed-nested-bounds", parameter({"parameters": {"a": entry(min=0, max=1.5)}}), "Write both as floats",
     parameter({"parameters": {"a": entry(min=0.0, max=1.5)}})),
    ("probabilities-not-list", parameter(entry(values=[1, 2, 3, 4, 5], probabilities=0.5)),
     "Give all the same probability", parameter(entry(values=[1, 2, 3, 4, 5], probabilities=[0.2] * 5))),
    ("probability-count", parameter(entry(values=[1, 2, 3, 4, 5], probabilities=[0.5, 0.5])),
     "Give all the same probability", parameter(entry(values=[1, 2, 3, 4, 5], probabilities=[0.2] * 5))),
    ("probability-not-number", parameter(entry(values=[1, 2], probabilities=["0.5", 0.5]), run_cap=2),
     "Write 0.5", parameter(entry(values=[1, 2], probabilities=[0.5, 0.5]), run_cap=2)),
    ("probability-negative", parameter(entry(values=[1, 2], probabilities=[-0.5, 1]), run_cap=1), "Write 0",
     parameter(entry(values=[1, 2], probabilities=[0, 1]), run_cap=1)),
    ("probability-sum", parameter(entry(values=[1, 2], probabilities=[0.6, 0.6]), run_cap=2),
     "Scale them to add up to 1", parameter(entry(values=[1, 2], probabilities=[0.5, 0.5]), run_cap=2)),
    ("repeated-values", top(parameters={"p": {"values": [1, 2, 1]}}), "Remove the repetitions", BASE),
    ("number-as-text", top(parameters={"p": {"values": ["1e-3", 0.001, "2"]}}), "Remove the quotes",
     top(parameters={"p": {"values": [0.001, 2]}})),
    ("joint-whole-float", top(parameters={"joint__a": {"values": [{"a": 1.0, "b": 2}, {"a": 2.5, "b": 3}]}}),
     "Write whole floats as whole numbers",
     top(parameters={"joint__a": {"values": [{"a": 1, "b": 2}, {"a": 2.5, "b": 3}]}})),
    ("ignored-beside-value", top(parameters={"p": {"value": 1, "values": [1, 2]}}), "Remove values",
     top(parameters={"p": {"value": 1}})),
    ("sigma-zero", parameter(entry(distribution="normal", mu=2, sigma=0), run_cap=1), "Write value: 2",
     parameter(entry(value=2), run_cap=1)),
    ("step-wider-than-range", parameter(entry(distribution="q_uniform", min=0, max=90, q=100), run_cap=1),
     "Write q: 10",
     parameter(entry(distribution="q_uniform", min=0, max=90, q=10), run_cap=1)),
    ("step-above-max", top(parameters={"p": entry(distribution="q_uniform", min=1.0, max=1.3, q=0.1)}),
     "List the 4 values", top(parameters={"p": {"values": [1.0, 1.1, 1.2, 1.3]}})),
    ("max-left-out", top(parameters={"p": entry(distribution="q_uniform", min=0, max=10, q=2)}), "Write max: 11",
     top(parameters={"p": entry(distribution="q_uniform", min=0, max=11.0, q=2)})),
    # command
    ("command-not-list", top(command="python t.py ${args}"), "Write it as a list",
     top(command=["python", "t.py", "${args}"])),
    ("command-item", top(command=["python", ["t.py", "${args}"]]), "Take the words of the list",
     top(command=["python", "t.py", "${args}"])),
    ("command-item", top(command=["python", {"--lr": 3}, "${args}"]), 'Quote it: "--lr: 3"',
     top(command=["python", "--lr: 3", "${args}"])),
    ("unknown-macro", top(command=["${prgram}", "${args}"]), "Write ${program}",
     top(command=["${program}", "${args}"])),
    ("unknown-macro", top(command=["${envvar:home}", "${args}"]), "Write ${envvar:HOME}",
     top(command=["${envvar:HOME}", "${args}"])),
    ("passes-no-parameters", top(command=["python", "t.py"]), "Add ${args}",
     top(command=["python", "t.py", "${args}"])),
    ("embedded-macro", top(command=["python ${program}", "${args}"]), "Write each word as an item",
     top(command=["python", "${program}", "${args}"])),
    ("bool-as-text", top(parameters={"p": {"values": [True, False]}}), "Use ${args_no_boolean_flags}",
     top(parameters={"p": {"values": [True, False]}},
         command=["${env}", "${interpreter}", "${program}", "${args_no_boolean_flags}"])),
]  # fmt: skip


def made(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration without the keys that are marked as not there."""
    return {key: value for key, value in copy.deepcopy(config).items() if value is not ...}


@pytest.mark.parametrize(("code", "config", "label", "after"), CASES, ids=[f"{case[0]}: {case[2]}" for case in CASES])
def test_the_first_fix_removes_the_problem_and_adds_none(
    code: str, config: dict[str, Any], label: str, after: dict[str, Any]
) -> None:
    config = made(config)
    before, found = copy.deepcopy(config), problems_and_oddities(config)
    problems = [problem for problem in found if problem.code == code]
    assert problems, found
    fix = fixes_for(problems[0], config)[0]
    assert fix.label == label
    assert fix.config == after
    assert config == before, "the configuration that was given is changed"
    left = problems_and_oddities(fix.config)
    kinds = {(problem.code, problem.path) for problem in found}
    assert [problem for problem in left if (problem.code, problem.path) not in kinds] == []
    assert len(left) < len(found)
    assert parse_sweep_text(dump_sweep_config(fix.config), "fixed").config == fix.config


def test_every_fix_is_tried() -> None:
    # What is wrong between a sweep and its program is tried with programs, in tests/unit/programs.
    own = {code for code in FIXES.keys() & codes_in_source().keys() if not code.startswith("program-")}
    assert own - {case[0] for case in CASES} == set()


def test_alternatives_come_after_the_likeliest() -> None:
    config = parameter(entry(min=0.0, max=1.0), "grid")
    (problem,) = [each for each in problems_and_oddities(config) if each.code == "grid-continuous"]
    assert [fix.label for fix in fixes_for(problem, config)] == ["List 6 values: 0, 0.2 … 1", "Use method: random"]
    assert not any(fix.is_obvious for fix in fixes_for(problem, config))


FAULTS = [(case[1], case[3]) for case in CASES]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(range(len(FAULTS))), min_size=1, max_size=4, unique=True))
def test_obvious_fixes_of_several_faults_leave_nothing_obvious_and_no_new_problem(numbers: list[int]) -> None:
    config: dict[str, Any] = {}
    for number in numbers:
        broken = made(FAULTS[number][0])
        parameters = broken.get("parameters")
        if isinstance(parameters, dict) and isinstance(config.get("parameters", {}), dict):
            renamed = {f"{name}_{number}" if name[0] in "pxg" else name: value for name, value in parameters.items()}
            broken["parameters"] = {**config.get("parameters", {}), **renamed}
        config = {**config, **broken}
    fixed, steps = obviously_fixed(config)
    before, after = problems_and_oddities(config), problems_and_oddities(fixed)
    assert len(after) <= len(before) or any(problem.code == "unknown-key" for problem in before)
    for problem in after:
        assert not any(fix.is_obvious for fix in fixes_for(problem, fixed)[:1])
    assert bool(steps) == (repr(fixed) != repr(config))


@given(
    st.floats(1e-12, 1e12).flatmap(lambda low: st.tuples(st.just(low), st.floats(1.01, 1e9).map(lambda f: low * f))),
    st.booleans(),
)
def test_the_values_of_a_range_rise_from_its_one_end_to_the_other(bounds: tuple[float, float], is_log: bool) -> None:
    low, high = bounds
    distribution = "log_uniform_values" if is_log else "uniform"
    values = listed_range({"distribution": distribution, "min": low, "max": high})
    assert values is not None
    numbers = [value for value in values if isinstance(value, float)]
    assert (numbers[0], numbers[-1]) == (low, high)
    assert numbers == sorted(set(numbers))
    assert 2 <= len(numbers) <= 12


@pytest.mark.parametrize(
    ("span", "parts", "step"), [(1, 5, 0.2), (90, 10, 10), (0.3, 5, 0.05), (7, 5, 1), (1e6, 10, 1e5)]
)
def test_steps_are_readable(span: float, parts: int, step: float) -> None:
    assert readable_step(span, parts) == step


def test_a_name_in_another_script_is_not_made_a_row_of_underscores() -> None:
    config = top(parameters={"\u5b66\u7fd2\u7387": {"values": [1, 2]}})

    assert [fixes_for(problem, config) for problem in problems_and_oddities(config)] == [[]]
