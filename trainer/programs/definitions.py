"""Functions, classes and assignments of a program: what they bind, and what calling a class makes."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Mapping, Sequence

from trainer.programs.sources import Project
from trainer.programs.values import (
    NO_VALUE,
    UNKNOWN,
    Call,
    ClassValue,
    EnumMember,
    External,
    Field,
    Frame,
    Function,
    Handler,
    Instance,
    Tracked,
    Value,
)

UNREAD_DECORATOR = "__unread_decorator__"
_HARMLESS = (
    "builtins.", "functools.", "contextlib.", "typing.", "torch.", "tensorflow.", "jax.", "numba.", "hydra.", "wandb.",
    "click.pass_", "click.version_option", "click.help_option", "rich_click.pass_", "rich_click.version_option",
    "rich_click.help_option", "click.make_pass_decorator", "dataclasses.", "abc.", "pytest.", "beartype", "jaxtyping",
    "ray.", "accelerate.", "lightning.", "pytorch_lightning.", "deepspeed.", "overrides.",
)  # fmt: skip


class FieldSpec(Tracked):
    """What `dataclasses.field(...)` and its kin give for a field."""

    def __init__(self, call: Call) -> None:
        self.arguments = call.keywords
        self.first = call.args[0] if call.args else NO_VALUE
        metadata = call.get("metadata")
        self.metadata: dict[str, Value] = {}
        if isinstance(metadata, dict):
            self.metadata = {str(key): value for key, value in metadata.items()}

    def default(self, evaluator: Definitions) -> Value:
        """Return the default; `NO_VALUE` where there is none."""
        for name in ("default", "default_value"):
            if name in self.arguments:
                return self.arguments[name]
        for name in ("default_factory", "factory"):
            if name in self.arguments:
                factory = self.arguments[name]
                if isinstance(factory, External):
                    empty: dict[str, Value] = {"builtins.list": [], "builtins.dict": {}, "builtins.tuple": ()}
                    return empty.get(factory.name, UNKNOWN)
                return evaluator.call_value(factory)
        return NO_VALUE


class Definitions:
    """What the evaluator knows of definitions."""

    project: Project
    functions: list[Function]
    handlers: Mapping[str, Handler]

    @property
    @abstractmethod
    def is_certain(self) -> bool: ...  # noqa: D102 - see Evaluator

    @abstractmethod
    def evaluate(self, node: ast.expr, frame: Frame) -> Value: ...  # noqa: D102

    @abstractmethod
    def execute(self, body: Sequence[ast.stmt], frame: Frame) -> object: ...  # noqa: D102

    @abstractmethod
    def call(self, callee: Value, call: Call) -> Value: ...  # noqa: D102

    @abstractmethod
    def items_of(self, value: Value) -> list[Value] | None: ...  # noqa: D102

    @abstractmethod
    def call_function(  # noqa: D102
        self, function: Function, args: tuple[Value, ...], keywords: dict[str, Value], instance: Value = NO_VALUE
    ) -> Value: ...

    def call_value(self, callee: Value) -> Value:
        """Return what a callable of the project gives without arguments."""
        if isinstance(callee, Function):
            return self.call_function(callee, (), {})
        if isinstance(callee, ClassValue):
            node = callee.node
            made = ast.copy_location(ast.Call(ast.Name(callee.name, ast.Load()), [], []), node)
            return self.instantiate(callee, Call(self, (), {}, made, callee.module, self.is_certain))  # type: ignore[arg-type]
        return UNKNOWN

    def assign(self, target: ast.expr, value: Value, frame: Frame) -> None:
        """Bind a value to a target of an assignment."""
        match target:
            case ast.Name():
                scope = frame.module.scope if target.id in frame.global_names else frame.local
                scope[target.id] = value
            case ast.Tuple() | ast.List():
                items = self.items_of(value) if not isinstance(value, Tracked) else None
                has_star = any(isinstance(each, ast.Starred) for each in target.elts)
                for index, each in enumerate(target.elts):
                    known = items is not None and not has_star and index < len(items)
                    self.assign(each, items[index] if known and items else UNKNOWN, frame)
            case ast.Starred():
                self.assign(target.value, UNKNOWN, frame)
            case ast.Attribute():
                self._set_attribute(self.evaluate(target.value, frame), target.attr, value)
            case ast.Subscript():
                owner, key = self.evaluate(target.value, frame), self.evaluate(target.slice, frame)
                if isinstance(owner, dict) and isinstance(key, str | int | float):
                    owner[key] = value
                elif isinstance(owner, Tracked) and isinstance(key, str):
                    owner.assigned(key, value)

    def _set_attribute(self, owner: Value, name: str, value: Value) -> None:
        if isinstance(owner, Instance | Function):
            owner.attributes[name] = value
        elif isinstance(owner, ClassValue):
            owner.members[name] = value
        elif isinstance(owner, Tracked):
            owner.assigned(name, value)

    def define_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> None:
        """Bind a function, decorated as far as its decorators are known."""
        closure = frame.scopes[1:] if frame.owner is not None else frame.scopes
        names = frozenset(_last_name(each) for each in node.decorator_list)
        function = Function(node, frame.module, closure, frame.owner, names)
        self.functions.append(function)
        arguments = node.args
        named = [*arguments.posonlyargs, *arguments.args]
        pairs = list(zip(named[len(named) - len(arguments.defaults) :], arguments.defaults, strict=True))
        pairs += [(a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None]
        function.defaults = {each.arg: self.evaluate(default, frame) for each, default in pairs}
        frame.local[node.name] = self._decorated(function, node, frame)

    def _decorated(self, function: Value, node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> Value:
        value = function
        for decorator in reversed(node.decorator_list):
            if _last_name(decorator) in ("staticmethod", "classmethod", "property"):
                continue
            wrap = self.evaluate(decorator, frame)
            made: Value = UNKNOWN
            if isinstance(wrap, Tracked | Function) or (isinstance(wrap, External) and wrap.name in self.handlers):
                call = Call(self, (value,), {}, decorator, frame.module, self.is_certain)  # type: ignore[arg-type]
                made = self.call(wrap, call)
            if isinstance(made, Tracked | Function):
                value = made
            elif isinstance(value, Function) and not self._is_harmless(decorator, frame):
                # It stands for what it wraps, as most do; it may have given it options, too.
                value.attributes[UNREAD_DECORATOR] = ast.unparse(decorator)
        return value

    def _is_harmless(self, decorator: ast.expr, frame: Frame) -> bool:
        """Return whether a decorator is of a package that gives no options to what it decorates."""
        node = decorator.func if isinstance(decorator, ast.Call) else decorator
        value = self.evaluate(node, frame)
        if not isinstance(value, External):
            return False
        return value.name.startswith(_HARMLESS)

    def define_class(self, node: ast.ClassDef, frame: Frame) -> None:
        """Bind a class."""
        bases = tuple(self.evaluate(base, frame) for base in node.bases)
        marks = frozenset(_last_name(each) for each in node.decorator_list)
        cls = ClassValue(node.name, node, frame.module, bases, decorators=marks)
        inner = Frame(frame.module, (cls.members, *frame.scopes), owner=cls)
        self.execute(node.body, inner)
        self._collect_fields(cls, inner)
        if cls.is_enum:
            for name, value in cls.members.items():
                if not name.startswith("_") and not isinstance(value, Function):
                    cls.members[name] = EnumMember(cls, name, name.lower() if value is UNKNOWN else value)
        frame.local[node.name] = cls
        for decorator in node.decorator_list:
            wrap = self.evaluate(decorator, frame)
            if isinstance(wrap, Tracked) or (isinstance(wrap, External) and wrap.name in self.handlers):
                self.call(wrap, Call(self, (cls,), {}, decorator, frame.module, self.is_certain))  # type: ignore[arg-type]

    def _collect_fields(self, cls: ClassValue, frame: Frame) -> None:
        lines: list[str] | None = None
        body = cls.node.body
        for index, statement in enumerate(body):
            if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
                continue
            name = statement.target.id
            if _last_name(statement.annotation) == "ClassVar" or name.startswith("__"):
                continue
            default = cls.members.pop(name, UNKNOWN) if statement.value is not None else NO_VALUE
            if lines is None:
                lines = frame.module.source.text.splitlines()
            follower = body[index + 1] if index + 1 < len(body) else None
            cls.fields[name] = Field(
                name, statement.annotation, default, statement.lineno, _help_of(statement, follower, lines)
            )

    def instantiate(self, cls: ClassValue, call: Call) -> Value:
        """Return an object of a class of the project."""
        if cls.is_enum:
            wanted = call.args[0] if call.args else UNKNOWN
            return next((each for each in self.enum_members(cls) if each.value == wanted), UNKNOWN)
        instance = Instance(cls)
        init = cls.find("__init__")
        for base in cls.external_bases():
            if base in self.handlers:
                inner = self.handlers[base](call if not isinstance(init, Function) else _bare(call))
                instance.inner = inner if isinstance(inner, Tracked) else None
                break
        if isinstance(init, Function):
            self.call_function(init, (instance, *call.args), call.keywords)
            return instance
        for name, value in zip(cls.all_fields(), call.args, strict=False):
            instance.attributes[name] = value
        for name, field in cls.all_fields().items():
            if name in call.keywords:
                instance.attributes[name] = call.keywords[name]
            elif name not in instance.attributes:
                known = call.is_whole and field.default is not NO_VALUE
                instance.attributes[name] = self.record_value(field.default) if known else UNKNOWN
        return instance

    def record_value(self, default: Value) -> Value:
        """Return the value that the default of a field gives; `NO_VALUE` where it is required."""
        return default.default(self) if isinstance(default, FieldSpec) else default

    def enum_members(self, cls: ClassValue) -> list[EnumMember]:
        """Return the members of an enumeration in their order."""
        return [
            value for each in reversed(cls.mro()) for value in each.members.values() if isinstance(value, EnumMember)
        ]

    def bind_arguments(
        self, function: Function, args: tuple[Value, ...], keywords: dict[str, Value]
    ) -> dict[str, Value]:
        """Return the scope in which a call of a function begins."""
        arguments = function.node.args
        scope: dict[str, Value] = {}
        named = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
        for name, value in zip(named, args, strict=False):
            scope[name] = value
        rest = dict(keywords)
        for name in (*named, *(each.arg for each in arguments.kwonlyargs)):
            if name in rest:
                scope[name] = rest.pop(name)
            elif name not in scope:
                scope[name] = function.defaults.get(name, UNKNOWN)
        if arguments.vararg is not None:
            scope[arguments.vararg.arg] = tuple(args[len(named) :])
        if arguments.kwarg is not None:
            scope[arguments.kwarg.arg] = rest
        return scope


def _bare(call: Call) -> Call:
    return Call(call.evaluator, (), {}, call.node, call.module, call.is_certain)


def _last_name(node: ast.expr) -> str:
    """Return the last plain name of a decorator or annotation: `dataclass` of `@dataclasses.dataclass(frozen=True)`."""
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _help_of(statement: ast.AnnAssign, follower: ast.stmt | None, lines: list[str]) -> str:
    """Return what is said of a field: the text beneath it, or the comment behind it."""
    if isinstance(follower, ast.Expr) and isinstance(follower.value, ast.Constant):
        if isinstance(follower.value.value, str):
            return " ".join(follower.value.value.split())
    end = (statement.end_lineno or statement.lineno) - 1
    rest = lines[end][statement.end_col_offset or 0 :] if end < len(lines) else ""
    return rest.partition("#")[2].strip() if rest.strip().startswith("#") else ""
