"""The language of specs: what it reads, and that it reads nothing else and executes nothing."""

from __future__ import annotations

import keyword
import math
import warnings
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zoo.spec import Call, addresses, bind, parse_call, parse_calls, parse_options

EXAMPLES = {
    "": [],
    "   ": [],
    "flip": [Call("flip")],
    " flip ": [Call("flip")],
    "flip()": [Call("flip")],
    "flip | mixup(0.2)": [Call("flip"), Call("mixup", (0.2,))],
    "a|b(1)|c(x=2)": [Call("a"), Call("b", (1,)), Call("c", (), {"x": 2})],
    "step(30, 60, 90, factor=0.1)": [Call("step", (30, 60, 90), {"factor": 0.1})],
    "f(activation=relu, pool='max')": [Call("f", (), {"activation": "relu", "pool": "max"})],
    "f(zero_gamma=True, x=None)": [Call("f", (), {"zero_gamma": True, "x": None})],
    "keras_cv.GridMask(rate=-1.5)": [Call("keras_cv.GridMask", (), {"rate": -1.5})],
    "f('a|b', \"c\")": [Call("f", ("a|b", "c"))],
    "f((1, 2), [3], {'k': None}, True)": [Call("f", ((1, 2), [3], {"k": None}, True))],
}


@pytest.mark.parametrize("spec", EXAMPLES)
def test_examples(spec):
    assert parse_calls(spec) == EXAMPLES[spec]


def test_order_is_kept_over_many_bars():
    names = [f"op{place}" for place in range(300)]
    assert [call.name for call in parse_calls("|".join(names))] == names


NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: not keyword.iskeyword(name)
)
LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.binary(max_size=8)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3)
    | st.lists(inner, max_size=3).map(tuple)
    | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
CALLS = st.builds(
    Call,
    st.lists(NAMES, min_size=1, max_size=3).map(".".join),
    st.lists(LITERALS, max_size=3).map(tuple),
    st.dictionaries(NAMES, LITERALS, max_size=3),
)


def to_text(call: Call) -> str:
    words = [repr(value) for value in call.args]
    words += [f"{name}={value!r}" for name, value in call.kwargs.items()]
    return f"{call.name}({', '.join(words)})"


@given(st.lists(CALLS, max_size=4), st.sampled_from(["|", " | "]))
def test_round_trip(calls, bar):
    assert parse_calls(bar.join(to_text(call) for call in calls)) == calls


def test_a_negative_zero_keeps_its_sign():
    (value,) = parse_call("f(-0.0)").args
    assert math.copysign(1, value) == -1


UNREADABLE = {
    "import": "__import__('os').system('touch {marker}')",
    "import as argument": "flip(__import__('os').system('touch {marker}'))",
    "import as keyword": "flip(rate=__import__('os').system('touch {marker}'))",
    "open": "flip(open('{marker}', 'w'))",
    "f-string": "flip(f'{open(\"{marker}\", \"w\")}')",
    "comprehension": "flip([open('{marker}', 'w') for _ in (1,)])",
    "lambda": "flip(lambda: 1)",
    "lambda called": "(lambda: open('{marker}', 'w'))()",
    "attribute of a call": "flip().sample()",
    "subscript": "ops['flip']",
    "name as value": "flip(mixup)",
    "true in small letters": "resnet(zero_gamma=true)",
    "false in capitals": "resnet(zero_gamma=FALSE)",
    "word in a list": "resnet(stages=[small])",
    "dotted word": "resnet(activation=keras.relu)",
    "call as value": "flip(mixup(0.2))",
    "arithmetic": "flip(1/2)",
    "power": "flip(9**9**9**9)",
    "repetition": "flip('a'*10)",
    "star": "flip(*[1])",
    "two stars": "flip(**{{'rate': 1}})",
    "walrus": "flip(rate := 1)",
    "statement": "import os",
    "two statements": "flip; mixup",
    "assignment": "x = flip",
    "number": "3",
    "string": "'flip'",
    "bars of numbers": "1|2",
    "other operator": "flip & mixup",
    "bracketed bars": "flip|(mixup(0.2)|flip)",
    "no first": "|flip",
    "no last": "flip|",
    "nothing between": "flip||mixup",
    "open bracket": "flip(",
    "closed bracket": "flip)",
    "open string": "flip('",
    "line break": "flip\n|mixup(0.2)",
    "line break in a string": "flip('''\n''', x)",
    "null byte": "fl\0ip",
    "surrogate": "\ud800",
    "unhashable": "flip({{[]: 1}})",
    "unhashable in a set": "flip({{1, []}})",
    "twice the same keyword": "flip(rate=0.1, rate=0.2)",
    "many digits": "flip(" + "9" * 5000 + ")",
    "many hexadecimal digits": "flip(x, 0x" + "f" * 5000 + ")",
    "10,000 bars": "|".join(["1"] * 10_000),
    "10,000 dots": ".".join(["a"] * 10_000),
    "700 dots": ".".join(["a"] * 700) + "(b)",
    "10,000 brackets": "flip(" + "[" * 10_000 + "]" * 10_000 + ")",
    "190 brackets around a name": "flip(" + "[" * 190 + "x" + "]" * 190 + ")",
    "10,000 calls": "flip" + "()" * 10_000,
    "700 calls": "flip" + "()" * 700,
    "10,000 signs": "flip(" + "-" * 10_000 + "1)",
    "700 signs": "flip(" + "-" * 700 + "1)",
    "700 sums": "flip(" + "1+" * 700 + "1)",
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_specs_end_in_one_line_and_execute_nothing(name, tmp_path):
    marker = tmp_path / "executed"
    spec = UNREADABLE[name]
    if "{marker}" in spec or "{{" in spec:
        spec = spec.replace("{marker}", str(marker)).replace("{{", "{").replace("}}", "}")
    with pytest.raises(ValueError) as error:
        parse_calls(spec)
    assert "\n" not in str(error.value)
    assert "cannot read" in str(error.value) and "expected" in str(error.value)
    assert not marker.exists()


@given(st.text(max_size=60))
@example("1if x else y")
@example("flip(1or 2)")
@example(r"flip('\d')")
@example("flip(1 is 1)")
@example("'a'()")
def test_garbage_is_read_or_refused_in_one_line_without_a_warning(text):
    # A warning of Python's parser would be a second line on standard error.
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            calls = parse_calls(text)
        except ValueError as error:
            assert "\n" not in str(error)
        else:
            assert all(isinstance(call, Call) for call in calls)
    assert not warned


def test_the_message_of_a_long_spec_stays_short():
    with pytest.raises(ValueError) as error:
        parse_calls("flip(x" * 10_000)
    assert len(str(error.value)) < 1000


def test_one_call_only():
    assert parse_call("step(3)") == Call("step", (3,))
    for spec in ("", "a|b"):
        with pytest.raises(ValueError, match=f"got {spec!r}; expected one name or call".replace(
                "|", r"\|")):
            parse_call(spec)


def test_options():
    assert parse_options("") == {}
    assert parse_options("zero_gamma=True, hidden=(300, 100), activation='tanh'") == {
        "zero_gamma": True, "hidden": (300, 100), "activation": "tanh"
    }


@pytest.mark.parametrize("text", [
    "True", "1, x=2", "x=1)|y(", "x=y.z", "x=true", "x=1, x=2", "x=", "**{}", "x=1)(y=2", "x=1).y(",
])
def test_options_that_cannot_be_read(text):
    with pytest.raises(ValueError) as error:
        parse_options(text)
    assert "\n" not in str(error.value) and "expected" in str(error.value)


def scale(size: int, *, rate: float = 0.5) -> tuple:
    return size, rate


def test_bind_calls_what_is_named():
    choices = {"scale": scale}
    assert bind(Call("scale", (3,)), choices, "operation") == (3, 0.5)
    assert bind(Call("scale", (), {"size": 3, "rate": 1}), choices, "operation") == (3, 1)


@pytest.mark.parametrize("call, part", [
    (Call("scale"), "missing a required argument: 'size'"),
    (Call("scale", (1, 2)), "too many positional arguments"),
    (Call("scale", (1,), {"size": 2}), "multiple values for argument 'size'"),
    (Call("scale", (1,), {"ratio": 2}), "unexpected keyword argument 'ratio'"),
])
def test_bind_says_what_fits(call, part):
    with pytest.raises(ValueError) as error:
        bind(call, {"scale": scale}, "operation")
    message = str(error.value)
    assert message.startswith("operation scale: ") and part in message and "\n" not in message
    assert "expected scale(size: 'int', *, rate: 'float' = 0.5)" in message


def test_bind_names_the_choices():
    with pytest.raises(ValueError, match=(
        r"^got operation 'skale'; expected one of \['blur', 'scale'\], or package.module:Name$"
    )):
        bind(Call("skale"), {"scale": scale, "blur": scale}, "operation")


def test_a_name_may_be_an_address():
    calls = parse_calls("flip|my.ops:Tint(0.2, s='a:b', t={1: 2})|mixup(x=relu, y=p.q:R.S)")
    assert calls == [
        Call("flip"), Call("my.ops:Tint", (0.2,), {"s": "a:b", "t": {1: 2}}),
        Call("mixup", (), {"x": "relu", "y": "p.q:R.S"}),
    ]


@pytest.mark.parametrize("spec", ["a:1", ":x", "x:", "f(x:y)", "f(x=a.b)"])
def test_what_is_no_address_cannot_be_read(spec):
    with pytest.raises(ValueError, match="cannot read"):
        parse_calls(spec)


def test_bind_imports_an_address():
    assert bind(Call("fractions:Fraction", (1, 2)), {}, "operation") == Fraction(1, 2)
    with pytest.raises(ValueError, match="^got operation 'no_such:Name', which cannot be imported"):
        bind(Call("no_such:Name"), {}, "operation")
    with pytest.raises(ValueError, match="^got operation 'math:pi', which is of type float; "):
        bind(Call("math:pi"), {}, "operation")


def test_addresses_of_a_spec():
    spec = "flip|my.ops:Tint(0.2, ('p:Q', [1]))|mixup(x={'a': 'r.s:T'}, y=u:V, z='no address: x')"
    assert addresses(spec) == ["my.ops:Tint", "p:Q", "r.s:T", "u:V"]
    assert addresses("") == addresses("flip|mixup(0.2)") == []


def test_quoted_colons_are_no_addresses():
    call = Call("f", (b"\x00:A", "it's a:b", 'say "c:d"'))
    assert parse_call(f"f({', '.join(map(repr, call.args))})") == call
