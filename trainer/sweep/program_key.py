"""What tells the program of one sweep from those of others, whatever values its runs get. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from trainer.records import Json
from trainer.sweep.command import command_of

_PYTHON = re.compile(r"python(\d+(\.\d+)*)?")
_ARGUMENTS = re.compile(r"\$\{args\w*\}")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)


def program_key(config: Mapping[str, Json]) -> str:
    """Return the program of a sweep as one text: what its command starts, without how its values are handed over.

    `python train.py --lr=0.1` and `env OMP_NUM_THREADS=1 python3.12 ./train.py lr=0.1` are one program.
    """
    program = config.get("program")
    words: list[str] = []
    for item in command_of(config):
        if item == "${program}":
            words += [str(program).removeprefix("./")] if program else []
        elif item == "${interpreter}" or _PYTHON.fullmatch(item.rpartition("/")[2]):
            words.append("python")
        elif item in ("${env}", "env", "/usr/bin/env") or _ARGUMENTS.fullmatch(item):
            continue
        elif not words and _ASSIGNMENT.fullmatch(item):
            continue
        else:
            words.append(item.removeprefix("./"))
    return " ".join(words)
