"""Imports of a program: which files of the project they name, and when these are followed."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path

from trainer.programs.expressions import Expressions
from trainer.programs.sources import module_file
from trainer.programs.values import UNKNOWN, External, Frame, LazyName, Module, Value

_RUN_WHEN_IMPORTED = re.compile(r"DEFINE_\w+\(|ConfigStore|register_config|\bstore\(")
"""What a module may do at its import that matters although nobody uses a name of it."""


class Imports(Expressions):
    """What the evaluator knows of modules."""

    modules: dict[Path, Module]
    externals: Mapping[str, Value]

    def import_module(self, dotted: str, module: Module, level: int = 0) -> Value:
        """Return a module by its name; of the project if a file has it, else an `External`."""
        if level:
            parts = module.package.split(".") if module.package else []
            kept = parts[: len(parts) - (level - 1)] if level > 1 else parts
            full = ".".join([*kept, *([dotted] if dotted else [])])
            found = self._relative_file(module, dotted, level) or (self.project.find_module(full) if full else None)
            dotted = full or dotted
        else:
            found = self.project.find_module(dotted)
        if found is None:
            return External(dotted) if dotted else UNKNOWN
        return self._module_at(found, dotted)

    def _relative_file(self, module: Module, dotted: str, level: int) -> Path | None:
        folder = module.source.path.parent
        for _ in range(level - 1):
            folder = folder.parent
        if not dotted:
            init = folder / "__init__.py"
            return init if init.is_file() else None
        return module_file(folder.joinpath(*dotted.split(".")))

    def _module_at(self, path: Path, dotted: str) -> Value:
        if path in self.modules:
            return self.modules[path]
        source = self.project.read(path)
        if source is None:
            return UNKNOWN
        package = dotted if path.name == "__init__.py" else dotted.rpartition(".")[0]
        module = Module(source, dotted, package)
        self.modules[path] = module
        if _RUN_WHEN_IMPORTED.search(source.text):
            self._run_module(module)
        return module

    def _run_module(self, module: Module) -> None:
        if module.is_run:
            return
        module.is_run = True
        module.scope["__name__"] = module.name
        module.scope["__file__"] = str(module.source.path)
        self.execute(module.source.tree.body, Frame(module, ()))

    def module_attribute(self, module: Module, name: str) -> Value:
        """Return a name of a module, running it first; a submodule where there is no such name."""
        self._run_module(module)
        if name in module.scope:
            return module.scope[name]
        if module.source.path.name == "__init__.py":
            submodule = self.import_module(name, module, level=1)
            if isinstance(submodule, Module):
                return submodule
        return UNKNOWN

    def _import(self, node: ast.Import | ast.ImportFrom, frame: Frame) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = self.import_module(alias.name, frame.module)
                if alias.asname:
                    self._bind(alias.asname, whole, frame)
                else:
                    self._bind(alias.name.split(".")[0], self._top_of(alias.name, frame.module), frame)
            return
        module = self.import_module(node.module or "", frame.module, node.level)
        for alias in node.names:
            if alias.name == "*":
                if isinstance(module, Module):
                    self._run_module(module)
                    frame.local.update({k: v for k, v in module.scope.items() if not k.startswith("_")})
                continue
            self._bind(alias.asname or alias.name, self._imported(module, alias.name, node, frame), frame)

    def _top_of(self, dotted: str, module: Module) -> Value:
        top = dotted.split(".")[0]
        return self.import_module(top, module) if self.project.find_module(top) else External(top)

    def _imported(self, module: Value, name: str, node: ast.ImportFrom, frame: Frame) -> Value:
        if isinstance(module, Module):
            return LazyName(module, name)
        if isinstance(module, External):
            if node.level == 0 and self.project.find_module(f"{module.name}.{name}"):
                return self.import_module(f"{module.name}.{name}", frame.module)
            return self.external(f"{module.name}.{name}")
        # `from . import options` in a folder without __init__.py.
        return self.import_module(name, frame.module, node.level) if node.level and not node.module else UNKNOWN

    def _bind(self, name: str, value: Value, frame: Frame) -> None:
        target = frame.module.scope if name in frame.global_names else frame.local
        target[name] = value

    def external(self, name: str) -> Value:
        """Return a name outside of the project."""
        return self.externals.get(name, External(name))
