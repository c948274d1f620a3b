"""Who began and who ceased to watch since it was last told."""

from typing import Final, Generic, TypeVar

from signalling.protocol.events import WatcherInfo, Watchers

W = TypeVar("W")

TOLD_AT_ONCE: Final = 256
"""Watchers that one post on `$watchers` names; the rest are only counted."""


class Changes(Generic[W]):
    """What is to be told of one room's watchers. One who came and went again in between is not mentioned."""

    def __init__(self) -> None:
        self._began: dict[W, tuple[WatcherInfo, bool]] = {}
        self._ceased: dict[W, WatcherInfo] = {}

    def began(self, watcher: W, info: WatcherInfo, *, new: bool) -> None:
        """One watches: a new one, or one that watched before, with other topics."""
        _, new = self._began.get(watcher, (info, new))
        self._began[watcher] = (info, new)

    def ceased(self, watcher: W, info: WatcherInfo) -> None:
        """One watches no longer."""
        _, new = self._began.pop(watcher, (info, False))
        if not new:
            self._ceased[watcher] = info

    def take(self, count: int) -> Watchers | None:
        """What is to be told, if anything, with the number of those who watch now."""
        began = [info for info, _ in self._began.values()]
        ceased = list(self._ceased.values())
        self._began.clear()
        self._ceased.clear()
        if not began and not ceased:
            return None
        room = max(0, TOLD_AT_ONCE - len(began))
        more = len(began) + len(ceased) - TOLD_AT_ONCE
        return Watchers(count=count, began=began[:TOLD_AT_ONCE], ceased=ceased[:room], more=max(0, more))
