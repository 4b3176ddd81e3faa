"""Random interleavings of agents, lost answers, deaths, people, crashes and time: each point of a sweep has one run.

`CONTRACT_EXAMPLES=2000 pytest -n 0 tests/contract/test_contract_sweeps.py` looks further, each time at others.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.contract.server_restarts import InProcess
from tests.contract.test_contract_model import MEMORY, profile

WHICH = st.integers(0, 2)
AGENT_SILENCE_SECONDS = 60
OVER = ("finished", "failed", "crashed", "killed", "preempted")
_CONFIGS: dict[str, Callable[[int], str]] = {
    "grid": lambda size: f"{{program: t.py, method: grid, parameters: {{x: {{values: {list(range(size))}}}}}}}",
    "random": lambda size: (
        f"{{program: t.py, method: random, run_cap: {size}, parameters: {{x: {{min: 0.0, max: 1.0}}}}}}"
    ),
}


@dataclass
class ModelSweep:
    """What is known of a sweep from outside."""

    made: Any
    kind: str
    size: int
    state: str = "RUNNING"
    points: dict[str, Any] = field(default_factory=dict)
    """By run: what it was told to use, also where the answer was lost."""
    finished: set[str] = field(default_factory=set)
    """Runs that said themselves that they are finished."""

    @property
    def name(self) -> str:
        return str(self.made["name"])


@dataclass
class ModelAgent:
    """An agent and its processes."""

    id: str
    sweep: ModelSweep
    ordered: list[str] = field(default_factory=list)
    """Runs whose process has not said anything yet."""
    begun: list[str] = field(default_factory=list)
    silence: int = 0

    @property
    def live(self) -> list[str]:
        return self.ordered + self.begun


class Sweeps(RuleBasedStateMachine):
    """Agents at work on two sweeps."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.server = InProcess(Path(self.folder.name))
        self.sweeps: list[ModelSweep] = []
        self.agents: list[ModelAgent] = []
        self.owners: dict[str, ModelAgent] = {}
        self.free: set[str] = set()
        """Runs whose agent has not been heard of for so long that others may be given them."""

    def teardown(self) -> None:
        self.server.close()
        self.folder.cleanup()

    @initialize(kind=st.sampled_from(["grid", "random"]), size=st.integers(2, 6))
    def first_sweep(self, kind: str, size: int) -> None:
        self.create_sweep(kind, size)
        self.enroll(0)
        self.enroll(0)

    def create_sweep(self, kind: str, size: int) -> None:
        self.sweeps.append(ModelSweep(self.server.desk.create_sweep(_CONFIGS[kind](size)), kind, size))

    @rule(kind=st.sampled_from(["grid", "random"]), size=st.integers(2, 6))
    def next_sweep(self, kind: str, size: int) -> None:
        """A second sweep, or another one when all are over."""
        if len(self.sweeps) == 1 or all(sweep.state in ("FINISHED", "CANCELED") for sweep in self.sweeps):
            self.create_sweep(kind, size)
            for _ in range(2):
                self.enroll(len(self.sweeps) - 1)

    @rule(which=WHICH)
    def enroll(self, which: int) -> None:
        if len(self.agents) < 8:
            sweep = self.sweeps[which % len(self.sweeps)]
            self.agents.append(ModelAgent(self.server.desk.create_agent(sweep.made), sweep))

    def pick(self, which: int, is_meant: Callable[[ModelAgent], object] = lambda agent: True) -> ModelAgent | None:
        meant = [agent for agent in self.agents if is_meant(agent)]
        return meant[which % len(meant)] if meant else None

    @rule(which=WHICH, is_lost=st.sampled_from([False, False, True]))
    def beat(self, which: int, is_lost: bool) -> None:
        """An agent asks; the answer may not arrive."""
        if agent := self.pick(which):
            self.ask(agent, is_lost)

    @rule()
    def all_beat(self) -> None:
        """A few seconds of every agent's life."""
        for agent in self.agents[:]:
            self.ask(agent)

    def ask(self, agent: ModelAgent, is_lost: bool = False) -> list[dict[str, Any]]:
        commands = self.server.desk.beat(agent.id, *agent.live)
        agent.silence = 0
        for command in commands:
            if command["type"] == "exit":
                assert not agent.live
                self.note_state(agent.sweep)
                assert agent.sweep.state in ("FINISHED", "CANCELED")
                if not is_lost:
                    self.agents.remove(agent)
            elif command["type"] == "stop":
                assert command["run_id"] in agent.live
                if not is_lost:
                    self.lose(agent, command["run_id"])
            else:
                self.take_order(agent, command, is_lost)
        return commands

    def take_order(self, agent: ModelAgent, command: dict[str, Any], is_lost: bool) -> None:
        name, value, sweep = command["run_id"], command["args"]["x"]["value"], agent.sweep
        owner = self.owners.get(name)
        assert name not in agent.live
        assert owner in (None, agent) or name in self.free, "a run of an agent that lives was given to another"
        assert sweep.state == "RUNNING" or (sweep.state == "PAUSED" and owner is agent), sweep.state
        assert sweep.points.setdefault(name, value) == value
        if sweep.kind == "grid":
            assert len(set(sweep.points.values())) == len(sweep.points), "a point was handed out twice"
        self.owners[name] = agent
        self.free.discard(name)
        if not is_lost:
            agent.ordered.append(name)

    def lose(self, agent: ModelAgent, name: str) -> None:
        (agent.ordered if name in agent.ordered else agent.begun).remove(name)

    @rule(which=WHICH)
    def begin(self, which: int) -> None:
        """The process of an order calls `wandb.init`."""
        agent = self.pick(which, lambda agent: agent.ordered)
        if agent is not None:
            name = agent.ordered.pop(0)
            agent.begun.append(name)
            self.begin_run(agent.sweep, name)

    def begin_run(self, sweep: ModelSweep, name: str) -> None:
        config = json.dumps({"x": {"value": sweep.points[name]}})
        self.server.desk.upsert_run(name, sweep=sweep.name, config=config, host="h")
        sweep.finished.discard(name)

    @rule(which=WHICH, exit_code=st.sampled_from([0, 0, 1]))
    def end(self, which: int, exit_code: int) -> None:
        agent = self.pick(which, lambda agent: agent.begun)
        if agent is not None:
            self.end_run(agent.sweep, agent.begun.pop(0), exit_code)

    def end_run(self, sweep: ModelSweep, name: str, exit_code: int) -> None:
        self.server.desk.finish(name, exit_code, acc=1)
        if exit_code == 0:
            sweep.finished.add(name)

    @rule(which=WHICH)
    def die(self, which: int) -> None:
        """The process of a run is gone without a word."""
        if agent := self.pick(which, lambda agent: agent.live):
            self.lose(agent, agent.live[0])

    @rule(which=st.integers(0, 9))
    def agent_dies(self, which: int) -> None:
        agent = self.pick(which)
        if which < 3 and agent is not None:
            self.agents.remove(agent)

    @rule(seconds=st.sampled_from([11, 11, 11, 101, 401]))
    def pass_time(self, seconds: int) -> None:
        self.server.pass_time(seconds)
        for agent in self.agents:
            agent.silence += seconds
        heard = [agent for agent in self.agents if agent.silence <= AGENT_SILENCE_SECONDS]
        if seconds > AGENT_SILENCE_SECONDS:
            self.free |= {name for name, owner in self.owners.items() if owner not in heard}

    @rule(which=WHICH, state=st.sampled_from(["RUNNING"] * 5 + ["PAUSED"] * 3 + ["FINISHED", "CANCELED"]))
    def set_state(self, which: int, state: str) -> None:
        """People pause, resume, stop and cancel; what makes no sense is refused."""
        sweep = self.sweeps[which % len(self.sweeps)]
        document = "mutation S($i: UpsertSweepInput!) { upsertSweep(input: $i) { sweep { id } } }"
        reply = self.server.desk.reply(document, i={"id": sweep.made["id"], "state": state})
        if "errors" not in reply.body:
            sweep.state = state

    @rule()
    def crash(self) -> None:
        self.server.crash()

    @rule(which=st.integers(0, 12))
    def work_to_the_end(self, which: int) -> None:
        """All other agents die; a new one can always bring the sweep to its end."""
        sweep = self.sweeps[which % len(self.sweeps)]
        if which < 11 or sweep.state in ("FINISHED", "CANCELED"):
            return  # not often, for it leaves little to do
        self.set_state(which, "RUNNING")
        self.agents = [agent for agent in self.agents if agent.sweep is not sweep]
        worker = ModelAgent(self.server.desk.create_agent(sweep.made), sweep)
        self.agents.append(worker)
        for _ in range(40):
            commands = self.ask(worker)
            for name in worker.ordered[:]:
                worker.ordered.remove(name)
                self.begin_run(sweep, name)
                self.end_run(sweep, name, 0)
            if worker not in self.agents:
                break
            if not commands:
                self.pass_time(401)
        assert worker not in self.agents, "the sweep does not come to its end"
        assert sweep.state == "FINISHED"
        rows = self.rows(sweep)
        assert len(rows) == sweep.size
        if sweep.kind == "grid":
            assert {json.loads(row["suggested"])["x"] for row in rows} == set(range(sweep.size))

    def rows(self, sweep: ModelSweep) -> list[sqlite3.Row]:
        return self.server.desk.server.store.reader.execute(
            "SELECT name, state, suggested, agent_id FROM runs WHERE sweep = ?", (sweep.name,)
        ).fetchall()

    def note_state(self, sweep: ModelSweep) -> None:
        """The server itself finishes a sweep, and only one of which nothing is left."""
        state = self.server.desk.sweep_state(sweep.made)
        if state != sweep.state:
            assert (sweep.state, state) == ("RUNNING", "FINISHED")
            rows = self.rows(sweep)
            assert len(rows) == sweep.size
            assert all(row["state"] in OVER for row in rows)
            sweep.state = state

    @invariant()
    def every_point_has_one_run(self) -> None:
        for sweep in self.sweeps:
            self.note_state(sweep)
            rows = self.rows(sweep)
            assert len(rows) <= sweep.size, "more runs than the sweep has"
            assert {row["name"]: json.loads(row["suggested"])["x"] for row in rows} == sweep.points
            states = {row["name"]: row["state"] for row in rows}
            assert {states[name] for name in sweep.finished} <= {"finished"}
            if sweep.state in ("FINISHED", "CANCELED"):
                assert not [row["name"] for row in rows if row["state"] == "pending" and row["agent_id"] is None]
            document = (
                f'{{ project(name: "p") {{ sweep(sweepName: "{sweep.name}") {{ runCount runCountExpected }} }} }}'
            )
            counts = self.server.ask(document)["project"]["sweep"]
            assert counts == {"runCount": len(rows), "runCountExpected": sweep.size}


def test_every_point_of_a_sweep_has_one_run_whatever_happens() -> None:
    run_state_machine_as_test(Sweeps, settings=profile(examples=40, steps=40))
