from __future__ import annotations

from pathlib import Path

import pytest

from trainer.errors import AuthenticationError, InputError
from trainer.settings import CLOUD_URL, Connection, ServerKind, key_problem, known_servers, resolve_settings
from trainer.tracking.answers import refused_key

KEY = "k" * 40
MINE = "http://127.0.0.1:21000"


def environ(home: Path, **variables: str) -> dict[str, str]:
    return {"HOME": str(home), **variables}


def test_without_any_login_it_is_the_embedded_server(tmp_path: Path) -> None:
    assert resolve_settings(environ=environ(tmp_path)).kind is ServerKind.EMBEDDED


def test_a_key_in_the_environment_is_a_login_to_the_cloud(tmp_path: Path) -> None:
    settings = resolve_settings(environ=environ(tmp_path, WANDB_API_KEY=KEY, WANDB_ENTITY="team"))
    assert (settings.kind, settings.base_url, settings.api_key, settings.entity) == (
        ServerKind.CLOUD,
        CLOUD_URL,
        KEY,
        "team",
    )
    assert KEY not in repr(settings)


def test_netrc_is_a_login_to_the_host_it_names(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text(f"machine wandb.example.com login user password {KEY}\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert resolve_settings(environ=environ(tmp_path)).kind is ServerKind.EMBEDDED
    named = resolve_settings("https://wandb.example.com/", environ=environ(tmp_path))
    assert (named.kind, named.base_url, named.api_key) == (ServerKind.SELF_HOSTED, "https://wandb.example.com", KEY)


def test_the_flag_beats_the_environment_and_the_environment_beats_wandbs_own_file(tmp_path: Path) -> None:
    (tmp_path / ".config/wandb").mkdir(parents=True)
    (tmp_path / ".config/wandb/settings").write_text("[default]\nbase_url = https://stored.example.com\n")
    stored = resolve_settings(environ=environ(tmp_path, WANDB_API_KEY=KEY))
    assert stored.base_url == "https://stored.example.com"
    variables = environ(tmp_path, WANDB_API_KEY=KEY, WANDB_BASE_URL=MINE)
    assert resolve_settings(environ=variables).base_url == MINE
    assert resolve_settings("local", environ=variables).kind is ServerKind.EMBEDDED
    assert resolve_settings(project="flag", environ=variables | {"WANDB_PROJECT": "env"}).project == "flag"


def test_a_key_never_reaches_another_server_than_its_own(tmp_path: Path) -> None:
    evaluated = environ(tmp_path, WANDB_API_KEY=KEY, WANDB_BASE_URL=MINE, WANDB_ENTITY="local")
    with pytest.raises(AuthenticationError):
        resolve_settings("cloud", environ=evaluated)
    same = resolve_settings(f"{MINE}/", environ=evaluated)
    assert (same.api_key, same.entity) == (KEY, "local")


@pytest.mark.parametrize("name", ["cloud", CLOUD_URL, "https://wandb.ai", "https://api.wandb.ai/"])
def test_the_cloud_has_several_names(tmp_path: Path, name: str) -> None:
    settings = resolve_settings(name, environ=environ(tmp_path, WANDB_API_KEY=KEY))
    assert (settings.kind, settings.base_url) == (ServerKind.CLOUD, CLOUD_URL)


@pytest.mark.parametrize("name", ["ftp://x", "nonsense", "http://[::1", "http://h:port", "https://", ""])
def test_what_is_no_server_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="is not a server"):
        resolve_settings(name or " ", environ=environ(tmp_path, WANDB_API_KEY=KEY))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / ".config/wandb").mkdir(parents=True)
    (tmp_path / ".config/wandb/settings").write_bytes(b"\xff\xfe")
    assert resolve_settings(environ=environ(tmp_path)).kind is ServerKind.EMBEDDED
    (tmp_path / ".netrc").write_bytes(b"\xff\xfe")
    with pytest.raises(AuthenticationError, match="netrc"):
        resolve_settings(environ=environ(tmp_path))


def test_the_known_servers_are_those_that_need_no_other_login_the_one_in_use_first(tmp_path: Path) -> None:
    alone = environ(tmp_path)
    assert list(known_servers(resolve_settings(environ=alone), alone)) == ["local"]

    (tmp_path / ".netrc").write_text(f"machine api.wandb.ai login user password {KEY}\n")
    both = environ(tmp_path, WANDB_BASE_URL=MINE, WANDB_API_KEY="m" * 40)
    known = known_servers(resolve_settings("local", project="p", environ=both), both)
    assert list(known) == ["local", "127.0.0.1:21000", "cloud"]
    assert [each.api_key for each in known.values()] == ["", "m" * 40, KEY]
    assert {each.project for each in known.values()} == {"p"}
    assert list(known_servers(known["cloud"], both)) == ["cloud", "local", "127.0.0.1:21000"]

    (tmp_path / ".netrc").unlink()
    assert list(known_servers(resolve_settings(environ=both), both)) == ["127.0.0.1:21000", "local"], (
        "the key is for that server"
    )


def test_a_server_that_was_logged_in_to_is_asked_with_its_own_key(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1:21000 login user password {'n' * 40}\n")
    both = environ(tmp_path, WANDB_API_KEY=KEY, WANDB_ENTITY="team")
    named = resolve_settings(MINE, environ=both)
    assert (named.api_key, named.entity) == ("n" * 40, None)
    cloud = resolve_settings("cloud", environ=both)
    assert (cloud.api_key, cloud.entity) == (KEY, "team")
    assert resolve_settings(MINE, environ=both | {"WANDB_BASE_URL": MINE}).api_key == KEY, "the environment says so"


def test_an_address_with_a_key_in_it_is_refused_and_not_shown(tmp_path: Path) -> None:
    for variables, named in (({}, f"https://user:{KEY}@host"), ({"WANDB_BASE_URL": f"http://{KEY}@host/x"}, None)):
        with pytest.raises(InputError, match="must not hold") as caught:
            resolve_settings(named, environ=environ(tmp_path, **variables))
        assert KEY not in str(caught.value)


@pytest.mark.parametrize("key", [KEY, f"local-{KEY}", "wandb_v1_" + "a" * 60, "header.payload.signature"])
def test_keys_of_every_form_may_be_one(key: str) -> None:
    assert key_problem(key) == ""


def test_what_can_be_no_key_is_told_when_it_is_refused() -> None:
    assert "letters and digits" in key_problem("two words")
    refused = refused_key(Connection(ServerKind.CLOUD, CLOUD_URL, "local-short", "me"))
    assert "It can be none: it has 5 letters" in str(refused)
    assert "short" not in str(refused)
