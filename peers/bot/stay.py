"""A bot's stay in one room: what happens there, led to its handlers in the order that they may rely on."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from peers.bot.handling import Handling
from peers.channel import Message, lane_name
from peers.emitter import Handler
from peers.errors import Undelivered
from peers.peer import Peer
from peers.room import Room

if TYPE_CHECKING:
    from peers.bot.bot import Bot


class Stay:
    """A bot in a room that it has joined.

    `joined` is handled first; then, for each peer, `peer_joined`, what it sends and what becomes of it, and `peer_left`
    last. What concerns one peer is handled in order: its events one after another, the messages of each channel one
    after another. What concerns different peers is handled at the same time. A message counts as handled, for its
    sender's flush and credit, when its handlers have ended.
    """

    def __init__(self, bot: "Bot", room: Room, handling: Handling) -> None:
        self.room = room
        self._name = bot.name
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why the room is over for this bot, when it is."""
        self._handlers: Mapping[str, Sequence[Handler]] = bot._handlers
        self._channels, self._every = bot._channels, bot._every
        self._handling = handling
        self._open = asyncio.Event()
        self._over = asyncio.Event()
        self._greeted: dict[Peer, asyncio.Event] = {}
        self._listening: list[tuple[Any, Handler]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """Look after the room. Who is here already is not announced: `joined` finds them in `room.peers`."""
        await self.room._presence.caught_up()
        if self.room._closed is not None:
            self._close(self.room._closed)
            return
        self.room.on("closed", self._close)
        self.room.on("peer_joined", self._meet)
        for peer in self.room.peers.values():
            self._attend(peer).set()
        for (label, lane), listened in self._channels.items():
            channel = self.room.channel(label, listened.type, lane=lane_name(lane), latest=listened.latest)
            handle = partial(self._message, tuple(listened.handlers))
            self._listening.append((channel, handle))
            channel.on("message", handle)
        self._start(self._begin())
        for seconds, handler in self._every:
            self._start(self._repeat(seconds, handler))

    def quiet(self) -> None:
        """Take no more messages, and do nothing any more of its own accord."""
        self._over.set()
        for channel, handler in self._listening:
            channel.off("message", handler)
        self._listening.clear()

    async def end(self, timeout: float) -> None:
        """The room is closed: tell so, and let nothing remain."""
        self.quiet()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        reason = self.closed.result() if self.closed.done() else "left"
        for handler in self._handlers["closed"]:
            await self._handling.call_last(handler, (self.room, reason), self._about("closed"), timeout)

    # ---- inside

    def _close(self, reason: str) -> None:
        if not self.closed.done():
            self.closed.set_result(reason)

    async def _begin(self) -> None:
        try:
            for handler in self._handlers["joined"]:
                await self._handling.call(handler, (self.room,), self._about("joined"))
        finally:
            self._open.set()

    async def _repeat(self, seconds: float, handler: Handler) -> None:
        loop = asyncio.get_running_loop()
        await self._open.wait()
        due = loop.time() + seconds
        while not self._over.is_set():
            try:
                async with asyncio.timeout_at(due):
                    await self._over.wait()
            except TimeoutError:
                await self._handling.call(handler, (self.room,), self._about(f"every {seconds:g} s"))
                due += seconds * max(1, -((due - loop.time()) // seconds))

    # ---- peers

    def _meet(self, peer: Peer) -> None:
        """A peer has come."""
        if peer not in self._greeted and self._here(peer):
            self._start(self._greet(peer, self._attend(peer)))

    def _attend(self, peer: Peer) -> asyncio.Event:
        greeted = self._greeted[peer] = asyncio.Event()
        for event in ("peer_updated", "path_changed"):
            peer.on(event, partial(self._tell, event, peer))
        peer.on("undelivered", partial(self._report, peer))
        peer.on("peer_left", self._part)
        return greeted

    async def _greet(self, peer: Peer, greeted: asyncio.Event) -> None:
        await self._open.wait()
        try:
            await self._call("peer_joined", peer, peer)
        finally:
            greeted.set()

    async def _tell(self, event: str, peer: Peer, *args: Any) -> None:
        await self._ready(peer)
        await self._call(event, peer, *args)

    async def _part(self, peer: Peer, reason: str) -> None:
        """A peer is gone: that is told when everything else of it has been handled."""
        await self._ready(peer)
        await asyncio.gather(*(stream.depart() for stream in list(peer._streams.values())))
        await self._call("peer_left", peer, peer, reason)
        self._greeted.pop(peer, None)

    async def _report(self, peer: Peer, report: Undelivered) -> None:
        """What may not have arrived is told somebody, also when the bot has no handler for it or stops."""
        await self._ready(peer)
        if not await self._call("undelivered", peer, report):
            kind = f"something may not have arrived in room {self.room.name!r}"
            say = self._handling.complaints.say
            say(kind, logging.WARNING, "bot %r in room %r: %s", self._name, self.room.name, report)

    async def _message(self, handlers: Sequence[Handler], message: Message[Any]) -> None:
        await self._ready(message.peer)
        about = self._about("message", message.peer, message.channel)
        for handler in handlers:
            if not await self._handling.call(handler, (message,), about):
                # The bot stops. If this returned, the message would count as handled; leaving the room ends the wait.
                await asyncio.Event().wait()

    async def _ready(self, peer: Peer) -> None:
        await self._open.wait()
        self._meet(peer)  # what it sent may be faster than the news of it
        if (greeted := self._greeted.get(peer)) is not None:
            await greeted.wait()

    def _here(self, peer: Peer) -> bool:
        return self.room.peers.get(peer.id) is peer

    async def _call(self, event: str, peer: Peer, *args: Any) -> bool:
        """Whether there was a handler, and all of them ran."""
        ran = [await self._handling.call(handler, args, self._about(event, peer)) for handler in self._handlers[event]]
        return bool(ran) and all(ran)

    def _about(self, event: str, peer: Peer | None = None, channel: str = "") -> str:
        """What a handler is called for, harmless for a log: names are what peers chose."""
        what = f"{event} on channel {channel!r}" if channel else event
        who = f", peer {peer.name[:40]!r} {peer.id[:8]}" if peer is not None else ""
        return f"{what}{who}, room {self.room.name!r}"

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
