"""The end of a run's log: its lines as a reader sees them, and the Python error it ends with."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TAIL_BYTES = 65_536
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
SDK_PREFIX = "wandb:"
"""Begins what the SDK prints around a run: where its page is, where its logs are."""

_TRACEBACK = "Traceback (most recent call last):"
_FRAME = re.compile(r'^ *File "(?P<file>[^"]+)", line (?P<line>\d+)(?:,? in .*)?$')
_ERROR = re.compile(r"^(?P<type>[A-Za-z_][\w.]*(?:\.<locals>\.\w+)?)(?:: ?(?P<message>.*))?$")
_SYNTAX = re.compile(r"^(?:\w+\.)*(?:SyntaxError|IndentationError|TabError)\b")
_FOREIGN = re.compile(r"[/\\](?:site-packages|dist-packages|lib[/\\]python\d[\d.]*|lib64[/\\]python\d[\d.]*)[/\\]|^<")
"""Files that are not the user's own."""
_MAX_LATER_LINES = 25
"""An error after which the program said more than this was most likely not its end."""
_WRAPPERS = frozenset({"ChildFailedError", "ProcessRaisedException", "ProcessExitedException", "RemoteTraceback"})
_RANK = re.compile(r"^\[?(?:rank\d+|default\d+)\]?:? ?")
"""Begins each line of a distributed run (torchrun 2.x)."""


@dataclass(frozen=True)
class PythonError:
    """The exception a program ended with."""

    type: str
    """Its class, with the module where Python prints it."""
    message: str
    place: str
    """`file:line` of the innermost frame in the user's own code; empty when not known."""

    @property
    def text(self) -> str:
        """The exception as Python prints it."""
        return f"{self.type}: {self.message}" if self.message else self.type


def without_escapes(text: str) -> str:
    """Return a text without colours and other control sequences of terminals."""
    return _ESCAPES.sub("", text)


def read_tail(path: Path, start: int = 0) -> list[str]:
    """Return the last lines of a file, without blanks, colours and overwritten progress; empty when it cannot be read.

    Args:
        path: The file.
        start: Where to begin at the earliest: before it is what an earlier life printed.
    """
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            # A log that was cut is shorter than it was.
            stream.seek(max(size - TAIL_BYTES, start if start <= size else 0))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    # A carriage return rewrites the line, as progress bars do: what stands is what came last.
    lines = [line.rstrip() for line in without_escapes(text).replace("\0", "").replace("\r", "\n").split("\n")]
    return [line for line in lines if line.strip()]


def own_lines(lines: Sequence[str]) -> list[str]:
    """Return what the program itself printed, without what the SDK prints around it."""
    return [line for line in lines if not line.startswith(SDK_PREFIX)]


def last_line(path: Path, start: int = 0) -> str:
    """Return the last line of a file that says something; empty when there is none.

    What the SDK prints counts only where the program printed nothing.
    """
    said = read_tail(path, start)
    return ((own_lines(said) or said or [""])[-1]).strip()


def last_error(lines: Sequence[str]) -> PythonError | None:
    """Return the Python exception that the program ended with; None when it did not end with one."""
    plain = [_RANK.sub("", line) for line in lines]
    starts = [index for index, line in enumerate(plain) if line.strip().endswith(_TRACEBACK)]
    if not starts:
        return _unframed_error(plain)
    wrapper: PythonError | None = None
    for start in reversed(starts):
        error, end = _error_after(plain, start)
        if error is None:
            return wrapper
        later = [line for line in plain[end:] if not line.startswith((" ", "\t"))]
        if wrapper is None and len(later) > _MAX_LATER_LINES:
            return None
        if error.type.rpartition(".")[2] not in _WRAPPERS:
            return error
        # What a launcher of several processes raises last says only that one of them failed.
        wrapper = wrapper or error
    return wrapper


def _error_after(lines: Sequence[str], start: int) -> tuple[PythonError | None, int]:
    """Return the exception of the traceback that begins at a line, and the line after it."""
    frames: list[tuple[str, str]] = []
    for index in range(start + 1, len(lines)):
        line = lines[index]
        if frame := _FRAME.match(line):
            frames.append((frame["file"], frame["line"]))
        elif not line.startswith((" ", "\t")):
            if (error := _ERROR.match(line)) is None:
                break  # torn by other output
            message = _whole_message(error["message"] or "", lines[index + 1 :])
            return PythonError(error["type"], message, _place(frames)), index + 1
    return None, len(lines)


def _unframed_error(lines: Sequence[str]) -> PythonError | None:
    """Return a syntax error, which Python prints without the traceback's head."""
    if not lines or not (error := _ERROR.match(lines[-1])) or not _SYNTAX.match(lines[-1]):
        return None
    frames = [(frame["file"], frame["line"]) for line in lines[-5:] if (frame := _FRAME.match(line))]
    return PythonError(error["type"], error["message"] or "", _place(frames))


def _whole_message(first: str, later: Sequence[str]) -> str:
    """Return a message with its second line where the first is a heading only."""
    if first.strip() and not first.rstrip().endswith(":"):
        return first.strip()
    return " ".join([first.strip(), *(line.strip() for line in later[:1])]).strip()


def _place(frames: Sequence[tuple[str, str]]) -> str:
    own = [frame for frame in frames if not _FOREIGN.search(frame[0])]
    if not (own or frames):
        return ""
    file, line = (own or frames)[-1]
    return f"{Path(file).name}:{line}"


def fault_place(lines: Sequence[str]) -> str:
    """Return where Python's faulthandler says that the program was when it crashed; empty when it does not."""
    for index, line in enumerate(lines):
        if line.startswith("Fatal Python error:"):
            # Most recent call first, so the first own frame is the innermost.
            frames = [(frame["file"], frame["line"]) for text in lines[index:] if (frame := _FRAME.match(text))]
            return _place(list(reversed(frames)))
    return ""
