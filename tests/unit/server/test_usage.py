"""How much a data folder holds: measured, or estimated where measuring would take minutes."""

from __future__ import annotations

import pytest

from tests.unit.server.conftest import Desk
from trainer.server import usage
from trainer.server.usage import read_usage


def test_rows_of_a_large_database_are_estimated_and_of_a_small_one_measured(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        name, lines = f"r{number}", 5 + 200 * (number % 20 == 3)
        desk.upsert_run(name)
        desk.log(name, *({"_step": step, "note": "x" * (50 + number)} for step in range(lines)))
        desk.stream(name, files={"output.log": {"offset": 0, "content": ["y" * 30] * lines}})
    measured = read_usage(desk.folder)
    assert not measured.are_rows_estimated
    (exact,) = measured.projects
    assert exact.row_bytes > 900 * 100
    monkeypatch.setattr(usage, "LARGE_DATABASE", 0)
    monkeypatch.setattr(usage, "_SAMPLED_LINES", 10)
    estimated = read_usage(desk.folder)
    assert estimated.are_rows_estimated
    (about,) = estimated.projects
    assert about.rows == exact.rows
    assert about.row_bytes == pytest.approx(exact.row_bytes, rel=0.2)
    assert read_usage(desk.folder, with_rows=False).are_rows_estimated is False
