"""The data of posts: JSON and nothing else."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalling.feeds.data import spell
from signalling.feeds.stored import Stored
from signalling.protocol.limits import MAX_POST_DEPTH

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)


def nested(depth: int, inside: Any = 1) -> Any:
    for level in range(depth):
        inside = {'[{\\"': inside} if level % 2 else [[], inside, {}, '"[[[{']
    return inside


@given(values)
def test_any_value_stays_what_it_is_in_one_line(value: Any) -> None:
    text = spell(value)
    assert json.loads(text) == value
    assert b"\n" not in text
    assert b"\r" not in text


@given(values)
def test_text_of_others_becomes_the_same(value: Any) -> None:
    assert spell(msgspec.Raw(json.dumps(value, indent=2).encode())) == spell(value)


@pytest.mark.parametrize(
    "data",
    [
        b"bytes",
        {"deep": [{"er": b"bytes"}]},
        bytearray(b"bytes"),
        float("nan"),
        [float("inf")],
        "\ud800",
        {"\udfff": 1},
        {1, 2},
        object(),
    ],
    ids=repr,
)
def test_what_is_no_json(data: Any) -> None:
    with pytest.raises(ValueError, match="any JSON value"):
        spell(data)


@pytest.mark.parametrize(
    "text", [b"", b"nul", b"[1,]", b'"\xff"', b"NaN", b'"\\ud800"', b"1e999", b"1 2", b"[" * 100_000]
)
def test_text_that_is_no_json(text: bytes) -> None:
    with pytest.raises(ValueError, match="any JSON value"):
        spell(msgspec.Raw(text))


def test_depth() -> None:
    spell(nested(MAX_POST_DEPTH - 1))
    spell([nested(MAX_POST_DEPTH - 2)] * 3)
    spell([[]] * 1_000)
    spell("[" * 1_000)
    spell({'\\"' + "[" * 100: '\\\\"' + "{" * 100})
    for depth in (MAX_POST_DEPTH, MAX_POST_DEPTH + 1, 300):
        with pytest.raises(ValueError, match="64 deep"):
            spell(nested(depth))
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="any JSON value"):
        spell(deep)
    while deep:  # so that nothing is left to do that goes as deep
        deep = deep[0]


@given(values, st.text(st.characters(exclude_categories=["Cs"])))
def test_a_stored_post_knows_its_data(value: Any, text: str) -> None:
    data = spell(value)
    post = Stored(
        room=',"data":' + text, id=1, topic="t", event=text, data=data, sender=text, at=2, key=text, poster=text
    )
    assert post.data == data
    whole = json.loads(post.text)
    assert (whole["room"], whole.get("event", ""), whole["data"]) == (',"data":' + text, text, value)
    assert post.size > len(post.text)
