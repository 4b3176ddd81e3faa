"""Budgets: first page of 10,000 runs <= 100 ms, of 100,000 <= 300 ms; samples of 100,000 rows <= 100 ms; <= 150 MB.

Rerun: make benchmarks. Documents are those that `wandb.Api()` (SDK 0.31) and this program's own client send. Each is
sent four times, and the second fastest counts: what is measured is the server, not what else the machine does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from wandb.apis.public.runs import _create_runs_query

from tests.benchmarks.server_load import (
    ENTITY,
    MEMORY_BUDGET_MB,
    PROJECT,
    SWEEP_CONFIG,
    Client,
    add_finished_runs,
    add_long_run,
    add_sweep,
    cpu_seconds,
    memory_mb,
    server_on_one_core,
    store_in,
)
from trainer.records import Json
from trainer.server.lifecycle import ServerAddress
from trainer.tracking.documents import FULL_HISTORY, HISTORY_PAGE, LIST_PROJECT_SWEEPS, LIST_SWEEPS, sweep_runs
from trainer.tracking.sweep_cursor import LIVE_STATES

LONG_RUN = 100_000
PAGE_BUDGETS = {"mid": (10_000, 100.0), "big": (100_000, 300.0)}
"""By sweep: its runs, and the milliseconds that a page may take."""
SAMPLES_BUDGET = 100.0
HEARTBEAT_BUDGET = 50.0
OPENING_BUDGET_SECONDS = 1.0
_LIST, _LIST_WHOLE = _create_runs_query(lazy=True), _create_runs_query(lazy=False)
_ORDERS = (
    "+created_at",
    "-created_at",
    "-summary_metrics.acc",
    "+config.lr.value",
    "-summary_metrics.no",
    "-heartbeat_at",
)
_FILTERS: tuple[dict[str, Json], ...] = (
    {"state": "finished"},
    {"state": "failed"},
    {"config.lr": {"$gt": 0.05}},
    {"config.seed": 7777},
    {"summary_metrics.acc": {"$gt": 0.9}},
    {"summary_metrics.acc": {"$gt": 2}},
    {"tags": "baseline"},
    {"display_name": {"$regex": "sweep-1"}},
    {"created_at": {"$gt": "2021-01-01"}},
)
_SAMPLES = """query RunSampledHistory($project: String!, $entity: String!, $name: String!, $specs: [JSONString!]!) {
  project(name: $project, entityName: $entity) { run(name: $name) { sampledHistory(specs: $specs) } } }"""
_BEAT = """mutation Heartbeat($id: ID!, $metrics: JSONString, $runState: JSONString) {
  agentHeartbeat(input: {id: $id, metrics: $metrics, runState: $runState}) { agent { id } commands } }"""
_CREATE_AGENT = """mutation CreateAgent($host: String!, $projectName: String, $entityName: String, $sweep: String!) {
  createAgent(input: {host: $host, projectName: $projectName, entityName: $entityName, sweep: $sweep}) {
    agent { id } } }"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with a sweep of 10,000 runs, one of 100,000, and a run of 100,000 rows."""
    made = tmp_path_factory.mktemp("large")
    with store_in(made) as store:
        for name, (count, _) in PAGE_BUDGETS.items():
            store.write(lambda connection, name=name: add_sweep(connection, name, SWEEP_CONFIG))  # type: ignore[misc]
            add_finished_runs(store, name, count, name[0])
        add_long_run(store, "long", LONG_RUN)
    return made


@dataclass
class Meter:
    """Asks, and notes what took too long."""

    address: ServerAddress
    client: Client
    failures: list[str] = field(default_factory=list)

    def measure(self, label: str, budget: float, document: str, **variables: Json) -> Any:
        """Send an operation four times, print its times, and return its data."""
        before, seconds, data = cpu_seconds(self.address), [], None
        for _ in range(4):
            start = time.perf_counter()
            data = self.client.ask(document, entity=ENTITY, project=PROJECT, **variables)
            seconds.append(time.perf_counter() - start)
        cpu = (cpu_seconds(self.address) - before) / 4 * 1000
        first, taken = seconds[0] * 1000, sorted(seconds)[1] * 1000
        memory = memory_mb(self.address, "VmRSS")
        print(f"{label:58}{first:8.1f}{taken:8.1f} ms{budget:6.0f}{cpu:8.1f} ms CPU{memory:6.0f} MB")
        if taken > budget:
            self.failures.append(f"{label}: {taken:.0f} ms, budget {budget:.0f}")
        return data


@pytest.fixture
def meter(folder: Path) -> Iterator[Meter]:
    with server_on_one_core(folder) as address:
        client = Client(address)
        yield Meter(address, client)
        client.close()


def of_sweep(name: str, *more: Json) -> str:
    """Return the filter that `sweep.runs` of the SDK sends, with more conditions."""
    return json.dumps({"$and": [{"sweep": name}, *more]})


@pytest.mark.benchmark
def test_opening_a_large_database(folder: Path) -> None:
    start = time.perf_counter()
    with server_on_one_core(folder) as address:
        seconds = time.perf_counter() - start
        before = cpu_seconds(address)
        time.sleep(5)
        idle = (cpu_seconds(address) - before) / 5
    print(f"\nstarted in {seconds:.2f} s (budget {OPENING_BUDGET_SECONDS:g}), {idle:.1%} of a core when idle")
    assert seconds <= OPENING_BUDGET_SECONDS
    assert idle <= 0.02


@pytest.mark.benchmark
@pytest.mark.parametrize("sweep", list(PAGE_BUDGETS))
def test_first_pages(sweep: str, meter: Meter) -> None:
    budget = PAGE_BUDGETS[sweep][1]
    print(f"\n{PAGE_BUDGETS[sweep][0]} runs{'':48}   first   taken    budget")

    def page(order: str, *filters: Json, document: str = _LIST, per_page: int = 50) -> None:
        label = f"{order} {json.dumps(filters[0]) if filters else ''}"
        found = of_sweep(sweep, *filters)
        data = meter.measure(label, budget, document, perPage=per_page, order=order, filters=found)
        end = data["project"]["runs"]["pageInfo"]
        if end["hasNextPage"] and not filters:
            cursor = end["endCursor"]
            meter.measure(f"{label}, 2nd page", budget, document, perPage=50, order=order, filters=found, cursor=cursor)

    # The first questions for a value are answered without its table, which is made in the background meanwhile.
    keys: list[Json] = [{key: 0} for key in ("config.lr", "config.seed", "summary_metrics.acc", "summary_metrics.no")]
    for key in keys:
        meter.client.ask(_LIST, entity=ENTITY, project=PROJECT, order="+created_at", filters=of_sweep(sweep, key))
    _wait_for_tables(meter)
    for order in _ORDERS:
        page(order)
    for condition in _FILTERS:
        page("+created_at", condition)
    page("-summary_metrics.acc", {"summary_metrics.acc": {"$gt": 0.9}})
    page("-summary_metrics.acc", {"state": "failed"})
    page("+created_at", document=_LIST_WHOLE)
    page("-summary_metrics.acc", document=_LIST_WHOLE, per_page=1)
    specs: Json = [json.dumps({"keys": ["_step", "acc"], "samples": 200})]
    meter.measure(
        "own client, first page", budget, sweep_runs(with_sweep=True, curves=True),
        perPage=50, order="+created_at", filters=of_sweep(sweep), sweep=sweep, specs=specs,
    )  # fmt: skip
    changed: Json = {
        "$or": [
            {"state": {"$in": list(LIVE_STATES)}},
            {"name": {"$in": [f"{sweep[0]}000003"]}},
            {"created_at": {"$gt": "2099-01-01T00:00:00"}},
        ]
    }
    meter.measure(
        "own client, poll", budget, sweep_runs(with_sweep=True, curves=False),
        perPage=50, order="+created_at", filters=of_sweep(sweep, changed), sweep=sweep,
    )  # fmt: skip
    meter.measure("sweeps of the project", budget, LIST_PROJECT_SWEEPS, perPage=50)
    meter.measure("sweeps of all projects", budget, LIST_SWEEPS, perPage=50, sweepsPerProject=50)
    assert memory_mb(meter.address) <= MEMORY_BUDGET_MB
    assert not meter.failures


def _wait_for_tables(meter: Meter) -> None:
    """Wait until the server computes nothing: the tables of values are complete."""
    deadline, quiet = time.monotonic() + 60, 0
    while quiet < 7 and time.monotonic() < deadline:
        before = cpu_seconds(meter.address)
        time.sleep(1)
        quiet = quiet + 1 if cpu_seconds(meter.address) - before < 0.05 else 0


@pytest.mark.benchmark
def test_histories_of_100_000_rows(meter: Meter) -> None:
    print()
    for keys, samples in ((["_step", "loss"], 500), (["_step", "loss", "acc"], 1000), (["nope"], 500)):
        spec = json.dumps({"keys": keys, "samples": samples})
        meter.measure(f"sampledHistory {spec}", SAMPLES_BUDGET, _SAMPLES, name="long", specs=[spec])
    spec = json.dumps({"keys": ["_step", "loss"], "samples": 500, "minStep": 20_000, "maxStep": 80_000})
    meter.measure("sampledHistory of a range", SAMPLES_BUDGET, _SAMPLES, name="long", specs=[spec])
    spec = json.dumps({"keys": ["_step", "loss"], "samples": 1001, "minStep": 50_000, "maxStep": 51_000})
    meter.measure("scan_history(keys), a page", SAMPLES_BUDGET, _SAMPLES, name="long", specs=[spec])
    meter.measure("history(samples=500)", SAMPLES_BUDGET, FULL_HISTORY, name="long", samples=500)
    meter.measure(
        "scan_history(), a page", SAMPLES_BUDGET, HISTORY_PAGE,
        name="long", minStep=50_000, maxStep=51_000, pageSize=1000,
    )  # fmt: skip
    assert memory_mb(meter.address) <= MEMORY_BUDGET_MB
    assert not meter.failures


@pytest.mark.benchmark
def test_heartbeats_of_a_large_sweep_and_large_requests(meter: Meter) -> None:
    """The search of a sweep is read from its runs once; then each heartbeat that hands out a run is quick."""
    print()
    client = meter.client
    for sweep, (count, _) in PAGE_BUDGETS.items():
        created = client.ask(_CREATE_AGENT, host="bench", projectName=PROJECT, entityName=ENTITY, sweep=sweep)
        agent = created["createAgent"]["agent"]["id"]
        seconds = []
        for _ in range(12):
            start = time.perf_counter()
            reply = client.ask(_BEAT, id=agent, metrics="{}", runState="{}")
            seconds.append(time.perf_counter() - start)
            for command in json.loads(reply["agentHeartbeat"]["commands"]):
                client.stream(command["run_id"], {"complete": True, "exitcode": 0, "files": {}})
        later = sorted(seconds[1:])[len(seconds) // 2] * 1000
        print(
            f"heartbeat, {count} runs: the first {seconds[0]:.2f} s, then {later:.1f} ms (budget {HEARTBEAT_BUDGET:g})"
        )
        assert later <= HEARTBEAT_BUDGET
    document = (
        'query P($project: String!, $desc: String) { project(name: $project) { run(name: "", desc: $desc) { id } } }'
    )
    meter.measure("a query of 10 MB", 1000, document, desc="x" * 10_000_000)
    memory = memory_mb(meter.address)
    print(f"memory at most {memory:.0f} MB (budget {MEMORY_BUDGET_MB})")
    assert memory <= MEMORY_BUDGET_MB
