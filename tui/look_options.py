"""The options that say how and where the app is drawn, added to the commands that draw it. Owns no command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click

DRAWING = ("open", "run")
"""The commands that may draw the app, beside that of no name."""
IN_BROWSER = ("open",)
"""Those of which each page of a browser can have an app of its own: `run` would launch the sweep again and again."""
_WEB_FLAGS, _WEB_VALUES = ("--web",), ("--port", "--host")
LOOPBACK, DEFAULT_PORT = "127.0.0.1", 8000


@dataclass(slots=True)
class LookWish:
    """What the command line says about how and where the app is drawn."""

    theme: str | None = None
    plain: bool = False
    web: bool = False
    """Whether a browser shows it."""
    host: str = LOOPBACK
    port: int = DEFAULT_PORT


def add_look_options(group: click.Group, wish: LookWish) -> None:
    """Have the commands that draw the app take `--theme`, `--plain`, `--web`; what they are given is set in `wish`."""
    for command in (group, *(group.commands[name] for name in DRAWING)):
        command.params += [
            _option(
                "--theme", wish, metavar="NAME",
                help="Colours of the app, such as colorblind-dark or ansi-dark; the palette shows all and keeps one.",
            ),
            _option(
                "--plain", wish, is_flag=True, default=None,
                help="No borders, signs and charts: words and numbers, for screen readers.",
            ),
        ]  # fmt: skip
    for command in (group, *(group.commands[name] for name in IN_BROWSER)):
        command.params += [
            _option("--web", wish, is_flag=True, default=None, help="Show the app in a browser; prints its address."),
            _option("--port", wish, type=click.IntRange(0, 65535), help=f"With --web: {DEFAULT_PORT} unless given."),
            _option(
                "--host", wish, metavar="ADDRESS",
                help="With --web: the address to listen on; 127.0.0.1, which only this machine reaches, unless given.",
            ),
        ]  # fmt: skip


def without_web(arguments: Sequence[str]) -> list[str]:
    """Return a command line without the options that ask for a browser."""
    kept: list[str] = []
    rest = iter(arguments)
    for word in rest:
        if word in _WEB_VALUES:
            next(rest, None)
        elif word not in _WEB_FLAGS and word.partition("=")[0] not in _WEB_VALUES:
            kept.append(word)
    return kept


def _option(flag: str, wish: LookWish, **given: Any) -> click.Option:
    return click.Option([flag], expose_value=False, callback=_setter(wish, flag.removeprefix("--")), **given)


def _setter(wish: LookWish, name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def take(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        # Options before the command hold for it, too.
        if value is not None:
            setattr(wish, name, value)

    return take
