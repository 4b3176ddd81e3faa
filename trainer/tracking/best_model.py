"""The model of a sweep's best run: found, and marked by an alias. `trainer.best_model` downloads it.

The alias is a sign for people and other programs, moved when a sweep ends; nothing here finds the best model by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from trainer.errors import InputError, NotFoundError
from trainer.records import Metric, Ranking, RunRecord, SweepRecord
from trainer.run_contents import RunArtifact, RunFile
from trainer.tracking.downloads import FileSource
from trainer.tracking.leaderboard import rank_runs

MODEL = "model"
"""The type of artifacts that are models, by W&B's convention."""
BEST, PRODUCTION = "best", "production"
_RUNS_LOOKED_AT = 20


class ModelSource(FileSource, Protocol):
    """What has artifacts: a server, or a bundle."""

    def read_artifacts(self, entity: str, project: str, run_id: str) -> list[RunArtifact]:
        """Return the artifacts of a run."""

    def read_artifact_files(self, entity: str, project: str, artifact: RunArtifact) -> list[RunFile]:
        """Return the files of an artifact."""


class ModelKeeper(ModelSource, Protocol):
    """What has artifacts and takes changes to them: a server."""

    def read_runs(self, sweep: SweepRecord, metric: Metric | None = None) -> tuple[RunRecord, ...]:
        """Return every run of a sweep, with the curve of `metric`."""

    def marked_models(self, entity: str, project: str, alias: str) -> list[tuple[str, RunArtifact]] | None:
        """Return the models that have an alias, each with the id of the run that made it; None without any model."""

    def move_alias(self, entity: str, project: str, artifact: RunArtifact, alias: str) -> None:
        """Give a version an alias."""

    def remove_alias(self, entity: str, project: str, artifact: RunArtifact, alias: str) -> None:
        """Take an alias from a version."""


@dataclass(frozen=True, slots=True)
class BestModel:
    """A model, and the run that made it."""

    run: RunRecord
    rank: int
    """Of the run; 1 unless the better ones logged no model."""
    metric: Metric
    value: float
    """What the run was ranked by."""
    last: float | None
    """The last value: that of the model as it was logged."""
    artifact: RunArtifact

    def words(self) -> str:
        """Return what it is, in a sentence."""
        name, last = self.metric.name, self.last
        said = f"{self.artifact.name} of {self.run.name} ({self.run.id}): {name} {self.value:.6g}"
        if last is not None and last != self.value:
            said += f", {last:.6g} at its end, which is the model's own"
        if self.rank > 1:
            said += f"; the {self.rank - 1} better ranked logged no model"
        return f"{said}."


def find_best_model(
    source: ModelSource, sweep: SweepRecord, runs: tuple[RunRecord, ...], metric: Metric | None, by: Ranking
) -> BestModel:
    """Return the model of the best run that logged one.

    Args:
        source: Where artifacts are.
        sweep: The sweep.
        runs: All its runs, with the curve of `metric`.
        metric: What ranks them.
        by: Which value of it.

    Raises:
        InputError: If there is no metric to rank by.
        NotFoundError: If no run logged a value, or none of the best a model.
    """
    if metric is None:
        raise InputError(f"Sweep {sweep.reference} names no metric, so none of its models is best.")
    ranked = [place for place in rank_runs(runs, metric, by) if place.value is not None][:_RUNS_LOOKED_AT]
    if not ranked:
        raise NotFoundError(f"No run of sweep {sweep.reference} has logged {metric.name!r}.", hint="Wait for one.")
    for place in ranked:
        artifacts = source.read_artifacts(sweep.reference.entity, sweep.reference.project, place.run.id)
        models = [each for each in artifacts if each.type == MODEL and not each.is_used and each.version]
        if models:
            assert place.value is not None
            last = place.run.metric_value(metric, "last")
            return BestModel(place.run, place.rank, metric, place.value, last, models[-1])
    raise NotFoundError(
        f"None of the best {len(ranked)} runs of sweep {sweep.reference} logged an artifact of type `model`.",
        hint="Log one with run.log_artifact; `sweep-tui train --log_model=true` does.",
    )


def mark_after_sweep(
    keeper: ModelKeeper, sweep: SweepRecord, runs: tuple[RunRecord, ...] | None = None
) -> BestModel | None:
    """Give the best model of a sweep that has just ended the alias `best`; return it, None where there is none.

    Args:
        keeper: The server.
        sweep: The sweep.
        runs: All its runs, with the curve of its metric; None to read them if there are models.

    Raises:
        ServerError, AuthenticationError: If the server does not take it.
    """
    metric = sweep.metric
    if metric is None or keeper.marked_models(sweep.reference.entity, sweep.reference.project, BEST) is None:
        return None
    if runs is None:
        runs = keeper.read_runs(sweep, metric)
    try:
        model = find_best_model(keeper, sweep, runs, metric, "best")
    except (InputError, NotFoundError):
        return None
    mark_best(keeper, sweep, runs, model)
    return model


def mark_best(
    keeper: ModelKeeper, sweep: SweepRecord, runs: tuple[RunRecord, ...], model: BestModel, *aliases: str
) -> list[str]:
    """Give the best model its aliases, and take `best` from other models of the sweep; return what changed.

    Aliases of a collection move by themselves; models of other collections, such as those of other model classes, keep
    `production`, which says what is in use there, and `best` where another sweep gave it.

    Args:
        keeper: The server.
        sweep: The sweep.
        runs: Its runs, any of which may have been best before.
        model: The best model.
        aliases: Beside `best`.
    """
    entity, project = sweep.reference.entity, sweep.reference.project
    ours = {run.id for run in runs}
    changed = []
    for alias in dict.fromkeys((BEST, *aliases)):
        if alias not in model.artifact.aliases:
            keeper.move_alias(entity, project, model.artifact, alias)
            changed.append(f"{model.artifact.name} is `{alias}`")
    # After, so that at no time nothing is best.
    for run_id, other in keeper.marked_models(entity, project, BEST) or ():
        if run_id in ours and other.name != model.artifact.name:
            keeper.remove_alias(entity, project, other, BEST)
            changed.append(f"{other.name} is no longer `{BEST}`")
    return changed
