"""What a program will import, read from its text without running it. Pure: imports and changes nothing.

Only what is certain to happen at the start counts: statements at the top level of the program and of the modules
beside it. Modules beside the program are read but never imported ahead: they are what people edit between runs, and
what acts when it is imported. Reading ends where the program changes what later imports would do: its environment in
a way that cannot be read off, the search path, patches of other modules.
"""

from __future__ import annotations

import ast
import os
from typing import List, NamedTuple, Optional, Tuple  # noqa: UP035  (3.8 evaluates the aliases below)

MAX_FILES = 300
MAX_BYTES = 2_000_000
DECLARATION = "__warm_imports__"
"""A program that imports inside functions may name here, as literal strings, what to import ahead."""

_ENVIRONMENT_CALLS = {"update", "pop", "clear", "popitem", "setdefault", "__setitem__", "__delitem__"}
_DECISIVE_CALLS = {"putenv", "unsetenv", "load_dotenv", "addsitedir", "monkey_patch", "set_loader"}
_PATH_CALLS = {"insert", "append", "extend", "remove", "pop", "clear"}


class Step(NamedTuple):
    """One thing to do ahead, in the program's order."""

    kind: str
    """`import`, `set` (an environment variable), or `default` (one that is set unless it is there)."""
    name: str
    detail: Tuple[str, ...] = ()
    """Of an import, the names taken from the module, which may be modules; else the variable's value."""


class Reading(NamedTuple):
    """What can be done ahead, and why no more."""

    steps: Tuple[Step, ...]
    ended: str = ""
    """Where and why reading ended early; empty when all was read."""


def read_program(path: str, search_folder: str, package: str = "") -> Reading:
    """Read a program.

    Args:
        path: The file that becomes `__main__`.
        search_folder: Where the program's own modules are: its folder, or the working folder under `-m`.
        package: Dotted name of the package it belongs to under `-m`; empty for a script.
    """
    reader = _Reader(search_folder)
    try:
        reader.read_file(path, package)
    except _EndOfReading as end:
        reader.ended = str(end)
    return Reading(tuple(reader.steps + reader.declared), reader.ended)


class _EndOfReading(Exception):  # noqa: N818
    """Ends reading; the message says where and why."""


class _Reader:
    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._seen: set[str] = set()
        self.steps: List[Step] = []
        self.declared: List[Step] = []
        self.ended = ""

    def read_file(self, path: str, package: str) -> None:
        real = os.path.realpath(path)
        if real in self._seen or len(self._seen) >= MAX_FILES:
            return
        self._seen.add(real)
        try:
            if os.path.getsize(path) > MAX_BYTES:
                return
            with open(path, "rb") as stream:
                tree = ast.parse(stream.read(), path)
        except (OSError, SyntaxError, ValueError, RecursionError) as error:
            # The program itself will say it better, when it runs.
            raise _EndOfReading(f"{os.path.basename(path)} cannot be read: {error}") from error
        _FileReader(self, path, package, tree).read()

    def local_files(self, dotted: str) -> List[Tuple[str, str]]:
        """Return the files that an import of a module of the program runs, each with its package."""
        files = []
        folder, package = self._folder, ""
        for part in dotted.split("."):
            base = os.path.join(folder, part)
            package = package + "." + part if package else part
            if os.path.isfile(os.path.join(base, "__init__.py")):
                files.append((os.path.join(base, "__init__.py"), package))
                folder = base
            elif os.path.isfile(base + ".py"):
                files.append((base + ".py", package.rpartition(".")[0]))
                break
            elif os.path.isdir(base) and _holds_python(base):
                folder = base
            else:
                break
        return files

    def is_local(self, dotted: str) -> bool:
        base = os.path.join(self._folder, dotted.partition(".")[0])
        return os.path.isfile(base + ".py") or (os.path.isdir(base) and _holds_python(base))

    def import_module(self, dotted: str, names: Tuple[str, ...] = ()) -> None:
        if not self.is_local(dotted):
            if dotted.partition(".")[0] != "__future__":
                self.steps.append(Step("import", dotted, tuple(name for name in names if name != "*")))
            return
        for target in (dotted, *(dotted + "." + name for name in names)):
            for path, package in self.local_files(target):
                self.read_file(path, package)


class _FileReader:
    def __init__(self, reader: _Reader, path: str, package: str, tree: ast.Module) -> None:
        self._reader = reader
        self._path = path
        self._package = package
        self._tree = tree
        self._acting = {
            node.name
            for node in tree.body
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _decisive(node, frozenset())
        }

    def read(self) -> None:
        self._visit(self._tree.body)

    def _visit(self, statements: List[ast.stmt]) -> None:
        for statement in statements:
            if isinstance(statement, ast.Import):
                for alias in statement.names:
                    self._reader.import_module(alias.name)
            elif isinstance(statement, ast.ImportFrom):
                self._import_from(statement)
            elif isinstance(statement, ast.If):
                self._visit_if(statement)
            elif isinstance(statement, ast.Try):
                self._visit(statement.body + statement.orelse + statement.finalbody)
            elif isinstance(statement, ast.With):
                self._check(ast.Module([ast.Expr(item.context_expr) for item in statement.items], []), statement)
                self._visit(statement.body)
            elif not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                self._visit_other(statement)

    def _visit_if(self, statement: ast.If) -> None:
        test = _text(statement.test)
        if "TYPE_CHECKING" in test:
            self._visit(statement.orelse)
        elif "__name__" in test or "sys.version_info" in test or "sys.platform" in test or "os.name" in test:
            self._visit(statement.body + statement.orelse)
        else:
            # It may not come to that, so nothing is done ahead; but what it does may matter to what follows.
            self._check(statement, statement)

    def _visit_other(self, statement: ast.stmt) -> None:
        step = _environment_step(statement)
        if step is not None:
            self._reader.steps.append(step)
            return
        declared = _declared(statement)
        if declared is not None:
            self._reader.declared += [Step("import", name) for name in declared]
            return
        self._check(statement, statement)

    def _check(self, node: ast.AST, statement: ast.stmt) -> None:
        reason = _decisive(node, frozenset(self._acting))
        if reason:
            place = f"{os.path.basename(self._path)} line {statement.lineno}"
            raise _EndOfReading(f"{place} {reason}")

    def _import_from(self, statement: ast.ImportFrom) -> None:
        names = tuple(alias.name for alias in statement.names)
        module = statement.module or ""
        if statement.level:
            parts = self._package.split(".") if self._package else []
            kept = parts[: len(parts) - statement.level + 1]
            if not kept:
                return
            module = ".".join(kept + ([module] if module else []))
        self._reader.import_module(module, names)


def _decisive(node: ast.AST, acting: frozenset[str]) -> str:
    """Return what a piece of program does that later imports could depend on; empty for nothing."""
    for item in ast.walk(node):
        if isinstance(item, ast.Subscript) and isinstance(item.ctx, (ast.Store, ast.Del)):
            if _ends_with(item.value, "environ"):
                return "changes its environment"
            if _ends_with(item.value, "path") and _text(item.value) == "sys.path":
                return "changes sys.path"
        if isinstance(item, (ast.Assign, ast.AugAssign)):
            targets = item.targets if isinstance(item, ast.Assign) else [item.target]
            if any(_text(target) in ("sys.path", "os.environ") for target in targets):
                return "changes sys.path or its environment"
        if isinstance(item, ast.Call):
            reason = _decisive_call(item, acting)
            if reason:
                return reason
    return ""


def _decisive_call(call: ast.Call, acting: frozenset[str]) -> str:
    function = call.func
    name = (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )
    if isinstance(function, ast.Attribute):
        if name in _ENVIRONMENT_CALLS and _ends_with(function.value, "environ"):
            return "changes its environment"
        if name in _PATH_CALLS and _text(function.value) == "sys.path":
            return "changes sys.path"
    if name in _DECISIVE_CALLS or "patch_all" in name:
        return f"calls {name}"
    if isinstance(function, ast.Name) and name in acting:
        return f"calls {name}, which changes its environment or its search path"
    return ""


def _environment_step(statement: ast.stmt) -> Optional[Step]:
    """Return the step for `os.environ["A"] = "b"` and `os.environ.setdefault("A", "b")`."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Subscript) and _ends_with(target.value, "environ"):
            # Python 3.8 wraps the index.
            key, value = _string(getattr(target.slice, "value", target.slice)), _string(statement.value)
            key = key if key is not None else _string(target.slice)
            if key is not None and value is not None:
                return Step("set", key, (value,))
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value
        if (
            isinstance(call.func, ast.Attribute)
            and call.func.attr == "setdefault"
            and _ends_with(call.func.value, "environ")
            and len(call.args) == 2
        ):
            key, value = _string(call.args[0]), _string(call.args[1])
            if key is not None and value is not None:
                return Step("default", key, (value,))
    return None


def _declared(statement: ast.stmt) -> Optional[List[str]]:
    if not (isinstance(statement, ast.Assign) and [_text(target) for target in statement.targets] == [DECLARATION]):
        return None
    try:
        return [str(item) for item in ast.literal_eval(statement.value)]
    except (ValueError, TypeError):
        return None


def _string(node: object) -> Optional[str]:
    if isinstance(node, str):
        # The constant behind a wrapped index.
        return node
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _ends_with(node: ast.AST, name: str) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == name) or (isinstance(node, ast.Name) and node.id == name)


def _text(node: ast.AST) -> str:
    """Return a dotted name, or the names within an expression, as text."""
    if isinstance(node, ast.Attribute):
        return _text(node.value) + "." + node.attr
    if isinstance(node, ast.Name):
        return node.id
    return " ".join(_text(child) for child in ast.iter_child_nodes(node))


def _holds_python(folder: str) -> bool:
    try:
        return any(
            name.endswith(".py") or os.path.isfile(os.path.join(folder, name, "__init__.py"))
            for name in os.listdir(folder)
        )
    except OSError:
        return False
