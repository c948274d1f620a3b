"""Order, patience and fairness of what waits for one endpoint, in a time of its own."""

import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from signalling.webhooks.lanes import Lanes
from signalling.webhooks.schedule import MOST_FAILURES, STEADY


def lanes(most: int = 4) -> Lanes:
    return Lanes(most, lambda: 0.5)


def test_a_room_waits_for_its_first_and_for_no_other_room() -> None:
    each = lanes()
    each.add(1, "a")
    each.add(2, "a")
    each.add(3, "b")
    assert [each.next(0), each.next(0), each.next(0)] == [1, 3, None]
    assert each.failed(1, 0.0) == (1, True)
    assert each.delivered(3)
    assert each.next(0.9) is None
    assert each.next_timeout() == 1.0
    assert each.next(1.0) == 1
    assert each.delivered(1)
    assert each.next(1.0) == 2
    assert each.delivered(2)
    assert (each.next(1.0), len(each), each.next_timeout()) == (None, 0, None)


def test_no_more_are_on_their_way_than_allowed() -> None:
    each = lanes(2)
    for number in range(5):
        each.add(number, f"room {number}")
    assert [each.next(0) for _ in range(3)] == [0, 1, None]
    each.delivered(0)
    assert [each.next(0), each.next(0)] == [2, None]


def test_an_hour_of_failures_costs_few_tries_and_ends_well() -> None:
    each = Lanes(4, random.Random(1).random)
    for number in range(100):
        each.add(number, "room")
    now, tries = 0.0, 0
    while now < 3_600:
        first = each.next(now)
        if first is None:
            now = each.next_timeout() or 0.0
            continue
        assert first == 0
        tries += 1
        assert each.failed(first, now) is not None
    assert tries < 15
    arrived = []
    while len(each):
        following = each.next(now)
        if following is None:
            now = each.next_timeout() or 0.0
            continue
        each.delivered(following)
        arrived.append(following)
    assert arrived == list(range(100))
    assert now < 2 * 3_600 * 1.2


def test_one_that_fails_for_three_days_is_a_dead_letter_and_the_next_one_is_due() -> None:
    each = lanes()
    each.add(1, "room")
    each.add(2, "room")
    now = 0.0
    for failures in range(1, MOST_FAILURES + 1):
        assert each.next(now) == 1
        assert each.failed(1, now) == (failures, failures < MOST_FAILURES)
        now = each.next_timeout() or now
    assert each.next(now) == 2
    assert each.failed(2, now) == (STEADY + 1, True)  # it is tried as seldom as the one before, but as long


def test_when_an_endpoint_is_back_nothing_waits_any_longer() -> None:
    each = Lanes(100, random.Random(1).random)
    for number in range(50):
        each.add(number, f"room {number}")
    now = 0.0
    for _ in range(8):
        while (tried := each.next(now)) is not None:
            each.failed(tried, now)
        now = each.next_timeout() or 0.0
    first = each.next(now)
    assert first is not None
    each.delivered(first)
    assert sum(each.next(now) is not None for _ in range(49)) == 49


def test_a_single_bad_one_is_left_alone_while_others_arrive() -> None:
    each = lanes()
    each.add(0, "bad")
    tries = 0
    now = 0.0
    for number in range(1, 1_000):
        each.add(number, "good")
        while (given := each.next(now)) is not None:
            if given == 0:
                tries += 1
                each.failed(0, now)
            else:
                each.delivered(given)
        now += 0.1
    assert tries <= 7  # 1 + 2 + 4 + 8 + 16 + 32 + 64 > 99.9


def test_a_receiver_that_asks_for_a_rest_gets_it() -> None:
    each = lanes()
    each.add(1, "room")
    assert each.next(0.0) == 1
    each.failed(1, 0.0, asked=120.0)
    assert each.next_timeout() == 120.0


class Anything(RuleBasedStateMachine):
    """Whatever happens: each room's come in order, one at a time, and none is forgotten but those that were dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.lanes = Lanes(3, random.Random(7).random)
        self.now = 0.0
        self.number = 0
        self.waiting: dict[int, str] = {}
        self.out: dict[int, str] = {}

    @rule(room=st.sampled_from("abcd"))
    def add(self, room: str) -> None:
        self.number += 1
        self.lanes.add(self.number, room)
        self.waiting[self.number] = room

    @rule()
    def next(self) -> None:
        number = self.lanes.next(self.now)
        if number is None:
            return
        room = self.waiting[number]
        assert number == min(n for n, r in self.waiting.items() if r == room)
        assert room not in self.out.values()
        self.out[number] = room
        assert len(self.out) <= 3

    @precondition(lambda self: self.out)
    @rule(data=st.data(), fine=st.booleans())
    def answer(self, data: st.DataObject, fine: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.out)))
        del self.out[number]
        if fine:
            assert self.lanes.delivered(number) == (number in self.waiting)
            self.waiting.pop(number, None)
        else:
            failed = self.lanes.failed(number, self.now)
            assert (failed is not None) == (number in self.waiting)
            if failed is not None and not failed.again:
                del self.waiting[number]

    @precondition(lambda self: self.waiting)
    @rule()
    def drop(self) -> None:
        number = self.lanes.drop_oldest()
        assert number == min(self.waiting)
        del self.waiting[number]

    @rule()
    def clear(self) -> None:
        assert self.lanes.clear() == sorted(self.waiting)
        self.waiting.clear()

    @rule(seconds=st.floats(0, 5_000))
    def sleep(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def counts(self) -> None:
        assert len(self.lanes) == len(self.waiting)
        assert self.lanes.on_their_way == len(self.out)

    def teardown(self) -> None:
        """In the end everything arrives."""
        for number in sorted(self.out):
            self.lanes.delivered(number)
            self.waiting.pop(number, None)
        while self.waiting:
            given = self.lanes.next(self.now)
            if given is None:
                due = self.lanes.next_timeout()
                assert due is not None
                self.now = due
                continue
            room = self.waiting.pop(given)
            assert not [n for n, r in self.waiting.items() if r == room and n < given]
            self.lanes.delivered(given)


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=150, stateful_step_count=40)
