from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.screen import Screen
from textual.strip import Strip

from tests.ui.feed_session import a_sweep, make_agent, make_run
from tests.ui.test_sweep_screen import RUNS, sweep_screen, text_of, until
from trainer.events import AgentsChanged, RunsChanged, SweepEvent
from trainer.records import FailureGroup, LocalAgent
from trainer.states import AgentState, RunState, SweepState
from tui.screens.confirm import ConfirmScreen
from tui.screens.run_log import RunLogScreen
from tui.widgets.agents_panel import AgentsPanel

SIZES = [(80, 24), (120, 36)]
OOM = FailureGroup("f1", "cuda_oom", "CUDA out of memory", "CUDA out of memory at train.py:41: 20 MiB", "run4", 2)


def agents(*changes: dict[str, object]) -> AgentsChanged:
    base = make_agent(1, "run1")
    return AgentsChanged(
        tuple(
            dataclasses.replace(base, slot=slot, host_pid=7, **change)  # type: ignore[arg-type]
            for slot, change in enumerate(changes, start=1)
        )
    )


def feed(*changes: dict[str, object], **sweep: object) -> tuple[SweepEvent, ...]:
    return a_sweep(**sweep), RUNS, agents(*changes)


def told(screen: Screen[Any], text: str) -> bool:
    return any(text in note.message for note in screen.app._notifications)


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([], ["No agents on this machine", "+ starts one."]),
        ([{}], ["● running", "rose-sweep-1", "step 3"]),
        ([{}, {"run_id": "run2"}, {"run_id": "run3"}], ["rose-sweep-1", "rose-sweep-2", "rose-sweep-3"]),
        ([{"device": "GPU 0 NVIDIA H100 80GB HBM3 (GPU-1a2b3c4d)"}], ["GPU 0 H100"]),
        ([{"device": "no NVIDIA GPU"}], ["CPU"]),
        ([{"starts": "…/.venv/bin/python 3.11, warm"}], ["process 7", "python 3.11, warm"]),
        ([{"draining": True}], ["◑ draining"]),
        ([{"stopping": "asked", "next_stop_step": "kills", "next_stop_at": soon(99)}], ["◐ stopping", "asked, kills"]),
        ([{"run_id": "", "waits_until": soon(90000), "last_line": "x"}], ["◔ resting", "rests 2"]),
        ([{"life": 2}], ["rose-sweep-1 try 2"]),
        ([{"failures": (OOM,), "runs_failed": 2}], ["✗ 2 runs failed", "2 × CUDA out of memory at train.py:41"]),
        ([{"state": AgentState.FAILED, "run_id": "", "last_line": "The key was refused."}], ["✗ failed", "The key"]),
        ([{"state": AgentState.STOPPED, "run_id": ""}], ["■ stopped"]),
        ([{"last_line": "\x1b[2J\x1b]0;x\x07evil\u202e [b]bold"}], ["evil [b]bold"]),
    ],
)  # fmt: skip
async def test_each_state_is_told(size: tuple[int, int], changes: list[dict[str, object]], expected: list[str]) -> None:
    async with sweep_screen(feed(*changes), size=size) as (pilot, screen, _):
        await pilot.press("4")
        await until(pilot, lambda: all(part in text_of(screen) for part in expected), text_of(screen))


async def test_a_panel_that_was_hidden_shows_what_came_meanwhile() -> None:
    async with sweep_screen(feed({}), size=(80, 24)) as (pilot, screen, session):
        session.give(agents({}, {"run_id": "run3"}))
        await until(pilot, lambda: len(screen.feed.agents) == 2)
        assert screen.panel.text == ""
        await pilot.press("4")
        await until(pilot, lambda: "rose-sweep-3" in text_of(screen))


async def test_the_cursor_stays_on_its_slot_and_walks_over_failures() -> None:
    async with sweep_screen(feed({}, {"run_id": "run2"}, {"failures": (OOM,)})) as (pilot, screen, session):
        panel = screen.query_one(AgentsPanel)
        assert panel.chosen_agent is None, "without the focus nobody means a slot"
        await pilot.press("4", "down")
        assert panel.chosen_agent is not None and panel.chosen_agent.slot == 2
        session.give(agents({"state": AgentState.STOPPED}, {"run_id": "run2"}, {"failures": (OOM,)}))
        await until(pilot, lambda: "▸ 2" in text_of(screen) and "  1  " not in panel.text)
        assert panel.chosen_agent.slot == 2
        await pilot.press("end")
        assert panel.chosen_agent is None
        await until(pilot, lambda: "▸   2 ×" in text_of(screen))
        await pilot.press("home", "j", "k")
        assert panel.selected_agent is not None and panel.selected_agent.slot == 2


async def test_a_click_selects_and_a_second_one_opens_the_log(tmp_path: Path) -> None:
    log = tmp_path / "run2.log"
    log.write_text("hello from run 2\n")
    async with sweep_screen(feed({}, {"run_id": "run2", "log_path": log})) as (pilot, screen, _):
        await pilot.click(AgentsPanel, offset=(5, 2))
        assert screen.panel.chosen_agent is not None and screen.panel.chosen_agent.slot == 2
        await pilot.click(AgentsPanel, offset=(5, 2), times=2)
        await until(pilot, lambda: isinstance(screen.app.screen, RunLogScreen))
        await until(pilot, lambda: "hello from run 2" in text_of(screen.app.screen))


async def test_only_lines_that_differ_are_painted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    calm: dict[str, object] = {"run_started_at": None}
    async with sweep_screen(feed(calm, calm)) as (pilot, screen, session):
        await until(pilot, lambda: screen.panel._painted)
        await pilot.pause(0.3)
        painted: list[int] = []
        render = AgentsPanel.render_line

        def counted(panel: AgentsPanel, y: int) -> Strip:
            painted.append(y)
            return render(panel, y)

        monkeypatch.setattr(AgentsPanel, "render_line", counted)
        screen._tick()
        await pilot.pause(0.2)
        assert painted == []
        session.give(agents(calm, calm | {"last_line": "news"}))
        await until(pilot, lambda: "news" in text_of(screen))
        assert set(painted) == {1}


@pytest.mark.parametrize("size", SIZES)
async def test_a_log_is_followed_searched_and_left(tmp_path: Path, size: tuple[int, int]) -> None:
    log = tmp_path / "run1.log"
    log.write_text("".join(f"step {number}\n" for number in range(200)))
    async with sweep_screen(feed({"log_path": log}), size=size) as (pilot, screen, _):
        await pilot.press("4", "enter")
        await until(pilot, lambda: isinstance(screen.app.screen, RunLogScreen))
        shown = screen.app.screen
        assert isinstance(shown, RunLogScreen)
        await until(pilot, lambda: "step 199" in text_of(shown) and "following" in text_of(shown))
        with log.open("a") as stream:
            stream.write("Traceback: \x1b[31mboom\x1b[0m\n")
        await until(pilot, lambda: "Traceback: boom" in text_of(shown))
        await pilot.press("slash", *"STEP 42", "enter")
        await until(pilot, lambda: "step 42" in text_of(shown) and "1 of 1" in text_of(shown))
        assert not shown.view.follows
        await pilot.press("escape", "F")
        await until(pilot, lambda: "Traceback: boom" in text_of(shown))
        await pilot.press("slash", *"step 1", "enter", "n")
        await until(pilot, lambda: "of 111" in text_of(shown))
        await pilot.press("N", "up", "down", "pageup", "pagedown", "home")
        await until(pilot, lambda: "step 0" in text_of(shown))
        await pilot.press("end", "escape", "escape")
        await until(pilot, lambda: screen.is_current)


async def test_a_reason_opens_the_log_of_its_newest_run(tmp_path: Path) -> None:
    (tmp_path / "run4.log").write_text("it was the memory\n")
    events = feed({"log_path": tmp_path / "run1.log", "failures": (OOM,)})
    async with sweep_screen(events, size=(80, 24)) as (pilot, screen, _):
        await pilot.press("4", "end", "L")
        await until(pilot, lambda: "it was the memory" in text_of(screen.app.screen))
        assert "rose-sweep-4" in text_of(screen.app.screen)


async def test_a_log_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    events = feed({"log_path": tmp_path / "run1.log"}, {"log_path": None, "run_id": ""})
    async with sweep_screen(events) as (pilot, screen, _):
        await pilot.press("4", "down", "enter")
        await until(pilot, lambda: told(screen, "has run nothing yet"))
        await pilot.press("up", "enter")
        await until(pilot, lambda: "There is no log here." in text_of(screen.app.screen))


async def test_all_agents_are_drained_after_a_question() -> None:
    async with sweep_screen(feed({}, {"run_id": "run2"})) as (pilot, screen, session):
        await pilot.press("D")
        await until(pilot, lambda: "Drain all 2 agents" in text_of(screen.app.screen))
        await pilot.press("n", "D")
        await until(pilot, lambda: isinstance(screen.app.screen, ConfirmScreen))
        assert session.hosts_drained == 0
        await pilot.press("y")
        await until(pilot, lambda: session.hosts_drained == 1)
        session.give(agents({"draining": True}, {"draining": True}))
        await until(pilot, lambda: all(agent.draining for agent in screen.feed.agents))
        await pilot.press("D")
        await until(pilot, lambda: told(screen, "takes further runs"))


async def test_the_selected_slot_is_drained_while_the_agents_have_the_focus() -> None:
    async with sweep_screen(feed({}, {"run_id": "run2"})) as (pilot, screen, session):
        await pilot.press("minus")
        await until(pilot, lambda: session.agents_drained == 1)
        assert session.slots_drained == []
        await pilot.press("4", "down", "minus")
        await until(pilot, lambda: session.slots_drained == [2])
        session.give(agents({}, {"draining": True}))
        await until(pilot, lambda: "draining" in text_of(screen))
        await pilot.press("minus")
        await until(pilot, lambda: told(screen, "Slot 2 takes no further runs already."))
        assert session.slots_drained == [2]


async def test_the_run_of_the_selected_slot_is_stopped() -> None:
    running = RunsChanged((make_run(1, 0.5), make_run(2, 0.6, RunState.RUNNING)))
    events = (a_sweep(), running, agents({"run_id": "run1"}, {"run_id": "run2"}))
    async with sweep_screen(events) as (pilot, screen, _):
        await pilot.press("4", "down", "K")
        await until(pilot, lambda: "Stop rose-sweep-2?" in text_of(screen.app.screen))
        await pilot.press("n")


async def test_failed_points_are_run_again_after_a_question_that_says_how_many() -> None:
    async with sweep_screen(feed({}, state=SweepState.FINISHED)) as (pilot, screen, session):
        session.failed_points = 3
        await pilot.press("R")
        await until(pilot, lambda: isinstance(screen.app.screen, ConfirmScreen))
        shown = text_of(screen.app.screen)
        assert "Run 3 failed points again?" in shown and "3 would be run again" in shown
        assert session.retried == 0
        await pilot.press("y")
        await until(pilot, lambda: session.retried == 1)
        await until(pilot, lambda: told(screen, "enqueued again"))
        session.failed_points = 0
        await pilot.press("R")
        await until(pilot, lambda: told(screen, "No point has failed."))
        assert screen.is_current


async def test_many_slots_scroll_and_odd_sizes_hold() -> None:
    many: list[dict[str, object]] = [{"run_id": f"run{number}"} for number in range(256)]
    async with sweep_screen(feed(*many), size=(80, 24)) as (pilot, screen, _):
        await pilot.press("4", "end")
        await until(pilot, lambda: "▸ 256" in text_of(screen))
        assert isinstance(screen.panel.selected_agent, LocalAgent)
        for size in ((20, 6), (3, 2), (120, 36), (1, 1), (200, 50)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
        await pilot.press("4")
        await until(pilot, lambda: "▸ 256" in text_of(screen))
