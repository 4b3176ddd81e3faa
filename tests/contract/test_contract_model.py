"""Random interleavings of what clients, crashes and time do to runs, against a model of a few dictionaries.

`CONTRACT_EXAMPLES=2000 pytest -n 0 tests/contract/test_contract_model.py` looks further, each time at others.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.contract.server_model import Chunk, ModelRun
from tests.contract.server_restarts import InProcess, Killed, RestartableServer

MEMORY = Path("/dev/shm")
"""The model's crashes are images of the files: no disk has to be waited for."""
_EXAMPLES = os.environ.get("CONTRACT_EXAMPLES")


def profile(examples: int, steps: int) -> settings:
    """Return how long to look; the same interleavings each time unless CONTRACT_EXAMPLES says how many."""
    return settings(
        max_examples=int(_EXAMPLES) if _EXAMPLES else examples,
        stateful_step_count=steps,
        derandomize=not _EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


NAMES = st.sampled_from(["a", "b"])
WHICH = st.integers(0, 1)
"""Which of the runs that a rule is for."""
TAGS = st.lists(st.sampled_from(["red", "blue"]), unique=True)
STATES = ["running", "preempting", "finished", "failed", "crashed", "killed", "preempted"]


def has_clock(machine: Any) -> bool:
    return bool(machine.server.has_clock)


def may_crash(machine: Any) -> bool:
    return bool(machine.server.crashes < machine.server.most_crashes)


class Runs(RuleBasedStateMachine):
    """Programs that begin, resume, stream, end and die, and people that stop and delete their runs."""

    server_kind: type[RestartableServer] = InProcess

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.server = self.server_kind(Path(self.folder.name))
        self.runs: dict[str, ModelRun] = {}
        self.number = 0
        """Makes every row and line another one."""

    def teardown(self) -> None:
        self.server.close()
        self.folder.cleanup()

    def pick(self, which: int, is_meant: Callable[[ModelRun], bool] = lambda run: True) -> ModelRun | None:
        """Return one of the runs that a rule is for, so that few steps are spent on nothing."""
        meant = [run for _, run in sorted(self.runs.items()) if is_meant(run)]
        return meant[which % len(meant)] if meant else None

    def streaming(self, which: int) -> ModelRun | None:
        """Return a run whose program is at work, also one that the server has given up."""
        return self.pick(which, lambda run: not run.has_ended_itself)

    @initialize()
    def make_project(self) -> None:
        self.server.ask('mutation { upsertModel(input: {name: "p", entityName: "local"}) { model { id } } }')

    @rule(name=NAMES, tags=TAGS, times=st.integers(1, 2))
    def begin(self, name: str, tags: list[str], times: int) -> None:
        """`wandb.init(id=...)`; the answer may be lost, and the same is sent again."""
        config = self.new_config()
        for attempt in range(times):
            answer = self.server.begin(name, config, tags)
            assert answer["inserted"] == (name not in self.runs and attempt == 0)
        self.runs.setdefault(name, ModelRun(name)).begin(config, tags)

    def new_config(self) -> dict[str, Any]:
        self.number += 1
        return {"n": self.number}

    @rule(name=NAMES)
    def ask_to_resume(self, name: str) -> None:
        """`wandb.init(id=..., resume=...)` asks about the run, and may be interrupted before it goes on."""
        found = self.server.resume_status(name)
        run = self.runs.get(name)
        if run is None:
            assert found is None
            return
        assert found["historyLineCount"] == max(run.history, default=-1) + 1
        assert found["logLineCount"] == max(run.console, default=-1) + 1
        tail = [json.loads(line) for line in json.loads(found["historyTail"])]
        assert tail == ([run.history[max(run.history)]] if run.history else [])
        run.is_resuming = True

    @rule(which=WHICH)
    def resume(self, which: int) -> None:
        """It goes on."""
        if run := self.pick(which, lambda run: run.is_resuming):
            config = self.new_config()
            self.server.resume(run.name, config)
            run.resume(config)

    @rule(which=WHICH)
    def update_config(self, which: int) -> None:
        """`run.config.update(...)`, also of a program that the server has given up meanwhile."""
        if run := self.streaming(which):
            run.config = self.new_config()
            self.server.update_config(run.name, run.config)
            run.hear()

    def chunk(self, run: ModelRun, count: int, *, skipped: int = 0, again: Chunk | None = None) -> Chunk:
        rows = []
        for _ in range(count):
            self.number += 1
            rows.append({"_step": self.number, "loss": self.number})
        first = run.next_line + skipped
        if again is not None:
            rows, first = again.history[1] + rows, again.history[0]
        run.next_line = first + len(rows)
        kept = max(run.next_console_line - 1, 0)
        lines = [f"line {self.number}.{index}" for index in range(count)]
        run.next_console_line = kept + len(lines)
        body: dict[str, Any] = {
            "files": {
                "wandb-history.jsonl": {"offset": first, "content": [json.dumps(row) for row in rows]},
                "wandb-summary.json": {"offset": 0, "content": [json.dumps(rows[-1])] if rows else []},
                "output.log": {"offset": kept, "content": lines},
            }
        }
        return Chunk(body, (first, rows), (kept, lines))

    def send(self, run: ModelRun, chunk: Chunk) -> None:
        is_told_to_stop = self.server.stream(run.name, chunk.body)
        run.receive(chunk)
        run.last_chunk = chunk
        assert is_told_to_stop == run.is_to_stop

    @rule(which=WHICH, count=st.integers(0, 4), skipped=st.sampled_from([0, 0, 0, 2]))
    def stream(self, which: int, count: int, skipped: int) -> None:
        """New rows; a program whose chunk was lost for good may leave a gap."""
        if run := self.streaming(which):
            self.send(run, self.chunk(run, count, skipped=skipped))

    @rule(which=WHICH)
    def send_again(self, which: int) -> None:
        """The answer was lost: the SDK sends the very same chunk; also late, when the run has ended."""
        run = self.pick(which, lambda run: run.last_chunk is not None)
        if run is not None and run.last_chunk is not None:
            self.send(run, run.last_chunk)

    @rule(which=WHICH, count=st.integers(1, 3))
    def send_again_with_more(self, which: int, count: int) -> None:
        run = self.pick(which, lambda run: run.last_chunk is not None and not run.has_ended_itself)
        if run is not None and run.last_chunk is not None and run.last_chunk.history[1]:
            self.send(run, self.chunk(run, count, again=run.last_chunk))

    @rule(which=WHICH)
    def sign_of_life(self, which: int) -> None:
        """An empty request: a run that is over stays so."""
        if run := self.pick(which):
            self.server.stream(run.name, {})
            if run.is_alive or run.state == "crashed":
                run.hear()

    @rule(which=WHICH)
    def preempt(self, which: int) -> None:
        if run := self.pick(which, lambda run: run.is_alive):
            self.server.stream(run.name, {"preempting": True})
            run.state, run.silence = "preempting", 0

    @rule(which=WHICH, exit_code=st.sampled_from([0, 0, 1, 255]), count=st.integers(0, 2), times=st.integers(1, 2))
    def end(self, which: int, exit_code: int, count: int, times: int) -> None:
        """The last chunk, whose answer may be lost too."""
        if run := self.streaming(which):
            chunk = self.chunk(run, count)
            for _ in range(times):
                self.server.stream(run.name, {**chunk.body, "complete": True, "exitcode": exit_code})
            run.receive(chunk)
            run.end(exit_code)

    @rule(which=WHICH)
    def ask_to_stop(self, which: int) -> None:
        if run := self.pick(which):
            self.server.stop_run(run.name)
            run.ask_to_stop()

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        if self.runs.pop(name, None):
            self.server.delete_run(name)

    @precondition(has_clock)
    @rule(seconds=st.sampled_from([11, 101, 401]))
    def pass_time(self, seconds: int) -> None:
        self.server.pass_time(seconds)
        for run in self.runs.values():
            run.pass_time(seconds)

    @precondition(may_crash)
    @rule()
    def crash(self) -> None:
        self.server.crash()

    @rule(
        state=st.sampled_from(STATES),
        tag=st.sampled_from(["red", "blue"]),
        least=st.integers(0, 60),
        size=st.integers(1, 3),
    )
    def read_pages(self, state: str, tag: str, least: int, size: int) -> None:
        """Filters and pages find what the model finds."""
        wanted: dict[str, Callable[[ModelRun], bool]] = {
            json.dumps({"state": state}): lambda run: run.state == state,
            json.dumps({"tags": {"$in": [tag]}}): lambda run: tag in run.tags,
            json.dumps({"summary_metrics.loss": {"$gte": least}}): lambda run: run.summary.get("loss", -1) >= least,
            json.dumps({"config.n": {"$lt": least}}): lambda run: run.config["n"] < least,
            json.dumps({"$and": [{"state": {"$ne": state}}, {"tags": {"$nin": [tag]}}]}): lambda run: (
                run.state != state and tag not in run.tags
            ),
        }
        for filters, matches in wanted.items():
            expected = sorted(run.name for run in self.runs.values() if matches(run))
            assert sorted(self.server.run_names(filters, size)) == expected, filters

    @invariant()
    def agrees_with_the_model(self) -> None:
        found = self.server.runs()
        assert sorted(found) == sorted(self.runs)
        for name, run in self.runs.items():
            seen = found[name]
            assert seen["state"] == run.state, name
            assert seen["config"] == run.config
            assert sorted(seen["tags"]) == sorted(run.tags)
            assert seen["summary"] == run.summary
            assert seen["history"] == [run.history[line] for line in sorted(run.history)]
            assert seen["historyLineCount"] == max(run.history, default=-1) + 1
            assert seen["console"] == {str(line): text for line, text in run.console.items()}
            assert seen["lossCount"] == len(run.history)


class KilledRuns(Runs):
    """The same with a server process that is killed."""

    server_kind = Killed

    def teardown(self) -> None:
        self.server.crash()
        self.agrees_with_the_model()
        super().teardown()


def test_runs_are_what_the_model_says() -> None:
    run_state_machine_as_test(Runs, settings=profile(examples=40, steps=40))


def test_runs_are_what_the_model_says_of_a_process_that_is_killed() -> None:
    run_state_machine_as_test(KilledRuns, settings=profile(examples=2, steps=40))
