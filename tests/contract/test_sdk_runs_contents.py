"""What runs hold as the SDK writes it and the public API reads it: values, console, files, alerts, ends, syncs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import requests

from tests.contract.server_fixtures import Environment, environ, graphql, project, run_program, server
from tests.contract.test_sdk_runs_lives import SHARED_BEGINNING, result_of
from trainer.server.lifecycle import ServerAddress

__all__ = ["environ", "project", "server"]

_VALUES = (
    SHARED_BEGINNING
    + """
import math, pathlib
pathlib.Path("v.mp4").write_bytes(b"0" * 100)
run = wandb.init(project=project, id="r", name="first", group="g", job_type="train", tags=["a"], notes="n",
                 config={"nested": {"a": {"b": 1}}, "lr": 0.1}, settings=wandb.Settings(silent=True))
for name, how in {"loss": "min", "acc": "max", "mean": "mean", "several": "min,max,last", "unsummed": "none"}.items():
    run.define_metric(name, summary=how)
run.define_metric("epoch")
run.define_metric("val/*", step_metric="epoch")
for i in range(5):
    run.log({"loss": abs(3 - i), "acc": [1, 7, 3, 2, 1][i], "mean": i, "several": i, "unsummed": i, "epoch": i,
             "val/f": i * i, "steps": i})
run.log({"part": 1}, commit=False)
run.log({"rest": 2})
run.log({"stepped": 1}, step=20)
run.log({"stepped": 0}, step=10)
run.log({"nan": math.nan, "inf": math.inf, "ninf": -math.inf, "none": None, "text": "h\\u00e9llo \\U0001f389\\nnew",
         "big": 2**60, "\\U0001f389 key": 1, "with.dot": 2, "list": [1, 2], "deep": {"a": {"b": 3}}, "yes": True})
run.log({"h": wandb.Histogram([1, 2, 3]), "html": wandb.Html("<b>x</b>"), "video": wandb.Video("v.mp4", format="mp4"),
         "two": [wandb.Html("1"), wandb.Html("2")], "table": wandb.Table(columns=["a"], data=[["x"], ["\\u00fc"]])})
run.log({f"c{i}": i for i in range(10000)})
run.config.update({"lr": 0.2}, allow_val_change=True)
run.config["added"] = [1, {"a": 2}]
run.summary["gone"] = 1
run.summary["deep summary"] = {"x": {"y": 1}}
del run.summary["gone"]
run.tags += ("b",)
run.notes, run.name = "n2", "second"
for percent in range(101):
    print(f"\\r{percent}%", end="", flush=True)
print()
print("\\x1b[31mred\\x1b[0m")
print("to stderr", file=sys.stderr)
print("a\\n\\nb \\U0001f389")
for number in range(3000):
    print("bulk", number)
run.alert("title", "text", level=wandb.AlertLevel.ERROR, wait_duration=0)
run.finish()

api = wandb.Api()
found = api.run(f"local/{project}/r")
rows = {row["_step"]: row for row in found.scan_history()}
odd, media = rows[20], rows[21]
console = [line for line in found.console_logs() if not line.content.startswith("wandb:")]
out = {
    "fields": [found.state, found.name, found.tags, found.notes, found.group, found.job_type, found.user.username,
               found.lastHistoryStep, found.metadata["program"] == os.path.abspath(sys.argv[0]),
               found.metadata["args"], found.url.endswith(f"/local/{project}/runs/r")],
    "config": dict(found.config),
    "summary": {name: (dict(value) if hasattr(value, "keys") else value) for name in
                ["loss", "acc", "mean", "several", "unsummed", "gone", "rest", "part"]
                for value in [found.summary.get(name)]},
    "steps": list(rows), "odd": {key: value for key, value in odd.items() if key[0] != "_"},
    "columns": len(rows[22]), "keys": len(found.history_keys["keys"]),
    "types": {name: media[name]["_type"] if isinstance(media[name], dict) else media[name] for name in media
              if name in ("h", "html", "video", "two", "table")},
    "step metric": [row["epoch"] for row in found.scan_history(keys=["epoch", "val/f"])],
    "nested key": [row["deep.a.b"] for row in found.history(keys=["deep.a.b"], pandas=False)],
    "media": sorted(file.name.split("_")[0] for file in found.files() if file.name.startswith("media/")),
    "console": [[line.level, line.content] for line in console[:6]],
    "bulk": [line.content for line in console[6:]] == [f"bulk {number}" for number in range(3000)],
    "created": found.created_at <= found.heartbeat_at,
    "system": [len(found.history(stream="system", pandas=False)) > 0, "system.memory_percent" in found.system_metrics],
}
del found.summary["rest"]
found.summary.update({"via api": {"q": 1}})
found.config["lr"] = 0.3
del found.config["added"]
found.group, found.notes, found.name, found.tags = "g2", "n3", "third", ["only"]
found.update()
found = wandb.Api().run(f"local/{project}/r")
out["edited"] = [found.state, found.name, found.tags, found.notes, found.group, dict(found.config),
                 "rest" in found.summary, dict(found.summary["via api"])]
tell()
"""
)


def test_values_and_console(tmp_path: Path, environ: Environment, server: ServerAddress, project: str) -> None:
    found = result_of(run_program(_VALUES, environ, tmp_path, project))
    assert found["fields"] == [
        "finished", "second", ["a", "b"], "n2", "g", "train", "local", 22, True, [project], True,
    ]  # fmt: skip
    assert found["config"] == {"nested": {"a": {"b": 1}}, "lr": 0.2, "added": [1, {"a": 2}]}
    assert found["summary"] == {
        "loss": {"min": 0}, "acc": {"max": 7}, "mean": {"mean": 2}, "several": {"min": 0, "max": 4, "last": 4},
        "unsummed": None, "gone": None, "rest": 2, "part": 1,
    }  # fmt: skip
    assert found["steps"] == [0, 1, 2, 3, 4, 5, 20, 21, 22]
    assert found["odd"] == {
        "nan": "NaN", "inf": "Infinity", "ninf": "-Infinity", "none": None, "text": "héllo \U0001f389\nnew",
        "big": 2**60, "\U0001f389 key": 1, "with.dot": 2, "list": [1, 2], "deep.a.b": 3, "yes": True,
        "stepped": 1,
    }  # fmt: skip
    assert found["columns"] == 10003
    assert found["keys"] > 10020
    assert found["types"] == {
        "h": "histogram", "html": "html-file", "video": "video-file", "two": "html", "table": "table-file",
    }  # fmt: skip
    assert found["step metric"] == [0, 1, 2, 3, 4]
    assert found["nested key"] == [3]
    assert found["media"] == ["media/html/html", "media/html/two", "media/html/two", "media/table/table",
                              "media/videos/video"]  # fmt: skip
    assert found["console"] == [
        ["", "100%"], ["", "\x1b[31mred\x1b[0m"], ["error", "to stderr"], ["", "a"], ["", ""], ["", "b \U0001f389"],
    ]  # fmt: skip
    assert found["bulk"]
    assert found["created"]
    assert found["system"] == [True, True]
    assert found["edited"] == [
        "finished", "third", ["only"], "n3", "g2", {"nested": {"a": {"b": 1}}, "lr": 0.3}, False, {"q": 1},
    ]  # fmt: skip
    document = 'query Q($p: String) { project(name: $p) { run(name: "r") { alerts { title text severity } } } }'
    alerts = graphql(server, document, p=project)["project"]["run"]["alerts"]
    assert alerts == [{"title": "title", "text": "text", "severity": "ERROR"}]
    page = requests.get(f"{server.base_url}/local/{project}/runs/r", auth=("api", server.api_key), timeout=30)
    assert {"Alerts", "title", "text"} <= set(re.findall(r"\w+", page.text))


_FILES = (
    SHARED_BEGINNING
    + """
import pathlib
names = ["a b.txt", "p%cent.txt", "h#sh.txt", "q?mark.txt", "\\u00fcn\\u00ef\\U0001f389.txt", "d/sub dir/n.txt",
         "d/plus+amp&eq=.txt", "empty.txt", "quote's.txt", "semi;colon,.txt", "[br].txt", "back\\\\slash.txt",
         "x%20y.txt", ".hidden"]
def content(name):
    return "" if name == "empty.txt" else "content of " + name
for name in names:
    pathlib.Path(name).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(name).write_text(content(name))
for policy in ("live", "end", "now"):
    pathlib.Path(policy + ".txt").write_text("v1")
pathlib.Path("large.bin").write_bytes(os.urandom(2**20) * 20)
with wandb.init(project=project, id="r", settings=lean(console="off")) as run:
    for name in names:
        run.save(("./" if name.startswith("a") else "") + name.replace("[", "[[]"))
    run.save("d/*.txt")
    run.save("large.bin")
    for policy in ("live", "end", "now"):
        run.save(policy + ".txt", policy=policy)
    time.sleep(1)
    for policy in ("live", "end", "now"):
        pathlib.Path(policy + ".txt").write_text("v2")
found = wandb.Api().run(f"local/{project}/r")
have = {file.name: file for file in found.files()}
out["missing"] = sorted(set(names) - set(have))
for name in names:
    have[name].download(root="down", replace=True)
    if pathlib.Path("down", name).read_text() != content(name) or found.file(name).size != len(content(name).encode()):
        out.setdefault("wrong", []).append(name)
for policy in ("live", "end"):
    found.file(policy + ".txt").download(root="down", replace=True)
    out[policy] = pathlib.Path("down", policy + ".txt").read_text()
found.file("large.bin").download(root="down")
out["large"] = pathlib.Path("down/large.bin").read_bytes() == pathlib.Path("large.bin").read_bytes()
pathlib.Path("o/u").mkdir(parents=True)
pathlib.Path("o/u/z w.txt").write_text("z")
out["uploaded"] = found.upload_file("o/u/z w.txt", root="o").name
out["listed"] = [file.name for file in found.files(pattern="u/%")]
found.file("u/z w.txt").delete()
found.file("empty.txt").delete()
left = {file.name for file in wandb.Api().run(f"local/{project}/r").files()}
out["deleted"] = sorted({"u/z w.txt", "empty.txt"} & left)
wandb.restore("a b.txt", run_path=f"local/{project}/r", root="restored")
out["restored"] = pathlib.Path("restored/a b.txt").read_text()
try:
    wandb.restore("no such file", run_path=f"local/{project}/r")
except ValueError as error:
    out["not restored"] = str(error).split(" in ")[0]

def ends(name, how, **options):
    try:
        with wandb.init(project=project, id=name, settings=lean(console="off"), **options) as run:
            run.log({"x": 1})
            how(run)
    except BaseException:
        pass
    return wandb.Api().run(f"local/{project}/{name}").state
def fail(error):
    raise error
out["ends"] = {
    "left": ends("left", lambda run: None),
    "exit 3": ends("exit3", lambda run: sys.exit(3)),
    "error": ends("error", lambda run: fail(ValueError("x"))),
    "interrupted": ends("interrupted", lambda run: fail(KeyboardInterrupt())),
    "said": ends("said", lambda run: run.finish(exit_code=7)),
    "preempted": ends("preempted", lambda run: (run.mark_preempting(), run.finish(exit_code=1))),
    "preempting in vain": ends("vain", lambda run: run.mark_preempting()),
}
failed = wandb.Api().run(f"local/{project}/exit3")
out["requeued"] = [failed.update_state("pending"), wandb.Api().run(f"local/{project}/exit3").state,
                   failed.update_state("failed")]
made = wandb.apis.public.Run.create(wandb.Api(), run_id="made", project=project, state="pending")
made.stop()
out["made"] = [made.state, wandb.Api().run(f"local/{project}/made").state]
tell()
"""
)


def test_files_and_ends(tmp_path: Path, environ: Environment, project: str) -> None:
    found = result_of(run_program(_FILES, environ, tmp_path, project))
    assert found == {
        "missing": [], "live": "v2", "end": "v2", "large": True, "uploaded": "u/z w.txt", "listed": ["u/z w.txt"],
        "deleted": [], "restored": "content of a b.txt", "not restored": "File no such file not found",
        "ends": {"left": "finished", "exit 3": "failed", "error": "failed", "interrupted": "failed", "said": "failed",
                 "preempted": "preempted", "preempting in vain": "finished"},
        "requeued": [True, "pending", True], "made": ["pending", "killed"],
    }  # fmt: skip


_OFFLINE = (
    SHARED_BEGINNING
    + """
import pathlib
pathlib.Path("model.bin").write_bytes(b"m" * 100)
with wandb.init(project=project, id="off", mode="offline", config={"a": 1}, tags=["t"], notes="n", group="g",
                settings=wandb.Settings(silent=True)) as run:
    for i in range(5):
        run.log({"x": i})
        print("line", i)
    run.log({"table": wandb.Table(columns=["c"], data=[["v"]])})
    artifact = wandb.Artifact("model", "model")
    artifact.add_file("model.bin")
    run.log_artifact(artifact)
    run.save("model.bin", policy="now")
    run.summary["best"] = 3
"""
)
_READ_SYNCED = (
    SHARED_BEGINNING
    + """
for name in sys.argv[2:]:
    run = wandb.Api().run(f"local/{project}/{name}")
    out[name] = read(name) | {"notes": run.notes, "group": run.group, "best": run.summary["best"],
        "files": "model.bin" in [file.name for file in run.files()]}
    out[name]["console"] = out[name]["console"][:5]
run = wandb.Api().run(f"local/{project}/off")
out["artifacts"] = sorted(artifact.name for artifact in run.logged_artifacts())
wandb.Api().artifact(f"local/{project}/model:v0").download(root="down")
out["model"] = os.path.getsize("down/model.bin")
run.delete(delete_artifacts=True)
out["left"] = [run.id for run in wandb.Api().runs(f"local/{project}")]
out["models"] = [a.name for a in wandb.Api().artifacts("model", f"local/{project}/model")]
tell()
"""
)


def test_an_offline_run_is_synced_twice_and_under_another_id_and_deleted_with_its_artifacts(
    tmp_path: Path, environ: Environment, project: str
) -> None:
    run_program(_OFFLINE, environ, tmp_path, project)
    [folder] = (tmp_path / "wandb").glob("offline-run-*")
    sync = [sys.executable, "-m", "wandb", "sync", "--yes", "--include-synced"]
    for options in ([], [], ["--id", "other"]):
        subprocess.run(
            [*sync, *options, str(folder)], cwd=tmp_path, env=environ, capture_output=True, timeout=100, check=True
        )
    found = result_of(run_program(_READ_SYNCED, environ, tmp_path, project, "off", "other"))
    expected = {
        "state": "finished", "rows": [*([step, step] for step in range(5)), [5, None]], "summary": 4, "last": 5,
        "console": [f"line {i}" for i in range(5)], "config": {"a": 1}, "tags": ["t"], "notes": "n", "group": "g",
        "best": 3, "files": True,
    }  # fmt: skip
    for name in ("off", "other"):
        assert found[name].pop("events") >= 1
        assert found[name] == expected
    assert found["artifacts"] == ["model:v0", "run-off-table:v0"]
    assert found["model"] == 100
    assert (found["left"], found["models"]) == (["other"], [])
