"""What the server answers when it cannot do what a client asked, by the codes of the protocol."""

from typing import Any, Final, Literal, get_args

Code = Literal[
    "bad-request",
    "unauthorized",
    "forbidden",
    "not-found",
    "room-full",
    "not-in-room",
    "unknown-peer",
    "away",
    "busy",
    "replaced",
    "too-large",
    "rate-limited",
    "unsupported-protocol",
    "shutting-down",
    "internal",
]

CODES: Final[frozenset[str]] = frozenset(get_args(Code))


class ProtocolError(Exception):
    """A request that is refused: a code for programs, a message for people, and what else the client may need.

    `retry_after` is in seconds; `statement` is the held statement (base64url) that comes with `replaced`.
    """

    def __init__(
        self, code: Code, message: str, *, retry_after: float | None = None, statement: str | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code: Code = code
        self.message = message
        self.retry_after = retry_after
        self.statement = statement

    def to_wire(self) -> dict[str, Any]:
        """The object that stands under `error` in an acknowledgement."""
        wire: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.retry_after is not None:
            wire["retry_after"] = self.retry_after
        if self.statement is not None:
            wire["statement"] = self.statement
        return wire
