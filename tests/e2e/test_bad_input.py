"""Whatever is wrong with the input: one clear sentence, exit code 2, nothing created, no traceback."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tests.e2e.conftest import User

GOOD = "program: train.py\nmethod: grid\nparameters:\n  a: {values: [1, 2]}\n"

FILES = {
    "broken.yaml": ("method: grid\nparameters:\n  a: [1, 2\n", ["line", "column"]),
    "unknown_key.yaml": (GOOD.replace("method", "metod"), ["metod", "method"]),
    "unknown_parameter_key.yaml": (GOOD.replace("values", "valeus"), ["valeus", "values"]),
    "no_program.yaml": (GOOD, ["train.py"]),
    "empty.yaml": ("", ["empty"]),
    "a_list.yaml": ("- 1\n- 2\n", ["a list"]),
    "grid_over_continuous.yaml": (GOOD.replace("{values: [1, 2]}", "{min: 0.0, max: 1.0}"), ["parameters.a"]),
}


@pytest.mark.parametrize("name", FILES)
def test_unusable_files(user: User, tmp_path: Path, name: str) -> None:
    text, expected = FILES[name]
    (tmp_path / name).write_text(text)

    result = user.run("run", name, "--headless", cwd=tmp_path)

    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    assert all(word in result.stderr for word in expected), result.stderr
    assert not (user.home / ".local/share/sweep-tui").exists(), "nothing may be started or created"


def test_missing_file(user: User) -> None:
    result = user.run("run", "nowhere.yaml")
    assert result.returncode == 2
    assert "nowhere.yaml" in result.stderr and "Traceback" not in result.stderr


def test_check_reports_every_problem_as_json(user: User, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        "method: bayes\nruncap: 3\nparameters:\n"
        "  lr: {min: 1, max: 0.1}\n  n: {parameters: {k: {distribution: uniform}}}\n"
    )
    result = user.run("check", tmp_path / "bad.yaml", "--json")
    assert result.returncode == 2
    problems = json.loads(result.stdout)
    assert {"path", "message", "hint", "line"} <= set(problems[0])
    paths = {problem["path"] for problem in problems}
    assert any(path.startswith("metric") for path in paths)
    assert any(path.startswith("parameters.lr") for path in paths)
    assert any("parameters.n.parameters.k" in path for path in paths)
    assert any(path == "runcap" for path in paths)


def test_taken_port(user: User) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = user.run("serve", "--port", str(port))
    assert result.returncode == 2
    assert str(port) in result.stderr and "Traceback" not in result.stderr


def test_wrong_key(user: User) -> None:
    url = next(
        line.split("=", 1)[1]
        for line in user.run("env").stdout.splitlines()
        if line.startswith("export WANDB_BASE_URL")
    )
    result = user.run("leaderboard", "p/abc", "--server", url, environ={"WANDB_API_KEY": "x" * 40})
    assert result.returncode == 2
    assert "key" in result.stderr and "Traceback" not in result.stderr and "x" * 40 not in result.stderr


def test_unreachable_server(user: User) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    result = user.run("run", "sweeps/wine-grid.yaml", "--server", url, environ={"WANDB_API_KEY": "x" * 40})
    assert result.returncode == 1
    assert url in result.stderr and "Traceback" not in result.stderr


def test_unknown_sweep(user: User) -> None:
    result = user.run("leaderboard", "p/nothere")
    assert result.returncode == 2
    assert "nothere" in result.stderr and "Traceback" not in result.stderr


def test_no_terminal(user: User) -> None:
    result = user.run()
    assert result.returncode == 2
    assert "terminal" in result.stderr and "Traceback" not in result.stderr


def test_tiny_terminal(user: User) -> None:
    with user.open(columns=20, rows=5) as terminal:
        assert terminal.wait() == 2
        assert "20×5; the app needs 40×10" in terminal.text.replace("\n", "")


def test_unwritable_report(user: User, tmp_path: Path) -> None:
    result = user.run("run", "sweeps/wine-grid.yaml", "--json", tmp_path / "no" / "out.json")
    assert result.returncode == 2
    assert "out.json" in result.stderr
    assert not (user.home / ".local/share/sweep-tui").exists()
