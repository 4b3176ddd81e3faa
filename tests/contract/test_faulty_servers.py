"""What a client makes of a server that is silent, slow, half there or in the way: a real one behind a faulty proxy."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from tests import faulty_proxy as faults
from tests.contract.tracking_server import GRID, connect_to, log_rows, start_run, wait_for
from tests.faulty_proxy import Fault, FaultyProxy
from tests.ui.wait_for import wait_for as wait_for_app
from trainer.errors import ServerBusyError, ServerError, ServerLostError
from trainer.records import Json, SweepRecord
from trainer.server.lifecycle import stop_server
from trainer.settings import ServerKind, Settings
from trainer.tracking import follow
from trainer.tracking.exchange import MOST_LEFT_BEHIND
from trainer.tracking.wandb_client import WandbClient
from tui.app import SweepApp
from tui.computed_columns import Computed
from tui.messages import AcrossOpenRequested
from tui.screens import sweep_columns
from tui.screens.across import AcrossScreen
from tui.screens.curves import CurvesScreen
from tui.screens.run import RunScreen
from tui.screens.sweep import SweepScreen
from tui.session import Session
from tui.start import OpenKnown, Start

TIMEOUT = 0.4


@pytest.fixture(scope="module")
def direct(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WandbClient]:
    data_dir = tmp_path_factory.mktemp("server")
    yield WandbClient(connect_to(data_dir))
    stop_server(data_dir)


@pytest.fixture(scope="module")
def shared_proxy(direct: WandbClient) -> Iterator[FaultyProxy]:
    proxy = FaultyProxy(direct.connection)
    yield proxy
    proxy.close()


@pytest.fixture
def proxy(shared_proxy: FaultyProxy) -> Iterator[FaultyProxy]:
    yield shared_proxy
    shared_proxy.fault = None
    shared_proxy.headers.clear()
    shared_proxy.forget()


@pytest.fixture
def client(proxy: FaultyProxy) -> Iterator[WandbClient]:
    client = WandbClient(proxy.connection, timeout_seconds=TIMEOUT)
    yield client
    client.close()


@pytest.fixture(scope="module")
def sweep(direct: WandbClient) -> SweepRecord:
    sweep = direct.create_sweep(GRID, direct.connection.entity, "faulty")
    start_run(direct, sweep, "r1", {"x": 1})
    log_rows(direct, sweep, "r1", [{"acc": 0.1}, {"acc": 0.2}])
    return sweep


def exchanges() -> int:
    return sum(thread.name == "exchange" for thread in threading.enumerate())


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (faults.silent, r"did not answer within 0\.4 s"),
        (faults.trickling, r"did not answer within 0\.4 s"),
        (faults.trickling_body, r"did not answer within 0\.4 s"),
        (faults.cut, "in the middle of an answer"),
        (faults.reset, "broke the connection"),
        (faults.portal, "does not answer like a W&B server"),
        (faults.failing(502), "HTTP 502"),
    ],
    ids=[
        "silent",
        "a byte at a time",
        "body a byte at a time",
        "half a body",
        "reset",
        "captive portal",
        "bad gateway",
    ],
)
def test_whatever_a_server_does_is_said_in_time_and_over_with_it(
    client: WandbClient, proxy: FaultyProxy, sweep: SweepRecord, fault: Fault, said: str
) -> None:
    before = client.poll_sweep(sweep.reference)
    threads = exchanges()
    with proxy.spoiling(fault):
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(ServerError, match=said):
                client.poll_sweep(sweep.reference, before.cursor)
            assert time.monotonic() - began < 2 * TIMEOUT + 0.5
    assert client.poll_sweep(sweep.reference, before.cursor).sweep == before.sweep
    wait_for(lambda: exchanges() <= threads, 5)


def test_who_hangs_is_woken_by_the_close_of_the_client(proxy: FaultyProxy, sweep: SweepRecord) -> None:
    client = WandbClient(proxy.connection, timeout_seconds=60)
    raised: list[Exception] = []

    def ask() -> None:
        try:
            client.read_sweep(sweep.reference)
        except ServerLostError as error:
            raised.append(error)

    with proxy.spoiling(faults.silent):
        asking = [threading.Thread(target=ask) for _ in range(MOST_LEFT_BEHIND + 2)]
        for thread in asking:
            thread.start()
        wait_for(lambda: proxy.counts["GetSweep"] == len(asking), 5)
        began = time.monotonic()
        client.close()
        for thread in asking:
            thread.join(5)
    assert time.monotonic() - began < 1 and len(raised) == len(asking)
    with pytest.raises(ServerLostError):
        client.read_sweep(sweep.reference)


def test_a_long_answer_on_a_slow_line_is_waited_for(proxy: FaultyProxy) -> None:
    client = WandbClient(proxy.connection, timeout_seconds=0.3)
    answer = b'{"data": {"viewer": {"entity": "me"}}}' + b" " * 60_000

    def slowly(exchange: faults.Exchange) -> None:
        exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer))
        for start in range(0, len(answer), 20_000):
            exchange.raw(answer[start : start + 20_000])
            time.sleep(0.15)

    with proxy.spoiling(slowly):
        assert client.default_entity() == "me"


def test_all_wait_where_one_was_refused_and_go_ahead_one_by_one(proxy: FaultyProxy, sweep: SweepRecord) -> None:
    client = WandbClient(proxy.connection, timeout_seconds=2, patience_seconds=30)
    found: list[SweepRecord] = []
    with proxy.spoiling(faults.busy("1")):
        with pytest.raises(ServerBusyError) as refused:
            client.poll_sweep(sweep.reference, client_cursor(client, proxy, sweep))
        assert refused.value.retry_in_seconds == 1
    asked_before, began = len(proxy.requests), time.monotonic()
    asking = [threading.Thread(target=lambda: found.append(client.read_sweep(sweep.reference))) for _ in range(3)]
    for thread in asking:
        thread.start()
    wait_for(lambda: len(client.gate.waiting) == 3, 5)
    assert {wish.words for wish in client.gate.waiting} == {"read a sweep"}
    assert len(proxy.requests) == asked_before, "nobody asks meanwhile"
    for thread in asking:
        thread.join(10)
    assert len(found) == 3
    first = min(request.at for request in proxy.requests[asked_before:])
    assert 0.5 < first - began < 3
    assert client.gate.waiting == ()


def client_cursor(client: WandbClient, proxy: FaultyProxy, sweep: SweepRecord) -> str:
    """Return a cursor of a sweep that was read before the server was busy."""
    fault, proxy.fault = proxy.fault, None
    try:
        return client.poll_sweep(sweep.reference).cursor
    finally:
        proxy.fault = fault


def test_a_wait_can_be_given_up(proxy: FaultyProxy, sweep: SweepRecord) -> None:
    client = WandbClient(proxy.connection, timeout_seconds=2, patience_seconds=600)
    with proxy.spoiling(faults.busy(left=0, reset=500)):
        raised: list[ServerBusyError] = []

        def ask() -> None:
            try:
                client.stop_run(sweep.reference.entity, sweep.reference.project, "r1")
            except ServerBusyError as error:
                raised.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        wait_for(lambda: client.gate.waiting != (), 5)
        assert client.gate.send_home() == 1
        asking.join(5)
    assert raised and proxy.counts == {"RunToChange": 1}


class Steps:
    """Has live runs log, step by step."""

    def __init__(self, direct: WandbClient, sweeps: list[SweepRecord]) -> None:
        self.direct, self.sweeps, self.step = direct, sweeps, 0

    def log(self) -> int:
        for sweep in self.sweeps:
            for run_id in (f"{sweep.reference.id}-a", f"{sweep.reference.id}-b"):
                row: dict[str, Json] = {"acc": 0.1 + self.step / 100, "loss": 1 - self.step / 100}
                log_rows(
                    self.direct, sweep, run_id, [row],
                    offset=self.step, console=(f"line {self.step}",), console_offset=self.step,
                )  # fmt: skip
        self.step += 1
        return self.step - 1


@pytest.fixture
def steps(direct: WandbClient) -> Steps:
    entity = direct.connection.entity
    sweeps = [direct.create_sweep(GRID, entity, project) for project in ("shown", "other")]
    for sweep in sweeps:
        for x, name in enumerate("abc", start=1):
            start_run(direct, sweep, f"{sweep.reference.id}-{name}", {"x": x})
        log_rows(direct, sweep, f"{sweep.reference.id}-c", [{"acc": 0.5, "loss": 0.5}], exit_code=0)
    made = Steps(direct, sweeps)
    made.log()
    return made


def app_behind(proxy: FaultyProxy, start: Start) -> SweepApp:
    to = proxy.connection
    return SweepApp(Session(Settings(ServerKind.SELF_HOSTED, to.base_url, to.api_key), Path.cwd()), start)


async def test_a_refresh_is_one_request_whatever_is_shown(
    proxy: FaultyProxy, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_columns, "COMPUTE_EVERY_SECONDS", 0.5)
    sweep, other = steps.sweeps
    live = f"{sweep.reference.id}-a"
    app = app_behind(proxy, OpenKnown(sweep.reference))

    async def is_steady(pilot: Pilot[None], what: Callable[[int], bool]) -> None:
        """Check that what runs log appears, and that nothing but polls brings it."""
        polled = proxy.counts["SweepRuns"]
        await wait_for_app(pilot, lambda: proxy.counts["SweepRuns"] > polled + 1)
        proxy.forget()
        step, began = steps.log(), time.monotonic()
        await wait_for_app(pilot, lambda: what(step))
        await wait_for_app(pilot, lambda: proxy.counts["SweepRuns"] >= 3)
        assert set(proxy.counts) == {"SweepRuns"}, proxy.counts
        assert len(proxy.requests) <= (time.monotonic() - began) / 0.9 + 2
        assert proxy.most_in_flight == 1

    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_app(pilot, lambda: isinstance(app.screen, SweepScreen) and len(app.screen.feed.board.runs) == 3)
        shown = app.screen
        assert isinstance(shown, SweepScreen)
        shown.draw_metric("loss")
        computed = Computed("min", "loss")
        shown._compute(computed)

        def is_drawn(step: int) -> bool:
            rows = shown.wish.histories.get(live, ())
            return bool(rows) and rows[-1].step == step

        await is_steady(pilot, is_drawn)
        await pilot.press("G")
        charts = app.screen
        assert isinstance(charts, CurvesScreen)
        await is_steady(pilot, lambda step: [row.step for row in charts._histories[live]] == list(range(step + 1)))
        await pilot.press("escape")
        shown.open_run(live)
        await wait_for_app(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.was_read)
        run = app.screen
        assert isinstance(run, RunScreen)
        for key in "241":
            await pilot.press(key)

        def is_read(step: int) -> bool:
            return run.rows[-1].step == step and f"line {step}" in "\n".join(map(str, run.console.view.lines))

        await is_steady(pilot, is_read)
        await pilot.press("escape")
        app.post_message(AcrossOpenRequested((sweep, other)))
        await wait_for_app(pilot, lambda: isinstance(app.screen, AcrossScreen) and len(app.screen.feed.board.runs) == 6)
        across = app.screen
        assert isinstance(across, AcrossScreen)
        far = f"{other.reference.id}-b"

        def is_everywhere(step: int) -> bool:
            least = shown.feed.board.computed[computed.column].get(live)
            return across.feed.board.runs[far].summary["acc"] == 0.1 + step / 100 and least == 1 - step / 100

        await is_steady(pilot, is_everywhere)


def words_on(screen: Screen[Any], selector: str) -> str:
    return str(screen.query_one(selector, Static).render())


async def test_the_live_view_says_what_is_wrong_with_its_server_and_heals(
    proxy: FaultyProxy, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WandbClient.__init__, "__defaults__", (TIMEOUT,))
    monkeypatch.setattr(follow, "GONE_RETRY_SECONDS", 1.0)
    sweep, live = steps.sweeps[0], f"{steps.sweeps[0].reference.id}-a"
    app = app_behind(proxy, OpenKnown(sweep.reference))
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for_app(pilot, lambda: isinstance(app.screen, SweepScreen) and len(app.screen.feed.board.runs) == 3)
        shown = app.screen
        assert isinstance(shown, SweepScreen)

        def is_said(*texts: str) -> bool:
            return all(text in words_on(shown, "#notice") for text in texts)

        async def heals() -> None:
            step = steps.log()
            board = shown.feed.board
            await wait_for_app(pilot, lambda: board.runs[live].summary["acc"] == 0.1 + step / 100, 7)
            assert not shown.has_class("-lost", "-slowed")

        with proxy.spoiling(faults.silent):
            await wait_for_app(pilot, lambda: is_said("Server away", "not answer within 0.4 s", "What is shown is"), 5)
            assert len(shown.table.board.runs) == 3, "what is known stays"
        await heals()

        with proxy.spoiling(faults.busy("2")):
            await wait_for_app(pilot, lambda: shown.has_class("-slowed"), 5)
            reference = sweep.reference
            shown.in_background(lambda: app.session.client.delete_run(reference.entity, reference.project, live), "")
            await wait_for_app(pilot, lambda: is_said("slow down: next read in", "waits: change or stop a run"), 5)
            await pilot.press("ctrl+g")
            await wait_for_app(pilot, lambda: app.session.waiting == (), 5)
        await heals()

        with proxy.spoiling(faults.portal):
            await wait_for_app(pilot, lambda: is_said("does not answer like a W&B server"), 5)
        await heals()

        steps.direct.delete_run(reference.entity, reference.project, live)
        steps.direct.delete_run(reference.entity, reference.project, f"{reference.id}-c")
        await wait_for_app(pilot, lambda: list(shown.feed.board.runs) == [f"{reference.id}-b"], 15)
        steps.direct.delete_project(reference.entity, reference.project)
        await wait_for_app(pilot, lambda: is_said("has no sweep", "What is shown was so last", "s ago; esc"), 5)


async def test_who_quits_does_not_wait_for_a_server_that_hangs(proxy: FaultyProxy, sweep: SweepRecord) -> None:
    app = app_behind(proxy, OpenKnown(sweep.reference))
    with proxy.spoiling(faults.silent):
        async with app.run_test() as pilot:
            await wait_for_app(pilot, lambda: bool(proxy.requests))
            began = time.monotonic()
            app.exit()
        assert time.monotonic() - began < 5
