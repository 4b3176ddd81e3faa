"""What hangs on the runs of a bundle: system metrics, files, artifacts, origin. A part of `BundleClient`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from trainer.bundle.content_layout import BLOB, BundledContents, contents_name, contents_of
from trainer.bundle.layout import BundledRun
from trainer.bundle.reading import BundleFile
from trainer.errors import NotFoundError
from trainer.records import HistoryPoint
from trainer.run_contents import RunArtifact, RunFile, RunOrigin


class BundleContents:
    """Reads them from the file."""

    _file: BundleFile
    _artifact_files: Mapping[RunArtifact, Sequence[RunFile]] = MappingProxyType({})
    """Files of the artifacts that were read."""

    def _bundled(self, run_id: str) -> BundledRun:
        raise NotImplementedError

    def _contents(self, run_id: str) -> BundledContents:
        name = contents_name(self._bundled(run_id).chunk)
        for entry in self._file.lines(name, run_id):
            if entry.get("run") == run_id:
                try:
                    return contents_of(entry)
                except (ValueError, TypeError, OverflowError) as error:
                    raise self._file.damaged(name, error) from error
        return BundledContents()

    def read_system(self, entity: str, project: str, run_id: str, *, samples: int = 500) -> list[HistoryPoint]:
        """Return the rows of a run's system metrics that are in the bundle, oldest first."""
        return list(self._contents(run_id).system)

    def read_files(self, entity: str, project: str, run_id: str, names: Sequence[str] = ()) -> list[RunFile]:
        """Return the files of a run; of `names` only, where some are given."""
        return [file for file in self._contents(run_id).files if not names or file.name in names]

    def read_artifacts(self, entity: str, project: str, run_id: str) -> list[RunArtifact]:
        """Return the artifacts that a run logged, then those that it used."""
        found = self._contents(run_id).artifacts
        self._artifact_files = {**self._artifact_files, **found}
        return list(found)

    def read_artifact_files(self, entity: str, project: str, artifact: RunArtifact) -> list[RunFile]:
        """Return the files of an artifact that was read before."""
        return list(self._artifact_files.get(artifact, ()))

    def read_origin(self, entity: str, project: str, run_id: str) -> RunOrigin:
        """Return where a run comes from."""
        return self._contents(run_id).origin

    def stream_file(self, file: RunFile) -> Iterator[bytes]:
        """Yield the bytes of a file.

        Raises:
            NotFoundError: If they are not in the bundle.
            BundleError: If they are damaged.
        """
        if not file.url.startswith(BLOB):
            raise NotFoundError(
                f"The bytes of {file.name} are not in {self._file.path.name}.",
                hint="Ask for it on its server, or have the bundle made with --with-files.",
            )
        yield from self._file.blob(file.url.removeprefix(BLOB))
