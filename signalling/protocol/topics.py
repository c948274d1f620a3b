"""Topics of posts, and the patterns by which they are watched: words between dots.

A pattern's `*` stands for any one word, and `**` at its end for the rest: any number of words, none included. It may
stand nowhere else, so that matching takes a single pass over the words, whatever a stranger asks for.
Topics that begin with `$` are the server's own; no wildcard stands for their first word.
"""

from collections.abc import Iterable
from typing import Final

from signalling.protocol.limits import MAX_TOPIC, MAX_TOPIC_WORDS

OWN: Final = "$"
"""What the server's own topics begin with."""
WATCHERS: Final = "$watchers"
"""The topic on which the server tells who begins and who ceases to watch."""
WEBHOOKS: Final = "$webhooks"
"""The topic on which the server tells its webhooks, to those who may administer the room."""

_ONE: Final = "*"
_REST: Final = "**"


def check_topic(topic: str) -> str:
    """The topic itself, if one may post to it. Raises ValueError that says what is wrong."""
    for word in _words(topic, "topic"):
        if _ONE in word:
            raise ValueError(f"a topic has no '*', which is for patterns: {_short(topic)}")
    if topic.startswith(OWN):
        raise ValueError(f"topics that begin with {OWN!r} are the server's own: {_short(topic)}")
    return topic


def check_pattern(pattern: str) -> str:
    """The pattern itself, if it is one. Raises ValueError that says what is wrong."""
    words = _words(pattern, "pattern")
    for place, word in enumerate(words):
        if word == _REST and place < len(words) - 1:
            raise ValueError(f"'**' stands only at the end of a pattern: {_short(pattern)}")
        if _ONE in word and word not in (_ONE, _REST):
            raise ValueError(f"'*' stands for a whole word: {_short(pattern)}")
    return pattern


def matches(pattern: str, topic: str) -> bool:
    """Whether a pattern stands for a topic; both have been checked."""
    wanted, words = pattern.split("."), topic.split(".")
    if topic.startswith(OWN) and wanted[0] in (_ONE, _REST):
        return False
    if wanted[-1] == _REST:
        del wanted[-1]
        if len(words) < len(wanted):
            return False
    elif len(words) != len(wanted):
        return False
    return all(want in (_ONE, word) for want, word in zip(wanted, words, strict=False))


def matches_any(patterns: Iterable[str], topic: str) -> bool:
    """Whether one of the patterns stands for a topic."""
    return any(matches(pattern, topic) for pattern in patterns)


def _words(text: str, what: str) -> list[str]:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise ValueError(f"a {what} must be valid Unicode") from None
    if not 0 < size <= MAX_TOPIC:
        raise ValueError(f"a {what} has 1 to {MAX_TOPIC} bytes of UTF-8; this one has {size}")
    if any(ord(c) < 33 or ord(c) == 127 for c in text):
        raise ValueError(f"a {what} has no spaces and no control characters: {_short(text)}")
    words = text.split(".")
    if len(words) > MAX_TOPIC_WORDS:
        raise ValueError(f"a {what} has at most {MAX_TOPIC_WORDS} words; this one has {len(words)}")
    if not all(words):
        raise ValueError(f"a {what} has a word before and after each dot: {_short(text)}")
    return words


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
