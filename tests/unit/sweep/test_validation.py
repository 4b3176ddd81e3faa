from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.sweep.config import metric_of, parse_sweep_text
from trainer.sweep.distributions import DISTRIBUTIONS
from trainer.sweep.space import run_count
from trainer.sweep.validation import METHODS, Violation, violations, warnings

GRID: dict[str, Any] = {"method": "grid", "program": "train.py", "parameters": {"p": {"values": [1, 2]}}}
METRIC = {"name": "acc", "goal": "maximize"}


def with_parameter(entry: Any, method: str = "random") -> dict[str, Any]:
    return {"method": method, "program": "t.py", "metric": METRIC, "parameters": {"p": entry}}


def hyperband(**keys: Any) -> dict[str, Any]:
    return {**GRID, "metric": METRIC, "early_terminate": {"type": "hyperband", **keys}}


def only(found: list[Violation]) -> Violation:
    assert len(found) == 1, found
    return found[0]


VALID: list[dict[str, Any]] = [
    GRID,
    {**GRID, "metric": {"name": "loss"}, "run_cap": 3, "name": "n", "description": "d", "project": "p", "entity": "e"},
    {**GRID, "apiVersion": "1", "kind": "sweep", "controller": {"type": "local"}},
    {**GRID, "run_cap": 3.0},
    {**GRID, "metric": {**METRIC, "target": 0.9, "impute": "best", "impute_while_running": "false"}},
    {**GRID, "metric": {**METRIC, "impute_while_running": False}},
    {**GRID, "metric": {**METRIC, "impute_while_running": "latest"}},
    {"method": "grid", "job": "j", "parameters": {"p": {"values": [1]}}},
    {"method": "grid", "image_uri": "i", "parameters": {"p": {"values": [1]}}},
    {**GRID, "scheduler": {"engine": "wandb"}},
    {**GRID, "method": "custom", "metrics": [METRIC, METRIC], "scheduler": {"engine": "optuna", "source": "s.py"}},
    {"method": "custom", "program": "t.py", "scheduler": {"engine": "ax", "source": "s.py", "search_space": "f"}},
    {**GRID, "method": "random", "scheduler": {"engine": "optuna"}},
    {"method": "grid", "command": ["python", "x.py", "${args}", "--seed", 1], "parameters": {"p": {"values": [1]}}},
    {
        **GRID,
        "command": ["${env}", "${interpreter}", "${program}", "--h=${envvar:HOME}", "${envvar:A_1}", "${args_json}"],
    },
    {**GRID, "parameters": {"parameters": {"values": [1]}, "a.b": {"value": 1}, "_x-y": {"value": None}}},
    {**GRID, "parameters": {"o": {"parameters": {"in": {"parameters": {"x": {"values": [None, [], {}]}}}}}}},
    {**GRID, "parameters": {"p": {"value": 1, "values": [1, 2]}}},
    {**GRID, "parameters": {"p": {"distribution": "q_uniform", "min": 0, "max": 1.5, "q": 30}}},
    with_parameter({"values": ["a", "b"], "probabilities": [0.1, 0.9]}),
    with_parameter({"parameters": {"x": {"min": 0, "max": 1.5}}}),
    with_parameter({"distribution": "uniform", "min": 0, "max": 1.5}),
    with_parameter({"distribution": "normal"}),
    with_parameter({"distribution": "q_beta", "a": 2, "b": 0.5, "q": 0.1}),
    with_parameter({"min": 1e-5, "max": 1e-1}),
    hyperband(min_iter=3),
    hyperband(max_iter=27, s=2),
    hyperband(min_iter=3, s=2.0),
    hyperband(max_iter=27, s=2, eta=3, strict=False, min_iter=1),
]


@pytest.mark.parametrize("config", VALID)
def test_what_wandb_runs_is_not_blocked(config: dict[str, Any]) -> None:
    assert violations(config) == []


BROKEN: list[tuple[dict[str, Any], str, str, str]] = [
    # Top-level keys.
    ({**GRID, "comand": ["x"]}, "comand", "no key `comand`", "`command`"),
    ({**GRID, "settings": {}}, "settings", "no key `settings`", "Valid here"),
    ({**GRID, "early_stopping": {}}, "early_stopping", "no key", ""),
    ({k: v for k, v in GRID.items() if k != "method"}, "method", "no `method`", "grid, random"),
    ({**GRID, "method": "Grid"}, "method", "'Grid'", "`grid`"),
    ({**GRID, "method": None}, "method", "None", "Valid here"),
    ({"method": "grid", "program": "t.py"}, "parameters", "no `parameters`", "Add"),
    ({**GRID, "parameters": {}}, "parameters", "is empty", "at least one"),
    ({**GRID, "parameters": ["lr"]}, "parameters", "keys and values", ""),
    (
        with_parameter({"min": 0, "max": 0.5}) | {"parameters": {"a.b": {"min": 0, "max": 0.5}}},
        "parameters.a.b",
        "guess",
        "",
    ),
    ({**GRID, "name": 2024}, "name", "must be a text", "Quote"),
    ({**GRID, "kind": "sweeps"}, "kind", "must be sweep", ""),
    ({**GRID, "run_cap": 0}, "run_cap", "above 0", ""),
    ({**GRID, "run_cap": "10"}, "run_cap", "'10'", "Remove the quotes: 10"),
    ({**GRID, "run_cap": 1.5}, "run_cap", "whole number", ""),
    ({**GRID, "run_cap": True}, "run_cap", "whole number", ""),
    ({**GRID, "job": "j", "image_uri": "i"}, "image_uri", "not both", ""),
    ({"method": "grid", "parameters": {"p": {"value": 1}}}, "program", "names no `program`", "program: train.py"),
    # Names and forms.
    ({**GRID, "parameters": {"a/b": {"value": 1}}}, "parameters.a/b", "'a/b'", "letters"),
    ({**GRID, "parameters": {"1a": {"value": 1}}}, "parameters.1a", "'1a'", "start with"),
    ({**GRID, "parameters": {"+a": {"value": 1}}}, "parameters.+a", "'+a'", ""),
    ({**GRID, "parameters": {"o": {"parameters": {"a b": {"value": 1}}}}}, "parameters.o.parameters.a b", "'a b'", ""),
    (with_parameter([1, 2]), "parameters.p", "[1, 2]", "`values: [1, 2]`"),
    (with_parameter(3), "parameters.p", "not 3", "`value: 3`"),
    (with_parameter(None), "parameters.p", "None", "values"),
    (with_parameter({}), "parameters.p", "which values", "values"),
    (with_parameter({"vales": [1]}), "parameters.p.vales", "`vales`", "`values`"),
    (with_parameter({"min": 1}), "parameters.p", "needs `max`", "Add `max:`"),
    (with_parameter({"parameters": {"x": {"value": 1}}, "value": 3}), "parameters.p.value", "beside `parameters`", ""),
    (with_parameter({"parameters": {}}), "parameters.p.parameters", "is empty", ""),
    # Distributions.
    (
        with_parameter({"distribution": "unifrom", "min": 0.0, "max": 1.0}),
        "parameters.p.distribution",
        "'unifrom'",
        "`uniform`",
    ),
    (
        with_parameter({"distribution": "loguniform", "min": 0.1, "max": 1.0}),
        "parameters.p.distribution",
        "'loguniform'",
        "`log_uniform_values`",
    ),
    (with_parameter({"distribution": None, "values": [1]}), "parameters.p.distribution", "is empty", "Remove it"),
    (with_parameter({"value": 1}, "bayes"), "parameters", "nothing to search", "vary"),
    (with_parameter({"parameters": {"x": {"value": 1}}}, "bayes"), "parameters", "nothing to search", "vary"),
    (with_parameter({"distribution": 3, "min": 0.0, "max": 1.0}), "parameters.p.distribution", "no distribution 3", ""),
    (
        with_parameter({"values": [1], "distribution": "categorical", "probabilities": [1]}),
        "parameters.p.probabilities",
        "categorical takes no",
        "categorical_w_probabilities",
    ),
    (with_parameter({"distribution": "normal", "min": 0}), "parameters.p.min", "normal takes no `min`", "mu, sigma"),
    (with_parameter({"distribution": "normal", "sigmma": 1}), "parameters.p.sigmma", "no `sigmma`", "`sigma`"),
    (with_parameter({"min": 0.0, "max": 1.0, "q": 0.1}), "parameters.p.q", "uniform takes no `q`", "q_uniform"),
    (with_parameter({"min": 0, "max": 10, "q": 2}), "parameters.p.q", "int_uniform takes no `q`", "q_uniform"),
    (
        with_parameter({"distribution": "int_uniform", "min": 1.0, "max": 5}),
        "parameters.p.min",
        "whole number",
        "Write 1.",
    ),
    (
        with_parameter({"distribution": "int_uniform", "min": 1, "max": 5.5}),
        "parameters.p.max",
        "whole number",
        "uniform",
    ),
    (with_parameter({"distribution": "log_uniform_values", "min": 0, "max": 1}), "parameters.p.min", "above 0", ""),
    (with_parameter({"distribution": "q_normal", "q": 0}), "parameters.p.q", "above 0", ""),
    (with_parameter({"distribution": "normal", "sigma": -1}), "parameters.p.sigma", "at least 0", ""),
    (with_parameter({"distribution": "beta", "a": 0}), "parameters.p.a", "above 0", ""),
    (
        with_parameter({"distribution": "log_uniform", "min": -5, "max": -1}),
        "parameters.p.distribution",
        "deprecated",
        "min: 0.006738 and max: 0.3679",
    ),
    (
        with_parameter({"distribution": "inv_log_uniform", "min": 1, "max": 5}),
        "parameters.p.distribution",
        "deprecated",
        "min: 0.006738 and max: 0.3679",
    ),
    (
        with_parameter({"parameters": {"x": {"distribution": "q_log_uniform", "min": 0, "max": 1}}}),
        "parameters.p.parameters.x.distribution",
        "deprecated",
        "q_log_uniform_values",
    ),
    # Ranges.
    (with_parameter({"min": 1, "max": 1}), "parameters.p", "are both 1", "`value: 1`"),
    (with_parameter({"min": 5, "max": 1}), "parameters.p", "above `max`", "Swap"),
    (with_parameter({"min": 0, "max": 1.5}), "parameters.p", "refuses to guess", "floats (0.0, 1.5)"),
    (with_parameter({"min": "0.1", "max": 1.0}), "parameters.p.min", "'0.1'", "Remove the quotes: 0.1"),
    (with_parameter({"min": 0.1, "max": "big"}), "parameters.p.max", "'big'", "Give a number"),
    (with_parameter({"min": False, "max": 1.0}), "parameters.p.min", "False", ""),
    (with_parameter({"min": 0.0, "max": float("inf")}), "parameters.p.max", "inf", ""),
    (with_parameter({"values": [1, float("inf")]}), "parameters.p.values[1]", "cannot store the number inf", "'inf'"),
    (with_parameter({"value": {"k": [float("nan")]}}), "parameters.p.value.k[0]", "the number nan", "as a text"),
    (with_parameter({"min": -1.7e308, "max": 1.7e308}), "parameters.p", "wider than", ""),
    (with_parameter({"parameters": {"x": {"min": 2.0, "max": 1.0}}}), "parameters.p.parameters.x", "above `max`", ""),
    (
        with_parameter({"distribution": "q_uniform", "min": 1e16, "max": 1e17, "q": 0.1}),
        "parameters.p.q",
        "too small",
        "",
    ),
    # Values and probabilities.
    (with_parameter({"values": "1, 2"}), "parameters.p.values", "must be a list", "[1, 2]"),
    (with_parameter({"values": {"a": 1}}), "parameters.p.values", "must be a list", ""),
    (with_parameter({"values": []}), "parameters.p.values", "is empty", ""),
    (with_parameter({"values": [1, 2], "probabilities": [1]}), "parameters.p.probabilities", "2 values and 1", ""),
    (
        with_parameter({"values": [1, 2], "probabilities": [0.5, 0.4]}),
        "parameters.p.probabilities",
        "add up to 0.9",
        "",
    ),
    (with_parameter({"values": [1, 2], "probabilities": [1.5, -0.5]}), "parameters.p.probabilities[1]", "negative", ""),
    (with_parameter({"values": [1], "probabilities": ["1"]}), "parameters.p.probabilities[0]", "'1'", "quotes"),
    (with_parameter({"values": [1], "probabilities": 1}), "parameters.p.probabilities", "must be a list", ""),
    (
        with_parameter({"parameters": {"x": {"values": [1, 2], "probabilities": [0.5, 0.1]}}}),
        "parameters.p.parameters.x.probabilities",
        "add up to 0.6",
        "",
    ),
    # Grid.
    (with_parameter({"min": 0.0, "max": 1.0}, "grid"), "parameters.p", "cannot run through uniform", "random or bayes"),
    (
        with_parameter({"parameters": {"x": {"distribution": "normal"}}}, "grid"),
        "parameters.p.parameters.x",
        "normal",
        "",
    ),
    (with_parameter({"distribution": "q_normal"}, "grid"), "parameters.p", "q_normal", ""),
    (with_parameter({"values": [1], "probabilities": [1]}, "grid"), "parameters.p", "no probabilities", ""),
    # Metric.
    ({**GRID, "method": "bayes"}, "metric", "bayes needs a `metric`", "goal"),
    ({**GRID, "metric": "acc"}, "metric", "'acc'", "`name: acc`"),
    ({**GRID, "metric": {"goal": "maximize"}}, "metric", "needs a `name`", ""),
    ({**GRID, "metric": {"name": "a", "goal": "Maximize"}}, "metric.goal", "'Maximize'", "maximize"),
    ({**GRID, "metric": {"name": "a", "goal": "max"}}, "metric.goal", "'max'", "maximize"),
    ({**GRID, "metric": {"name": "a", "gaol": "maximize"}}, "metric.gaol", "`gaol`", "`goal`"),
    ({**GRID, "metric": {"name": "a", "target": "0.9"}}, "metric.target", "'0.9'", "0.9"),
    ({**GRID, "metric": {"name": "a", "impute": "mean"}}, "metric.impute", "'mean'", ""),
    ({**GRID, "metric": {"name": "a", "impute_while_running": True}}, "metric.impute_while_running", "True", ""),
    ({**GRID, "metrics": [METRIC, METRIC]}, "metrics", "custom only", ""),
    ({**GRID, "method": "custom", "metrics": [METRIC]}, "metrics", "at least two", ""),
    ({**GRID, "method": "custom", "metrics": [METRIC, {"goal": "minimize"}]}, "metrics[1]", "needs a `name`", ""),
    ({**GRID, "method": "custom", "metric": METRIC, "metrics": [METRIC, METRIC]}, "metrics", "not both", ""),
    # early_terminate.
    ({**GRID, "early_terminate": {"type": "hyperband", "min_iter": 3}}, "early_terminate", "needs a `metric`", ""),
    ({**GRID, "metric": METRIC, "early_terminate": "hyperband"}, "early_terminate", "keys and values", "min_iter"),
    ({**GRID, "metric": METRIC, "early_terminate": {"min_iter": 3}}, "early_terminate", "no `type`", "hyperband"),
    (
        {**GRID, "metric": METRIC, "early_terminate": {"type": "median", "min_iter": 3}},
        "early_terminate.type",
        "'median'",
        "",
    ),
    (hyperband(), "early_terminate", "`min_iter`, or `max_iter` and `s`", ""),
    (hyperband(max_iter=27), "early_terminate", "needs `s`", ""),
    (hyperband(max_iter=2, s=5), "early_terminate.max_iter", "No band is left", "Raise"),
    (hyperband(max_iter=27, s=2.0), "early_terminate.s", "2.0", "Write 2."),
    (hyperband(max_iter=27, s=0), "early_terminate.s", "at least 1", ""),
    (hyperband(min_iter=0), "early_terminate.min_iter", "at least 1", ""),
    (hyperband(min_iter="3"), "early_terminate.min_iter", "'3'", "quotes"),
    (hyperband(min_iter=3, eta=1), "early_terminate.eta", "above 1", ""),
    (hyperband(min_iter=3, strict="yes"), "early_terminate.strict", "true or false", ""),
    (hyperband(min_iters=3, min_iter=3), "early_terminate.min_iters", "`min_iters`", "`min_iter`"),
    # Scheduler and controller.
    ({**GRID, "scheduler": {}}, "scheduler", "no `engine`", ""),
    ({**GRID, "scheduler": "optuna"}, "scheduler", "keys and values", ""),
    ({**GRID, "scheduler": {"engine": "optunna"}}, "scheduler.engine", "'optunna'", "`optuna`"),
    ({**GRID, "method": "custom", "scheduler": {"engine": "wandb"}}, "scheduler.engine", "no method custom", ""),
    ({**GRID, "scheduler": {"engine": "ax", "optimizer": "f"}}, "scheduler.optimizer", "needs `source`", ""),
    ({**hyperband(min_iter=3), "scheduler": {"engine": "wandb"}}, "early_terminate", "does not go with", ""),
    ({**GRID, "controller": {"type": "remote"}}, "controller", "remote", "cloud"),
    ({**GRID, "controller": {"type": "local"}, "scheduler": {"engine": "wandb"}}, "controller", "scheduler", ""),
    # Command.
    ({**GRID, "command": "python train.py ${args}"}, "command", "must be a list", "[python, train.py, ${args}]"),
    ({**GRID, "command": "python 'train"}, "command", "must be a list", ""),
    ({**GRID, "command": ["${program}", "${arg}"]}, "command[1]", "no macro ${arg}", "`args`"),
    ({**GRID, "command": ["${envvar:home}"]}, "command[0]", "no macro", "${envvar:HOME}"),
    ({**GRID, "command": [{"python": "x"}]}, "command[0]", "must be a text", ""),
]


@pytest.mark.parametrize(("config", "path", "message", "hint"), BROKEN)
def test_each_mistake_is_named_at_its_place_with_a_way_out(
    config: dict[str, Any], path: str, message: str, hint: str
) -> None:
    violation = only(violations(config))
    assert violation.path == path
    assert message in violation.message
    assert violation.hint and hint in violation.hint
    assert violation.message.endswith(".") and "\n" not in violation.message


def test_all_mistakes_are_found_at_once_in_the_order_of_the_file() -> None:
    text = """\
method: gird
program: a.py
parameters:
  lr:
    parameters:
      x: {min: 2, max: 1}
      y: {distribution: log_uniform, min: 0, max: 1}
  n: 3
comand: x
early_terminate: {type: hyperband, min_iter: 0}
"""
    file = parse_sweep_text(text, "s.yaml")
    found = violations(file.config, file.positions)
    assert [(violation.line, violation.path) for violation in found] == [
        (1, "method"),
        (6, "parameters.lr.parameters.x"),
        (7, "parameters.lr.parameters.y.distribution"),
        (8, "parameters.n"),
        (9, "comand"),
        (10, "early_terminate"),
        (10, "early_terminate.min_iter"),
    ]
    assert set(found[0].as_json()) == {"path", "message", "hint", "line", "code"}


def test_a_sweep_for_agents_with_a_function_needs_no_program() -> None:
    config: dict[str, Any] = {"method": "grid", "parameters": {"p": {"values": [1]}}}
    assert violations(config, needs_program=False) == []
    assert only(violations({**config, "command": ["${program}"]}, needs_program=False)).path == "program"


ODD: list[tuple[dict[str, Any], str, str]] = [
    ({**GRID, "parameters": {"n": {"min": 1, "max": 10**6}}}, "method", "1,000,000 runs"),
    ({**GRID, "method": "bayes", "metric": METRIC}, "method", "only 2 configurations"),
    (with_parameter({"min": 0.0, "max": 1.0}), "method", "Nothing ends"),
    ({**GRID, "method": "random"}, "method", "all 2 configurations"),
    ({**GRID, "run_cap": 9}, "run_cap", "only 2"),
    ({**GRID, "scheduler": {"engine": "ax"}}, "scheduler.engine", "engine ax"),
    ({**GRID, "method": "custom"}, "method", "scheduler hands out"),
    ({**GRID, "metric": {**METRIC, "impute_while_running": "best"}}, "metric.impute_while_running", "not final"),
    ({**GRID, "metric": {"name": "a"}}, "metric", "minimized"),
    (GRID, "metric", "which run is best"),
    ({**GRID, "parameters": {"p": {"values": [None, 1]}}}, "parameters.p", "text `None`"),
    ({**GRID, "parameters": {"p": {"values": [True]}}}, "parameters.p", "argparse"),
    ({**GRID, "parameters": {"p": {"value": {"a": 1}}}}, "parameters.p", "Python texts"),
    ({**GRID, "parameters": {"p": {"values": ["1e-3", "x"]}}}, "parameters.p.values", "runs it again"),
    ({**GRID, "parameters": {"p": {"values": [1, 1.0]}}}, "parameters.p.values", "1 of the values"),
    ({**GRID, "parameters": {"p": {"value": 1, "values": [1]}}}, "parameters.p.values", "ignores `values`"),
    (
        {**GRID, "parameters": {"p": {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.25}}},
        "parameters.p.max",
        "leaves `max` out",
    ),
    (
        {**GRID, "parameters": {"p": {"distribution": "q_uniform", "min": 1.0, "max": 1.3, "q": 0.1}}},
        "parameters.p",
        "above `max`",
    ),
    (
        {**GRID, "parameters": {"p": {"distribution": "q_uniform", "min": 0, "max": 1, "q": 5}}},
        "parameters.p.q",
        "wider",
    ),
    (with_parameter({"parameters": {"x": {"min": 0, "max": 1.5}}}), "parameters.p.parameters.x", "mixed"),
    (with_parameter({"distribution": "normal", "sigma": 0}), "parameters.p.sigma", "always the same"),
    ({**GRID, "command": ["python", "x.py"]}, "command", "passes no parameters"),
    ({**GRID, "command": ["${program}", "${args}", "--o=${program}"]}, "command[2]", "passed on as it stands"),
    ({**GRID, "command": ["${program}", "${args}", "|", "tee"]}, "command[2]", "no shell"),
    ({**GRID, "controller": {"type": "local"}}, "controller", "controller"),
    (hyperband(max_iter=9, s=1, min_iter=3), "early_terminate.min_iter", "ignores `min_iter`"),
]


@pytest.mark.parametrize(("config", "path", "message"), ODD)
def test_what_is_allowed_but_odd_is_a_warning_and_no_violation(config: dict[str, Any], path: str, message: str) -> None:
    assert violations(config) == []
    found = [warning for warning in warnings(config) if warning.path == path and message in warning.message]
    assert only(found).hint


def test_a_plain_sweep_has_nothing_odd() -> None:
    config: dict[str, Any] = {**GRID, "metric": METRIC}
    assert warnings(config) == []


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_form_made_from_the_registry_is_valid_or_deprecated(name: str) -> None:
    samples: dict[str, Any] = {"values": ["a", "b"], "probabilities": [0.5, 0.5], "value": 1, "min": 1, "max": 2}
    distribution = DISTRIBUTIONS[name]
    entry = {"distribution": name} | {
        field.name: samples.get(field.name, field.default) for field in distribution.fields
    }
    found = violations(with_parameter(entry))
    assert [violation.path for violation in found] == (
        ["parameters.p.distribution"] if distribution.is_deprecated else []
    )
    assert bool(violations(with_parameter(entry, "grid"))) == (not distribution.is_gridable)


junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "parameters",
                    "values",
                    "value",
                    "min",
                    "max",
                    "q",
                    "distribution",
                    "mu",
                    "probabilities",
                    "x",
                    "s",
                    "eta",
                    "max_iter",
                    "type",
                    "engine",
                ]
            ),
            st.one_of(inner, st.sampled_from([*DISTRIBUTIONS, "hyperband", *METHODS])),
            max_size=4,
        ),
    ),
    max_leaves=12,
)
keys = st.sampled_from(
    [
        "method",
        "parameters",
        "metric",
        "metrics",
        "command",
        "early_terminate",
        "run_cap",
        "scheduler",
        "controller",
        "name",
        "program",
        "zzz",
    ]
)


@given(st.dictionaries(keys, st.one_of(junk, st.sampled_from(METHODS)), max_size=6))
def test_checking_never_fails_whatever_is_written(config: dict[str, Any]) -> None:
    violations(config)
    warnings(config)


@given(junk, st.sampled_from(["grid", "random"]))
def test_a_parameter_without_violations_can_be_counted(entry: Any, method: str) -> None:
    from trainer.sweep.space import SearchSpace

    config = with_parameter(entry, method)
    if not violations(config):
        assert SearchSpace.from_config(config).raw_count != 0


def test_every_sweep_file_of_the_repository_is_valid() -> None:
    for path in (Path(__file__).parents[3] / "sweeps").glob("*.yaml"):
        file = parse_sweep_text(path.read_text(), path.name)
        assert violations(file.config, file.positions) == [], path


def test_a_file_that_is_wrong_throughout_is_not_looked_through() -> None:
    found = violations({**GRID, **{f"key{number}": 1 for number in range(50_000)}})
    assert len(found) == 200


@pytest.mark.parametrize("method", ["grid", "random", "bayes"])
@pytest.mark.parametrize("change", [{"run_cap": 10**400}, {"metric": {"name": "loss", "target": -(10**400)}}])
def test_a_number_that_no_float_can_hold_is_a_problem_and_no_crash(method: str, change: dict[str, Any]) -> None:
    config = {"method": method, "program": "x.py", "metric": {"name": "loss"}, "parameters": {"x": {"values": [1]}}}
    changed = {**config, **change}

    assert violations(changed)
    assert isinstance(warnings(changed), list)
    assert run_count(changed) == 1
    assert metric_of(changed) is not None
