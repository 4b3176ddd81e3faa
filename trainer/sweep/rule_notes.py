"""Rules in a sweep file: the comment lines above what they were compiled to, and the way back from these.

Above a parameter that rules made stand a sentence, the rules, and what it was made of:

    #: batch_size and accumulation in one: 9 of 24 combinations, by this rule:
    #: rule: batch_size * accumulation <= 512
    #: of batch_size: {values: [16, 32, 64]}

Rules that make nothing stand above `parameters`. A note is a line without the `#: ` before it, here as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trainer.records import Json
from trainer.sweep.canonical import canonical_key
from trainer.sweep.findings import Findings, Violation
from trainer.sweep.leaf_notes import leaf_note, noted_leaf
from trainer.sweep.rule_compiler import Compiled, Group, Leaf, compile_rules, leaves_of
from trainer.sweep.rules import Path, RuleLine
from trainer.sweep.yaml_notes import MARK, notes_of

PARAMETERS = "parameters"
_RULE = "rule: "
_OFF = "rule off: "
_SOURCE = "of "


@dataclass(frozen=True)
class WithRules:
    """Parameters as they were written, and the rules that tie them."""

    leaves: tuple[Leaf, ...]
    lines: tuple[RuleLine, ...] = ()
    stale: Mapping[Path, tuple[str, ...]] = field(default_factory=dict)
    """Notes of rules by the parameter above which they stand, where they do not make it any more."""
    made: Mapping[Path, Path | None] = field(default_factory=dict)
    """What parameters that rules made were made of, the first of it; None where a rule alone made it."""


def config_path(path: Path) -> str:
    """Return the path by which notes and violations name a parameter: `parameters.optimizer.parameters.lr`."""
    return f"{PARAMETERS}." + ".parameters.".join(path)


def notes_of_rules(compiled: Compiled) -> dict[str, list[str]]:
    """Return the notes of a compiled sweep by the path of the key above which they stand."""
    notes: dict[str, list[str]] = {}
    loose = [_rule_note(line) for line in compiled.loose_lines if line.text.strip()]
    if loose:
        notes[PARAMETERS] = loose
    for group in compiled.groups:
        notes[config_path(group.path)] = [
            *_words(group),
            *(_rule_note(line) for line in group.lines),
            *(_SOURCE + leaf_note(leaf) for leaf in group.sources),
        ]
    return notes


def read_rules(leaves: Sequence[Leaf], notes: Mapping[str, Sequence[str]], method: Json) -> WithRules:
    """Return parameters and rules as they were before they were compiled.

    A parameter that its notes would not make again was changed by hand: it stays as it is.

    Args:
        leaves: The parameters of a configuration.
        notes: What stands above them, of other kinds too.
        method: The sweep's method.
    """
    lines: list[RuleLine] = []
    kept: list[Leaf] = []
    stale: dict[Path, tuple[str, ...]] = {}
    sources: dict[Path, Path | None] = {}
    for leaf in leaves:
        own = [note for note in notes.get(config_path(leaf[0]), ()) if is_rule_note(note)]
        made = _made_by(own, leaf, leaves, method) if own else None
        if made is not None:
            kept += made.leaves
            lines += made.lines
            sources[leaf[0]] = made.leaves[0][0] if made.leaves else None
        else:
            kept.append(leaf)
            if own:
                stale[leaf[0]] = tuple(own)
    lines += [line for line in map(_rule_of, notes.get(PARAMETERS, ())) if line is not None]
    return WithRules(tuple(kept), tuple(lines), stale, sources)


def oddities_of(stale: Mapping[Path, Sequence[str]], positions: Mapping[str, int] | None = None) -> list[Violation]:
    """Return what is to be said of parameters that were changed by hand."""
    findings = Findings(positions)
    for path in stale:
        message = f"{'/'.join(path)} was changed by hand: the rules noted above it do not make it any more."
        hint = "It runs as it is written; remove the notes, or restore it."
        findings.add(config_path(path), message, hint, code="rules-stale")
    return findings.found


def check_rules(
    config: Mapping[str, Json], text: str, positions: Mapping[str, int] | None = None
) -> tuple[list[Violation], list[Violation]]:
    """Return what is wrong with the rules that a file notes, and what is odd: lists that were changed by hand.

    Args:
        config: The configuration of the file.
        text: The file.
        positions: Line by path.
    """
    parameters, notes = config.get(PARAMETERS), notes_of(text)
    if not isinstance(parameters, dict) or not notes:
        return [], []
    read = read_rules(leaves_of(parameters), notes, config.get("method"))
    places = {**(positions or {}), **rule_positions(read.lines, text)}
    compiled = compile_rules(read.leaves, read.lines, config.get("method"))
    return rule_problems(compiled, places), oddities_of(read.stale, places)


def rule_problems(compiled: Compiled, positions: Mapping[str, int] | None = None) -> list[Violation]:
    """Return why rules are not kept; what several have in common once, at the first of them."""
    findings = Findings(positions)
    said: set[str] = set()
    for index, effect in enumerate(compiled.effects):
        if effect.problem and effect.problem not in said:
            said.add(effect.problem)
            findings.add(f"rules[{index}]", effect.problem, effect.hint, code="rule")
    return findings.found


def rule_positions(lines: Sequence[RuleLine], text: str) -> dict[str, int]:
    """Return the lines on which a file notes rules, by the paths that violations name them by."""
    numbers: dict[str, list[int]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(MARK + "rule"):
            numbers.setdefault(line.strip().removeprefix(MARK), []).append(number)
    found = {f"rules[{index}]": numbers.get(_rule_note(line)) for index, line in enumerate(lines)}
    return {path: its.pop(0) if len(its) > 1 else its[0] for path, its in found.items() if its}


def is_rule_note(note: str) -> bool:
    """Return whether a note is about rules."""
    return note.startswith((_RULE, _OFF, _SOURCE)) or note.endswith(_END_OF_WORDS)


_END_OF_WORDS = ("by this rule:", "by these rules:")


def _words(group: Group) -> list[str]:
    count = len(group.lines)
    by = _END_OF_WORDS[count > 1]
    names = ["/".join(path) for path, _ in group.sources]
    if not names:
        return []
    if len(names) == 1 and group.path == group.sources[0][0]:
        return [f"{names[0]}: {group.left:,} of {group.before:,} values, {by}"]
    seeded = " and the seed" if len(names) < _members(group) else ""
    listed = ", ".join(names[:-1]) + (f" and {names[-1]}" if len(names) > 1 else names[-1])
    return [f"{listed}{seeded} in one: {group.left:,} of {group.before:,} combinations, {by}"]


def _members(group: Group) -> int:
    return len(group.sources) + any(line.text.lower().startswith("seed") for line in group.lines)


def _rule_note(line: RuleLine) -> str:
    return (_RULE if line.is_on else _OFF) + " ".join(line.text.split())


def _rule_of(note: str) -> RuleLine | None:
    if note.startswith(_RULE):
        return RuleLine(note.removeprefix(_RULE).strip())
    if note.startswith(_OFF):
        return RuleLine(note.removeprefix(_OFF).strip(), is_on=False)
    return None


def _made_by(notes: Sequence[str], leaf: Leaf, leaves: Sequence[Leaf], method: Json) -> WithRules | None:
    """Return the parameters and rules that make a parameter; None if what is noted makes another one."""
    lines = [line for line in map(_rule_of, notes) if line is not None]
    sources = [noted_leaf(note.removeprefix(_SOURCE)) for note in notes if note.startswith(_SOURCE)]
    found = [source for source in sources if source is not None]
    if not lines or len(found) < len(sources):
        return None
    others = [path for path, _ in leaves if path != leaf[0]]
    if any(_overlap(path, other) for path, _ in found for other in others):
        return None
    # A method that was changed by hand does not unmake the rules: they are compiled anew for it.
    for each in (method, "grid" if method != "grid" else "random"):
        made = compile_rules([*found, *_placeholders(others)], lines, each)
        mine = [entry for entry in made.leaves if entry[0] not in others]
        if not made.loose_lines and len(mine) == 1 and mine[0][0] == leaf[0] and _is_same(mine[0][1], leaf[1]):
            return WithRules(tuple(found), tuple(lines))
    return None


def _is_same(one: Json, other: Json) -> bool:
    return canonical_key(one) == canonical_key(other)


def _placeholders(paths: Sequence[Path]) -> list[Leaf]:
    """Return stand-ins for other parameters, whose names are taken."""
    return [(path, {"value": None}) for path in paths]


def _overlap(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]
