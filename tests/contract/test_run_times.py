"""What earlier runs of a program took, as the embedded server tells it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.tracking_server import GRID, connect_to, log_rows, start_run
from trainer.records import Json
from trainer.server.lifecycle import stop_server
from trainer.tracking.run_times import earlier_run_time
from trainer.tracking.wandb_client import WandbClient


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WandbClient]:
    data_dir = tmp_path_factory.mktemp("server")
    yield WandbClient(connect_to(data_dir))
    stop_server(data_dir)


def test_finished_runs_of_the_same_program_tell_what_one_takes(client: WandbClient) -> None:
    entity = client.connection.entity
    assert earlier_run_time(client, GRID, "", "nowhere") is None
    sweep = client.create_sweep(GRID, entity, "durations")
    assert earlier_run_time(client, GRID, entity, "durations") is None
    for number, seconds in enumerate([3.0, 5.0, 40.0]):
        start_run(client, sweep, f"r{number}", {"x": number})
        log_rows(client, sweep, f"r{number}", [{"acc": 0.5, "_runtime": seconds}], exit_code=0)
    start_run(client, sweep, "failed", {"x": 1})
    log_rows(client, sweep, "failed", [{"acc": 0.5, "_runtime": 900.0}], exit_code=1)
    start_run(client, sweep, "alive", {"x": 1})
    log_rows(client, sweep, "alive", [{"acc": 0.5, "_runtime": 800.0}])

    same: dict[str, Json] = {**GRID, "method": "random", "command": ["${interpreter}", "${program}", "${args_json}"]}
    found = earlier_run_time(client, same, "", "durations")
    assert found is not None
    assert (found.seconds, found.low, found.high, found.count) == (5.0, 4.0, 22.5, 3)
    assert earlier_run_time(client, {**GRID, "program": "other.py"}, "", "durations") is None
