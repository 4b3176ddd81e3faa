from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from tests.unit.bundle.sweep_on_a_server import OneSweepServer
from tests.unit.exports.sweep_of_runs import SWEEP
from trainer.bundle.client import BundleClient
from trainer.bundle.content_layout import BundledContents, contents_json, contents_of
from trainer.errors import BundleError, NotFoundError
from trainer.records import HistoryPoint, RunRecord
from trainer.run_contents import RunArtifact, RunFile, RunOrigin
from trainer.states import RunState

FILE = RunFile("diff.patch", 3, "bundle:blobs/000000")
ARTIFACT = RunArtifact("model", "v1", "model", 9, 1, ("best",), metadata={"acc": 0.5})
CONTENTS = BundledContents(
    RunOrigin("/lab/train.py", ("--lr=1",), git_commit="c0", exit_code=3),
    (HistoryPoint(0, {"cpu": 5.0}, 1.0),), (FILE,), {ARTIFACT: (RunFile("w", 9), RunFile("r", 0, "s3://b/r"))},
)  # fmt: skip


def with_contents(path: Path, entry: str, blob: bytes = b"+ok") -> BundleClient:
    run = RunRecord("a", "a", RunState.FINISHED, sweep_id=SWEEP.reference.id)
    client = OneSweepServer(SWEEP, [run], {}).bundle(path)
    client.close()
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("contents/000000.jsonl", entry)
        archive.writestr("blobs/000000", blob)
    return BundleClient(path)


def test_what_hangs_on_a_run_comes_out_of_a_bundle_as_it_went_in(tmp_path: Path) -> None:
    client = with_contents(tmp_path / "x.sweep.zip", json.dumps(contents_json("a", CONTENTS)) + "\n")
    assert client.read_origin("e", "p", "a") == CONTENTS.origin
    assert client.read_system("e", "p", "a") == list(CONTENTS.system)
    assert client.read_files("e", "p", "a", ["diff.patch"]) == [FILE]
    assert b"".join(client.stream_file(FILE)) == b"+ok"
    assert client.read_artifacts("e", "p", "a") == [ARTIFACT]
    files = client.read_artifact_files("e", "p", ARTIFACT)
    assert [file.is_reference for file in files] == [False, True]
    with pytest.raises(NotFoundError, match="--with-files"):
        list(client.stream_file(files[0]))


@pytest.mark.parametrize(
    "change",
    [{"files": 3}, {"files": [{"name": 3}]}, {"origin": [1]}, {"artifacts": [{"type": "x"}]}, {"system": {"step": 1}}],
)
def test_damaged_contents_are_one_sentence(tmp_path: Path, change: dict[str, object]) -> None:
    entry = json.dumps(contents_json("a", CONTENTS) | change)
    client = with_contents(tmp_path / "x.sweep.zip", entry)
    with pytest.raises(BundleError, match="is damaged"):
        client.read_origin("e", "p", "a")


def test_addresses_from_outside_are_not_fetched_and_blobs_must_be_there(tmp_path: Path) -> None:
    told = contents_json("a", CONTENTS) | {"files": [{"name": "x", "url": "http://evil/x"}]}
    assert contents_of(json.loads(json.dumps(told))).files == [RunFile("x")]
    client = with_contents(tmp_path / "x.sweep.zip", "")
    assert client.read_files("e", "p", "a") == [] and client.read_origin("e", "p", "a") == RunOrigin()
    for name in ("blobs/000009", "runs.jsonl"):
        with pytest.raises(BundleError, match="missing"):
            list(client.stream_file(RunFile("x", 1, f"bundle:{name}")))
