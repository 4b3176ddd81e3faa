"""The options that say how the app looks, added to the commands that draw it. Owns no command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

DRAWING = ("open", "run")
"""The commands that may draw the app, beside that of no name."""


@dataclass(slots=True)
class LookWish:
    """What the command line says about how the app looks."""

    theme: str | None = None
    plain: bool = False


def add_look_options(group: click.Group, wish: LookWish) -> None:
    """Have the commands that draw the app take `--theme` and `--plain`; what they are given is set in `wish`."""
    for command in (group, *(group.commands[name] for name in DRAWING)):
        command.params += [
            _option(
                "--theme", "theme", wish, metavar="NAME",
                help="Colours of the app, such as colorblind-dark or ansi-dark; the palette shows all and keeps one.",
            ),
            _option(
                "--plain", "plain", wish, is_flag=True, default=None,
                help="No borders, signs and charts: words and numbers, for screen readers.",
            ),
        ]  # fmt: skip


def _option(flag: str, name: str, wish: LookWish, **given: Any) -> click.Option:
    return click.Option([flag], expose_value=False, callback=_setter(wish, name), **given)


def _setter(wish: LookWish, name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def take(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        # Options before the command hold for it, too.
        if value is not None:
            setattr(wish, name, value)

    return take
