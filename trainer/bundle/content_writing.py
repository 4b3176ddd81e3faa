"""Write what hangs on runs into a bundle: many runs in one request, the bytes of files only where they are wanted."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from trainer.bundle.content_layout import BLOB, BundledContents, contents_json, contents_name
from trainer.errors import NotFoundError, ServerError, ServerLostError
from trainer.records import RunRecord, SweepRecord
from trainer.run_contents import RunArtifact, RunFile
from trainer.tracking.client import TrackingClient
from trainer.tracking.contents_reader import ContentsReader, ManyContents
from trainer.tracking.run_details import RUNS_PER_REQUEST

SYSTEM_ROWS = 100
FILE_BYTES = 10 << 20
"""Of one file at most, where files are wanted."""
ALWAYS = ("diff.patch", "requirements.txt")
"""Small texts that tell where a run comes from: taken whether files are wanted or not."""
_ALWAYS_BYTES = 256 << 10


class ContentWriter:
    """Writes the contents of runs, chunk by chunk."""

    def __init__(
        self,
        client: TrackingClient,
        reader: ContentsReader,
        *,
        with_files: bool,
        without_keys: Callable[[bytes], bytes],
        line: Callable[[Mapping[str, Any]], str],
    ) -> None:
        """Prepare.

        Args:
            client: The server.
            reader: Tells what hangs on its runs.
            with_files: Whether the bytes of files go in, of those that are small enough.
            without_keys: Takes keys out of bytes.
            line: Makes an entry a line, without the keys in it.
        """
        self._client = client
        self._reader = reader
        self._with_files = with_files
        self._without_keys = without_keys
        self._line = line
        self._blobs = 0

    def write_chunk(self, archive: zipfile.ZipFile, chunk: int, part: Sequence[tuple[SweepRecord, RunRecord]]) -> None:
        """Write what hangs on the runs of a chunk; a run of which the server does not tell is left out."""
        lines = []
        for start in range(0, len(part), RUNS_PER_REQUEST):
            some = part[start : start + RUNS_PER_REQUEST]
            reference = some[0][0].reference
            try:
                found = self._reader.read(reference, [run.id for _, run in some], SYSTEM_ROWS)
            except ServerLostError:
                raise
            except ServerError:
                # A server that does not answer this: the numbers of the sweep are worth having without.
                continue
            for sweep, run in some:
                if run.id in found:
                    lines.append(self._line(contents_json(run.id, self._bundled(archive, sweep, found[run.id]))))
        archive.writestr(contents_name(chunk), "".join(lines))

    def _bundled(self, archive: zipfile.ZipFile, sweep: SweepRecord, told: ManyContents) -> BundledContents:
        artifacts: dict[RunArtifact, Sequence[RunFile]] = {}
        for artifact in told.artifacts:
            files: Sequence[RunFile] = ()
            if self._with_files:
                reference = sweep.reference
                try:
                    files = self._client.read_artifact_files(reference.entity, reference.project, artifact)
                except NotFoundError:
                    # Deleted meanwhile: its name stays.
                    files = ()
            artifacts[artifact] = [self._kept(archive, file) for file in files]
        return BundledContents(
            told.origin, told.system, [self._kept(archive, file) for file in told.files], artifacts
        )  # fmt: skip

    def _kept(self, archive: zipfile.ZipFile, file: RunFile) -> RunFile:
        """Return a file as the bundle names it, its bytes written if they are wanted."""
        if file.is_reference:
            return file
        is_small = file.name in ALWAYS and file.size <= _ALWAYS_BYTES
        if not is_small and not (self._with_files and file.size <= FILE_BYTES):
            return replace(file, url="")
        try:
            content = b"".join(self._client.stream_file(file))
        except ServerLostError:
            raise
        except (ServerError, NotFoundError):
            return replace(file, url="")
        clean, name = self._without_keys(content), f"blobs/{self._blobs:06d}"
        self._blobs += 1
        archive.writestr(name, clean)
        return replace(file, url=f"{BLOB}{name}", size=len(clean), md5=file.md5 if clean == content else "")
