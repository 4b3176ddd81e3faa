"""`wandb.Api()` against a server that real runs have filled: the values it reads, and what it says about the rest."""

from __future__ import annotations

from pathlib import Path

from tests.contract.server_fixtures import Environment, environ, project, run_program, server
from tests.contract.test_server_sdk import result_of

__all__ = ["environ", "project", "server"]

_HISTORIES = r"""
import json, math, pathlib, sys, wandb
project = sys.argv[1]
ODD = ["a/b c", 'q"t', "dot.ted", "back\\s", "ünï"]
KEYS = [*ODD, "deep.x", "deep.y.z"]
config = {'q"k': 1, "a.b": 2, "layers": [64, 128], "none": None, "flag": True}
run = wandb.init(project=project, id="full", config=config)
for step in range(20):
    row = {"loss": 1 / (step + 1), "deep": {"x": step, "y": {"z": step}}, **{name: step for name in ODD}}
    if step % 3 == 0:
        row["rare"] = step
    run.log(row | ({"bad": [math.nan, math.inf, -math.inf, 1.5][step]} if step < 4 else {}))
run.log({"x": 1}, step=100)
run.log({"y": 2}, step=100)
run.log({"x": 3}, step=5000)
run.summary.update({"big": 2**60, "list": [1, 2], "d": {"a": {"b": 1}}, "b": True, "txt": "ü"})
print("one")
print("two", file=sys.stderr)
run.finish()
wandb.init(project=project, id="empty").finish()
other = wandb.init(project=project, id="other")
other.log({"loss": 5})
other.finish(exit_code=3)

api = wandb.Api()
run, empty = api.run(f"local/{project}/full"), api.run(f"local/{project}/empty")
frame = run.history()
try:
    run.download_history_exports("exports")
    exported = "all"
except Exception as error:
    exported = type(error).__name__
runs = api.runs(f"local/{project}")
print("RESULT" + json.dumps({
    "odd": {name: [row[name] for row in run.history(keys=[name], pandas=False)] for name in KEYS},
    "scanned": {name: [row[name] for row in run.scan_history(keys=[name])] for name in KEYS},
    "rare": [row["_step"] for row in run.scan_history(keys=["_step", "rare"], page_size=4)],
    "bad": [row["bad"] for row in run.history(keys=["bad"], pandas=False)],
    "steps": [row["_step"] for row in run.scan_history(page_size=700)],
    "page": [row["_step"] for row in run.scan_history(min_step=3, max_step=9, page_size=2)],
    "keyed": [row["_step"] for row in run.scan_history(keys=["_step", "loss"], min_step=3, max_step=9, page_size=2)],
    "beta": len(list(run.beta_scan_history())),
    "at 100": [{key: row[key] for key in ("x", "y")} for row in run.scan_history(min_step=100, max_step=101)],
    "samples": [row["_step"] for row in run.history(samples=5, pandas=False)],
    "x axis": run.history(keys=["loss"], x_axis="deep.x", pandas=False)[:2],
    "frame": [list(frame.shape[:1]), str(frame["loss"].dtype), sorted(set(frame["bad"].dropna().map(str)))],
    "system": sorted({"_runtime", "_timestamp"} & set(run.history(stream="system").columns)),
    "empty": [empty.history(pandas=False), list(empty.scan_history()), empty.lastHistoryStep,
              list(empty.scan_history(keys=["x"])), empty.history(keys=["x"], pandas=False)],
    "exported": exported,
    "live": run.download_history_exports("exports", require_complete_history=False).contains_live_data,
    "keys": [run.lastHistoryStep, run.history_keys["keys"]["rare"]["typeCounts"], len(run.history_keys["keys"])],
    "histories": [len(runs.histories()), sorted({row["run_id"] for row in runs.histories(keys=["loss"])}),
                  list(runs.histories(format="pandas", keys=["loss"]).shape)],
    "summary": [run.summary[key] for key in ("big", "list", "b", "txt")] + [run.summary["d"]["a"]["b"]],
    "config": {key: run.config[key] for key in ('q"k', "a.b", "layers", "none", "flag")},
    "metrics": [run.system_metrics["_timestamp"] > 1e9, empty.system_metrics == empty.systemMetrics],
    "console": [[line.number, line.level, line.content] for line in run.console_logs(per_page=1)],
    "tail": [line.content for line in run.console_logs(last=1)] + [line.content for line in empty.console_logs()],
    "files": [len(run.files()), len(list(run.files(per_page=1))), [f.name for f in run.files(pattern="%.log")],
              [[f.name, f.md5 == "0", bool(f.updated_at)] for f in run.files(names=["output.log", "none"])]],
    "metadata": run.metadata["os"][:3],
    "forced": [run.load(force=True)["state"], run.wait_until_finished()],
    "html": run.to_html().startswith("<iframe src='" + run.url),
    "listed": [[r.id, r.state, r.config.get("flag"), r.summary.get("loss"), r.sweep] for r in runs],
    "eager": [r.summary.get("loss") for r in api.runs(f"local/{project}", lazy=False, per_page=1, include_sweeps=True)],
    "sliced": [len(runs), runs[-1].id, [r.id for r in runs[0:2]]],
}))
"""


def test_histories_and_the_rest_of_a_run_come_back_as_they_were_logged(
    tmp_path: Path, environ: Environment, project: str
) -> None:
    found = result_of(run_program(_HISTORIES, environ, tmp_path, project))
    steps = list(range(20))
    assert set(found["odd"]) == {"a/b c", 'q"t', "dot.ted", "back\\s", "ünï", "deep.x", "deep.y.z"}
    assert all(values == steps for values in (*found["odd"].values(), *found["scanned"].values()))
    assert found["rare"] == list(range(0, 20, 3))
    assert found["bad"] == ["NaN", "Infinity", "-Infinity", 1.5]
    assert found["steps"] == [*steps, 100, 5000]
    assert found["page"] == found["keyed"] == [3, 4, 5, 6, 7, 8]
    assert found["beta"] == 22
    assert found["at 100"] == [{"x": 1, "y": 2}]
    assert len(found["samples"]) == 5
    assert (found["samples"][0], found["samples"][-1]) == (0, 5000)
    assert found["x axis"] == [{"deep.x": 0, "loss": 1}, {"deep.x": 1, "loss": 0.5}]
    assert found["frame"] == [[22], "float64", ["-Infinity", "1.5", "Infinity", "NaN"]]
    assert found["system"] == ["_runtime", "_timestamp"]
    assert found["empty"] == [[], [], -1, [], []]
    assert (found["exported"], found["live"]) == ("IncompleteRunHistoryError", True)
    assert found["keys"] == [5000, [{"type": "number", "count": 7}], 15]
    assert found["histories"] == [23, ["full", "other"], [21, 3]]
    assert found["summary"] == [2**60, [1, 2], True, "ü", 1]
    assert found["config"] == {'q"k': 1, "a.b": 2, "layers": [64, 128], "none": None, "flag": True}
    assert found["metrics"] == [True, True]
    assert found["console"] == [[0, "", "one"], [1, "error", "two"]]
    assert found["tail"] == ["two"]
    count = found["files"][0]
    assert count >= 4
    assert found["files"] == [count, count, ["output.log"], [["none", True, False], ["output.log", False, True]]]
    assert len(found["metadata"]) == 3
    assert found["forced"] == ["finished", None]
    assert found["html"] is True
    assert found["listed"] == [
        ["full", "finished", True, 0.05, None],
        ["empty", "finished", None, None, None],
        ["other", "failed", None, 5, None],
    ]  # fmt: skip
    assert found["eager"] == [0.05, None, 5]
    assert found["sliced"] == [3, "other", ["full", "empty"]]


_LISTS = r"""
import json, sys, wandb
project = sys.argv[1]
api = wandb.Api()
api.create_project(project, "local")
for index in range(7):
    api.create_run(project=project, run_id=f"r{index}")
    made = api.run(f"local/{project}/r{index}")
    made.name, made.tags, made.notes = f"shown {index}", [f"t{index % 2}"], None
    made.config.update({'q"k': index, "x.y": index, "pät\\h": index})
    made.config["lr"] = [0.5, "0.5", True, None, 0.5, 2, [0.5]][index]
    made.summary["acc.max"] = index % 3
    made.update()
path = f"local/{project}"
def ids(filters=None, order="+created_at", **more):
    return "".join(run.id[1:] for run in wandb.Api().runs(path, filters, order, **more))
first = wandb.Api().run(f"{path}/r0")
found = {
    "filters": [ids(f) for f in [
        {'config.q"k': 3}, {"config.x.y": {"$gte": 5}}, {"config.pät\\h": {"$lt": 2}}, {"config.lr": 0.5},
        {"config.lr": "0.5"}, {"config.lr": True}, {"config.lr": {"$gt": 0}}, {"config.lr": {"$exists": False}},
        {"summary_metrics.acc.max": 2}, {"displayName": {"$regex": "N [01]$", "$options": "i"}}, {"tags": "t1"},
        {"tags": {"$nin": ["t1"]}}, {"createdAt": first.created_at}, {"created_at": {"$gt": first.created_at[:10]}},
        {"username": "local", "$nor": [{"name": "r1"}, {"name": {"$in": ["r2", "r3"]}}]}, {"duration": {"$lt": 100}},
        {"notes": None, "host": None, "jobType": None, "group": None, "sweep": None}, {"state": "running"},
    ]],
    "orders": {order: ids(order=order, per_page=2) for order in [
        "+created_at", "-created_at", "-summary_metrics.acc.max", '-config.q"k.value', "+display_name", "-name",
        "+summary_metrics.acc.max,-created_at", "-config.lr",
    ]},
    "counted": len(wandb.Api().runs(path, {"tags": "t0"}, per_page=1)),
}
# A reader that goes on while runs arrive, change and go.
seen = []
for run in wandb.Api().runs(path, order="+created_at", per_page=2):
    seen.append(run.id)
    if len(seen) in (2, 4):
        api.create_run(project=project, run_id=f"late{len(seen)}")
        wandb.Api().run(f"{path}/{seen[-1]}").delete()
        changed = wandb.Api().run(f"{path}/r6"); changed.name = f"changed {len(seen)}"; changed.update()
found["seen"] = seen
def error(call):
    try:
        return repr(call())
    except Exception as raised:
        return str(raised)
wrong = [{"nothing": 1}, {"$where": "1"}, {"name": {"$regex": "("}}]
found["errors"] = [error(lambda: list(api.runs(path, filters))) for filters in wrong]
found["missing"] = [error(lambda: wandb.Api().run(f"{path}/none")), error(lambda: list(api.runs("local/none"))),
                    error(lambda: api.project("none").id), error(lambda: api.from_path(f"{path}/sweeps/none"))]
print("RESULT" + json.dumps(found))
"""


def test_filters_orders_and_pages_through_the_sdk(tmp_path: Path, environ: Environment, project: str) -> None:
    found = result_of(run_program(_LISTS, environ, tmp_path, project))
    assert found["filters"] == [
        "3", "56", "01", "046", "1", "2", "0456", "", "25", "01", "135", "0246", "0", "0123456", "0456", "0123456",
        "0123456", "0123456",
    ]  # fmt: skip
    assert found["orders"] == {
        "+created_at": "0123456",
        "-created_at": "6543210",
        "-summary_metrics.acc.max": "5241630",
        '-config.q"k.value': "6543210",
        "+display_name": "0123456",
        "-name": "6543210",
        "+summary_metrics.acc.max,-created_at": "6304152",
        "-config.lr": "6152403",
    }
    assert found["counted"] == 4
    assert found["seen"] == [*(f"r{index}" for index in range(7)), "late2", "late4"]
    assert all(word in text for word, text in zip(("nothing", "$where", "expression"), found["errors"], strict=True))
    assert "Could not find run" in found["missing"][0]
    assert "Could not find project" in found["missing"][1]
    assert "not found" in found["missing"][2]
    assert "Could not find sweep" in found["missing"][3]


_ELSEWHERE = r"""
import json, sys, wandb
from wandb.automations import DoNothing, OnRunMetric, RunEvent
project = sys.argv[1]
api = wandb.Api()
api.create_project(project, "local")
def said(call):
    try:
        return call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
place = api.project(project, "local")
event = OnRunMetric(scope=place, filter=RunEvent.metric("m") > 1)
print("RESULT" + json.dumps({
    "viewer": [api.viewer.username, api.viewer.entity, api.viewer.teams, api.viewer.api_keys, api.default_entity],
    "users": [api.user("local").username, api.user("nobody"), [u.username for u in api.users("loc")], api.users("x")],
    "team": [api.team("local").name, [m.username for m in api.team("local").members], api.team("local").invite("x")],
    "empty": [list(call()) for call in (
        lambda: api.reports(f"local/{project}"), lambda: api.integrations(), lambda: api.webhook_integrations(),
        lambda: api.slack_integrations(), lambda: api.automations(), lambda: api.automations(entity="local"),
        lambda: api.artifact_types(f"local/{project}"), lambda: place.sweeps(), lambda: api.list_jobs("local", project),
    )],
    "exists": [api.artifact_exists(f"local/{project}/m:v0"),
               api.artifact_collection_exists(f"local/{project}/m", "model")],
    "said": [said(call) for call in (
        lambda: api.create_user("a@b.c"), lambda: api.run_queue("local", "q").id,
        lambda: api.queued_run("local", project, "q", "i").state,
        lambda: api.create_run_queue("q", "local-container", entity="local"),
        lambda: api.create_automation(event >> DoNothing(), name="n"), lambda: api.automation("n"),
        lambda: api.organization().name, lambda: list(api.registries()), lambda: api.registry("r"),
        lambda: api.create_custom_chart("local", "c", "C", "vega2", "private", {}),
        lambda: api.job(f"local/{project}/j:v0"), lambda: api.artifact(f"wandb-registry-{project}/x:v0"),
    )],
}))
"""


def test_what_is_no_part_of_this_server_is_empty_or_says_so(tmp_path: Path, environ: Environment, project: str) -> None:
    found = result_of(run_program(_ELSEWHERE, environ, tmp_path, project))
    assert found["viewer"] == ["local", "local", ["local"], [], "local"]
    assert found["users"] == ["local", None, ["local"], []]
    assert found["team"] == ["local", ["local"], False]
    assert found["empty"] == [[]] * 9
    assert found["exists"] == [False, False]
    words = [
        "createUser", "run queues", "run queues", "launch queues", "automations", "No automations", "local",
        "not enabled", "not enabled", "custom chart", "not found", "not found",
    ]  # fmt: skip
    assert [text for word, text in zip(words, found["said"], strict=True) if word not in text] == []
    assert not any(text.startswith(("TypeError", "AttributeError", "ValidationError")) for text in found["said"])
