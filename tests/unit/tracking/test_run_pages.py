"""Pages of runs, given what a server answers: all of them, in order, and nobody left behind when one fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, cast

import pytest

from trainer.errors import ServerLostError
from trainer.tracking.run_pages import MAX_AHEAD, read_run_pages
from trainer.tracking.transport import GraphQLTransport


class Pages:
    """Answers with pages of two runs each; page `broken` is lost on the way."""

    def __init__(self, count: int, broken: int | None = None) -> None:
        self.count, self.broken = count, broken
        self.asked = 0

    def page(self, number: int) -> dict[str, Any]:
        edges = [{"node": {"name": f"r{2 * number + each}"}} for each in range(2)]
        info = {"hasNextPage": number + 1 < self.count, "endCursor": str(number + 1)}
        return {"runs": {"edges": edges, "pageInfo": info}}

    def execute(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        self.asked += 1
        number = int(variables["cursor"])
        if number == self.broken:
            raise ServerLostError("gone", hint="")
        return {"project": self.page(number)}

    def read(self, ready: Any = lambda: None) -> list[str]:
        transport = cast(GraphQLTransport, self)
        return [run.id for run in read_run_pages(transport, "", {"cursor": None}, self.page(0), None, ready)]


@pytest.mark.parametrize("count", [1, 2, 3 * MAX_AHEAD])
def test_every_page_is_read_once_and_in_order(count: int) -> None:
    pages = Pages(count)
    assert pages.read() == [f"r{number}" for number in range(2 * count)]
    assert pages.asked == count - 1


def test_pages_are_read_ahead_while_there_is_no_time_for_records_but_not_without_end() -> None:
    pages = Pages(4 * MAX_AHEAD)

    def ready() -> None:
        deadline = time.monotonic() + 5
        while pages.asked < MAX_AHEAD + 1 and time.monotonic() < deadline:
            time.sleep(0.001)
        assert MAX_AHEAD < pages.asked < pages.count - 1
        raise KeyError

    threads = threading.active_count()
    with pytest.raises(KeyError):
        pages.read(ready)
    assert threading.active_count() == threads, "the reader ended with whoever it read for"


def test_a_page_that_is_lost_is_told() -> None:
    with pytest.raises(ServerLostError):
        Pages(5, broken=3).read()
