"""Small mistakes that could be made in a file of Python: what ``scripts/mutants.py`` draws from.

Each changes one operator, sign, condition, bound or default, and nothing else of the text. Left
alone is what no behaviour hangs on: annotations, decorators, what is raised (words for people),
the inside of f-strings, and ``strict=`` of ``zip``, which guards against what cannot happen.
"""

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

OTHERS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
    ast.And: ("and", "or"),
    ast.Or: ("or", "and"),
    # Without | and &, which stand between types and sets here.
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "/"),
    ast.Mod: ("%", "*"),
    ast.Pow: ("**", "*"),
    ast.MatMult: ("@", "*"),
}
SAY_TYPES = ("Annotated", "Literal")
SHOWN = 40  # characters of a line on either side of a change


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One changed place of a file."""

    path: str  # from the root of the repository
    line: int
    within: str  # the class and function, dotted
    kind: str
    was: str  # the place and a little of its line
    became: str
    start: int  # in bytes of the file
    end: int
    text: str  # what stands there instead

    def applied(self, source: bytes) -> bytes:
        """The file with the mistake in it."""
        return source[: self.start] + self.text.encode() + source[self.end :]


@dataclass(frozen=True)
class _Change:
    kind: str
    start: int
    end: int
    text: str


def mutations(path: str, source: bytes) -> list[Mutation]:
    """All that could be made in a file, in the order of their places."""
    return sorted(_File(path, source).found(), key=lambda item: (item.start, item.end, item.text))


class _File:
    def __init__(self, path: str, source: bytes) -> None:
        self._path = path
        self._source = source
        self._tree = ast.parse(source)
        self._defaults = {id(node) for node in ast.walk(self._tree) for node in _defaults(node)}
        lines = source.splitlines(keepends=True)
        self._line_starts = [0, *itertools.accumulate(len(line) for line in lines)]

    def found(self) -> Iterator[Mutation]:
        return self._below(self._tree, "")

    def _below(self, node: ast.AST, within: str) -> Iterator[Mutation]:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            within = f"{within}.{node.name}".lstrip(".")
        for change in self._changes(node):
            yield self._mutation(change, within)
        for child in _that_act(node):
            yield from self._below(child, within)

    def _mutation(self, change: _Change, within: str) -> Mutation:
        before = self._source[: change.start].rpartition(b"\n")[2].decode()[-SHOWN:]
        after = self._source[change.end :].partition(b"\n")[0].decode()[:SHOWN]
        was = self._source[change.start : change.end].decode()
        return Mutation(
            path=self._path,
            line=self._source.count(b"\n", 0, change.start) + 1,
            within=within,
            kind=change.kind,
            was=_one_line(before + was + after),
            became=_one_line(before + change.text + after),
            start=change.start,
            end=change.end,
            text=change.text,
        )

    def _changes(self, node: ast.AST) -> Iterator[_Change]:
        match node:
            case ast.Compare(left=left, ops=operators, comparators=right):
                terms = itertools.pairwise([left, *right])
                for operator, (one, other) in zip(operators, terms, strict=True):
                    yield self._swapped("comparison", operator, one, other)
            case ast.BoolOp(op=operator, values=values):
                for one, other in itertools.pairwise(values):
                    yield self._swapped("and, or", operator, one, other)
            case ast.BinOp(op=operator, left=one, right=other):
                if type(operator) in OTHERS and not (_is_text(one) or _is_text(other)):
                    yield self._swapped("arithmetic", operator, one, other)
            case ast.UnaryOp(op=ast.USub()):
                yield _Change("sign", self._start(node), self._start(node) + 1, "")
            case ast.UnaryOp(op=ast.Not()):
                yield _Change("condition", self._start(node), self._start(node) + 3, "")
            case ast.Constant(value=bool() | int() | float() as value):
                kind = "boolean" if isinstance(value, bool) else "bound"
                kind = "default" if id(node) in self._defaults else kind
                yield _Change(kind, self._start(node), self._end(node), _other(value))
        for test in _tests(node):
            start, end = self._start(test), self._end(test)
            negated = f"(not ({self._source[start:end].decode()}))"
            yield _Change("condition", start, end, negated)

    def _swapped(self, kind: str, operator: ast.AST, one: ast.expr, other: ast.expr) -> _Change:
        was, becomes = OTHERS[type(operator)]
        start = self._end(one)
        between = self._source[start : self._start(other)].decode()
        found = re.search(r"\s+".join(map(re.escape, was.split())), between)
        assert found is not None, (self._path, between, was)
        first = start + len(between[: found.start()].encode())
        return _Change(kind, first, first + len(found[0].encode()), becomes)

    def _start(self, node: ast.expr) -> int:
        return self._line_starts[node.lineno - 1] + node.col_offset

    def _end(self, node: ast.expr) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._line_starts[node.end_lineno - 1] + node.end_col_offset


def _that_act(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node that say what is done."""
    match node:
        case ast.FunctionDef(args=arguments, body=body):
            yield from (arguments, *body)
        case ast.ClassDef(body=body):
            yield from body
        case ast.AnnAssign(value=value):
            yield from filter(None, [value])
        case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=otherwise):
            yield from otherwise
        case ast.Assert(test=test):
            yield test
        case ast.Subscript(value=ast.Name(id=name)) if name in SAY_TYPES:
            pass
        case ast.Call(func=ast.Name(id="zip"), args=arguments):
            yield from arguments
        case ast.arg() | ast.Raise() | ast.JoinedStr():
            pass
        case _:
            yield from ast.iter_child_nodes(node)


def _defaults(node: ast.AST) -> Iterator[ast.AST]:
    """What an argument or a field is if it is not given."""
    match node:
        case ast.arguments(defaults=defaults, kw_defaults=others):
            yield from filter(None, [*defaults, *others])
        case ast.ClassDef(body=body):
            for field in body:
                if isinstance(field, ast.AnnAssign) and field.value is not None:
                    yield field.value


def _tests(node: ast.AST) -> Iterator[ast.expr]:
    """Conditions whose negation is no other mutation."""
    match node:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            conditions = [test]
        case ast.comprehension(ifs=conditions):
            pass
        case ast.match_case(guard=ast.expr() as guard):
            conditions = [guard]
        case _:
            return
    for condition in conditions:
        match condition:
            case ast.Name(id="TYPE_CHECKING") | ast.Constant() | ast.UnaryOp(op=ast.Not()):
                pass
            case ast.Compare(ops=[operator]) if not isinstance(
                operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE
            ):
                pass
            case _:
                yield condition


def _is_text(node: ast.expr) -> bool:
    match node:
        case ast.JoinedStr() | ast.Constant(value=str() | bytes()):
            return True
        case ast.BinOp(left=left, right=right):
            return _is_text(left) or _is_text(right)
    return False


def _other(value: float) -> str:
    match value:
        case bool():
            return repr(not value)
        case int():
            return repr(value + 1)
    return repr(value * 2 or 1.0)


def _one_line(text: str) -> str:
    return " ".join(text.split())
