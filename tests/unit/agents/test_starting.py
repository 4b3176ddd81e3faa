from __future__ import annotations

import json
import os
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from trainer.agents import pool
from trainer.agents.environment import host_environment, interpreter_folder, run_environment
from trainer.agents.host_files import HostFiles, HostSpec, SlotStatus
from trainer.agents.pace import AgentLimits
from trainer.agents.pool import AgentHost, live_hosts, local_agents, start_agents
from trainer.agents.run_start import RunStarter, parameter_file
from trainer.errors import AgentError, ProgramError
from trainer.paths import agents_dir
from trainer.records import AgentCommand, Json, LocalAgent, SweepRecord, SweepReference
from trainer.settings import Connection, ServerKind
from trainer.states import AgentState, SweepState

REFERENCE = SweepReference("me", "wine", "abc")
SHOW = """
import json, os, sys
names = ("WANDB_RUN_ID", "WANDB_SWEEP_ID", "WANDB_PROJECT", "WANDB_ENTITY", "WANDB_BASE_URL", "WANDB_API_KEY")
print(json.dumps({"argv": sys.argv[1:], "cwd": os.getcwd(), "service": os.environ.get("WANDB_SERVICE"),
    "file": os.environ["WANDB_SWEEP_PARAM_PATH"], **{name: os.environ[name] for name in names}}))
"""


def make_spec(cwd: Path, **config: Json) -> HostSpec:
    return HostSpec(
        reference=REFERENCE,
        config={"program": "train.py", **config},
        kind=ServerKind.EMBEDDED,
        base_url="http://127.0.0.1:1",
        slots=1,
        count=None,
        cwd=cwd,
        interpreter_folder=Path(sys.executable).parent,
    )


def make_starter(spec: HostSpec, folder: Path, **environ: str) -> RunStarter:
    base = {"PATH": os.environ["PATH"], "WANDB_API_KEY": "secret"}
    return RunStarter(spec, HostFiles(folder), base | environ)


def test_a_run_starts_as_the_stock_agent_starts_it(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SHOW)
    folder = tmp_path / "host"
    ended = threading.Event()
    starter = make_starter(make_spec(tmp_path), folder, WANDB_SERVICE="dead")
    starter.check()
    process = starter.start(AgentCommand("run", "r1", {"b": 0.5, "a": None, "n": {"x": [1]}}), ended.set)
    assert ended.wait(30)
    seen = json.loads(process.last_line())
    assert seen["argv"] == ["--b=0.5", "--a=None", "--n={'x': [1]}"]
    assert seen["cwd"] == str(tmp_path)
    assert seen["service"] is None
    assert (seen["WANDB_RUN_ID"], seen["WANDB_SWEEP_ID"], seen["WANDB_API_KEY"]) == ("r1", "abc", "secret")
    assert seen["file"] == str(folder / "wandb" / "sweep-abc" / "config-r1.yaml")
    written = yaml.safe_load(Path(seen["file"]).read_text())
    assert written == {"wandb_version": 1, "b": {"value": 0.5}, "a": {"value": None}, "n": {"value": {"x": [1]}}}
    assert process.log_path == folder / "logs" / "r1.log"


def test_a_run_without_parameters_has_a_file_that_parses() -> None:
    assert yaml.safe_load(parameter_file({})) == {"wandb_version": 1}


def test_the_program_is_checked_before_a_run_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match=r"train\.py"):
        make_starter(make_spec(tmp_path), tmp_path).check()


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "train.py").touch()
    for command in (["no-such-python", "${program}"], ["${env}", "OMP_NUM_THREADS=1", "no-such-python", "${program}"]):
        starter = make_starter(make_spec(tmp_path, command=list[Json](command)), tmp_path)
        with pytest.raises(ProgramError, match="no-such-python"):
            starter.check()


def test_the_environment_in_force_decides_the_python(tmp_path: Path) -> None:
    for name in ("active", "work/.venv"):
        (tmp_path / name / "bin").mkdir(parents=True)
        (tmp_path / name / "bin" / "python").touch()
    active = {"VIRTUAL_ENV": str(tmp_path / "active")}
    assert interpreter_folder(active, tmp_path / "work") == tmp_path / "active" / "bin"
    assert interpreter_folder({}, tmp_path / "work") == tmp_path / "work" / ".venv" / "bin"
    assert interpreter_folder({"VIRTUAL_ENV": "/gone"}, tmp_path) == Path(sys.executable).parent
    conda = {"CONDA_PREFIX": str(tmp_path / "active"), "CONDA_DEFAULT_ENV": "wine"}
    assert interpreter_folder(conda, tmp_path / "work") == tmp_path / "active" / "bin"
    assert interpreter_folder(conda | {"CONDA_DEFAULT_ENV": "base"}, tmp_path / "work").is_relative_to(
        tmp_path / "work"
    )
    (tmp_path / "work" / ".venv").rename(tmp_path / "work" / "venv")
    assert interpreter_folder({}, tmp_path / "work") == tmp_path / "work" / "venv" / "bin"


def test_our_own_environment_wins_where_it_is_the_folders_own(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "active" / "bin").mkdir(parents=True)
    (tmp_path / "active" / "bin" / "python").touch()
    active = {"VIRTUAL_ENV": str(tmp_path / "active")}
    assert interpreter_folder(active, tmp_path) == Path(sys.executable).parent


def test_only_the_embedded_server_changes_wandbs_settings_and_never_the_users(tmp_path: Path) -> None:
    spec = make_spec(tmp_path)
    name = "WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL"
    assert run_environment({}, spec, tmp_path)[name] == "1"
    assert run_environment({name: "7"}, spec, tmp_path)[name] == "7"
    assert name not in run_environment({}, replace(spec, kind=ServerKind.CLOUD), tmp_path)
    assert run_environment({}, spec, tmp_path)["WANDB_DIR"] == str(tmp_path)
    assert run_environment({"WANDB_DIR": "/mine"}, spec, tmp_path)["WANDB_DIR"] == "/mine"


def test_the_python_meant_comes_first_on_the_path(tmp_path: Path) -> None:
    spec = make_spec(tmp_path)
    path = run_environment({"PATH": "/bin"}, spec, tmp_path)["PATH"]
    assert path == f"{spec.interpreter_folder}{os.pathsep}/bin"


def test_the_key_is_in_the_environment_only(tmp_path: Path) -> None:
    assert host_environment({"WANDB_SERVICE": "x", "A": "b"}, "secret") == {"A": "b", "WANDB_API_KEY": "secret"}
    files = HostFiles(tmp_path)
    files.write_spec(make_spec(tmp_path))
    assert "secret" not in (tmp_path / "host.json").read_text()


def test_a_hosts_files_read_back_as_written(tmp_path: Path) -> None:
    files = HostFiles(tmp_path)
    spec = make_spec(tmp_path, command=["${program}"])
    files.write_spec(spec)
    assert files.read_spec() == spec
    assert files.read_state() == ()
    agent = LocalAgent(
        1, AgentState.RUNNING, "a1", 7, "r1", datetime(2026, 1, 1, tzinfo=UTC), 2, 1, "loss 0.1", tmp_path / "r1.log"
    )
    statuses = (SlotStatus(agent, 123, "456"), SlotStatus(LocalAgent(2, AgentState.STARTING)))
    files.write_state(statuses)
    assert files.read_state() == statuses
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("text", ["", "{}", "[]", "not json"])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "host.json").write_text(text)
    with pytest.raises(AgentError, match=r"host\.json"):
        HostFiles(tmp_path).read_spec()


def test_without_hosts_there_are_no_agents() -> None:
    assert live_hosts() == []
    assert local_agents(REFERENCE) == ()


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(tmp_path: Path) -> None:
    files = HostFiles(tmp_path)
    files.state_path.mkdir()
    with pytest.raises(OSError, match="directory"):
        files.write_state([])
    assert not list(tmp_path.glob("*.part"))


def test_an_interrupt_while_agents_start_stops_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts: list[AgentHost] = []

    def interrupted(host: AgentHost, _files: HostFiles) -> None:
        hosts.append(host)
        raise KeyboardInterrupt

    monkeypatch.setattr(pool, "_wait_until_at_work", interrupted)
    (tmp_path / "train.py").touch()
    sweep = SweepRecord(REFERENCE, "wine", SweepState.RUNNING, "grid", None, {"program": "train.py"})
    connection = Connection(ServerKind.EMBEDDED, "http://127.0.0.1:1", "key", "me")
    with pytest.raises(KeyboardInterrupt):
        start_agents(connection, sweep, 1, cwd=tmp_path)
    assert hosts[0].wait(20)


def test_old_folders_are_removed_even_without_a_state(tmp_path: Path) -> None:
    week_ago = time.time() - 8 * 24 * 3600
    for name in ("a--old", "b--new", "c--half-made"):
        (agents_dir() / name).mkdir(parents=True)
        if name != "c--half-made":
            HostFiles(agents_dir() / name).write_spec(make_spec(tmp_path))
        if name != "b--new":
            os.utime(agents_dir() / name, (week_ago, week_ago))
    pool._remove_old_folders()
    assert [path.name for path in agents_dir().iterdir()] == ["b--new"]


def test_limits_follow_the_stock_agents_variables() -> None:
    assert AgentLimits.from_environ({}).max_initial_failures == 5
    assert AgentLimits.from_environ({"WANDB_AGENT_MAX_INITIAL_FAILURES": "2"}).max_initial_failures == 2
    assert AgentLimits.from_environ({"WANDB_AGENT_DISABLE_FLAPPING": "true"}).max_initial_failures == 0
    assert AgentLimits.from_environ({"WANDB_AGENT_KILL_DELAY": "x"}).kill_delay_seconds == 30.0
