"""Failed points are run again, each once: real programs with the real SDK, the real command line, a real server."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.tracking_server import GRID, connect_to, log_rows, start_run
from trainer.agents.pool import live_hosts, start_agents
from trainer.errors import InputError, ServerError
from trainer.paths import server_dir
from trainer.records import Json, SweepRecord
from trainer.server.lifecycle import stop_server
from trainer.settings import ServerKind
from trainer.states import AgentState, RunState, SweepState
from trainer.sweep.space import SearchSpace
from trainer.tracking.client import ENQUEUE_FEATURE
from trainer.tracking.points import Account
from trainer.tracking.retry import _alone, read_account, retry_failed
from trainer.tracking.wandb_client import WandbClient

FAILS_ONCE = """
import argparse, pathlib, wandb
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=int)
parser.add_argument("--y", type=int, default=0)
arguments = parser.parse_args()
with wandb.init() as run:
    mark = pathlib.Path(f"tried-{arguments.x}-{arguments.y}")
    if (arguments.x, arguments.y) in [(1, 2), (2, 1)] and not mark.exists():
        mark.touch()
        raise SystemExit("out of luck")
    run.log({"acc": arguments.x * 10 + arguments.y})
"""
QUICK = "print('done')"
SQUARE: dict[str, Json] = {**GRID, "parameters": {"x": {"values": [1, 2]}, "y": {"values": [1, 2]}}}


@pytest.fixture
def client(isolated_home: Path, tmp_path: Path) -> Iterator[WandbClient]:
    """Return a client of the user's own embedded server, which the command line finds too."""
    (tmp_path / "train.py").write_text(FAILS_ONCE)
    yield WandbClient(connect_to(server_dir()))
    for host in live_hosts():
        for _ in range(3):
            host.request_stop()
        assert host.wait(20)
    stop_server(server_dir())


def command(tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    """Run a command as a user does; return its exit code and what it wrote to stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "trainer", *arguments],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}, capture_output=True, text=True,
        timeout=90, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def account_of(client: WandbClient, sweep: SweepRecord) -> Account:
    return read_account(client, client.read_sweep(sweep.reference))[0]


def work_through(client: WandbClient, sweep: SweepRecord, tmp_path: Path, slots: int = 2) -> None:
    """Have agents do what a sweep hands out."""
    assert start_agents(client.connection, sweep, slots, cwd=tmp_path).wait(60)
    assert client.read_sweep(sweep.reference).state is SweepState.FINISHED


def failed_grid(client: WandbClient, config: dict[str, Json], failed: list[dict[str, Json]]) -> SweepRecord:
    """Return a finished grid with runs made by hand, those of the points `failed` failed."""
    sweep = client.create_sweep(config, client.connection.entity, "retries")
    for number, point in enumerate(SearchSpace.from_config(config).points()):
        run_id = f"{sweep.reference.id}-{number}"
        start_run(client, sweep, run_id, point)
        log_rows(client, sweep, run_id, [{"acc": number}], exit_code=1 if point in failed else 0)
    client.set_sweep_state(sweep.reference, SweepState.FINISHED)
    return sweep


def test_the_failed_points_of_a_grid_are_run_again_in_it_and_each_is_finished_once(
    client: WandbClient, tmp_path: Path
) -> None:
    sweep = client.create_sweep(SQUARE, client.connection.entity, "retries")
    work_through(client, sweep, tmp_path)
    before = account_of(client, sweep)
    assert (before.finished, [point.config for point in before.failed]) == (2, [{"x": 1, "y": 2}, {"x": 2, "y": 1}])

    code, _, said = command(tmp_path, "agent", str(sweep.reference), "--retry-failed", "--dry-run")
    assert (code, "2 failed points: 2 would be run again." in said) == (0, True), said
    assert client.read_sweep(sweep.reference).state is SweepState.FINISHED
    code, _, said = command(tmp_path, "agent", str(sweep.reference), "--retry-failed", "-a", "2")
    assert (code, "2 failed points: 2 enqueued again." in said) == (0, True), said

    after = account_of(client, sweep)
    assert (after.finished, after.failed, after.duplicates, after.holes) == (4, [], [], 0)
    ended = client.read_sweep(sweep.reference)
    assert (ended.state, ended.run_count, ended.run_count_expected, ended.best_value) == (
        SweepState.FINISHED, 6, 4, 22.0
    )  # fmt: skip
    code, _, said = command(tmp_path, "agent", str(sweep.reference), "--retry-failed")
    assert code == 0 and "2 failed points: 2 already finished by another run." in said, said
    code, told, _ = command(tmp_path, "points", str(sweep.reference), "--json")
    assert {name: json.loads(told)[name] for name in ("expected", "finished", "failed", "duplicates")} == {
        "expected": 4, "finished": 4, "failed": [], "duplicates": []
    }  # fmt: skip
    assert client.read_sweep(sweep.reference).run_count == 6


def test_points_that_a_fork_does_not_run_again_are_no_holes_of_it(client: WandbClient, tmp_path: Path) -> None:
    source = failed_grid(client, SQUARE, [{"x": 1, "y": 2}, {"x": 2, "y": 1}])
    ids = [run.id for run in client.read_runs(source)]
    fork = client.create_sweep({**SQUARE, "name": "fork"}, client.connection.entity, "retries", ids)
    assert [run.id for run in client.read_prior_runs(fork.reference)] == [ids[0], ids[3]], "the failed ones are not"
    assert account_of(client, fork).untried == 2

    for number, point in enumerate([{"x": 1, "y": 2}, {"x": 2, "y": 1}]):
        start_run(client, fork, f"fork-{number}", point)
        log_rows(client, fork, f"fork-{number}", [{"acc": number}], exit_code=0)
    client.set_sweep_state(fork.reference, SweepState.FINISHED)
    found = account_of(client, fork)
    assert (found.expected, found.finished, found.holes, found.duplicates, found.foreign) == (4, 4, 0, [], ())
    report = retry_failed(client, fork, include_holes=True, can_enqueue=False)
    assert (report.wanted, report.fillers, report.is_resumed) == ((), (), False)
    code, told, _ = command(tmp_path, "points", str(fork.reference))
    assert (code, "never run" in told) == (0, False), told


def test_a_server_that_takes_no_runs_gets_sweeps_of_the_missing_points_and_asks_once(
    client: WandbClient, tmp_path: Path
) -> None:
    sweep = failed_grid(client, SQUARE, [{"x": 1, "y": 2}, {"x": 2, "y": 1}])
    for mark in ("tried-1-2", "tried-2-1"):
        (tmp_path / mark).touch()
    report = retry_failed(client, sweep, can_enqueue=False)
    assert [filler.name for filler in report.fillers] == ["tiny (missing points 1/2)", "tiny (missing points 2/2)"]
    assert (report.enqueued, report.to_work_on) == ((), tuple(filler.reference for filler in report.fillers))
    again = retry_failed(client, sweep, can_enqueue=False)
    assert (again.wanted, again.fillers, again.to_work_on) == ((), (), report.to_work_on[::-1]), "they are awaited"
    for filler in report.fillers:
        work_through(client, filler, tmp_path, slots=1)
    assert (account_of(client, sweep).finished, client.read_sweep(sweep.reference).run_count) == (4, 4)
    assert not retry_failed(client, sweep, can_enqueue=False).to_work_on
    code, told, _ = command(tmp_path, "points", str(sweep.reference))
    assert code == 0 and "finished    4\n" in told and told.count("(missing points") == 2, told
    code, told, said = command(tmp_path, "leaderboard", str(sweep.reference), "--format", "json")
    assert code == 0 and said.count("With 1 run of tiny (missing points") == 2, said
    finished = [row for row in json.loads(told) if row["state"] == "finished"]
    assert len(finished) == 4, told


def test_retries_are_asked_for_once_and_take_no_share_of_run_cap(client: WandbClient, tmp_path: Path) -> None:
    assert ENQUEUE_FEATURE in client.server_features()
    config: dict[str, Json] = {**GRID, "run_cap": 3, "parameters": {"x": {"values": [1, 2, 3, 4]}}}
    sweep = client.create_sweep(config, client.connection.entity, "retries")
    for x, code in ((1, 1), (2, 0)):
        start_run(client, sweep, f"by-hand-{x}", {"x": x})
        log_rows(client, sweep, f"by-hand-{x}", [{"acc": x}], exit_code=code)
    first = retry_failed(client, sweep)
    assert (len(first.enqueued), first.is_resumed, first.fillers) == (1, False, ())
    assert retry_failed(client, sweep).wanted == ()
    work_through(client, sweep, tmp_path, slots=1)
    assert [(run.config["x"], run.state) for run in client.read_runs(sweep)] == [
        (1, RunState.FAILED), (2, RunState.FINISHED), (1, RunState.FINISHED), (3, RunState.FINISHED)
    ]  # fmt: skip
    found = account_of(client, sweep)
    assert (found.expected, found.finished, found.holes) == (3, 3, 0)


def test_killed_points_and_holes_only_when_asked_and_a_stopped_sweep_stays_stopped(client: WandbClient) -> None:
    config: dict[str, Json] = {**GRID, "parameters": {"x": {"values": [1, 2, 3, 4]}}}
    sweep = client.create_sweep(config, client.connection.entity, "retries")
    for x, code in ((1, 1), (2, 0), (3, None)):
        start_run(client, sweep, f"part-{x}", {"x": x})
        log_rows(client, sweep, f"part-{x}", [{"acc": x}], exit_code=code)
    client.stop_run(sweep.reference.entity, sweep.reference.project, "part-3")
    log_rows(client, sweep, "part-3", [{"acc": 3}], offset=1, exit_code=255)
    client.set_sweep_state(sweep.reference, SweepState.FINISHED)
    found = account_of(client, sweep)
    assert (found.finished, len(found.failed), len(found.killed), found.holes) == (1, 1, 1, 1)
    told = "\n".join(retry_failed(client, sweep, dry_run=True).lines())
    assert "1 killed point: left alone" in told and "1 point never handed out: left alone" in told, told
    report = retry_failed(client, sweep)
    assert "resumed it would hand out other points too" in report.filler_reason
    assert client.read_sweep(sweep.reference).state is SweepState.FINISHED
    (filler,) = report.fillers
    assert filler.config["parameters"] == {"x": {"value": 1}}
    whole = retry_failed(client, sweep, include_killed=True, include_holes=True)
    assert (len(whole.enqueued), whole.is_resumed, whole.fillers) == (1, True, ())
    assert client.read_sweep(sweep.reference).state is SweepState.RUNNING


def test_a_sweep_that_ends_again_before_it_is_given_its_runs_is_resumed_again(client: WandbClient) -> None:
    sweep = failed_grid(client, GRID, [{"x": 2}])
    with pytest.raises(ServerError, match="FINISHED"):
        client.enqueue_run(sweep.reference, {"x": 2})

    class Racing(WandbClient):
        """Has another agent end the sweep once, right before a run is enqueued."""

        raced = False

        def enqueue_run(self, reference: object, config: object) -> str:
            if not self.raced:
                self.raced = True
                agent = super().create_agent(sweep.reference, "elsewhere")
                assert [order.type for order in super().heartbeat(agent, [])] == ["exit"]
            return super().enqueue_run(reference, config)  # type: ignore[arg-type]

    report = retry_failed(Racing(client.connection), sweep)
    assert (len(report.enqueued), report.fillers) == (1, ())
    (point,) = [point for point in account_of(client, sweep).points if point.live]
    assert point.config == {"x": 2}


def test_what_resuming_would_not_do_or_overdo_is_done_in_sweeps_of_single_points(client: WandbClient) -> None:
    lr: dict[str, Json] = {"min": 0.0, "max": 1.0}
    endless: dict[str, Json] = {**GRID, "method": "random", "parameters": {"lr": lr, "c": {"value": 3}}}
    led: dict[str, Json] = {**GRID, "method": "custom", "run_cap": 2, "parameters": {"lr": lr}}
    for config, over, why in ((endless, True, "other points too"), (led, False, "run_cap")):
        sweep = client.create_sweep(config, client.connection.entity, "retries")
        start_run(client, sweep, f"{sweep.reference.id}-a", {"lr": 0.25, "c": 3, "made": "here"})
        log_rows(client, sweep, f"{sweep.reference.id}-a", [{"acc": 1}], exit_code=1)
        if over:
            client.set_sweep_state(sweep.reference, SweepState.FINISHED)
        with _alone(client, sweep.reference), pytest.raises(InputError, match="another command"):
            retry_failed(client, sweep)
        report = retry_failed(client, sweep)
        assert why in report.filler_reason and report.enqueued == ()
        (filler,) = report.fillers
        assert list(SearchSpace.from_config(filler.config).points()) == [
            {"c": 3, "lr": 0.25} if config is endless else {"lr": 0.25}
        ]
        assert retry_failed(client, sweep).wanted == ()


def test_a_point_handed_out_twice_by_another_server_is_run_once_unless_its_results_are_lost(
    client: WandbClient, tmp_path: Path
) -> None:
    foreign = dataclasses.replace(client.connection, kind=ServerKind.SELF_HOSTED)
    started = {}
    for name, source in (("kept", FAILS_ONCE), ("lost", QUICK)):
        (tmp_path / f"{name}.py").write_text(source)
        config: dict[str, Json] = {**GRID, "program": f"{name}.py", "parameters": {"x": {"values": [1]}}}
        sweep = client.create_sweep(config, client.connection.entity, "retries")
        runs = [client.enqueue_run(sweep.reference, {"x": 1}) for _ in range(2)]
        started[name] = (start_agents(foreign, sweep, 1, cwd=tmp_path, fresh=True), runs)

    def told(name: str, kind: str) -> list[str]:
        lines = (started[name][0].directory / "events.jsonl").read_text().splitlines()
        return [event["run_id"] for event in map(json.loads, lines) if event["event"] == kind]

    for host, _ in started.values():
        assert host.wait(60)
        assert host.agents()[0].state is AgentState.STOPPED
    _, (first, second) = started["kept"]
    assert (told("kept", "run_started"), set(told("kept", "duplicate_skipped"))) == ([first], {second})
    assert client.read_run(client.connection.entity, "retries", second).state.is_terminal
    assert (told("lost", "run_started"), told("lost", "point_reopened")) == (started["lost"][1], started["lost"][1][1:])
