"""What a client makes of a server that is silent, slow, half there or in the way: a real one behind a faulty proxy."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from tests import faulty_proxy as faults
from tests.contract.tracking_server import GRID, connect_to, log_rows, start_run, wait_for
from tests.faulty_proxy import Fault, FaultyProxy
from trainer.errors import ServerBusyError, ServerError, ServerLostError
from trainer.records import SweepRecord
from trainer.server.lifecycle import stop_server
from trainer.tracking.exchange import MOST_LEFT_BEHIND
from trainer.tracking.wandb_client import WandbClient

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
    assert raised and proxy.counts == {"Run": 1}
