"""Keys and passwords where all the world sees them: in a sweep's values, or on the command line of its runs.

What is found is never quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from trainer.records import Json
from trainer.sweep.command import command_of
from trainer.sweep.findings import Findings, join

_WANDB_KEY = re.compile(r"wandb_v1_\w{20,}|\blocal-[0-9a-f]{40}\b")
"""W&B's keys of today, and the embedded server's; those of before look like any hash of 40 digits."""
_OLD_KEY = re.compile(r"[0-9a-f]{40}")
_SECRET_NAME = re.compile(r"(api_?key|token|secret|passw(or)?d)$", re.IGNORECASE)
_FROM_ENVIRONMENT = re.compile(r"\$\{envvar:(\w+)\}")


def advise_on_keys(config: Mapping[str, Json], findings: Findings) -> None:
    """Add what looks like a key, and what would put one on a command line."""
    for path, name, text in _texts(config.get("parameters"), "parameters", ""):
        if _WANDB_KEY.search(text) or (_SECRET_NAME.search(name) and _OLD_KEY.fullmatch(text)):
            findings.add(
                path,
                "This looks like an API key: everybody who may see the sweep or a run of it sees it.",
                "Take it out, and make a new one; programs find theirs in WANDB_API_KEY.",
                code="key-in-sweep",
            )
    for index, item in enumerate(command_of(config)):
        for name in _FROM_ENVIRONMENT.findall(item):
            if _SECRET_NAME.search(name):
                findings.add(
                    f"command[{index}]",
                    f"This puts {name} on the command line, where every list of processes and the run show it.",
                    "Leave it out: the program has it in its environment.",
                    code="key-on-command-line",
                )


def _texts(node: Json, path: str, name: str) -> Iterator[tuple[str, str, str]]:
    """Yield every text below a node: its path, the name of its parameter, and itself."""
    if isinstance(node, str):
        yield path, name, node
    elif isinstance(node, Mapping):
        for key, value in node.items():
            inner = name if key in ("value", "values", "parameters") else str(key)
            yield from _texts(value, join(path, str(key)), inner)
    elif isinstance(node, list):
        for index, value in enumerate(node[:1000]):
            yield from _texts(value, f"{path}[{index}]", name)
