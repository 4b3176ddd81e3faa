"""The model of a sweep's best run, downloaded with its configuration and what it is. Owns no model format."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from trainer.atomic_file import write_text_atomically
from trainer.errors import InputError
from trainer.gates.baseline import note_of_best
from trainer.records import Json, SweepRecord
from trainer.tracking.best_model import BestModel, ModelSource
from trainer.tracking.downloads import check_room, is_here, save_file, target_path
from trainer.tracking.leaderboard import best_config, strict_json

CONFIG_FILE, FACTS_FILE = "config.yaml", "model.json"


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
