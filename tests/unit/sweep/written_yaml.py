"""Random sweep files as people write them, and random edits of what they say. Material for property tests."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from random import Random
from typing import Any

from trainer.sweep.yaml_style import flow_yaml

WORDS = [
    "lr",
    "optimizer",
    "max_depth",
    "a b",
    "x.y",
    "batch_size",
    "n",
    "123",
    "ü",
    "no",
    "dropout",
    "- s",
    "k:v",
    "q",
]
TEXTS = [
    "wine",
    "a: b",
    "it's",
    'say "x"',
    "# no comment",
    "",
    "1e-5",
    "true",
    "ä ö 😀",
    "two\nlines",
    "x, y",
    "${env}",
    " s ",
]


def random_value(random: Random, depth: int = 0) -> Any:
    kind = random.random()
    if depth < 3 and kind < 0.25:
        keys = random.sample(WORDS, random.randint(0, 4))
        return {key: random_value(random, depth + 1) for key in keys}
    if depth < 3 and kind < 0.45:
        return [random_value(random, depth + 2) for _ in range(random.randint(0, 4))]
    return random.choice([1, 0, -5, 2.5, 1e-5, True, False, None, 1e300, random.choice(TEXTS), random.choice(TEXTS)])


def random_config(random: Random) -> dict[str, Any]:
    config: dict[str, Any] = {"method": random.choice(["grid", "random"]), "name": random.choice(TEXTS)}
    names = random.sample(WORDS, random.randint(1, 6))
    config["parameters"] = {name: _random_entry(random) for name in names}
    if random.random() < 0.5:
        config["command"] = ["${env}", "python", "${program}", "${args}"][: random.randint(1, 4)]
    for key in random.sample(["metric", "early_terminate", "description", "x-own"], random.randint(0, 3)):
        config[key] = random_value(random)
    items = list(config.items())
    random.shuffle(items)
    return dict(items)


def _random_entry(random: Random) -> dict[str, Any]:
    return random.choice(
        [
            {"values": [random_value(random, 3) for _ in range(random.randint(1, 5))]},
            {"min": 1, "max": random.randint(2, 9)},
            {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1},
            {"value": random_value(random)},
            {"parameters": {"lr": {"min": 0.1, "max": 1}, "beta": {"values": [1, 2]}}},
        ]
    )


@dataclass
class Writer:
    """Writes a configuration by hand, with a comment for each key: `#<path>#`."""

    random: Random
    lines: list[str] = field(default_factory=list)

    def write(self, config: dict[str, Any]) -> str:
        self.step = self.random.choice([2, 2, 2, 3, 4])
        if self.random.random() < 0.5:
            self.lines += ["# Header of the file", "#: an old note" if self.random.random() < 0.2 else "#", ""]
        self._mapping(config, 0, "")
        newline = self.random.choice(["\n", "\n", "\n", "\r\n"])
        text = newline.join(self.lines)
        return text + ("" if self.random.random() < 0.1 else newline)

    def _mapping(self, mapping: dict[str, Any], column: int, path: str) -> None:
        for key, value in mapping.items():
            here = f"{path}/{key}"
            if self.random.random() < 0.15:
                self.lines.append("")
            comment = self.random.random()
            if comment < 0.3:
                self.lines.append(f"{' ' * column}#<{here}>#")
            line = " " * column + self._key(key) + ":"
            trailing = f"  #<{here}>#" if 0.3 <= comment < 0.6 else ""
            self._value(line, trailing, value, column, here)
            if self.random.random() < 0.05:
                self.lines.append(f"{' ' * column}# between")

    def _key(self, key: str) -> str:
        return (
            flow_yaml({key: 1}).removeprefix("{").removesuffix(": 1}") if self.random.random() < 0.9 else _double(key)
        )

    def _value(self, line: str, trailing: str, value: Any, column: int, path: str) -> None:
        if isinstance(value, dict) and value and self.random.random() < 0.8:
            self.lines.append(line + trailing)
            self._mapping(value, column + self.step, path)
        elif isinstance(value, list) and value and self.random.random() < 0.5:
            self.lines.append(line + trailing)
            indent = " " * (column + self.random.choice([0, self.step]))
            self.lines += [f"{indent}- {flow_yaml(item)}{self.random.choice(['', ' # item'])}" for item in value]
        elif isinstance(value, list) and len(value) > 1 and self.random.random() < 0.2:
            self.lines.append(f"{line} [{trailing}")
            self.lines += [f"{' ' * (column + 3)}{flow_yaml(item)}," for item in value]
            self.lines.append(f"{' ' * (column + 2)}]")
        elif value == "two\nlines" and self.random.random() < 0.5:
            indent = " " * (column + self.step)
            self.lines += [f"{line} |-{trailing}", f"{indent}two", f"{indent}lines"]
        elif isinstance(value, str) and self.random.random() < 0.3:
            self.lines.append(f"{line} {_double(value)}{trailing}")
        elif value is None and self.random.random() < 0.5:
            self.lines.append(line + trailing)
        else:
            self.lines.append(f"{line} {flow_yaml(value)}{trailing}")


def _double(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def random_edit(random: Random, config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration with one thing changed."""
    changed = copy.deepcopy(config)
    mapping: Any = changed
    while random.random() < 0.6:
        inner = [value for value in mapping.values() if isinstance(value, dict) and value]
        if not inner:
            break
        mapping = random.choice(inner)
    key = random.choice(list(mapping))
    kind = random.choice(["set", "set", "delete", "add", "rename", "move", "items"])
    if kind == "delete":
        del mapping[key]
    elif kind == "add":
        _rebuild(mapping, [*mapping.items()], random.randint(0, len(mapping)), ("new" + key, random_value(random)))
    elif kind == "rename":
        items = [("renamed" if each == key else each, value) for each, value in mapping.items()]
        mapping.clear()
        mapping.update(items)
    elif kind == "move":
        items = [(each, value) for each, value in mapping.items() if each != key]
        _rebuild(mapping, items, random.randint(0, len(items)), (key, mapping[key]))
    elif kind == "items" and isinstance(mapping[key], list):
        items = list(mapping[key])
        at = random.randint(0, len(items))
        items[at : at + random.randint(0, 2)] = [random_value(random, 2) for _ in range(random.randint(0, 2))]
        mapping[key] = items
    else:
        mapping[key] = random_value(random)
    return changed


def _rebuild(mapping: dict[str, Any], items: list[tuple[str, Any]], at: int, item: tuple[str, Any]) -> None:
    items.insert(at, item)
    mapping.clear()
    mapping.update(items)
