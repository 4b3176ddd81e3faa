"""Fixes of `command`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from trainer.sweep.command import MACROS, command_of
from trainer.sweep.findings import nearest
from trainer.sweep.fix import Case, Fix, Offer

_ENVIRONMENT = "envvar:"


def _not_list(case: Case) -> Iterator[Fix]:
    if isinstance(case.value, str) and case.value.strip():
        try:
            words = shlex.split(case.value)
        except ValueError:
            # An open quotation mark: nobody knows where it should close.
            return
        yield case.put("Write it as a list", list(words))
    elif case.value is None:
        yield case.top("Remove command", True, ["command"])


def _item(case: Case) -> Iterator[Fix]:
    if isinstance(case.value, list) and all(not isinstance(word, list | dict) for word in case.value):
        items = list(case.config["command"])  # type: ignore[arg-type]
        at = case.keys[-1]
        assert isinstance(at, int)
        yield case.top("Take the words of the list", True, command=[*items[:at], *case.value, *items[at + 1 :]])
    elif isinstance(case.value, dict) and len(case.value) == 1:
        ((name, value),) = case.value.items()
        if not isinstance(value, list | dict):
            text = name if value is None else f"{name}: {value}"
            yield case.put(f'Quote it: "{text}"', text, False)


def _macro(case: Case) -> Iterator[Fix]:
    name = str(case.value)[2:-1]
    if name.startswith(_ENVIRONMENT):
        macro = f"${{{_ENVIRONMENT}{name.removeprefix(_ENVIRONMENT).upper()}}}"
        yield case.put(f"Write {macro}", macro)
        return
    meant = nearest(name, MACROS)
    if meant is not None:
        yield case.put(f"Write ${{{meant}}}", f"${{{meant}}}")


def _passes_nothing(case: Case) -> Iterator[Fix]:
    yield case.top("Add ${args}", False, command=[*command_of(case.config), "${args}"])


def _embedded(case: Case) -> Iterator[Fix]:
    words = str(case.value).split()
    if len(words) > 1:
        items = command_of(case.config)
        at = case.keys[-1]
        assert isinstance(at, int)
        yield case.top("Write each word as an item", True, command=[*items[:at], *words, *items[at + 1 :]])


def _flags(case: Case) -> Iterator[Fix]:
    macro = "${args_no_boolean_flags}"
    command = [macro if item == "${args}" else item for item in command_of(case.config)]
    yield case.top(f"Use {macro}", False, command=command)


COMMAND_FIXES: dict[str, Offer] = {
    "command-not-list": _not_list,
    "command-item": _item,
    "unknown-macro": _macro,
    "passes-no-parameters": _passes_nothing,
    "embedded-macro": _embedded,
    "bool-as-text": _flags,
}
