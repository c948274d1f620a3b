"""Webhooks, put together: what happens in rooms is kept, and sent to every endpoint until it has arrived there."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from signalling.config import Config
from signalling.feeds.feeds import Feeds
from signalling.feeds.stored import Stored
from signalling.logs import Line
from signalling.protocol.errors import ProtocolError
from signalling.protocol.events import Change, PeerJoined, PeerLeft
from signalling.protocol.topics import WEBHOOKS
from signalling.webhooks import events, signing
from signalling.webhooks.database import Dead, State, StoreError, Webhook
from signalling.webhooks.endpoint import Counts, Endpoint
from signalling.webhooks.kept import Kept
from signalling.webhooks.options import read_options
from signalling.webhooks.outbox import Outbox, size_of
from signalling.webhooks.sender import Sender

log = logging.getLogger(__name__)

_HEARD: Final = 1_024
"""Rooms that are remembered for somebody having watched their webhooks."""
_PAGE: Final = 256
"""Dead letters that are looked at before others have a turn."""
_SAID_EVERY: Final = 10.0
"""Seconds between two lines of the log about webhooks that are dropped."""
NOT_CONFIGURED: Final = "the server was started without this endpoint"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a room's own topic `$webhooks` says of one event: what an endpoint would get. Without a secret of the
    server's, the signature is empty.
    """

    id: str
    timestamp: int
    signature: str
    body: str


class Webhooks:
    """Hears of rosters (`changed`) and posts (it is the feeds' listener). Raises ValueError for options that make no
    sense. Without endpoints it keeps nothing, and tells those alone who watch a room's topic `$webhooks`.
    """

    def __init__(self, config: Config, feeds: Feeds) -> None:
        self._config = config
        self._urls, self._keys, self._wanted = read_options(config)
        self._feeds = feeds
        self._members: dict[str, int] = {}
        self._heard: OrderedDict[str, None] = OrderedDict()
        self._kept = Kept(config.webhook_backlog, config.webhook_bytes)
        self._number = 0
        self._said = -_SAID_EVERY
        self._starting = asyncio.Lock()
        self._outbox: Outbox | None = None
        self._sender: Sender | None = None
        self.endpoints: list[Endpoint] = []
        self.counts = Counts()

    @property
    def backlog(self) -> int:
        """How many wait, for all endpoints."""
        return sum(len(endpoint.lanes) for endpoint in self.endpoints)

    @property
    def dead_letters(self) -> int:
        """How many are kept that will not be tried again by themselves."""
        return self._kept.dead

    @property
    def store_failures(self) -> int:
        """How often the store could not be written."""
        return self._outbox.failures if self._outbox is not None else 0

    @property
    def store_error(self) -> str | None:
        """Why the store cannot be written now."""
        return self._outbox.error if self._outbox is not None else None

    async def start(self) -> None:
        """Opens the store and goes on with what is in it. Raises StoreError."""
        if not self._urls:
            return
        async with self._starting:
            if self._outbox is None:
                await self._start()

    async def _start(self) -> None:
        config = self._config
        outbox = Outbox(config.webhook_store, self._lost)
        try:
            waiting = await outbox.open()
        except StoreError:
            await outbox.close()
            raise
        self._outbox = outbox
        self._sender = Sender(self._keys, timeout=config.webhook_timeout, allow_private=config.webhook_allow_private)
        by_url = {url: self._endpoint(url, outbox, self._sender) for url in self._urls}
        self.endpoints = list(by_url.values())
        for number, url, room, size, failures, dead in waiting:
            self._number = number
            self._kept.add(number, size + size_of(_EMPTY))
            if dead:
                self._kept.bury(number)
            elif (endpoint := by_url.get(url)) is not None:
                endpoint.add(number, room, failures)
            else:
                outbox.change(number, State(failures, True, NOT_CONFIGURED))
                self._kept.bury(number)
        self._make_room()
        for endpoint in self.endpoints:
            endpoint.start()
        log.info(Line("webhooks", endpoints=len(self.endpoints), backlog=self.backlog, dead=self.dead_letters))

    async def close(self) -> None:
        """Sends no more, and keeps what is left. Done within a few seconds."""
        await asyncio.gather(*(endpoint.close() for endpoint in self.endpoints))
        if self._sender is not None:
            await self._sender.close()
        if self._outbox is not None:
            await self._outbox.close()

    # ---- what happens

    def changed(self, room: str, changes: Sequence[Change]) -> None:
        """A roster has changed."""
        before = self._members.get(room, 0)
        after = before
        for change in changes:
            after += isinstance(change, PeerJoined)
            after -= isinstance(change, PeerLeft)
        if after > 0:
            self._members[room] = after
        else:
            self._members.pop(room, None)
        if self.endpoints or self._is_heard(room):
            for event in events.of_changes(room, changes, datetime.now(UTC), before=before, after=after):
                self._emit(event)

    def check(self, topic: str) -> None:
        """See `signalling.feeds.feeds.Listener`."""
        if self.store_error is not None and self._wanted.topic(topic):
            raise ProtocolError(
                "busy", f"the server cannot store webhooks now ({self.store_error}): try again later", retry_after=5.0
            )

    def posted(self, post: Stored) -> None:
        """See `signalling.feeds.feeds.Listener`."""
        if self._wanted.topic(post.topic) and (self.endpoints or self._is_heard(post.room)):
            self._emit(events.of_post(post))

    async def settled(self, topic: str) -> None:
        """See `signalling.feeds.feeds.Listener`."""
        if self._outbox is None or not self._wanted.topic(topic):
            return
        try:
            await self._outbox.settled()
        except StoreError as error:
            raise ProtocolError(
                "busy",
                f"the post is in the feed, but the server cannot store its webhook now ({error}): with the same key "
                "it can be posted again later",
                retry_after=5.0,
            ) from None

    # ---- dead letters

    async def dead(self, after: int = 0, most: int = 100) -> list[Dead]:
        """Dead letters, oldest first: `most` of those with higher numbers than `after`. Raises StoreError."""
        return await self._outbox.dead(after, most) if self._outbox is not None else []

    async def replay(self, fits: Callable[[Dead], bool]) -> int:
        """Has those dead letters tried again that fit, after what waits already, and gives their number. A disabled
        endpoint that gets one is enabled. Raises StoreError.
        """
        by_url = {each.url: each for each in self.endpoints}
        replayed = after = 0
        newest = self._number
        while page := [dead for dead in await self.dead(after, _PAGE) if dead.number <= newest]:
            after = page[-1].number
            for dead in page:
                endpoint = by_url.get(dead.endpoint)
                if endpoint is not None and self._kept.is_dead(dead.number) and fits(dead):
                    self._replay(dead, endpoint)
                    replayed += 1
        return replayed

    def _replay(self, dead: Dead, endpoint: Endpoint) -> None:
        assert self._outbox is not None
        self._number += 1
        self._outbox.move(dead.number, self._number)
        self._kept.replay(dead.number, self._number)
        endpoint.disabled = False
        endpoint.add(self._number, dead.room)

    # ---- inside

    def _emit(self, event: events.Event) -> None:
        kind = events.type_of(event)
        if not self._wanted.type(kind):
            return
        id, body = signing.new_id(), msgspec.json.encode(event)
        if self._is_heard(event.room):
            self._tell(event.room, kind, id, body)
        at = int(event.timestamp.timestamp() * 1_000)
        for endpoint in self.endpoints:
            if endpoint.disabled:
                self._dropped(endpoint.url, "it is disabled")
            else:
                self._add(endpoint, Webhook(endpoint.url, event.room, id, kind, at, body))

    def _add(self, endpoint: Endpoint, webhook: Webhook) -> None:
        assert self._outbox is not None
        self._number += 1
        self.counts.accepted += 1
        self._kept.add(self._number, size_of(webhook))
        self._outbox.add(self._number, webhook)
        endpoint.add(self._number, webhook.room)
        self._make_room()

    def _make_room(self) -> None:
        """Dead letters go first, then the oldest of whom most waits for: an endpoint that is down costs itself."""
        assert self._outbox is not None
        for number in self._kept.surplus():
            self._outbox.remove(number)
            self._dropped("", "there were too many dead letters")
        while self._kept.full and self.backlog:
            endpoint = max(self.endpoints, key=lambda each: len(each.lanes))
            number = endpoint.lanes.drop_oldest()
            self._kept.remove(number)
            self._outbox.remove(number)
            self._dropped(endpoint.url, "too much waits")

    def _lost(self, number: int) -> None:
        self._kept.remove(number)
        self._dropped("", "neither the disk nor memory has room")

    def _dropped(self, url: str, why: str) -> None:
        self.counts.dropped += 1
        now = time.monotonic()
        if now - self._said >= _SAID_EVERY:
            self._said = now
            log.error(Line("webhook dropped", endpoint=url or None, reason=why, dropped=self.counts.dropped))

    def _is_heard(self, room: str) -> bool:
        """Whether somebody watches this room's webhooks, or has of late and may come back for what was missed."""
        feed = self._feeds.find(room)
        if feed is not None and feed.is_watched(WEBHOOKS):
            self._heard[room] = None
            self._heard.move_to_end(room)
            if len(self._heard) > _HEARD:
                self._heard.popitem(last=False)
        return room in self._heard

    def _tell(self, room: str, kind: str, id: str, body: bytes) -> None:
        timestamp = int(time.time())
        signature = signing.sign(self._keys, id, timestamp, body)
        told = Told(id=id, timestamp=timestamp, signature=signature, body=body.decode())
        try:
            self._feeds.tell(room, WEBHOOKS, event=kind, data=msgspec.json.encode(told))
        except ProtocolError as error:
            log.debug(Line("no feed for webhooks", room=room, error=str(error)))

    def _endpoint(self, url: str, outbox: Outbox, sender: Sender) -> Endpoint:
        return Endpoint(url, sender, outbox, self.counts, on_dead=self._kept.bury, on_removed=self._kept.remove)


_EMPTY: Final = Webhook("", "", "", "", 0, b"")
