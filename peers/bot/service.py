"""One run of a bot: its connection, its rooms, joined again whenever they are lost, and its end."""

import asyncio
import contextlib
import inspect
import logging
import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NoReturn

import msgspec

from peers.backoff import Backoff
from peers.bot.handling import Handling
from peers.bot.stay import Stay
from peers.client import Client
from peers.connection import FATAL, STEADY
from peers.errors import ConnectionFailed, EitherwayError, NotInRoom, Refused
from peers.identity import Identity
from peers.members import P2P
from peers.presence import REPLACED
from peers.room import Room
from peers.tokens import Token
from signalling.protocol.ids import check_room_name

if TYPE_CHECKING:
    from peers.bot.bot import Bot

log = logging.getLogger("eitherway.bot")

NEVER: Final = FATAL | {"bad-request", "replaced"}
"""Refusals of a room that no waiting mends."""
PATIENCE: Final = 60.0
"""Seconds between lines in the log that say that the bot still waits for the same."""
LEFT: Final = "left"
"""Why a room is closed that the bot itself has left."""


class StartupFailed(Exception):
    """A handler of `startup` raised; that is its cause."""


class Where(msgspec.Struct, frozen=True):
    """Where a bot is to be: the options of `Bot.run`."""

    url: str
    rooms: Sequence[str]
    identity: Identity | str | os.PathLike[str] | None
    token: Token
    transports: Sequence[str]
    timeout: float
    p2p: P2P


class RoomStatus(msgspec.Struct):
    """How it stands with one room. `peers`: how many others are there."""

    joined: bool
    peers: int = 0


class HandlerStatus(msgspec.Struct):
    """How a bot's handlers have fared. `stuck` are those among the `running` that were cancelled and do not end."""

    running: int = 0
    done: int = 0
    raised: int = 0
    late: int = 0
    stuck: int = 0


class Status(msgspec.Struct):
    """How it stands with a bot: `ok` if it is connected and in every room, and able to run a handler."""

    name: str
    ok: bool = False
    stopping: bool = False
    connected: bool = False
    transport: str | None = None
    rooms: dict[str, RoomStatus] = msgspec.field(default_factory=dict)
    handlers: HandlerStatus = msgspec.field(default_factory=HandlerStatus)


class Service:
    """Runs a bot once. Raises ValueError for a room's name, a URL or an identity that makes no sense."""

    def __init__(self, bot: "Bot", where: Where, stop_timeout: float) -> None:
        if not where.rooms:
            raise ValueError("a bot has at least one room to join")
        for name in where.rooms:
            check_room_name(name)
        self._bot, self._where, self._stop_timeout = bot, where, stop_timeout
        self._client = Client(
            where.url,
            identity=where.identity,
            token=where.token,
            transports=where.transports,
            timeout=where.timeout,
        )
        self._client.on("error", self._hear)
        self._client.on("connected", self._connected)
        self._client.on("disconnected", self._disconnected)
        self._handling = Handling(bot.name, bot.handler_timeout, bot.max_handlers)
        self._stays: dict[str, Stay] = {}
        self._stopping = asyncio.Event()
        self._lost = asyncio.Event()
        self._given_up: Refused | None = None
        self.serving = False
        """Whether it has begun to join rooms."""

    @property
    def rooms(self) -> Mapping[str, Room]:
        """The rooms that the bot is in."""
        return MappingProxyType({name: stay.room for name, stay in self._stays.items()})

    def stop(self) -> None:
        """End `run` in good order."""
        self._stopping.set()

    def status(self) -> Status:
        """How it stands."""
        handling = self._handling
        rooms = {
            name: RoomStatus(stay.room._presence.joined, len(stay.room.peers))
            if (stay := self._stays.get(name)) is not None
            else RoomStatus(False)
            for name in self._where.rooms
        }
        connected, stopping = self._client.connected, self._stopping.is_set()
        return Status(
            self._bot.name,
            connected and not stopping and not handling.exhausted and all(room.joined for room in rooms.values()),
            stopping,
            connected,
            self._client.transport if connected else None,
            rooms,
            HandlerStatus(handling.running, handling.done, handling.raised, handling.late, handling.stuck),
        )

    async def run(self) -> None:
        """Until `stop`, or until nothing is left to do. Raises Refused, StartupFailed."""
        tasks: set[asyncio.Task[None]] = set()
        patience: float = 0
        try:
            work = (self._serve(), self._say_that_it_waits(), self._until_stopped())
            tasks = {asyncio.create_task(one) for one in work}
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            patience = self._stop_timeout
            for task in done:
                task.result()
        finally:
            self._stopping.set()
            await self._end(tasks, patience)

    # ---- its beginning

    async def _start_up(self) -> None:
        for handler in self._bot._handlers["startup"]:
            try:
                result = handler()
                if inspect.isawaitable(result):
                    await result
            except Exception as error:
                name = getattr(handler, "__qualname__", repr(handler))
                why = f"{type(error).__name__}: {error}"
                raise StartupFailed(f"bot {self._bot.name!r} cannot start: its {name} raised {why}") from error

    async def _serve(self) -> None:
        """Be in every room. Ends when the bot itself has left them all."""
        await self._start_up()
        self.serving = True
        await self._connect()
        async with contextlib.AsyncExitStack() as stack:
            keepers = [asyncio.create_task(self._keep(name)) for name in self._where.rooms]
            stack.push_async_callback(_cancel, keepers)
            await asyncio.gather(*keepers)

    async def _connect(self) -> None:
        backoff, since, told = Backoff(), self._now(), -PATIENCE
        while True:
            try:
                await self._client.connect()
                return
            except (ConnectionFailed, Refused) as error:
                self._check_hope(error)
                if self._now() - told >= PATIENCE:
                    told = self._now()
                    log.warning("bot %r waits for a server and tries again: %s", self._bot.name, _line(error))
                await asyncio.sleep(_pause(backoff, error, self._now() - since))

    async def _keep(self, name: str) -> None:
        """Be in one room, again and again."""
        backoff, since, told = Backoff(), self._now(), -PATIENCE
        while True:
            try:
                room = await self._client.join(name, profile=self._bot.profile, p2p=self._where.p2p)
            except (ConnectionFailed, Refused, NotInRoom) as error:
                self._check_hope(error)
                if self._now() - told >= PATIENCE:
                    told = self._now()
                    log.warning("bot %r is not in room %r and tries again: %s", self._bot.name, name, _line(error))
                await asyncio.sleep(_pause(backoff, error, self._now() - since))
                continue
            if self._stopping.is_set():  # the application's token function may have lost the cancellation
                return
            begun = self._now()
            reason = await self._stay(name, room)
            if reason == LEFT:
                log.info("bot %r has left room %r", self._bot.name, name)
                return
            self._check_closed(name, reason)
            log.warning("bot %r: room %r is closed (%s): it is joined again", self._bot.name, name, reason)
            since = told = self._now()
            if since - begun >= STEADY:
                backoff.reset()
            await asyncio.sleep(backoff.next(nobody=False))

    async def _stay(self, name: str, room: Room) -> str:
        stay = self._stays[name] = Stay(self._bot, room, self._handling)
        await stay.begin()
        others = len(room.peers)
        log.info("bot %r is in room %r as %s, with %d others", self._bot.name, name, room.id[:8], others)
        reason = await asyncio.shield(stay.closed)
        del self._stays[name]
        await stay.end(self._bot.handler_timeout)
        return reason

    def _check_hope(self, error: EitherwayError) -> None:
        """Raise what no waiting mends."""
        if self._given_up is not None:
            raise self._given_up
        if isinstance(error, Refused) and error.code in NEVER:
            raise error

    def _check_closed(self, name: str, reason: str) -> None:
        if self._given_up is not None:
            raise self._given_up
        if reason == REPLACED:
            raise Refused("replaced", f"bot {self._bot.name!r} lost its place in room {name!r}: it was {reason}")

    # ---- its end

    async def _until_stopped(self) -> None:
        await self._stopping.wait()

    async def _end(self, tasks: set[asyncio.Task[None]], patience: float) -> None:
        for stay in self._stays.values():
            stay.quiet()
        await self._handling.finish(patience)
        await _cancel(tasks)
        await self._client.close()
        for stay in self._stays.values():
            await stay.end(self._stop_timeout)
        self._stays.clear()
        for handler in self._bot._handlers["cleanup"] if self.serving else ():
            await self._handling.call_last(handler, (), "cleanup", self._stop_timeout)
        self._handling.complaints.close()
        log.info("bot %r has stopped", self._bot.name)

    # ---- its connection

    def _hear(self, error: Exception) -> None:
        if isinstance(error, Refused) and error.code in FATAL:  # the client has given up
            self._given_up = error

    def _connected(self) -> None:
        self._lost.clear()
        log.info("bot %r is connected to %s by %s", self._bot.name, self._where.url, self._client.transport)

    def _disconnected(self, reason: str) -> None:
        self._lost.set()

    async def _say_that_it_waits(self) -> NoReturn:
        """The connection says itself that it was lost; this says that it still is."""
        while True:
            await self._lost.wait()
            since = self._now()
            await asyncio.sleep(PATIENCE)
            while self._lost.is_set():
                seconds = self._now() - since
                log.warning("bot %r: no server at %s for %.0f s; tried again", self._bot.name, self._where.url, seconds)
                await asyncio.sleep(PATIENCE)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _pause(backoff: Backoff, error: EitherwayError, outage: float) -> float:
    """Seconds until the next try."""
    if isinstance(error, Refused):
        return backoff.after(error.retry_after) if error.retry_after else backoff.next(nobody=False)
    return backoff.next(nobody=True, outage=outage)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


async def _cancel(tasks: "Sequence[asyncio.Task[None]] | set[asyncio.Task[None]]") -> None:
    """Cancel tasks and wait for their ends; what they raise has been told, or comes of that."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()
