"""What an application of a simulation has sent, what has arrived, and what was reported as undelivered.

Messages are numbered on each lane, through all sessions.
"""

import random
from collections.abc import Iterable

from peers.codec.frames import Lane
from peers.session.events import Outbound
from tests.session.channels import Broken

LANES = (Lane.RELIABLE, Lane.BULK)
_BLOB = random.Random(5).randbytes(64 * 1024)


class Books:
    """Those of one side."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent = dict.fromkeys(LANES, 0)
        """The last number."""
        self.arrived: dict[Lane, list[int]] = {lane: [] for lane in LANES}
        self.reported: dict[Lane, set[int]] = {lane: set() for lane in LANES}

    def next(self, lane: Lane) -> int:
        """The number of a message that is sent now."""
        self.sent[lane] += 1
        return self.sent[lane]

    def take(self, lane: Lane, payload: bytes, sender: "Books") -> None:
        """A message has arrived. Raises Broken if it is not what was sent, came before, or comes too late."""
        number, arrived = int.from_bytes(payload[:6]), self.arrived[lane]
        where = f"{sender.name} to {self.name}, {lane.name.lower()}"
        if number > sender.sent[lane] or payload != content(lane, number, len(payload)):
            raise Broken(f"{where}: message {number} is not what was sent")
        if arrived and number <= arrived[-1]:
            what = "came twice" if number in arrived else f"came after {arrived[-1]}"
            raise Broken(f"{where}: message {number} {what}")
        arrived.append(number)

    def report(self, messages: Iterable[Outbound]) -> None:
        """These may not have arrived."""
        for message in messages:
            assert isinstance(message.context, tuple)
            self.reported[message.context[0]].add(message.context[1])

    def missing(self, receiver: "Books") -> list[str]:
        """What was sent, has not arrived, and was not reported."""
        return [
            f"{self.name} to {receiver.name}, {lane.name.lower()}: message {number}"
            for lane in LANES
            for number in sorted({*range(1, self.sent[lane] + 1)} - {*receiver.arrived[lane]} - self.reported[lane])
        ]


def content(lane: Lane, number: int, size: int) -> bytes:
    """What a message says: no two are alike."""
    start = (number * 37 + lane) % 1_000
    return number.to_bytes(6) + _BLOB[start : start + max(0, size - 6)]
