"""Attributes of a program's objects: of modules, classes, instances, and what readers follow."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager

from trainer.programs.definitions import Definitions
from trainer.programs.values import (
    NO_VALUE,
    UNKNOWN,
    Bound,
    ClassValue,
    EnumMember,
    External,
    Function,
    Handler,
    Instance,
    LazyName,
    Module,
    Super,
    Tracked,
    Value,
)


class Attributes(Definitions):
    """What the evaluator knows of attributes."""

    handlers: Mapping[str, Handler]

    @property
    @abstractmethod
    def is_certain(self) -> bool: ...  # noqa: D102 - see Evaluator

    @abstractmethod
    def doubt(self) -> AbstractContextManager[None]: ...  # noqa: D102

    @abstractmethod
    def step(self) -> None: ...  # noqa: D102

    @abstractmethod
    def external(self, name: str) -> Value: ...  # noqa: D102

    @abstractmethod
    def module_attribute(self, module: Module, name: str) -> Value: ...  # noqa: D102

    @abstractmethod
    def call_function(  # noqa: D102
        self, function: Function, args: tuple[Value, ...], keywords: dict[str, Value], instance: Value = NO_VALUE
    ) -> Value: ...

    def resolve(self, value: Value) -> Value:
        """Return what a name stands for that was imported from the project."""
        for _ in range(20):
            if not isinstance(value, LazyName):
                return value
            value = self.module_attribute(value.module, value.name)
        return UNKNOWN

    def attribute(self, value: Value, name: str) -> Value:  # noqa: C901 - one line for each kind
        """Return an attribute of a value."""
        match value:
            case Module():
                return self.resolve(self.module_attribute(value, name))
            case External():
                return self.external(f"{value.name}.{name}")
            case Tracked():
                return value.attribute(name, self)  # type: ignore[arg-type]
            case ClassValue():
                return self._class_attribute(value, name)
            case Instance():
                return self._instance_attribute(value, name)
            case EnumMember():
                return {"value": value.value, "name": value.name}.get(name, UNKNOWN)
            case Super():
                return self._super_attribute(value, name)
            case Function():
                return value.attributes.get(name, value.name if name == "__name__" else UNKNOWN)
            case str() | list() | dict() | tuple():
                return Bound(value, name)
        return UNKNOWN

    def _class_attribute(self, cls: ClassValue, name: str) -> Value:
        member = cls.find(name)
        if isinstance(member, Function):
            return Bound(cls, member) if "classmethod" in member.decorators else member
        if member is not NO_VALUE:
            return self.resolve(member)
        field = cls.all_fields().get(name)
        if field is not None and field.default is not NO_VALUE:
            return self.record_value(field.default)
        if name == "__name__":
            return cls.name
        if name == "__members__" and cls.is_enum:
            return {each.name: each for each in self.enum_members(cls)}
        return UNKNOWN

    def _instance_attribute(self, instance: Instance, name: str) -> Value:
        if name in instance.attributes:
            return self.resolve(instance.attributes[name])
        member = instance.cls.find(name)
        if isinstance(member, Function):
            if "property" in member.decorators or "cached_property" in member.decorators:
                return self.call_function(member, (instance,), {})
            if "staticmethod" in member.decorators:
                return member
            return Bound(instance.cls if "classmethod" in member.decorators else instance, member)
        if member is not NO_VALUE:
            return self.resolve(member)
        if instance.inner is not None:
            return instance.inner.attribute(name, self)  # type: ignore[arg-type]
        return UNKNOWN

    def _super_attribute(self, parent: Super, name: str) -> Value:
        cls = parent.instance.cls if isinstance(parent.instance, Instance) else parent.instance
        order = cls.mro() if isinstance(cls, ClassValue) else []
        later = order[order.index(parent.after) + 1 :] if parent.after in order else []
        for each in later:
            member = each.members.get(name)
            if isinstance(member, Function):
                return member if "staticmethod" in member.decorators else Bound(parent.instance, member)
        if isinstance(parent.instance, Instance) and parent.instance.inner is not None:
            return Bound(parent.instance.inner, name)
        return UNKNOWN
