"""`check --fix`: make the obvious fixes in a sweep file, and leave every other line of it as it is."""

from __future__ import annotations

import difflib
from pathlib import Path

import click

from trainer.atomic_file import write_text_atomically
from trainer.commands.options import narrate
from trainer.errors import InputError, SweepFileError


def fix_file(file: Path, *, only_show: bool) -> None:
    """Make the obvious fixes in a file, print what that changes, and say what was done; asks nothing.

    A file that cannot be read is left to `check`.

    Args:
        file: The sweep file.
        only_show: Whether to print the difference only.

    Raises:
        InputError: If the file cannot be written.
    """
    from trainer.programs.file_check import file_checker
    from trainer.sweep.config import load_sweep_file
    from trainer.sweep.fixes import obviously_fixed
    from trainer.sweep.yaml_edit import edited

    try:
        sweep_file = load_sweep_file(file)
    except SweepFileError:
        # `check` says why, right after.
        return
    fixed, made = obviously_fixed(sweep_file.config, file_checker(sweep_file, Path.cwd()))
    if not made:
        return
    text = edited(sweep_file.text, fixed)
    before, after = sweep_file.text.splitlines(), text.splitlines()
    for line in difflib.unified_diff(before, after, str(file), str(file), n=1, lineterm=""):
        click.echo(line)
    for problem, fix in made:
        narrate(f"{'would fix' if only_show else 'fixed'}: {problem.path or file}: {fix.label}")
    if not only_show:
        try:
            write_text_atomically(file, text)
        except OSError as error:
            raise InputError(
                f"{file} cannot be written: {error.strerror or error}.", hint="Check its rights."
            ) from error
