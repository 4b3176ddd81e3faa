"""The partial evaluator: follows a program's source as Python would run it, as far as values can be known.

Nothing of the program is executed. What is not of the project, what depends on the world, and what takes too long is
`UNKNOWN`; where a condition is unknown, both ways are followed. Readers say, in `handlers`, what the calls mean that
they care for: `argparse.ArgumentParser`, `click.option`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trainer.programs.imports import Imports
from trainer.programs.sources import Project, SourceFile
from trainer.programs.values import (
    NO_VALUE,
    UNKNOWN,
    Bound,
    ClassValue,
    Frame,
    Function,
    Handler,
    Instance,
    LazyName,
    Module,
    Tracked,
    Value,
)

MAX_STEPS = 60_000
MAX_DEPTH = 24
MAX_LOOPS = 400


class OutOfStepsError(Exception):
    """Following the program takes longer than it may."""


@dataclass(frozen=True, slots=True)
class Returned:
    """A statement that leaves the function."""

    value: Value


@dataclass(frozen=True, slots=True)
class Jumped:
    """A statement that leaves the loop or its turn."""


Outcome = Returned | Jumped | None


class Evaluator(Imports):
    """Follows one program."""

    def __init__(
        self, project: Project, handlers: Mapping[str, Handler], externals: Mapping[str, Value] | None = None
    ) -> None:
        """Create an evaluator.

        Args:
            project: The files it may read.
            handlers: What calls of functions outside of the project mean, by dotted name.
            externals: Values of names outside of the project.
        """
        self.project = project
        self.handlers = handlers
        self.externals = externals or {}
        self.modules: dict[Path, Module] = {}
        self.functions: list[Function] = []
        self.is_exhausted = False
        self._steps = 0
        self._depth = 0
        self._doubt = 0

    @property
    def is_certain(self) -> bool:
        """Whether what is being followed is reached in any case."""
        return self._doubt == 0

    @contextmanager
    def doubt(self) -> Iterator[None]:
        """Follow something that may not be reached."""
        self._doubt += 1
        try:
            yield
        finally:
            self._doubt -= 1

    def step(self) -> None:
        """Count a step.

        Raises:
            OutOfStepsError: If there were too many.
        """
        self._steps += 1
        if self._steps > MAX_STEPS or (self._steps % 256 == 0 and self.project.is_late):
            raise OutOfStepsError

    def run_program(self, source: SourceFile, module_name: str = "") -> Module:
        """Follow a file as the program; what it reached is with the readers."""
        package = module_name.rpartition(".")[0] if module_name else ""
        if source.path.name == "__main__.py" and module_name:
            package = module_name
        module = Module(source, "__main__", package)
        self.modules[source.path] = module
        self._guarded(lambda: self._run_module(module))
        return module

    def call_uncalled(self, module: Module) -> None:
        """Follow those functions of a module that nothing called, with arguments unknown."""
        for function in list(self.functions):
            if function.module is module and not function.is_called and not isinstance(function.node, ast.Lambda):
                with self.doubt():
                    self._guarded(lambda function=function: self.call_function(function, (), {}, UNKNOWN))

    def _guarded(self, action: object) -> None:
        assert callable(action)
        try:
            action()
        except (OutOfStepsError, RecursionError):
            self.is_exhausted = True
            self._depth = 0

    # Statements.

    def execute(self, body: Sequence[ast.stmt], frame: Frame) -> Outcome:
        """Follow statements until one leaves the block."""
        for statement in body:
            self.step()
            outcome = self._statement(statement, frame)
            if outcome is not None:
                return outcome
        return None

    def _statement(self, node: ast.stmt, frame: Frame) -> Outcome:  # noqa: C901 - one line for each kind
        match node:
            case ast.Expr():
                self.evaluate(node.value, frame)
            case ast.Assign():
                value = self.evaluate(node.value, frame)
                for target in node.targets:
                    self.assign(target, value, frame)
            case ast.AnnAssign():
                if node.value is not None:
                    self.assign(node.target, self.evaluate(node.value, frame), frame)
            case ast.AugAssign():
                self._augmented(node, frame)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.define_function(node, frame)
            case ast.ClassDef():
                self.define_class(node, frame)
            case ast.Import() | ast.ImportFrom():
                self._import(node, frame)
            case ast.If():
                return self._branch(node.test, node.body, node.orelse, frame)
            case ast.For() | ast.AsyncFor():
                return self._loop(node, frame)
            case ast.While():
                with self.doubt():
                    return _left_loop(self.execute(node.body, frame), frame)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    value = self.evaluate(item.context_expr, frame)
                    if item.optional_vars is not None:
                        self.assign(item.optional_vars, value, frame)
                return self.execute(node.body, frame)
            case ast.Try():
                return self._try(node, frame)
            case ast.Return():
                return Returned(None if node.value is None else self.evaluate(node.value, frame))
            case ast.Raise():
                return Returned(UNKNOWN)
            case ast.Break() | ast.Continue():
                return Jumped()
            case ast.Global():
                frame.global_names.update(node.names)
            case ast.Match():
                return self._match(node, frame)
        return None

    def _augmented(self, node: ast.AugAssign, frame: Frame) -> None:
        loaded = ast.copy_location(ast.BinOp(_as_load(node.target), node.op, node.value), node)
        self.assign(node.target, self.evaluate(loaded, frame), frame)

    def _branch(self, test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt], frame: Frame) -> Outcome:
        known = self.truth(self.evaluate(test, frame))
        if known is not None:
            return self.execute(body if known else orelse, frame)
        return self._either((body, orelse), frame)

    def _either(self, bodies: Sequence[list[ast.stmt]], frame: Frame) -> Outcome:
        """Follow ways of which one is taken; names that differ between them are unknown afterwards."""
        scope = frame.local
        before = dict(scope)
        ends: list[dict[str, Value]] = []
        outcomes: list[Outcome] = []
        for body in bodies:
            scope.clear()
            scope.update(before)
            with self.doubt():
                outcome = self.execute(body, frame)
            outcomes.append(outcome)
            if isinstance(outcome, Returned):
                frame.returned.append(outcome.value)
            else:
                ends.append(dict(scope))
        scope.clear()
        scope.update(_merged(ends or [before]))
        if all(isinstance(outcome, Returned) for outcome in outcomes):
            return Returned(_one_of(frame.returned))
        return Jumped() if outcomes and all(isinstance(outcome, Jumped) for outcome in outcomes) else None

    def _loop(self, node: ast.For | ast.AsyncFor, frame: Frame) -> Outcome:
        items = self.items_of(self.evaluate(node.iter, frame))
        if items is None:
            self.assign(node.target, UNKNOWN, frame)
            with self.doubt():
                return _left_loop(self.execute(node.body, frame), frame)
        for item in items[:MAX_LOOPS]:
            self.assign(node.target, item, frame)
            outcome = self.execute(node.body, frame)
            if isinstance(outcome, Returned):
                return outcome
        return self.execute(node.orelse, frame)

    def _try(self, node: ast.Try, frame: Frame) -> Outcome:
        outcome = self.execute(node.body, frame) or self.execute(node.orelse, frame)
        if outcome is None:
            # The handlers may define what the body could not; they never undo what it did.
            before = dict(frame.local)
            with self.doubt():
                for handler in node.handlers:
                    self.execute(handler.body, frame)
            frame.local.update(before)
        return self.execute(node.finalbody, frame) or outcome

    def _match(self, node: ast.Match, frame: Frame) -> Outcome:
        self.evaluate(node.subject, frame)
        return self._either([*(case.body for case in node.cases), []], frame)

    # Calls into the project.

    def call_function(
        self, function: Function, args: tuple[Value, ...], keywords: dict[str, Value], instance: Value = NO_VALUE
    ) -> Value:
        """Follow a call of a function of the project, and return what it returns as far as that is known.

        Args:
            function: The function.
            args: Its positional arguments, `self` included.
            keywords: Its other arguments.
            instance: What `super()` belongs to; `UNKNOWN` where every argument is unknown.
        """
        self.step()
        function.is_called = True
        if self._depth >= MAX_DEPTH:
            return UNKNOWN
        scope = self.bind_arguments(function, args, keywords)
        frame = Frame(function.module, (scope, *function.scopes), function, args[0] if args else None)
        if isinstance(function.node, ast.Lambda):
            return self.evaluate(function.node.body, frame)
        self._depth += 1
        try:
            outcome = self.execute(function.node.body, frame)
        finally:
            self._depth -= 1
        if isinstance(outcome, Returned):
            frame.returned.append(outcome.value)
        return _one_of(frame.returned) if frame.returned else None


def _left_loop(outcome: Outcome, frame: Frame) -> Outcome:
    """Return how a loop that may not run at all goes on."""
    if isinstance(outcome, Returned):
        frame.returned.append(outcome.value)
    return None


def _as_load(target: ast.expr) -> ast.expr:
    match target:
        case ast.Name():
            return ast.copy_location(ast.Name(target.id, ast.Load()), target)
        case ast.Attribute():
            return ast.copy_location(ast.Attribute(target.value, target.attr, ast.Load()), target)
        case ast.Subscript():
            return ast.copy_location(ast.Subscript(target.value, target.slice, ast.Load()), target)
    return target


def _merged(ends: Sequence[dict[str, Value]]) -> dict[str, Value]:
    merged: dict[str, Value] = {}
    for name in {name for end in ends for name in end}:
        merged[name] = _one_of([end[name] for end in ends if name in end])
    return merged


_FOLLOWED = (Tracked, Instance, ClassValue, Function, Module, Bound, LazyName)


def _one_of(values: Sequence[Value]) -> Value:
    """Return what is known of a value that is one of several."""
    first = values[0]
    if all(value is first or (type(value) is type(first) and value == first) for value in values[1:]):
        return first
    followed = [value for value in values if _is_followed(value)]
    return followed[0] if followed else UNKNOWN


def _is_followed(value: Value) -> bool:
    if isinstance(value, tuple):
        return any(_is_followed(item) for item in value)
    return isinstance(value, _FOLLOWED)
