"""Everything that is wrong or odd about a sweep, its program included: the one list of `check` and of the builder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer.programs.findings import ProgramFindings, program_findings
from trainer.programs.location import locate, start_command
from trainer.programs.options import ProgramOptions
from trainer.programs.reading import read_for_sweep
from trainer.records import Json
from trainer.sweep.findings import Violation
from trainer.sweep.validation import violations, warnings

_GENERAL_CODES = {"none-as-text", "nested-as-text", "bool-as-text"}
"""General advice that what is known of the program makes needless, or says better."""


@dataclass(frozen=True, slots=True)
class CheckedSweep:
    """What was found."""

    problems: tuple[Violation, ...]
    """What keeps every run from working."""
    oddities: tuple[Violation, ...]
    of_program: ProgramFindings = ProgramFindings()
    """What of this the program's options have brought up."""


def check_sweep(
    config: Mapping[str, Json],
    options: ProgramOptions | None,
    positions: Mapping[str, int] | None = None,
) -> CheckedSweep:
    """Return everything that is wrong or odd about a sweep.

    Args:
        config: The sweep configuration.
        options: What was read of its program (`ProgramReading`, `read_for_sweep`); None where nothing was.
        positions: Line by path, as `SweepFile.positions` has it; None when there is no file.
    """
    own, odd = violations(config, positions), warnings(config, positions)
    if options is None:
        return CheckedSweep(tuple(own), tuple(odd))
    found = program_findings(config, options, positions)
    return CheckedSweep(tuple(_in_order([*own, *found.problems])), tuple(_in_order(with_program(odd, found))), found)


def with_program(oddities: list[Violation], found: ProgramFindings) -> list[Violation]:
    """Return oddities of a sweep with those of its program, which replace general advice where it is better."""
    paths = found.understood
    general = [each for each in oddities if not (each.code in _GENERAL_CODES and each.path in paths)]
    if any(each.code == "program-gets-no-arguments" for each in found.oddities):
        general = [each for each in general if each.code != "passes-no-parameters"]
    return [*general, *found.oddities]


def _in_order(found: list[Violation]) -> list[Violation]:
    return sorted(found, key=lambda violation: violation.line or 0)


class ProgramReading:
    """The options of the program that a sweep names, read again only when it names another or a file changed.

    Reading takes up to some seconds for large projects; `is_current` asks the disk for no more than the files' times.
    """

    def __init__(self, cwd: Path) -> None:
        self.cwd = cwd
        self.options: ProgramOptions | None = None
        self._key: object = None

    def read(self, config: Mapping[str, Json]) -> ProgramOptions | None:
        """Return what the program of a sweep takes; None where it is none that can be read."""
        key = program_key(config, self.cwd)
        if key != self._key or not self._files_are_same():
            self.options = read_for_sweep(config, self.cwd)
            self._key = key
        return self.options

    def is_current(self, config: Mapping[str, Json]) -> bool:
        """Return whether `options` are those of the sweep's program as its files are now."""
        return program_key(config, self.cwd) == self._key and self._files_are_same()

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
