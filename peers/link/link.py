"""The link to one peer in one room: it alone knows that there are two paths, and it drives the cores' timers.

Everything that happens to a link ends in `_wake`; one turn of the event loop later `_turn` collects what the cores
have to say and to send. So what an application sends in one turn shares packets, and no core is entered twice.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from peers.attempts import Attempts
from peers.link.inlets import Inlets
from peers.link.outlets import Key, Outlets
from peers.link.questions import Questions
from peers.link.received import Received
from peers.link.stats import LinkStats, stats_of
from peers.paths.loading import stack_loaded
from peers.paths.relay import RelayPath
from peers.reports import Way
from peers.session.events import (
    ByeDone,
    ByeReceived,
    ChannelClosed,
    ChannelOpened,
    DatagramReceived,
    DirectAdopted,
    Flushed,
    MessageReceived,
    Outbound,
    PathChanged,
    PathName,
    PingAnswered,
    SendReady,
    SessionFailed,
    Suspected,
    Trusted,
)
from peers.session.link_core import DirectEnded, LinkCore, Outgoing, Ready, SessionEnded, SessionStarted

log = logging.getLogger("eitherway.link")

DIRECT_DELAY = 0.05
"""Seconds between wanting a direct path and trying it: what is said first, right after joining, shall go first."""
LOADING_DELAY = 0.15
"""Seconds more where aiortc is not loaded yet: that takes turns with all else for half a second, and the first message
of the peer is on its way."""
FIRST_HANDLED = 0.02
"""Seconds for that message to be handled, once it, or another first packet, has come: then nothing need wait."""
MAX_SIGNALS_WAITING = 32
"""Signals that wait for a key; the oldest is dropped, its attempt then ends at its deadline."""


class Link:
    """One session over up to two paths, as the objects above it see it.

    `outlets` sends, `questions` asks. Callbacks: `on_message(received)`; `on_channel(key, open)`: the peer opened its
    direction of a channel, or sends no more on it; `on_path(path)`; `on_moved(seconds)`: `way` may be another one, or
    the link is over, and `seconds` is None unless it is direct for the first time, so long after that was wanted;
    `on_undelivered(messages, reason)`; `on_failed(reason)`: the peer broke the protocol, and another session begins;
    `send_signal(kind, attempt, packet)`: pass a sealed signal on.
    """

    def __init__(
        self,
        core: LinkCore,
        attempts: Attempts,
        relay: RelayPath,
        *,
        direct: bool,
        on_message: Callable[[Received], None],
        on_channel: Callable[[Key, bool], None],
        on_path: Callable[[PathName], None],
        on_moved: Callable[[float | None], None],
        on_undelivered: Callable[[list[Outbound], str], None],
        on_failed: Callable[[str], None],
        send_signal: Callable[[str, int, bytes], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.core, self.attempts, self.relay = core, attempts, relay
        self._on_path, self._on_undelivered, self._send_signal = on_path, on_undelivered, send_signal
        self._direct, self._on_moved, self._on_failed = direct, on_moved, on_failed
        self.outlets = Outlets(core, self._sent)
        self.questions = Questions(core, self._wake)
        self.inlets = Inlets(core, on_message=on_message, on_channel=on_channel, changed=self._wake)
        self._signals: deque[tuple[str, int, dict[str, Any] | None]] = deque(maxlen=MAX_SIGNALS_WAITING)
        self._bye: asyncio.Future[None] = self._loop.create_future()
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._wants_direct: asyncio.TimerHandle | None = None
        self._wanted_at: float | None = None
        """Since when there was to be a direct path; None again once there was one."""
        self._adopted = 0
        """The attempt that is in use, if the path is direct."""
        self._waits_to_load = False
        self._has_key = False
        """There is a key since this turn began: signals that waited for it can go at its end."""
        self._ended: str | None = None
        self._closing = False

    @property
    def path(self) -> PathName | None:
        """Where a new reliable message would go now; None while there is no way."""
        return self.core.session.path

    @property
    def way(self) -> Way | None:
        """As `path`, but for a direct path by way of a TURN server."""
        path = self.attempts.paths.get(self._adopted) if self.path == "direct" else None
        stats = path.stats() if path is not None else None
        return "turn" if stats is not None and "relay" in (stats.local_type, stats.remote_type) else self.path

    @property
    def _may_go_direct(self) -> bool:
        """Whether this side takes part in attempts, and the peer, as far as it has said."""
        return self._direct and self.core.peer_settings.get("direct", True) is True

    def stats(self) -> LinkStats:
        """The figures of this link as of now."""
        return stats_of(self.core, self.attempts)

    def _sent(self) -> None:
        self.attempts.negotiation.traffic(self._loop.time())
        self._wake()

    # ---- what the room tells

    def relay_changed(self, mine: int | None, theirs: int | None) -> None:
        """My connection to the server, or the peer's, is another one or gone."""
        now = self._loop.time()
        if self.core.relay_changed(mine, theirs, now):
            self.attempts.negotiation.reachable(now)
        elif mine is None or theirs is None:
            self.attempts.negotiation.unreachable()
        self._wake()

    def receive_relay(self, packet: bytes) -> None:
        """A sealed packet came over the relay."""
        now = self._loop.time()
        self.core.receive_relay(packet, now)
        self._came(now)

    def receive_signal(self, kind: str, attempt: int, packet: bytes) -> None:
        """A signal came. One whose kind or attempt differs from its sealed one is dropped."""
        now = self._loop.time()
        signal = self.core.receive_signal(packet, now)
        if signal is not None and signal[:2] == (kind, attempt):
            self.attempts.negotiation.receive(kind, attempt, signal[2], now)
        self._came(now)

    def relay_drained(self) -> None:
        """The server acknowledged something of what went by the relay."""
        self.core.relay_waiting(self.relay.waiting, self._loop.time())
        self._wake()

    def relay_refused(self, outgoing: Outgoing, code: str) -> None:
        """The server did not pass a packet on."""
        self.core.relay_refused(outgoing, code, self._loop.time())
        self._wake()

    def want_direct(self) -> None:
        """A direct path is to be tried soon, and whenever there is none."""
        if self._wants_direct is None and self._ended is None:
            self._wanted_at = self._loop.time()
            self._wants_direct = self._loop.call_later(DIRECT_DELAY, self._meet)

    def _meet(self) -> None:
        """A direct path needs a key for its signals, and aiortc; both take their time, and the key goes first."""
        self.core.start(self._loop.time())
        self._wake()
        if stack_loaded():
            self._try_direct()
        else:
            self._waits_to_load = not self.core.bound
            delay = LOADING_DELAY if self._waits_to_load else FIRST_HANDLED
            self._wants_direct = self._loop.call_later(delay, self._try_direct)

    def _try_direct(self) -> None:
        self._waits_to_load = False
        if self._may_go_direct:
            self.attempts.prepare()
        self.attempts.negotiation.want(self._loop.time())
        self._wake()

    def signal(self, kind: str, attempt: int, payload: dict[str, Any] | None) -> None:
        """Seal a signal and send it; it waits for a key if there is none yet."""
        packet = self.core.seal_signal(kind, attempt, payload or {}, self._loop.time())
        if packet is None:
            self._signals.append((kind, attempt, payload))
        else:
            self._send_signal(kind, attempt, packet)
        self._wake()

    # ---- the direct paths

    def direct_opened(self, attempt: int) -> None:
        """An attempt's data channels are open."""
        now = self._loop.time()
        self.attempts.negotiation.opened(attempt, now)
        self.core.direct_opened(attempt, now)
        self._wake()

    def direct_packet(self, attempt: int, packet: bytes) -> None:
        """A packet came over a direct path."""
        now = self._loop.time()
        self.core.receive_direct(attempt, packet, now)
        if self.attempts.negotiation.silent and not self.core.session.direct_silent:
            self.attempts.negotiation.answers(attempt, now)
        self._came(now)

    def direct_drained(self, attempt: int) -> None:
        """A direct path's send buffer has room again."""
        if (path := self.attempts.paths.get(attempt)) is not None:
            self.core.direct_waiting(attempt, path.waiting, self._loop.time())
            self._wake()

    def direct_ended(self, attempt: int, reason: str) -> None:
        """A direct path is no more."""
        log.info("direct path %d ended: %s", attempt, reason)
        self.core.direct_ended(attempt, self._loop.time())
        self._wake()

    # ---- one turn

    def _came(self, now: float) -> None:
        # At once: a packet may have begun a new session, and then the channels' numbers are others.
        self._events(now)
        self._wake()

    def _wake(self) -> None:
        if not self._scheduled and self._ended is None:
            self._scheduled = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        if self._ended is not None:
            return
        now = self._loop.time()
        self._events(now)
        if self._closing and not self.core.session.queued:
            self.core.session.close(now)
        for outgoing in self.core.packets_to_send(now):
            self._transmit(outgoing, now)
        if self._has_key:
            self._send_signals()
        self._events(now)
        self.attempts.run(now)
        self._set_timer()

    def _transmit(self, outgoing: Outgoing, now: float) -> None:
        if outgoing.attempt is None:
            self.relay.send(outgoing.packet, outgoing)
            self.core.relay_waiting(self.relay.waiting, now)
        elif (path := self.attempts.paths.get(outgoing.attempt)) is not None:
            path.send(outgoing.lane, outgoing.packet)
            self.core.direct_waiting(outgoing.attempt, path.waiting, now)

    def _set_timer(self) -> None:
        times = [t for t in (self.core.next_timeout(), self.attempts.negotiation.next_timeout()) if t is not None]
        when = min(times, default=None)
        if self._timer is not None:
            if when is not None and self._timer_at <= when:
                return  # it comes early, finds nothing due, and is set anew: cheaper than setting it at every turn
            self._timer.cancel()
        self._timer = None
        if when is not None:
            # Its own `when()` is no help: uvloop gives a handle without one for what is due already.
            self._timer, self._timer_at = self._loop.call_at(when, self._due), when

    def _due(self) -> None:
        self._timer = None
        now = self._loop.time()
        self.core.handle_timeout(now)
        self.attempts.negotiation.handle_timeout(now)
        self._turn()

    def _events(self, now: float) -> None:
        core = self.core
        while (event := core.next_event()) is not None:
            match event:
                case MessageReceived():
                    self.inlets.message(event)
                case DatagramReceived():
                    self.inlets.datagram(event)
                case ChannelOpened():
                    self.inlets.opened(event)
                case ChannelClosed(channel):
                    self.inlets.closed(channel)
                case SendReady(channel):
                    self.outlets.ready(channel)
                case Flushed(mark):
                    self.questions.flushed(mark)
                case PingAnswered(number, rtt, path):
                    self.questions.answered(number, rtt, path)
                case PathChanged(path):
                    self.questions.changed()
                    if path is not None and not self._closing:
                        self._on_path(path)
                    self._moved(now)
                case DirectAdopted(attempt):
                    self._adopted = attempt
                    self._moved(now)
                    self.attempts.negotiation.adopted(attempt, now)
                    self.attempts.end_older(attempt)
                case DirectEnded(attempt):
                    self.attempts.end(attempt)
                case Suspected(attempt):
                    log.info("direct path %d is suspect: the relay takes over", attempt)
                    self.attempts.negotiation.suspected(attempt, now)
                case Trusted(attempt):
                    log.info("direct path %d answers again", attempt)
                case Ready():
                    self._ready(now)
                case ByeReceived():
                    log.info("the peer ends the session in good order")
                case ByeDone():
                    if not self._bye.done():
                        self._bye.set_result(None)
                case SessionFailed(reason):
                    self._on_failed(reason)
                case SessionEnded(undelivered, reason):
                    self._session_ended(undelivered, reason)
                case SessionStarted():
                    self.inlets.renew()
                    self.outlets.renew()
                    self.attempts.negotiation.reset(now)

    def _moved(self, now: float) -> None:
        seconds = None
        if self.path == "direct" and self._wanted_at is not None:
            seconds, self._wanted_at = now - self._wanted_at, None
        self._on_moved(seconds)

    def _ready(self, now: float) -> None:
        """There is a key, and both sides' settings are known."""
        self.questions.changed()
        self.attempts.negotiation.set_allowed(self._may_go_direct, now)
        if self._waits_to_load and self._wants_direct is not None:
            self._waits_to_load = False
            self._wants_direct.cancel()
            self._wants_direct = self._loop.call_later(FIRST_HANDLED, self._try_direct)
        self._has_key = True

    def _send_signals(self) -> None:
        """Those that waited for a key go behind what gives it to the peer, which could not open them before."""
        self._has_key = False
        waiting, self._signals = self._signals, deque(maxlen=MAX_SIGNALS_WAITING)
        for kind, attempt, payload in waiting:
            self.signal(kind, attempt, payload)

    def _session_ended(self, undelivered: list[Outbound], reason: str) -> None:
        for attempt in list(self.attempts.paths):
            self.attempts.end(attempt)
        self.questions.fail(undelivered, reason)
        if undelivered:
            self._on_undelivered(undelivered, reason)

    # ---- the end

    async def close(self, timeout: float = 5.0) -> None:
        """End the link in good order: what was sent is acknowledged, both say bye; `timeout` seconds at most."""
        if self._ended is None and not self._closing:
            self._closing = True
            self.outlets.refuse("this side is closing")
            stats = self.core.session.stats()
            if self.core.bound or stats.queued or stats.unacknowledged:
                self._wake()  # the bye goes once everything has gone that is waiting
                await asyncio.wait([self._bye], timeout=timeout)
        await self.end("this side left")

    def cut(self, reason: str) -> None:
        """End the link at once: what was not acknowledged is reported. `end` gives back what it holds."""
        if self._ended is not None:
            return
        undelivered = self.core.end(self._loop.time())
        self._ended = reason
        for timer in (self._timer, self._wants_direct):
            if timer is not None:
                timer.cancel()
        self._on_moved(None)
        self.questions.fail(undelivered, reason)
        self.questions.refuse(reason)
        self.outlets.refuse(reason)
        if not self._bye.done():
            self._bye.set_result(None)
        if undelivered:
            self._on_undelivered(undelivered, reason)

    async def end(self, reason: str) -> None:
        """Cut the link, and wait until its paths are closed."""
        self.cut(reason)
        await self.attempts.close()
