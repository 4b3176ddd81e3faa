"""Whose sweeps, and of which project: a real server, with teams that a relay before it adds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from textual.pilot import Pilot
from textual.widgets import OptionList

from tests.relay import Relay, errors, relayed
from tests.ui.wait_for import wait_for
from trainer.records import Json
from trainer.server.lifecycle import ServerAddress, ensure_running, stop_server
from trainer.servers_file import at_remembered_place
from trainer.settings import Connection, ServerKind, Settings
from trainer.tracking import account
from trainer.tracking.wandb_client import WandbClient
from tui.app import SweepApp
from tui.screens import choose_project
from tui.screens.choose_project import ChooseProjectScreen
from tui.screens.sweeps import SweepsScreen
from tui.session import Session
from tui.widgets.app_header import AppHeader

SWEEP: dict[str, Json] = {"method": "grid", "parameters": {"x": {"values": [1, 2]}}}
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
