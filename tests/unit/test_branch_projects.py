from __future__ import annotations

from pathlib import Path

import pytest

from trainer.branch_projects import project_for
from trainer.errors import InputError

PYPROJECT = '[tool.sweep-tui.projects]\nmain = "prod"\n"release/*" = "staging"\n"*" = "dev"\n'


def test_the_first_pattern_that_a_branch_matches_counts(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    for branch, project in {"main": "prod", "release/1": "staging", "topic": "dev", "Main": "dev"}.items():
        assert project_for(branch, "method: grid\n", "s.yaml", below) == project


def test_a_sweep_file_s_own_mapping_wins_where_it_says_something(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    text = 'method: grid\n#: projects: {main: mine, "feature/*": "trial runs"}\n'
    assert project_for("main", text, "s.yaml", tmp_path) == "mine"
    assert project_for("feature/x", text, "s.yaml", tmp_path) == "trial runs"
    assert project_for("topic", text, "s.yaml", tmp_path) == "dev"


def test_without_a_mapping_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert project_for("main", "method: grid\n", "s.yaml", tmp_path) is None


@pytest.mark.parametrize(
    ("note", "place"),
    [
        ("[main]", "s.yaml:2: projects"),
        ("{main: 3}", "'main': 3"),
        ("{main: a/b}", "'a/b'"),
        ("{main: [", "no mapping"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_told_with_its_place(tmp_path: Path, note: str, place: str) -> None:
    with pytest.raises(InputError) as caught:
        project_for("main", f"method: grid\n#: projects: {note}\n", "s.yaml", tmp_path)
    assert place in str(caught.value) and "main: my-prod" in caught.value.hint


def test_a_broken_pyproject_is_told(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool\n")
    with pytest.raises(InputError, match=r"pyproject.toml cannot be read"):
        project_for("main", "", "s.yaml", tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.sweep-tui]\nprojects = 'prod'\n")
    with pytest.raises(InputError, match=r"\[tool.sweep-tui.projects\]: 'prod' is no mapping"):
        project_for("main", "", "s.yaml", tmp_path)
