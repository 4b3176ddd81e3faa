"""Artifacts through the real SDK and its command line: versions, aliases, drafts, links, collections, many files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.contract.server_fixtures import Environment, environ, graphql, project, run_command, run_program, server
from tests.contract.test_server_sdk import result_of
from trainer.server.lifecycle import ServerAddress
from trainer.settings import Connection, ServerKind
from trainer.tracking.wandb_client import WandbClient

__all__ = ["environ", "project", "server"]

_VERSIONS = """
import http.server, json, os, pathlib, sys, threading, time, wandb
from datetime import timedelta
P = sys.argv[1]
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_): pass
web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
threading.Thread(target=web.serve_forever, daemon=True).start()
pathlib.Path("d/sub").mkdir(parents=True)
pathlib.Path("d/a b%25.txt").write_text("one")
pathlib.Path("d/sub/ünï☃?#.txt").write_text("two")
pathlib.Path("d/empty").write_text("")
pathlib.Path("outside.txt").write_text("outside")
def get(name): return wandb.Api().artifact(f"{P}/{name}")
def log(run, name, kind="x", text="x", **kw):
    artifact = wandb.Artifact(name, kind)
    with artifact.new_file("f") as file: file.write(text)
    return run.log_artifact(artifact, **kw).wait()
def refused(call):
    try: call()
    except Exception as error: return str(error)
    raise AssertionError("not refused")

with wandb.init(project=P, id="r1") as run:
    a = wandb.Artifact("data", "dataset", description="desc", metadata={"k": [1, {"x": None}]})
    a.add_dir("d")
    a.add_reference(pathlib.Path("outside.txt").resolve().as_uri(), name="ref/o.txt")
    a.add_reference(f"http://127.0.0.1:{web.server_port}/outside.txt", checksum=False, name="web")
    with a.new_file("made.json") as file: json.dump({"a": 1}, file)
    a.ttl = timedelta(days=3)
    run.log_artifact(a, aliases=["best", "x"], tags=["t1"]).wait()
    assert (a.version, a.state, sorted(a.aliases), a.tags) == ("v0", "COMMITTED", ["best", "latest", "x"], ["t1"])
    b = get("data:best")
    assert (b.description, b.metadata, b.file_count, b.ttl) == ("desc", {"k": [1, {"x": None}]}, 6, timedelta(days=3))
    b.download(root="all"); b.verify(root="all")
    assert (pathlib.Path("all/sub/ünï☃?#.txt").read_text(), pathlib.Path("all/empty").read_text()) == ("two", "")
    assert pathlib.Path("all/ref/o.txt").read_text() == pathlib.Path("all/web").read_text() == "outside"
    b.download(root="part", path_prefix="sub")
    assert os.listdir("part") == ["sub"]
    assert pathlib.Path(b.get_entry("a b%25.txt").download(root="one")).read_text() == "one"
    pathlib.Path("all/stray").write_text("s"); b.checkout(root="all"); assert not pathlib.Path("all/stray").exists()
    names = ["a b%25.txt", "empty", "made.json", "ref/o.txt", "sub/ünï☃?#.txt", "web"]
    assert [file.name for file in b.files(per_page=2)] == names and len(b.files()) == 6
    next(iter(b.files(names=["a b%25.txt"]))).download(root="fd")
    assert pathlib.Path("fd/a b%25.txt").read_text() == "one"

    b.aliases.append("prod"); b.aliases.remove("x"); b.description = "new"; b.metadata["z"] = 1
    b.tags = ["t2", "t3"]; b.ttl = None; b.save()
    c = get("data:prod")
    assert (sorted(c.aliases), sorted(c.tags)) == (["best", "latest", "prod"], ["t2", "t3"])
    assert (c.description, c.metadata["z"], c.ttl) == ("new", 1, None)

    draft = get("data:latest").new_draft(); draft.remove("made.json")
    with draft.new_file("n.txt") as file: file.write("n")
    run.log_artifact(draft, aliases=["best"]).wait()
    assert draft.version == "v1" and "made.json" not in draft.manifest.entries and "n.txt" in draft.manifest.entries
    assert pathlib.Path(draft.get_entry("a b%25.txt").download(root="dd")).read_text() == "one"
    assert (get("data:latest").version, get("data:best").version, get("data:v0").aliases) == ("v1", "v1", ["prod"])

    first, again = log(run, "m", aliases=["a1"]), log(run, "m", aliases=["a2"])
    other = log(run, "m2")
    assert (first.id, first.version, other.version) == (again.id, "v0", "v0") and other.id != first.id
    assert sorted(again.aliases) == ["a1", "a2", "latest"]
    assert pathlib.Path(other.file()).read_text() == "x"
    assert "type" in refused(lambda: log(run, "m", kind="y"))
    assert "v7" in refused(lambda: log(run, "m", text="seven", aliases=["v7"]))

    derived = wandb.Artifact("derived", "dataset")
    derived.add_reference(get("data:v0").get_entry("a b%25.txt"), name="linked.txt")
    run.log_artifact(derived).wait()
    assert pathlib.Path(get("derived:v0").download(), "linked.txt").read_text() == "one"

    table = wandb.Table(columns=["i", "html"], data=[[i, wandb.Html(f"<b>{i}</b>")] for i in range(3)])
    run.log({"tab": table})
    objects = wandb.Artifact("objects", "x"); objects.add(table, "again"); run.log_artifact(objects).wait()
    used = run.use_artifact("objects:latest", use_as="input")
    assert [row[0] for row in used.get("again").data] == [0, 1, 2]

    assert run.use_artifact(first).id == first.id
    run.log_model("outside.txt", name="mymodel", aliases=["q"])
    deadline = time.monotonic() + 60
    while not wandb.Api().artifact_exists(f"{P}/mymodel:q"): assert time.monotonic() < deadline
    assert pathlib.Path(run.use_model("mymodel:q")).read_text() == "outside"
    assert run.log_code(".", include_fn=lambda path: path.endswith(".py")).wait().version == "v0"

    for part in range(3):
        piece = wandb.Artifact("dist", "x")
        with piece.new_file(f"part{part}") as file: file.write(str(part))
        if part < 2: run.upsert_artifact(piece, distributed_id="D")
        else: run.finish_artifact(piece, distributed_id="D").wait()
    whole = get("dist:latest")
    assert (sorted(whole.manifest.entries), whole.version, whole.file_count) == (["part0", "part1", "part2"], "v0", 3)
    whole.download(root="dist"); whole.verify(root="dist")

    for number in range(5):
        log(run, "many", text=str(number), tags=["even"] if number % 2 == 0 else [])
    api = wandb.Api()
    def versions(**kw): return [a.version for a in api.artifacts("x", f"{P}/many", **kw)]
    assert versions(per_page=2) == ["v4", "v3", "v2", "v1", "v0"] and len(api.artifacts("x", f"{P}/many")) == 5
    assert versions(tags="even") == ["v4", "v2", "v0"]
    assert versions(per_page=2, order="+created_at") == ["v0", "v1", "v2", "v3", "v4"]

r1 = wandb.Api().run(f"{P}/r1")
path = r1.summary["tab"]["artifact_path"]
assert path.startswith("wandb-client-artifact://")
logged = {a.name for a in r1.logged_artifacts()}
assert {"data:v0", "data:v1", "m:v0", "many:v4", "dist:v0", "run-r1-tab:v0", "mymodel:v0"} <= logged
assert sorted(a.name for a in r1.used_artifacts()) == ["m:v0", "mymodel:v0", "objects:v0"]
assert ([r.id for r in get("m:v0").used_by()], get("m:v0").logged_by().id) == (["r1"], "r1")
with wandb.init(project=f"{P}-other", id="r2") as run:
    assert run.use_artifact(f"{P}/m:latest").version == "v0"
assert sorted(r.id for r in get("m:v0").used_by()) == ["r1", "r2"]
alone = wandb.Artifact("alone", "x")
with alone.new_file("f") as file: file.write("x")
alone.save(project=P)
assert alone.wait().version == "v0", alone.version

assert "alias" in refused(get("data:v1").delete)
get("data:v1").delete(delete_aliases=True)
assert not wandb.Api().artifact_exists(f"{P}/data:v1") and not wandb.Api().artifact_exists(f"{P}/data:latest")
assert pathlib.Path(get("data:v0").get_entry("a b%25.txt").download(root="after")).read_text() == "one"
with wandb.init(project=P, id="r3") as run:
    assert log(run, "data", kind="dataset").version == "v2"
print("RESULT" + json.dumps(path))
"""


def test_versions_from_the_first_log_to_their_deletion(
    tmp_path: Path, environ: Environment, server: ServerAddress, project: str
) -> None:
    path = str(result_of(run_program(_VERSIONS, environ, tmp_path, project)))
    client_id = path.removeprefix("wandb-client-artifact://").split("/")[0]
    found = graphql(server, "query M($i: ID!) { clientIDMapping(clientID: $i) { serverID } }", i=client_id)
    document = "query A($i: ID!) { artifact(id: $i) { artifactSequence { name } state } }"
    owner = graphql(server, document, i=found["clientIDMapping"]["serverID"])["artifact"]
    assert owner == {"artifactSequence": {"name": "run-r1-tab"}, "state": "COMMITTED"}
    # What the run view reads of it.
    client = WandbClient(Connection(ServerKind.EMBEDDED, server.base_url, server.api_key, ""))
    place = (client.default_entity(), project)
    table = next(one for one in client.read_artifacts(*place, "r1") if one.collection == "run-r1-tab")
    assert (table.name, table.type, table.project) == ("run-r1-tab:v0", "run_table", project)
    file = next(one for one in client.read_artifact_files(*place, table) if one.name.endswith(".table.json"))
    content = b"".join(client.stream_file(file))
    assert len(content) == file.size and "columns" in json.loads(content)
    assert [one.name for one in client.read_files(*place, "r1", ["wandb-metadata.json", "no"])] == [
        "wandb-metadata.json"
    ]
    origin = client.read_origin(*place, "r1")
    assert origin.args == (project,) and origin.executable == sys.executable and origin.wandb_version
    assert any("memory_percent" in row.values for row in client.read_system(*place, "r1"))


_COLLECTIONS = """
import json, pathlib, sys, wandb
P = sys.argv[1]
def get(name): return wandb.Api().artifact(f"{P}/{name}")
def collection(kind, name): return wandb.Api().artifact_collection(kind, f"{P}/{name}")
with wandb.init(project=P, id="r") as run:
    for number in range(3):
        a = wandb.Artifact("src", "model")
        with a.new_file("f") as file: file.write(str(number))
        run.log_artifact(a).wait()
    b = wandb.Artifact("twin", "model")
    with b.new_file("f") as file: file.write("0")
    run.log_artifact(b).wait()
    link = run.link_artifact(get("src:v1"), f"{P}/portfolio", aliases=["prod"])
    assert link.is_link and (link.name, sorted(link.aliases)) == ("portfolio:v0", ["latest", "prod"])
    assert run.link_artifact(get("src:v1"), f"{P}/portfolio").version == "v0"
    assert run.link_artifact(get("src:v2"), f"{P}/portfolio").version == "v1"
    seen = get("portfolio:prod")
    assert seen.is_link and (seen.version, seen.source_name, seen.source_version) == ("v0", "src:v1", "v1")
    assert seen.source_artifact.name == "src:v1" and get("portfolio:latest").version == "v1"
    assert [a.name for a in get("src:v1").linked_artifacts] == ["portfolio:v0"]
    assert pathlib.Path(seen.file()).read_text() == "1"
    seen.aliases.append("more"); seen.save()
    assert sorted(get("portfolio:v0").aliases) == ["more", "prod"] and get("src:v1").aliases == []
    assert not collection("model", "portfolio").is_sequence()
    assert [a.version for a in collection("model", "portfolio").artifacts()] == ["v1", "v0"]
    get("portfolio:v0").unlink()
    assert not wandb.Api().artifact_exists(f"{P}/portfolio:prod") and get("src:v1").version == "v1"
    assert run.link_artifact(get("src:v1"), f"{P}/portfolio").version == "v2"
    registered = run.link_artifact(get("src:v0"), "wandb-registry-model/thing")
    assert registered.qualified_name == "local/wandb-registry-model/thing:v0"
    assert wandb.Api().artifact("wandb-registry-model/thing:latest").source_name == "src:v0"
    run.link_model("program.txt", registered_model_name="registered", name="byhand", aliases=["lm"])
    try: run.link_artifact(get("src:v0"), f"{P}/src")
    except Exception as error: assert "log into" in str(error), error
    else: raise AssertionError("linked into a sequence")

c = collection("model", "src"); c.description = "cd"; c.tags = ["one", "two"]; c.name = "renamed"; c.save()
c = collection("model", "renamed")
assert (c.description, sorted(c.tags), c.aliases) == ("cd", ["one", "two"], ["latest"])
c.type = "other"; c.tags = ["two"]; c.save()
assert collection("other", "renamed").tags == ["two"] and get("renamed:v2").type == "other"
api = wandb.Api()
assert sorted(t.name for t in api.artifact_types(P)) == ["model", "other"]
assert sorted(x.name for x in api.artifact_type("model", P).collections()) == ["byhand", "portfolio", "twin"]
portfolio = collection("model", "portfolio"); portfolio.name = "shelf"; portfolio.save()
collection("model", "shelf").delete()
assert get("renamed:v1").version == "v1"
collection("other", "renamed").delete()
assert not wandb.Api().artifact_collection_exists(f"{P}/renamed", "other")
assert pathlib.Path(get("twin:v0").file()).read_text() == "0"
print('RESULT"done"')
"""


def test_collections_links_and_registries(tmp_path: Path, environ: Environment, project: str) -> None:
    (tmp_path / "program.txt").write_text("model", encoding="utf-8")
    assert result_of(run_program(_COLLECTIONS, environ, tmp_path, project)) == "done"


_TOGETHER = """
import sys, wandb
with wandb.init(project=sys.argv[1], id=sys.argv[2]) as run:
    for number in range(4):
        artifact = wandb.Artifact("shared", "x")
        with artifact.new_file("f") as file: file.write(f"{sys.argv[2]} {number}")
        with artifact.new_file("same") as file: file.write("the same bytes")
        run.log_artifact(artifact, aliases=[f"{sys.argv[2]}-{number}"])
"""
_MANY = """
import json, pathlib, sys, wandb
P = sys.argv[1]
seen = {a.version: a for a in wandb.Api().artifacts("x", f"{P}/shared")}
newest = wandb.Api().artifact(f"{P}/shared:latest")
for run in "abcd":
    for number in range(4):
        artifact = wandb.Api().artifact(f"{P}/shared:{run}-{number}")
        entry = pathlib.Path(artifact.get_entry("f").download(root=f"down-{run}-{number}"))
        assert entry.read_text() == f"{run} {number}"
pathlib.Path("many").mkdir()
for number in range(1010):
    pathlib.Path(f"many/{number:04}").write_text(str(number))
with wandb.init(project=P, id="many") as run:
    many = wandb.Artifact("thousand", "x"); many.add_dir("many"); run.log_artifact(many).wait()
got = wandb.Api().artifact(f"{P}/thousand:v0")
got.download(root="thousand"); got.verify(root="thousand")
print("RESULT" + json.dumps({
    "versions": sorted(int(v[1:]) for v in seen), "latest": newest.version, "files": got.file_count,
    "listed": len(list(got.files(per_page=500))), "bytes": got.size,
    "down": len(list(pathlib.Path("thousand").iterdir())),
}))
"""


def test_four_processes_share_a_collection_and_a_thousand_files_make_an_artifact(
    tmp_path: Path, environ: Environment, project: str
) -> None:
    (tmp_path / "together.py").write_text(_TOGETHER, encoding="utf-8")
    writers = [
        subprocess.Popen(
            [sys.executable, "together.py", project, name],
            cwd=tmp_path, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for name in "abcd"
    ]  # fmt: skip
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0, 0]
    found = result_of(run_program(_MANY, environ, tmp_path, project))
    assert found == {
        "versions": list(range(16)), "latest": "v15", "files": 1010, "listed": 1010, "down": 1010,
        "bytes": sum(len(str(number)) for number in range(1010)),
    }  # fmt: skip


def test_artifacts_of_the_command_line(tmp_path: Path, environ: Environment, project: str) -> None:
    wandb = [sys.executable, "-m", "wandb", "artifact"]
    (tmp_path / "put").mkdir()
    (tmp_path / "put" / "a b.txt").write_text("put", encoding="utf-8")
    run_command([*wandb, "put", "put", "--name", f"{project}/cli", "--type", "kind", "-a", "mine"], environ, tmp_path)
    listed = subprocess.run(
        [*wandb, "ls", f"local/{project}"], cwd=tmp_path, env=environ, capture_output=True, text=True, check=True
    )
    assert "cli:v0" in listed.stdout + listed.stderr
    run_command([*wandb, "get", f"local/{project}/cli:mine", "--root", "got"], environ, tmp_path)
    assert (tmp_path / "got" / "a b.txt").read_text(encoding="utf-8") == "put"
