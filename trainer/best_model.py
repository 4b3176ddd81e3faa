"""The model of a sweep's best run: found, marked by an alias, promoted, fetched. Owns no model format."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import yaml

from trainer.atomic_file import write_text_atomically
from trainer.errors import InputError, NotFoundError
from trainer.gates.baseline import note_of_best
from trainer.records import Json, Metric, Ranking, RunRecord, SweepRecord
from trainer.run_contents import RunArtifact, RunFile
from trainer.tracking.downloads import FileSource, check_room, is_here, save_file, target_path
from trainer.tracking.leaderboard import best_config, rank_runs, strict_json

MODEL = "model"
"""The type of artifacts that are models, by W&B's convention."""
BEST, PRODUCTION = "best", "production"
CONFIG_FILE, FACTS_FILE = "config.yaml", "model.json"
_RUNS_LOOKED_AT = 20


class ModelSource(FileSource, Protocol):
    """What has artifacts: a server, or a bundle."""

    def read_artifacts(self, entity: str, project: str, run_id: str) -> list[RunArtifact]:
        """Return the artifacts of a run."""

    def read_artifact_files(self, entity: str, project: str, artifact: RunArtifact) -> list[RunFile]:
        """Return the files of an artifact."""


class ModelKeeper(ModelSource, Protocol):
    """What has artifacts and takes changes to them: a server."""

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
        hint="Log one with run.log_artifact; `sweep-tui train` does unless --log_model=false.",
    )


def mark_after_sweep(
    keeper: ModelKeeper, sweep: SweepRecord, runs: tuple[RunRecord, ...], metric: Metric | None
) -> BestModel | None:
    """Give the best model of a sweep that has just ended the alias `best`; return it, None where there is none.

    Raises:
        ServerError, AuthenticationError: If the server does not take it.
    """
    try:
        model = find_best_model(keeper, sweep, runs, metric, "best")
    except (InputError, NotFoundError):
        return None
    if BEST not in model.artifact.aliases:
        keeper.move_alias(sweep.reference.entity, sweep.reference.project, model.artifact, BEST)
    return model


def mark_best(
    keeper: ModelKeeper, sweep: SweepRecord, runs: tuple[RunRecord, ...], model: BestModel, *aliases: str
) -> list[str]:
    """Give the best model its aliases, and take `best` from other models of the sweep; return what changed.

    Aliases of a collection move by themselves; models of other collections, such as those of other model classes, keep
    `production`, which says what is in use there.

    Args:
        keeper: The server.
        sweep: The sweep.
        runs: Its runs, the better ones of which may have been best before.
        model: The best model.
        aliases: Beside `best`.
    """
    entity, project = sweep.reference.entity, sweep.reference.project
    changed = []
    for place in rank_runs(runs, model.metric, "best")[:_RUNS_LOOKED_AT]:
        for other in keeper.read_artifacts(entity, project, place.run.id):
            is_other = (other.collection, other.version) != (model.artifact.collection, model.artifact.version)
            if other.type == MODEL and not other.is_used and is_other and BEST in other.aliases:
                keeper.remove_alias(entity, project, other, BEST)
                changed.append(f"{other.name} is no longer `{BEST}`")
    for alias in dict.fromkeys((BEST, *aliases)):
        if alias not in model.artifact.aliases:
            keeper.move_alias(entity, project, model.artifact, alias)
            changed.append(f"{model.artifact.name} is `{alias}`")
    return changed


def fetch_model(
    source: ModelSource,
    sweep: SweepRecord,
    model: BestModel,
    folder: Path,
    *,
    replace: bool = False,
    tell: Callable[[str], object] = lambda text: None,
) -> list[Path]:
    """Write the model's files, the run's configuration and what the model is into a folder; return the paths.

    A file that is there already and is the same is left as it is.

    Raises:
        InputError: If the folder cannot be written to, or has other files of these names.
        ServerError, NotFoundError: If a file cannot be had.
    """
    entity, project = sweep.reference.entity, sweep.reference.project
    files = source.read_artifact_files(entity, project, model.artifact)
    written = [(file, target_path(folder, file.name)) for file in files if not file.is_reference]
    open_files = [(file, path) for file, path in written if not is_here(file, path)]
    check_room(folder, sum(file.size for file, _ in open_files))
    texts = _texts(sweep, model)
    for name, text in texts.items():
        path = folder / name
        if not replace and path.is_file() and path.read_bytes() != text.encode():
            raise InputError(f"{path} is there already, and is another file.", hint="Use --force, or another folder.")
    for file, path in open_files:
        tell(f"{file.name}: {file.size:,} bytes")
        save_file(source, file, path, replace=replace)
    for name, text in texts.items():
        write_text_atomically(folder / name, text)
    return [path for _, path in written] + [folder / name for name in texts]


def _texts(sweep: SweepRecord, model: BestModel) -> Mapping[str, str]:
    config = yaml.safe_dump(best_config(sweep, model.run), sort_keys=False, allow_unicode=True)
    note = note_of_best(model.metric, model.value, model.run.id, str(sweep.reference))
    facts: dict[str, Json] = {
        "artifact": model.artifact.name,
        "digest": model.artifact.digest,
        "sweep": str(sweep.reference),
        "run": model.run.id,
        "run_name": model.run.name,
        "url": sweep.run_url(model.run.id),
        "metric": model.metric.name,
        "value": model.value,
        "config": dict(model.run.config),
        "summary": dict(model.run.summary),
        "metadata": dict(model.artifact.metadata),
    }
    return {CONFIG_FILE: f"{note}\n{config}", FACTS_FILE: json.dumps(strict_json(facts), indent=2) + "\n"}
