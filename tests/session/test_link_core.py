"""The core of a link, two of them over a pretended server: they meet, lose packets, and change roads."""

from peers.session.handshake import FIRST, FIRST_FRAMES, SECOND, key_id_of
from peers.session.link_core import Ready, SessionEnded
from tests.session.pair import Pair, discard, kinds, ready

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
