"""What a bot is to do: its name, its profile, its handlers. `peers.bot.service` does it."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal, get_args, overload

import msgspec

from peers.bot.service import Service, Status, Where
from peers.channel import LaneName
from peers.connection import TRANSPORTS
from peers.emitter import H, Handler
from peers.identity import Identity
from peers.link import Key
from peers.members import P2P
from peers.membership import profile_text
from peers.room import Room
from peers.talking import make_key
from peers.tokens import Token

BotEvent = Literal[
    "startup",
    "joined",
    "message",
    "peer_joined",
    "peer_left",
    "peer_updated",
    "path_changed",
    "undelivered",
    "closed",
    "cleanup",
]
HANDLER_SECONDS: Final = 60.0
"""How long a handler may take, unless the bot says otherwise."""
MAX_HANDLERS: Final = 100
"""Handlers of a bot that run at a time, unless it says otherwise; the others wait, and so do their senders."""
STOP_SECONDS: Final = 5.0
"""How long handlers that run may take to finish when the bot is to stop."""


class Listened(msgspec.Struct):
    """A channel that a bot listens to: what its messages are to be, and who handles them."""

    type: Any
    latest: bool
    handlers: list[Handler]


class Bot:
    """A service that joins rooms as a peer: handlers for what happens there, and `eitherway bot` or `run` to run it.

    `name` is what the others see, beside what `profile` adds to ``{"name": name, "bot": True}``. `handler_timeout`:
    seconds that a handler may take before it is cancelled, which is logged. `max_handlers`: how many may run at a time.
    Raises ValueError, TypeError.
    """

    def __init__(
        self,
        name: str,
        *,
        profile: Mapping[str, Any] | None = None,
        handler_timeout: float = HANDLER_SECONDS,
        max_handlers: int = MAX_HANDLERS,
    ) -> None:
        if not isinstance(name, str) or not name:
            raise TypeError(f'a bot has a name: Bot("echo"), not Bot({name!r})')
        if not handler_timeout > 0 or not max_handlers > 0:
            raise ValueError("handler_timeout and max_handlers are more than 0")
        self.name = name
        self.profile: Mapping[str, Any] = MappingProxyType({"name": name, "bot": True, **(profile or {})})
        """What the bot says of itself in every room."""
        profile_text(self.profile)
        self.handler_timeout, self.max_handlers = handler_timeout, max_handlers
        self._handlers: dict[str, list[Handler]] = {event: [] for event in get_args(BotEvent)}
        self._channels: dict[Key, Listened] = {}
        self._every: list[tuple[float, Handler]] = []
        self._service: Service | None = None

    @property
    def rooms(self) -> Mapping[str, Room]:
        """The rooms that the bot is in now, by name."""
        return self._service.rooms if self._service is not None else MappingProxyType({})

    # ---- what it does

    @overload
    def on(
        self,
        event: BotEvent,
        handler: Handler,
        *,
        channel: str = ...,
        lane: LaneName = ...,
        type: Any = ...,
        latest: bool = ...,
    ) -> Handler: ...
    @overload
    def on(
        self, event: BotEvent, *, channel: str = ..., lane: LaneName = ..., type: Any = ..., latest: bool = ...
    ) -> Callable[[H], H]: ...
    def on(
        self,
        event: BotEvent,
        handler: Handler | None = None,
        *,
        channel: str = "",
        lane: LaneName = "reliable",
        type: Any = None,
        latest: bool = False,
    ) -> Any:
        """Call `handler` (a function or coroutine function) at every such event; without it, a decorator.

        `startup` () before the bot joins anything, `joined` (room), `message` (a Message), `peer_joined` (peer),
        `peer_left` (peer, reason), `peer_updated` (peer), `path_changed` (peer, path), `undelivered` (an Undelivered),
        `closed` (room, reason), `cleanup` () when it has left everything. A peer knows its room: `message.peer.room`.

        `channel`, `lane`, `type` and `latest` are for `message`, as in `Room.channel`: messages of that channel instead
        of the default one. Raises ValueError; RuntimeError when the bot is in its rooms already.
        """
        self._check_new()
        if event not in self._handlers:
            raise ValueError(f"there is no event {event!r} here; there is {', '.join(self._handlers)}")
        if event != "message" and (channel or lane != "reliable" or type is not None or latest):
            raise ValueError(f"channel, lane, type and latest are for 'message', not for {event!r}")
        if handler is None:
            return lambda function: self.on(event, function, channel=channel, lane=lane, type=type, latest=latest)
        if not callable(handler):
            raise TypeError(f"a handler of {event!r} must be callable, not {handler.__class__.__name__}")
        if event != "message":
            self._handlers[event].append(handler)
            return handler
        key = make_key(channel, lane, latest)
        listened = self._channels.setdefault(key, Listened(type, latest, []))
        if (listened.type, listened.latest) != (type, latest):
            raise ValueError(f"channel {channel!r} has a handler already, for another type or latest={listened.latest}")
        listened.handlers.append(handler)
        return handler

    def every(self, seconds: float) -> Callable[[H], H]:
        """A decorator: call the function with each room that the bot is in, every `seconds`, first after as many.

        A call that takes longer than that leaves out those that it overlaps. Raises ValueError; RuntimeError as `on`.
        """
        self._check_new()
        if not seconds > 0:
            raise ValueError(f"every() takes seconds, more than 0, not {seconds!r}")

        def decorate(handler: H) -> H:
            self._every.append((seconds, handler))
            return handler

        return decorate

    # ---- doing it

    async def run(
        self,
        url: str,
        rooms: str | Iterable[str],
        *,
        identity: Identity | str | os.PathLike[str] | None = None,
        token: Token = None,
        transports: Sequence[str] = TRANSPORTS,
        timeout: float = 10.0,
        p2p: P2P = "auto",
        stop_timeout: float = STOP_SECONDS,
    ) -> None:
        """Join these rooms and stay until `stop` is called, however long the server takes to be there or to come back.

        The options are those of `Client` and `Client.join`; `stop_timeout`: seconds that running handlers get to finish
        when the bot is to stop. Raises Refused for what no waiting mends (as `forbidden`), ValueError, and
        StartupFailed if a handler of `startup` raises. Cancelled, it leaves in good order and waits for no handler.
        """
        if self._service is not None:
            raise RuntimeError(f"bot {self.name!r} runs already")
        where = Where(
            url,
            [rooms] if isinstance(rooms, str) else list(dict.fromkeys(rooms)),
            identity,
            token,
            transports,
            timeout,
            p2p,
        )
        service = Service(self, where, stop_timeout)
        self._service = service
        try:
            await service.run()
        finally:
            self._service = None

    def stop(self) -> None:
        """Let `run` end in good order: no new messages, running handlers finish, the rooms are left."""
        if self._service is not None:
            self._service.stop()

    def status(self) -> Status:
        """How it is: whether it is connected and in its rooms, and how its handlers have fared."""
        return self._service.status() if self._service is not None else Status(self.name)

    def _check_new(self) -> None:
        if self._service is not None and self._service.serving:
            raise RuntimeError(f"bot {self.name!r} is in its rooms already: register handlers before, or at 'startup'")

    def __repr__(self) -> str:
        return f"<Bot {self.name}{'' if self._service is None else ' running'}>"
