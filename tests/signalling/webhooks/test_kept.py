"""What goes when there is no room."""

from signalling.webhooks.kept import Kept


def test_dead_letters_go_first_the_oldest_first_and_only_as_many_as_must() -> None:
    kept = Kept(5, 1_000_000)
    for number in range(1, 8):
        kept.add(number, 100)
    assert kept.full
    for number in (6, 2, 4):
        kept.bury(number)
    assert (len(kept), kept.dead, kept.bytes) == (7, 3, 700)
    assert list(kept.surplus()) == [6, 2]
    assert (len(kept), kept.dead, kept.bytes, kept.full) == (5, 1, 500, False)
    assert kept.is_dead(4)
    assert 6 not in kept


def test_bytes_count_too() -> None:
    kept = Kept(100, 1_000)
    kept.add(1, 800)
    kept.add(2, 300)
    assert kept.full
    assert list(kept.surplus()) == []  # nothing dead to go
    kept.remove(1)
    assert (kept.full, kept.bytes) == (False, 300)
    kept.remove(1)
    assert kept.bytes == 300


def test_a_replay_waits_again_under_another_number() -> None:
    kept = Kept(100, 1_000)
    kept.add(1, 300)
    kept.bury(1)
    kept.replay(1, 9)
    assert (kept.dead, kept.bytes, 1 in kept, 9 in kept, kept.is_dead(9)) == (0, 300, False, True, False)
