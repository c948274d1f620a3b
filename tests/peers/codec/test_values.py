"""Values: what every language carries alike, and nothing else."""

import datetime
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peers.codec import values

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-values.MAX_INTEGER, values.MAX_INTEGER),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
)
anything = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(anything)
def test_a_value_comes_back(value: Any) -> None:
    decoded = values.decode(values.encode(value))
    assert decoded == value
    assert type(decoded) is type(value)


def test_what_comes_back_as_something_plainer() -> None:
    assert values.decode(values.encode((1, bytearray(b"x"), memoryview(b"y")))) == [1, b"x", b"y"]
    assert math.isnan(values.decode(values.encode(math.nan)))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, 2, {3}]}, r'data\["a"\]\[2\] is set'),
        ({"a": {"b": datetime.date(2020, 1, 1)}}, r'data\["a"\]\["b"\] is date'),
        ({1: 2}, "data has the key 1: keys must be str"),
        ([{b"k": 2}], r"data\[0\] has the key b'k'"),
        (object(), "data is object"),
        (1j, "data is complex"),
    ],
)
def test_what_is_no_value_is_a_type_error_that_names_the_place(value: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        values.encode(value)


@pytest.mark.parametrize("value", [2**53, -(2**53), [2**64]])
def test_integers_end_where_javascripts_end(value: Any) -> None:
    with pytest.raises(ValueError, match=r"within 2\^53"):
        values.encode(value)


def test_a_nest_has_an_end() -> None:
    nest: Any = 1
    for _ in range(values.MAX_DEPTH):
        nest = [nest]
    assert values.decode(values.encode(nest)) == nest
    with pytest.raises(ValueError, match="64 deep"):
        values.encode([nest])
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="64 deep"):
        values.encode(loop)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        b"\xc0\xc0",
        b"\x91",
        b"\xa1\xff",
        b"\x91" * 65 + b"\xc0",
        b"\x91" * 100_000 + b"\xc0",
        msgspec.msgpack.encode(2**53),
        msgspec.msgpack.encode({1: 2}),
        msgspec.msgpack.encode({b"1": 2}),
        msgspec.msgpack.encode(datetime.datetime.now(datetime.UTC)),
        msgspec.msgpack.encode(msgspec.msgpack.Ext(4, b"x")),
    ],
    ids=range(12),
)
def test_bytes_that_are_no_value(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        values.decode(payload)


@given(st.binary(max_size=40))
def test_any_bytes_are_a_value_or_a_value_error(payload: bytes) -> None:
    try:
        value = values.decode(payload)
    except ValueError:
        return
    values.encode(value)
