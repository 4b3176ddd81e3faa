"""What a rule may go on with while it is typed, and how each kind of rule begins for a given sweep. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from trainer.records import Json
from trainer.sweep.rule_expressions import FUNCTIONS, spellings
from trainer.sweep.rules import Path

Leaf = tuple[Path, Json]
_WORD = re.compile(r"[A-Za-z_][\w./-]*$")
_COMPARED = re.compile(r"(?P<name>[A-Za-z_][\w./-]*)\s*(?:==?|!=)\s*(?P<typed>\"[^\"]*|[A-Za-z]\w*)$")
_ONLY_IF = re.compile(r"^\s*(?P<members>[A-Za-z_][\w./,\s-]*?)\s+(?P<typed>o|on|onl|only|only |only i)$")
_STARTS = ("zip", "seeds")
_WORDS = ("and", "or", "not", "in", "else", *FUNCTIONS)


def completion(text: str, leaves: Sequence[Leaf]) -> str:
    """Return what `text` may become when the word at its end is completed; the text itself if nothing fits.

    Args:
        text: A rule as far as it is typed.
        leaves: The parameters there are.
    """
    names = spellings([path for path, _ in leaves])
    compared = _COMPARED.search(text)
    if compared is not None and compared["name"] in names:
        path = names[compared["name"]]
        typed: str = compared["typed"].lstrip('"')
        for value in _texts(dict(leaves)[path]):
            if value.startswith(typed):
                return f'{text[: compared.start("typed")]}"{value}"'
    conditional = _ONLY_IF.match(text)
    if conditional is not None:
        return text[: conditional.start("typed")] + "only if "
    word = _WORD.search(text)
    if word is None:
        return text
    starts = _STARTS if not text[: word.start()].strip() else ()
    candidates: list[str] = [*names, *starts, *_WORDS]
    for candidate in candidates:
        if candidate.startswith(word[0]) and candidate != word[0]:
            return text[: word.start()] + candidate
    return text


def templates(leaves: Sequence[Leaf]) -> dict[str, str]:
    """Return a rule to begin with for each kind, with parameters of the sweep where it has fitting ones."""
    listed = [(path, entry["values"]) for path, entry in leaves if isinstance(entry, Mapping) and _is_list(entry)]
    zipped = _alike(listed) or ["lr", "batch_size"]
    choices = [(path, texts) for path, texts in ((path, _texts(entry)) for path, entry in leaves) if texts]
    condition, value = ("/".join(choices[0][0]), choices[0][1][0]) if choices else ("optimizer", "sgd")
    others = ["/".join(path) for path, _ in listed if "/".join(path) != condition] or ["momentum"]
    numbers = [path for path, entry in leaves if _numbers(entry)]
    left, right = ["/".join(path) for path in numbers[:2]] if len(numbers) > 1 else ["batch_size", "accumulation"]
    largest = [_largest(dict(leaves)[path]) for path in numbers[:2]] if len(numbers) > 1 else [512]
    return {
        "zip": f"zip {zipped[0]}, {zipped[1]}",
        "only if": f'{others[-1]} only if {condition} == "{value}"',
        "formula": f"{left} * {right} <= {max(largest):g}",
        "seeds": "seeds 5",
    }


def _is_list(entry: Mapping[str, Json]) -> bool:
    values = entry.get("values")
    return isinstance(values, list) and len(values) > 1


def _alike(listed: Sequence[tuple[Path, Json]]) -> list[str]:
    """Return two parameters with lists of one length, or just two."""
    by_length: dict[int, list[str]] = {}
    for path, values in listed:
        by_length.setdefault(len(values) if isinstance(values, list) else 0, []).append("/".join(path))
    pair = next((names[:2] for names in by_length.values() if len(names) > 1), None)
    return pair or (["/".join(path) for path, _ in listed[:2]] if len(listed) > 1 else [])


def _texts(entry: Json) -> list[str]:
    values = entry.get("values") if isinstance(entry, Mapping) else None
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def _numbers(entry: Json) -> list[float]:
    if not isinstance(entry, Mapping):
        return []
    values = entry.get("values")
    listed = values if isinstance(values, list) else [entry.get("min"), entry.get("max")]
    numbers = [value for value in listed if isinstance(value, int | float) and not isinstance(value, bool)]
    if isinstance(values, list):
        return numbers if len(numbers) == len(values) > 1 else []
    # A range without steps cannot be tied to others.
    return numbers if len(numbers) == 2 and all(isinstance(value, int) for value in numbers) else []


def _largest(entry: Json) -> float:
    return max(_numbers(entry))
