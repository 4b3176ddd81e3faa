from __future__ import annotations

from collections.abc import Sequence

import pytest

from trainer.errors import ServerError
from trainer.records import ConsoleLine, ConsolePage
from trainer.tracking.console_pages import ConsolePages
from tui import console_window
from tui.console_lines import MAX_WIDTH, console_shown
from tui.console_window import ConsoleUpdate, ConsoleWindow
from tui.log_finds import Finds
from tui.log_lines import LogLines
from tui.log_search import lowered


class Printed:
    """A run's console on a server with pages of at most 50 lines."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.lines = [ConsoleLine(number, f"line {number}") for number in numbers]
        self.asked = 0

    def __call__(self, *, lines: int, before: str = "", after: str | None = None) -> ConsolePage:
        self.asked += 1
        lines, total = min(lines, 50), self.lines[-1].number + 1 if self.lines else 0
        if after is not None:
            kept = [line for line in self.lines if not after or line.number > int(after)][:lines]
        else:
            kept = [line for line in self.lines if not before or line.number < int(before)][-lines:]
        if not kept:
            return ConsolePage(total=total)
        is_first = kept[0] == self.lines[0]
        return ConsolePage(kept, total, "" if is_first else str(kept[0].number), str(kept[-1].number))


def applied(held: LogLines, update: ConsoleUpdate) -> None:
    if update.replaces:
        held.clear()
    held.put(update.number, update.lines.texts, update.lines.looks)
    held.keep(update.first, update.end)


def test_a_log_is_read_from_its_end_and_then_to_its_beginning_whatever_the_server_left_out() -> None:
    numbers = [*range(100), *range(140, 260)]
    read, held = Printed(numbers), LogLines()
    window = ConsoleWindow(read)
    update = window.read_end()
    applied(held, update)
    assert (read.asked, held.texts[-1], len(held.texts), update.before, update.behind) == (1, "line 259", 50, 210, 0)
    while window.has_older:
        applied(held, window.read_older())
    assert held.texts == [f"line {number}" for number in numbers]
    assert (window.before, window.behind, window.look_again()) == (0, 0, None)


def test_what_is_printed_since_and_what_is_printed_over_come_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    read, held = Printed(range(200)), LogLines()
    window = ConsoleWindow(read)
    applied(held, window.read_end())
    read.lines[199] = ConsoleLine(199, "100%")
    read.lines.append(ConsoleLine(200, "done"))
    update = window.look_again()
    assert update is not None and update.lines.texts == ["100%", "done"]
    applied(held, update)
    assert held.texts[-3:] == ["line 198", "100%", "done"] and len(held.texts) == 51
    # More than a look at the end shows: read up to what is known.
    read.lines += [ConsoleLine(number, f"line {number}") for number in range(201, 330)]
    update = window.look_again()
    assert update is not None
    applied(held, update)
    assert held.texts[-131:] == ["100%", "done", *(f"line {number}" for number in range(201, 330))]
    # Far more: the end, which is what is followed, and nothing between.
    monkeypatch.setattr(console_window, "_CATCH_UP_PAGES", 1)
    read.lines += [ConsoleLine(number, f"line {number}") for number in range(330, 2000)]
    update = window.look_again()
    assert update is not None and update.replaces and update.lines.texts[-1] == "line 1999"
    # Started over: the old lines are gone.
    read.lines = [ConsoleLine(0, "again")]
    update = window.look_again()
    assert update is not None and update.replaces and update.lines.texts == ["again"]


def test_a_window_slides_over_a_log_that_is_longer_and_never_leaves_a_hole() -> None:
    read, held = Printed(range(1000)), LogLines()
    window = ConsoleWindow(read, max_lines=150)
    applied(held, window.read_end())
    for _ in range(8):
        applied(held, window.read_older())
    assert (held.texts[0], held.texts[-1], window.before, window.behind) == ("line 550", "line 699", 550, 300)
    while window.has_newer:
        applied(held, window.read_newer())
    assert (held.texts[0], held.texts[-1], window.behind) == ("line 850", "line 999", 0)
    applied(held, window.read_older())
    assert held.texts[0] == "line 800"
    update = window.read_start()
    applied(held, update)
    assert (held.texts[0], update.before, update.behind) == ("line 0", 0, 950)


def test_letters_are_bounded_as_lines_are_and_very_long_lines_say_what_is_missing() -> None:
    read = Printed(range(1000))
    read.lines = [ConsoleLine(line.number, "x" * 1_000_000) for line in read.lines]
    window = ConsoleWindow(read, max_characters=100 * MAX_WIDTH)
    update = window.read_end()
    for _ in range(5):
        update = window.read_older()
    assert update.end - update.first <= 100 and update.lines.texts[0].endswith("990,000 characters more")
    shown = console_shown([ConsoleLine(0, "10%\r50%\r100%\r"), ConsoleLine(1, "\u8bad\u7ec3\u202e\x07")])
    assert (shown.texts, shown.widest) == (["100%", "\u8bad\u7ec3 "], 5)


def test_narrowing_a_search_looks_only_at_what_was_found() -> None:
    texts = [f"step {number}" for number in range(10_000)]
    finds = Finds()
    search = finds.begin("step 9", texts, 100, origin=100 + 9_050)
    assert search is not None and search.size == 10_000
    for piece in search.found():
        finds.add(piece)
    assert finds.text == "162 of 1,111…" and finds.current == 100 + 9_050
    finds.finish()
    narrower = finds.begin("step 99", texts, 100, origin=100 + 9_050)
    assert narrower is not None and narrower.size == 1_111
    for piece in narrower.found():
        finds.add(piece)
    finds.finish()
    assert finds.numbers == [100 + number for number in range(10_000) if str(number).startswith("99")]
    assert finds.current == 100 + 999
    wider = finds.begin("step", texts, 100, origin=0)
    assert wider is not None and wider.size == 10_000


def test_lines_that_come_change_and_go_while_a_search_is_under_way_are_found_once_and_as_they_are() -> None:
    finds = Finds()
    search = finds.begin("x", ["x", "y", "x"], 0, origin=3)
    assert search is not None
    finds.put(1, ["x"])
    finds.put(2, ["y"])
    finds.put(3, ["x", "x"])
    finds.put(-1, ["x"])
    for piece in search.found():
        finds.add(piece)
    assert finds.numbers == [-1, 0, 1, 3, 4]
    finds.keep(0, 4)
    assert finds.numbers == [0, 1, 3] and finds.current == 3
    finds.move(-1)
    assert (finds.current, finds.text) == (1, "2 of 3…")


def test_small_letters_stand_where_their_letters_stood() -> None:
    assert lowered("\u0130STANBUL a").find("a") == "\u0130stanbul a".find("a")
    assert lowered("GR\u00d6SSE") == "gr\u00f6sse"


class OldServer:
    """Answers as servers before 0.77 do: it refuses the argument, and gives its end."""

    def __init__(self) -> None:
        self.refused = 0

    def execute(self, document: str, variables: dict[str, object]) -> dict[str, object]:
        if "useImprovedPagination" in document:
            self.refused += 1
            raise ServerError('Unknown argument "useImprovedPagination" on field "logLines" of type "Run".')
        edges = [{"node": {"line": f"{number}\n", "level": None}} for number in range(90, 100)]
        return {"project": {"run": {"logLineCount": 100, "logLines": {"edges": edges}}}}


def test_of_servers_that_know_no_pages_the_end_is_read_and_they_are_refused_by_once() -> None:
    server = OldServer()
    pages = ConsolePages(server)  # type: ignore[arg-type]
    for _ in range(2):
        page = pages.page("me", "wine", "run1", 10)
        assert [line.number for line in page.lines] == list(range(90, 100))
        assert (page.total, page.older, page.newer) == (100, "", "")
    assert server.refused == 1
