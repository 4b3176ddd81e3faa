"""Random filters over random runs: the SQL finds what a small evaluator of MongoDB's rules finds."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest

from tests.unit.server.conftest import Desk
from trainer.server import housekeeping
from trainer.server.filter_keys import KeptValues, key_of
from trainer.server.filters import compile_filter
from trainer.server.tables import run_values

NAMES = ["lr", "a b", "x/y", 'quo"te', "back\\slash", "ünï", "<tag>", "per%cent", "it's", "deep", "q[0]", "o$d"]
SCALARS: list[Any] = [0, 1, 2, -1, 1.0, 0.5, 1e300, 2**53 + 1, True, False, None, "", "1", "abc", "Abc", "ü", "true"]
MISSING = object()


def _value(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.random()
    if depth < 2 and kind < 0.15:
        return [_value(rng, 2) for _ in range(rng.randrange(3))]
    if depth < 2 and kind < 0.3:
        return {rng.choice(NAMES): _value(rng, depth + 1) for _ in range(rng.randrange(3))}
    return rng.choice(SCALARS)


def _key(rng: random.Random) -> str:
    if rng.random() < 0.15:
        return "tags"
    parts = [rng.choice(NAMES) for _ in range(rng.choice([1, 1, 1, 2, 2, 3]))]
    return rng.choice(["config.", "summary_metrics."]) + ".".join(parts)


def _operand(rng: random.Random) -> Any:
    operator = rng.choice(
        ["", "", "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$regex", "$not"]
    )
    if operator == "":
        return _value(rng, 1)
    if operator in ("$in", "$nin"):
        return {operator: [_value(rng, 1) for _ in range(rng.randrange(4))]}
    if operator == "$exists":
        return {operator: rng.random() < 0.5}
    if operator == "$regex":
        return {operator: rng.choice(["^a", "b", "1", "^$", "ü"]), "$options": rng.choice(["", "i"])}
    if operator == "$not":
        inner = _operand(rng)
        return {"$not": inner if isinstance(inner, dict) and any(key[:1] == "$" for key in inner) else {"$eq": inner}}
    value = _value(rng, 2 if operator not in ("$eq", "$ne") else 1)
    return {operator: value}


def _filter(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.random()
    if depth < 3 and kind < 0.35:
        return {rng.choice(["$and", "$or", "$nor"]): [_filter(rng, depth + 1) for _ in range(rng.randrange(1, 4))]}
    return {_key(rng): _operand(rng) for _ in range(rng.choice([1, 1, 2]))}


def _found(document: Any, key: str) -> list[Any]:
    """Return what a dotted key names in a document: under each way to read its dots."""
    if not isinstance(document, dict):
        return []
    parts = key.split(".")
    found = []
    for count in range(1, len(parts) + 1):
        head = ".".join(parts[:count])
        if head in document:
            rest = ".".join(parts[count:])
            found += [document[head]] if count == len(parts) else _found(document[head], rest)
    return found


def _kind(value: Any) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def _same(left: Any, right: Any) -> bool:
    return (
        _kind(left) == _kind(right)
        and json.dumps(left) == json.dumps(right)
        or (_kind(left) == _kind(right) == "number" and left == right)
    )


def _compares(value: Any, operator: str, other: Any) -> bool:
    if _kind(value) != _kind(other) or value is None:
        return False
    if operator == "$gt":
        return bool(value > other)
    if operator == "$gte":
        return bool(value >= other)
    return bool(value < other if operator == "$lt" else value <= other)


def _holds(found: list[Any], operator: str, argument: Any, options: str) -> bool:
    members = found + [item for value in found if isinstance(value, list) for item in value]
    if operator == "$eq":
        return (argument is None and not found) or any(_same(value, argument) for value in members)
    if operator == "$ne":
        return not _holds(found, "$eq", argument, "")
    if operator == "$in":
        return any(_holds(found, "$eq", item, "") for item in argument)
    if operator == "$nin":
        return not _holds(found, "$in", argument, "")
    if operator == "$exists":
        return bool(found) is argument
    if operator == "$regex":
        flags = re.IGNORECASE if options else 0
        return any(isinstance(value, str) and bool(re.search(argument, value, flags)) for value in members)
    if operator == "$not":
        return not all(_holds(found, key, item, argument.get("$options", "")) for key, item in argument.items())
    if operator == "$options":
        return True
    if argument is None:
        return operator in ("$gte", "$lte") and _holds(found, "$eq", None, "")
    return any(_compares(value, operator, argument) for value in members)


def _matches(document: Any, filters: Any) -> bool:
    for key, operand in filters.items():
        if key in ("$and", "$or", "$nor"):
            results = [_matches(document, item) for item in operand]
            if not {"$and": all(results), "$or": any(results), "$nor": not any(results)}[key]:
                return False
        else:
            found = _found(document, key)
            if not isinstance(operand, dict) or not any(name[:1] == "$" for name in operand):
                operand = {"$eq": operand}
            if not all(_holds(found, name, item, operand.get("$options", "")) for name, item in operand.items()):
                return False
    return True


@pytest.mark.parametrize("with_tables", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_random_filters_find_what_mongo_finds(
    desk: Desk, seed: int, with_tables: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    documents = {}
    for index in range(40):
        config = {rng.choice(NAMES): _value(rng) for _ in range(4)}
        config |= {f"{rng.choice(NAMES)}.{rng.choice(NAMES)}": _value(rng)}
        summary = {rng.choice(NAMES): _value(rng) for _ in range(4)}
        tags = rng.sample(["abc", "1", "ü", "b c"], rng.randrange(3))
        wire = json.dumps({key: {"value": value} for key, value in config.items()})
        desk.upsert_run(f"r{index}", config=wire, summaryMetrics=json.dumps(summary), tags=tags)
        documents[f"r{index}"] = {"config": config, "summary_metrics": summary, "tags": tags}
    filters = [_filter(rng) for _ in range(300)]
    kept = KeptValues()
    if with_tables:
        monkeypatch.setattr(run_values, "MAX_KEYS", 10_000)
        for each in filters:
            compile_filter(each, lambda name: kept.of(key_of(name)))
        desk.server.store.write(lambda connection: run_values.note(connection, 1, kept.asked))
        housekeeping.fill_value_tables(desk.server.store)
        kept = KeptValues(run_values.kept(desk.server.store.reader, 1))
        assert len(kept.numbers) > 50
    found_something = 0
    for each in filters:
        condition = compile_filter(each, lambda name: kept.of(key_of(name)))
        rows = desk.server.store.reader.execute(f"SELECT name FROM runs WHERE {condition.sql}", condition.values)
        found = {row[0] for row in rows}
        expected = {name for name, document in documents.items() if _matches(document, each)}
        assert found == expected, (each, {name: documents[name] for name in found ^ expected})
        found_something += 0 < len(found) < len(documents)
    assert found_something > 60
