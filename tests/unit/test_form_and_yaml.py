"""Whatever is done in the form, the YAML says the same, and undoing it gives back the text byte for byte."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sweep.written_yaml import TEXTS, WORDS, Writer, random_config, random_value
from trainer.sweep.config import parse_sweep_text
from trainer.sweep.distributions import DISTRIBUTIONS
from trainer.sweep.rules import RuleLine
from trainer.sweep.yaml_edit import notes_of
from trainer.sweep.yaml_patches import same
from tui.parameter_tree import ParameterTreeModel, TreeNode
from tui.sweep_document import SweepDocument
from tui.sweep_draft import ParameterDraft

NAMES = [
    *WORDS, "opt/lr", "opt/deep/x", "joint__a__b", "None", "1e-5", "~", "a/b/c", "parameters", "<<", "'q'", "off x",
]  # fmt: skip
FIELDS = [
    "method", "name", "description", "project", "program", "command", "run_cap", "metric", "metric.name",
    "metric.goal", "metric.target", "early_terminate", "early_terminate.type", "early_terminate.max_iter", "x-own",
]  # fmt: skip
RULES = ["seeds 3", "zip lr, n", "lr * n <= 4", "lr only if n == 1 else 7", "n > 0", "nonsense", "- no: rule # at all"]


def entry_of(random: Random) -> Any:
    """Return an entry of any distribution, whole or not."""
    kind = random.choice([*DISTRIBUTIONS, "odd", "values", "values"])
    if kind == "odd":
        return random_value(random)
    if kind == "values":
        return {"values": [random_value(random, 2) for _ in range(random.randint(1, 4))]}
    values: dict[str, Any] = {"distribution": kind}
    for field in DISTRIBUTIONS[kind].fields:
        lists = {"values", "probabilities"}
        values[field.name] = [0.5, 1e-5, 3] if field.name in lists else random.choice([0, 1, -2.5, 1e-5, 1e22, 10**20])
    return values


def any_node(random: Random, rows: list[ParameterDraft]) -> tuple[ParameterTreeModel, TreeNode] | None:
    model = ParameterTreeModel(rows)
    lines = model.lines()
    return (model, random.choice(lines).node) if lines else None


def edit_field(random: Random, document: SweepDocument) -> str:
    path = random.choice(FIELDS)
    values = [random_value(random), random.choice(TEXTS), ["${env}", "a: b", ""], {"type": "hyperband", "s": 2}, None]
    document.draft.set(path, random.choice(values))
    return f"edit {path}"


def edit_tree(random: Random, document: SweepDocument) -> str:
    found = any_node(random, document.draft.rows)
    if found is None:
        return "nothing"
    model, node = found
    kind = random.choice(["move", "move", "delete", "duplicate", "rename", "switch"])
    if kind == "move":
        model.move(node, random.choice([-1, 1]), {node.path} if random.random() < 0.3 else ())
    elif kind == "rename":
        model.rename(node, random.choice(NAMES))
    else:
        getattr(model, kind)(node)
    return f"{kind} {node.name}"


def edit_rows(random: Random, document: SweepDocument) -> str:
    rows = document.draft.rows
    if not rows or random.random() < 0.4:
        group = random.choice(["", "", "opt/", "a b/"])
        rows.insert(random.randint(0, len(rows)), ParameterDraft(group + random.choice(NAMES), entry_of(random)))
        return "add"
    random.choice(rows).entry = entry_of(random)
    return "edit entry"


def edit_rules(random: Random, document: SweepDocument) -> str:
    rules = document.draft.rules
    if rules and random.random() < 0.5:
        del rules[random.randrange(len(rules))]
    else:
        rules.append(RuleLine(random.choice(RULES), random.random() < 0.8))
    return "edit rules"


EDITS: list[Callable[[Random, SweepDocument], str]] = [edit_field, edit_tree, edit_tree, edit_rows, edit_rules]


def with_comment(random: Random, text: str) -> str:
    """Return a text with a line that somebody typed into it: a comment, where no text of several lines is around."""
    lines = text.splitlines(keepends=True)
    lines.insert(random.randint(0, len(lines)), f"{' ' * random.choice([0, 2, 4])}# typed {random.random()}\n")
    return "".join(lines)


def rows_of(document: SweepDocument) -> list[tuple[tuple[str, ...], bool, str]]:
    return sorted((row.path, row.is_off, repr(row.entry)) for row in document.draft.rows if row.name.strip())


def is_sound(document: SweepDocument) -> bool:
    """Return whether each row has a place of its own: of others, no configuration can say which is meant."""
    paths = [row.path for row in document.draft.rows if row.name.strip()]
    groups = {path[:length] for path in paths for length in range(1, len(path))}
    return len(set(paths)) == len(paths) and groups.isdisjoint(paths) and all(all(path) for path in paths)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_form_to_yaml_to_form_changes_nothing_whatever_the_sweep_and_the_edits(seed: int) -> None:
    random = Random(seed)
    config = random_config(random)
    if random.random() < 0.4:
        config["parameters"] |= {"lr": {"values": [1, 2, 1]}, "n": {"min": 1, "max": 3}}
    if random.random() < 0.2:
        config["parameters"]["train/lr"] = entry_of(random)
    text = Writer(random).write(copy.deepcopy(config)) if random.random() < 0.5 else None
    document = SweepDocument.from_config(config, text)
    document = SweepDocument(document.draft, document.text, clock=itertools.count(0, 5).__next__)
    first, before = document.text, rows_of(document)
    texts = [first]
    for _ in range(random.randint(1, 5)):
        if random.random() < 0.15:
            typed = with_comment(random, document.text)
            document.replace_text(typed)
            assert document.text == typed
        else:
            label = random.choice(EDITS)(random, document)
            document.form_edited(label, "")
        texts.append(document.text)
        if not is_sound(document) or document.text_problem is not None:
            continue
        again = SweepDocument.from_text(document.text)
        assert again.text_problem is None
        assert same(again.config(), document.config())
        assert same(parse_sweep_text(document.text, "text").config, document.config())
        assert notes_of(document.text) == {path: lines for path, lines in document.draft.notes().items() if lines}
        assert rows_of(again) == rows_of(document)
        assert sorted(map(repr, again.draft.rules)) == sorted(map(repr, document.draft.rules))
        assert again.text == document.text

    for text in texts[-2::-1]:
        document.undo()
        assert document.text == text
    assert (document.undo(), document.text, rows_of(document)) == ("", first, before)
    for text in texts[1:]:
        document.redo()
        assert document.text == text
