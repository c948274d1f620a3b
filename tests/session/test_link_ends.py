"""The ends of a link's sessions: by either side, for good, or because the peer lies."""

import pytest

from peers.codec.frames import Frame, FrameType, Lane, encode_frame
from peers.session.binding import NO_HALF, EndedHalves, Half
from peers.session.events import ByeDone, ByeReceived, SessionFailed
from peers.session.handshake import FIRST
from peers.session.link_core import DirectEnded, Ready, SessionEnded, SessionStarted
from tests.session.pair import Pair, Side, discard, ready

# ---- sessions end


def test_when_the_peer_discards_the_session_what_it_did_not_acknowledge_is_reported() -> None:
    pair = ready()
    pair.a.send(b"arrived", pair.now)
    pair.run(0.1)
    old = pair.a.core.session
    for number in range(3):
        pair.a.send(b"%d" % number, pair.now)
    pair.take(pair.a)  # lost
    discard(pair, pair.b)
    pair.b.send(b"from the new one", pair.now)
    pair.run(5)
    assert pair.a.undelivered == [b"0", b"1", b"2"]
    assert [type(event) for event in pair.a.events] == [Ready, SessionEnded, SessionStarted, Ready]
    assert pair.a.core.session is not old
    assert pair.a.received == [b"from the new one"]
    pair.a.send(b"and on", pair.now)
    pair.run()
    assert pair.b.received == [b"and on"]


def test_the_one_that_discarded_is_asked_and_says_so() -> None:
    pair = ready()
    discard(pair, pair.b)
    pair.a.send(b"to the old one", pair.now)
    pair.run(5)
    assert pair.a.undelivered == [b"to the old one"]
    assert pair.b.received == []
    pair.a.send(b"to the new one", pair.now)
    pair.run(5)
    assert pair.b.received == [b"to the new one"]


def test_a_first_message_that_arrived_in_a_session_that_ended_is_not_delivered_again() -> None:
    """Message 2 is lost, the responder discards, the initiator repeats: it cannot know, so it must be told."""
    pair = Pair()
    pair.a.send(b"once", pair.now)
    pair.give(pair.b, pair.take(pair.a))
    assert pair.b.received == [b"once"]
    discard(pair, pair.b)
    pair.run(5)
    assert pair.b.received == []
    assert pair.a.undelivered == [b"once"]


def test_direct_paths_end_with_their_session() -> None:
    pair = ready()
    pair.a.core.direct_opened(3, pair.now)
    pair.a.core.direct_opened(4, pair.now)
    pair.a.core.direct_ended(3, pair.now)
    discard(pair, pair.b)
    pair.b.send(b"new", pair.now)
    pair.run(1)
    assert pair.a.seen(DirectEnded) == [DirectEnded(4)]
    pair.a.core.receive_direct(4, b"anything", pair.now)
    assert pair.a.core.drops["ended path"] == 1
    assert pair.a.core.session.path == "relay"


def test_messages_that_came_before_the_end_are_told_before_it() -> None:
    pair = ready()
    pair.b.send(b"last words", pair.now)
    for packet in pair.take(pair.b):
        pair.a.core.receive_relay(packet, pair.now)
    discard(pair, pair.b)
    pair.b.core.start(pair.now)
    for packet in pair.take(pair.b):
        pair.a.core.receive_relay(packet, pair.now)
    events = []
    while (event := pair.a.core.next_event()) is not None:
        events.append(type(event).__name__)
    assert events.index("MessageReceived") < events.index("SessionEnded") < events.index("SessionStarted")


def test_replayed_first_messages_of_an_ended_session_cost_one_handshake_a_second() -> None:
    pair = Pair()
    pair.a.send(b"once", pair.now)
    old = pair.take(pair.a)
    pair.give(pair.b, old)
    pair.run(1)
    discard(pair, pair.b)
    pair.b.core.start(pair.now)
    pair.run(1)
    pair.log.clear()
    start = pair.now
    while pair.now < start + 10:
        pair.give(pair.b, old * 10)
        pair.run()
        pair.now += 0.125
    assert pair.b.received == []
    assert pair.b.core.drops["stranger"] == 800
    assert 9 <= sum(packet[0] == FIRST for _, packet in pair.log) <= 11
    assert len(pair.a.seen(SessionEnded)) == 1
    pair.a.send(b"as before", pair.now)
    pair.run()
    assert pair.b.received == [b"as before"]


def test_a_message_1_to_a_session_of_mine_that_is_over_binds_nothing() -> None:
    """Only the addressed half shows it, where the ended half of the peer was forgotten."""
    pair = ready()
    pair.a.core._schedule.want_soon(pair.now + 1)
    pair.now += 1
    late = next(packet for packet in pair.take(pair.a) if packet[0] == FIRST)
    pair.b_program.ended = EndedHalves(0)
    discard(pair, pair.b)
    pair.give(pair.b, [late])
    assert not pair.b.core.bound
    assert pair.b.core.drops == {"stranger": 1}
    pair.run(5)
    assert pair.a.seen(SessionEnded)
    assert pair.b.core.bound


def test_where_an_ended_half_may_be_forgotten_frames_come_after_message_2() -> None:
    pair = Pair()
    pair.b_program.ended.__init__(1)  # type: ignore[misc]
    for number in range(2):
        pair.b_program.ended.discard("lobby", f"peer {number}", Half(1, 1))
    pair.a.send(b"hello", pair.now)
    first = pair.take(pair.a)
    pair.give(pair.b, first)
    assert pair.b.core.bound
    assert pair.b.received == []
    pair.run()
    assert pair.b.received == [b"hello"]


def test_an_answer_for_another_session_of_mine_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair()
    pair.a.send(b"hello", pair.now)
    first = pair.take(pair.a)
    halves = pair.b.core._current.binding.halves
    monkeypatch.setattr(pair.b.core._current.binding, "halves", lambda: halves()._replace(bound=Half(1, 99)))
    pair.give(pair.b, first)
    pair.give(pair.a, pair.take(pair.b))
    assert not pair.a.core.bound
    assert pair.a.core.drops == {"another session's answer": 1}


@pytest.mark.parametrize("answers", [False, True])
def test_who_claims_to_have_ended_what_never_was_is_ignored(answers: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair()
    liar, other = (pair.b, pair.a) if answers else (pair.a, pair.b)
    halves = liar.core._current.binding.halves
    lie = Half(other.program.incarnation, 1_000)
    monkeypatch.setattr(liar.core._current.binding, "halves", lambda: halves()._replace(ended=lie))
    pair.a.core.start(pair.now)
    pair.run(0.5)
    assert other.core.drops["impossible half"] == 1
    assert not other.seen(SessionEnded)


def test_a_later_half_of_the_peer_ends_the_session_even_if_it_forgot_ours() -> None:
    pair = ready()
    pair.b_program.ended = EndedHalves()
    pair.b.core._ended = pair.b_program.ended
    pair.b = Side(pair.b_program, pair.a_program, pair.now)
    pair.connect()
    pair.b.send(b"new", pair.now)
    pair.run(1)
    assert len(pair.a.seen(SessionEnded)) == 1
    assert pair.a.received == [b"new"]


def test_the_end_for_good_reports_and_remembers() -> None:
    pair = ready()
    pair.a.send(b"unheard", pair.now)
    half = pair.a.core._current.binding.bound
    assert [message.payload for message in pair.a.core.end(pair.now)] == [b"unheard"]
    assert pair.a_program.ended.get("lobby", pair.b_program.id) == half
    assert half != NO_HALF


def test_an_unbound_session_leaves_no_trace() -> None:
    pair = Pair()
    pair.a.core.end(pair.now)
    assert pair.a_program.ended.get("lobby", pair.b_program.id) == NO_HALF


def test_byes_pass_through() -> None:
    pair = ready()
    pair.a.send(b"last", pair.now)
    pair.run(0.1)
    pair.a.core.session.close(pair.now)
    told: list[type] = []
    for _ in range(6):
        for side in (pair.a, pair.b):
            pair.other(side).core.relay_waiting(0, pair.now)
            for outgoing in side.core.packets_to_send(pair.now):
                pair.other(side).core.receive_relay(outgoing.packet, pair.now)
            while (event := side.core.next_event()) is not None:
                told.append(type(event))
        pair.now += 0.03
    assert told.count(ByeReceived) == told.count(ByeDone) == 2


# ---- a peer that lies (S10)


@pytest.mark.parametrize(
    "lie",
    [
        b"no frame",
        encode_frame(Frame(FrameType.BYTES, Lane.RELIABLE, False, 9, 1, b"on a channel that is not open")),
        encode_frame(Frame(FrameType.ACK, Lane.RELIABLE, False, 0, 0, bytes(5))),
    ],
)
@pytest.mark.parametrize("direct", [False, True])
def test_a_lie_ends_the_session_and_the_next_one_works(lie: bytes, direct: bool) -> None:
    pair = ready()
    pair.a.send(b"under way", pair.now)
    if direct:
        pair.a.core.direct_opened(1, pair.now)
        pair.a.core.receive_direct(1, lie, pair.now)
    else:
        key = pair.b.core._current.key
        assert key is not None
        pair.a.core.receive_relay(key.seal(lie), pair.now)
    first = pair.a.core.next_event()
    while not isinstance(first, SessionFailed):
        assert first is not None
        first = pair.a.core.next_event()
    pair.a.poll(pair.now)
    assert pair.a.undelivered == [b"under way"]
    assert "broke the protocol" in pair.a.seen(SessionEnded)[0].reason
    pair.a.send(b"new life", pair.now)
    pair.run(5)
    assert pair.b.received == [b"new life"]
