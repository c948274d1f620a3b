"""Handshake messages (K2, K3): who may say what, to whom, and how often."""

import os
from typing import Any, cast

import pytest

from peers.codec import values
from peers.session import handshake
from peers.session.binding import NO_HALF, Half, Halves
from peers.session.handshake import (
    HandshakeError,
    Handshakes,
    Hello,
    Remote,
    Schedule,
    encode_hint,
    key_id_of,
    prologue,
)
from peers.session.seal import Key
from signalling.protocol.limits import MAX_PACKET
from tests.session.pair import ROOM, Program

A, B = Program("a"), Program("b")
HALVES = Halves(Half(A.incarnation, 3), Half(B.incarnation, 4), NO_HALF)
ANSWER = Halves(Half(B.incarnation, 4), Half(A.incarnation, 3), Half(A.incarnation, 1))


def handshakes(program: Program, peer: Program, *, remote: Remote | None = None, settings: Any = None) -> Handshakes:
    """The program's side, towards that peer or what it takes for it."""
    settings = {"direct": True} if settings is None else settings
    return Handshakes(ROOM, program.me, remote or peer.remote, settings, os.urandom)


def first(side: Handshakes, frames: bytes = b"frames", halves: Halves = HALVES) -> bytes:
    return side.begin(halves, frames, ())


def reason(action: Any, packet: bytes) -> str:
    """Why the packet is dropped."""
    with pytest.raises(HandshakeError) as caught:
        action(packet)
    return caught.value.reason


def test_both_messages_arrive_as_they_were_written_and_both_get_the_keys() -> None:
    a, b = handshakes(A, B), handshakes(B, A, settings={"direct": False, "later": [1]})
    packet = first(a)
    hello, responder = b.read_first(packet)
    assert hello == Hello(key_id_of(packet), HALVES, {"direct": True}, b"frames")
    answer, keys = b.answer(packet, responder, ANSWER, b"more frames")
    hello, mine = a.read_second(answer)
    assert hello == Hello(key_id_of(packet), ANSWER, {"direct": False, "later": [1]}, b"more frames")
    one, two = Key(1, mine, 0.0), Key(1, keys, 0.0)
    assert two.open(0, one.seal(b"there")) == b"there"
    assert one.open(0, two.seal(b"back")) == b"back"


def test_nothing_of_it_can_be_read_on_the_way() -> None:
    a, b = handshakes(A, B), handshakes(B, A)
    packet = first(a, b"secret frames")
    answer, _ = b.answer(packet, b.read_first(packet)[1], ANSWER, b"secret answer")
    for part in (b"secret", A.statement[:40], A.remote.static, b"direct"):
        assert part not in packet + answer


@pytest.mark.parametrize(
    "other",
    [
        prologue("another room", B.key, B.incarnation),
        prologue(ROOM, A.key, B.incarnation),
        prologue(ROOM, B.key, B.incarnation - 1),
        b"",
    ],
)
def test_message_1_opens_only_in_its_room_for_its_responder_in_this_life(other: bytes) -> None:
    a = handshakes(A, B)
    a._their_prologue = other
    assert reason(handshakes(B, A).read_first, first(a)) == "bad handshake"


def test_message_1_does_not_open_after_its_responder_was_restarted() -> None:
    packet = first(handshakes(A, B))
    again = Program("b")
    again.restart()
    again.static = B.static  # even if it had kept its static key
    again.statement = again.state()
    assert reason(handshakes(again, A).read_first, packet) == "bad handshake"


def test_the_prologue_cannot_be_read_in_two_ways() -> None:
    assert prologue("ab", b"c" * 32, 1) != prologue("a", b"b" + b"c" * 31, 1)


@pytest.mark.parametrize(
    "statement",
    [
        A.state(room="another room"),
        A.state(incarnation=A.incarnation + 1),
        A.state(incarnation=A.incarnation - 1),
        A.state(static=bytes(31) + b"\x09"),
        A.state(key=B.key),
        B.statement,
        Program("c").statement,
        A.statement[:-1] + bytes([A.statement[-1] ^ 1]),
        A.statement[:-1],
        b"",
    ],
)
def test_a_statement_must_be_the_peers_for_this_room_and_life_and_for_the_key_it_proved(statement: bytes) -> None:
    a = handshakes(A, B)
    a.me = A.me._replace(statement=statement)
    assert reason(handshakes(B, A).read_first, first(a)) == "bad statement"


def test_the_statement_that_was_checked_before_is_not_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    known = handshakes(B, A)
    known._peer = known._peer._replace(statement=A.statement)
    packet = first(handshakes(A, B))
    monkeypatch.setattr("peers.session.handshake.read_statement", pytest.fail)
    assert known.read_first(packet)


def test_a_strangers_message_1_is_not_the_peers() -> None:
    assert reason(handshakes(B, A).read_first, first(handshakes(Program("c"), B))) == "bad statement"


@pytest.mark.parametrize(
    "halves",
    [
        HALVES._replace(own=Half(A.incarnation - 1, 3)),
        HALVES._replace(own=Half(A.incarnation + 1, 3)),
        HALVES._replace(own=Half(A.incarnation, 0)),
        HALVES._replace(ended=Half(2**53, 1)),
    ],
)
def test_a_half_that_cannot_be_the_senders_is_malformed(halves: Halves) -> None:
    assert reason(handshakes(B, A).read_first, first(handshakes(A, B), halves=halves)) == "malformed"


@pytest.mark.parametrize("settings", [[1], "text", None, {"x": "y" * 5_000}])
def test_settings_that_are_no_map_or_endless_are_malformed(settings: Any) -> None:
    a = handshakes(A, B)
    a._settings = values.encode(settings)
    assert reason(handshakes(B, A).read_first, first(a)) == "malformed"


def test_settings_that_are_no_value_are_malformed() -> None:
    a = handshakes(A, B)
    a._settings = b"\xc1"
    assert reason(handshakes(B, A).read_first, first(a)) == "malformed"


def test_endless_settings_are_refused_here() -> None:
    with pytest.raises(ValueError, match="settings"):
        handshakes(A, B, settings={"x": "y" * 5_000})


@pytest.mark.parametrize("packet", [b"\x01", b"\x01\0\0\0", b"\x02\0\0\0\1"])
def test_packets_that_end_early_are_dropped(packet: bytes) -> None:
    assert reason(handshakes(B, A).read_first, packet) in ("malformed", "bad handshake")
    assert reason(handshakes(B, A).read_second, packet) in ("malformed", "unasked answer")


def test_a_payload_that_ends_early_is_malformed() -> None:
    whole = handshakes(A, B)
    payload = whole._first(b"", HALVES)
    for size in range(0, len(payload), 7):
        a = handshakes(A, B)
        cast(Any, a)._first = lambda frames, halves, cut=size: payload[:cut]
        assert reason(handshakes(B, A).read_first, first(a)) in ("malformed", "bad statement")


def test_the_same_message_1_is_answered_once() -> None:
    a, b = handshakes(A, B), handshakes(B, A)
    packet = first(a)
    responder = b.read_first(packet)[1]
    assert b.read_first(packet)[0].frames == b"frames", "reading it alone is no answer"
    b.answer(packet, responder, ANSWER, b"")
    assert reason(b.read_first, packet) == "copy"
    renumbered = packet[:1] + b"\0\0\0\0" + packet[5:]
    assert reason(b.read_first, renumbered) == "copy", "the key id is not sealed: it makes no other message of it"


def test_what_is_remembered_of_answers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "KEPT_ANSWERED", 2)
    a, b = handshakes(A, B), handshakes(B, A)
    packets = [first(a) for _ in range(3)]
    for packet in packets:
        b.answer(packet, b.read_first(packet)[1], ANSWER, b"")
    assert b.read_first(packets[0])
    assert reason(b.read_first, packets[1]) == "copy"


def test_the_answers_to_the_last_four_are_taken() -> None:
    a, b = handshakes(A, B), handshakes(B, A)
    packets = [first(a) for _ in range(5)]
    answers = [b.answer(packet, b.read_first(packet)[1], ANSWER, b"")[0] for packet in packets]
    assert reason(a.read_second, answers[0]) == "unasked answer"
    for answer in reversed(answers[1:]):
        a.read_second(answer)
    assert reason(a.read_second, answers[4]) == "unasked answer", "each is taken once"


def test_forged_answers_do_not_use_a_handshake_up() -> None:
    a, b = handshakes(A, B), handshakes(B, A)
    packets = [first(a), first(a)]
    one, two = (b.answer(packet, b.read_first(packet)[1], ANSWER, b"")[0] for packet in packets)
    for forged in (one[:-1] + bytes([one[-1] ^ 1]), one[:5] + two[5:], one[:30], packets[0][:1] + one[1:5]):
        assert reason(a.read_second, forged) == "bad handshake"
    assert a.read_second(one)[0].halves == ANSWER


def test_an_answer_by_another_peer_does_not_open() -> None:
    a, c = handshakes(A, B), Program("c")
    thief = handshakes(Program("c"), A, remote=A.remote)
    packet = first(a)
    assert reason(thief.read_first, packet) == "bad handshake"
    other = first(handshakes(A, c))
    answer = thief.answer(other, thief.read_first(other)[1], ANSWER, b"")[0]
    assert reason(a.read_second, answer[:1] + packet[1:5] + answer[5:]) == "bad handshake"


def test_frames_fill_a_packet_to_its_last_byte() -> None:
    a, b = handshakes(A, B), handshakes(B, A)
    packet = first(a, bytes(a.room_in_first))
    assert len(packet) == MAX_PACKET
    hello, responder = b.read_first(packet)
    assert len(hello.frames) == a.room_in_first
    answer, _ = b.answer(packet, responder, ANSWER, bytes(b.room_in_second))
    assert len(answer) == MAX_PACKET
    assert len(a.read_second(answer)[0].frames) == b.room_in_second
    assert a.room_in_first > handshake.FIRST_FRAMES


def test_a_key_id_in_use_is_not_given_again() -> None:
    numbers = iter([7, 7, 8, 8, 9])

    def random(size: int) -> bytes:
        return next(numbers).to_bytes(4, "big") if size == 4 else os.urandom(size)

    a = Handshakes(ROOM, A.me, B.remote, {}, random)
    assert key_id_of(a.begin(HALVES, b"", {7})) == 8
    assert key_id_of(a.begin(HALVES, b"", {7})) == 9


def test_a_hint_names_its_key() -> None:
    assert encode_hint(0x01020304) == bytes.fromhex("04 01020304")
    assert key_id_of(encode_hint(0xFFFFFFFF)) == 0xFFFFFFFF


# ---- when message 1 is due


def test_a_message_1_is_repeated_after_a_second_and_then_ever_more_rarely() -> None:
    schedule, times = Schedule(), []
    schedule.want(10.0)
    for _ in range(8):
        assert schedule.due is not None
        times.append(schedule.due - 10.0)
        schedule.sent(schedule.due)
        schedule.want(schedule.due - 0.5)  # changes nothing
    assert times == [0, 1, 3, 7, 15, 31, 61, 91]
    schedule.done()
    assert schedule.due is None
    schedule.want(200.0)
    schedule.sent(200.0)
    assert schedule.due == 201.0


def test_a_new_way_ends_the_waiting() -> None:
    schedule = Schedule()
    schedule.hurry(1.0)
    assert schedule.due is None
    schedule.want(1.0)
    for now in (1.0, 2.0, 4.0):
        schedule.sent(now)
    schedule.hurry(5.0)
    assert schedule.due == 5.0
    schedule.sent(5.0)
    assert schedule.due == 6.0


def test_nobody_can_make_us_send_more_than_one_a_second() -> None:
    schedule, sent, now = Schedule(), [], 0.0
    while now < 20.0:
        schedule.want_soon(now)
        if schedule.due is not None and schedule.due <= now:
            schedule.sent(now)
            sent.append(now)
            schedule.done()
        now += 0.125
    assert sent == [float(n) for n in range(20)]
