"""Looks: theme and plain text, decided once from flags, environment and `settings.yaml`, and kept there when chosen.

A flag beats the environment, which beats the file. Pure but for `read_settings` and `remember`, which read and write
that one file in the folder of the configuration.
"""

from __future__ import annotations

import difflib
import logging
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from trainer.atomic_file import write_text_atomically
from trainer.errors import InputError
from tui.theme import ANSI_DARK_NAME, ANSI_LIGHT_NAME, DARK_THEME_NAME

logger = logging.getLogger(__name__)

SETTINGS_FILE_NAME = "settings.yaml"
THEME_VARIABLE, PLAIN_VARIABLE = "SWEEP_TUI_THEME", "SWEEP_TUI_PLAIN"
PLAIN_TICK_SECONDS = 20
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Looks:
    """How the app looks."""

    theme: str = ""
    """Name of the theme; empty for what suits the terminal."""
    plain: bool = False
    """Whether everything is told in words, without borders, charts and signs."""
    problem: str = ""
    """What is wrong with the environment or the file, in one sentence; empty if nothing."""


@runtime_checkable
class FollowsLooks(Protocol):
    """A screen that gives its widgets colours, or other words, when the looks change."""

    def looks_changed(self) -> None:
        """Show everything anew."""


def is_plain(app: object) -> bool:
    """Return whether an app tells everything in words; not every app that shows our widgets is ours."""
    return bool(getattr(app, "is_plain", False))


def clock_rests(app: object) -> bool:
    """Return whether the time that goes by is not told now: what changes is spoken, and a clock ticks every second."""
    return is_plain(app) and round(time.monotonic()) % PLAIN_TICK_SECONDS != 0


def resolve_looks(
    theme: str | None, plain: bool, environ: Mapping[str, str], path: Path, known: Collection[str]
) -> Looks:
    """Decide how the app looks.

    Args:
        theme: What `--theme` says; None if it was not given.
        plain: Whether `--plain` was given.
        environ: The environment.
        path: The user's settings file; it need not exist.
        known: Names of all themes.

    Raises:
        InputError: If there is no such theme as the flag asks for.
    """
    if theme is not None and theme not in known:
        raise InputError(f"There is no theme {theme!r}.", hint=_offer(theme, known))
    kept, problem = read_settings(path)
    named = environ.get(THEME_VARIABLE) or environ.get("TEXTUAL_THEME") or ""
    chosen = theme or named or str(kept.get("theme") or "")
    if chosen not in known and chosen:
        place = "The environment" if named else str(path)
        problem = f"{place} asks for the theme {chosen!r}, which there is not. {_offer(chosen, known)}"
        chosen = ""
    said = environ.get(PLAIN_VARIABLE, "").strip().lower()
    if said not in _TRUE + _FALSE:
        problem = f"{PLAIN_VARIABLE} is {said!r}; write 1 or 0."
    is_kept = kept.get("plain", False)
    if not isinstance(is_kept, bool):
        problem, is_kept = f"{path}: `plain` is {is_kept!r}; write true or false.", False
    return Looks(chosen, plain or said in _TRUE or (is_kept and said not in _FALSE[1:]), problem)


def _offer(name: str, known: Collection[str]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    return (f"Perhaps {nearest[0]!r}? " if nearest else "") + f"Themes are {', '.join(sorted(known))}."


def fitting_theme(color_system: str | None, environ: Mapping[str, str]) -> str:
    """Return the theme for who named none: the terminal's own colours where there are 16, or none are wanted.

    Args:
        color_system: What Rich found the terminal able to show; `standard` for 16 colours.
        environ: The environment. `COLORFGBG` ends with the number of the background's colour in terminals that tell.
    """
    if color_system in ("truecolor", "256") and not environ.get("NO_COLOR"):
        return DARK_THEME_NAME
    ground = environ.get("COLORFGBG", "").rpartition(";")[2]
    return ANSI_LIGHT_NAME if ground in ("7", "15") else ANSI_DARK_NAME


def read_settings(path: Path) -> tuple[Mapping[str, object], str]:
    """Return what the settings file says, and what is wrong with it; empty where there is none. Blocks."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}, ""
    except (OSError, UnicodeDecodeError) as error:
        return {}, f"{path} cannot be read: {error}. Its settings are not used."
    # Imported here: most users have no such file, and yaml costs 20 ms of the first paint.
    import yaml

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark is not None else ""
        return {}, f"{path} is not YAML: {place}{getattr(error, 'problem', None) or error}. Its settings are not used."
    if content is None:
        return {}, ""
    if not isinstance(content, dict):
        return {}, f"{path} must hold lines such as `theme: {DARK_THEME_NAME}`. Its settings are not used."
    return content, ""


def remember(path: Path, name: str, value: str) -> str:
    """Keep one setting, and all other lines as they are; return why that failed, or an empty text. Blocks."""
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        return f"{path} cannot be read: {error}."
    line = f"{name}: {value}"
    kept, count = re.subn(rf"(?m)^{re.escape(name)}[ \t]*:.*$", line, text)
    if not count:
        kept = (text if not text or text.endswith("\n") else f"{text}\n") + f"{line}\n"
    try:
        write_text_atomically(path, kept)
    except InputError as error:
        return str(error)
    return ""
