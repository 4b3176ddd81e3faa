"""Executes GraphQL requests: the schema bound to the handlers. Owns no HTTP and no SQL.

Nodes are plain objects or dictionaries. A field `historyLineCount` is the attribute, method or key
`history_line_count` of its node; arguments keep to the same rule.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLString,
    OperationType,
    build_schema,
    execute_sync,
)

from trainer.errors import StorageError, TrainerError
from trainer.server import faults
from trainer.server.budget import BudgetError, BusyError, QueryEnded
from trainer.server.context import RequestContext, RequestError, bounded
from trainer.server.documents import NULL_FIELD, PreparedDocument
from trainer.server.handlers.registry import MUTATIONS, QUERIES
from trainer.server.members import member, snake_case
from trainer.server.plain_lists import PlainList, put_at

logger = logging.getLogger(__name__)

_STEPS_BETWEEN_LOOKS = 50_000
"""SQLite instructions, about a millisecond, between two looks at the clock."""
_MAX_MESSAGE = 2000
_STATUS_BUSY = 429
"""The SDK asks again after it (0.31)."""


@dataclass(frozen=True, slots=True)
class GraphQLReply:
    """What goes back to the client."""

    body: dict[str, object]
    status: int = 200


def load_schema() -> GraphQLSchema:
    """Return the schema of `schema.graphql`, with the null field on every object type.

    Raises:
        LookupError: If the schema names an operation that no handler answers, or the other way round.
    """
    text = files("trainer.server").joinpath("schema.graphql").read_text(encoding="utf-8")
    schema = build_schema(text, assume_valid=True)
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            kind.fields[NULL_FIELD] = GraphQLField(GraphQLString, resolve=lambda *_: None)
    for root, handlers in ((schema.query_type, QUERIES), (schema.mutation_type, MUTATIONS)):
        named = set(root.fields) - {NULL_FIELD} if root else set()
        if named != set(handlers):
            raise LookupError(f"schema.graphql and the handlers disagree about {sorted(named ^ set(handlers))}")
    return schema


def execute(
    schema: GraphQLSchema,
    prepared: PreparedDocument,
    variables: Mapping[str, object],
    operation_name: str | None,
    context: RequestContext,
) -> GraphQLReply:
    """Execute a request in this thread and return the reply; never raises for what a client can do."""
    operation = prepared.operation(operation_name)
    if operation.operation is not OperationType.QUERY:
        return _bounded(schema, prepared, variables, operation_name, context)
    with context.store.snapshot():
        context.budget.start()
        return _bounded(schema, prepared, variables, operation_name, context)


def _bounded(
    schema: GraphQLSchema,
    prepared: PreparedDocument,
    variables: Mapping[str, object],
    operation_name: str | None,
    context: RequestContext,
) -> GraphQLReply:
    connection = context.connection
    connection.set_progress_handler(context.budget.is_late, _STEPS_BETWEEN_LOOKS)
    try:
        return _execute(schema, prepared, variables, operation_name, context)
    except QueryEnded as end:
        status = _STATUS_BUSY if isinstance(end.reason, BusyError) else 200
        return GraphQLReply({"data": None, "errors": [{"message": str(end.reason)}]}, status)
    finally:
        connection.set_progress_handler(None, 0)
        context.budget.close()


def _execute(
    schema: GraphQLSchema,
    prepared: PreparedDocument,
    variables: Mapping[str, object],
    operation_name: str | None,
    context: RequestContext,
) -> GraphQLReply:
    result = execute_sync(
        schema,
        prepared.document,
        context_value=context,
        variable_values=dict(variables),
        operation_name=operation_name,
        field_resolver=_resolve,
        type_resolver=lambda value, *_: value.typename,
    )
    for path, shaped in context.shaped:
        put_at(result.data, path, shaped)
    body: dict[str, object] = {"data": result.data}
    status = 200
    if result.errors:
        causes = [_cause(error, context) for error in result.errors]
        body["errors"] = [
            {"message": _message(cause, error.message)}
            for cause, error in zip(causes[:20], result.errors[:20], strict=True)
        ]
        for cause in causes:
            if isinstance(cause, RequestError):
                status = cause.status
            elif isinstance(cause, StorageError):
                status = faults.STATUS
            elif isinstance(cause, BusyError):
                status = _STATUS_BUSY
    return GraphQLReply(body, status)


def _cause(error: GraphQLError, context: RequestContext) -> Exception | None:
    original = error.original_error
    if isinstance(original, sqlite3.OperationalError) and context.budget.ended is not None:
        return context.budget.ended
    return context.store.fault_of(original) or original


def _message(original: Exception | None, message: str) -> str:
    if isinstance(original, StorageError | BudgetError):
        return str(original)
    if original is None or isinstance(original, TrainerError | GraphQLError):
        # What a client sent is quoted in full by graphql-core, megabytes of it.
        return message if len(message) <= _MAX_MESSAGE else f"{message[:_MAX_MESSAGE]} …"
    # The request boundary: a fault of ours must not end the server, nor show its inside to the client.
    logger.error("a handler failed", exc_info=original)
    return f"The server failed at this request ({type(original).__name__}); its log says more."


def _resolve(source: object, info: GraphQLResolveInfo[RequestContext], **arguments: object) -> object:
    value = _value(source, info, arguments)
    context = info.context
    context.budget.spend(value)
    if isinstance(value, PlainList) and (shaped := value.shaped(info)) is not None:
        context.shaped.append((info.path.as_list(), shaped))
        return []
    return value


def _value(source: object, info: GraphQLResolveInfo[RequestContext], arguments: dict[str, object]) -> object:
    field = info.field_name
    if arguments or source is None:
        info.context.budget.check()
    if source is None:
        given = {snake_case(name): bounded(value) for name, value in arguments.items()}
        if info.operation.operation is not OperationType.MUTATION:
            return QUERIES[field](info.context, **given)
        info.context.budget.stop()
        done = MUTATIONS[field](info.context, **given)
        info.context.budget.start()
        return done
    if not arguments or isinstance(source, dict):
        return member(source, field)
    value = getattr(source, snake_case(field), None)
    if callable(value):
        return value(**{snake_case(name): bounded(argument) for name, argument in arguments.items()})
    return value
