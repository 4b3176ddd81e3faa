"""The user's own keys: reads `keymap.yaml` in the configuration folder. Owns no binding; widgets and screens do.

The file maps binding ids, which the help screen shows, to keys: `app.quit: ctrl+x` or `sweeps.new: n,ctrl+n`.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path

from textual.binding import Binding
from textual.dom import DOMNode

from trainer.errors import InputError

KEYMAP_FILE_NAME = "keymap.yaml"


def load_keymap(path: Path) -> dict[str, str]:
    """Read a keymap: binding id to keys, several separated by commas.

    Returns:
        The keymap; empty if the file does not exist.

    Raises:
        InputError: If the file cannot be read, or is not a mapping of texts to texts.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read: {error}.", hint="Mend or remove it; default keys are used."
        ) from error
    # Most users have no keymap: yaml (20 ms) is not imported for them before the first paint.
    import yaml

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark is not None else ""
        raise InputError(
            f"{path} is not YAML: {place}{getattr(error, 'problem', None) or error}.", hint="Default keys are used."
        ) from error
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(part, str) for item in content.items() for part in item):
        raise InputError(f"{path} must map binding ids to keys.", hint="Write lines such as `app.quit: ctrl+x`.")
    return content


def unknown_ids(keymap: Mapping[str, str], known: Collection[str]) -> list[str]:
    """Return one sentence for each id of the keymap that no binding has, with the nearest id that exists."""
    problems = []
    for unknown in sorted(set(keymap) - set(known)):
        nearest = difflib.get_close_matches(unknown, known, n=1)
        problems.append(f"No key binding is called {unknown!r}." + (f" Perhaps {nearest[0]!r}?" if nearest else ""))
    return problems


def known_binding_ids(node: type[DOMNode] = DOMNode) -> set[str]:
    """Return the ids of the bindings of every screen and widget class that has been imported."""
    ids = {item.id for item in vars(node).get("BINDINGS", ()) if isinstance(item, Binding) and item.id}
    for child in node.__subclasses__():
        ids |= known_binding_ids(child)
    return ids
