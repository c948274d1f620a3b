"""Flushes: what each one waits to be handled (rule S8)."""

from collections import deque
from collections.abc import Iterable

from peers.session.credit import SendChannel
from peers.session.events import Event, Flushed


class Flushes:
    """The marks that have been set, and what of each channel must have been handled for them."""

    def __init__(self, events: deque[Event]) -> None:
        self._events = events
        self._next = 1
        self.waiting: dict[int, dict[int, int]] = {}
        """For each mark the channels it waits for, with the charged bytes that were promised on them."""

    def mark(self, channels: Iterable[SendChannel]) -> int:
        """A mark; its event comes at once if nothing waits."""
        mark = self._next
        self._next += 1
        targets = {channel.number: channel.promised for channel in channels if channel.promised > channel.handled}
        if targets:
            self.waiting[mark] = targets
        else:
            self._events.append(Flushed(mark))
        return mark

    def handled(self, channel: SendChannel) -> None:
        """The peer has handled more of a channel."""
        if not self.waiting:
            return
        for mark, targets in list(self.waiting.items()):
            target = targets.get(channel.number)
            if target is not None and channel.handled >= target:
                del targets[channel.number]
                if not targets:
                    del self.waiting[mark]
                    self._events.append(Flushed(mark))
