"""Small changes to a Python file, one at a time, each of which a test should notice.

Left alone: annotations, docstrings, f-strings and the texts of errors. What is a change is listed
in `_changes`.
"""

from __future__ import annotations

import ast
import copy
import dataclasses
from collections.abc import Iterator

_COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}
_OPERATORS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}
_PAIRS = (
    ("maximum", "minimum"), ("max", "min"), ("any", "all"), ("floor", "ceil"), ("zeros", "ones"),
    ("zeros_like", "ones_like"), ("reduce_sum", "reduce_mean"), ("reduce_any", "reduce_all"),
    ("reduce_max", "reduce_min"), ("argmax", "argmin"), ("SUM", "MEAN"),
)
_SWAPPED = (ast.Name, ast.Call, ast.BinOp, ast.Attribute, ast.Subscript)
_NAMES = dict(_PAIRS) | {second: first for first, second in _PAIRS}


@dataclasses.dataclass(frozen=True)
class Mutant:
    """line: counted from 1; text: that line of the original, without its indentation; change:
    "old -> new" in Python; source: the whole changed file."""

    line: int
    column: int
    text: str
    change: str
    source: str


def mutants(source: str) -> list[Mutant]:
    """All changes, in the order of the file; the same for the same source."""
    lines = source.encode().splitlines(keepends=True)  # ast counts columns in bytes
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    found = []
    for node in _nodes(ast.parse(source)):
        for old, new in _changes(node):
            begin = starts[old.lineno - 1] + old.col_offset
            end = starts[old.end_lineno - 1] + old.end_col_offset
            text = new if isinstance(new, str) else ast.unparse(new)
            inserted = f"({text})" if isinstance(new, ast.expr) else text
            changed = b"".join(lines)
            changed = (changed[:begin] + inserted.encode() + changed[end:]).decode()
            ast.parse(changed)
            shown = lines[old.lineno - 1].decode().strip()
            change = f"{ast.unparse(old)} -> {text}".replace("\n", " ")
            found.append(Mutant(old.lineno, old.col_offset, shown, change, changed))
    return sorted(found, key=lambda mutant: (mutant.line, mutant.column))


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """What may be changed below `node`."""
    yield node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list") or isinstance(node, ast.Raise):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.JoinedStr):
                continue
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                continue  # a docstring
            if isinstance(child, ast.Call) and ast.unparse(child.func) == "lazy_module":
                continue
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                continue
            yield from _nodes(child)


def _changes(node: ast.AST) -> Iterator[tuple[ast.AST, ast.expr | str]]:
    """(the part to be replaced, what stands there then)."""
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in _COMPARISONS:
            yield node, _with(node, ops=[_COMPARISONS[type(operator)]()])
        case ast.BinOp(op=operator) if type(operator) in _OPERATORS:
            yield node, _with(node, op=_OPERATORS[type(operator)]())
        case ast.BoolOp(op=operator):
            yield node, _with(node, op=ast.And() if isinstance(operator, ast.Or) else ast.Or())
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            yield node, node.operand
        case ast.If() | ast.IfExp() | ast.While():
            if not isinstance(node.test, ast.UnaryOp):
                yield node.test, ast.UnaryOp(ast.Not(), node.test)
        case ast.Constant(value=value) if (new := _other_constant(value)) is not None:
            yield node, ast.Constant(new)
        case ast.Call():
            yield from _calls(node)
        case ast.Return(value=ast.Tuple(elts=[first, second, *rest])):
            yield node.value, ast.Tuple([second, first, *rest], ast.Load())
        case ast.Attribute(attr=name) if name in _NAMES:
            yield node, _with(node, attr=_NAMES[name])
        case ast.Name(id=name, ctx=ast.Load()) if name in _NAMES:
            yield node, _with(node, id=_NAMES[name])
        case ast.Expr() | ast.AugAssign() | ast.Raise() | ast.Continue() | ast.Break():
            yield node, "pass"
        case ast.Assign(targets=[target]) if _again(target, node.value):
            yield node, "pass"


def _calls(node: ast.Call) -> Iterator[tuple[ast.AST, ast.expr]]:
    for keyword in node.keywords:
        kept = [other for other in node.keywords if other is not keyword]
        yield node, _with(node, keywords=kept)
    match node.args:
        case [condition, first, second] if ast.unparse(node.func).endswith("where"):
            yield node, _with(node, args=[condition, second, first])
        # Of one kind: what is swapped with a number or a dtype fails wherever it is run.
        case [first, second, *rest] if type(first) is type(second) and isinstance(first, _SWAPPED):
            yield node, _with(node, args=[second, first, *rest])


def _other_constant(value: object) -> object | None:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 1.5 if value else 1.0
    if isinstance(value, str) and value:
        return f"{value}?"
    return None


def _again(target: ast.expr, value: ast.expr) -> bool:
    """Whether the target has a value before: without the statement the old one is used."""
    if not isinstance(target, ast.Name):
        return isinstance(target, (ast.Attribute, ast.Subscript))
    return any(isinstance(each, ast.Name) and each.id == target.id for each in ast.walk(value))


def _with(node: ast.AST, **fields: object) -> ast.AST:
    node = copy.copy(node)
    for name, value in fields.items():
        setattr(node, name, value)
    return node
