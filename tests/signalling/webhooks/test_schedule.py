"""When a webhook is tried again."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from signalling.webhooks.schedule import LONGEST, MOST_ASKED, MOST_FAILURES, wait

DAY = 86_400.0


def test_it_begins_soon_and_goes_on_for_three_days_as_in_the_specification() -> None:
    waits = [wait(failures, 0.0, lambda: 0.5) for failures in range(1, MOST_FAILURES)]
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert all(one <= two for one, two in pairwise(waits) if one is not None and two is not None)
    assert max(filter(None, waits)) == LONGEST
    assert 3 * DAY <= sum(filter(None, waits)) <= 3.2 * DAY
    assert wait(MOST_FAILURES, 0.0, lambda: 0.5) is None


@given(st.integers(1, MOST_FAILURES - 1), st.floats(0, 1e9), st.floats(0, 1))
def test_waits_are_spread_and_never_shorter_than_asked(failures: int, asked: float, drawn: float) -> None:
    middle, seconds = wait(failures, 0.0, lambda: 0.5), wait(failures, asked, lambda: drawn)
    assert middle is not None
    assert seconds is not None
    assert seconds >= min(asked, MOST_ASKED)
    if asked < middle * 0.8:
        assert 0.8 * middle - 1e-9 <= seconds <= 1.2 * middle + 1e-9
    assert wait(failures, 0.0, lambda: 0.0) != wait(failures, 0.0, lambda: 1.0)
