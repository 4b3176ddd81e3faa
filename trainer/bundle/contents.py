"""What hangs on the runs of a bundle: system metrics, files, artifacts, origin. A part of `BundleClient`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trainer.errors import NotFoundError
from trainer.records import HistoryPoint
from trainer.run_contents import RunArtifact, RunFile, RunOrigin


class BundleContents:
    """Reads them from the file."""

    def read_system(self, entity: str, project: str, run_id: str, *, samples: int = 500) -> list[HistoryPoint]:
        """Return up to `samples` rows of a run's system metrics, oldest first."""
        return []

    def read_files(self, entity: str, project: str, run_id: str, names: Sequence[str] = ()) -> list[RunFile]:
        """Return the files of a run."""
        return []

    def read_artifacts(self, entity: str, project: str, run_id: str) -> list[RunArtifact]:
        """Return the artifacts that a run logged, then those that it used."""
        return []

    def read_artifact_files(self, entity: str, project: str, artifact: RunArtifact) -> list[RunFile]:
        """Return the files of an artifact."""
        return []

    def read_origin(self, entity: str, project: str, run_id: str) -> RunOrigin:
        """Return where a run comes from."""
        return RunOrigin()

    def stream_file(self, file: RunFile) -> Iterator[bytes]:
        """Yield the bytes of a file."""
        raise NotFoundError(f"The bytes of {file.name} are not in the bundle.", hint="Ask for it on its server.")
