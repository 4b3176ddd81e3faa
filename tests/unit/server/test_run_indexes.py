"""What each heartbeat asks is answered from an index, however many runs its sweep has."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from tests.unit.server.conftest import Desk
from trainer.server.tables import runs


@pytest.mark.parametrize(
    "ask",
    [
        lambda connection: runs.waiting_of_sweep(connection, 1, "s"),
        lambda connection: runs.unfinished_of_sweep(connection, 1, "s"),
        lambda connection: runs.any_running_of_sweep(connection, 1, "s"),
    ],
)
def test_runs_of_a_state_are_found_by_it(desk: Desk, ask: Callable[[sqlite3.Connection], object]) -> None:
    statements: list[str] = []
    connection = desk.server.store.reader
    connection.set_trace_callback(statements.append)
    ask(connection)
    connection.set_trace_callback(None)
    plan = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {statements[0]}")]
    assert any("runs_by_sweep_state (project_id=? AND sweep=? AND state=?)" in step for step in plan), plan
