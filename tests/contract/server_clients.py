"""Clients that never give up, for tests in which the server goes away: each repeats a request until it is answered."""

from __future__ import annotations

import json
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import requests

from trainer.server.lifecycle import ServerAddress

_PATIENCE_SECONDS = 90.0
_GONE = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError, requests.Timeout)

_UPSERT = """mutation U($n: String!, $s: String, $c: JSONString) {
  upsertBucket(input: {modelName: "p", name: $n, sweep: $s, config: $c}) { bucket { id } } }"""
_ENROLL = 'mutation A($s: String!) { createAgent(input: {projectName: "p", sweep: $s}) { agent { id } } }'
_BEAT = "mutation H($i: ID!, $s: JSONString) { agentHeartbeat(input: {id: $i, runState: $s}) { commands } }"


class Client:
    """One connection to the server, kept alive as the SDK's is."""

    def __init__(self, address: ServerAddress) -> None:
        self._address = address
        self._session = requests.Session()
        self._session.auth = ("api", address.api_key)
        self.repeats = 0

    def post(self, path: str, body: object) -> Any:
        """Send until there is an answer, and return it.

        A refusal other than 503 fails the test: the SDK would drop the rest of a run's data at it.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                reply = self._session.post(self._address.base_url + path, json=body, timeout=30)
            except _GONE:
                reply = None
            if reply is not None and reply.status_code != 503:
                assert reply.status_code == 200, f"{path}: HTTP {reply.status_code}: {reply.text}"
                return reply.json()
            assert time.monotonic() < deadline, f"{path}: no answer in time"
            self.repeats += 1
            time.sleep(0.02)

    def ask(self, document: str, **variables: object) -> Any:
        """Execute a GraphQL operation and return its data."""
        answer = self.post("/graphql", {"query": document, "variables": variables})
        assert "errors" not in answer, answer
        return answer["data"]

    def begin(self, name: str, sweep: str | None = None, config: str | None = None) -> None:
        """Say that a run has begun."""
        self.ask(_UPSERT, n=name, s=sweep, c=config)

    def stream(self, name: str, **body: object) -> None:
        """Send a chunk of a run's stream."""
        self.post(f"/files/local/p/{name}/file_stream", body)


@dataclass
class StreamedRun:
    """A run that streams rows, and what of them was acknowledged."""

    name: str
    history: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)

    def send_more(self, client: Client, choose: random.Random) -> None:
        """Stream one chunk until it is acknowledged: new rows, a console line rewritten, the summary."""
        first = len(self.history)
        rows = [
            {"_step": first + index, "loss": (first + index) / 2, "text": f"{self.name} {first + index}"}
            for index in range(choose.randint(1, 20))
        ]
        events = [{"system.cpu": choose.random(), "_timestamp": len(self.events)}] * choose.randint(0, 1)
        # The last line was a progress bar: it is sent again with its new text.
        kept = max(len(self.console) - 1, 0)
        lines = [f"{self.name} line {kept + index} of {first}" for index in range(choose.randint(1, 5))]
        summary = rows[-1]
        files = {
            "wandb-history.jsonl": {"offset": first, "content": [json.dumps(row) for row in rows]},
            "wandb-events.jsonl": {"offset": len(self.events), "content": [json.dumps(row) for row in events]},
            "output.log": {"offset": kept, "content": lines},
            "wandb-summary.json": {"offset": 0, "content": [json.dumps(summary)]},
        }
        client.stream(self.name, files=files)
        self.history += rows
        self.events += events
        self.console[kept:] = lines
        self.summary = summary


def stream_runs(address: ServerAddress, names: list[str], seed: int, stop: threading.Event) -> list[StreamedRun]:
    """Stream several runs in turn until told to stop, then end them; return what was acknowledged."""
    client, choose = Client(address), random.Random(seed)
    streamed = [StreamedRun(name) for name in names]
    for run in streamed:
        client.begin(run.name)
    while not stop.is_set():
        choose.choice(streamed).send_more(client, choose)
    for run in streamed:
        client.stream(run.name, complete=True, exitcode=0)
    return streamed


def work_through(address: ServerAddress, sweep: str, pause: float = 0.0) -> list[tuple[str, Any]]:
    """Work like an agent until it is sent home; return each order's run and value of `x`."""
    client = Client(address)
    agent = client.ask(_ENROLL, s=sweep)["createAgent"]["agent"]["id"]
    orders: list[tuple[str, Any]] = []
    while True:
        found = json.loads(client.ask(_BEAT, i=agent, s="{}")["agentHeartbeat"]["commands"])
        for command in found:
            if command["type"] == "exit":
                return orders
            assert command["type"] == "run", command
            name, args = command["run_id"], command["args"]
            orders.append((name, args["x"]["value"]))
            client.begin(name, sweep, json.dumps(args))
            client.ask(_BEAT, i=agent, s=json.dumps({name: True}))
            client.stream(name, files={"wandb-history.jsonl": {"offset": 0, "content": ['{"_step": 0, "acc": 1}']}})
            time.sleep(pause)
            client.stream(name, complete=True, exitcode=0)
        if not found:
            time.sleep(0.05)
