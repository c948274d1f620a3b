"""S3: one sequence for each lane, put in order and delivered once."""

from collections import deque
from typing import Any

import msgspec

from peers.codec.frames import Frame
from peers.session.credit import SendChannel
from peers.session.lane import SendLane
from peers.session.receiver import ReceiveChannel, ReceiveLane, Receiver
from tests.sabotage.switch import Patch, Switch, always, instead, lives, of

ORDER = "session/test_order.py"


def take_copies(self: Receiver, frame: Frame) -> None:
    lane = self.lanes[frame.lane]
    if frame.seq < lane.next:
        self._take(frame)
    elif frame.seq == lane.next:
        lane.next += 1
        self._take(frame)
        for kept in lane.release():
            self._take(kept)
    else:
        lane.keep(frame)


def take_at_once(self: Receiver, frame: Frame) -> None:
    lane = self.lanes[frame.lane]
    if frame.seq >= lane.next:
        lane.next = frame.seq + 1
        self._take(frame)


def keep_everything(self: ReceiveLane, frame: Frame) -> None:
    self.buffer[frame.seq] = frame
    self.buffered += len(frame.payload)


class Stubborn(deque[SendChannel]):
    """One channel goes on as long as it has something."""

    def rotate(self, n: int = 1, /) -> None:
        """Don't."""


def one_by_one(patch: Patch) -> None:
    was = SendLane.__init__

    def init(self: SendLane, *args: Any) -> None:
        was(self, *args)
        self.ready = Stubborn()

    patch.setattr(SendLane, "__init__", init)


def number_again(patch: Patch) -> None:
    was = SendLane._want

    def want(self: SendLane, chosen: Any, why: int) -> None:
        again = [item for item in self.unacked if chosen(item)]
        was(self, chosen, why)
        for item in again:
            item.frame = msgspec.structs.replace(item.frame, seq=self.next)
            self.next += 1

    patch.setattr(SendLane, "_want", want)


SWITCHES = (
    Switch(
        "copies",
        ("S3", "P2"),
        "frames that came before are taken again",
        instead(Receiver, "sequenced", take_copies),
        lives(0)
        + of(ORDER, "test_a_copy_is_dropped", "test_a_server_that_passes_everything_on_twice_changes_nothing")
        + of("session/test_machine.py", "TestMachine::runTest"),
    ),
    Switch(
        "order-buffer",
        ("S3", "P2"),
        "frames are taken as they come, not in their order",
        instead(Receiver, "sequenced", take_at_once),
        lives(0) + of(ORDER, "test_frames_are_put_in_order"),
    ),
    Switch(
        "receive-window",
        ("S3", "P6"),
        "frames far beyond the next one are kept too",
        instead(ReceiveLane, "keep", keep_everything),
        of(ORDER, "test_a_frame_beyond_the_window_is_dropped", "test_the_buffer_is_bounded_in_bytes"),
    ),
    Switch(
        "interleaving",
        ("S3",),
        "a channel with a long message goes on until it is through",
        one_by_one,
        of(ORDER, "test_chunks_of_a_message_interleave_with_other_channels"),
    ),
    Switch(
        "one-number",
        ("S3", "P2"),
        "what is sent again gets a new number",
        number_again,
        of(ORDER, "test_what_is_sent_again_is_the_same_frame"),
    ),
    Switch(
        "datagram-copies",
        ("S3",),
        "a datagram that came before is delivered again",
        instead(ReceiveChannel, "is_copy", always(False)),
        lives(0) + of("session/test_datagrams.py", "test_a_datagram_is_never_doubled"),
    ),
)
