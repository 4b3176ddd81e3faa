"""A run as its server holds it, raw: nothing of it may be lost on the way to another server. Pure.

Also how a published run is known again: its configuration says, among what W&B keeps for itself (`_wandb`), which run
it was made of and by which content.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from trainer.records import Json, SweepReference
from trainer.states import RunState

MARK = "sweep_tui_published"
_KILLED = 255
"""What the SDK says of a run that was interrupted (0.31); W&B calls such a run killed."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a run."""

    name: str
    size: int
    md5: str
    """In base64; empty where it is not told."""
    url: str = ""

    @property
    def content(self) -> tuple[str, int, str]:
        """What makes it the same file on another server."""
        return self.name, self.size, self.md5


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is short about a run."""

    storage_id: str
    name: str
    """Its id in addresses."""
    state: RunState
    sweep: str
    config: Mapping[str, Any]
    """In wire form, with what the SDK keeps there for itself."""
    summary: str
    """JSON text."""
    texts: Mapping[str, str | None]
    """Variables of `UpsertBucket` that are taken as they are."""
    tags: tuple[str, ...]
    created_at: str
    history_lines: int
    events_lines: int
    console_lines: int
    last_step: int | None = None
    exit_code: int | None = None

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> RunFacts:
        """Return the facts of a `Run` node."""
        keys = node.get("historyKeys")
        keys = _object(keys) if isinstance(keys, str) else keys
        last = keys.get("lastStep") if isinstance(keys, dict) else None
        try:
            state = RunState(str(node.get("state") or RunState.PENDING).lower())
        except ValueError:
            state = RunState.RUNNING
        return cls(
            storage_id=str(node.get("id") or ""),
            name=str(node.get("name") or ""),
            state=state,
            sweep=str(node.get("sweepName") or ""),
            config=_object(node.get("config")),
            summary=node["summaryMetrics"] if isinstance(node.get("summaryMetrics"), str) else "{}",
            texts={
                "displayName": node.get("displayName"),
                "description": node.get("description"),
                "notes": node.get("notes"),
                "groupName": node.get("group"),
                "jobType": node.get("jobType"),
                "commit": node.get("commit"),
                "host": node.get("host"),
                "program": node.get("program"),
            },
            tags=tuple(str(tag) for tag in node.get("tags") or ()),
            created_at=str(node.get("createdAt") or ""),
            history_lines=_count(node.get("historyLineCount")),
            events_lines=_count(node.get("eventsLineCount")),
            console_lines=_count(node.get("logLineCount")),
            last_step=last if isinstance(last, int) else None,
            exit_code=node["exitcode"] if isinstance(node.get("exitcode"), int) else None,
        )

    @property
    def is_over(self) -> bool:
        """Whether it logs nothing more."""
        return self.state.is_terminal

    @property
    def origin(self) -> str | None:
        """The run that it was published from; None if it was not."""
        return self._mark().get("from")

    @property
    def published_content(self) -> str | None:
        """The digest of what was published, once all of it was."""
        return self._mark().get("content")

    def _mark(self) -> Mapping[str, str]:
        internal = self.config.get("_wandb")
        value = internal.get("value") if isinstance(internal, dict) else None
        mark = value.get(MARK) if isinstance(value, dict) else None
        return mark if isinstance(mark, dict) else {}

    def key(self, reference: SweepReference) -> str:
        """Return what tells this run from all others, on whatever server: its path and when its life began."""
        return f"{reference.entity}/{reference.project}/{self.name}@{self.created_at}"

    def digest(self, files: Iterable[StoredFile]) -> str:
        """Return a digest of everything about a run that is published with it, but for artifacts."""
        content = [
            dict(self.texts), list(self.tags), unmarked(self.config), self.summary, self.state.value, self.exit_code,
            self.history_lines, self.events_lines, self.console_lines, sorted(file.content for file in files),
        ]  # fmt: skip
        text = json.dumps(content, sort_keys=True, ensure_ascii=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def with_config(self, config: Mapping[str, Any]) -> RunFacts:
        """Return the run with another configuration."""
        return replace(self, config=config)


def other_name(name: str, key: str) -> str:
    """Return the id that a run is given where its own is taken: the same each time for the same run."""
    return f"{name[:100]}-{hashlib.blake2b(key.encode(), digest_size=4).hexdigest()}"


def unmarked(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without what says that it was published."""
    plain = copy.deepcopy(dict(config))
    internal = plain.get("_wandb")
    value = internal.get("value") if isinstance(internal, dict) else None
    if isinstance(value, dict):
        value.pop(MARK, None)
        if not value:
            del plain["_wandb"]
    return plain


def marked(config: Mapping[str, Any], key: str, content: str | None) -> dict[str, Any]:
    """Return a configuration that says which run it is of; with `content`, that all of it is there.

    Until then it does not say where the run branched off from another: a server would look for that one, and copy.
    """
    made = unmarked(config)
    internal = made.setdefault("_wandb", {})
    if not isinstance(internal, dict) or not isinstance(internal.setdefault("value", {}), dict):
        internal = made["_wandb"] = {"value": {}}
    mark = {"from": key}
    if content is None:
        internal["value"].pop("branch_point", None)
    else:
        mark["content"] = content
    internal["value"][MARK] = mark
    return made


def ending(run: RunFacts) -> dict[str, Json] | None:
    """Return what a process would say last that ended as a run did; None if it said nothing, which is a crash."""
    code = run.exit_code
    if run.state is RunState.FINISHED:
        return {"complete": True, "exitcode": 0}
    if run.state is RunState.KILLED:
        return {"complete": True, "exitcode": _KILLED}
    if run.state is RunState.FAILED:
        return {"complete": True, "exitcode": code if code and code != _KILLED else 1}
    if run.state is RunState.PREEMPTED:
        return {"preempting": True, "complete": True, "exitcode": code or 1}
    return None


def ended_alike(there: RunState, here: RunState) -> bool:
    """Return whether a run has come to the state of its source; that one crashed its server finds out by itself."""
    return there is here or (here is RunState.CRASHED and there is RunState.RUNNING)


def _object(wire: Any) -> dict[str, Any]:
    try:
        value = json.loads(wire) if isinstance(wire, str) else wire
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0
