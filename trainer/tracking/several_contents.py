"""What hangs on the runs of several sweeps, each asked for in its own project. A part of `SeveralClient`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trainer.records import HistoryPoint
from trainer.run_contents import RunArtifact, RunFile, RunOrigin
from trainer.tracking.client import TrackingClient


class SeveralContents:
    """System metrics, files, artifacts, origin."""

    client: TrackingClient

    def _where(self, entity: str, project: str, run_id: str) -> tuple[str, str, str]:
        raise NotImplementedError

    def read_system(self, entity: str, project: str, run_id: str, *, samples: int = 500) -> list[HistoryPoint]:
        """Return up to `samples` rows of a run's system metrics, oldest first."""
        return self.client.read_system(*self._where(entity, project, run_id), samples=samples)

    def read_files(self, entity: str, project: str, run_id: str, names: Sequence[str] = ()) -> list[RunFile]:
        """Return the files of a run."""
        return self.client.read_files(*self._where(entity, project, run_id), names)

    def read_artifacts(self, entity: str, project: str, run_id: str) -> list[RunArtifact]:
        """Return the artifacts that a run logged, then those that it used."""
        return self.client.read_artifacts(*self._where(entity, project, run_id))

    def read_artifact_files(self, entity: str, project: str, artifact: RunArtifact) -> list[RunFile]:
        """Return the files of an artifact, which names its own project."""
        return self.client.read_artifact_files(entity, project, artifact)

    def read_origin(self, entity: str, project: str, run_id: str) -> RunOrigin:
        """Return where a run comes from."""
        return self.client.read_origin(*self._where(entity, project, run_id))

    def stream_file(self, file: RunFile) -> Iterator[bytes]:
        """Yield the bytes of a file as they arrive."""
        return self.client.stream_file(file)
