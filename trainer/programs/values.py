"""Values of the partial evaluator: what is known about a Python object without running the program."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.programs.evaluator import Evaluator
    from trainer.programs.sources import SourceFile

Value = object
"""A plain Python value where it is known, else one of the classes below."""


class _Unknown(Enum):
    UNKNOWN = "?"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class External:
    """Something that is not of the project, by its dotted name: `argparse.ArgumentParser`."""

    name: str


@dataclass(eq=False, slots=True)
class Module:
    """A file of the project, and the names it defines so far."""

    source: SourceFile
    name: str
    package: str
    scope: dict[str, Value] = field(default_factory=dict)
    is_run: bool = False


@dataclass(eq=False, slots=True)
class Function:
    """A function of the project; its body is looked into when it is called."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    module: Module
    scopes: tuple[dict[str, Value], ...]
    owner: ClassValue | None = None
    decorators: frozenset[str] = frozenset()
    """Plain names of its decorators: `staticmethod`, `property`."""
    attributes: dict[str, Value] = field(default_factory=dict)
    defaults: dict[str, Value] = field(default_factory=dict)
    is_called: bool = False

    @property
    def name(self) -> str:
        """Its name, that of what it wraps where `functools.wraps` says so; `lambda` for one without."""
        wrapped = self.attributes.get("__name__")
        if isinstance(wrapped, str):
            return wrapped
        return "lambda" if isinstance(self.node, ast.Lambda) else self.node.name


@dataclass(eq=False, slots=True)
class Field:
    """An annotated name in the body of a class."""

    name: str
    annotation: ast.expr
    default: Value
    """`NO_VALUE` where there is none."""
    line: int
    help: str = ""


NO_VALUE = object()


@dataclass(eq=False, slots=True)
class ClassValue:
    """A class of the project."""

    name: str
    node: ast.ClassDef
    module: Module
    bases: tuple[Value, ...]
    members: dict[str, Value] = field(default_factory=dict)
    fields: dict[str, Field] = field(default_factory=dict)
    decorators: frozenset[str] = frozenset()

    def mro(self) -> list[ClassValue]:
        """Return the class and its bases of the project, nearest first."""
        found = [self]
        for base in self.bases:
            if isinstance(base, ClassValue):
                found += [each for each in base.mro() if each not in found]
        return found

    def external_bases(self) -> list[str]:
        """Return the dotted names of bases outside of the project."""
        return [base.name for each in self.mro() for base in each.bases if isinstance(base, External)]

    @property
    def is_enum(self) -> bool:
        """Whether it is an enumeration."""
        return any(base.startswith("enum.") for base in self.external_bases())

    @property
    def is_record(self) -> bool:
        """Whether its annotated names are its constructor's arguments."""
        marks = {"dataclass", "define", "frozen", "attrs", "chz"}
        bases = {"BaseModel", "NamedTuple", "BaseSettings", "Serializable"}
        return any(each.decorators & marks for each in self.mro()) or any(
            base.rpartition(".")[2] in bases for base in self.external_bases()
        )

    def all_fields(self) -> dict[str, Field]:
        """Return its fields, those of its bases first."""
        fields: dict[str, Field] = {}
        for each in reversed(self.mro()):
            fields |= each.fields
        return fields

    def find(self, name: str) -> Value:
        """Return a member of it or of its bases, else `NO_VALUE`."""
        for each in self.mro():
            if name in each.members:
                return each.members[name]
        return NO_VALUE


@dataclass(eq=False, slots=True)
class EnumMember:
    """One member of an enumeration."""

    cls: ClassValue
    name: str
    value: Value


@dataclass(eq=False, slots=True)
class Instance:
    """An object of a class of the project."""

    cls: ClassValue
    attributes: dict[str, Value] = field(default_factory=dict)
    inner: Tracked | None = None
    """What it is besides: the parser, where the class derives from one."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A method of an instance, a class or a tracked object."""

    owner: Value
    target: Value
    """A `Function`, or the name of a tracked object's method."""


@dataclass(frozen=True, slots=True)
class Super:
    """`super()` within a method."""

    instance: Value
    after: ClassValue


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it was met."""

    evaluator: Evaluator
    args: tuple[Value, ...]
    keywords: dict[str, Value]
    node: ast.expr
    module: Module
    is_certain: bool
    """Whether it is reached in any case."""
    is_whole: bool = True
    """Whether all arguments are there: no `*args` or `**kwargs` of unknown content."""

    def get(self, name: str, position: int | None = None, default: Value = None) -> Value:
        """Return an argument by name or position."""
        if name in self.keywords:
            return self.keywords[name]
        return self.args[position] if position is not None and len(self.args) > position else default

    @property
    def source(self) -> str:
        """The file, as short as it can be named."""
        return self.evaluator.project.shown(self.module.source.path)

    @property
    def line(self) -> int:
        """The line of the call."""
        return self.node.lineno


@dataclass(slots=True)
class Frame:
    """Where the evaluator is."""

    module: Module
    scopes: tuple[dict[str, Value], ...]
    """Innermost first, without the module's own."""
    function: Function | None = None
    instance: Value = None
    """The first argument of the function: `self` in a method."""
    owner: ClassValue | None = None
    """The class whose body is being followed."""
    global_names: set[str] = field(default_factory=set)
    returned: list[Value] = field(default_factory=list)
    """What was returned on a way that may or may not be taken."""

    @property
    def local(self) -> dict[str, Value]:
        """The scope that assignments go to."""
        return self.scopes[0] if self.scopes else self.module.scope


@dataclass(frozen=True, slots=True)
class LazyName:
    """A name imported from a module of the project, which is run once the name is used."""

    module: Module
    name: str


class Tracked:
    """An object that a reader follows: a parser, a group of options, a command."""

    def attribute(self, name: str, evaluator: Evaluator) -> Value:
        """Return an attribute; a method unless a reader knows better."""
        return Bound(self, name)

    def call_method(self, name: str, call: Call) -> Value:
        """Answer a method's call."""
        return UNKNOWN

    def call(self, call: Call) -> Value:
        """Answer the object's own call."""
        return UNKNOWN

    def assigned(self, name: str, value: Value) -> None:
        """Take note that an attribute or item was set."""

    def escaped(self, name: str, call: Call) -> None:
        """Take note that unread code, called `name`, was handed this object."""


Handler = Callable[[Call], Value]


def is_plain(value: Value) -> bool:
    """Return whether a value is fully known and plain: text, number, truth value, None, or a container of these."""
    if value is None or isinstance(value, bool | int | float | str):
        return True
    if isinstance(value, list | tuple | set | frozenset):
        return all(is_plain(item) for item in value)
    return isinstance(value, dict) and all(is_plain(key) and is_plain(item) for key, item in value.items())


def names_in(values: Sequence[Value]) -> list[str]:
    """Return those of the values that are texts."""
    return [value for value in values if isinstance(value, str)]
