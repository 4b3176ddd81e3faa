"""Fork a sweep: the same space again, without the points that its runs have covered.

That a sweep reuses the runs of another one stands in its YAML as a note, which stock tools take for a comment. What
comes of it depends on the server: the embedded one starts the search from these runs, so that finished points are not
run again and bayes learns from them. Others are told of them as `wandb sweep --prior_run` does (SDK 0.31), and decide
for themselves; `missing_configs` needs nobody's leave: it is grids of only the missing points.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainer.errors import SweepConfigError
from trainer.records import Json, RunRecord, SweepRecord, SweepReference
from trainer.states import RunState
from trainer.sweep.space import MISSING, SearchSpace, run_cap_of, value_at
from trainer.sweep.yaml_edit import edited
from trainer.sweep.yaml_style import styled_yaml
from trainer.tracking.client import TrackingClient
from trainer.tracking.filler import filler_configs, is_filler_of

NOTE_PATH = "parameters"
_NOTE = "reuse the runs of "
_SUFFIX = " (fork)"
MAX_PRIOR_RUNS = 20_000
"""Runs that are named to a server; each takes 30 bytes of its request."""
MAX_MISSING = 100_000


def fork_text(sweep: SweepRecord, *, reuse: bool = True) -> str:
    """Return the YAML of a sweep's fork: the same space, and the note that its runs are reused."""
    config: dict[str, Any] = copy.deepcopy(dict(sweep.config))
    config["name"] = sweep.name if sweep.name.endswith(_SUFFIX) else f"{sweep.name}{_SUFFIX}"
    # Runs are looked for in the project they are in, whatever the file once said.
    config["project"] = sweep.reference.project
    text = styled_yaml(config)
    if not reuse or NOTE_PATH not in config:
        return text
    return edited(text, config, {NOTE_PATH: [reuse_note(sweep.reference)]})


def reuse_note(reference: SweepReference) -> str:
    """Return the note of a sweep that reuses the runs of another one."""
    return f"{_NOTE}{reference}"


def reused_sweep(notes: Mapping[str, Sequence[str]]) -> SweepReference | None:
    """Return the sweep whose runs a sweep reuses, as the notes of its YAML say; None if it reuses none."""
    for lines in notes.values():
        for line in lines:
            parts = line.removeprefix(_NOTE).strip().split("/")
            if line.startswith(_NOTE) and len(parts) == 3 and all(parts):
                return SweepReference(*parts)
    return None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What earlier runs have done of a sweep."""

    size: int | None
    """Points of the sweep; None where there is no end to them."""
    numbers: frozenset[int]
    """Those that finished runs lie on; empty where points have no numbers."""
    run_ids: tuple[str, ...]
    """The runs that finished on a point of the sweep, or, where points have no numbers, with a value for each of its
    parameters."""
    run_cap: int | None = None

    @property
    def left(self) -> int | None:
        """How many points are still to run; None where there is no end to them."""
        if self.size is None:
            return self.run_cap
        left = self.size - len(self.numbers)
        return left if self.run_cap is None else min(left, self.run_cap)

    def text(self) -> str:
        """Return the coverage in words: `48 left of 60 · 12 already run`."""
        if self.size is None:
            count = len(self.run_ids)
            return f"{count:,} earlier run{'' if count == 1 else 's'} to start from"
        return f"{self.left:,} left of {self.size:,} · {len(self.numbers):,} already run"


def coverage(config: Mapping[str, Json], runs: Iterable[RunRecord]) -> Coverage:
    """Return what finished runs have done of a sweep, whichever sweep they are of.

    Raises:
        SweepConfigError: If a parameter cannot be read.
    """
    space = SearchSpace.from_config(config)
    cap, size = run_cap_of(config), space.unique_count
    numbers: set[int] = set()
    ids: list[str] = []
    for run in runs:
        if run.state is not RunState.FINISHED:
            continue
        if size is None:
            if all(value_at(run.config, parameter.path) is not MISSING for parameter in space.parameters):
                ids.append(run.id)
        elif (number := space.recognised(run.config)) is not None:
            numbers.add(number)
            ids.append(run.id)
    return Coverage(size, frozenset(numbers), tuple(ids[-MAX_PRIOR_RUNS:]), cap)


def read_reusable_runs(client: TrackingClient, reference: SweepReference) -> list[RunRecord]:
    """Return the runs of a sweep and of those that were made for its missing points; blocks.

    Raises:
        ServerError, NotFoundError, AuthenticationError: As every call of the client.
    """
    sweep = client.read_sweep(reference)
    listed = client.list_sweeps(reference.project, None, entity=reference.entity)
    runs = list(client.read_runs(sweep))
    for filler in listed:
        if is_filler_of(filler, reference):
            runs += client.read_runs(filler)
    return runs


def prior_runs(
    client: TrackingClient, config: Mapping[str, Json], reference: SweepReference, entity: str, project: str
) -> tuple[str, ...]:
    """Return the ids of the runs that a new sweep of `project` starts from; blocks.

    Raises:
        SweepConfigError: If the runs are of another project, where a server does not look for them.
        ServerError, NotFoundError, AuthenticationError: As every call of the client.
    """
    if (reference.entity, reference.project) != (entity, project):
        raise SweepConfigError(
            f"The sweep reuses the runs of {reference}, and would be created in {entity}/{project}.",
            hint=f"Create it in {reference.project}, or remove the line `#: {reuse_note(reference)}`.",
        )
    return coverage(config, read_reusable_runs(client, reference)).run_ids


def missing_configs(sweep: SweepRecord, config: Mapping[str, Json], done: Coverage) -> list[dict[str, Json]]:
    """Return grids that together hold the points of a sweep which no run has covered; empty where there are none.

    Args:
        sweep: The sweep whose runs are reused.
        config: The new sweep: the same space, or one with other values.
        done: What the runs have done of it.

    Raises:
        SweepConfigError: If its points have no numbers, or too many are missing to list them.
    """
    space = SearchSpace.from_config(config)
    if done.size is None:
        raise SweepConfigError("The space has no end, so that nobody can list what is missing.", hint="Use a grid.")
    if done.size - len(done.numbers) > MAX_MISSING:
        raise SweepConfigError(f"More than {MAX_MISSING:,} points are missing.", hint="Run the whole grid.")
    points = [space.point(number) for number in range(done.size) if number not in done.numbers]
    if not points:
        return []
    named = SweepRecord(
        reference=sweep.reference, name=str(config.get("name") or sweep.name), state=sweep.state, method="grid",
        metric=sweep.metric, config=config,
    )  # fmt: skip
    configs = filler_configs(named, space, points)
    for made in configs:
        # Not a filler of that sweep: the space may be another one.
        made["description"] = f"Points that no run of {sweep.reference} has covered."
    return configs
