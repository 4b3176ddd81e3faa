"""The number of runs the builder shows is what listing them one by one gives, for spaces of every size up to 5,000."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
import yaml

from trainer.records import RunRecord
from trainer.run_filter import flat_items
from trainer.search.optimizer import ObservedRun, build_optimizer
from trainer.search.plan import make_plan
from trainer.states import RunState
from trainer.sweep.joint import unpacked, with_members
from trainer.sweep.rules import RuleLine
from trainer.sweep.space import SearchSpace
from trainer.sweep.validation import violations
from trainer.tracking.forking import coverage
from tui.sweep_count import count_text_of
from tui.sweep_draft import ParameterDraft, SweepDraft

LARGEST = 5_000
ODD_VALUES = [None, True, False, "1", "", "true", 1.5, 1e-5, [1], [1.0], {"k": 1}, {"k": 1.0}, "None", -0.0, 10**20]
Point = dict[str, Any]
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@dataclass
class Axis:
    """One parameter, and its values as they are written, repetitions too."""

    entry: dict[str, Any]
    written: list[Any]
    is_number: bool = True


@dataclass
class Space:
    method: str
    axes: dict[str, Axis] = field(default_factory=dict)
    rules: list[str] = field(default_factory=list)
    keeps: dict[str, Callable[[Point], Point | None]] = field(default_factory=dict)
    """What each rule makes of a point: None where it leaves it out."""


def key_of(value: Any) -> str:
    """Return what tells a value from others in W&B's eyes: `yaml_hash` of wandb/sweeps 0.3.0, grid_search.py."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text: str = yaml.dump(value, Dumper=_Dumper, default_flow_style=True)
    return text


def axis(random: Random, method: str, size: int) -> Axis:
    """Return a parameter with a number of distinct values; of several kinds, repetitions written in other ways too."""
    kinds = ["listed", "listed", "odd", "ints", "steps"]
    if method != "grid":
        kinds += ["log steps", "chances", "beta"]
    kind = random.choice(kinds)
    low, q = random.randint(-9, 9), random.choice([1, 2, 5, 0.5, 0.25])
    if kind == "odd" and size <= len(ODD_VALUES):
        odd = random.sample(ODD_VALUES, size)
        return Axis({"values": odd + odd[:2]}, odd + odd[:2], is_number=False)
    if kind == "ints" and size > 1:
        return Axis({"min": low, "max": low + size - 1}, list(range(low, low + size)))
    if kind == "steps" and method == "grid":
        # `high` is excluded, and may lie anywhere within the last step.
        high = low + (size - 1) * q + random.choice([q, q / 2])
        return Axis(
            {"distribution": "q_uniform", "min": low, "max": high, "q": q}, [low + at * q for at in range(size)]
        )
    if kind in ("steps", "log steps"):
        first = random.randint(1, 9)
        name = "q_uniform" if kind == "steps" else "q_log_uniform_values"
        bounds = {"min": first * q, "max": (first + size - 1) * q + random.choice([0, q / 2])}
        if bounds["min"] < bounds["max"]:
            return Axis({"distribution": name, **bounds, "q": q}, [(first + at) * q for at in range(size)])
    if kind == "beta" and size in (3, 5, 9):
        q = 1 / (size - 1)
        return Axis({"distribution": "q_beta", "a": 2, "b": 3, "q": q}, [at * q for at in range(size)])
    values = [low + at for at in range(size)]
    if kind == "chances":
        # What has no chance never runs.
        share = 1 / size
        entry = {"values": [*values, "never"], "probabilities": [share] * size + [0]}
        return Axis(entry, values)
    repeated = random.sample(values, min(size, random.choice([0, 0, 1, 3])))
    written: list[Any] = values + [float(value) if random.random() < 0.5 else value for value in repeated]
    if size == 1 and random.random() < 0.5:
        return Axis({"value": values[0]}, values)
    return Axis({"values": written}, written)


def space_of(random: Random, size: int) -> Space:
    """Return a space of about `size` points, and rules that tie its parameters."""
    space = Space(random.choice(["grid", "grid", "random", "bayes"]))
    names = random.sample(["lr", "a", "b", "opt/m", "opt/deep/x", "z", "train/n", "B"], random.randint(1, 6))
    left = size
    for place, name in enumerate(names):
        count = left if place == len(names) - 1 else random.randint(1, max(1, round(left ** random.random())))
        space.axes[name] = axis(random, space.method, count)
        left //= count
    numbers = [name for name, its in space.axes.items() if its.is_number]
    if random.random() < 0.6 and len(numbers) >= 2:
        add_rules(random, space, numbers, size)
    return space


def add_rules(random: Random, space: Space, names: list[str], size: int) -> None:
    one, two = random.sample(names, 2)
    limit = random.randint(-5, 30)

    def within(point: Point) -> Point | None:
        return point if one not in point or two not in point or point[one] + point[two] <= limit else None

    def conditional(otherwise: Any) -> Callable[[Point], Point | None]:
        def apply(point: Point) -> Point | None:
            if two in point and point[two] > limit:
                return point
            rest = {name: value for name, value in point.items() if name != one}
            return rest if otherwise is None else {**rest, one: otherwise}

        return apply

    rule, keep = random.choice(
        [
            (f"{one} + {two} <= {limit}", within),
            (f"{one} only if {two} > {limit}", conditional(None)),
            (f"{one} only if {two} > {limit} else 7", conditional(7)),
        ]
    )
    space.rules.append(rule)
    space.keeps[rule] = keep
    if random.random() < 0.4 and size * 3 <= LARGEST:
        space.rules.append(f"seeds {random.randint(1, 3)} as random_state")
    if random.random() < 0.4:
        space.rules.append(f"zip {random.choice(names)}, {random.choice(names)}")


def enumerated(space: Space, kept: list[str]) -> Iterator[Point]:
    """Yield every point as it is written, one by one."""
    axes = {name: its.written for name, its in space.axes.items()}
    for rule in kept:
        if rule.startswith("seeds"):
            axes["random_state"] = list(range(int(rule.split()[1])))
    zips = [rule.removeprefix("zip ").split(", ") for rule in kept if rule.startswith("zip")]
    for places in itertools.product(*(range(len(values)) for values in axes.values())):
        at = dict(zip(axes, places, strict=True))
        if all(at[one] == at[two] for one, two in zips):
            point: Point | None = {name: axes[name][place] for name, place in at.items()}
            for rule in kept:
                point = space.keeps[rule](point) if rule in space.keeps and point is not None else point
            if point is not None:
                yield point


def keyed(points: Iterator[Point], keys: dict[Any, str]) -> set[tuple[tuple[str, str], ...]]:
    """Return what tells points apart; `keys` remembers the texts of values, which take long."""

    def text(value: Any) -> str:
        known = (type(value), repr(value))
        if known not in keys:
            keys[known] = key_of(value)
        return keys[known]

    return {tuple(sorted((name, text(value)) for name, value in point.items())) for point in points}


def flat(point: Point) -> Point:
    """Return a configuration by names with slashes, values that are mappings kept."""
    found: Point = {}
    for name, value in point.items():
        nested = flat(value) if isinstance(value, dict) and name in ("opt", "deep", "train") else None
        found |= {name: value} if nested is None else {f"{name}/{inner}": item for inner, item in nested.items()}
    return found


@pytest.mark.parametrize("part", range(4))
def test_the_count_is_that_of_an_enumeration_for_every_space_up_to_5000_points(part: int) -> None:
    random = Random(part)
    sizes = [*range(1, 13), *(random.randint(1, 500) for _ in range(30)), random.randint(500, LARGEST), LARGEST]
    for size in sizes:
        check(random, size)


def check(random: Random, size: int) -> None:
    space = space_of(random, size)
    rows = [ParameterDraft(name, its.entry) for name, its in space.axes.items()]
    random.shuffle(rows)
    top: dict[str, Any] = {
        "program": "train.py",
        "method": space.method,
        "metric": {"name": "loss", "goal": "minimize"},
    }
    draft = SweepDraft({**top, "parameters": None}, rows)
    draft.rules = [RuleLine(rule) for rule in space.rules]
    compiled = draft.compiled()
    kept = [effect.line.text for effect in compiled.effects if effect.into is not None]
    points = list(enumerated(space, kept))
    keys: dict[Any, str] = {}
    distinct = keyed(iter(points), keys)
    config = draft.config()
    assert violations(config) == []

    counted = SearchSpace.from_config(config)
    assert counted.unique_count == len(distinct), (space, kept)
    if not kept:
        assert counted.raw_count == len(points) == math.prod(len(its.written) for its in space.axes.values())
    listed = list(counted.points())
    assert keyed((flat(unpacked(point, config)) for point in listed), keys) == distinct

    cap = random.choice([None, None, 1, random.randint(1, LARGEST), len(distinct)])
    if cap is not None:
        draft.set("run_cap", cap)
        config = draft.config()
    prior = random.sample(listed, random.choice([0, 0, 1, len(listed) // 3, len(listed)]))
    expected = min(len(listed) - len(prior), LARGEST if cap is None else cap)
    runs = [RunRecord(f"r{at}", "", RunState.FINISHED, with_members(point, config)) for at, point in enumerate(prior)]
    done = coverage(config, [*runs, *runs[:2], RunRecord("x", "", RunState.FINISHED, {"other": 1})])
    assert (len(done.numbers), done.left) == (len(prior), expected)
    assert count_text_of(config, compiled, prior_points=len(done.numbers)).runs == expected
    if not prior:
        assert make_plan(config, 0).run_count == expected
    if expected <= (5 if space.method == "bayes" else 400):
        # So many are handed out, each once; the search takes a thousand times as long as the count.
        search = build_optimizer(config)
        for at, point in enumerate(prior):
            search.tell_prior(ObservedRun(f"r{at}", point))
        asked = search.ask(expected + 1) or []
        assert len(asked) == expected
        assert len({repr(sorted(flat_items(each.config))) for each in asked}) == expected
