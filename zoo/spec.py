"""The little language that recipes name their parts in: ``flip|pad_crop(2)|mixup(alpha=0.2)``.

A spec is one or more calls joined by bars. Arguments are Python literals read by
`ast.literal_eval`: nothing in a spec is ever executed. A bare word behind `=` is a text
(``activation=relu``), since shells eat quotes. A name may be an address
(``my_package.ops:Tint(0.2)``, see address.py).
"""

from __future__ import annotations

import ast
import inspect
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from zoo.address import is_address, load

# Stands for the colon of an address while Python parses: a letter to Python, and in no name of a
# keyboard's.
_COLON = "\u02d0"
# The colons of addresses; texts in quotes are skipped, whatever is in them.
_COLONS = re.compile(
    r"""(?P<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?<=\w):(?=[A-Za-z_])""", re.DOTALL
)


@dataclass(frozen=True)
class Call:
    """One parsed call: `name(*args, **kwargs)`."""

    name: str
    args: tuple = ()
    kwargs: Mapping = field(default_factory=dict)


def parse_calls(spec: str) -> list[Call]:
    """Parses "a|b(1)|c(x=2)"; the empty spec is the empty list.

    Raises ValueError with the part that cannot be read.
    """
    if not spec.strip():
        return []
    try:
        # What Python only warns of ("1or 2") would be a second line on standard error.
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            text = _COLONS.sub(lambda match: match["quoted"] or _COLON, spec.strip())
            tree = ast.parse(text, mode="eval").body
        return [_parse_call(node, text, spec) for node in _split_bars(tree)]
    except (SyntaxError, RecursionError, MemoryError, UnicodeError):
        raise _unreadable(spec, spec) from None


def parse_call(spec: str) -> Call:
    """Parses a spec of exactly one call, e.g. "step(30, 60, 90, factor=0.1)"."""
    calls = parse_calls(spec)
    if len(calls) != 1:
        raise ValueError(f"got {spec!r}; expected one name or call, such as name or name(1, x=2)")
    return calls[0]


def parse_options(text: str) -> dict:
    """Parses keyword arguments written as in a call: "zero_gamma=True, dropout=0.2"."""
    call = parse_call(f"options({text})")
    if call.args:
        raise ValueError(f"got {text!r}; expected name=value pairs joined by commas")
    return dict(call.kwargs)


def bind(call: Call, choices: Mapping[str, Callable], kind: str) -> object:
    """Calls `choices[call.name]`, or what an address names, with the call's arguments.

    Raises ValueError, in one line, for a name that is not there or arguments that do not fit.
    """
    if is_address(call.name):
        function = load(call.name, kind)
        if not callable(function):
            raise ValueError(
                f"got {kind} {call.name!r}, which is of type {type(function).__name__}; expected a "
                "class or a function"
            )
    elif call.name in choices:
        function = choices[call.name]
    else:
        raise ValueError(
            f"got {kind} {call.name!r}; expected one of {sorted(choices)}, or package.module:Name"
        )
    try:
        inspect.signature(function).bind(*call.args, **call.kwargs)
    except TypeError as error:
        raise ValueError(
            f"{kind} {call.name}: {error}; expected {call.name}{inspect.signature(function)}"
        ) from None
    try:
        return function(*call.args, **call.kwargs)
    except TypeError as error:
        # Such as comparing a text with a number. ValueErrors say themselves what is expected.
        raise ValueError(
            f"{kind} {call.name}: {error}; expected {call.name}{inspect.signature(function)}"
        ) from None


def require(good: bool, part: str, name: str, value: object, expected: str) -> None:
    """Raises ValueError, in one line, unless `good`: the check of one argument of `part`."""
    if not good:
        raise ValueError(f"{part}: got {name}={value!r}; expected {expected}")


def addresses(spec: str) -> list[str]:
    """All addresses that a spec holds, as names of calls and as their arguments, in its order.

    Code from outside of the zoo runs where such a spec is used: see `zoo.address.require_trust`.
    """
    return [
        text for call in parse_calls(spec)
        for text in (call.name, *_texts([*call.args, *call.kwargs.values()])) if is_address(text)
    ]


def _texts(value: object) -> list[str]:
    """The texts in a literal, however deep."""
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple, set)):
        return [text for part in value for text in _texts(part)]
    return [value] if isinstance(value, str) else []


def _split_bars(node: ast.expr) -> list[ast.expr]:
    # "a|b|c" is ((a|b)|c): walk down the left side rather than recurse, so that a spec of
    # thousands of bars cannot overflow the stack.
    parts = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        parts.append(node.right)
        node = node.left
    return [node, *reversed(parts)]


def _parse_call(node: ast.expr, text: str, spec: str) -> Call:
    if isinstance(node, ast.Call):
        name, arguments, keywords = node.func, node.args, node.keywords
    else:
        name, arguments, keywords = node, [], []
    names = [keyword.arg for keyword in keywords]
    try:
        if None in names or len(set(names)) < len(names):
            raise ValueError("two stars, or an argument given twice")
        return Call(
            _dotted_name(name),
            tuple(ast.literal_eval(argument) for argument in arguments),
            {keyword.arg: _word_or_literal(keyword.value) for keyword in keywords},
        )
    except (ValueError, TypeError):
        part = (ast.get_source_segment(text, node) or text).replace(_COLON, ":")
        raise _unreadable(part, spec) from None


def _word_or_literal(node: ast.expr) -> object:
    # "zero_gamma=false" as a text would be true.
    if isinstance(node, ast.Name) and node.id.lower() not in ("true", "false", "none"):
        return node.id.replace(_COLON, ":")
    if isinstance(node, ast.Attribute) and is_address(address := _dotted_name(node)):
        return address
    return ast.literal_eval(node)


def _dotted_name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id.replace(_COLON, ":")
    if isinstance(node, ast.Attribute):
        return f"{_dotted_name(node.value)}.{node.attr}".replace(_COLON, ":")
    raise ValueError("not a name")


def _unreadable(part: str, spec: str) -> ValueError:
    part, spec = (text if len(text) <= 200 else f"{text[:200]}..." for text in (part, spec))
    return ValueError(
        f"cannot read {part!r} in {spec!r}; expected calls with literal arguments joined by |, "
        "such as flip|mixup(0.2)"
    )
