"""The core of a link, two of them over a pretended server."""

from collections.abc import Callable

import pytest

from peers.codec.frames import Frame, FrameType, Lane, encode_frame
from peers.noise import TransportKeys
from peers.session import seal
from peers.session.binding import NO_HALF, EndedHalves, Half
from peers.session.events import ByeDone, ByeReceived, SessionFailed
from peers.session.handshake import FIRST, FIRST_FRAMES, HINT, SECOND, encode_hint, key_id_of
from peers.session.link_core import DirectEnded, Ready, SessionEnded, SessionStarted
from peers.session.seal import SEALED
from tests.session.pair import Pair, Side


def kinds(packets: list[bytes]) -> list[int]:
    return [packet[0] for packet in packets]


def ready(pair: Pair | None = None) -> Pair:
    """Two that have met."""
    pair = pair or Pair()
    pair.a.core.start(pair.now)
    pair.run(0.1)
    assert pair.a.core.bound
    assert pair.b.core.bound
    return pair


def ids(pair: Pair) -> tuple[int | None, int | None]:
    """The keys with which the two seal."""
    a, b = (side.core._current.keys.latest for side in (pair.a, pair.b))
    return a.id if a else None, b.id if b else None


# ---- the first message


def test_the_first_message_is_there_after_one_packet() -> None:
    pair = Pair()
    pair.a.send(b"hello", pair.now)
    packets = pair.take(pair.a)
    assert kinds(packets) == [FIRST]
    assert b"hello" not in packets[0]
    pair.give(pair.b, packets)
    assert pair.b.received == [b"hello"]
    assert pair.b.seen(Ready) == [Ready()]
    pair.b.send(b"welcome", pair.now)
    answer = pair.take(pair.b)
    assert kinds(answer) == [SECOND]  # it waits for the end of the turn, and takes an immediate answer with it
    pair.give(pair.a, answer)
    assert pair.a.received == [b"welcome"]
    assert pair.a.seen(Ready) == [Ready()]


def test_whoever_drives_it_may_sleep_until_message_1_is_answered_or_sent_again() -> None:
    """An acknowledgement that no path may carry yet is not a reason to call, again and again, until one may."""
    pair = Pair()
    pair.a.core.session.listen(0, pair.now)
    pair.a.send(b"hello", pair.now)
    assert kinds(pair.take(pair.a)) == [FIRST]
    wakes = 0
    while (due := pair.a.core.next_timeout()) is not None and due < 101.0:
        wakes += 1
        assert wakes < 5, f"it wants to be called at {due}, and it is {pair.now}"
        pair.now = max(pair.now, due)
        pair.a.core.handle_timeout(pair.now)
        assert pair.take(pair.a) == []
    assert due == 101.0


def test_message_2_acknowledges_what_message_1_carried() -> None:
    pair = Pair()
    pair.a.send(b"hello", pair.now)
    pair.give(pair.b, pair.take(pair.a))
    pair.give(pair.a, pair.take(pair.b)[:1])
    stats = pair.a.core.session.stats()
    assert (stats.unacknowledged, stats.sent_twice) == (0, 0)


def test_message_2_carries_what_the_responder_had_to_say_already() -> None:
    pair = Pair()
    pair.a.send(b"from a", pair.now)
    first = pair.take(pair.a)
    pair.b.send(b"from b", pair.now)
    pair.give(pair.b, first)
    answer = pair.take(pair.b)
    assert kinds(answer) == [SECOND]
    pair.give(pair.a, answer)
    assert (pair.a.received, pair.b.received) == ([b"from b"], [b"from a"])


def test_message_1_carries_48_kib_and_the_rest_waits_for_message_2() -> None:
    pair = Pair()
    messages = [bytes([n]) * 8_000 for n in range(20)]
    for message in messages:
        pair.a.send(message, pair.now)
    packets = pair.take(pair.a)
    assert kinds(packets) == [FIRST]
    assert 40_000 < len(packets[0]) < FIRST_FRAMES + 1_000
    assert pair.take(pair.a) == []
    pair.give(pair.b, packets)
    assert pair.b.received == messages[:6]
    pair.run(1)
    assert pair.b.received == messages
    assert pair.a.core.session.stats().sent_twice == 0


def test_everything_fits_its_packet_whatever_is_queued() -> None:
    pair = Pair()
    for side in (pair.a, pair.b):
        for number in range(4_000):
            side.send(b"%d" % number, pair.now)
    pair.run(5)
    assert pair.a.received == pair.b.received == [b"%d" % number for number in range(4_000)]
    assert max(len(packet) for _, packet in pair.log) <= 60_000


def test_a_link_that_nobody_uses_sends_nothing() -> None:
    pair = Pair()
    pair.run(60, step=0.5)
    assert pair.log == []
    assert pair.a.core.next_timeout() is None


def test_a_handshake_can_be_asked_for_with_nothing_to_send() -> None:
    pair = Pair()
    pair.a.core.start(pair.now)
    assert pair.a.core.next_timeout() == pair.now
    pair.run(0.1)
    assert [len(side.seen(Ready)) for side in (pair.a, pair.b)] == [1, 1]
    pair.a.core.start(pair.now)
    assert FIRST not in kinds(pair.take(pair.a)), "it was there already"


def test_each_learns_the_others_settings() -> None:
    pair = Pair(settings={"direct": False, "x": 1})
    assert pair.a.core.peer_settings == {}
    ready(pair)
    assert pair.a.core.peer_settings == pair.b.core.peer_settings == {"direct": False, "x": 1}


def test_both_may_begin_at_once() -> None:
    pair = Pair()
    pair.a.send(b"from a", pair.now)
    pair.b.send(b"from b", pair.now)
    to_b, to_a = pair.take(pair.a), pair.take(pair.b)
    assert kinds(to_b) == kinds(to_a) == [FIRST]
    pair.give(pair.b, to_b)
    pair.give(pair.a, to_a)
    pair.run(10)
    assert (pair.a.received, pair.b.received) == ([b"from b"], [b"from a"])
    assert not pair.a.seen(SessionEnded)
    assert sum(packet[0] == FIRST for _, packet in pair.log) == 2


# ---- what is lost


def test_a_message_1_that_is_lost_is_followed_by_others_with_the_same_frames() -> None:
    pair = Pair()
    start = pair.now
    pair.a.send(b"one", pair.now)
    times, packets = [], []
    while pair.now < start + 40:
        for packet in pair.take(pair.a):
            times.append(round(pair.now - start, 2))
            packets.append(packet)
        if pair.now == start + 0.5:
            pair.a.send(b"two", pair.now)
        pair.now += 0.25
    assert times == [0, 1, 3, 7, 15, 31]
    assert len({key_id_of(packet) for packet in packets}) == 6
    assert all(len(packet) < 500 for packet in packets), "frames must not pile up"
    pair.give(pair.b, packets[-1:])
    pair.run(1)
    assert pair.b.received == [b"one", b"two"]


def test_a_message_2_that_is_lost_does_no_harm() -> None:
    pair = Pair()
    pair.a.send(b"one", pair.now)
    pair.give(pair.b, pair.take(pair.a))
    pair.b.send(b"back", pair.now)
    pair.take(pair.b)  # lost
    pair.run(4)
    assert (pair.a.received, pair.b.received) == ([b"back"], [b"one"])
    assert not pair.a.seen(SessionEnded)


def test_a_lost_message_1_is_made_up_for_by_the_peers_own() -> None:
    pair = Pair()
    pair.a.send(b"lost at first", pair.now)
    pair.take(pair.a)  # lost
    pair.b.send(b"hello", pair.now)
    pair.give(pair.a, pair.take(pair.b))
    answer = pair.take(pair.a)
    assert kinds(answer) == [SECOND]
    pair.give(pair.b, answer)
    assert pair.b.received == [b"lost at first"]


def test_what_the_server_refused_waits_and_goes_again() -> None:
    pair = Pair()
    pair.a.send(b"hello", pair.now)
    (outgoing,) = pair.a.packets(pair.now)
    assert outgoing.flight is not None
    pair.a.core.relay_refused(outgoing, "busy", pair.now)
    assert pair.a.packets(pair.now) == []
    pair.run(2)
    assert pair.b.received == [b"hello"]


def test_a_refusal_of_what_an_ended_session_sent_changes_nothing() -> None:
    pair = ready()
    pair.a.send(b"old", pair.now)
    (outgoing,) = pair.a.packets(pair.now)
    discard(pair, pair.b)
    pair.b.send(b"new", pair.now)
    pair.run(1)
    pair.a.core.relay_refused(outgoing, "busy", pair.now)
    pair.a.send(b"at once", pair.now)
    pair.run()
    assert pair.b.received == [b"at once"]


# ---- the relay comes and goes


def test_without_a_relay_nothing_is_sent_and_with_one_it_goes_at_once() -> None:
    pair = Pair()
    pair.a.core.relay_changed(1, None, pair.now)
    pair.a.send(b"hello", pair.now)
    assert pair.take(pair.a) == []
    pair.a.core.receive_relay(b"\x03 anything", pair.now)
    assert pair.a.core.drops == {"no relay": 1}
    pair.connect(2, 5)
    pair.run()
    assert pair.b.received == [b"hello"]


def test_a_new_connection_hurries_a_handshake_that_was_backing_off() -> None:
    pair = Pair()
    pair.a.send(b"hello", pair.now)
    for _ in range(5):
        pair.take(pair.a)  # lost
        pair.now = pair.a.core.next_timeout() or pair.now
    pair.connect(1, 2)
    pair.run()
    assert pair.b.received == [b"hello"]


def test_keys_outlive_connections() -> None:
    pair = ready()
    pair.a.send(b"lost on the way", pair.now)
    pair.take(pair.a)
    for side in (pair.a, pair.b):
        side.core.relay_changed(None, None, pair.now)
    pair.connect(7, 9)
    pair.run()
    assert pair.b.received == [b"lost on the way"]
    assert sum(packet[0] == FIRST for _, packet in pair.log) == 1


# ---- packets that nobody sent


def test_copies_are_dropped() -> None:
    pair = ready()
    pair.a.send(b"once", pair.now)
    packets = pair.take(pair.a)
    pair.give(pair.b, packets * 3)
    assert pair.b.received == [b"once"]
    assert pair.b.core.drops == {"replay": 2}


def test_reflected_packets_are_dropped_and_answered_once_a_second_at_most() -> None:
    pair = ready()
    pair.a.send(b"to b", pair.now)
    packets = pair.take(pair.a)
    pair.give(pair.a, packets * 100)
    assert pair.a.received == []
    assert pair.a.core.drops == {"bad seal": 100}
    assert kinds(pair.take(pair.a)) == [HINT]


@pytest.mark.parametrize("at", [0, 1, 5, 9, 20, -1])
def test_tampered_packets_are_dropped(at: int) -> None:
    pair = ready()
    pair.a.send(b"whole", pair.now)
    (packet,) = pair.take(pair.a)
    forged = bytearray(packet)
    forged[at] ^= 0x40
    pair.give(pair.b, [bytes(forged)])
    assert pair.b.received == []
    assert pair.b.core.drops.total() == 1
    pair.give(pair.b, [packet])
    assert pair.b.received == [b"whole"]


@pytest.mark.parametrize(
    "packet", [b"", b"\0", b"\x01", b"\x02", b"\x03", b"\x04", b"\x05", b"\x01" * 200, b"\xff" * 60]
)
def test_whatever_else_comes_is_dropped_and_counted(packet: bytes) -> None:
    for pair in (Pair(), ready()):
        before = pair.b.core.drops.total()
        pair.b.core.receive_relay(packet, pair.now)
        assert pair.b.core.drops.total() == before + 1
        assert pair.b.seen(SessionEnded) == []


def test_another_key_with_the_peers_number_does_not_get_in() -> None:
    """A message 1 to which the server gives the number of a key in use."""
    pair = ready()
    used = ids(pair)[0]
    assert used is not None
    pair.a.core._schedule.want_soon(pair.now)
    pair.now += 1
    packet = next(packet for packet in pair.take(pair.a) if packet[0] == FIRST)
    pair.give(pair.b, [packet[:1] + used.to_bytes(4, "big") + packet[5:]])
    assert pair.b.core.drops == {"key id in use": 1}
    pair.a.send(b"as before", pair.now)
    pair.run()
    assert pair.b.received == [b"as before"]


def test_a_doubled_message_1_is_answered_once() -> None:
    pair = Pair()
    pair.a.send(b"hello", pair.now)
    packets = pair.take(pair.a)
    pair.give(pair.b, packets * 5)
    assert kinds(pair.take(pair.b)) == [SECOND]
    assert pair.b.core.drops == {"copy": 4}


# ---- hints


def test_a_peer_that_lost_the_key_says_so_and_gets_a_new_one() -> None:
    pair = ready()
    pair.b.core._current.keys.__init__()  # type: ignore[misc]
    pair.a.send(b"hello", pair.now)
    pair.run(5)
    assert pair.b.received == [b"hello"]
    assert not pair.a.seen(SessionEnded)
    assert ids(pair)[0] == ids(pair)[1]


def test_two_keys_under_one_number_do_not_last() -> None:
    pair = ready()
    latest = pair.b.core._current.keys.latest
    assert latest is not None
    pair.b.core._current.keys.add(latest.id, TransportKeys(bytes(32), bytes(32), b""), pair.now)
    pair.a.send(b"hello", pair.now)
    pair.run(5)
    assert pair.b.received == [b"hello"]


def test_hints_go_out_once_a_second_at_most() -> None:
    pair = Pair()
    for number in range(100):
        pair.b.core.receive_relay(b"\x03" + number.to_bytes(4, "big") + bytes(40), pair.now)
        pair.now += 0.05
        pair.take(pair.b)
    assert kinds([packet for _, packet in pair.log]) == [HINT] * 5
    assert pair.b.core.drops == {"unknown key": 100}


def test_hints_about_other_keys_start_nothing() -> None:
    pair = ready()
    latest = ids(pair)[0] or 0
    pair.log.clear()
    for number in range(1_000):
        pair.a.core.receive_relay(encode_hint((latest + 1 + number) % 2**32), pair.now)
    pair.run(0.5)
    assert [packet for _, packet in pair.log if packet[0] == FIRST] == []
    assert pair.a.core.drops == {"hint": 1_000}


def test_a_storm_of_forged_hints_costs_one_handshake_a_second() -> None:
    pair = ready()
    start = pair.now
    pair.log.clear()
    while pair.now < start + 10:
        for _ in range(20):
            pair.a.core.receive_relay(encode_hint(ids(pair)[0] or 0), pair.now)
        pair.run()
        pair.now += 0.0625
    assert 9 <= sum(packet[0] == FIRST for _, packet in pair.log) <= 11
    pair.a.send(b"still here", pair.now)
    pair.run()
    assert pair.b.received == [b"still here"]


# ---- sessions end


def discard(pair: Pair, side: Side) -> Side:
    """The side gives its link up and makes another."""
    side.core.end(pair.now)
    fresh = Side(side.program, side.peer, pair.now)
    if side is pair.a:
        pair.a = fresh
    else:
        pair.b = fresh
    pair.connect()
    return fresh


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


# ---- keys grow old


def test_a_key_is_renewed_after_an_hour_and_nothing_is_lost() -> None:
    pair = ready()
    before, made = ids(pair)[0], pair.now
    pair.run(3_650, step=5.0)
    assert before not in ids(pair)
    firsts = [packet for _, packet in pair.log if packet[0] == FIRST]
    assert len(firsts) in (2, 3), "both may find it time"
    assert pair.now - made > 3_600
    pair.a.send(b"under the new one", pair.now)
    pair.run()
    assert pair.b.received == [b"under the new one"]
    assert not pair.a.seen(SessionEnded)


def test_a_key_is_renewed_after_so_many_packets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "RENEW_PACKETS", 10)
    pair = ready()
    for number in range(60):
        pair.a.send(b"%d" % number, pair.now)
        pair.run(0.02)
    assert pair.b.received == [b"%d" % number for number in range(60)]
    assert 4 <= sum(packet[0] == FIRST for _, packet in pair.log) <= 12
    assert pair.a.core.session.stats().sent_twice == 0


def test_an_exhausted_key_seals_nothing_and_message_1_carries_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "MAX_PACKETS", 8)
    pair = ready()
    lost: list[bytes] = []
    for number in range(30):  # no handshake comes through
        pair.a.send(b"%d" % number, pair.now)
        packets = pair.take(pair.a)
        lost += [packet for packet in packets if packet[0] == FIRST]
        pair.give(pair.b, [packet for packet in packets if packet[0] == SEALED])
        pair.now += 0.01
    sealed = [packet for name, packet in pair.log if name == "a" and packet[0] == SEALED]
    assert len(sealed) == 8
    assert len(lost) == 1
    assert pair.a.core.seal_signal("offer", 1, {}, pair.now) is None
    pair.run(10)
    assert pair.b.received == [b"%d" % number for number in range(30)]
    assert len(pair.a.seen(Ready)) >= 2
    assert not pair.a.seen(SessionEnded)


def test_packets_under_the_last_four_keys_are_opened() -> None:
    pair = ready()
    late: list[bytes] = []
    for number in range(4):
        pair.a.send(b"%d" % number, pair.now)
        late += [packet for packet in pair.take(pair.a) if packet[0] == SEALED]
        pair.a.core._schedule.want(pair.now)
        pair.run()
    pair.give(pair.b, late[:1])
    assert pair.b.core.drops == {"unknown key": 1}
    pair.give(pair.b, late[1:])
    assert pair.b.core.drops == {"unknown key": 1}
    pair.run(10)
    assert pair.b.received == [b"0", b"1", b"2", b"3"]


# ---- signals


def test_a_signal_waits_for_a_key_and_is_then_sealed() -> None:
    pair = Pair()
    assert pair.a.core.seal_signal("offer", 1, {"sdp": "secret"}, pair.now) is None
    pair.run(0.1)
    assert pair.a.seen(Ready)
    packet = pair.a.core.seal_signal("offer", 1, {"sdp": "secret"}, pair.now)
    assert packet is not None
    assert b"secret" not in packet
    assert pair.b.core.receive_signal(packet, pair.now) == ("offer", 1, {"sdp": "secret"})


@pytest.mark.parametrize(
    ("forge", "why"),
    [
        (lambda packet: packet, "replay"),
        (lambda packet: packet[:-1] + bytes([packet[-1] ^ 1]), "replay"),
        (lambda packet: packet[:8] + b"\x09" + packet[9:], "bad seal"),
        (lambda packet: packet[:4] + b"\x00" + packet[5:], "unknown key"),
        (lambda packet: packet[:10], "malformed"),
        (lambda packet: b"", "malformed"),
    ],
)
def test_signals_are_taken_once_and_as_they_were_sent(forge: Callable[[bytes], bytes], why: str) -> None:
    pair = ready()
    packet = pair.a.core.seal_signal("offer", 1, {}, pair.now)
    assert packet is not None
    assert pair.b.core.receive_signal(packet, pair.now) is not None
    assert pair.b.core.receive_signal(forge(packet), pair.now) is None
    assert pair.b.core.drops == {why: 1}


def test_a_reflected_signal_is_dropped() -> None:
    pair = ready()
    packet = pair.a.core.seal_signal("offer", 1, {}, pair.now)
    assert packet is not None
    assert pair.a.core.receive_signal(packet, pair.now) is None
    assert pair.a.core.drops == {"bad seal": 1}


def test_frames_are_no_signal_and_a_signal_is_no_message() -> None:
    pair = ready()
    pair.a.send(b"a message", pair.now)
    (packet,) = pair.take(pair.a)
    assert pair.b.core.receive_signal(packet, pair.now) is None
    assert pair.b.core.drops == {"no signal": 1}
    signal = pair.a.core.seal_signal("offer", 1, {}, pair.now)
    assert signal is not None
    pair.give(pair.b, [signal])
    assert pair.b.received == []
    pair.run(5)
    assert pair.b.received == [b"a message"], "it was not acknowledged, so it came again"
    assert not pair.b.seen(SessionEnded)


# ---- direct paths


def test_direct_packets_go_as_they_are_and_take_over() -> None:
    pair = ready()
    for side in (pair.a, pair.b):
        side.core.direct_opened(1, pair.now)
    by_direct: list[bytes] = []
    for _ in range(20):
        for side in (pair.a, pair.b):
            for outgoing in side.packets(pair.now):
                to = pair.other(side).core
                if outgoing.attempt is None:
                    to.receive_relay(outgoing.packet, pair.now)
                else:
                    by_direct.append(outgoing.packet)
                    to.receive_direct(outgoing.attempt, outgoing.packet, pair.now)
                    side.core.direct_waiting(outgoing.attempt, 0, pair.now)
            pair.other(side).poll(pair.now)
        if pair.a.core.session.path == "direct" and not pair.a.core.session.stats().unacknowledged:
            pair.a.send(b"by the direct path", pair.now)
        pair.now += 0.02
    assert pair.b.received[0] == b"by the direct path"
    assert any(b"by the direct path" in packet for packet in by_direct)
    pair.a.core.direct_ended(1, pair.now)
    assert pair.a.core.session.path == "relay"


# ---- the rest


def test_a_new_statement_is_what_message_1_then_says() -> None:
    pair = Pair()
    pair.a_program.statement = pair.a_program.state(profile_version=2)
    pair.a.core.set_statement(pair.a_program.statement)
    assert pair.a.core._current.handshakes.me.statement == pair.a_program.statement
    ready(pair)
    discard(pair, pair.b)
    pair.b.core.start(pair.now)
    pair.run(1)
    assert pair.a.core._current.handshakes.me.statement == pair.a_program.statement


def test_the_next_handshake_is_announced_as_a_timeout() -> None:
    pair = ready()
    pair.a.core.session.next_timeout = lambda: None  # type: ignore[method-assign]
    latest = pair.a.core._current.keys.latest
    assert latest is not None
    assert pair.a.core.next_timeout() == latest.made + 3_600
    pair.a.core.relay_changed(None, None, pair.now)
    assert pair.a.core.next_timeout() is None
