"""A sweep published from one embedded server to another, read back through wandb's public API on both."""

from __future__ import annotations

import dataclasses
import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.server_fixtures import (
    Environment,
    eventually,
    graphql,
    project,
    run_command,
    run_program,
    server,
    wandb_environ,
)
from trainer.publishing.link import Link
from trainer.publishing.publisher import PublishReport, publish
from trainer.records import SweepReference
from trainer.server.data_folder import DATABASE_FILE
from trainer.server.lifecycle import ServerAddress, ensure_running, stop_server
from trainer.settings import Connection, ServerKind
from trainer.tracking.wandb_client import WandbClient

__all__ = ["project", "server"]

_MAKE = """
import os, pathlib, sys, wandb
P = sys.argv[1]
sweep = wandb.sweep({"method": "random", "name": "wines", "description": "all of them", "program": "train.py",
                     "metric": {"name": "acc", "goal": "maximize"},
                     "parameters": {"lr": {"min": 0.0, "max": 1.0}}}, project=P)
given = {"project": P, "settings": wandb.Settings(sweep_id=sweep)}
pathlib.Path("notes.txt").write_text("kept\\n" * 1000)
pathlib.Path("empty.txt").write_text("")
def model(run, text, **given):
    artifact = wandb.Artifact("model", "model", description="a model", metadata={"deep": {"n": [1, None]}})
    with artifact.new_file("weights.bin") as file: file.write(text)
    artifact.add_file("notes.txt")
    artifact.add_reference(pathlib.Path("empty.txt").resolve().as_uri(), name="data")
    run.log_artifact(artifact, **given).wait()

with wandb.init(**given, id="first", name="rosé run", tags=["a", "b"], notes="line 1\\nline 2", group="g1",
                job_type="train", config={"lr": 0.1, "nested": {"deep": [1, {"x": None}]}}) as run:
    for step in range(1200):
        run.log({"acc": step / 1200, "loss": float("nan") if step == 3 else 1.0, "m": {"inner": step, "s": "x"}})
    run.log({"sparse": 1}, step=50_000)
    run.log({"table": wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])})
    print("to the console é"); print("to stderr", file=sys.stderr)
    run.save("notes.txt", policy="now"); run.save("empty.txt", policy="now")
    run.summary["best"] = {"acc": 1.0, "inf": float("inf")}
    model(run, "one", aliases=["best"], tags=["t"])
with wandb.init(**given, id="second", config={"lr": 0.2}) as run:
    run.use_artifact("model:v0")
    model(run, "two", aliases=["production"])
    run.log({"acc": 0.2})
run = wandb.init(**given, id="failed", config={"lr": 0.3})
run.log({"acc": 0.3}); run.finish(exit_code=7)
run = wandb.init(**given, id="killed", config={"lr": 0.4})
run.log({"acc": 0.4}); wandb.Api().run(f"{P}/killed").stop(); run.finish(exit_code=255)
run = wandb.init(**given, id="crashed", config={"lr": 0.5})
run.log({"acc": 0.5}); run.finish(exit_code=1)
run = wandb.init(**given, id="alive", config={"lr": 0.6}); os._exit(print(sweep, flush=True) or 0)
"""

_READ = """
import json, sys, wandb
api = wandb.Api()
def artifact(a):
    return [a.name, a.type, a.digest, sorted(a.aliases), a.metadata, a.description, a.tags, a.size, a.history_step,
            {p: [e.digest, e.size, e.ref] for p, e in a.manifest.entries.items()},
            a.logged_by().name if a.logged_by() else None]
def run(r):
    return {"attributes": [r.name, r.state, r.config, r.summary._json_dict, r.tags, r.notes, r.group, r.job_type],
            "history": list(r.scan_history()), "some": list(r.scan_history(keys=["m.inner", "acc"], page_size=300)),
            "system": r.history(stream="system", pandas=False),
            "console": [[l.number, l.timestamp, l.level, l.content] for l in r.console_logs()],
            "files": sorted([f.name, f.size, f.md5] for f in r.files()),
            "logged": sorted((artifact(a) for a in r.logged_artifacts()), key=lambda a: a[0]),
            "used": sorted(a.name for a in r.used_artifacts())}
path = sys.argv[1]
sweep = api.sweep(path)
print(json.dumps({"sweep": [sweep.config, sweep.name, sweep.state, sweep.description],
                  "order": [r.id for r in api.runs(path.rpartition("/")[0], filters={"sweep": path.split("/")[-1]})],
                  "runs": {r.id: run(api.run(f"{path.rpartition('/')[0]}/{r.id}")) for r in sweep.runs}},
                 default=str))
"""


@pytest.fixture
def source(isolated_home: Path) -> Iterator[ServerAddress]:
    """Return a server in the folder where the commands look for theirs."""
    folder = isolated_home / ".local/share/sweep-tui/server"
    yield ensure_running(folder, timeout_seconds=60)
    stop_server(folder)


def test_a_published_sweep_reads_the_same_through_wandbs_api_however_often_it_was_killed(
    source: ServerAddress, server: ServerAddress, project: str, isolated_home: Path, tmp_path: Path
) -> None:
    here, there = wandb_environ(source, isolated_home), wandb_environ(server, isolated_home)
    sweep = run_program(_MAKE, here, tmp_path, project).splitlines()[-1]
    database = sqlite3.connect(isolated_home / ".local/share/sweep-tui/server" / DATABASE_FILE, timeout=30)
    with database:
        # It takes five minutes of silence for a run to have crashed.
        database.execute("UPDATE runs SET state = 'crashed', exit_code = NULL WHERE name = 'crashed'")
        database.execute("UPDATE sweeps SET state = 'FINISHED'")
    database.close()
    # The id of one of the runs is another run's there.
    graphql(
        server,
        'mutation M($p: String) { upsertBucket(input: {modelName: $p, name: "second"}) { inserted } }',
        p=project,
    )

    command = [sys.executable, "-m", "trainer", "publish", f"{project}/{sweep}", "--to", server.base_url, "--json"]
    _kill_in_the_middle(command, there, server, project, tmp_path)
    _stop_at_every_fifth_request(source, server, project, sweep)
    done = _published(command, there, tmp_path)
    assert done["runs"]["sent"] == 0 and done["artifacts"]["sent"] == 0, done
    assert done["runs"]["left_out"] == ["alive"]
    other = done["runs"]["renamed"].pop("second")
    assert done["runs"]["renamed"] == {}

    before = _read(here, f"{project}/{sweep}", tmp_path)
    after = _read(there, done["sweep"], tmp_path)
    del before["runs"]["alive"]
    before["order"].remove("alive")
    after["runs"]["second"] = after["runs"].pop(other)
    assert after["order"] == [other if name == "second" else name for name in before["order"]]
    # Nobody says of a run that it crashed: its server finds out.
    assert after["runs"]["crashed"]["attributes"][1] == "running"
    after["runs"]["crashed"]["attributes"][1] = "crashed"
    text = json.dumps(after).replace(f'"{other}"', '"second"')
    assert json.loads(text)["sweep"] == before["sweep"]
    for name, run in before["runs"].items():
        for part, value in run.items():
            assert json.loads(text)["runs"][name][part] == value, (name, part)
    first = before["runs"]["first"]
    assert [run["attributes"][1] for run in before["runs"].values()].count("killed") == 1
    assert len(first["history"]) == 1201 and first["system"] and first["console"] and first["logged"]

    # Without what is remembered of it here, the sweep there is known by its runs; a third time changes nothing.
    for path in (isolated_home / ".local/state/sweep-tui/published").iterdir():
        path.unlink()
    again = _published(command, there, tmp_path)
    assert again["sweep"] == done["sweep"] and again["runs"]["sent"] == 0
    sweeps = WandbClient(_connection(server, project)).list_sweeps(project, None)
    assert [str(found.reference) for found in sweeps] == [done["sweep"]]


def _kill_in_the_middle(
    command: list[str], environ: Environment, server: ServerAddress, project: str, folder: Path
) -> None:
    process = subprocess.Popen(command, env=environ, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    client = WandbClient(_connection(server, project))

    def is_begun() -> bool:
        sweeps = client.recent_sweeps(client.default_entity(), project, 1)
        return process.poll() is not None or bool(sweeps and sweeps[0].run_count >= 2)

    eventually(is_begun)
    process.kill()
    _, said = process.communicate()
    assert process.returncode == -signal.SIGKILL, said.decode()


class _StoppedError(Exception):
    """The command is no more."""


class _FailingLink(Link):
    """Ends after some requests: what it asked for is done, and nobody hears of it."""

    left = 0

    def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        found = super().ask(document, **variables)
        self._count(document.lstrip().startswith("mutation"))
        return found

    def stream(self, *given: Any) -> None:
        super().stream(*given)
        self._count()

    def upload(self, *given: Any) -> None:
        super().upload(*given)
        self._count()

    def _count(self, is_change: bool = True) -> None:
        self.left -= is_change
        if self.left < 0:
            raise _StoppedError


def _stop_at_every_fifth_request(source: ServerAddress, server: ServerAddress, project: str, sweep: str) -> None:
    stops = 0
    while _publish_some(source, server, project, sweep, changes=5) is None:
        stops += 1
    assert 4 < stops < 60


def _publish_some(
    source: ServerAddress, server: ServerAddress, project: str, sweep: str, changes: int
) -> PublishReport | None:
    here, there = _connection(source, project), _connection(server, project)
    client = WandbClient(here)
    record = client.read_sweep(SweepReference(here.entity, project, sweep))
    link = _FailingLink(there, print)
    link.left = changes
    try:
        return publish(Link(here, print), record, client.read_runs(record), link, project)
    except _StoppedError:
        return None


def _connection(address: ServerAddress, project: str) -> Connection:
    found = Connection(ServerKind.EMBEDDED, address.base_url, address.api_key, "", project)
    return dataclasses.replace(found, entity=WandbClient(found).default_entity())


def _published(command: list[str], environ: Environment, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run_command(command, environ, folder))
    return found


def _read(environ: Environment, path: str, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run_program(_READ, environ, folder, path).splitlines()[0])
    return found
