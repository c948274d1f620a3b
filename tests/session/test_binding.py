"""Halves (S1, S2): what is old, what is over, what is for another session."""

import pytest

from peers.session.binding import NO_HALF, Binding, EndedHalves, Half, Halves

MINE, YOURS = Half(5, 3), Half(9, 7)


def test_halves_are_ordered_by_incarnation_then_number() -> None:
    assert NO_HALF < Half(1, 1) < Half(1, 2) < Half(2, 1)


def test_the_highest_ended_half_is_kept_for_each_peer_of_each_room() -> None:
    ended = EndedHalves()
    ended.discard("lobby", "ada", Half(2, 5))
    ended.discard("lobby", "ada", Half(2, 4))
    ended.discard("attic", "ada", Half(1, 1))
    assert ended.get("lobby", "ada") == Half(2, 5)
    assert ended.get("attic", "ada") == Half(1, 1)
    assert ended.get("lobby", "bob") == NO_HALF
    assert not ended.may_have_forgotten("lobby", "bob")


def test_only_so_many_are_kept_and_it_says_so() -> None:
    ended = EndedHalves(2)
    ended.discard("lobby", "ada", Half(1, 1))
    ended.discard("lobby", "bob", Half(1, 2))
    ended.get("lobby", "ada")  # so bob was not asked about for longest
    ended.discard("lobby", "eve", Half(1, 3))
    assert [ended.get("lobby", name) for name in ("ada", "bob", "eve")] == [Half(1, 1), NO_HALF, Half(1, 3)]
    assert [ended.may_have_forgotten("lobby", name) for name in ("ada", "bob", "eve", "new")] == [
        False,
        True,
        False,
        True,
    ]


def test_it_is_kept_for_65536_peers() -> None:
    ended = EndedHalves()
    for number in range(65_537):
        ended.discard("lobby", str(number), Half(1, 1))
    assert ended.get("lobby", "0") == NO_HALF
    assert ended.get("lobby", "1") == Half(1, 1)


def said(own: Half = YOURS, bound: Half = NO_HALF, ended: Half = NO_HALF) -> Halves:
    return Halves(own, bound, ended)


@pytest.mark.parametrize(
    ("bound", "halves", "over"),
    [
        (None, said(), False),
        (YOURS, said(), False),
        (None, said(ended=MINE), True),
        (YOURS, said(ended=MINE), True),
        (YOURS, said(ended=Half(5, 2)), False),
        (YOURS, said(own=Half(9, 8)), True),
        (YOURS, said(own=Half(10, 1)), True),
        (YOURS, said(own=Half(9, 6)), False),
    ],
)
def test_my_session_is_over(bound: Half | None, halves: Halves, over: bool) -> None:
    assert binding(bound).is_over(halves) == over


@pytest.mark.parametrize(
    ("bound", "halves", "stale"),
    [
        (None, said(), False),
        (None, said(own=Half(9, 5)), True),
        (None, said(own=Half(9, 4)), True),
        (None, said(own=Half(9, 6)), False),
        (YOURS, said(), False),
        (YOURS, said(own=Half(9, 6)), True),
        (YOURS, said(own=Half(9, 8)), False),
    ],
)
def test_the_message_is_stale(bound: Half | None, halves: Halves, stale: bool) -> None:
    assert binding(bound).is_stale(halves) == stale


@pytest.mark.parametrize(
    ("to", "elsewhere", "another"),
    [(NO_HALF, False, True), (MINE, False, False), (Half(5, 2), True, True), (Half(5, 4), True, True)],
)
def test_whom_the_message_is_for(to: Half, elsewhere: bool, another: bool) -> None:
    assert binding(None).is_elsewhere(said(bound=to)) == elsewhere
    assert binding(None).answers_another(said(bound=to)) == another


def test_nobody_can_have_ended_what_never_was() -> None:
    assert binding(None).is_impossible(said(ended=Half(5, 4)))
    assert not binding(None).is_impossible(said(ended=MINE))


def test_what_my_messages_say() -> None:
    assert binding(None).halves() == Halves(MINE, NO_HALF, Half(9, 5))
    assert binding(YOURS).halves() == Halves(MINE, YOURS, Half(9, 5))


def binding(bound: Half | None) -> Binding:
    made = Binding(MINE, Half(9, 5))
    made.bound = bound
    return made
