"""Topics and patterns: which are taken, and which stand for which."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalling.protocol.limits import MAX_TOPIC, MAX_TOPIC_WORDS
from signalling.protocol.topics import ONE, OWN, REST, Wanted, check_pattern, check_topic, matches


def stands_for(pattern: list[str], topic: list[str]) -> bool:
    """The definition, word by word."""
    if not pattern or not topic:
        return pattern in ([], [REST]) and not (topic and not pattern)
    if pattern[0] == REST:
        return True
    return pattern[0] in (ONE, topic[0]) and stands_for(pattern[1:], topic[1:])


@pytest.mark.parametrize(
    ("pattern", "topic", "expected"),
    [
        ("orders", "orders", True),
        ("orders", "orders.42", False),
        ("orders.*", "orders.42", True),
        ("orders.*", "orders", False),
        ("orders.*", "orders.42.shipped", False),
        ("*.42", "orders.42", True),
        ("*.42.*", "orders.42.shipped", True),
        ("*", "orders", True),
        ("*", "orders.42", False),
        ("**", "orders", True),
        ("**", "orders.42.shipped", True),
        ("orders.**", "orders", True),
        ("orders.**", "orders.42.shipped", True),
        ("orders.*.**", "orders", False),
        ("orders.*.**", "orders.42", True),
        ("Orders", "orders", False),
        ("*", "$watchers", False),
        ("**", "$watchers", False),
        ("*.webhooks", "$own.webhooks", False),
        ("$watchers", "$watchers", True),
        ("$own.*", "$own.webhooks", True),
        ("$own.**", "$own", True),
        ("*.$x", "a.$x", True),
    ],
)
def test_patterns(pattern: str, topic: str, expected: bool) -> None:
    assert matches(check_pattern(pattern), topic) is expected


words = st.sampled_from(["a", "b", "ab", "é"])
topics = st.lists(words, min_size=1, max_size=5)
patterns = st.builds(
    lambda front, rest: [*front, *rest],
    st.lists(words | st.just(ONE), max_size=5),
    st.sampled_from([[], [REST]]),
).filter(bool)


@given(st.lists(patterns, max_size=6), topics)
def test_any_pattern_against_its_definition(wanted: list[list[str]], topic: list[str]) -> None:
    expected = any(stands_for(pattern, topic) for pattern in wanted)
    assert Wanted(map(".".join, wanted)).matches(".".join(topic)) is expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "1 to 256 bytes"),
        ("x" * (MAX_TOPIC + 1), "257"),
        ("é" * 129, "258"),
        (".", "a word before and after each dot"),
        ("a..b", "a word before and after each dot"),
        (".a", "a word before and after each dot"),
        ("a.", "a word before and after each dot"),
        ("a b", "no spaces"),
        ("a\nb", "no control characters"),
        ("a\x7f", "no control characters"),
        ("\ud800", "valid Unicode"),
        (".".join("a" * (MAX_TOPIC_WORDS + 1)), "at most 16 words"),
    ],
)
def test_what_is_neither_topic_nor_pattern(text: str, why: str) -> None:
    for check in (check_topic, check_pattern):
        with pytest.raises(ValueError, match=why):
            check(text)


@pytest.mark.parametrize("text", ["a.*", "*", "**", "a*", "a.**", "a.b*c"])
def test_a_topic_has_no_wildcards(text: str) -> None:
    with pytest.raises(ValueError, match="for patterns"):
        check_topic(text)


@pytest.mark.parametrize("text", [OWN, "$watchers", "$x.y"])
def test_nobody_posts_on_the_servers_own_topics(text: str) -> None:
    with pytest.raises(ValueError, match="the server's own"):
        check_topic(text)
    assert check_pattern(text) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("**.a", "only at the end"),
        ("a.**.b", "only at the end"),
        ("**.**", "only at the end"),
        ("a*", "a whole word"),
        ("***", "a whole word"),
        ("a.*b", "a whole word"),
        ("a.**b", "a whole word"),
    ],
)
def test_what_is_no_pattern(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_pattern(text)


def test_the_longest_topic_is_one() -> None:
    assert check_topic("é" * 128)
    assert check_topic(".".join("a" * MAX_TOPIC_WORDS))


def test_errors_stay_short() -> None:
    with pytest.raises(ValueError, match="for patterns") as caught:
        check_topic("x" * 200 + "*")
    assert len(str(caught.value)) < 120


def test_no_pattern_is_slow() -> None:
    """As regular expressions are, on which somebody works to make them so."""
    wanted = Wanted([".".join(["*"] * 15 + [f"b{n}"]) for n in range(63)] + [".".join(["*"] * 15) + ".**"])
    topic = ".".join("a" * 16)
    begun = time.process_time()
    for _ in range(1_000):
        wanted.matches(topic)
    assert time.process_time() - begun < 1.0
