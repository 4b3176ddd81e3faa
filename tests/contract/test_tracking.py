"""The contract of `TrackingClient`, against the embedded server."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.contract.tracking_server import GRID, connect_to, log_rows, start_run
from trainer.errors import AuthenticationError, InputError, NotFoundError
from trainer.events import RunsChanged, ServerBack, ServerLost, SweepChanged
from trainer.records import ConsolePage, Json, Metric, SweepRecord, SweepReference
from trainer.server.lifecycle import stop_server
from trainer.states import RunState, SweepState
from trainer.tracking.client import TrackingClient
from trainer.tracking.follow import follow_sweep
from trainer.tracking.references import find_sweep_reference
from trainer.tracking.transport import GraphQLTransport
from trainer.tracking.wandb_client import WandbClient


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WandbClient]:
    data_dir = tmp_path_factory.mktemp("server")
    yield WandbClient(connect_to(data_dir))
    stop_server(data_dir)


@pytest.fixture
def sweep(client: WandbClient, request: pytest.FixtureRequest) -> SweepRecord:
    return client.create_sweep(GRID, client.connection.entity, f"p-{abs(hash(request.node.name))}")


def test_the_client_is_a_tracking_client(client: WandbClient) -> None:
    typed: TrackingClient = client
    assert typed.default_entity() == client.connection.entity


def test_a_sweep_reads_back_as_created(client: WandbClient, sweep: SweepRecord) -> None:
    assert client.read_sweep(sweep.reference) == sweep
    assert (sweep.name, sweep.method, sweep.metric) == ("tiny", "grid", Metric("acc", "maximize"))
    assert sweep.config["parameters"] == GRID["parameters"]
    assert sweep.run_count_expected == 3
    assert sweep.state in (SweepState.PENDING, SweepState.RUNNING)
    assert sweep.url.endswith(f"/{sweep.reference.project}/sweeps/{sweep.reference.id}")


def test_sweeps_are_listed_newest_first_by_project_and_over_all(client: WandbClient, sweep: SweepRecord) -> None:
    second = client.create_sweep(GRID, sweep.reference.entity, sweep.reference.project)
    listed = [record.reference for record in client.list_sweeps(sweep.reference.project)]
    assert listed == [second.reference, sweep.reference]
    assert client.list_sweeps()[0].reference == second.reference
    assert len(client.list_sweeps(limit=1)) == 1


@pytest.mark.parametrize("is_one_project", [True, False])
def test_what_changed_of_listed_sweeps_is_asked_for_alone(
    client: WandbClient, sweep: SweepRecord, is_one_project: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    entity, project = sweep.reference.entity, sweep.reference.project
    ended = client.create_sweep(GRID, entity, project)
    client.set_sweep_state(ended.reference, SweepState.FINISHED)
    where = project if is_one_project else None
    known = [listed for listed in client.list_sweeps(project) if listed.reference.project == project]
    assert [listed.reference for listed in known] == [ended.reference, sweep.reference]
    newer = client.create_sweep(GRID, entity, project)
    client.set_sweep_state(sweep.reference, SweepState.PAUSED)
    asked: list[str] = []
    execute = GraphQLTransport.execute

    def counted(self: GraphQLTransport, document: str, *given: Any, **options: Any) -> dict[str, Any]:
        asked.append(document)
        return execute(self, document, *given, **options)

    client.changed_sweeps(known, where)
    monkeypatch.setattr(GraphQLTransport, "execute", counted)
    changed = client.changed_sweeps(known, where)
    assert changed is not None and len(asked) == 1
    mine = [each for each in changed if each.reference.project == project]
    assert [(each.reference.id, each.state) for each in mine] == [
        (newer.reference.id, newer.state),
        (ended.reference.id, SweepState.FINISHED),
        (sweep.reference.id, SweepState.PAUSED),
    ]
    gone = replace(known[1], reference=SweepReference(entity, project, "deleted"), state=SweepState.RUNNING)
    after = client.changed_sweeps([*known, gone], where)
    assert after is not None and gone.reference not in [each.reference for each in after]
    assert client.changed_sweeps([], where) is None


def test_a_bare_id_is_found_however_many_sweeps_are_newer(client: WandbClient, sweep: SweepRecord) -> None:
    made = "upsertSweep(input: {projectName: $p, config: $c}) { sweep { name } }"
    fields = " ".join(f"s{number}: {made}" for number in range(67))
    variables = {"p": sweep.reference.project, "c": json.dumps(GRID)}
    document = f"mutation S($p: String!, $c: String!) {{ {fields} }}"
    answers = [GraphQLTransport(client.connection, 60).execute(document, variables) for _ in range(3)]
    assert len({field["sweep"]["name"] for created in answers for field in created.values()}) == 201
    assert sweep.reference not in [listed.reference for listed in client.list_sweeps()]
    assert find_sweep_reference(client, sweep.reference.id) == sweep.reference
    with pytest.raises(NotFoundError, match="nothere"):
        find_sweep_reference(client, "nothere")


def test_what_does_not_exist_is_said(client: WandbClient, sweep: SweepRecord) -> None:
    reference = sweep.reference
    missing = SweepReference(reference.entity, reference.project, "nothere")
    for ask in (
        lambda: client.read_sweep(missing),
        lambda: client.poll_sweep(missing),
        lambda: client.read_run(reference.entity, reference.project, "nothere"),
        lambda: client.read_history(reference.entity, reference.project, "nothere"),
        lambda: client.read_console(reference.entity, reference.project, "nothere"),
        lambda: client.list_sweeps("no-such-project"),
        lambda: client.create_agent(missing, "host"),
        lambda: client.heartbeat("QWdlbnQ6OTk5OTk5", []),
    ):
        with pytest.raises(NotFoundError):
            ask()


def test_a_wrong_key_is_refused_and_not_shown(client: WandbClient) -> None:
    stranger = WandbClient(dataclasses.replace(client.connection, api_key="x" * 40))
    with pytest.raises(AuthenticationError) as caught:
        stranger.default_entity()
    assert "x" * 40 not in str(caught.value)


def test_states_change_as_asked(client: WandbClient, sweep: SweepRecord) -> None:
    for state in (SweepState.PAUSED, SweepState.RUNNING, SweepState.CANCELED):
        client.set_sweep_state(sweep.reference, state)
        assert client.read_sweep(sweep.reference).state is state
    with pytest.raises(InputError, match="already"):
        client.set_sweep_state(sweep.reference, SweepState.PAUSED)


def test_an_agent_gets_each_grid_point_once_and_then_leaves(client: WandbClient, sweep: SweepRecord) -> None:
    agent = client.create_agent(sweep.reference, "here")
    seen = []
    for _ in range(3):
        (command,) = client.heartbeat(agent, [])
        assert command.type == "run"
        seen.append(command.args)
        assert client.heartbeat(agent, [command.run_id]) == []
        start_run(client, sweep, command.run_id, command.args or {})
        log_rows(client, sweep, command.run_id, [{"acc": 0.5}], exit_code=0)
    assert seen == [{"x": 1}, {"x": 2}, {"x": 3}]
    assert [command.type for command in client.heartbeat(agent, [])] == ["exit"]
    assert client.read_sweep(sweep.reference).state is SweepState.FINISHED


def test_a_poll_after_the_first_brings_only_what_may_have_changed(client: WandbClient, sweep: SweepRecord) -> None:
    start_run(client, sweep, "a1", {"x": 1})
    log_rows(client, sweep, "a1", [{"acc": 0.1}, {"acc": "NaN"}, {"acc": 0.9}, {"acc": 0.3}])
    first = client.poll_sweep(sweep.reference)
    (run,) = first.runs
    assert (run.id, run.state, run.config["x"], run.sweep_id) == ("a1", RunState.RUNNING, 1, sweep.reference.id)
    assert (run.metric_value(Metric("acc", "maximize"), "best"), run.summary["acc"]) == (0.9, 0.3)

    log_rows(client, sweep, "a1", [{"acc": 0.95}], offset=4, exit_code=0)
    second = client.poll_sweep(sweep.reference, first.cursor)
    assert [(run.id, run.state) for run in second.runs] == [("a1", RunState.FINISHED)]
    assert second.runs[0].curve[-1].values == {"acc": 0.95}

    start_run(client, sweep, "a2", {"x": 2})
    third = client.poll_sweep(sweep.reference, second.cursor)
    assert "a2" in {run.id for run in third.runs}
    assert third.sweep.run_count == 2


def test_runs_that_ended_long_ago_are_not_read_again(client: WandbClient, sweep: SweepRecord) -> None:
    start_run(client, sweep, "old", {"x": 1})
    log_rows(client, sweep, "old", [{"acc": 0.1}], exit_code=0)
    snapshot = client.poll_sweep(sweep.reference)
    cursor = json.loads(snapshot.cursor) | {"newest": "2099-01-01T00:00:00+00:00"}
    assert client.poll_sweep(sweep.reference, json.dumps(cursor)).runs == ()


def test_all_pages_of_runs_are_read(client: WandbClient, sweep: SweepRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        start_run(client, sweep, f"r{number}", {"x": number})
    monkeypatch.setattr(client, "_page_size", 3)
    assert [run.id for run in client.poll_sweep(sweep.reference).runs] == [f"r{number}" for number in range(7)]
    assert len(client.read_runs(sweep)) == 7


def test_only_live_and_best_runs_have_curves_at_first(
    client: WandbClient, sweep: SweepRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.tracking.sweep_cursor.CURVED_BEST_RUNS", 1)
    for run_id, value, code in (("bad", 0.1, 0), ("good", 0.9, 0), ("live", 0.5, None)):
        start_run(client, sweep, run_id, {})
        log_rows(client, sweep, run_id, [{"acc": value}], exit_code=code)
    assert {run.id for run in client.poll_sweep(sweep.reference).runs if run.curve} == {"good", "live"}
    assert not any(run.curve for run in client.poll_sweep(sweep.reference, curves=False).runs)
    assert all(run.curve for run in client.read_runs(sweep, sweep.metric))


def test_history_and_console_go_on_from_where_they_were(client: WandbClient, sweep: SweepRecord) -> None:
    entity, project = sweep.reference.entity, sweep.reference.project
    start_run(client, sweep, "h1", {})
    rows: list[dict[str, Json]] = [{"acc": number / 10, "loss": 1.0} for number in range(10)]
    log_rows(client, sweep, "h1", rows, console=("one", "two"))
    history = client.read_history(entity, project, "h1")
    assert [point.step for point in history] == list(range(10))
    assert history[3].values == {"acc": 0.3, "loss": 1.0}
    assert [point.step for point in client.read_history(entity, project, "h1", min_step=8)] == [8, 9]
    start_run(client, sweep, "h2", {})
    assert client.read_histories(entity, project, ["h1", "h2", "nothere"]) == {"h1": history, "h2": []}
    assert client.read_histories(entity, project, []) == {}
    lines = client.read_console(entity, project, "h1")
    assert [(line.number, line.text) for line in lines] == [(0, "one"), (1, "two")]

    log_rows(client, sweep, "h1", [], console=("one", "two", "three"))
    assert [line.text for line in client.read_console(entity, project, "h1", after=1)] == ["three"]
    assert client.read_console(entity, project, "h1", after=2) == []
    assert [line.text for line in client.read_console(entity, project, "h1", after=0)] == ["two", "three"]

    def page(**asked: str) -> ConsolePage:
        return client.read_console_page(entity, project, "h1", lines=2, **asked)

    end = page()
    assert [line.text for line in end.lines] == ["two", "three"] and end.total == 3
    older = page(before=end.older)
    assert ([line.text for line in older.lines], older.older) == (["one"], "")
    start = page(after="")
    assert [line.text for line in start.lines] == ["one", "two"]
    assert [line.text for line in page(after=start.newer).lines] == ["three"]
    assert page(after=end.newer).lines == []


def test_a_run_is_tagged_noted_and_deleted_and_the_rest_of_it_stays(client: WandbClient, sweep: SweepRecord) -> None:
    entity, project = sweep.reference.entity, sweep.reference.project
    start_run(client, sweep, "t1", {"lr": 0.1})
    log_rows(client, sweep, "t1", [{"loss": 0.5}], exit_code=0)
    before = client.read_run(entity, project, "t1")
    client.change_run(entity, project, "t1", tags=["good", "gpu"])
    client.change_run(entity, project, "t1", notes="looks fine")
    after = client.read_run(entity, project, "t1")
    assert (after.tags, after.notes) == (("good", "gpu"), "looks fine")
    assert (after.config, after.summary, after.state, after.name, after.group) == (
        before.config, before.summary, before.state, before.name, before.group,
    )  # fmt: skip
    client.change_run(entity, project, "t1", tags=[])
    assert client.read_run(entity, project, "t1").tags == ()
    client.delete_run(entity, project, "t1")
    with pytest.raises(NotFoundError):
        client.read_run(entity, project, "t1")


def test_a_stop_reaches_the_agent_and_the_run(client: WandbClient, sweep: SweepRecord) -> None:
    agent = client.create_agent(sweep.reference, "here")
    (command,) = client.heartbeat(agent, [])
    start_run(client, sweep, command.run_id, command.args or {})
    client.stop_run(sweep.reference.entity, sweep.reference.project, command.run_id)
    assert [(stop.type, stop.run_id) for stop in client.heartbeat(agent, [command.run_id])] == [
        ("stop", command.run_id)
    ]
    log_rows(client, sweep, command.run_id, [], exit_code=255)
    run = client.read_run(sweep.reference.entity, sweep.reference.project, command.run_id)
    assert run.state is RunState.KILLED


def test_one_client_serves_many_threads(client: WandbClient, sweep: SweepRecord) -> None:
    answers: list[SweepRecord] = []
    threads = [threading.Thread(target=lambda: answers.append(client.read_sweep(sweep.reference))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [sweep] * 8


def test_one_request_per_poll_after_the_first(
    client: WandbClient, sweep: SweepRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_run(client, sweep, "o1", {})
    cursor = client.poll_sweep(sweep.reference).cursor
    sent: list[str] = []
    execute = GraphQLTransport.execute

    def counted(self: GraphQLTransport, document: str, variables: dict[str, object], **options: bool) -> object:
        sent.append(document)
        return execute(self, document, variables, **options)

    monkeypatch.setattr(GraphQLTransport, "execute", counted)
    client.poll_sweep(sweep.reference, cursor)
    assert len(sent) == 1


def test_following_survives_a_server_that_goes_and_comes_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    data_dir = tmp_path_factory.mktemp("restarted")
    client = WandbClient(connect_to(data_dir))
    sweep = client.create_sweep(GRID, client.connection.entity, "p")
    start_run(client, sweep, "f1", {"x": 1})
    stop = threading.Event()
    kinds: list[type] = []
    try:
        for event in follow_sweep(client, sweep.reference, stop=stop, interval_seconds=0.05):
            kinds.append(type(event))
            if kinds == [SweepChanged, RunsChanged]:
                stop_server(data_dir)
            elif kinds.count(ServerLost) == 1 and ServerBack not in kinds:
                assert connect_to(data_dir).base_url == client.connection.base_url
            elif isinstance(event, ServerBack):
                log_rows(client, sweep, "f1", [{"acc": 1.0}], exit_code=0)
            elif isinstance(event, RunsChanged) and event.runs[0].state is RunState.FINISHED:
                stop.set()
    finally:
        stop_server(data_dir)
    assert ServerLost in kinds
    assert ServerBack in kinds
