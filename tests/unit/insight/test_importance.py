from __future__ import annotations

import math
import warnings

import numpy as np
import optuna
import pytest
from scipy.stats import pearsonr, pointbiserialr
from sklearn.ensemble import RandomForestRegressor

from tests.unit.insight.synthetic import LOSS, PARAMETERS, a_run, a_sweep, peaked_runs
from trainer.insight.features import RunTable, run_table
from trainer.insight.importance import importance
from trainer.records import Json, RunRecord
from trainer.states import RunState
from trainer.tracking.leaderboard import flatten_config

RUNS = peaked_runs(200)


@pytest.fixture(scope="module")
def table() -> RunTable:
    return run_table(a_sweep(), RUNS, LOSS, "last")


def test_features_are_the_parameters_on_their_scales_with_holes_where_a_run_has_none(table: RunTable) -> None:
    # `momentum` is no parameter of the sweep, and so none of its features.
    assert {each.name: each.kind for each in table.features} == {
        "lr": "log", "optimizer": "category", "model.depth": "linear", "width": "linear",
    }  # fmt: skip
    lr = table.feature("lr")
    assert lr is not None
    assert lr.values == tuple(run.config["lr"] for run in RUNS)
    assert lr.positions() == pytest.approx([math.log10(float(str(run.config["lr"]))) for run in RUNS])
    parameters: dict[str, Json] = {**PARAMETERS, "momentum": {"min": 0.0, "max": 1.0}, "clip": {"values": [1, 2]}}
    table = run_table(a_sweep(parameters), RUNS, LOSS, "last")
    momentum = table.feature("momentum")
    assert momentum is not None
    assert momentum.values == tuple(run.config.get("momentum") for run in RUNS)
    assert table.constant == ("clip",)
    # A list of magnitudes is as good as a logarithmic range; a few near numbers are not; mixed ones are categories.
    mixed: list[Json] = [1, "a", True]
    rows = zip([1e-4, 1e-3, 0.1], [1, 2, 3], mixed, strict=True)
    runs = [a_run(number, {"lr": lr, "width": width, "mix": mix}, 1.0) for number, (lr, width, mix) in enumerate(rows)]
    table = run_table(a_sweep({name: {"values": [1, 2]} for name in ("lr", "width", "mix")}), runs, LOSS, "last")
    assert {each.name: each.kind for each in table.features} == {"lr": "log", "width": "linear", "mix": "category"}


def test_runs_that_go_on_or_logged_nothing_are_no_rows() -> None:
    from dataclasses import replace

    runs = [*RUNS[:3], replace(RUNS[3], state=RunState.RUNNING), a_run(900, {"lr": 1.0}, None)]
    table = run_table(a_sweep(), runs, LOSS, "last")
    assert [run.id for run in table.runs] == ["r0", "r1", "r2"]
    assert table.left_out == 2
    best = run_table(a_sweep(), RUNS[:3], LOSS, "best")
    assert best.values == tuple(min(point.values["loss"] for point in run.curve) for run in RUNS[:3])


def test_forest_shares_are_those_of_scikit_learn_with_categories_added_up(table: RunTable) -> None:
    flats = [flatten_config(run.config) for run in RUNS]
    columns = np.array(
        [
            [
                math.log10(float(str(flat["lr"]))),
                float(flat["optimizer"] == "adam"),
                float(flat["optimizer"] == "sgd"),
                float(str(flat["model.depth"])),
                float(str(flat["width"])),
            ]
            for flat in flats
        ]
    )
    target = np.array([float(str(run.summary["loss"])) for run in RUNS])
    forest = RandomForestRegressor(n_estimators=100, random_state=0, oob_score=True).fit(columns, target)
    lr, adam, sgd, depth, width = forest.feature_importances_
    report = importance(table)
    shares = {row.name: row.forest for row in report.rows}
    expected = {"lr": lr, "optimizer": adam + sgd, "model.depth": depth, "width": width}
    assert shares == pytest.approx(expected, abs=0.02)
    assert report.fit == pytest.approx(forest.oob_score_, abs=0.02)
    assert [row.name for row in report.rows][:2] == ["lr", "optimizer"]
    assert sum(shares.values()) == pytest.approx(1.0)
    assert report.warnings == ()


def test_correlation_is_pearsons_on_the_scale_of_the_space(table: RunTable) -> None:
    rows = {row.name: row for row in importance(table, trees=40).rows}
    target = [float(str(run.summary["loss"])) for run in RUNS]
    magnitudes = [math.log10(float(str(run.config["lr"]))) for run in RUNS]
    assert rows["lr"].correlation == pytest.approx(pearsonr(magnitudes, target).statistic)
    is_adam = [run.config["optimizer"] == "adam" for run in RUNS]
    assert abs(rows["optimizer"].correlation or 0) == pytest.approx(abs(pointbiserialr(is_adam, target).statistic))
    assert rows["optimizer"].level in ("adam", "sgd")


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_ped_anova_is_optunas_of_a_study_with_the_same_trials(goal: str) -> None:
    is_up = goal == "maximize"
    sign = -1.0 if is_up else 1.0
    runs = [a_run(n, dict(run.config), sign * float(str(run.summary["loss"]))) for n, run in enumerate(RUNS)]
    sweep = a_sweep(goal="maximize" if is_up else "minimize")
    assert sweep.metric is not None
    report = importance(run_table(sweep, runs, sweep.metric, "last"), trees=40)

    lrs = [float(str(run.config["lr"])) for run in runs]
    study = optuna.create_study(direction="minimize")

    def played(trial: optuna.Trial) -> float:
        run = runs[trial.number]
        trial.suggest_float("lr", min(lrs), max(lrs), log=True)
        trial.suggest_categorical("optimizer", ["adam", "sgd"])
        trial.suggest_categorical("model.depth", [float(depth) for depth in range(1, 9)])
        trial.suggest_categorical("width", [16.0, 32.0, 64.0])
        return sign * float(str(run.summary["loss"]))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for run in runs:
            study.enqueue_trial(flatten_config(run.config))
        study.optimize(played, n_trials=len(runs))
        expected = optuna.importance.get_param_importances(
            study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
        )
    assert {row.name: row.ped_anova for row in report.rows} == pytest.approx(expected)
    assert max(expected, key=lambda name: expected[name]) == "lr"
    assert expected["width"] < 0.03  # it does nothing


def test_words_where_importance_may_not_be_believed() -> None:
    assert "it takes 10" in importance(run_table(a_sweep(), RUNS[:9], LOSS, "last")).problem
    assert "it takes 10" in importance(run_table(a_sweep(), [], LOSS, "last")).problem
    few = importance(run_table(a_sweep(), RUNS[:20], LOSS, "last"), trees=40)
    assert few.warnings[0] == "Few runs: 20 for 4 parameters; from about 40 on the order settles."
    alike = [a_run(n, {"lr": 0.1}, n) for n in range(12)]
    assert "do not differ" in importance(run_table(a_sweep(), alike, LOSS, "last")).problem
    level = [a_run(n, {"lr": 0.1 * (n + 1)}, 1.0) for n in range(12)]
    assert "same loss" in importance(run_table(a_sweep(), level, LOSS, "last")).problem

    def noise(number: int) -> RunRecord:
        return a_run(number, {"lr": 10.0 ** -(number % 5), "width": 16}, math.sin(number * number))

    said = " ".join(importance(run_table(a_sweep(), [noise(n) for n in range(40)], LOSS, "last")).warnings)
    assert "may be chance" in said
    assert "optimizer, width do not vary" in said or "do not vary" in said
    burst = [*RUNS, a_run(901, dict(RUNS[0].config), 1e6)]
    assert any("1 run lies far" in each for each in importance(run_table(a_sweep(), burst, LOSS, "last")).warnings)


def test_a_conditional_parameter_is_judged_by_the_runs_that_have_it() -> None:
    parameters: dict[str, Json] = {**PARAMETERS, "momentum": {"min": 0.0, "max": 1.0}}
    report = importance(run_table(a_sweep(parameters), RUNS, LOSS, "last"))
    row = next(row for row in report.rows if row.name == "momentum")
    with_it = [run for run in RUNS if "momentum" in run.config]
    assert row.present == len(with_it)
    expected = pearsonr([run.config["momentum"] for run in with_it], [run.summary["loss"] for run in with_it])
    assert row.correlation == pytest.approx(expected.statistic)
    assert any(f"momentum ({len(with_it)})" in each for each in report.warnings)
