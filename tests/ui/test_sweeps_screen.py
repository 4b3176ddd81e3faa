from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from textual.pilot import Pilot

from tests.ui.memory_session import CONNECTION, MemorySession, make_sweep
from tests.ui.wait_for import wait_for
from trainer.errors import ServerLostError
from trainer.records import SweepRecord, SweepReference
from trainer.states import SweepState
from trainer.sweep_filter import matching_sweeps
from tui.app import SweepApp
from tui.last_look import Look, keep_look, look_key, looks_file
from tui.messages import SweepOpenRequested
from tui.screens.confirm import ConfirmScreen
from tui.screens.help import HelpScreen
from tui.screens.sweep_builder import SweepBuilderScreen
from tui.screens.sweeps import SweepsScreen
from tui.widgets.app_header import AppHeader
from tui.widgets.sweeps_table import progress_text, visible_columns

SWEEPS = [
    make_sweep("wine-grid"),
    make_sweep("iris", state=SweepState.PAUSED),
    make_sweep("old", state=SweepState.FINISHED),
]


def shown_text(app: SweepApp, selector: str) -> str:
    return str(app.screen.query_one(selector).render())


async def listed(pilot: Pilot[None]) -> SweepsScreen:
    screen = pilot.app.screen_stack[1]
    assert isinstance(screen, SweepsScreen)
    await wait_for(pilot, lambda: screen.table.has_focus and screen.table.row_count > 0)
    return screen


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
async def test_the_sweeps_of_the_server_are_listed(size: tuple[int, int]) -> None:
    app = SweepApp(MemorySession(SWEEPS))
    async with app.run_test(size=size) as pilot:
        screen = await listed(pilot)

        assert screen.table.row_count == 3
        assert "3 sweeps" in shown_text(app, "#summary")
        assert screen.query_one(AppHeader).server == "embedded server http://127.0.0.1:8123"
        assert screen.table.virtual_size.width <= screen.table.scrollable_content_region.width


async def test_without_sweeps_the_screen_says_how_to_make_one() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test() as pilot:
        await wait_for(pilot, lambda: "No sweeps yet" in shown_text(app, "#message"))

        assert "ctrl+n" in shown_text(app, "#message")


async def test_a_server_that_does_not_answer_is_named_and_tried_again() -> None:
    session = MemorySession(SWEEPS, failure=ServerLostError("The server is gone.", hint="Start it."))
    app = SweepApp(session)
    async with app.run_test() as pilot:
        await wait_for(pilot, lambda: "The server is gone." in shown_text(app, "#message"))
        session.failure = None
        await pilot.press("r")

        await listed(pilot)


async def test_a_server_lost_later_leaves_the_list_and_says_so() -> None:
    session = MemorySession(SWEEPS)
    app = SweepApp(session)
    async with app.run_test() as pilot:
        screen = await listed(pilot)
        session.failure = ServerLostError("The server is gone.")
        await pilot.press("r")

        await wait_for(pilot, lambda: "The server is gone." in shown_text(app, "#summary"))
        assert screen.table.row_count == 3


async def test_enter_opens_the_sweep_under_the_cursor() -> None:
    seen: list[object] = []
    app = SweepApp(MemorySession(SWEEPS))
    async with app.run_test(message_hook=seen.append) as pilot:
        await listed(pilot)
        await pilot.press("j", "enter")
        await wait_for(pilot, lambda: any(isinstance(message, SweepOpenRequested) for message in seen))

        request = next(message for message in seen if isinstance(message, SweepOpenRequested))
        assert request.reference == SweepReference("local", "wine", "iris")


async def test_the_cursor_stays_on_its_sweep_when_a_new_one_arrives() -> None:
    session = MemorySession(SWEEPS)
    app = SweepApp(session)
    async with app.run_test() as pilot:
        screen = await listed(pilot)
        await pilot.press("down")
        session.sweeps.insert(0, make_sweep("newest"))
        await pilot.press("r")
        await wait_for(pilot, lambda: screen.table.row_count == 4)

        assert screen.table.current is not None
        assert screen.table.current.name == "iris"


async def test_home_and_end_go_to_the_first_and_the_last_sweep() -> None:
    app = SweepApp(MemorySession([make_sweep(f"sweep-{number}") for number in range(40)]))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await listed(pilot)
        await pilot.press("end")
        await wait_for(pilot, lambda: screen.table.cursor_row == 39)
        await pilot.press("home")
        await wait_for(pilot, lambda: screen.table.cursor_row == 0)


async def test_the_filter_narrows_the_list_and_escape_widens_it() -> None:
    app = SweepApp(MemorySession(SWEEPS))
    async with app.run_test() as pilot:
        screen = await listed(pilot)
        await pilot.press("slash", *"paused")
        await wait_for(pilot, lambda: screen.table.row_count == 1)
        await pilot.press("escape")

        await wait_for(pilot, lambda: screen.table.row_count == 3)


@pytest.mark.parametrize(
    ("row", "key", "state"),
    [
        (0, "P", SweepState.PAUSED),
        (0, "S", SweepState.FINISHED),
        (0, "X", SweepState.CANCELED),
    ],
)
async def test_steering_asks_first(row: int, key: str, state: SweepState) -> None:
    session = MemorySession(SWEEPS)
    app = SweepApp(session)
    async with app.run_test() as pilot:
        await listed(pilot)
        await pilot.press(key)
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("n")
        assert session.states_set == []
        await pilot.press(key)
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("y")

        await wait_for(pilot, lambda: session.states_set == [("wine-grid", state)])


async def test_a_paused_sweep_is_resumed_without_asking_and_a_finished_one_is_left_alone() -> None:
    session = MemorySession(SWEEPS)
    app = SweepApp(session)
    async with app.run_test() as pilot:
        await listed(pilot)
        await pilot.press("down", "P")
        await wait_for(pilot, lambda: session.states_set == [("iris", SweepState.RUNNING)])
        await pilot.press("down", "S", "X", "P")

        assert isinstance(app.screen, SweepsScreen)
        assert len(session.states_set) == 1


async def test_new_copy_and_help_open_their_screens() -> None:
    app = SweepApp(MemorySession(SWEEPS))
    async with app.run_test() as pilot:
        await listed(pilot)
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        texts = [line.text for _, lines in app.screen.sections for line in lines]
        assert "Build a new sweep" in texts
        assert "Watch the sweep under the cursor" in texts
        await pilot.press("escape", "d")
        await wait_for(pilot, lambda: isinstance(app.screen, SweepBuilderScreen))

        assert isinstance(app.screen, SweepBuilderScreen)
        assert app.screen.document.draft.config() == SWEEPS[0].config


async def test_resizing_down_to_nothing_and_back_does_no_harm() -> None:
    app = SweepApp(MemorySession(SWEEPS))
    async with app.run_test() as pilot:
        screen = await listed(pilot)
        for size in [(40, 10), (10, 3), (1, 1), (200, 60), (80, 24)]:
            await pilot.resize_terminal(*size)
            await pilot.pause()

        assert screen.table.row_count == 3


def test_words_are_looked_for_in_everything_a_row_shows() -> None:
    assert [sweep.name for sweep in matching_sweeps(SWEEPS, "GRID wine")] == ["wine-grid", "iris", "old"]
    assert [sweep.name for sweep in matching_sweeps(SWEEPS, "paused")] == ["iris"]
    assert matching_sweeps(SWEEPS, "nothing") == []


def test_progress_shows_a_beginning_and_never_more_than_all() -> None:
    assert progress_text(1, 1000)[0] == "━"
    assert progress_text(0, 10)[0] == ""
    assert len("".join(progress_text(30, 9)[:2])) == 8
    assert progress_text(6, 4)[2] == "6/6"
    assert progress_text(12, None) == ("", "", "12 runs")


def test_narrow_terminals_keep_the_name_the_state_and_the_progress() -> None:
    assert visible_columns(200) == ["name", "project", "method", "state", "progress", "best", "age"]
    assert visible_columns(40)[:2] == ["name", "state"]
    assert visible_columns(1) == ["name", "state"]


async def test_sweeps_with_something_new_are_starred_and_the_user_is_called_for_those_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = make_sweep("seen", run_count=3, best_value=0.5)
    look = Look("2026-01-01T12:00:00+00:00", seen.state.value, 3, 0.5)
    keep_look(looks_file(), look_key(CONNECTION.base_url, seen.reference), look)
    written: list[str] = []
    monkeypatch.setattr(SweepApp, "write_to_terminal", lambda app, sequence: written.append(sequence))
    session = MemorySession([make_sweep("new one"), seen])
    app = SweepApp(session)
    async with app.run_test(size=(140, 30)) as pilot:
        screen = await listed(pilot)
        assert screen.news == {}, "nothing has changed, and what was never looked at has no news"
        session.sweeps = [make_sweep("new one", best_value=1.0), make_sweep("seen", run_count=8, best_value=0.75)]
        await pilot.press("r")
        await wait_for(pilot, lambda: bool(written))
        assert "seen: new best accuracy 0.7500 (+0.2500)" in written[0]
        assert "1 with news" in shown_text(app, "#summary")
        lines = [strip.text for strip in screen._compositor.render_strips()]
        assert [line for line in lines if "✦" in line and " seen " in line and "★ 5 runs" in line]
        await pilot.press("/", *"project=wine", "enter")
        await wait_for(pilot, lambda: screen.filter_text == "project=wine")
        assert screen.table.row_count == 2
        await pilot.press("space")
        await wait_for(pilot, lambda: "1 marked" in shown_text(app, "#summary"))
        await pilot.press("escape", "escape")
        await wait_for(pilot, lambda: not screen.filter_text and not screen.marked)


class PagedSession(MemorySession):
    """Gives its sweeps in two pages, the second when it may; then what changed."""

    def __init__(self, sweeps: list[SweepRecord]) -> None:
        super().__init__(sweeps)
        self.may_go_on = threading.Event()
        self.asked: list[str] = []

    def sweep_pages(self) -> Iterator[list[SweepRecord]]:
        self.asked.append("all")
        self.connect()
        yield self.sweeps[-2:]
        assert self.may_go_on.wait(20)
        yield self.sweeps[:-2]

    def changed_sweeps(self, known: Sequence[SweepRecord]) -> list[SweepRecord] | None:
        self.asked.append("changed")
        self.connect()
        return list(self.sweeps)


async def test_the_first_page_is_shown_at_once_and_then_only_what_changed_is_asked_for() -> None:
    day = datetime(2026, 11, 1, tzinfo=UTC)
    sweeps = [replace(make_sweep(f"s{number}"), created_at=day - timedelta(hours=number)) for number in range(9)]
    session = PagedSession(sweeps)
    app = SweepApp(session)
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await listed(pilot)
        assert "2 sweeps so far…" in shown_text(app, "#summary")
        await pilot.press("down", "M")
        session.may_go_on.set()
        await wait_for(pilot, lambda: screen.table.row_count == 9)
        assert "9 sweeps" in shown_text(app, "#summary") and "far" not in shown_text(app, "#summary")
        assert screen.table.current == sweeps[8] and list(screen.marked) == [sweeps[8].reference]
        session.sweeps = [replace(make_sweep("newest"), created_at=day + timedelta(hours=1)), *sweeps]
        screen._wake.set()
        await wait_for(pilot, lambda: screen.table.row_count == 10)
        assert screen.table.current == sweeps[8] and session.asked == ["all", "changed"]
        await pilot.press("r")
        await wait_for(pilot, lambda: session.asked == ["all", "changed", "all"])


async def test_thousands_of_sweeps_cost_what_is_in_sight() -> None:
    app = SweepApp(MemorySession([make_sweep(f"sweep-{number}") for number in range(3000)]))
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await listed(pilot)
        await pilot.press("end")
        await wait_for(pilot, lambda: screen.table.cursor_row == 2999)
        formatted: list[str] = []
        cell = screen.table._cell

        def counted(column: str, sweep: SweepRecord) -> tuple[tuple[str, str], ...]:
            formatted.append(column)
            return cell(column, sweep)

        screen.table._cell = counted  # type: ignore[method-assign]
        screen.show_list()
        await pilot.pause()
        assert 0 < len(formatted) < 1000, "cells of some thirty rows, not of three thousand"
