from __future__ import annotations

import pytest

from trainer.errors import HyperparameterError
from trainer.training.arguments import leaves, read_argv
from trainer.training.catalog import MODELS
from trainer.training.hyperparameters import Hyperparameter, Interval
from trainer.training.request import make_request


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("n_estimators", "100", 100),
        ("n_estimators", 100.0, 100),
        ("max_depth", "None", None),
        ("max_depth", None, None),
        ("max_features", "sqrt", "sqrt"),
        ("max_features", "0.5", 0.5),
        ("max_features", "3", 3),
        ("max_features", "1", 1),
        ("max_features", "1.0", 1.0),
        ("max_features", 1.0, 1.0),
        ("min_samples_split", "2.0", 2),
        ("n_estimators", "1e2", 100),
        ("ccp_alpha", 0, 0.0),
        ("min_samples_split", 2, 2),
        ("bootstrap", "false", False),
        ("bootstrap", True, True),
        ("ccp_alpha", "1e-3", 0.001),
    ],
)
def test_texts_and_values_of_a_sweep_become_typed_values(name: str, given: object, value: object) -> None:
    read = make_request({name: given}).hyperparameters[name]
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize("given", ["", "x", "nan", "inf", "1_0", 0, -1, 1.5, True, [1], "99999999999"])
def test_what_is_not_a_count_is_refused_with_the_value_and_the_way_out(given: object) -> None:
    with pytest.raises(HyperparameterError, match="n_estimators=.* cannot be used. Give a whole number from 1."):
        make_request({"n_estimators": given})


def test_every_default_is_a_value_its_own_hyperparameter_accepts() -> None:
    for model in MODELS.values():
        for item in model.hyperparameters:
            assert item.read(item.default) == item.default
            assert item.describe()


def test_open_and_closed_bounds() -> None:
    share = Hyperparameter("share", 1.0, "", floats=Interval(0, 1, is_low_open=True))
    assert share.read("1") == 1.0
    for outside in ("0", "1.01", "-1"):
        with pytest.raises(HyperparameterError, match="above 0 up to 1"):
            share.read(outside)


@pytest.mark.parametrize(
    "argv",
    [
        ["--max_depth", "3", "--bootstrap=False"],
        ["--max-depth=3", "--bootstrap", "false"],
        ["max_depth=3", "bootstrap=False"],
        ["++max_depth=3", "+bootstrap=False"],
        ['{"max_depth": 3, "bootstrap": false}'],
        ["--max_depth", "9", "--max_depth", "3", "--bootstrap", "False"],
        ["--tree={'max_depth': 3, 'bootstrap': False}"],
        ['--tree={"max_depth": 3, "bootstrap": false}'],
        ["--tree.max_depth=3", "--tree.bootstrap=False"],
    ],
)
def test_every_form_in_which_agents_pass_parameters_reads_the_same(argv: list[str]) -> None:
    request = make_request(read_argv(argv))
    assert request.hyperparameters["max_depth"] == 3
    assert request.hyperparameters["bootstrap"] is False
    assert request.given_names == {"max_depth", "bootstrap"}


def test_a_flag_alone_is_true_and_a_negative_number_is_a_value() -> None:
    assert read_argv(["--log_model", "--coef0", "-1"]) == {"log_model": "true", "coef0": "-1"}


def test_the_leaf_name_of_a_group_is_the_groups_own_value() -> None:
    found = leaves({"optimizer": {"name": "sgd", "lr": 0.1}})
    assert [(leaf.path, leaf.name, leaf.value) for leaf in found] == [
        ("optimizer.name", "optimizer", "sgd"),
        ("optimizer.lr", "lr", 0.1),
    ]


def test_one_hyperparameter_given_twice_is_refused_unless_the_values_agree() -> None:
    assert make_request({"model": "mlp", "lr": "1e-2", "learning_rate": 0.01}).hyperparameters["learning_rate"] == 0.01
    with pytest.raises(HyperparameterError, match="learning_rate is given twice: 0.1, and 0.2 as learning_rate"):
        make_request({"model": "mlp", "lr": 0.1, "learning_rate": 0.2})


@pytest.mark.parametrize("given", [1, "1"])
def test_a_whole_number_is_never_taken_for_a_share(given: object) -> None:
    with pytest.raises(HyperparameterError, match="min_samples_split=1 cannot be used. Give a whole number from 2"):
        make_request({"min_samples_split": given})
    assert make_request({"min_samples_split": 1.0}).hyperparameters["min_samples_split"] == 1.0


def test_large_bounds_are_written_out() -> None:
    with pytest.raises(HyperparameterError, match="from 0 up to 4294967295"):
        make_request({"seed": -1})
