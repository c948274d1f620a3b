"""Which two sessions belong together (S1, S2).

A Client numbers its links from one counter; its incarnation in the room and that number are its *half* of a session,
and a session is both halves. Halves only grow, so both sides can tell by comparing them what is old and what is over,
whatever the network drops, doubles or replays.
"""

from collections import OrderedDict
from typing import Final, NamedTuple

MAX_ENDED: Final = 65_536
"""Peers of which a program remembers the highest half it has discarded."""


class Half(NamedTuple):
    """One side of a session. Of two halves of the same peer in the same room the higher is the later."""

    incarnation: int
    number: int


NO_HALF: Final = Half(0, 0)
"""Lower than every half: "none"."""


class Halves(NamedTuple):
    """What a handshake message says: the sender's half, the receiver's half it is bound to (or none), and the highest
    half of the receiver that it has discarded (or none)."""

    own: Half
    bound: Half
    ended: Half


class EndedHalves:
    """The highest half that was discarded of each peer, by room and id, for a program's whole life.

    Bounded: the peers that were not asked about for longest are forgotten, and then a half that is not remembered
    may be one that was discarded.
    """

    def __init__(self, most: int = MAX_ENDED) -> None:
        self._most = most
        self._ended: OrderedDict[tuple[str, str], Half] = OrderedDict()
        self._forgot = False

    def get(self, room: str, peer: str) -> Half:
        """The highest discarded half of this peer, or NO_HALF."""
        half = self._ended.get((room, peer))
        if half is None:
            return NO_HALF
        self._ended.move_to_end((room, peer))
        return half

    def may_have_forgotten(self, room: str, peer: str) -> bool:
        """Whether NO_HALF may mean that the half was forgotten."""
        return self._forgot and (room, peer) not in self._ended

    def discard(self, room: str, peer: str, half: Half) -> None:
        """Remember that a session with this half is over."""
        self._ended[room, peer] = max(half, self.get(room, peer))
        self._ended.move_to_end((room, peer))
        if len(self._ended) > self._most:
            self._ended.popitem(last=False)
            self._forgot = True


class Binding:
    """The halves of one link's current session, and what a handshake message means for it.

    `own` is my half; `bound` is the peer's, None until the first handshake; `ended` is the highest half of the peer
    that I have discarded.
    """

    def __init__(self, own: Half, ended: Half) -> None:
        self.own, self.ended = own, ended
        self.bound: Half | None = None

    def halves(self) -> Halves:
        """What my handshake messages say."""
        return Halves(self.own, self.bound or NO_HALF, self.ended)

    def is_impossible(self, said: Halves) -> bool:
        """Whether the peer claims to have discarded a half that I never had (S10)."""
        return said.ended > self.own

    def is_over(self, said: Halves) -> bool:
        """Whether my session has ended on the other side: discarded there, or followed by a later one."""
        return said.ended >= self.own or (self.bound is not None and said.own > self.bound)

    def is_stale(self, said: Halves) -> bool:
        """Whether the message is from a session of the peer that is over here."""
        return said.own <= self.ended or (self.bound is not None and said.own < self.bound)

    def is_elsewhere(self, said: Halves) -> bool:
        """Whether message 1 is for another session of mine than this one."""
        return said.bound not in (NO_HALF, self.own)

    def answers_another(self, said: Halves) -> bool:
        """Whether message 2 is for another session of mine than this one: it must name exactly this one."""
        return said.bound != self.own
