"""Whole runs through the unmodified wandb SDK in offline mode, read back from what it wrote."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.unit.training.offline_run import OfflineRun, read_offline_run
from trainer.training.command import train_from_argv
from trainer.training.metrics import GOALS

ROOT = Path(__file__).parents[3]


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    import wandb

    wandb.teardown()  # so that the SDK reads this test's environment
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    wandb.teardown()


def train(offline: Path, *argv: str) -> OfflineRun:
    assert train_from_argv(argv) == 0
    return read_offline_run(offline)


def sweep_parameters(folder: Path, monkeypatch: pytest.MonkeyPatch, parameters: dict[str, object]) -> None:
    """Leave the parameter file that agents leave, in the form of wandb 0.31."""
    path = folder / "config-run.yaml"
    content = {"wandb_version": 1} | {name: {"value": value} for name, value in parameters.items()}
    path.write_text(yaml.safe_dump(content))
    monkeypatch.setenv("WANDB_SWEEP_PARAM_PATH", str(path))
    monkeypatch.setenv("WANDB_SWEEP_ID", "sweep123")


def joblib_object(path: Path) -> Any:
    """Return what joblib stored at `path`; None for a folder or another kind of file."""
    import joblib  # type: ignore[import-untyped]

    # A pickle starts with 0x80 and its protocol.
    return joblib.load(path) if path.is_file() and path.read_bytes()[:1] == b"\x80" else None


def test_a_run_by_hand_logs_curves_summary_tables_model_and_provenance(
    offline: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_HEAD_REF", "faster-forest")
    monkeypatch.setenv("GITHUB_REF_NAME", "12/merge")
    monkeypatch.setenv("GITHUB_SHA", "0123456789abcdef")
    argv = "--dataset wine --model random_forest --n-estimators=30 --max_depth None --log_every 10 --log-model --seed 4"
    run = train(offline, *argv.split())
    rows = [row for row in run.history if "accuracy" in row]
    assert [row["trees"] for row in rows] == [10, 20, 30]
    assert [row["_step"] for row in rows] == [10, 20, 30]
    for name, goal in GOALS.items():
        values = [row[name] for row in rows]
        assert run.summary[f"best_{name}"] == (min(values) if goal == "minimize" else max(values))
    assert rows[-1]["fit_seconds"] > rows[0]["fit_seconds"] > 0
    assert {"confusion_matrix", "feature_importances"} <= rows[-1].keys()
    assert "model" in run.artifact_types
    assert run.config["n_estimators"] == 30 and run.config["max_depth"] is None and run.config["criterion"] == "gini"
    assert run.config["provenance"] == {
        "git_branch": "faster-forest",
        "git_commit": "0123456789abcdef",
        "dataset": "wine",
        "model": "random_forest",
        "seed": 4,
    }
    assert {"branch:faster-forest", "commit:0123456", "dataset:wine", "model:random_forest", "seed:4"} <= set(run.tags)
    assert run.exit_code == 0
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 5
    assert printed[0].startswith("random_forest on wine: 142 training and 36 validation rows")


def test_parameters_of_a_sweep_without_args_in_its_command_win_and_stay_as_they_are(
    offline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = {"dataset": "iris", "model": "mlp", "epochs": 4, "optimizer": {"name": "sgd", "lr": 0.1}, "alpha": 0.0}
    sweep_parameters(offline, monkeypatch, parameters)
    run = train(offline, "--batch_size=16", "--epochs=2")
    assert {name: run.config[name] for name in parameters} == parameters
    assert run.config["batch_size"] == 16
    assert "learning_rate" not in run.config  # it came as optimizer.lr
    assert run.history[-1]["epochs"] == 4


def test_the_command_of_a_sweep_may_fix_the_model(offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep_parameters(offline, monkeypatch, {"hidden_units": 8, "epochs": 2})
    run = train(offline, "--model=mlp", "--hidden_units=8", "--epochs=2")
    assert (run.config["model"], run.config["hidden_units"], run.config["num_layers"]) == ("mlp", 8, 1)


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ("--model=mlp --learning_rate=1e30 --optimizer=sgd", "The network diverged with learning_rate=1e+30."),
        ("--model=svm --kernel=poly --degree=500", "cannot be fitted with these hyperparameters: The dual coef"),
        ("--model=xgboost --reg_lambda=1e300", "cannot be fitted with these hyperparameters: Out of range value"),
    ],
)
def test_values_that_the_data_refuse_end_the_run_as_failed_with_a_sentence(
    offline: Path, capsys: pytest.CaptureFixture[str], argv: str, sentence: str
) -> None:
    assert train_from_argv(argv.split()) == 1
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1
    assert read_offline_run(offline).exit_code == 1


def test_wandbs_own_file_of_defaults_beats_ours_and_loses_to_the_command_line(offline: Path) -> None:
    content = {"n_estimators": {"value": 7}, "criterion": {"value": "entropy"}, "unrelated": {"value": 1}}
    (offline / "config-defaults.yaml").write_text(yaml.safe_dump(content))
    run = train(offline, "--criterion=log_loss", "--dataset=iris")
    assert run.history[-1]["trees"] == 7
    assert (run.config["criterion"], run.config["n_estimators"], run.config["unrelated"]) == ("log_loss", 7, 1)


def test_the_text_none_of_a_sweep_is_none_for_the_model_and_unchanged_in_the_config(
    offline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep_parameters(offline, monkeypatch, {"max_depth": "None", "n_estimators": 5})
    run = train(offline, "--max_depth=None", "--n_estimators=5")
    assert run.config["max_depth"] == "None"
    assert run.config["n_estimators"] == 5


def test_a_csv_file_with_categories_and_gaps_trains_and_its_artifact_predicts_from_the_raw_table(
    offline: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["size;colour;kind"]
    for i in range(60):
        kind = "" if i == 7 else "ripe" if i % 2 else "raw"
        lines.append(f"{'' if i % 9 == 0 else i % 2 * 5 + i / 100};{'red' if i % 2 else 'green'};{kind}")
    (offline / "fruit.csv").write_text("\n".join(lines))
    monkeypatch.setenv("WANDB_DATA_DIR", str(offline / "staging"))
    run = train(offline, "--dataset=fruit.csv", "--target=kind", "--model=logistic_regression", "--log_model=true")
    assert run.summary["accuracy"] == 1.0
    model = next(loaded for loaded in map(joblib_object, offline.glob("staging/**/*")) if hasattr(loaded, "predict"))
    table = pd.DataFrame({"size": [None, 5.1], "colour": ["green", "red"]})
    assert list(model.predict(table)) == [0, 1]  # raw, ripe
    assert run.config["target"] == "kind"
    assert "1 rows without a target left out" in capsys.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_request_ends_the_run_at_the_next_step_with_its_summary(tmp_path: Path, number: signal.Signals) -> None:
    import os

    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from trainer.training.command import train_from_argv; sys.exit(train_from_argv(sys.argv[1:]))",
            *"--dataset digits --model gradient_boosting --n_estimators 5000 --log_every 1".split(),
        ],
        env=os.environ | {"WANDB_MODE": "offline", "WANDB_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("stages"):
            process.send_signal(number)
            break
    rest = process.stdout.read()
    assert process.wait(timeout=60) == 128 + number
    assert "Stopped as asked, after " in rest
    run = read_offline_run(tmp_path)
    assert run.exit_code == 255
    assert run.summary["best_accuracy"] >= run.history[0]["accuracy"]
    assert len(run.history) < 100


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ("--model random_forst", "Did you mean random_forest?"),
        ("--n_estimator 3", "Did you mean n_estimators?"),
        ("--model svm --n_estimators 3", "svm has no hyperparameter 'n_estimators'. Valid are C, kernel,"),
        ("--n_estimators 0", "n_estimators=0 cannot be used. Give a whole number from 1."),
        ("--n_estimators", "n_estimators=true cannot be used."),
        ("--dataset wien", "Did you mean wine?"),
        ("--dataset missing.csv --target x", "The CSV file missing.csv does not exist."),
        ("--dataset data.csv", "data.csv needs a column to predict. Give --target, one of size, kind."),
        ("--dataset data.csv --target knid", "data.csv has no column 'knid'. Did you mean kind?"),
        ("--target kind", "--target kind does not fit the built-in data set wine."),
        ("surprise", "Argument 'surprise' is not understood."),
        ("--optimizer={'lr':", "The value of --optimizer is not a mapping"),
        ("", "No W&B server is configured for this run."),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argv: str,
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text("size,kind\n1,a\n2,b\n")
    assert train_from_argv(argv.split()) == 2
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert printed.err.startswith("error: ") and printed.err.count("\n") == 1
    assert printed.out == ""
    assert not (tmp_path / "wandb").exists()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("WANDB_MODE", "ofline", "WANDB_MODE=ofline is not a mode of wandb. Set it to online, offline or disabled."),
        ("WANDB_BASE_URL", "nonsense", "'nonsense' is not a server. Set WANDB_BASE_URL to a URL"),
        ("WANDB_BASE_URL", "http://127.0.0.1:9", "No API key is known for http://127.0.0.1:9. Run `wandb login"),
        ("WANDB_SWEEP_PARAM_PATH", "/", "The sweep's parameter file / cannot be read"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_sentence_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)
    assert train_from_argv([]) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1


def test_what_wandb_offline_stored_needs_no_server(offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_MODE")
    (offline / "wandb").mkdir()
    (offline / "wandb" / "settings").write_text("[default]\nmode = offline\n")
    assert train(offline, "--n_estimators=2").project == "wine-quality-dev"


def test_a_run_in_a_thread_of_a_function_agent_works_without_signal_handlers(offline: Path) -> None:
    with ThreadPoolExecutor(1) as executor:
        assert executor.submit(train_from_argv, ["--n_estimators=2"]).result() == 0
    assert read_offline_run(offline).exit_code == 0


def test_bad_input_and_help_are_answered_before_anything_heavy_is_imported(tmp_path: Path) -> None:
    program = (
        "import sys; from trainer.training.command import train_from_argv;"
        "codes = train_from_argv(['--n_estimators=x']), train_from_argv(['--help']);"
        "print(codes, sorted({'wandb', 'sklearn', 'numpy', 'pandas', 'xgboost'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "(2, 0) []"
    assert "logistic_regression: " in done.stdout and "--hidden_units" in done.stdout


def test_a_model_too_large_for_memory_is_one_sentence(
    offline: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from sklearn.ensemble import RandomForestClassifier

    def too_large(*_: object) -> None:
        raise MemoryError("Unable to allocate 32.0 GiB")

    monkeypatch.setattr(RandomForestClassifier, "fit", too_large)
    assert train_from_argv([]) == 1
    error = capsys.readouterr().err
    assert "does not fit into memory: Unable to allocate 32.0 GiB." in error and error.count("\n") == 1
    assert read_offline_run(offline).exit_code == 1


def test_members_of_a_joint_parameter_are_hyperparameters_and_its_value_stays_as_the_server_gave_it(
    offline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, value = "joint__n_estimators__forest_max_depth", {"n_estimators": 4, "forest": {"max_depth": 2}}
    sweep_parameters(offline, monkeypatch, {"dataset": "iris", "model": "random_forest", name: value})
    run = train(offline, "--dataset=iris", "--model=random_forest", f"--{name}={value}")
    assert run.exit_code == 0
    assert run.config[name] == value
    assert (run.config["n_estimators"], run.config["max_depth"]) == (4, 2)
