"""`check` of a sweep file: what is wrong with it, with the rules it notes, and with its program. Runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from trainer.programs.checking import CheckedSweep, check_sweep
from trainer.programs.options import ProgramOptions
from trainer.programs.program_reading import ProgramReading
from trainer.programs.reading import read_for_sweep
from trainer.records import Json
from trainer.sweep.command import program_problem
from trainer.sweep.config import SweepFile
from trainer.sweep.findings import Violation
from trainer.sweep.fixes import Checker
from trainer.sweep.rule_notes import check_rules


def read_near(file: SweepFile, cwd: Path) -> ProgramOptions | None:
    """Return what the program of a sweep file takes.

    Runs start in the working folder; a program that is not there is likely to lie beside its sweep.
    """
    return read_for_sweep(file.config, cwd) or read_for_sweep(file.config, _folder(file, cwd))


def file_checker(file: SweepFile, cwd: Path) -> Checker:
    """Return what finds problems and oddities in changed configurations of a sweep file, those of its program too."""
    near = [ProgramReading(folder) for folder in (cwd, _folder(file, cwd))]

    def check(config: Mapping[str, Json]) -> list[Violation]:
        options = near[0].read(config) or near[1].read(config)
        checked = check_sweep(config, options)
        return [*checked.problems, *checked.oddities]

    return check


def check_file(file: SweepFile, cwd: Path, options: ProgramOptions | None) -> CheckedSweep:
    """Return everything that is wrong or odd about a sweep file, in its order: the list that the builder shows, too.

    Args:
        file: The file.
        cwd: The folder runs are started in.
        options: What its program takes (`read_near`).
    """
    checked = check_sweep(file.config, options, file.positions)
    rule_problems, rule_oddities = check_rules(file.config, file.text, file.positions)
    problems = [*rule_problems, *checked.problems]
    paths = {problem.path for problem in problems}
    missing = program_problem(file.config, cwd, _folder(file, cwd), positions=file.positions)
    problems += [problem for problem in missing if problem.path not in paths]
    return replace(
        checked,
        problems=tuple(sorted(problems, key=lambda problem: problem.line or 0)),
        oddities=(*rule_oddities, *checked.oddities),
    )


def _folder(file: SweepFile, cwd: Path) -> Path:
    return (cwd / file.source).resolve().parent
