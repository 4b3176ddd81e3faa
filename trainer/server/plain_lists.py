"""Long lists of plain rows in answers: shaped by the query in one go, a tenth of the cost of field by field.

Only where the query is plain there too: no conditions, and arguments only of leaves. Else, and where a field fails,
graphql-core does it, with the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLList,
    GraphQLObjectType,
    GraphQLResolveInfo,
    SelectionSetNode,
    get_argument_values,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)
from graphql.language import FragmentSpreadNode, InlineFragmentNode

from trainer.server.context import bounded
from trainer.server.members import member, snake_case

if TYPE_CHECKING:
    from trainer.server.context import RequestContext

_Shape = Callable[[object], dict[str, object]]


class PlainList(list[Any]):
    """Nodes whose fields are ready for the answer as they are, or are such nodes in turn."""

    def shaped(self, info: GraphQLResolveInfo[RequestContext]) -> list[object] | None:
        """Return the rows as the query asks for them; None if it takes more than picking fields."""
        listed = get_nullable_type(info.return_type)
        kind = get_nullable_type(listed.of_type) if isinstance(listed, GraphQLList) else None
        if not isinstance(kind, GraphQLObjectType):
            return None
        selections = [node.selection_set for node in info.field_nodes]
        try:
            shape = _shape(kind, selections, info)
        except GraphQLError:  # an argument is not as it should be
            return None
        if shape is None:
            return None
        budget, rows = info.context.budget, list[object]()
        for row in self:
            try:
                made = shape(row)
            except Exception:
                return None  # which of the fields fails, and how, graphql-core tells
            budget.spend_row(made)
            rows.append(made)
        return rows


def put_at(data: Any, path: list[str | int], value: object) -> None:
    """Put a value at its place in an answer, unless an error made that place null."""
    for step in path[:-1]:
        if data is None:
            return
        data = data[step]
    if data is not None and data[path[-1]] is not None:
        data[path[-1]] = value


def _shape(
    kind: GraphQLObjectType, selections: list[SelectionSetNode | None], info: GraphQLResolveInfo[RequestContext]
) -> _Shape | None:
    leaves: list[tuple[str, str]] = []
    called: list[tuple[str, str, dict[str, object]]] = []
    inner: list[tuple[str, str, _Shape]] = []
    for shown, nodes in _by_shown_name(kind, selections, info).items():
        names = {None if node is None or node.directives else node.name.value for node in nodes}
        name = next(iter(names))
        field = None if name is None or len(names) > 1 else kind.fields.get(name)
        if name is None or field is None:
            return None
        plain, first = get_nullable_type(field.type), nodes[0]
        is_called = any(node is not None and node.arguments for node in nodes)
        if is_called and (len(nodes) > 1 or first is None or not is_leaf_type(plain)):
            return None
        if is_called and first is not None:
            given = get_argument_values(field, first, info.variable_values)
            called.append((shown, name, {snake_case(key): bounded(value) for key, value in given.items()}))
            continue
        if is_leaf_type(plain) or (is_list_type(plain) and is_leaf_type(get_nullable_type(plain.of_type))):
            leaves.append((shown, name))
            continue
        selected = [node.selection_set for node in nodes if node is not None]
        shape = _shape(plain, selected, info) if isinstance(plain, GraphQLObjectType) else None
        if shape is None:
            return None
        inner.append((shown, name, shape))

    read = _leaf_reader(leaves)

    def shape_row(row: object) -> dict[str, object]:
        made = read(row)
        for shown, name, given in called:
            info.context.budget.check()
            made[shown] = getattr(row, snake_case(name))(**given)
        for shown, name, shape in inner:
            value = member(row, name)
            made[shown] = None if value is None else shape(value)
        return made

    return shape_row


def _leaf_reader(leaves: Sequence[tuple[str, str]]) -> _Shape:
    """Return what reads the fields of a row, all at once where it has them all; each is as `member` tells it."""

    def one_by_one(row: object) -> dict[str, object]:
        return {shown: member(row, name) for shown, name in leaves}

    if len(leaves) < 2:  # `attrgetter` of one name returns no tuple
        return one_by_one
    shown_names = [shown for shown, _ in leaves]
    get = attrgetter(*(snake_case(name) for _, name in leaves))

    def at_once(row: object) -> dict[str, object]:
        if isinstance(row, dict):
            return one_by_one(row)
        try:
            values = get(row)
        except AttributeError:
            return one_by_one(row)
        return {shown: value() if callable(value) else value for shown, value in zip(shown_names, values, strict=True)}

    return at_once


def _by_shown_name(
    kind: GraphQLObjectType, selections: list[SelectionSetNode | None], info: GraphQLResolveInfo[RequestContext]
) -> dict[str, list[FieldNode | None]]:
    found: dict[str, list[FieldNode | None]] = {}
    for selection in selections:
        for node in _fields(kind, selection, info):
            shown = "" if node is None else node.alias.value if node.alias else node.name.value
            found.setdefault(shown, []).append(node)
    return found


def _fields(
    kind: GraphQLObjectType, selection: SelectionSetNode | None, info: GraphQLResolveInfo[RequestContext]
) -> list[FieldNode | None]:
    """Return the fields of a selection with its fragments spread; a None among them if that depends on something."""
    found: list[FieldNode | None] = []
    for node in selection.selections if selection else ():
        if isinstance(node, FieldNode):
            found.append(node)
        elif node.directives:
            return [None]
        elif isinstance(node, FragmentSpreadNode):
            fragment = info.fragments.get(node.name.value)
            if fragment is None or fragment.type_condition.name.value != kind.name:
                return [None]
            found += _fields(kind, fragment.selection_set, info)
        elif isinstance(node, InlineFragmentNode):
            condition = node.type_condition
            if condition is not None and condition.name.value != kind.name:
                return [None]
            found += _fields(kind, node.selection_set, info)
    return found
