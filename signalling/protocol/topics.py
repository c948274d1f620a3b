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

ONE: Final = "*"
"""In a pattern: any one word."""
REST: Final = "**"
"""At a pattern's end: the rest."""


def is_for_admins(pattern: str) -> bool:
    """Whether only those may watch this who may administer the room."""
    return pattern.split(".")[0] == WEBHOOKS


def check_topic(topic: str) -> str:
    """The topic itself, if one may post to it. Raises ValueError that says what is wrong."""
    for word in _words(topic, "topic"):
        if ONE in word:
            raise ValueError(f"a topic has no '*', which is for patterns: {_short(topic)}")
    if topic.startswith(OWN):
        raise ValueError(f"topics that begin with {OWN!r} are the server's own: {_short(topic)}")
    return topic


def check_pattern(pattern: str) -> str:
    """The pattern itself, if it is one. Raises ValueError that says what is wrong."""
    words = _words(pattern, "pattern")
    for place, word in enumerate(words):
        if word == REST and place < len(words) - 1:
            raise ValueError(f"'**' stands only at the end of a pattern: {_short(pattern)}")
        if ONE in word and word not in (ONE, REST):
            raise ValueError(f"'*' stands for a whole word: {_short(pattern)}")
    return pattern


class Wanted:
    """A set of patterns, which have been checked, made ready to be compared with one topic after another."""

    __slots__ = ("_plain", "_wild")

    def __init__(self, patterns: Iterable[str]) -> None:
        self._plain: set[str] = set()
        self._wild: list[tuple[list[str], bool]] = []
        for pattern in patterns:
            if ONE in pattern:
                words = pattern.split(".")
                rest = words[-1] == REST
                self._wild.append((words[:-1] if rest else words, rest))
            else:
                self._plain.add(pattern)

    def matches(self, topic: str) -> bool:
        """Whether one of the patterns stands for a topic."""
        if topic in self._plain:
            return True
        if not self._wild:
            return False
        words = topic.split(".")
        own = topic.startswith(OWN)
        for wanted, rest in self._wild:
            if len(words) < len(wanted) if rest else len(words) != len(wanted):
                continue
            if own and (not wanted or wanted[0] == ONE):
                continue
            if all(want in (ONE, word) for want, word in zip(wanted, words, strict=False)):
                return True
        return False


def matches(pattern: str, topic: str) -> bool:
    """Whether a pattern stands for a topic; both have been checked."""
    return Wanted((pattern,)).matches(topic)


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
