"""What runs took is remembered per program, folder and interpreter."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainer.paths import state_dir
from trainer.records import Json
from trainer.run_times import known_run_time, recall, remember
from trainer.search.cost import RunTime
from trainer.settings import ServerKind, Settings

CONFIG: dict[str, Json] = {"program": "train.py", "parameters": {"lr": {"value": 1}}}
TOOK = RunTime(2.5, 2.0, 3.0, 1, "a trial", 100.0, step_seconds=0.5)


def test_a_program_is_known_again_with_other_parameters_but_not_in_another_folder(tmp_path: Path) -> None:
    remember(CONFIG, tmp_path, TOOK)
    assert recall({"program": "train.py", "parameters": {"lr": {"value": 2}}}, tmp_path) == TOOK
    assert known_run_time(CONFIG, tmp_path, Settings(ServerKind.EMBEDDED, "")) == TOOK
    assert recall(CONFIG, tmp_path / "other") is None
    assert recall({"program": "other.py"}, tmp_path) is None


def test_another_interpreter_is_another_program(tmp_path: Path) -> None:
    remember(CONFIG, tmp_path, TOOK)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    assert recall(CONFIG, tmp_path) is None


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"version": 1, "run_times": {"x": 3}}', '{"version": 9}'])
def test_a_file_that_is_not_ours_is_written_anew(tmp_path: Path, text: str) -> None:
    path = state_dir() / "run-times.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert recall(CONFIG, tmp_path) is None
    remember(CONFIG, tmp_path, TOOK)
    assert recall(CONFIG, tmp_path) == TOOK


def test_old_entries_make_room(tmp_path: Path) -> None:
    for number in range(203):
        remember({"program": f"{number}.py"}, tmp_path, RunTime(1, 1, 1, 1, "a trial", float(number)))
    assert recall({"program": "0.py"}, tmp_path) is None
    assert recall({"program": "202.py"}, tmp_path) is not None
