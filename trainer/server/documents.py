"""GraphQL documents made ready to execute: parsed once, bounded, and made to fit our schema.

SDK versions differ, so a document may ask for more than the schema has. Unknown fields become nulls and unknown
arguments, input fields and variable types are dropped, each logged once. An unknown operation is an error.
"""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    NamedTypeNode,
    NameNode,
    ObjectFieldNode,
    OperationDefinitionNode,
    SelectionSetNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableDefinitionNode,
    Visitor,
    VisitorAction,
    get_named_type,
    is_input_type,
    parse,
    type_from_ast,
    visit,
)
from graphql.language import FragmentSpreadNode, InlineFragmentNode
from graphql.language.visitor import VisitorActionEnum

from trainer.server.absent_parts import part_of_wandb

logger = logging.getLogger(__name__)

NULL_FIELD = "_unknown"
"""A field that every object type has and that is null: what unknown fields are rewritten to."""
MAX_DEPTH = 24
MAX_SAME = 100
"""Times that one selection may ask for the same field under different aliases."""
_MAX_INTROSPECTION = 2
"""Lists of fields within lists of fields that may be asked about the schema; each multiplies the answer."""
_SCHEMA_LISTS = frozenset({"fields", "inputFields", "interfaces", "possibleTypes"})
MAX_FIELDS = 5000
"""Fields of a document after its fragments are spread; the SDK's largest has about 120."""
_MAX_TOKENS = 20_000
_CACHE_SIZE = 256
LONG_QUERY = 50_000
"""Characters beyond which a document is not remembered, and is not for the event loop to read."""


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """A document that may be executed as often as wanted."""

    document: DocumentNode
    operations: Mapping[str, OperationDefinitionNode]
    """By name; the empty name for an anonymous one."""

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """Return the operation to execute.

        Raises:
            GraphQLError: If the name does not choose exactly one.
        """
        if name:
            chosen = self.operations.get(name)
            if chosen is None:
                raise GraphQLError(f"The document has no operation {name!r}.")
            return chosen
        if len(self.operations) != 1:
            raise GraphQLError("Name the operation to execute: the document has several.")
        return next(iter(self.operations.values()))

    def root_fields(self, name: str | None) -> set[str]:
        """Return the names of the operation's own fields (those in fragments of the root type left out)."""
        selections = self.operation(name).selection_set.selections
        return {node.name.value for node in selections if isinstance(node, FieldNode)}


class DocumentCache:
    """Prepares documents for one schema, and remembers the last few hundred. For one thread, but for long ones."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._prepared: OrderedDict[str, PreparedDocument] = OrderedDict()
        self._warned: set[str] = set()

    def prepare(self, text: str) -> PreparedDocument:
        """Return the document, ready to execute.

        Raises:
            GraphQLError: If it is no GraphQL, too large, or asks for an operation that does not exist.
        """
        known = self._prepared.get(text)
        if known is not None:
            self._prepared.move_to_end(text)
            return known
        try:
            document = parse(text, no_location=True, max_tokens=_MAX_TOKENS)
            _check_size(document)
            info = TypeInfo(self._schema)
            fitted = visit(document, TypeInfoVisitor(info, _Fitter(self._schema, info, self._warn)))
        except RecursionError:
            raise GraphQLError("The document is nested too deeply.") from None
        prepared = PreparedDocument(
            fitted,
            {
                node.name.value if node.name else "": node
                for node in fitted.definitions
                if isinstance(node, OperationDefinitionNode)
            },
        )
        if len(text) <= LONG_QUERY:
            self._prepared[text] = prepared
            if len(self._prepared) > _CACHE_SIZE:
                self._prepared.popitem(last=False)
        return prepared

    def fit_variables(self, operation: OperationDefinitionNode, values: Mapping[str, object]) -> dict[str, object]:
        """Return the variables without the input fields that the schema does not know."""
        fitted = dict(values)
        for definition in operation.variable_definitions or ():
            name = definition.variable.name.value
            if fitted.get(name) is not None:
                fitted[name] = self._prune(fitted[name], type_from_ast(self._schema, definition.type))
        return fitted

    def _prune(self, value: object, kind: object) -> object:
        if isinstance(kind, GraphQLNonNull):
            return self._prune(value, kind.of_type)
        if isinstance(kind, GraphQLList):
            return [self._prune(item, kind.of_type) for item in value] if isinstance(value, list) else value
        if not isinstance(kind, GraphQLInputObjectType) or not isinstance(value, dict):
            return value
        for key in value.keys() - kind.fields.keys():
            self._warn(f"input field {kind.name}.{key}")
        return {key: self._prune(item, kind.fields[key].type) for key, item in value.items() if key in kind.fields}

    def _warn(self, what: str) -> None:
        if what not in self._warned and len(self._warned) < 1000:
            self._warned.add(what)
            logger.warning("a client asked for the unknown %s; it got null", what[:200])


class _Fitter(Visitor):
    """Rewrites what the schema does not know."""

    def __init__(self, schema: GraphQLSchema, info: TypeInfo, warn: Callable[[str], None]) -> None:
        super().__init__()
        self._schema = schema
        self._info = info
        self._warn = warn

    def enter_field(self, node: FieldNode, *_: object) -> FieldNode | None:
        parent = self._info.get_parent_type()
        if parent is None or self._info.get_field_def() is not None:
            return None
        name = node.name.value
        if parent in (self._schema.query_type, self._schema.mutation_type):
            raise GraphQLError(f"This server has no operation {name!r} in {parent.name}{part_of_wandb(name)}.")
        if parent.name == "Project" and name == "runQueue":
            # Null would be a traceback in the SDK, which reads on without a look (SDK 0.31, public/jobs.py).
            raise GraphQLError(f"This server has no run queues{part_of_wandb(name)}.")
        self._warn(f"field {parent.name}.{name}")
        return FieldNode(alias=node.alias or node.name, name=NameNode(value=NULL_FIELD), directives=node.directives)

    def enter_argument(self, node: ArgumentNode, *_: object) -> VisitorAction:
        definition = self._info.get_field_def()
        if definition is None or self._info.get_directive() is not None or node.name.value in definition.args:
            return None
        self._warn(f"argument {node.name.value} of a field")
        return VisitorActionEnum.REMOVE

    def enter_object_field(self, node: ObjectFieldNode, *_: object) -> VisitorAction:
        parent = get_named_type(self._info.get_parent_input_type())
        if not isinstance(parent, GraphQLInputObjectType) or node.name.value in parent.fields:
            return None
        self._warn(f"input field {parent.name}.{node.name.value}")
        return VisitorActionEnum.REMOVE

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: object) -> VariableDefinitionNode | None:
        if is_input_type(type_from_ast(self._schema, node.type)):
            return None
        return VariableDefinitionNode(
            variable=node.variable,
            type=NamedTypeNode(name=NameNode(value="JSON")),
            default_value=node.default_value,
            directives=node.directives,
        )


def _check_size(document: DocumentNode) -> None:
    """Refuse documents whose spread-out size or depth is beyond what any SDK sends."""
    fragments = {
        node.name.value: node.selection_set for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    ruler = _Ruler(fragments)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            ruler.measure(definition.selection_set, frozenset())


class _Ruler:
    """Measures selections with their fragments spread; each fragment once."""

    def __init__(self, fragments: Mapping[str, SelectionSetNode]) -> None:
        self._fragments = fragments
        self._sizes: dict[str, tuple[int, int, int]] = {}

    def measure(self, selections: SelectionSetNode | None, within: frozenset[str]) -> tuple[int, int, int]:
        """Return how many fields a selection has, how deep it goes, and how deep its lists of fields of the schema do.

        Raises:
            GraphQLError: If that is too many or too deep, or a fragment contains itself.
        """
        fields = depth = lists = 0
        same: Counter[str] = Counter()
        for node in selections.selections if selections else ():
            if isinstance(node, FragmentSpreadNode):
                inner, height, nested = self._fragment(node.name.value, within)
            elif isinstance(node, FieldNode):
                name = node.name.value
                same[name] += 1
                if same[name] > MAX_SAME:
                    raise GraphQLError(f"The document asks for {name!r} more than {MAX_SAME} times in one place.")
                inner, height, nested = self.measure(node.selection_set, within)
                inner, height = inner + 1, height + 1
                if name in ("__schema", "__type") and nested > _MAX_INTROSPECTION:
                    raise GraphQLError("The document goes too deep into the schema.")
                nested += name in _SCHEMA_LISTS
            elif isinstance(node, InlineFragmentNode):
                inner, height, nested = self.measure(node.selection_set, within)
            else:
                continue
            fields, depth, lists = fields + inner, max(depth, height), max(lists, nested)
        if fields > MAX_FIELDS:
            raise GraphQLError(f"The document asks for more than {MAX_FIELDS} fields.")
        if depth > MAX_DEPTH:
            raise GraphQLError(f"The document is nested deeper than {MAX_DEPTH} levels.")
        return fields, depth, lists

    def _fragment(self, name: str, within: frozenset[str]) -> tuple[int, int, int]:
        if name in within:
            raise GraphQLError(f"The fragment {name!r} contains itself.")
        if name not in self._sizes:
            self._sizes[name] = self.measure(self._fragments.get(name), within | {name})
        return self._sizes[name]
