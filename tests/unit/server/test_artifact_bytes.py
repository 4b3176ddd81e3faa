"""The bytes of artifacts: never half a version, shared by content, freed when nobody lists them."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.server.conftest import Desk
from trainer.server import file_store, leftovers
from trainer.server.file_store import IncomingFile
from trainer.server.tables import files

_CREATE = """mutation C($input: CreateArtifactInput!) { createArtifact(input: $input) { artifact { id state } } }"""
_MANIFEST = """mutation M($a: ID!, $n: String!, $t: String) { createArtifactManifest(input: {artifactID: $a, name: $n,
  digest: "", type: $t}) { artifactManifest { id } } }"""
_FILES = """mutation F($files: [CreateArtifactFileSpecInput!]!) { createArtifactFiles(input: {artifactFiles: $files}) {
  files { edges { node { name uploadUrl } } } } }"""
_COMMIT = "mutation C($a: ID!) { commitArtifact(input: {artifactID: $a}) { artifact { digest state versionIndex } } }"
_DELETE = "mutation D($a: ID!) { deleteArtifact(input: {artifactID: $a, deleteAliases: true}) { success } }"


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()


class Writer:
    """Logs artifacts step by step, as wandb-core does."""

    def __init__(self, desk: Desk, name: str = "a", **fields: Any) -> None:
        self.desk, self.folder = desk, desk.folder / "files"
        given = {
            "entityName": "local", "projectName": "p", "artifactTypeName": "t", "artifactCollectionName": name,
            "digest": hashlib.md5(repr(fields).encode()).hexdigest(), **fields,
        }  # fmt: skip
        self.id = str(desk.ask(_CREATE, input=given)["createArtifact"]["artifact"]["id"])

    def put(self, number: int, content: bytes) -> None:
        with IncomingFile(self.folder, number) as file:
            file.append(content)
            file.keep()
        self.desk.server.store.write(
            lambda connection: files.uploaded(connection, number, len(content), md5(content), "x")
        )

    def announce(self, **contents: bytes) -> dict[str, int | None]:
        """Announce files; return the numbers to upload to, None for what is here already."""
        specs = [{"artifactID": self.id, "name": name, "md5": md5(content)} for name, content in contents.items()]
        edges = self.desk.ask(_FILES, files=specs)["createArtifactFiles"]["files"]["edges"]
        return {
            edge["node"]["name"]: int(url.split("/storage/")[1].split("/")[0])
            if (url := edge["node"]["uploadUrl"])
            else None
            for edge in edges
        }

    def upload(self, **contents: bytes) -> None:
        for name, number in self.announce(**contents).items():
            if number is not None:
                self.put(number, contents[name])

    def manifest(self, kind: str = "FULL", *, contents: dict[str, bytes]) -> None:
        name = {"FULL": "wandb_manifest.json", "PATCH": "wandb_manifest.patch.json"}.get(
            kind, "wandb_manifest.incremental.json"
        )
        made = self.desk.ask(_MANIFEST, a=self.id, n=name, t=kind)["createArtifactManifest"]["artifactManifest"]
        number = int(base64.b64decode(made["id"]).decode().split(":")[1])
        entries = {path: {"digest": md5(content), "size": len(content)} for path, content in contents.items()}
        self.put(number, json.dumps({"version": 1, "contents": entries}).encode())

    def commit(self) -> Any:
        return self.desk.ask(_COMMIT, a=self.id)["commitArtifact"]["artifact"]

    def log(self, **contents: bytes) -> Writer:
        self.upload(**contents)
        self.manifest(contents=contents)
        self.commit()
        return self


def stored(desk: Desk) -> list[bytes]:
    """Return the contents on disk that are no manifests."""
    folder = desk.folder / "files"
    found = [(folder / str(number)).read_bytes() for number in file_store.stored_numbers(folder)]
    return sorted(content for content in found if not content.startswith(b'{"version"'))


def test_a_version_whose_bytes_are_not_here_is_refused_and_never_seen(desk: Desk) -> None:
    writer = Writer(desk)
    assert "manifest was not uploaded" in desk.error(_COMMIT, a=writer.id)
    writer.announce(f=b"bytes")
    writer.manifest(contents={"f": b"bytes"})
    assert desk.error(_COMMIT, a=writer.id) == "The file 'f' of the artifact was not uploaded."
    seen = """{ project(name: "p") {
      artifact(name: "a:latest") { id } artifactCollection(name: "a") { artifacts { totalCount } } } }"""
    assert desk.ask(seen)["project"] == {"artifact": None, "artifactCollection": {"artifacts": {"totalCount": 0}}}
    writer.upload(f=b"bytes")
    assert writer.commit()["versionIndex"] == 0
    assert writer.commit()["versionIndex"] == 0
    assert desk.ask(seen)["project"]["artifact"] == {"id": writer.id}


def test_shared_bytes_stay_until_the_last_version_that_lists_them_is_deleted(desk: Desk) -> None:
    first = Writer(desk, "a", metadata='{"n": 1}').log(shared=b"shared", own=b"own")
    second = Writer(desk, "b", metadata='{"n": 2}')
    assert second.announce(shared=b"shared") == {"shared": None}
    desk.ask(_DELETE, a=first.id)
    assert stored(desk) == [b"shared"]  # promised to the second, which is not committed yet
    second.manifest(contents={"shared": b"shared"})
    second.commit()
    leftovers.sweep(desk.server.store, second.folder)
    assert stored(desk) == [b"shared"]
    document = '{ project(name: "p") { artifact(name: "b:v0") { files { edges { node { directUrl } } } } } }'
    url = desk.ask(document)["project"]["artifact"]["files"]["edges"][0]["node"]["directUrl"]
    assert (second.folder / url.split("/storage/")[1].split("/")[0]).read_bytes() == b"shared"
    desk.ask(_DELETE, a=second.id)
    assert file_store.stored_numbers(second.folder) == []
    assert Writer(desk, "a", metadata='{"n": 3}').log(x=b"x").commit()["versionIndex"] == 1


def test_partial_manifests_are_joined_and_an_incremental_one_builds_on_the_newest_version(desk: Desk) -> None:
    parts = [Writer(desk, "d", distributedID="D", digest=f"{n}" * 32) for n in range(3)]
    assert len({part.id for part in parts}) == 1
    for number, part in enumerate(parts):
        content = {f"part{number}": b"%d" % number}
        part.upload(**content)
        part.manifest("PATCH", contents=content)
    made = parts[0].commit()
    lines = "".join(f"part{n}:{md5(b'%d' % n)}\n" for n in range(3))
    assert made["digest"] == hashlib.md5(b"wandb-artifact-manifest-v1\n" + lines.encode()).hexdigest()
    more = Writer(desk, "d", digest="9" * 32)
    more.upload(part0=b"new", late=b"late")
    more.manifest("INCREMENTAL", contents={"part0": b"new", "late": b"late"})
    more.commit()
    document = '{ project(name: "p") { artifact(name: "d:latest") { size files { edges { node { name md5 } } } } } }'
    found = desk.ask(document)["project"]["artifact"]
    assert {edge["node"]["name"]: edge["node"]["md5"] for edge in found["files"]["edges"]} == {
        "late": md5(b"late"), "part0": md5(b"new"), "part1": md5(b"1"), "part2": md5(b"2"),
    }  # fmt: skip
    assert found["size"] == 9


def test_what_is_abandoned_or_outlives_its_ttl_is_swept_and_what_is_linked_stays(desk: Desk) -> None:
    desk.upsert_run("alive")
    abandoned, fresh, used = (
        Writer(desk, "x", digest="1"),
        Writer(desk, "y", digest="2"),
        Writer(desk, "z", runName="alive"),
    )
    for writer, content in ((abandoned, b"abandoned"), (fresh, b"fresh"), (used, b"used")):
        writer.upload(f=content)
    _, linked = (
        Writer(desk, name, digest=name, ttlDurationSeconds=60).log(f=name.encode()) for name in ("short", "linked")
    )
    link = """mutation L($a: ID!) { linkArtifact(input: {
      artifactID: $a, artifactPortfolioName: "shelf", entityName: "local", projectName: "p"}) { versionIndex } }"""
    desk.ask(link, a=linked.id)
    Writer(desk, "kept", digest="k", ttlDurationSeconds=10**6).log(f=b"kept")
    day = 25 * 3600 * 1_000_000
    desk.sql("UPDATE artifacts SET updated_at = updated_at - ?, created_at = created_at - ? WHERE id != 2", day, day)
    (abandoned.folder / "99999").write_bytes(b"nobody's")
    (abandoned.folder / "1.abc.part").write_bytes(b"half")
    assert file_store.remove_partials(abandoned.folder) == 1
    leftovers.sweep(desk.server.store, abandoned.folder)
    assert stored(desk) == [b"fresh", b"kept", b"linked", b"used"]


@pytest.mark.parametrize("name", ["v1", "v007"])
def test_a_version_cannot_be_an_alias(desk: Desk, name: str) -> None:
    given = {"entityName": "local", "projectName": "p", "artifactTypeName": "t", "artifactCollectionName": "a",
             "digest": "d", "aliases": [{"alias": name}]}  # fmt: skip
    assert "cannot be an alias" in desk.error(_CREATE, input=given)


def test_half_an_upload_leaves_what_was_there(tmp_path: Path) -> None:
    with IncomingFile(tmp_path, 1) as file:
        file.append(b"whole")
        file.keep()
    with pytest.raises(ConnectionError), IncomingFile(tmp_path, 1) as file:
        file.append(b"ha")
        raise ConnectionError
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"whole"]


def test_filters_and_orders_that_versions_do_not_have_are_said_to_be_unknown(desk: Desk) -> None:
    Writer(desk, "a").log(f=b"x")
    document = """query V($o: String, $f: JSONString) { project(name: "p") { artifactCollection(name: "a") {
      artifacts(order: $o, filters: $f) { totalCount edges { version } } } } }"""
    found = desk.ask(document, o="-size", f='{"state": "COMMITTED"}')["project"]["artifactCollection"]["artifacts"]
    assert found == {"totalCount": 1, "edges": [{"version": "v0"}]}
    assert "cannot be ordered by 'colour'" in desk.error(document, o="colour")
    assert "cannot be filtered" in desk.error(document, f='{"metadata.x": 1}')
