"""Read a bundle that may come from anybody: nothing is unpacked to disk, and everything has a limit.

Owns the file and its limits; what its lines mean, `layout` knows. Safe to share between threads.
"""

from __future__ import annotations

import io
import json
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trainer.bundle import layout
from trainer.errors import BundleError

MAX_FILES = 100_000
MAX_LINE_BYTES = 32 << 20
"""One run's history of 10,000 rows and 50 metrics takes a fifth of it."""
MAX_FILE_BYTES = 4 << 30
"""Of one file in a bundle, unpacked; it is read line by line, so this bounds time and not memory."""
MAX_BLOB_BYTES = 64 << 20
"""Of a file that a run left."""
_MAX_SHORT_BYTES = 1 << 20
_SKIP_BYTES = 1 << 16
"""A line is known by the run that its beginning names."""
_BUFFER_BYTES = 1 << 18


class BundleFile:
    """An open bundle."""

    def __init__(self, path: Path) -> None:
        """Open a bundle and read what it says of itself.

        Raises:
            BundleError: If it is not there, is no bundle, or is one of a later format.
        """
        self.path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except FileNotFoundError as error:
            raise BundleError(f"There is no file {path}.", hint="Check its name.") from error
        except OSError as error:
            raise BundleError(f"{path} cannot be read: {error.strerror or error}.") from error
        except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError) as error:
            raise BundleError(
                f"{path} is not a bundle, or only the beginning of one.",
                hint="Copy it again, or make it anew with `sweep-tui bundle`.",
            ) from error
        self._files = self._checked_files()
        self.manifest = self._manifest()

    def close(self) -> None:
        """Close the file."""
        self._archive.close()

    def lines(self, name: str, run_id: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield the entries of a file of the bundle; none of a file that it does not have.

        Args:
            name: The file's name in the bundle.
            run_id: Only entries of this run; None for all.

        Raises:
            BundleError: If the file is damaged or larger than any that is meant well.
        """
        info = self._files.get(name)
        if info is None:
            return
        wanted = None if run_id is None else json.dumps(run_id).encode()
        number, read = 0, 0
        try:
            # Lines of the packed file itself are found by Python, one at a time.
            with self._archive.open(info) as packed, io.BufferedReader(packed, _BUFFER_BYTES) as file:  # type: ignore[type-var]
                while line := file.readline(MAX_LINE_BYTES + 1):
                    number, read = number + 1, read + len(line)
                    if len(line) > MAX_LINE_BYTES or read > MAX_FILE_BYTES:
                        raise self._damaged(name, number, "is too long")
                    if wanted is not None and wanted not in line[:_SKIP_BYTES]:
                        continue
                    entry = json.loads(line.decode("utf-8", "surrogatepass"))
                    if not isinstance(entry, dict):
                        raise self._damaged(name, number, "is not an object")
                    yield entry
        except (
            zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError  # recursion, ways of packing
        ) as error:  # fmt: skip
            raise self._damaged(name, number, str(error) or type(error).__name__) from error

    def blob(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a file that a run left.

        Raises:
            BundleError: If they are not there, or damaged, or more than any that are meant well.
        """
        info = self._files.get(name)
        if info is None or not name.startswith("blobs/") or info.file_size > MAX_BLOB_BYTES:
            raise self._damaged(name[:60], 0, "is missing or too long")
        try:
            with self._archive.open(info) as file:
                while block := file.read(_SKIP_BYTES):
                    yield block
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
            raise self._damaged(name, 0, str(error) or type(error).__name__) from error

    def damaged(self, name: str, problem: object) -> BundleError:
        """Return the error that says what is wrong with a file of the bundle."""
        return self._damaged(name, 0, str(problem))

    def _damaged(self, name: str, line: int, problem: str) -> BundleError:
        place = f"{name}, line {line}" if line else name
        short = " ".join(problem.split())[:200].rstrip(".")
        return BundleError(f"{self.path.name} is damaged ({place}: {short}).", hint="Make or copy it again.")

    def _checked_files(self) -> Mapping[str, zipfile.ZipInfo]:
        entries = self._archive.infolist()
        if len(entries) > MAX_FILES:
            raise BundleError(f"{self.path.name} holds {len(entries):,} files; a bundle has at most {MAX_FILES:,}.")
        files: dict[str, zipfile.ZipInfo] = {}
        for info in entries:
            if info.filename in files:
                raise self._damaged(info.filename[:60], 0, "is in it twice")
            files[info.filename] = info
            known = info.filename in (layout.MANIFEST, layout.SWEEPS, layout.RUNS)
            if not known and not info.filename.startswith(("history/", "console/", "contents/", "blobs/")):
                continue
            if info.flag_bits & 0x1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise self._damaged(info.filename[:60], 0, "is encrypted, or packed in a way that bundles are not")
            if stat.S_ISLNK(info.external_attr >> 16):
                raise self._damaged(info.filename[:60], 0, "is a link")
        return files

    def _manifest(self) -> Mapping[str, Any]:
        info = self._files.get(layout.MANIFEST)
        if info is None or info.file_size > _MAX_SHORT_BYTES:
            raise BundleError(
                f"{self.path.name} is a ZIP file, but not a bundle.", hint="Give one of `sweep-tui bundle`."
            )
        manifest = next(self.lines(layout.MANIFEST), None)
        if manifest is None or manifest.get("format") != layout.FORMAT:
            raise BundleError(
                f"{self.path.name} is a ZIP file, but not a bundle.", hint="Give one of `sweep-tui bundle`."
            )
        version = manifest.get("version")
        if not isinstance(version, int) or version > layout.VERSION:
            raise BundleError(
                f"{self.path.name} has format {str(version)[:20]}; this sweep-tui reads up to {layout.VERSION}.",
                hint="Update sweep-tui: `pip install -U sweep-tui`.",
            )
        return manifest
