"""Who watches which topics: a tree of the words of patterns, so that a post finds them by its own few words."""

from typing import Final, Generic, TypeVar

from signalling.protocol.topics import ONE, OWN, REST

W = TypeVar("W")


class _Node(Generic[W]):
    """What the patterns have in common that begin with the same words."""

    __slots__ = ("ending", "rest", "words")

    def __init__(self) -> None:
        self.words: Final[dict[str, _Node[W]]] = {}
        self.ending: Final[dict[W, None]] = {}
        """Who has a pattern that ends here."""
        self.rest: Final[dict[W, None]] = {}
        """Who has one that ends here with `**`."""

    def __bool__(self) -> bool:
        return bool(self.words or self.ending or self.rest)


class Index(Generic[W]):
    """Watchers by their patterns, however many there are."""

    def __init__(self) -> None:
        self._root: _Node[W] = _Node()

    def add(self, pattern: str, watcher: W) -> None:
        """One who watches a pattern, which has been checked."""
        node = self._root
        words = pattern.split(".")
        rest = words[-1] == REST
        for word in words[:-1] if rest else words:
            node = node.words.setdefault(word, _Node())
        (node.rest if rest else node.ending)[watcher] = None

    def remove(self, pattern: str, watcher: W) -> None:
        """Does so no longer. Raises KeyError if it did not."""
        path = [self._root]
        words = pattern.split(".")
        rest = words[-1] == REST
        if rest:
            del words[-1]
        for word in words:
            path.append(path[-1].words[word])
        del (path[-1].rest if rest else path[-1].ending)[watcher]
        for node, word in zip(reversed(path[:-1]), reversed(words), strict=True):
            if node.words[word]:
                break
            del node.words[word]

    def match(self, topic: str) -> list[W]:
        """Everyone with a pattern that stands for the topic, each once."""
        found: list[dict[W, None]] = []
        nodes = [self._root]
        wild = not topic.startswith(OWN)
        for word in topic.split("."):
            following: list[_Node[W]] = []
            for node in nodes:
                if (named := node.words.get(word)) is not None:
                    following.append(named)
                if wild:
                    if (any_word := node.words.get(ONE)) is not None:
                        following.append(any_word)
                    if node.rest:
                        found.append(node.rest)
            wild = True
            nodes = following
            if not nodes:
                break
        for node in nodes:
            found += [watchers for watchers in (node.ending, node.rest) if watchers]
        if len(found) == 1:
            return list(found[0])
        return list({watcher: None for watchers in found for watcher in watchers})

    def __bool__(self) -> bool:
        return bool(self._root)
