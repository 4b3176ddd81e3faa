"""Everything that is wrong or odd about a sweep, its program included: the one list of `check` and of the builder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trainer.programs.findings import ProgramFindings, program_findings
from trainer.programs.options import ProgramOptions
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
    return CheckedSweep(tuple(_in_order([*own, *found.problems])), tuple(_in_order(_merged(odd, found))), found)


def with_program(oddities: list[Violation], config: Mapping[str, Json], options: ProgramOptions) -> list[Violation]:
    """Return oddities of a sweep with those of its program, which replace general advice where it is better."""
    return _merged(oddities, program_findings(config, options))


def _merged(oddities: list[Violation], found: ProgramFindings) -> list[Violation]:
    paths = found.understood
    general = [each for each in oddities if not (each.code in _GENERAL_CODES and each.path in paths)]
    if any(each.code == "program-gets-no-arguments" for each in found.oddities):
        general = [each for each in general if each.code != "passes-no-parameters"]
    return [*general, *found.oddities]


def _in_order(found: list[Violation]) -> list[Violation]:
    return sorted(found, key=lambda violation: violation.line or 0)
