"""`ProgramReading`: what the program of a sweep takes, read again only when it names another or a file changed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from trainer.programs.location import locate, start_command
from trainer.programs.options import ProgramOptions
from trainer.programs.reading import read_for_sweep
from trainer.records import Json


class ProgramReading:
    """Remembers what was read last. Any thread may ask; one reads at a time, in a large project for seconds."""

    def __init__(self, cwd: Path) -> None:
        self.cwd = cwd
        self.options: ProgramOptions | None = None
        self._key: object = None
        self._lock = threading.Lock()

    def read(self, config: Mapping[str, Json]) -> ProgramOptions | None:
        """Return what the program of a sweep takes; None where it is none that can be read."""
        with self._lock:
            key = program_key(config, self.cwd)
            if key != self._key or not self._files_are_same():
                self.options = read_for_sweep(config, self.cwd)
                self._key = key
            return self.options

    def _files_are_same(self) -> bool:
        return self.options is None or all(_mtime(path) == mtime for path, mtime in self.options.files)


def program_key(config: Mapping[str, Json], cwd: Path) -> object:
    """Return what decides which program a sweep starts, and whether it is there."""
    place = locate(config, cwd)
    start = start_command(config)
    return (start, None if place is None else place.path)


def _mtime(path: str) -> int:
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        # Gone: another time than the one it had.
        return 0
