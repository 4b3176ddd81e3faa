"""Parameters written as calls: `normal(0, 1)`, `beta(a=2, b=5)`, `linspace(0, 1, 5)`. Pure.

Distributions go by W&B's names and by those of Python, numpy, Ray Tune and Hyperopt; series by those of numpy.
"""

from __future__ import annotations

import re

from trainer.records import Json
from trainer.sweep.findings import nearest
from trainer.sweep.parameters import DISTRIBUTIONS, Distribution
from tui.conversion import Entry
from tui.series import NUMBER, arithmetic, between, number_of, powers, ratios
from tui.shorthand_values import ShorthandError, parse_items, parse_value, value_text

_CALL = re.compile(
    r"^(?:np\.|numpy\.|tune\.|random\.|hp\.)?(?P<name>[A-Za-z_][A-Za-z_0-9]*)\s*\((?P<arguments>.*)\)$", re.DOTALL
)
_KEYWORD = re.compile(r"^\s*(?P<name>[a-z]+)\s*=\s*(?P<value>.*)$", re.DOTALL)
_ALIASES = {
    "u": "uniform",
    "loguniform": "log_uniform_values",
    "quniform": "q_uniform",
    "qloguniform": "q_log_uniform_values",
    "n": "normal",
    "gauss": "normal",
    "gaussian": "normal",
    "qnormal": "q_normal",
    "qrandn": "q_normal",
    "randn": "normal",
    "lognormal": "log_normal",
    "lognormvariate": "log_normal",
    "qlognormal": "q_log_normal",
    "betavariate": "beta",
    "choice": "categorical",
}
"""What the distributions are called by Python, numpy, Ray Tune and Hyperopt, where the numbers mean the same."""
_SERIES = {
    "range": "range(1, 10, 2)",
    "arange": "arange(0, 1, 0.1)",
    "linspace": "linspace(0, 1, 5)",
    "logspace": "logspace(-5, -1, 5)",
    "geomspace": "geomspace(1e-5, 0.1, 5)",
}
"""Series by name, each with an example."""


def call_entry(text: str) -> Entry | None:
    """Return the entry of `normal(0, 1)`, `linspace(0, 1, 5)` and the like; None if the text is no call."""
    call = _CALL.match(text)
    if call is None:
        return None
    name, arguments = call["name"], call["arguments"]
    lower = name.lower()
    if lower in _SERIES:
        return _series_entry(lower, arguments)
    if lower in ("randint", "qrandint", "lograndint"):
        raise ShorthandError("Libraries differ on whether randint has its upper end in.", hint="Try `1..10`.")
    distribution = DISTRIBUTIONS.get(_ALIASES.get(lower, lower))
    if distribution is None:
        near = nearest(lower, [*DISTRIBUTIONS, *_SERIES])
        hint = f"Did you mean `{near}`?" if near else "Try `normal(0, 1)`."
        raise ShorthandError(f"There is no distribution {name}.", hint=f"{hint} Quote the text if it is one.")
    return _distribution_entry(distribution, arguments)


def _distribution_entry(distribution: Distribution, arguments: str) -> Entry:
    entry: Entry = {"distribution": distribution.name}
    if distribution.name in ("constant", "categorical"):
        items = parse_items(arguments)
        if distribution.name == "categorical":
            is_one_list = len(items) == 1 and isinstance(items[0], list) and not arguments.strip().endswith(",")
            return entry | {"values": items[0] if is_one_list else items}
        return entry | ({"value": items[0]} if len(items) == 1 else {})
    if distribution.name == "categorical_w_probabilities":
        return entry | weighted_entry(parse_items(arguments))
    positional = list(distribution.fields)
    for argument in arguments.split(",") if arguments.strip() else ():
        keyword = _KEYWORD.match(argument)
        if keyword:
            name, text = keyword["name"], keyword["value"]
        elif positional:
            name, text = positional[0].name, argument
        else:
            raise ShorthandError(
                f"{distribution.name} takes no more than {len(distribution.fields)} numbers.",
                hint=f"Try `{_example(distribution)}`.",
            )
        if not text.strip() or distribution.field(name) is None:
            names = ", ".join(field.name for field in distribution.fields)
            raise ShorthandError(f"{distribution.name} takes {names}.", hint=f"Try `{_example(distribution)}`.")
        positional = [field for field in positional if field.name != name]
        entry[name] = parse_value(text)
    return entry


def _example(distribution: Distribution) -> str:
    numbers = {"min": "0.1", "max": "1", "mu": "0", "sigma": "1", "a": "2", "b": "5", "q": "0.1"}
    if distribution.name == "int_uniform":
        numbers |= {"min": "1", "max": "10"}
    return f"{distribution.name}({', '.join(numbers.get(field.name, '1') for field in distribution.fields)})"


def _series_entry(name: str, arguments: str) -> Entry:
    example = f"Try `{_SERIES[name]}`."
    numbers = []
    for argument in map(str.strip, arguments.split(",") if arguments.strip() else ()):
        text = argument.rpartition("=")[2].strip()
        if not re.fullmatch(NUMBER, text):
            raise ShorthandError(f"{name} takes numbers, not {argument or 'nothing'}.", hint=example)
        numbers.append(number_of(text))
    least, most = (1, 3) if name in ("range", "arange") else (2, 4 if name == "logspace" else 3)
    if not least <= len(numbers) <= most:
        raise ShorthandError(f"{name} takes {least} to {most} numbers, not {len(numbers)}.", hint=example)
    if name in ("range", "arange"):
        start, stop, step = (0, *numbers, 1) if len(numbers) == 1 else (*numbers, 1)[:3]
        is_whole = all(isinstance(number, int) for number in (start, stop))
        if is_whole and step == 1 and isinstance(step, int) and start < stop:
            return {"min": start, "max": stop - 1} if stop - start > 1 else {"values": [start]}
        return {"values": arithmetic(start, stop, step, with_stop=False)}
    if len(numbers) == 2:
        raise ShorthandError(f"{name} needs the number of values.", hint=example)
    if name == "logspace":
        return {"values": powers(*numbers)}
    return {"values": (between if name == "linspace" else ratios)(*numbers)}


def weighted_entry(items: list[Json]) -> Entry:
    """Return the entry of `small @ 0.8, large @ 0.2`.

    Raises:
        ShorthandError: If one of them has no probability.
    """
    values: list[Json] = []
    probabilities: list[Json] = []
    for item in items:
        value, at, share = str(item).rpartition("@") if isinstance(item, str) else ("", "", "")
        if not at:
            raise ShorthandError(f"{value_text(item)} has no probability.", hint="Try `small @ 0.8, large @ 0.2`.")
        values.append(parse_value(value))
        probabilities.append(parse_value(share))
    return {"values": values, "probabilities": probabilities}
