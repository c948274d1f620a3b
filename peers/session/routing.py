"""Which path a lane takes, and how much room a path has (rules S6 and S7)."""

from collections import deque
from typing import TYPE_CHECKING, Final

from peers.codec.frames import HEADER_SIZE, Frame, Lane, encode_packet
from peers.session.events import DirectInstance, Instance, RelayInstance
from peers.session.liveness import Liveness
from peers.session.rules import Rules

if TYPE_CHECKING:
    from peers.session.flight import Sent

FOREVER: Final = float("inf")


class Flight:
    """What goes as one packet by one path. `size` is the packet's, before any seal."""

    __slots__ = ("frames", "instance", "items", "lane", "size")

    def __init__(self, instance: Instance, lane: Lane, frames: list[Frame], items: "list[Sent]", size: int) -> None:
        self.instance = instance
        self.lane = lane
        self.frames = frames
        self.items = items
        """The sequenced ones among them, as the sender keeps them."""
        self.size = size

    def encode(self) -> bytes:
        """The packet."""
        return encode_packet(self.frames)


class Path:
    """What a session knows of one path instance."""

    __slots__ = (
        "ack_owed",
        "busy_until",
        "confirmed",
        "control",
        "instance",
        "is_relay",
        "life",
        "most",
        "only",
        "packet",
        "pongs_owed",
        "received",
        "resent",
        "sent",
        "unacked_most",
        "waiting",
    )

    def __init__(self, instance: Instance, rules: Rules, now: float, most: int | None) -> None:
        self.instance = instance
        self.is_relay = isinstance(instance, RelayInstance)
        self.life = Liveness(rules, now)
        self.waiting = 0
        """Bytes in its send buffer; on the relay also those the server has not acknowledged."""
        self.most = most
        """Bytes that may be unacknowledged before the path is confirmed; None once it is."""
        self.confirmed = most is None
        self.only = (self,)
        """The paths of a frame that went by this one alone: one tuple, shared by all such frames."""
        self.packet = rules.relay_packet if self.is_relay else rules.direct_packet
        self.unacked_most = rules.relay_unacked
        self.busy_until = 0.0
        self.ack_owed = False
        """A sequenced frame came by this path since the last acknowledgement."""
        self.pongs_owed: deque[int] = deque(maxlen=rules.pongs_most)
        self.control: list[Frame] = []
        """Pings that wait for the next turn."""
        self.sent = self.received = self.resent = 0

    def gave(self, size: int) -> None:
        """A packet was handed out for this path: it waits there until we are told otherwise."""
        self.waiting += size
        self.sent += size

    def datagram(self, now: float) -> None:
        """A datagram goes out: it is outstanding until the pong to a later ping."""
        self.life.datagram_at = now
        self.life.sent(now)


class Routes:
    """The paths there are, and the choice among them."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.paths: dict[Instance, Path] = {}
        self.relay: Path | None = None
        self.direct: Path | None = None
        """The adopted attempt."""
        self.fresh: list[Path] = []
        """Attempts that have opened and have not answered a ping yet."""
        self._busy_wait = rules.busy_wait
        self._ever_busy = False

    def open(self, instance: Instance, now: float, most: int | None) -> Path:
        """A path has opened."""
        path = Path(instance, self._rules, now, most)
        self.paths[instance] = path
        if path.is_relay:
            self.relay = path
            path.life.last_ping = now
        else:
            self.fresh.append(path)
        return path

    def end(self, instance: Instance) -> Path | None:
        """A path has ended; it is returned if it was known."""
        path = self.paths.pop(instance, None)
        if path is None:
            return None
        if path is self.relay:
            self.relay = None
        elif path is self.direct:
            self.direct = None
        elif path in self.fresh:
            self.fresh.remove(path)
        return path

    def adopt(self, path: Path) -> None:
        """A fresh attempt is the direct path from now on; older fresh ones will not be any more."""
        self.direct = path
        mine = path.instance
        assert isinstance(mine, DirectInstance)
        self.fresh = [p for p in self.fresh if isinstance(p.instance, DirectInstance) and p.instance > mine]

    def suspect(self) -> Path | None:
        """The direct path, if it is suspect."""
        direct = self.direct
        return direct if direct is not None and direct.life.suspect else None

    def route(self, lane: Lane, now: float) -> Path | None:
        """The path that a new frame of `lane` takes now."""
        direct, relay = self.direct, self.relay
        if direct is None:
            return relay
        if not direct.life.suspect or relay is None:
            return direct
        if lane is Lane.BULK and now < direct.life.since + self._rules.bulk_pause:
            return None
        return relay

    def room(self, path: Path, now: float) -> float:
        """How many bytes may go to `path` now. An empty path always takes one frame."""
        rules, life = self._rules, path.life
        queue = min(max(rules.queue_time * life.rate, rules.queue_least), rules.queue_most)
        if not path.is_relay:
            return max(queue, rules.chunk + HEADER_SIZE) if path.waiting <= 0 else queue - path.waiting
        if now < path.busy_until:
            return 0
        # What is on its way to the server does not wait: rate times the shortest round trip, beside the queue.
        least = life.least or 0.0
        room = max(rules.relay_queue_least, queue) + life.rate * least - path.waiting
        unacked = max(rules.relay_unacked, life.rate * (least + rules.relay_unacked_time))
        room = min(room, min(path.unacked_most, unacked) - life.in_flight)
        if path.most is not None:
            room = min(room, path.most - life.in_flight)
        return room

    def bulk_room(self, path: Path, now: float) -> float:
        """How many bytes of bulk may go to `path` now: on the relay nothing until a quarter of its room is free.

        What goes out in one turn is one event for the server. Filling every gap at once would make each event small,
        and an event costs far more than the bytes in it.
        """
        room = self.room(path, now)
        return room if not path.is_relay or path.waiting <= 3 * room else 0

    def datagram_room(self, path: Path, now: float) -> float:
        """How many bytes of datagrams may go to `path` now: a little even where bulk keeps the queue full."""
        if not path.confirmed or now < path.busy_until:
            return 0
        return self.room(path, now) + self._rules.queue_least

    def busy(self, path: Path, now: float) -> None:
        """The server's `busy` or `rate-limited`: wait, and leave half as much unacknowledged."""
        if now < path.busy_until:
            return
        self._ever_busy = True
        path.busy_until = now + self._busy_wait
        self._busy_wait = min(self._rules.busy_wait_most, self._busy_wait * 2)
        path.unacked_most = max(self._rules.relay_unacked_least, path.unacked_most // 2)

    def gone(self, path: Path, now: float) -> None:
        """The server's `away` or `unknown-peer`: the instance will end; should it not, try again now and then."""
        path.busy_until = max(path.busy_until, now + self._rules.busy_wait_most)

    def progress(self, path: Path, acknowledged: int) -> None:
        """An acknowledgement that came by the relay moved so many bytes: more may be left unacknowledged."""
        rules = self._rules
        self._busy_wait = rules.busy_wait
        step = rules.relay_unacked_step if self._ever_busy else max(acknowledged, rules.relay_unacked_step)
        path.unacked_most = min(rules.relay_unacked_most, path.unacked_most + step)
