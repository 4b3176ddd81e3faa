"""Finds the module of a frame at once while imports are under way; `inspect.getmodule` goes through all modules for it.

pydantic looks for the text of every class that it makes, on the way through the frames of the import system. With the
2,000 modules of a scientific program that is half the CPU of `import wandb` (SDK 0.31, pydantic 2).
"""

from __future__ import annotations

import inspect
import sys
from typing import Any


class QuickModuleLookup:
    """Makes `inspect.getmodule` quick for frames as long as its block runs. Its answers stay the same."""

    def __init__(self) -> None:
        self._getmodule = inspect.getmodule

    def __enter__(self) -> None:
        inspect.getmodule = self._look_up  # type: ignore[assignment]

    def __exit__(self, *_: object) -> None:
        inspect.getmodule = self._getmodule

    def _look_up(self, item: Any, _filename: Any = None) -> Any:
        if inspect.isframe(item):
            file = item.f_code.co_filename
            if file.startswith("<frozen "):
                return None  # of the import system: no module has such a file
            module = sys.modules.get(item.f_globals.get("__name__", ""))
            if getattr(module, "__dict__", None) is item.f_globals and getattr(module, "__file__", "") == file:
                return module
        return self._getmodule(item, _filename)
