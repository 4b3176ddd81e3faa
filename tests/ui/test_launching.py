"""From the builder into the live view: the launch dialog, by keys and by mouse."""

from __future__ import annotations

import pytest
from textual.widgets import Input, Static

from tests.ui.memory_session import MemorySession, make_sweep
from tests.ui.test_sweep_builder import opened
from tests.ui.wait_for import wait_for
from trainer.errors import ServerLostError
from trainer.records import SweepReference
from trainer.settings import Settings
from tui.app import SweepApp
from tui.launch_choice import memory_path, recall, remember
from tui.messages import SweepOpenRequested
from tui.screens.confirm import NoticeScreen
from tui.screens.launch import LaunchScreen
from tui.screens.sweeps import SweepsScreen
from tui.sweep_draft import FRESH_CONFIG
from tui.widgets.choice_strip import ChoiceStrip
from tui.widgets.form_field import FormField


async def test_launching_asks_for_agents_and_project_and_opens_the_live_view() -> None:
    seen: list[object] = []
    session = MemorySession()
    app = SweepApp(session)
    async with app.run_test(message_hook=seen.append) as pilot:
        await opened(pilot)
        await pilot.press("ctrl+l")
        await wait_for(pilot, lambda: isinstance(app.screen, LaunchScreen) and app.focused is not None)
        app.screen.query_one("#field-agents Input", Input).value = "many"
        await pilot.press("ctrl+l")
        assert isinstance(app.screen, LaunchScreen)
        app.screen.query_one("#field-agents Input", Input).value = "3"
        app.screen.query_one("#field-project Input", Input).value = "mine"
        await pilot.press("ctrl+l")
        await wait_for(pilot, lambda: any(isinstance(message, SweepOpenRequested) for message in seen))

        assert session.launched == [(FRESH_CONFIG, 3, "mine")]
        request = next(message for message in seen if isinstance(message, SweepOpenRequested))
        assert request.reference == SweepReference("local", "wine", "launched")


async def test_digits_typed_into_the_launch_dialog_are_the_agents() -> None:
    session = MemorySession()
    app = SweepApp(session)
    async with app.run_test() as pilot:
        await opened(pilot)
        await pilot.press("ctrl+l")
        await wait_for(pilot, lambda: isinstance(app.screen, LaunchScreen) and app.focused is not None)
        await pilot.press("3", "enter")
        await wait_for(pilot, lambda: bool(session.launched))
        assert [agents for _, agents, _ in session.launched] == [3]


async def test_the_launch_dialog_asks_for_gpus_where_there_are_some() -> None:
    session = MemorySession()
    session.gpus = "0, 1 (1 busy)"
    app = SweepApp(session)
    async with app.run_test() as pilot:
        await opened(pilot)
        await pilot.press("ctrl+l")
        await wait_for(pilot, lambda: isinstance(app.screen, LaunchScreen) and app.focused is not None)
        await wait_for(pilot, lambda: app.screen.query_one("#field-gpus").display)
        field = app.screen.query_one("#field-gpus Input", Input)
        assert field.placeholder == "all, none or numbers; here: 0, 1 (1 busy)"
        field.value = "first"
        await pilot.press("ctrl+l")
        assert isinstance(app.screen, LaunchScreen)
        assert "`--gpus first` names no GPU" in str(app.screen.query_one("#field-gpus .field-problem", Static).content)
        field.value = "0,1"
        app.screen.query_one("#field-agents Input", Input).value = ""
        await pilot.press("ctrl+l")
        await wait_for(pilot, lambda: bool(session.launched))
        assert session.gpus_asked_for == ["0,1"]
        assert [agents for _, agents, _ in session.launched] == [None]


async def test_the_launch_dialog_asks_for_no_gpus_where_there_are_none() -> None:
    session = MemorySession()
    app = SweepApp(session)
    async with app.run_test() as pilot:
        await opened(pilot)
        await pilot.press("ctrl+l")
        await wait_for(pilot, lambda: isinstance(app.screen, LaunchScreen) and app.focused is not None)
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert not app.screen.query_one("#field-gpus").display
        agents = app.screen.query_one("#field-agents Input", Input)
        agents.value = ""
        await pilot.press("ctrl+l")
        assert isinstance(app.screen, LaunchScreen)
        agents.value = "1"
        await pilot.press("enter")
        await wait_for(pilot, lambda: bool(session.launched))
        assert session.gpus_asked_for == [""]


async def test_the_dialog_says_what_will_happen_while_it_is_filled_in_and_names_what_is_wrong() -> None:
    session = MemorySession()
    session.gpus = "0"
    app = SweepApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("ctrl+l")
        await wait_for(pilot, lambda: isinstance(app.screen, LaunchScreen) and app.focused is not None)
        await wait_for(pilot, lambda: app.screen.query_one("#field-gpus").display)
        sentence = app.screen.query_one("#launch-sentence", Static)
        await pilot.press("4")
        await wait_for(pilot, lambda: "9 runs, 4 at a time, on the embedded server" in str(sentence.content))
        for field in app.screen.query(FormField):
            field.focus_control()
            await pilot.press("home", "?", "/", "x")
            await wait_for(pilot, lambda field=field: field.has_class("-problem"))  # type: ignore[misc]
        assert "9 problems above" in str(sentence.content)
        await pilot.press("enter")
        assert isinstance(app.screen, LaunchScreen)
        assert app.screen.focused is app.screen.query_one("#field-agents Input")
        assert session.launched == []


async def test_the_mouse_alone_launches_and_the_choices_are_there_the_next_time() -> None:
    remember(memory_path(), {"agents": "3", "budget": "2h", "project": "mine"})
    session = MemorySession()
    app = SweepApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await wait_for(pilot, lambda: screen.last_choices.get("agents") == "3")
        await wait_for(pilot, lambda: any(key.region for key in screen.query("FooterKey")))
        await pilot.click(next(key for key in screen.query("FooterKey") if "Launch" in str(key.render())))
        await wait_for(pilot, lambda: isinstance(app.screen, LaunchScreen) and app.focused is not None)
        budget = app.screen.query_one("#field-budget Input", Input)
        assert budget.value == "2h"
        await pilot.click(budget)
        await pilot.press("end", "backspace", "m")
        await pilot.click("#agree")
        await wait_for(pilot, lambda: bool(session.launched))
        assert session.launched == [(FRESH_CONFIG, 3, "mine")]
        await wait_for(pilot, lambda: recall(memory_path()) == {
            "agents": "3", "project": "mine", "gpus": "", "slots_per_gpu": "", "gpus_per_run": "", "timeout": "",
            "budget": "2m", "max_failures": "",
        })  # fmt: skip


async def test_gpus_of_the_last_launch_that_are_gone_keep_nobody_from_launching() -> None:
    remember(memory_path(), {"agents": "", "gpus": "0,1"})
    session = MemorySession()
    app = SweepApp(session)
    async with app.run_test() as pilot:
        await opened(pilot)
        await app.workers.wait_for_complete()
        await pilot.pause()
        await pilot.press("ctrl+l")
        await wait_for(pilot, lambda: isinstance(app.screen, LaunchScreen) and app.focused is not None)
        await wait_for(pilot, lambda: not app.screen.query_one("#field-gpus").display)
        await pilot.press("enter")
        await wait_for(pilot, lambda: bool(session.launched))
        assert session.gpus_asked_for == [""]
        assert session.launched[0][1] is not None


async def test_a_launch_that_fails_says_why_and_loses_nothing() -> None:
    app = SweepApp(MemorySession(failure=ServerLostError("The server is gone.", hint="Start it.")))
    async with app.run_test() as pilot:
        screen = await opened(pilot)
        await pilot.press("ctrl+l")
        await wait_for(pilot, lambda: isinstance(app.screen, LaunchScreen) and app.focused is not None)
        await pilot.press("enter")
        await wait_for(pilot, lambda: isinstance(app.screen, NoticeScreen))
        await pilot.press("escape")

        assert app.screen is screen
        assert screen.document.draft.config() == FRESH_CONFIG


class TwoServers(MemorySession):
    """A session that can turn to another server."""

    other: MemorySession

    def on_server(self, settings: Settings) -> MemorySession:
        return self if settings == self.settings else self.other


async def test_a_launch_goes_to_another_known_server_and_the_app_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:21000")
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    session = TwoServers()
    session.other = MemorySession([make_sweep("over there")])
    app = SweepApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await wait_for(pilot, lambda: len(screen.known_servers) == 2)
        session.other.settings = screen.known_servers["127.0.0.1:21000"]
        screen.document.draft.other_notes["parameters"] = ["reuse the runs of me/project/earlier"]
        screen.document.form_edited("fork", "")
        await pilot.press("ctrl+l")
        await wait_for(pilot, lambda: isinstance(app.screen, LaunchScreen) and app.focused is not None)
        strip = app.screen.query_one("#field-server ChoiceStrip", ChoiceStrip)
        assert strip.options == ("local", "127.0.0.1:21000")
        await wait_for(pilot, lambda: strip.region.height == 1)
        await pilot.click(strip, offset=(10, 0))
        said = app.screen.query_one("#launch-sentence", Static)
        await wait_for(pilot, lambda: "on the server 127.0.0.1:21000" in str(said.render()))
        assert "It starts afresh: the runs it would reuse are not there." in " ".join(str(said.render()).split())
        await pilot.press("ctrl+l")
        await wait_for(pilot, lambda: bool(session.other.launched))
        assert session.other.reused == [None]
        await wait_for(pilot, lambda: app.session is session.other)

        assert not session.launched
        assert isinstance(app.screen_stack[1], SweepsScreen)
        assert app.screen_stack[1].session is session.other
