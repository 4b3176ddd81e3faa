"""Parameters pasted as text: lines such as `lr: 1e-5..1e-1 log` or `batch_size = 16, 32`, or a piece of YAML. Pure."""

from __future__ import annotations

import re

from trainer.errors import InputError
from trainer.sweep.yaml_text import parse_yaml
from tui.shorthand import ShorthandError, parse_shorthand
from tui.sweep_draft import GROUP_SEPARATOR, ParameterDraft, SweepDraft

_LINE = re.compile(r"^\s*(?:[-*•]\s+)?-{0,2}(?P<name>[^\s:=#][^:=#]*?)\s*(?:[:=]\s*(?P<text>.*?))?\s*[,;]?\s*$")
_NAME_AND_VALUES = re.compile(r"^[^:=]*[^\s:=][^:=]*(?::\s+|\s+=\s*|[:=](?=[-+.\d\"'\[{(]))\S")
_MAX_LINES = 1_000


def pasted_parameters(text: str) -> list[ParameterDraft]:
    """Return the parameters that a pasted text names, one per line; what cannot be read keeps its problem.

    A piece of a sweep file (`lr:` with `min:` and `max:` under it, perhaps all of it under `parameters:`) is taken
    as it is.
    """
    rows = _from_yaml(text)
    if rows:
        return rows
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [row for line in lines[:_MAX_LINES] if (row := _from_line(line)) is not None]


def typed_parameter(text: str) -> ParameterDraft | None:
    """Return the parameter that a name with its values behind it is, such as `lr: 0.1..1`; None for a name alone.

    A colon or an equals sign can be part of a name; without a blank behind it, only a number, a quote or a bracket
    begins values.
    """
    if not _NAME_AND_VALUES.match(text):
        return None
    rows = pasted_parameters(text)
    return rows[0] if len(rows) == 1 and (rows[0].entry or rows[0].problem) else None


def _from_yaml(text: str) -> list[ParameterDraft]:
    try:
        value = parse_yaml(text, "what was pasted").value
    except InputError:
        return []
    if isinstance(value, dict) and isinstance(value.get("parameters"), dict):
        value = value["parameters"]
    if not isinstance(value, dict) or not value or not all(isinstance(entry, dict) for entry in value.values()):
        return []
    return SweepDraft.from_config({"parameters": value}).rows


def _from_line(line: str) -> ParameterDraft | None:
    match = _LINE.match(line)
    if match is None:
        return None
    # A flag with its value behind it, as on a command line: `--lr 0.1`.
    name, text = match["name"], match["text"]
    if text is None:
        name, _, text = name.partition(" ")
    name = name.strip().strip("\"'")
    row = ParameterDraft(GROUP_SEPARATOR.join(part.strip() for part in name.split(GROUP_SEPARATOR)), {})
    try:
        row.entry = parse_shorthand(text.strip())
    except ShorthandError as error:
        row.problem, row.typed = str(error), text.strip()
    return row
