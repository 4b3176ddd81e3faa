"""Lives of runs as the SDK leads them: resume, fork, rewind, several writers, preemption, death and what follows."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.contract.server_fixtures import (
    Environment,
    environ,
    eventually,
    graphql,
    project,
    run_program,
    server,
    wandb_environ,
)
from trainer.server.lifecycle import ensure_running, stop_server

__all__ = ["environ", "project", "server"]

SHARED_BEGINNING = """
import json, os, signal, sys, time, wandb
project = sys.argv[1]
def lean(**more):
    return wandb.Settings(silent=True, disable_git=True, x_disable_stats=True, x_disable_machine_info=True,
                          x_disable_meta=True, x_save_requirements=False, **more)
def read(name):
    run = wandb.Api().run(f"local/{project}/{name}")
    return {"state": run.state, "rows": [[r["_step"], r.get("x")] for r in run.scan_history()],
            "console": [line.content for line in run.console_logs()], "summary": run.summary.get("x"),
            "last": run.lastHistoryStep, "config": dict(run.config), "tags": run.tags,
            "events": len(run.history(stream="system", pandas=False))}
out = {}
def tell():
    print("RESULT" + json.dumps(out))
"""


def result_of(printed: str) -> Any:
    """Return what a program printed behind RESULT."""
    return json.loads(next(line for line in printed.splitlines() if line.startswith("RESULT"))[6:])


_BRANCHES = (
    SHARED_BEGINNING
    + """
with wandb.init(project=project, id="src", config={"a": 1}, tags=["t"], settings=lean()) as run:
    for i in range(6):
        run.log({"x": i})
    print("first")
with wandb.init(project=project, id="fork", fork_from="src?_step=3", config={"b": 2}, settings=lean()) as run:
    run.log({"x": 30})
with wandb.init(project=project, id="fork", resume="must", settings=lean()) as run:
    run.log({"x": 31})
out["fork"] = read("fork")
with wandb.init(project=project, id="src", resume="allow", config={"late": 3}, settings=lean()) as run:
    assert run.resumed and run.starting_step == 6, run.starting_step
    run.log({"x": 6})
    print("second"); print("third", file=sys.stderr)
out["resumed"] = read("src")
with wandb.init(project=project, resume_from="src?_step=2", settings=lean()) as run:
    run.log({"x": 20})
    print("rewound")
out["rewound"] = read("src")
for what, options in {"must": dict(id="none", resume="must"), "never": dict(id="fork", resume="never"),
                      "fork of none": dict(id="f2", fork_from="nope?_step=1")}.items():
    try:
        wandb.init(project=project, settings=lean(), **options).finish()
    except Exception as error:
        out[what] = f"{type(error).__name__}: {error}"
with wandb.init(project=project, id="src", settings=lean()) as run:
    run.log({"x": 9})
out["again"] = read("src")
tell()
"""
)


def test_resume_fork_rewind_and_use_again(tmp_path: Path, environ: Environment, project: str) -> None:
    found = result_of(run_program(_BRANCHES, environ, tmp_path, project))
    common = {"state": "finished", "tags": ["t"], "events": 0}
    assert found["fork"] == common | {
        "rows": [[0, 0], [1, 1], [2, 2], [3, 3], [4, 30], [5, 31]], "summary": 31, "last": 5, "config": {"b": 2},
        "console": [], "tags": [],
    }  # fmt: skip
    assert found["resumed"] == common | {
        "rows": [[step, step] for step in range(7)], "summary": 6, "last": 6, "config": {"a": 1, "late": 3},
        "console": ["first", "second", "third"],
    }  # fmt: skip
    assert found["rewound"] == common | {
        "rows": [[0, 0], [1, 1], [2, 2], [3, 20]], "summary": 20, "last": 3, "config": {"a": 1, "late": 3},
        "console": ["rewound"],
    }  # fmt: skip
    assert "your `resume` setting requires an existing run" in found["must"]
    assert "does not allow resuming an existing run" in found["never"]
    assert "There is no run 'nope' to fork from" in found["fork of none"]
    assert (found["again"]["rows"], found["again"]["config"], found["again"]["console"]) == ([[0, 9]], {}, [])


_DIES = (
    SHARED_BEGINNING
    + """
settings = wandb.Settings(x_file_stream_transmit_interval=1, x_stats_sampling_interval=1, silent=True)
run = wandb.init(project=project, resume="auto", config={"a": 1}, settings=settings)
print("life begins at", run.starting_step)
run.log({"x": run.starting_step})
run.log({"x": run.starting_step + 1})
if len(sys.argv) > 2:
    run.finish()
    out["id"] = run.id
    out["read"] = read(run.id)
    tell()
else:
    print("READY", run.id, flush=True)
    time.sleep(100)
"""
)


def test_a_killed_program_goes_on_with_its_run_after_the_server_restarted(tmp_path: Path, isolated_home: Path) -> None:
    data, work = tmp_path / "data", tmp_path / "work"
    work.mkdir()
    (work / "dies.py").write_text(_DIES, encoding="utf-8")
    address = ensure_running(data, timeout_seconds=60)
    try:
        argv = [sys.executable, "dies.py", "p"]
        environment = wandb_environ(address, isolated_home)
        with subprocess.Popen(argv, cwd=work, env=environment, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            name = next(line.split()[1] for line in child.stdout if line.startswith("READY"))
            document = 'query Q($n: String) { project(name: "p") { run(name: $n) { historyLineCount logLineCount } } }'
            eventually(
                lambda: (
                    graphql(address, document, n=name)["project"]["run"] == {"historyLineCount": 2, "logLineCount": 2}
                )
            )
            child.send_signal(signal.SIGKILL)
        stop_server(data)
        address = ensure_running(data, timeout_seconds=60)
        found = result_of(run_program(_DIES, wandb_environ(address, isolated_home), work, "p", "again"))
    finally:
        stop_server(data)
    assert found["id"] == name
    assert found["read"]["state"] == "finished"
    assert found["read"]["rows"] == [[step, step] for step in range(4)]
    assert found["read"]["console"] == ["life begins at 0", f"READY {name}", "life begins at 2"]
    assert found["read"]["events"] >= 2


_WRITER = (
    SHARED_BEGINNING
    + """
label, is_primary = sys.argv[2], sys.argv[2] == "first"
settings = wandb.Settings(mode="shared", x_label=label, x_primary=is_primary, x_update_finish_state=is_primary,
                          x_file_stream_transmit_interval=1, x_stats_sampling_interval=1, silent=True)
with wandb.init(project=project, id="both", config={label: 1}, settings=settings) as run:
    for number in range(5):
        run.log({"x": number, label: number})
        print(label, number)
        time.sleep(0.1)
    run.summary["by " + label] = 1
    if is_primary:
        sys.stdin.read()  # until the other has gone
if is_primary:
    found = wandb.Api().run(f"local/{project}/both")
    keys = ["first", "second", "by first", "by second"]
    out = read("both") | {"summary": {key: found.summary.get(key) for key in keys},
           "files": [file.name for file in found.files()],
           "metrics": sorted({key.partition("/l:")[2] for key in found.system_metrics} - {""})}
    tell()
"""
)


def test_writers_of_a_shared_run_do_not_overwrite_each_other(
    tmp_path: Path, environ: Environment, project: str
) -> None:
    (tmp_path / "writer.py").write_text(_WRITER, encoding="utf-8")
    argv = [sys.executable, "writer.py", project]
    primary = subprocess.Popen(
        [*argv, "first"], cwd=tmp_path, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        subprocess.run([*argv, "second"], cwd=tmp_path, env=environ, capture_output=True, timeout=100, check=True)
        printed, _ = primary.communicate(timeout=100)
    finally:
        primary.kill()
    found = result_of(printed)
    assert found["state"] == "finished"
    assert found["config"] == {"first": 1, "second": 1}
    assert sorted(found["console"]) == sorted(f"[{who}] {who} {n}" for who in ("first", "second") for n in range(5))
    assert [step for step, _ in found["rows"]] == list(range(10))
    assert sorted(x for _, x in found["rows"]) == sorted([*range(5), *range(5)])
    assert found["summary"] == {"first": 4, "second": 4, "by first": 1, "by second": 1}
    assert found["metrics"] == ["first", "second"]
    assert {"output_first.log", "output_second.log"} <= set(found["files"])


_PREEMPTED = (
    SHARED_BEGINNING
    + """
from wandb.agents.pyagent import Agent
Agent.HEARTBEAT_SLEEP_SECONDS = 0.2
seen, states = [], []
def train():
    run = wandb.init(resume="allow", settings=lean())
    is_first = not seen
    seen.append([run.id, run.starting_step, run.config.x])
    run.log({"x": run.config.x})
    if is_first:
        run.mark_preempting()
    run.finish(exit_code=143 if is_first else 0)
    states.append(wandb.Api().run(f"local/{project}/{run.id}").state)
sweep = wandb.sweep({"method": "grid", "parameters": {"x": {"values": [1, 2]}}}, project=project)
wandb.agent(sweep, function=train, project=project)
found = wandb.Api().sweep(f"local/{project}/{sweep}")
out = {"seen": seen, "states": states, "sweep": found.state,
       "runs": sorted([r.config["x"], r.state, len(list(r.scan_history()))] for r in found.runs)}
tell()
"""
)


def test_a_preempted_run_of_a_sweep_is_taken_up_again(tmp_path: Path, environ: Environment, project: str) -> None:
    found = result_of(run_program(_PREEMPTED, environ, tmp_path, project))
    first, second, third = found["seen"]
    assert first[1:] == [0, 1]
    assert second == [first[0], 1, 1]
    assert third[1:] == [0, 2]
    assert found["states"] == ["preempted", "finished", "finished"]
    assert found["sweep"] == "FINISHED"
    assert found["runs"] == [[1, "finished", 2], [2, "finished", 1]]
