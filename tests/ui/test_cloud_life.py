"""Projects, teams, several servers, and faults as the app says them: a real server, and a relay before it."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from textual.pilot import Pilot
from textual.widgets import OptionList

from tests.relay import Relay, errors, relayed
from tests.ui.wait_for import wait_for
from trainer.agents.environment import host_environment
from trainer.login import _store
from trainer.records import Json
from trainer.server.lifecycle import ServerAddress, ensure_running, stop_server
from trainer.servers_file import at_remembered_place, remember_server
from trainer.settings import Connection, ServerKind, Settings, resolve_settings
from trainer.tracking import account
from trainer.tracking.wandb_client import WandbClient
from tui.app import SweepApp
from tui.messages import SweepOpenRequested
from tui.screens import choose_project, sweep_following
from tui.screens.choose_project import ChooseProjectScreen
from tui.screens.sweep import SweepScreen
from tui.screens.sweeps import SweepsScreen
from tui.session import Session
from tui.widgets.app_header import AppHeader

SWEEP: dict[str, Json] = {"method": "grid", "parameters": {"x": {"values": [1, 2]}}}
OTHER_KEY = "o" * 40
_MAKE = 'mutation U($n: String) { upsertModel(input: {entityName: "local", name: $n}) { project { id } } }'


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerAddress]:
    folder = tmp_path_factory.mktemp("places")
    address = ensure_running(folder)
    with requests.Session() as session:
        session.auth = ("api", address.api_key)
        for number in range(25):
            body = {"query": _MAKE, "variables": {"n": f"project-{number:03}"}}
            session.post(f"{address.base_url}/graphql", json=body)
    client = WandbClient(Connection(ServerKind.SELF_HOSTED, address.base_url, address.api_key, "local"))
    client.create_sweep(SWEEP, "local", "wine")
    client.create_sweep(SWEEP, "team", "theirs")
    yield address
    stop_server(folder)


@pytest.fixture
def relay(address: ServerAddress) -> Iterator[Relay]:
    def with_teams(document: str, answer: Any) -> Any:
        if "teams" in document:
            answer["data"]["viewer"]["teams"]["edges"] += [{"node": {"name": name}} for name in ("team", "empty")]
        return answer

    with relayed(address.base_url) as relay:
        relay.amends = with_teams
        yield relay


def rows(screen: ChooseProjectScreen) -> list[str]:
    options = screen.query_one(OptionList)
    return [str(options.get_option_at_index(row).prompt).split("  ")[0].strip() for row in range(options.option_count)]


async def choosing(pilot: Pilot[None]) -> ChooseProjectScreen:
    await pilot.press("p")
    await wait_for(pilot, lambda: isinstance(pilot.app.screen, ChooseProjectScreen))
    screen = pilot.app.screen
    assert isinstance(screen, ChooseProjectScreen)
    await wait_for(pilot, lambda: bool(screen.entity) and not screen.is_reading)
    return screen


async def test_a_project_is_found_by_typing_a_team_is_turned_to_and_the_place_kept(
    relay: Relay, address: ServerAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "PAGE", 10)
    monkeypatch.setattr(choose_project, "MOST_SHOWN", 20)
    here = Settings(ServerKind.SELF_HOSTED, relay.base_url, address.api_key)
    app = SweepApp(Session(here, tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        home = app.screen_stack[1]
        assert isinstance(home, SweepsScreen)
        await wait_for(pilot, lambda: len(home.sweeps or ()) == 1)
        screen = await choosing(pilot)
        assert (rows(screen)[:2], len(screen.projects)) == (["all projects", "wine"], 26), "all pages came"
        assert rows(screen)[-1] == "… and 6 more: type"
        await pilot.press(*"024")
        await wait_for(pilot, lambda: rows(screen) == ["project-024", "+ 024"])
        await pilot.press("enter")
        header = home.query_one(AppHeader)
        await wait_for(pilot, lambda: header.project == "project-024" and home.sweeps == ())
        await wait_for(pilot, lambda: "No sweeps in project-024 yet" in str(home.query_one("#message").render()))

        screen = await choosing(pilot)
        await pilot.press("tab", *"em", "enter")
        await wait_for(pilot, lambda: screen.entity == "empty" and not screen.is_reading)
        assert rows(screen) == ["all projects"], "an entity without a project"
        await pilot.press("tab", *"tea", "enter")
        await wait_for(pilot, lambda: screen.entity == "team" and not screen.is_reading)
        assert rows(screen) == ["all projects", "theirs"]
        await pilot.press(*"the", "enter")
        await wait_for(pilot, lambda: header.project == "team/theirs" and len(home.sweeps or ()) == 1)
        kept = at_remembered_place(here)
        assert (kept.entity, kept.project) == ("team", "theirs")
        assert at_remembered_place(Settings(ServerKind.EMBEDDED, "")).project is None, "each server has a place"

        screen = await choosing(pilot)
        await pilot.press(*"brand-new", "enter")
        await wait_for(pilot, lambda: header.project == "team/brand-new" and home.sweeps == ())
        relay.refuses = lambda document: errors(403, "permission denied") if "models" in document else None
        await pilot.press("p")
        await wait_for(pilot, lambda: isinstance(app.screen, ChooseProjectScreen))
        note = app.screen.query_one("#place-note")
        await wait_for(pilot, lambda: "does not let the owner of this key do that" in str(note.render()))
        await pilot.press(*"a:b", "enter")
        await wait_for(pilot, lambda: "none of / \\" in str(note.render()))


async def test_a_refused_key_a_missing_right_and_a_deleted_project_are_said_in_the_live_view(
    relay: Relay, address: ServerAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_following, "REFUSED_SECONDS", 0.2)
    client = WandbClient(Connection(ServerKind.SELF_HOSTED, address.base_url, address.api_key, "local"))
    reference = client.create_sweep(SWEEP, "local", "doomed").reference
    app = SweepApp(Session(Settings(ServerKind.SELF_HOSTED, relay.base_url, address.api_key), tmp_path))
    async with app.run_test(size=(100, 30)) as pilot:
        app.post_message(SweepOpenRequested(reference))
        await wait_for(pilot, lambda: isinstance(app.screen, SweepScreen) and app.screen.feed.sweep is not None)
        screen = app.screen
        assert isinstance(screen, SweepScreen)
        notice = screen.query_one("#notice")

        relay.refuses = lambda document: errors(401, "key revoked")
        await wait_for(pilot, lambda: "refused the API key: key revoked. esc, then @" in str(notice.render()))
        relay.refuses = lambda document: None
        await wait_for(pilot, lambda: not screen.has_class("-lost"))

        relay.refuses = lambda document: errors(403, "read only") if "mutation" in document else None
        told = list[str]()
        monkeypatch.setattr(app, "notify", lambda message, **_: told.append(message))
        await pilot.press("P", "enter")
        await wait_for(pilot, lambda: any("Ask for write access" in text for text in told))
        assert not screen.has_class("-lost"), "it can still be looked at"

        client.delete_project("local", "doomed")
        await wait_for(pilot, lambda: "What is shown was so last" in str(notice.render()))


def test_each_server_hears_its_own_key_alone(
    address: ServerAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with relayed(address.base_url) as here, relayed(address.base_url) as there:
        # The server takes one key; what the other one is asked with is what counts.
        there.refuses = lambda document: (
            200,
            '{"data": {"viewer": {"id": "1", "entity": "me"}, "models": {"edges": []}}}',
        )
        _store(there.base_url, OTHER_KEY, os.environ, is_first=False)
        remember_server(there.base_url)
        assert not (Path(os.environ["HOME"]) / ".config/wandb/settings").exists(), "wandb's default stays as it is"
        monkeypatch.setenv("WANDB_API_KEY", address.api_key)
        for base_url in (here.base_url, ""):
            monkeypatch.setenv("WANDB_BASE_URL", base_url)
            session = Session(Settings(ServerKind.SELF_HOSTED, here.base_url, address.api_key), tmp_path)
            session.list_sweeps()
            word = there.base_url.removeprefix("http://")
            session.on_server(session.servers_at_hand()[word]).list_sweeps()
            Session(resolve_settings(there.base_url), tmp_path).list_sweeps()
        environ = host_environment(os.environ | {"WANDB_IDENTITY_TOKEN_FILE": "x"}, OTHER_KEY)
        assert environ["WANDB_API_KEY"] == OTHER_KEY and "WANDB_IDENTITY_TOKEN_FILE" not in environ
        for relay, own in ((here, address.api_key), (there, OTHER_KEY)):
            assert {base64.b64decode(header.split()[1]).decode() for header, _ in relay.asked} == {f"api:{own}"}
