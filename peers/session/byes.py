"""How a session ends on purpose: a bye each way (rule S8)."""

from collections import deque

from peers.session.events import ByeDone, ByeReceived, Event
from peers.session.receiver import Receiver
from peers.session.sender import Sender


class Byes:
    """Ours and the peer's."""

    def __init__(self, sender: Sender, receiver: Receiver, events: deque[Event]) -> None:
        self._sender = sender
        self._receiver = receiver
        self._events = events
        self._received = self._done = False

    def say(self, now: float) -> None:
        """Send ours, once."""
        if self._sender.bye_at is None:
            self._sender.bye(now)

    def check(self, now: float) -> bool:
        """See how far we are after something came; True if the peer's bye has just come, to be acknowledged at once."""
        if self._receiver.bye is None:
            return False
        news = self._receiver.complete and not self._received
        if news:
            self._received = True
            self._events.append(ByeReceived())
            self.say(now)
        if self._received and self._sender.bye_acknowledged and not self._done:
            self._done = True
            self._events.append(ByeDone())
        return news
