"""Going to another server from the app, and logging in to it: two real servers, and wandb's own storing of the key."""

from __future__ import annotations

import netrc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from tests.ui.wait_for import wait_for
from trainer.errors import AuthenticationError, InputError, ServerLostError
from trainer.login import log_in
from trainer.server.lifecycle import ServerAddress, ensure_running, stop_server
from trainer.servers_file import remembered_servers
from trainer.settings import ServerKind, Settings
from tui.app import SweepApp
from tui.screens.choose_project import ChooseProjectScreen
from tui.screens.servers import ServersScreen
from tui.screens.sweeps import SweepsScreen
from tui.session import Session
from tui.widgets.app_header import AppHeader


@pytest.fixture
def other(tmp_path: Path) -> Iterator[ServerAddress]:
    """A second server, as somebody else's would be."""
    yield ensure_running(tmp_path / "other")
    stop_server(tmp_path / "other")
    stop_server()


async def test_one_logs_in_to_another_server_and_back(other: ServerAddress, tmp_path: Path) -> None:
    app = SweepApp(Session(Settings(ServerKind.EMBEDDED, ""), tmp_path))
    async with app.run_test(size=(100, 30)) as pilot:
        home = pilot.app.screen_stack[1]
        assert isinstance(home, SweepsScreen)
        header = home.query_one(AppHeader)
        await wait_for(pilot, lambda: header.server.startswith("embedded server http"))
        here = header.server

        await pilot.press("@")
        await wait_for(pilot, lambda: isinstance(app.screen, ServersScreen))
        options = app.screen.query_one(OptionList)
        await wait_for(pilot, lambda: options.option_count == 3)
        await pilot.press("end", "enter")
        note = app.screen.query_one("#login-note")
        app.screen.query_one("#login-server", Input).value = other.base_url
        await pilot.press("enter", *"wrong", "enter")
        await wait_for(pilot, lambda: "it has 5 letters" in str(note.render()))
        app.screen.query_one("#login-key", Input).value = "w" * 40
        await pilot.press("enter")
        await wait_for(pilot, lambda: "refused the API key" in str(note.render()))
        key = app.screen.query_one("#login-key", Input)
        assert key.password and key.has_focus
        key.value = other.api_key
        await pilot.press("enter")
        await wait_for(pilot, lambda: isinstance(app.screen, ChooseProjectScreen), seconds=30)
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.screen is home and header.server.endswith(other.base_url))

        stored = netrc.netrc(str(Path(os.environ["HOME"]) / ".netrc")).authenticators(
            other.base_url.removeprefix("http://")
        )
        assert stored is not None and stored[2] == other.api_key
        assert remembered_servers() == [other.base_url]
        assert other.api_key not in "".join(
            path.read_text(errors="replace") for path in Path(os.environ["HOME"]).rglob("*.json")
        )
        await pilot.press("@")
        await wait_for(pilot, lambda: isinstance(app.screen, ServersScreen) and bool(app.screen.servers))
        assert isinstance(app.screen, ServersScreen)
        assert set(app.screen.servers) == {"local", other.base_url.removeprefix("http://")}
        options = app.screen.query_one(OptionList)
        options.highlighted = [options.get_option_at_index(row).id for row in range(2)].index("local")
        await pilot.press("enter")
        await wait_for(pilot, lambda: header.server == here)


def test_a_key_that_cannot_be_one_or_a_server_that_is_none_is_told() -> None:
    for key in ("", "two words", "a\x1bb"):
        with pytest.raises(InputError, match="no API key"):
            log_in("cloud", key)
    with pytest.raises(InputError, match="it has 39 letters"):
        log_in("cloud", "local-" + "a" * 39)
    with pytest.raises(InputError, match="is not a server"):
        log_in("ftp://x", "a" * 40)
    with pytest.raises(ServerLostError, match="cannot be reached"):
        log_in("http://127.0.0.1:9", "a" * 40)
    assert not (Path(os.environ["HOME"]) / ".netrc").exists()


def test_a_key_that_wandb_cannot_store_is_told_without_it(
    other: ServerAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETRC", "/nonexistent/folder/netrc")
    with pytest.raises(AuthenticationError) as caught:
        log_in(other.base_url, other.api_key)
    assert "could not store the key" in str(caught.value) and other.api_key not in str(caught.value)
