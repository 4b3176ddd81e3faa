from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import Button, Input
from textual.widgets._footer import FooterKey

from tests.ui.feed_session import REFERENCE, FeedSession, a_sweep, make_agent, make_run
from trainer.errors import NotFoundError
from trainer.events import AgentsChanged, PaceChanged, RunsChanged, ServerBack, ServerLost, SweepEvent
from trainer.records import HistoryPoint, RateBudget
from trainer.states import RunState, SweepState
from tui.app import SweepApp
from tui.column_view import read_view
from tui.screens.confirm import ConfirmScreen
from tui.screens.export import ExportScreen
from tui.screens.run import RunScreen
from tui.screens.sweep import SweepScreen
from tui.widgets.agents_panel import AgentsPanel
from tui.widgets.history_chart import HistoryChart
from tui.widgets.runs_table import RunsTable

RUNS = RunsChanged((make_run(1, 0.5), make_run(2, 0.9), make_run(3, 0.7), make_run(4, state=RunState.CRASHED)))
FULL = (a_sweep(), RUNS, AgentsChanged((make_agent(1, "run2"),)))


async def until(pilot: Pilot[None], fact: Callable[[], object], what: str = "") -> None:
    deadline = time.monotonic() + 15
    while not fact():
        assert time.monotonic() < deadline, what or "the awaited fact did not come true"
        await asyncio.sleep(0.02)
    await pilot.pause()


@asynccontextmanager
async def sweep_screen(
    events: Sequence[SweepEvent] = FULL, size: tuple[int, int] = (120, 36), cwd: Path = Path()
) -> AsyncIterator[tuple[Pilot[None], SweepScreen, FeedSession]]:
    session = FeedSession(events, cwd)
    app = SweepApp(session)
    async with app.run_test(size=size) as pilot:
        screen = SweepScreen(session, REFERENCE)
        await app.push_screen(screen)
        if events:
            await until(pilot, lambda: screen.feed.sweep is not None and not session._queue.qsize())
            await pilot.pause(0.15)
        yield pilot, screen, session


def text_of(screen: Screen[Any]) -> str:
    strips = screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
async def test_a_full_sweep_shows_progress_runs_and_the_best(size: tuple[int, int]) -> None:
    async with sweep_screen(size=size) as (pilot, screen, _):
        await until(pilot, lambda: "rose-sweep-2" in text_of(screen))
        shown = text_of(screen)
        assert "4/9 runs" in shown and "44%" in shown
        assert "best accuracy 0.9000" in shown
        assert "✗ crashed" in shown
        assert screen.table.board.rows[0] == "run2"


async def test_a_refresh_paints_only_the_lines_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    async with sweep_screen() as (pilot, screen, session):
        await until(pilot, lambda: "rose-sweep-2" in text_of(screen))
        painted: list[int] = []
        render_line = RunsTable.render_line

        def counted(table: RunsTable, y: int) -> Strip:
            painted.append(y)
            return render_line(table, y)

        monkeypatch.setattr(RunsTable, "render_line", counted)
        session.give(RunsChanged((dataclasses.replace(make_run(3, 0.7), summary={"accuracy": 0.7, "loss": 0.123}),)))
        await until(pilot, lambda: "0.1230" in text_of(screen))
        assert set(painted) == {screen.table.board.rows.index("run3") + 1}, "not the whole table for words in its frame"


async def test_the_keys_in_the_footer_are_made_anew_for_another_state_only() -> None:
    async with sweep_screen(()) as (pilot, screen, session):
        session.give(a_sweep(best_value=0.9), RUNS)
        await until(pilot, lambda: "rose-sweep-2" in text_of(screen))
        keys = list(screen.query(FooterKey))
        session.give(a_sweep(best_value=0.95))
        await until(pilot, lambda: screen.feed.sweep is not None and screen.feed.sweep.best_value == 0.95)
        assert keys and list(screen.query(FooterKey)) == keys
        session.give(a_sweep(best_value=0.95, state=SweepState.FINISHED))
        shown = sum(key.display for key in keys)
        is_less = lambda: sum(key.display for key in screen.query(FooterKey)) < shown  # noqa: E731
        await until(pilot, is_less, "nothing is left to pause")


async def test_a_leaderboard_with_few_runs_leaves_its_space_to_the_chart() -> None:
    async with sweep_screen(size=(120, 50)) as (pilot, screen, session):
        await until(pilot, lambda: screen.table.size.height == 10, "a title and the nine runs to come")
        assert screen.chart.size.height > 15
        session.give(RunsChanged(tuple(make_run(number, number / 100) for number in range(1, 60))))
        await until(pilot, lambda: screen.table.size.height > 15)
        assert screen.chart.size.height >= 8
        await pilot.press("m")
        await until(pilot, lambda: screen.chart.size.height > 30, "the large chart has the body to itself")


@pytest.mark.parametrize("size", [(20, 5), (3, 2), (40, 10), (300, 100)])
async def test_odd_sizes_do_not_break_it(size: tuple[int, int]) -> None:
    async with sweep_screen(size=size) as (pilot, screen, _):
        for key in ("2", "3", "4", "1"):
            await pilot.press(key)
        assert screen.is_current


async def test_before_the_server_answers_it_says_so() -> None:
    async with sweep_screen(()) as (pilot, screen, _):
        await until(pilot, lambda: "Reading the sweep" in text_of(screen))


async def test_a_sweep_without_runs_says_what_happens_next() -> None:
    async with sweep_screen((a_sweep(), RunsChanged(()), AgentsChanged(()))) as (pilot, screen, session):
        await until(pilot, lambda: "No runs yet" in text_of(screen))
        session.give(AgentsChanged((make_agent(1),)), RunsChanged(()))
        session.give(a_sweep(run_count=1))
        await until(pilot, lambda: "Waiting for the first run" in text_of(screen))


async def test_a_sweep_that_does_not_exist_is_one_sentence() -> None:
    session = FeedSession()
    session.follow_failure = NotFoundError("There is no sweep wine-grid.", hint="Check the id.")
    app = SweepApp(session)
    async with app.run_test(size=(100, 30)) as pilot:
        screen = SweepScreen(session, REFERENCE)
        await app.push_screen(screen)
        await until(pilot, lambda: "There is no sweep wine-grid." in text_of(screen))
        screen.show_runs()
        await pilot.pause()
        assert "Check the id." in text_of(screen), "also when the table is shown anew"


async def test_a_fault_of_the_program_is_said_instead_of_reading_for_ever() -> None:
    session = FeedSession()
    session.follow_failure = KeyError("runCount")
    app = SweepApp(session)
    async with app.run_test(size=(100, 30)) as pilot:
        screen = SweepScreen(session, REFERENCE)
        await app.push_screen(screen)
        await until(pilot, lambda: "KeyError" in text_of(screen))
        await until(pilot, lambda: "Reading" not in text_of(screen))


async def test_a_lost_server_keeps_the_data_and_counts_down() -> None:
    async with sweep_screen() as (pilot, screen, session):
        session.give(ServerLost("http://127.0.0.1:1 did not answer.", 8.0))
        await until(pilot, lambda: screen.has_class("-lost"))
        await until(pilot, lambda: "Server away" in text_of(screen) and "next attempt in" in text_of(screen))
        assert "rose-sweep-2" in text_of(screen)
        session.give(ServerBack())
        await until(pilot, lambda: not screen.has_class("-lost"))
        session.give(PaceChanged(12.0, was_refused=True, budget=RateBudget(0.03, 40.0)))
        await until(pilot, lambda: "The server asks to slow down: next read in 1" in text_of(screen))
        assert "3% of its budget left, whole in 40" in text_of(screen)
        session.give(PaceChanged(0.0, budget=RateBudget(1.0)))
        await until(pilot, lambda: "slow down" not in text_of(screen))


async def test_the_end_is_announced_with_what_to_do_next() -> None:
    async with sweep_screen() as (pilot, screen, session):
        session.give(a_sweep(state=SweepState.FINISHED))
        await until(pilot, lambda: "Done, 1 of 4 runs failed" in text_of(screen))
        assert "enter run and log" in text_of(screen)
        assert "best accuracy 0.9000 by rose-sweep-2" in text_of(screen)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "by rose-sweep-2" not in text_of(screen))
        assert "Done, 1 of 4 runs failed" in text_of(screen)


async def test_new_values_move_runs_and_the_cursor_stays_on_its_run() -> None:
    async with sweep_screen() as (pilot, screen, session):
        await pilot.press("j")
        assert screen.table.cursor_run_id == "run3"
        session.give(RunsChanged((make_run(1, 0.99), make_run(5, 0.98))))
        await until(pilot, lambda: screen.table.board.rows[0] == "run1")
        assert screen.table.cursor_run_id == "run3"
        await pilot.press("home")
        assert screen.table.cursor_run_id == "run1"
        await pilot.press("end", "k")
        assert screen.table.cursor_run_id == "run3"


async def test_columns_sort_by_key_and_by_click() -> None:
    async with sweep_screen() as (pilot, screen, _):
        await pilot.press("s")
        assert screen.feed.board.sort_column.title == "run"
        assert list(screen.feed.board.rows) == ["run1", "run2", "run3", "run4"]
        await pilot.press("x")
        assert screen.feed.board.rows[0] == "run4"
        table = screen.query_one(RunsTable)
        assert table._layout is not None
        loss = [column.title for column in table._layout.columns].index("loss")
        await pilot.click(RunsTable, offset=(2 + table._layout.starts[loss] + 1, 1))
        await pilot.pause()
        assert screen.feed.board.sort_column.title == "loss"
        assert screen.feed.board.rows[0] == "run2"


async def test_space_takes_a_run_out_of_the_chart_and_back() -> None:
    async with sweep_screen() as (pilot, screen, _):
        assert screen.selection.drawn == ["run2", "run3", "run1"]
        await pilot.press("space")
        assert screen.selection.drawn == ["run3", "run1"]
        await pilot.press("space")
        assert screen.selection.drawn == ["run2", "run3", "run1"]


async def test_the_chart_is_drawn_with_ranks_and_names() -> None:
    async with sweep_screen() as (pilot, screen, _):
        chart = screen.query_one(HistoryChart)
        await until(pilot, lambda: "rose-sweep-2" in chart.picture)
        assert "0.9000" in chart.picture
        await pilot.press("v")
        await until(pilot, lambda: "best so far" in chart.picture)
        await pilot.press("v", "y")
        await until(pilot, lambda: chart.log_y and "rose-sweep-2" in chart.picture)


async def test_another_metric_is_read_from_the_histories() -> None:
    async with sweep_screen() as (pilot, screen, session):
        session.history = [HistoryPoint(step, {"loss": 1 / (1 + step)}) for step in range(8)]
        await pilot.press("slash", *"los", "enter")
        await until(pilot, lambda: set(session.histories_read) >= {"run1", "run2", "run3"})
        await until(pilot, lambda: "loss" in str(screen.chart.border_title))
        await pilot.press("slash", *"nothing", "enter")
        assert screen.wish.metric_name == "loss"


async def test_the_filter_narrows_as_it_is_typed_and_escape_clears_it() -> None:
    async with sweep_screen() as (pilot, screen, _):
        await pilot.press("f", *"accuracy>0.6")
        assert list(screen.feed.board.rows) == ["run2", "run3"]
        await pilot.press("enter")
        assert screen.table.has_focus
        await pilot.press("escape")
        assert len(screen.feed.board.rows) == 4
        assert screen.is_current


async def test_the_filter_completes_keys_and_values_and_says_what_is_odd() -> None:
    async with sweep_screen(size=(80, 24)) as (pilot, screen, _):
        await pilot.press("f", *"sta")
        await until(pilot, lambda: "running, finished, failed" in text_of(screen))
        await pilot.press("tab", *"=fin")
        await until(pilot, lambda: screen.prompt.value == "state=fin" and "finished" in text_of(screen))
        await pilot.press("down", "enter")
        assert screen.prompt.value == "state=finished" and screen.prompt.has_focus
        await until(pilot, lambda: list(screen.feed.board.rows) == ["run2", "run3", "run1"])
        await pilot.press(*" acuracy>0.6")
        await until(pilot, lambda: "Nothing is called acuracy;" in text_of(screen))
        assert "accuracy?" in text_of(screen)
        await pilot.press("escape")
        assert screen.table.has_focus


async def test_a_filter_without_a_match_says_so() -> None:
    async with sweep_screen() as (pilot, screen, _):
        await pilot.press("f", *"tulip")
        await until(pilot, lambda: "No run matches" in text_of(screen))
        await pilot.press("escape")
        assert not screen.query_one("#prompt", Input).has_focus


async def test_best_and_last_value_rank_differently() -> None:
    async with sweep_screen() as (pilot, screen, _):
        await pilot.press("b")
        assert screen.feed.board.by == "last"
        await until(pilot, lambda: "by last value" in text_of(screen))


async def test_panes_take_turns_on_a_small_terminal() -> None:
    async with sweep_screen(size=(80, 24)) as (pilot, screen, _):
        assert screen.front == "runs" and not screen.query_one(AgentsPanel).display
        await pilot.press("4")
        await until(pilot, lambda: "step 3 accuracy 0.9" in text_of(screen))
        await pilot.press("3")
        await until(pilot, lambda: "c copy" in text_of(screen) or "★ accuracy 0.9000" in text_of(screen))
        await pilot.press("escape")
        assert screen.front == "runs"
        await pilot.press("m")
        assert screen.front == "chart"
        await pilot.press("0")
        assert screen.front == "runs"


async def test_a_pane_fills_a_large_terminal_when_its_key_is_pressed_twice() -> None:
    async with sweep_screen() as (pilot, screen, _):
        await pilot.press("2")
        assert screen.front == ""
        await pilot.press("2")
        assert screen.front == "chart"
        await pilot.press("escape")
        assert screen.front == "" and screen.table.has_focus
        await pilot.press("left_square_bracket", "right_square_bracket")
        assert screen.has_class("-no-agents") and screen.has_class("-no-best")
        await pilot.press("0")
        assert not screen.has_class("-no-agents")


@pytest.mark.parametrize(
    ("key", "state"),
    [("P", SweepState.PAUSED), ("S", SweepState.FINISHED), ("X", SweepState.CANCELED)],
)
async def test_steering_asks_first(key: str, state: SweepState) -> None:
    async with sweep_screen() as (pilot, screen, session):
        await pilot.press(key)
        await until(pilot, lambda: isinstance(screen.app.screen, ConfirmScreen))
        await pilot.press("n")
        assert session.states_set == []
        await pilot.press(key)
        await until(pilot, lambda: isinstance(screen.app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: session.states_set == [("wine-grid", state)])


async def test_a_paused_sweep_resumes_at_once() -> None:
    async with sweep_screen((a_sweep(state=SweepState.PAUSED), RUNS)) as (pilot, _, session):
        await pilot.press("p")
        await until(pilot, lambda: session.states_set == [("wine-grid", SweepState.RUNNING)])


async def test_agents_are_added_drained_and_stopped() -> None:
    async with sweep_screen() as (pilot, screen, session):
        await pilot.press("plus")
        await until(pilot, lambda: session.agents_started == [1])
        await pilot.press("minus")
        await until(pilot, lambda: session.agents_drained == 1)
        await pilot.press("underscore")
        await until(pilot, lambda: isinstance(screen.app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: session.agents_stopped == 1)


async def test_the_best_configuration_is_copied_and_written(tmp_path: Path) -> None:
    async with sweep_screen(cwd=tmp_path) as (pilot, screen, _):
        await pilot.press("c")
        await until(pilot, lambda: "depth: 3" in screen.app.clipboard)
        await pilot.press("E")
        await until(pilot, lambda: isinstance(screen.app.screen, ExportScreen))
        await pilot.press("j", "enter")
        await until(pilot, lambda: "--depth=3" in screen.app.clipboard)
        await pilot.press("E")
        await until(pilot, lambda: isinstance(screen.app.screen, ExportScreen))
        await pilot.press("j", "j", "j", "j", "enter")
        path = tmp_path / "best-wine-grid.yaml"
        await until(pilot, path.exists)
        assert "trees: 150" in path.read_text()
        await pilot.press("E")
        await until(pilot, lambda: "Replace best-wine-grid.yaml" in text_of(screen.app.screen))
        await pilot.press("k", "enter")
        await until(pilot, (tmp_path / "screen-wine-grid.svg").exists)
        picture = (tmp_path / "screen-wine-grid.svg").read_text()
        assert "rose-sweep-2" in picture and "Hydra" not in picture
        # A terminal without a clipboard gets a file.
        screen.environ = {"TERM": "linux"}
        await pilot.press("c")
        await until(pilot, (tmp_path / "best-wine-grid-2.yaml").exists)


async def test_without_a_best_run_the_rest_can_be_taken(tmp_path: Path) -> None:
    async with sweep_screen((a_sweep(), RunsChanged((make_run(1),))), cwd=tmp_path, size=(80, 24)) as (
        pilot,
        screen,
        _,
    ):
        await pilot.press("E")
        await until(pilot, lambda: "The run, every column" in text_of(screen.app.screen))
        assert "Hydra" not in text_of(screen.app.screen)
        await pilot.press("escape")
        await until(pilot, lambda: screen.is_current)


async def test_enter_opens_the_run_and_escape_comes_back() -> None:
    async with sweep_screen() as (pilot, screen, session):
        session.run = make_run(2, 0.9)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(screen.app.screen, RunScreen))
        await pilot.press("escape")
        await until(pilot, lambda: screen.is_current)


async def test_leaving_ends_the_follower() -> None:
    async with sweep_screen() as (pilot, screen, session):
        await pilot.press("escape")
        await until(pilot, lambda: not screen.is_attached)
        await until(pilot, session.left.is_set)


async def test_a_sweep_without_a_metric_lists_its_runs() -> None:
    async with sweep_screen((a_sweep(metric=None), RUNS)) as (pilot, screen, _):
        await until(pilot, lambda: "names no metric" in text_of(screen))
        assert list(screen.feed.board.rows) == ["run1", "run2", "run3", "run4"]


async def test_only_what_changed_is_repainted_among_ten_thousand_runs() -> None:
    runs = RunsChanged(tuple(make_run(number, number / 20_000) for number in range(10_000)))
    async with sweep_screen((a_sweep(run_count_expected=20_000), runs)) as (pilot, screen, _):
        await until(pilot, lambda: len(screen.table.board.rows) == 10_000)
        await until(pilot, lambda: "10,000/20,000" in text_of(screen))
        costs = []
        for batch in range(5):
            changed = tuple(make_run(number, 0.1 + batch / 100) for number in range(20))
            started = time.perf_counter()
            screen.show_change(screen.feed.apply([RunsChanged(changed)]))
            costs.append(time.perf_counter() - started)
            await pilot.pause()
        # The budget is 30 ms; five times that still tells a bounded refresh from one that visits every cell.
        assert min(costs) < 0.15, costs


async def test_columns_are_chosen_moved_and_kept_for_the_project() -> None:
    async with sweep_screen() as (pilot, screen, session):
        await pilot.press("C")
        await until(pilot, lambda: "[x] state" in text_of(pilot.app.screen))
        await pilot.press("down", "down", "space", "n")
        assert "state" not in [column.title for column in screen.feed.board.columns]
        await pilot.press("m", *"mean 2 loss")
        await until(pilot, lambda: "mean 2 loss" in text_of(pilot.app.screen))
        await pilot.press("enter")
        await until(pilot, lambda: any(screen.feed.board.computed.values()), "read from the histories")
        await pilot.press("escape")
        await until(pilot, lambda: "mean of last 2" in text_of(screen) and "0.4500" in text_of(screen))
        assert "depth 3 trees" in text_of(screen)
    async with sweep_screen(size=(200, 50)) as (pilot, screen, _):
        await until(pilot, lambda: screen.feed.board.view.parameter_names, "the choice was kept")
        assert "state" not in [column.title for column in screen.feed.board.columns]
        await until(pilot, lambda: any(screen.feed.board.computed.values()))
        await pilot.press("C")
        await until(pilot, lambda: "[ ] state" in text_of(pilot.app.screen))
        # A click on a name chooses it for the buttons, one on its box shows it.
        await pilot.click("#columns", offset=(9, 3))
        buttons = {button.name: button for button in pilot.app.screen.query(Button)}
        for name in ("pin", "widen(2)"):
            await pilot.click(buttons[name])
        view, metric = screen.feed.board.view, screen.feed.board.columns[2]
        assert (metric.key, view.pinned) == ("metric", ["metric"]) and "metric" in view.widths
        assert "metric" not in view.shown, "to choose is not to hide"
        await pilot.click("#columns", offset=(2, 3))
        assert "state" in [column.title for column in screen.feed.board.columns]


async def test_titles_are_dragged_to_move_a_column_and_edges_to_widen_it() -> None:
    async with sweep_screen() as (pilot, screen, _):
        table = screen.table

        def place(title: str) -> tuple[int, int]:
            """Return where a title begins and ends, within the frame and its padding."""
            assert table._layout is not None
            index = [column.title for column in table._layout.columns].index(title)
            start = 2 + table._layout.starts[index]
            return start, start + table._layout.widths[index]

        order = [column.title for column in screen.feed.board.columns]
        assert order.index("depth") < order.index("trees")
        # A title to the place of another one; the order of the rows stays.
        await pilot.mouse_down(RunsTable, offset=(place("trees")[0] + 1, 1))
        await pilot.hover(RunsTable, offset=(place("depth")[0] + 1, 1))
        await pilot.mouse_up(RunsTable, offset=(place("trees")[0] + 1, 1))
        order = [column.title for column in screen.feed.board.columns]
        assert order.index("trees") + 1 == order.index("depth")
        assert screen.feed.board.sort_column.title == "#"
        start, end = place("state")
        await pilot.mouse_down(RunsTable, offset=(end, 1))
        await pilot.hover(RunsTable, offset=(end + 5, 1))
        await pilot.mouse_up(RunsTable, offset=(end + 5, 1))
        assert place("state") == (start, end + 5)
        await until(pilot, lambda: read_view(screen._view_file()) == screen.feed.board.view, "kept for the project")
        await pilot.click(RunsTable, offset=(place("loss")[0] + 1, 1))
        await until(pilot, lambda: screen.feed.board.sort_column.title == "loss", "a click still sorts")


async def test_all_of_the_columns_dialog_is_in_sight_on_a_small_terminal() -> None:
    async with sweep_screen(size=(80, 24)) as (pilot, screen, session):
        many = dataclasses.replace(make_run(9, 0.5), summary={f"metric{number}": 1.0 for number in range(20)})
        session.give(RunsChanged((many,)))
        await until(pilot, lambda: len(screen.feed.board.all_columns) > 20)
        await pilot.press("C")
        await until(pilot, lambda: "r reset" in text_of(pilot.app.screen))
        assert pilot.app.screen.query_one(".dialog").max_scroll_y == 0


async def test_shift_click_and_a_key_order_by_a_further_column() -> None:
    async with sweep_screen() as (pilot, screen, _):
        table = screen.table
        assert table._layout is not None
        titles = [column.title for column in table._layout.columns]
        starts = table._layout.starts
        await pilot.click(RunsTable, offset=(2 + starts[titles.index("depth")] + 1, 1))
        await pilot.click(RunsTable, offset=(2 + starts[titles.index("trees")] + 1, 1), shift=True)
        await pilot.pause()
        assert [level.column.title for level in screen.feed.board.sorts] == ["depth", "trees"]
        await until(pilot, lambda: "depth ▾1" in text_of(screen) and "trees ▾2" in text_of(screen))
        await pilot.press("x", "a")
        assert [level.reverse for level in screen.feed.board.sorts] == [False, True, False]
        await pilot.press("0")
        assert len(screen.feed.board.sorts) == 1


async def test_runs_are_marked_compared_tagged_noted_and_deleted() -> None:
    async with sweep_screen(size=(80, 24)) as (pilot, screen, session):
        await pilot.press("M", "M", "d")
        await until(pilot, lambda: "2 runs compared" in text_of(pilot.app.screen))
        shown = text_of(pilot.app.screen)
        assert "★ 0.9000" in shown and "rose-sweep-3" in shown and "dataset" not in shown
        assert "best accuracy" in shown and "last loss" in shown and "trees" in shown
        await pilot.press("escape", "T", *", gpu", "enter")
        await until(pilot, lambda: len(session.changed) == 2)
        assert session.changed == [("run2", ("nightly", "gpu")), ("run3", ("nightly", "gpu"))]
        await until(pilot, lambda: "gpu" in screen.feed.board.runs["run3"].tags)
        await pilot.press("M", "t", *"odd", "enter")
        await until(pilot, lambda: screen.feed.board.runs["run1"].notes == "odd")
        await pilot.press("delete", "y")
        await until(pilot, lambda: len(screen.feed.board.runs) == 1 and not screen.marked_ids)
        assert list(screen.feed.board.rows) == ["run4"]
        assert session.deleted == ["run2", "run3", "run1"]
