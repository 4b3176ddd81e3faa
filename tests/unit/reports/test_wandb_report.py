"""What a W&B Report is asked to hold; `tests/contract/test_reports.py` has it written."""

from __future__ import annotations

import sys

import pytest
from click.testing import CliRunner

from trainer.commands.reporting import report
from trainer.errors import InputError, MissingPackageError
from trainer.records import Json, RunRecord
from trainer.reports.wandb_report import other_metrics, report_title
from trainer.states import RunState


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("wine", "wine abc"),
        ("a/b\\c?d#e%f&g", "a b c d e f g abc"),
        ("abc", "Sweep abc"),
        (" / ", "Sweep abc"),
        ("x" * 500, "x" * 117 + " abc"),
    ],
)
def test_a_title_is_what_may_stand_in_an_address(name: str, title: str) -> None:
    assert report_title(name, "abc") == title


def test_further_plots_are_of_numbers_that_most_runs_have() -> None:
    summaries: list[dict[str, Json]] = [
        {"acc": 1, "loss": 2.0, "done": True, "text": "x"},
        {"acc": 1, "loss": 1, "rare": 0},
    ]
    runs = [RunRecord(str(n), str(n), RunState.FINISHED, summary=each) for n, each in enumerate(summaries)]
    assert other_metrics(runs, "acc") == ["loss", "rare"]


def test_what_cannot_be_is_said_before_the_sweep_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def problem(*options: str) -> BaseException | None:
        return CliRunner().invoke(report, ["none", *options]).exception

    assert isinstance(problem("--wandb", "-o", "x.md"), InputError)
    assert isinstance(problem("--new"), InputError)
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    missing = problem("--wandb")
    assert isinstance(missing, MissingPackageError)
    assert "pip install 'sweep-tui[reports]'" in missing.hint
