"""Source files of a program and its project: found, read and parsed, within bounds, never executed."""

from __future__ import annotations

import ast
import io
import stat
import time
import tokenize
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from trainer.errors import ProgramError

MAX_BYTES = 2 * 1024 * 1024
"""A program larger than this was not written by hand."""
MAX_FILES = 200
"""Files of one project that are read for one program."""
DEADLINE_SECONDS = 4.0
"""Following a program takes some hundredths of a second; the largest projects are given up after this."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A parsed file."""

    path: Path
    text: str
    tree: ast.Module


@dataclass
class Project:
    """The files that a program may import, read at most once each."""

    cwd: Path
    roots: tuple[Path, ...]
    """Where `import` looks, as Python would: the folder of the script, or the working folder."""
    notes: list[str] = field(default_factory=list)
    """What could not be read, a sentence each."""
    deadline_seconds: float = DEADLINE_SECONDS
    _files: dict[Path, SourceFile | None] = field(default_factory=dict)
    _mtimes: dict[Path, int] = field(default_factory=dict)
    _since: float = field(default_factory=time.monotonic)

    @property
    def is_late(self) -> bool:
        """Whether reading has taken as long as it may."""
        return time.monotonic() > self._since + self.deadline_seconds

    @property
    def mtimes(self) -> tuple[tuple[str, int], ...]:
        """Every file that was read, with its modification time."""
        return tuple((str(path), mtime) for path, mtime in self._mtimes.items())

    def shown(self, path: Path) -> str:
        """Return a path as short as it can be named."""
        return str(path.relative_to(self.cwd)) if path.is_relative_to(self.cwd) else str(path)

    def read(self, path: Path) -> SourceFile | None:
        """Return a parsed file; None, with a note, where it cannot be read."""
        if path not in self._files:
            if len(self._files) >= MAX_FILES:
                self._note(f"More than {MAX_FILES} files: those after {self.shown(path)} were not read.")
                return None
            self._files[path] = self._parsed(path)
        return self._files[path]

    def _parsed(self, path: Path) -> SourceFile | None:
        try:
            text = read_text(path)
            self.watch(path)
            return SourceFile(path, text, parse(text, self.shown(path)))
        except ProgramError as error:
            self._note(error.message)
            return None

    def watch(self, path: Path) -> None:
        """Take a file into `mtimes`."""
        try:
            self._mtimes[path] = path.stat().st_mtime_ns
        except OSError:
            # Gone since; the next look at it says so.
            self._mtimes[path] = 0

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes and len(self.notes) < 20:
            self.notes.append(sentence)

    def find_module(self, dotted: str) -> Path | None:
        """Return the file of a module of this project; None for one that is not part of it."""
        parts = dotted.split(".")
        if not all(part.isidentifier() for part in parts):
            return None
        for root in self.roots:
            found = module_file(root.joinpath(*parts))
            if found is not None:
                return found
        return None


def module_file(path: Path) -> Path | None:
    """Return the file of the module or package at a path without suffix, or None."""
    for candidate in (path.with_name(f"{path.name}.py"), path / "__init__.py"):
        try:
            if candidate.is_file():
                return candidate
        except OSError:
            # A loop of links, or a closed folder: nothing that can be imported.
            continue
    return None


def read_text(path: Path, kind: str = "program") -> str:
    """Return the text of a file in its own encoding.

    Raises:
        ProgramError: If it is missing, no file, too large, or no text.
    """
    name = path.name
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ProgramError(f"{name} is not a file that can be read.", hint="Name a Python file.")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
        raise ProgramError(f"The {kind} {path} cannot be read: {reason}.", hint="Check its path.") from error
    if len(data) > MAX_BYTES:
        raise ProgramError(f"{name} is larger than {MAX_BYTES // 1024 // 1024} MiB and was not read.")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        hint = "Save it as UTF-8, or name its encoding in the first line."
        raise ProgramError(f"{name} is not text in the encoding it claims.", hint=hint) from error


def parse(text: str, name: str) -> ast.Module:
    """Return the syntax tree of a file.

    Raises:
        ProgramError: If it is not Python.
    """
    if name.endswith(".ipynb"):
        hint = "Save it as a script: jupyter nbconvert --to script."
        raise ProgramError(f"{name} is a notebook, which no agent can start.", hint=hint)
    try:
        with warnings.catch_warnings():
            # Odd escapes in somebody's text are not ours to report, and stderr belongs to the app.
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        place = f"{name}:{error.lineno}" if error.lineno else name
        raise ProgramError(f"{place} is not valid Python: {error.msg}.", hint="Mend it, or name another.") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise ProgramError(f"{name} cannot be parsed: it is nested too deeply, or binary.") from error
