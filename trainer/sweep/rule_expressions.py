"""Expressions over parameters, such as `batch_size * accumulation <= 512`: read through `ast`, run by a few closures.

Nothing but numbers, texts, comparisons and a handful of functions is understood; nothing is ever given to Python to
run. Sizes are bounded: no expression, however odd, takes long or much memory.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainer.errors import InputError
from trainer.sweep.findings import did_you_mean, nearest, show

MAX_LENGTH = 500
_MAX_NODES = 200
_MAX_BITS = 2048
"""Larger whole numbers are in nobody's sweep, and every step with them takes longer."""

Path = tuple[str, ...]
Evaluator = Callable[[Sequence[Any]], Any]


class RuleError(InputError):
    """A rule cannot be read, or says nothing about a combination."""


@dataclass(frozen=True)
class Expression:
    """What an expression says of the values of the parameters it names."""

    text: str
    paths: tuple[Path, ...]
    """The parameters it names, each once."""
    _evaluate: Evaluator = field(compare=False, repr=False)

    def holds(self, values: Sequence[Any]) -> bool:
        """Return whether it is true of values, one per path.

        Raises:
            RuleError: If it cannot be worked out, or is neither true nor false.
        """
        try:
            return _truth(self._evaluate(values))
        except (ArithmeticError, ValueError, TypeError) as error:
            reason = "divides by zero" if isinstance(error, ZeroDivisionError) else "cannot be worked out"
            raise RuleError(f"`{self.text}` {reason}.") from error


def spellings(paths: Sequence[Path]) -> dict[str, Path]:
    """Return how the parameters at `paths` may be written: `lr`, and of nested ones `optimizer/lr`, `optimizer.lr`."""
    found: dict[str, Path] = {}
    for separator in ("/", "."):
        for path in paths:
            found.setdefault(separator.join(path), path)
    return found


def parse_expression(text: str, names: Mapping[str, Path]) -> Expression:
    """Return the expression that `text` spells.

    Args:
        text: As a user writes it; `=`, `&&`, `≤` and their like are understood too.
        names: The parameters there are, by spelling.

    Raises:
        RuleError: If it cannot be read, or names a parameter that is not there.
    """
    text = " ".join(text.split())
    if not text:
        raise RuleError("There is no condition.", hint="Write one such as `batch_size * accumulation <= 512`.")
    if len(text) > MAX_LENGTH:
        raise RuleError(f"The rule is longer than {MAX_LENGTH} characters.", hint="Write several rules.")
    paths: list[Path] = []
    source = _placeholders(text, names, paths)
    try:
        tree = ast.parse(source, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise RuleError(f"`{text}` cannot be read.", hint=_way_out(text)) from error
    if sum(1 for _ in ast.walk(tree)) > _MAX_NODES:
        raise RuleError("The rule is too long.", hint="Write several rules.")
    evaluate = _Builder(names).build(tree.body)
    return Expression(text, tuple(paths), evaluate)


_TOKEN = re.compile(
    r"""(?P<text>"[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*')
    |`(?P<quoted>[^`]*)`
    |(?P<number>(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)
    |(?P<word>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    |(?P<sign><=|>=|==|!=|<>|&&|\|\||\*\*|//|[=!≤≥≠×·÷]|.)""",
    re.VERBOSE,
)
_SIGNS = {
    "=": "==",
    "<>": "!=",
    "&&": " and ",
    "||": " or ",
    "!": " not ",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "×": "*",
    "·": "*",
    "÷": "/",
}
_WORDS = {"true": "True", "false": "False", "none": "None", "null": "None", "AND": "and", "OR": "or", "NOT": "not"}
_PYTHON_WORDS = {"and", "or", "not", "in", "is", "True", "False", "None"}
_KEYWORDS = {*_PYTHON_WORDS, *_WORDS}


def _placeholders(text: str, names: Mapping[str, Path], paths: list[Path]) -> str:
    """Return Python for an expression, parameters as `_p0`, `_p1`, …: their names may be anything, `lambda` too."""
    known = sorted((name for name in names if name and name not in _PYTHON_WORDS), key=len, reverse=True)
    here = re.compile(rf"(?:{'|'.join(map(re.escape, known))})(?!\w|\.[A-Za-z_])") if known else None
    parts: list[str] = []
    position = 0
    while position < len(text):
        found = here.match(text, position) if here is not None else None
        if found is not None and not (found[0] in _FUNCTIONS and text[found.end() :].lstrip().startswith("(")):
            parts.append(_place(names[found[0]], paths))
            position = found.end()
            continue
        token = _TOKEN.match(text, position)
        assert token is not None, "its last part takes any character"
        position = token.end()
        if token["quoted"] is not None:
            if token["quoted"] not in names:
                raise _unknown(token["quoted"], names)
            parts.append(_place(names[token["quoted"]], paths))
        elif token["word"] is not None:
            parts.append(_word(token["word"], text[position:], names))
        else:
            parts.append(_spelt(token, text))
    return "".join(parts).strip()


def _place(path: Path, paths: list[Path]) -> str:
    if path not in paths:
        paths.append(path)
    return f" _p{paths.index(path)} "


def _spelt(token: re.Match[str], text: str) -> str:
    """Return a text, number or sign as Python spells it."""
    if token["text"] is not None:
        # Spelt anew: Python warns, on the screen, of escapes that it does not know.
        return repr(re.sub(r"\\(.)", r"\1", token["text"][1:-1]))
    if token[0] in ('"', "'"):
        raise RuleError(f"`{text}` cannot be read.", hint="Close every quote.")
    return _SIGNS.get(token[0], token[0])


def _word(word: str, rest: str, names: Mapping[str, Path]) -> str:
    if word in _KEYWORDS:
        return f" {_WORDS.get(word, word)} "
    if rest.lstrip().startswith("("):
        if word not in _FUNCTIONS:
            raise RuleError(f"There is no function `{word}`.", hint=did_you_mean(word, _FUNCTIONS))
        return f" {word}"
    raise _unknown(word, names)


def _unknown(word: str, names: Mapping[str, Path]) -> RuleError:
    close = nearest(word, names)
    hint = f"Did you mean `{close}`?" if close else f'If it is a text, quote it: "{word}".'
    return RuleError(f"There is no parameter `{word}`.", hint=hint)


def _way_out(text: str) -> str:
    if text.count("(") != text.count(")"):
        return "Close every bracket."
    return "Write it like `batch_size * accumulation <= 512`."


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RuleError(f"Arithmetic needs numbers, not {show(value)}.")
    return value


def _bounded(value: Any) -> Any:
    if isinstance(value, complex):
        raise RuleError("A root of a negative number is no number.")
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        raise RuleError("A number becomes too large.")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise RuleError(f"It gives {show(value)}, not true or false.", hint="Compare it with something.")
    return value


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * abs(exponent) > _MAX_BITS:
        raise RuleError("A number becomes too large.")
    return base**exponent


def _same(left: Any, right: Any) -> bool:
    """Return whether values are equal; True is not 1, as W&B has it."""
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _within(item: Any, items: Any) -> bool:
    if not isinstance(items, list):
        raise RuleError(f"`in` needs a list, not {show(items)}.")
    return any(_same(item, other) for other in items)


def _ordered(compare: Callable[[Any, Any], bool], sign: str) -> Callable[[Any, Any], bool]:
    def check(left: Any, right: Any) -> bool:
        for value in (left, right):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise RuleError(f"`{sign}` needs numbers, not {show(value)}.")
        return compare(left, right)

    return check


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "min": min,
    "max": max,
    "round": round,
    "floor": math.floor,
    "ceil": math.ceil,
    "sqrt": math.sqrt,
    "log": math.log,
    "log2": math.log2,
    "log10": math.log10,
    "exp": math.exp,
}
FUNCTIONS = tuple(_FUNCTIONS)
"""What may be called."""
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: _same,
    ast.Is: _same,
    ast.NotEq: lambda left, right: not _same(left, right),
    ast.IsNot: lambda left, right: not _same(left, right),
    ast.Lt: _ordered(operator.lt, "<"),
    ast.LtE: _ordered(operator.le, "<="),
    ast.Gt: _ordered(operator.gt, ">"),
    ast.GtE: _ordered(operator.ge, ">="),
    ast.In: _within,
    ast.NotIn: lambda item, items: not _within(item, items),
}


class _Builder:
    """Makes closures of a tree; whatever it does not know is refused."""

    def __init__(self, names: Mapping[str, Path]) -> None:
        self._names = names

    def build(self, node: ast.expr) -> Evaluator:
        """Return what works a node out.

        Raises:
            RuleError: If the node is nothing that rules know.
        """
        match node:
            case ast.Constant(value=value) if value is None or isinstance(value, bool | int | float | str):
                _bounded(value)
                return lambda _: value
            case ast.Name(id=name) if name.startswith("_p"):
                return operator.itemgetter(int(name[2:]))
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                parts = [self.build(item) for item in items]
                return lambda values: [part(values) for part in parts]
            case ast.BoolOp(op=op, values=items):
                return self._boolean(isinstance(op, ast.And), [self.build(item) for item in items])
            case ast.UnaryOp(op=unary, operand=item):
                return self._unary(unary, self.build(item))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                return self._binary(_ARITHMETIC[type(op)], self.build(left), self.build(right))
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._comparison(
                    [_COMPARISONS[type(op)] for op in ops], [self.build(item) for item in (left, *others)]
                )
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS and args:
                return self._call(name, [self.build(item) for item in args])
        raise self._refused(node)

    @staticmethod
    def _refused(node: ast.expr) -> RuleError:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
            return RuleError("`^` is not known.", hint="Write `**` for powers.")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
            return RuleError("`&` and `|` are not known.", hint="Write `and`, `or`.")
        return RuleError(
            "Only numbers, texts, comparisons, `and`, `or`, `not`, `in` and simple functions are known here.",
            hint=f"Functions are {', '.join(_FUNCTIONS)}.",
        )

    @staticmethod
    def _boolean(is_and: bool, parts: Sequence[Evaluator]) -> Evaluator:
        if is_and:
            return lambda values: all(_truth(part(values)) for part in parts)
        return lambda values: any(_truth(part(values)) for part in parts)

    @staticmethod
    def _unary(op: ast.unaryop, part: Evaluator) -> Evaluator:
        if isinstance(op, ast.Not):
            return lambda values: not _truth(part(values))
        if isinstance(op, ast.USub):
            return lambda values: -_number(part(values))
        if isinstance(op, ast.UAdd):
            return lambda values: _number(part(values))
        raise RuleError("`~` is not known.", hint="Write `not`.")

    @staticmethod
    def _binary(work: Callable[[Any, Any], Any], left: Evaluator, right: Evaluator) -> Evaluator:
        return lambda values: _bounded(work(_number(left(values)), _number(right(values))))

    @staticmethod
    def _comparison(checks: Sequence[Callable[[Any, Any], bool]], parts: Sequence[Evaluator]) -> Evaluator:
        if len(checks) == 1:
            check, (left, right) = checks[0], parts
            return lambda values: check(left(values), right(values))

        def compare(values: Sequence[Any]) -> bool:
            items = [part(values) for part in parts]
            return all(check(items[index], items[index + 1]) for index, check in enumerate(checks))

        return compare

    @staticmethod
    def _call(name: str, parts: Sequence[Evaluator]) -> Evaluator:
        function = _FUNCTIONS[name]

        def call(values: Sequence[Any]) -> Any:
            try:
                return _bounded(function(*(_number(part(values)) for part in parts)))
            except (TypeError, ValueError) as error:
                given = ", ".join(show(part(values)) for part in parts)
                raise RuleError(f"{name}({given}) is no number.") from error

        return call
