"""What publishing decides without a server: chunks, ends of runs, marks, states, manifests, waiting."""

from __future__ import annotations

import base64
import json

import pytest

from trainer.errors import ServerLostError
from trainer.publishing.artifact_facts import moved_manifest, uploads_of
from trainer.publishing.lines import MAX_LINES, chunks, console_text
from trainer.publishing.patience import Patience, TryLaterError
from trainer.publishing.run_facts import RunFacts, ended_alike, ending, marked, other_name, unmarked
from trainer.publishing.target import state_steps
from trainer.states import RunState, SweepState


def test_lines_are_cut_at_gaps_and_where_a_request_would_be_too_large() -> None:
    assert list(chunks([(0, "a"), (1, "b"), (5, "c")])) == [(0, ["a", "b"]), (5, ["c"])]
    many = list(chunks((number, "x") for number in range(MAX_LINES + 1)))
    assert [(first, len(part)) for first, part in many] == [(0, MAX_LINES), (MAX_LINES, 1)]
    assert [len(part) for _, part in chunks([(0, "y" * 3_000_000), (1, "y" * 3_000_000)])] == [1, 1]
    assert list(chunks([])) == []


def test_console_lines_say_again_when_and_on_which_stream_they_were_printed() -> None:
    assert console_text({"line": "x\n", "timestamp": "2026-11-23T16:00:00.1", "level": "error"}) == (
        "ERROR 2026-11-23T16:00:00.1 x"
    )
    assert console_text({"line": "x", "timestamp": None, "level": "error"}) == "x"


def facts(state: RunState, exit_code: int | None = None, config: object = None) -> RunFacts:
    node = {"id": "s", "name": "r", "state": state.value, "exitcode": exit_code, "config": json.dumps(config or {})}
    return RunFacts.of(node)


def test_runs_end_as_they_did() -> None:
    assert ending(facts(RunState.FINISHED)) == {"complete": True, "exitcode": 0}
    assert ending(facts(RunState.FAILED, 7)) == {"complete": True, "exitcode": 7}
    # W&B takes 255 for a run that somebody interrupted.
    assert ending(facts(RunState.FAILED, 255)) == {"complete": True, "exitcode": 1}
    assert ending(facts(RunState.KILLED, 1)) == {"complete": True, "exitcode": 255}
    assert ending(facts(RunState.CRASHED)) is None
    assert ended_alike(RunState.RUNNING, RunState.CRASHED)
    assert not ended_alike(RunState.RUNNING, RunState.FINISHED)


def test_a_mark_is_added_to_a_configuration_and_taken_away_without_a_trace() -> None:
    config = {"lr": {"value": 0.1}, "_wandb": {"value": {"t": 1, "branch_point": {"run_id": "a", "step": 3}}}}
    begun, done = marked(config, "e/p/r@1", None), marked(config, "e/p/r@1", "abc")
    assert "branch_point" not in begun["_wandb"]["value"]
    run = facts(RunState.FINISHED, config=done)
    assert (run.origin, run.published_content) == ("e/p/r@1", "abc")
    assert facts(RunState.FINISHED, config=begun).published_content is None
    assert unmarked(done) == config
    assert unmarked(marked({"lr": {"value": 1}}, "k", "c")) == {"lr": {"value": 1}}
    # What was published from a run does not depend on its having been published itself.
    assert facts(RunState.FINISHED, config=done).digest([]) == facts(RunState.FINISHED, config=config).digest([])


def test_a_taken_id_gives_way_to_the_same_other_one_each_time() -> None:
    assert other_name("r", "k") == other_name("r", "k") != other_name("r", "other")
    assert len(other_name("r" * 128, "k")) <= 128


@pytest.mark.parametrize(
    ("current", "wanted", "steps"),
    [
        ("PENDING", "FINISHED", ["FINISHED"]),
        ("PENDING", "PAUSED", ["RUNNING", "PAUSED"]),
        ("RUNNING", "PAUSED", ["PAUSED"]),
        ("FINISHED", "CANCELED", ["RUNNING", "CANCELED"]),
        ("FINISHED", "FINISHED", []),
        ("RUNNING", "PENDING", []),
    ],
)
def test_a_sweep_comes_into_a_state_by_the_ways_that_there_are(current: str, wanted: str, steps: list[str]) -> None:
    assert state_steps(SweepState(current), SweepState(wanted)) == [SweepState(step) for step in steps]


def test_a_manifest_names_artifacts_as_the_other_server_does() -> None:
    here, there = base64.b64encode(b"Artifact:1").decode(), base64.b64encode(b"Artifact:9").decode()
    manifest = {
        "version": 1,
        "contents": {
            "f": {"digest": "d", "size": 1, "birthArtifactID": here},
            "r": {"digest": "e", "ref": f"wandb-artifact://{b'Artifact:1'.hex()}/x/y"},
            "s": {"digest": "g", "ref": "s3://b/k"},
        },
    }
    assert uploads_of(manifest) == [("f", "d")]
    moved = json.loads(moved_manifest(manifest, {"f": there}, {here: there}))["contents"]
    assert moved["f"] == {"digest": "d", "size": 1, "birthArtifactID": there}
    assert moved["r"]["ref"] == f"wandb-artifact://{b'Artifact:9'.hex()}/x/y"
    assert moved["s"] == {"digest": "g", "ref": "s3://b/k"}


def test_a_lost_server_is_waited_for_as_long_as_it_asks_and_given_up_after_minutes() -> None:
    now, said, answers = [0.0], list[str](), [TryLaterError("Busy.", 30.0), ServerLostError("Away."), None]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    def work() -> str:
        if (answer := answers.pop(0)) is not None:
            raise answer
        return "done"

    patience = Patience(lambda: None, said.append, 60.0, sleep, lambda: now[0])
    assert patience.call(work) == "done"
    assert now[0] >= 31 and len(said) == 2

    def never() -> None:
        raise ServerLostError("Away.")

    now[0] = 0.0
    with pytest.raises(ServerLostError, match="goes on from here"):
        patience.call(never)
    assert 45 < now[0] <= 60
