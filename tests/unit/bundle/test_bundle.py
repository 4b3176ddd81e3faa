"""A bundle says what the server said, and a damaged or hostile one is refused in one sentence."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.bundle.sweep_on_a_server import KEY, OneSweepServer, details_of
from tests.unit.exports.sweep_of_runs import RUNS, SWEEP, make_run
from trainer.bundle import layout, reading
from trainer.bundle.client import BundleClient
from trainer.cli import build_cli
from trainer.errors import BundleError, NotFoundError, TrainerError
from trainer.records import RunRecord
from trainer.settings import ServerKind
from trainer.states import RunState, SweepState
from trainer.tracking.leaderboard import rank_runs

DETAILS = {run.id: details_of(run, f"hello from {run.id}", f"key {KEY}", "wandb_v1_" + "a" * 40) for run in RUNS}


@pytest.fixture
def bundle(tmp_path: Path) -> BundleClient:
    return OneSweepServer(SWEEP, RUNS, DETAILS).bundle(tmp_path / "s.sweep.zip")


def test_everything_is_as_the_server_said_it(bundle: BundleClient) -> None:
    assert bundle.read_sweep(SWEEP.reference) == SWEEP
    snapshot = bundle.poll_sweep(SWEEP.reference)
    assert repr([replace(run, curve=()) for run in snapshot.runs]) == repr([replace(run, curve=()) for run in RUNS])
    assert [run.curve for run in snapshot.runs] == [
        tuple(replace(point, runtime_seconds=float(point.step)) for point in run.curve) for run in RUNS
    ]
    assert bundle.poll_sweep(SWEEP.reference, snapshot.cursor).runs == ()
    assert [place.run.id for place in rank_runs(bundle.read_runs(SWEEP), SWEEP.metric)] == ["r1", "r2", "r3"]
    assert bundle.read_runs(SWEEP)[0].metric_value(SWEEP.metric, "best") == 0.9  # type: ignore[arg-type]
    assert bundle.read_history("me", "wine", "r1") == DETAILS["r1"].history
    assert [point.step for point in bundle.read_history("me", "wine", "r1", min_step=1)] == [1, 2]
    assert bundle.read_histories("me", "wine", ["r2", "none", "r3"]) == {"r2": DETAILS["r2"].history, "r3": []}
    assert [line.text for line in bundle.read_console("me", "wine", "r2", after=0)][0].startswith("key")
    assert bundle.connection.kind is ServerKind.BUNDLE
    with pytest.raises(NotFoundError):
        bundle.read_run("me", "wine", "r9")


def test_another_metric_has_its_curves_too(bundle: BundleClient) -> None:
    from trainer.records import Metric

    assert bundle.read_runs(SWEEP, Metric("loss"))[0].metric_value(Metric("loss"), "best") == -2


def test_no_key_and_no_password_is_in_it(bundle: BundleClient) -> None:
    with zipfile.ZipFile(bundle._file.path) as archive:
        inside = "".join(archive.read(name).decode() for name in archive.namelist())
    assert KEY not in inside and "secret" not in inside and "wandb_v1_" not in inside
    assert "[key removed]" in inside
    assert [line.text for line in bundle.read_console("me", "wine", "r1")][1] == "key [key removed]"


@pytest.mark.parametrize(
    "steer",
    [
        lambda client: client.set_sweep_state(SWEEP.reference, SweepState.PAUSED),
        lambda client: client.stop_run("me", "wine", "r1"),
        lambda client: client.enqueue_run(SWEEP.reference, {}),
        lambda client: client.create_agent(SWEEP.reference, "here"),
        lambda client: client.create_sweep({}, "me", "wine"),
    ],
)
def test_nothing_in_it_can_be_steered(bundle: BundleClient, steer: Callable[[BundleClient], object]) -> None:
    with pytest.raises(BundleError, match="is a bundle: it can be read"):
        steer(bundle)


def test_runs_of_several_files_are_found_and_their_curves_thinned(tmp_path: Path) -> None:
    runs = [make_run(number, tuple(value / 1000 for value in range(number, number + 400))) for number in range(250)]
    client = OneSweepServer(SWEEP, runs, {run.id: details_of(run, "x") for run in runs}).bundle(tmp_path / "b.zip")
    snapshot = {run.id: run for run in client.poll_sweep(SWEEP.reference).runs}
    assert [len(snapshot[name].curve) for name in ("r0", "r249")] == [1, 200]
    values = {run.id: run.metric_value(SWEEP.metric, "best") for run in client.read_runs(SWEEP, SWEEP.metric)}  # type: ignore[arg-type]
    assert values == {run.id: run.curve[-1].values["acc"] for run in runs}
    assert len(client.read_history("me", "wine", "r120", samples=7)) == 7
    assert client.read_console("me", "wine", "r249")[0].text == "x"


# Damage and malice


def rewritten(path: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    """Return a bundle whose files were changed."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    target = path.with_name("changed.sweep.zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target


def run_line(**changes: object) -> bytes:
    return json.dumps({**layout.run_json(RUNS[0], 0), **changes}).encode() + b"\n"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda files: files.update({"manifest.json": b'{"format": "other"}'}), "but not a bundle"),
        (lambda files: files.pop("manifest.json"), "but not a bundle"),
        (lambda files: files.update({"manifest.json": b"{"}), "is damaged"),
        (
            lambda files: files.update(
                {"manifest.json": json.dumps({"format": layout.FORMAT, "version": 99}).encode()}
            ),
            "has format 99",
        ),
        (lambda files: files.update({"sweeps.jsonl": b""}), "holds no sweep"),
        (lambda files: files.update({"sweeps.jsonl": b'{"id": 3}\n'}), "is damaged"),
        (lambda files: files.update({"runs.jsonl": b"[]\n"}), "line 1: is not an object"),
        (lambda files: files.update({"runs.jsonl": run_line(state="flying")}), "is damaged"),
        (lambda files: files.update({"runs.jsonl": run_line(chunk=-1)}), "chunk is not a whole number"),
        (lambda files: files.update({"runs.jsonl": run_line(created_at="yesterday")}), "is damaged"),
        (lambda files: files.update({"runs.jsonl": b"[" * 100_000}), "is damaged"),
        (lambda files: files.update({"runs.jsonl": run_line(sweep="other")}), "no sweep 'other'"),
        (lambda files: files.update({"runs.jsonl": b"1" * 5000 + b"\n"}), "is damaged"),
    ],
)
def test_what_is_not_a_whole_bundle_is_refused_in_one_sentence(
    bundle: BundleClient, change: Callable[[dict[str, bytes]], object], words: str
) -> None:
    with pytest.raises(BundleError, match=words) as caught:
        BundleClient(rewritten(bundle._file.path, change)).read_runs(SWEEP)
    assert "\n" not in str(caught.value)


def test_a_broken_history_hurts_only_itself(bundle: BundleClient) -> None:
    path = rewritten(
        bundle._file.path,
        lambda files: files.update({"history/000000.jsonl": b'{"run":"r1","step":[1],"runtime":[],"values":{}}\n'}),
    )
    client = BundleClient(path)
    assert len(client.read_runs(SWEEP)) == 3
    with pytest.raises(BundleError, match="history/000000.jsonl"):
        client.read_history("me", "wine", "r1")
    assert client.read_console("me", "wine", "r1")


def test_half_a_file_and_other_files_are_no_bundles(bundle: BundleClient, tmp_path: Path) -> None:
    content = bundle._file.path.read_bytes()
    for name, part in (("half.zip", content[: len(content) // 2]), ("text.zip", b"hello"), ("empty.zip", b"")):
        (tmp_path / name).write_bytes(part)
        with pytest.raises(BundleError, match="not a bundle"):
            BundleClient(tmp_path / name)
    with pytest.raises(BundleError, match="There is no file"):
        BundleClient(tmp_path / "absent.zip")
    with pytest.raises(BundleError):
        BundleClient(tmp_path)
    flipped = bytearray(content)
    flipped[content.index(b"runs.jsonl") + 40] ^= 0xFF
    (tmp_path / "flipped.zip").write_bytes(flipped)
    with pytest.raises(BundleError, match="damaged"):
        BundleClient(tmp_path / "flipped.zip").read_runs(SWEEP)


def test_a_bomb_and_a_path_do_no_harm(bundle: BundleClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(reading, "MAX_LINE_BYTES", 1 << 20)
    path = rewritten(bundle._file.path, lambda files: files.update({"runs.jsonl": b" " * (8 << 20)}))
    with pytest.raises(BundleError, match="is too long"):
        BundleClient(path).read_runs(SWEEP)
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 1 << 20)
    path = rewritten(bundle._file.path, lambda files: files.update({"runs.jsonl": run_line() * 4000}))
    with pytest.raises(BundleError, match="is too long"):
        BundleClient(path).read_runs(SWEEP)
    path = rewritten(bundle._file.path, lambda files: files.update({"../../escaped": b"x", "/etc/escaped": b"x"}))
    BundleClient(path).read_runs(SWEEP)
    assert list(tmp_path.parent.rglob("escaped")) == []


JUNK: list[object] = [
    None, True, -1, 1e999, "x", [], {}, [[[]]], "9" * 50, 2**70, {"value": {"a": []}}, "\x1b]0;x\x07", ["a", None],
]  # fmt: skip


def read_all(path: Path) -> None:
    client = BundleClient(path)
    client.read_runs(client.sweep, client.sweep.metric)
    for run in client.poll_sweep(client.sweep.reference).runs:
        client.read_history("me", "wine", run.id)
        client.read_console("me", "wine", run.id)


def test_whatever_stands_in_a_bundle_it_is_read_or_refused(bundle: BundleClient, tmp_path: Path) -> None:
    path, good, chance = bundle._file.path, bundle._file.path.read_bytes(), random.Random(7)

    def junk(files: dict[str, bytes]) -> None:
        name = chance.choice([name for name in files if files[name]])
        lines = files[name].splitlines()
        place = chance.randrange(len(lines))
        entry = json.loads(lines[place])
        entry[chance.choice(list(entry))] = chance.choice(JUNK)
        lines[place] = json.dumps(entry).encode()
        files[name] = b"\n".join(lines)

    outcomes = set()
    for number in range(400):
        if number % 2:
            target = rewritten(path, junk)
        else:
            broken = bytearray(good)
            for _ in range(chance.choice((1, 1, 3, 10))):
                broken[chance.randrange(len(broken))] = chance.randrange(256)
            target = tmp_path / "broken.zip"
            target.write_bytes(broken)
        try:
            read_all(target)
            outcomes.add("read")
        except TrainerError as error:
            assert "\n" not in str(error)
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_names_cannot_steer_a_terminal(bundle: BundleClient) -> None:
    path = rewritten(bundle._file.path, lambda files: files.update({"runs.jsonl": run_line(name="a\x1b]0;b\x07\nc")}))
    assert BundleClient(path).read_runs(SWEEP)[0].name == "a ]0;b c"


def test_names_twice_and_links_are_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("manifest.json", "{}")
        archive.writestr("manifest.json", "{}")
    (tmp_path / "twice.zip").write_bytes(stream.getvalue())
    with pytest.raises(BundleError, match="is in it twice"):
        BundleClient(tmp_path / "twice.zip")


def test_a_failed_write_leaves_the_old_bundle(bundle: BundleClient) -> None:
    path = bundle._file.path
    before = path.read_bytes()
    broken = OneSweepServer(SWEEP, RUNS, DETAILS)
    broken.read = lambda *_, **__: (_ for _ in ()).throw(RuntimeError("gone"))  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        broken.bundle(path)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_run_that_was_alive_and_one_without_anything_survive(tmp_path: Path) -> None:
    runs = [
        RunRecord("a", "a", RunState.RUNNING, created_at=datetime(2026, 1, 1, tzinfo=UTC)),
        RunRecord("b", "b", RunState.PENDING),
    ]
    client = OneSweepServer(replace(SWEEP, metric=None, config={}), runs, {}).bundle(tmp_path / "x.zip")
    assert [(run.id, run.state, run.created_at) for run in client.poll_sweep(SWEEP.reference).runs] == [
        (run.id, run.state, run.created_at) for run in runs
    ]


@pytest.mark.parametrize("command", ["pause", "fork", "narrow", "agent"])
def test_what_needs_a_server_says_so_of_a_bundle_and_starts_none(command: str) -> None:
    with pytest.raises(BundleError, match="needs the sweep on its server"):
        build_cli(None).main([command, "w.sweep.zip", "--server", "local"], standalone_mode=False)
