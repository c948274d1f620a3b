"""The errors of the peer library. Each says what was wrong and what to do."""

from collections.abc import Sequence
from typing import Any


class EitherwayError(Exception):
    """The base of every error that this library raises."""


class ConnectionFailed(EitherwayError, ConnectionError):
    """The signalling server could not be reached, or the connection to it is closed for good."""


class Refused(EitherwayError):
    """The server refused a request.

    `code` is the protocol's error code; `retry_after`, in seconds, is when it may be worth trying again.
    """

    def __init__(
        self, code: str, message: str, *, retry_after: float | None = None, statement: str | None = None
    ) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.retry_after = retry_after
        self.statement = statement


class NotInRoom(EitherwayError):
    """This program, or the peer it wanted to reach, is not in the room (any more)."""


class TooLarge(EitherwayError, ValueError):
    """The message is larger than its lane carries."""


class Undelivered(EitherwayError):
    """Messages whose delivery is unknown: they were sent, but the peer was gone before it acknowledged them.

    `messages` lists them in the order in which they were sent; `peer` is whom they were for, `reason` why.
    """

    def __init__(self, peer: Any, messages: Sequence[Any], reason: str) -> None:
        count = len(messages)
        super().__init__(
            f"{count} message{'s' if count != 1 else ''} to {peer} may not have arrived: {reason}. "
            "Send again what must arrive; the other side may see it twice"
            if count
            else f"everything arrived, but {peer} may not have handled it all: {reason}"
        )
        self.peer = peer
        self.messages = list(messages)
        self.reason = reason
