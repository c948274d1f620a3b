"""What the links of one client share."""

from peers.links import Ephemerals


def test_ephemeral_keys_are_made_ahead_and_nobody_gets_one_twice() -> None:
    keys = Ephemerals()
    keys.prepare()
    ahead = {key.public for key in keys._keys}
    assert len(ahead) == keys.KEPT
    taken = [keys.take().public for _ in range(keys.KEPT + 3)]
    assert set(taken[: keys.KEPT]) == ahead
    assert len(set(taken)) == len(taken)
    keys.prepare()
    assert ahead.isdisjoint(key.public for key in keys._keys)
