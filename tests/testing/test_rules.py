"""What is said of the network, and what holds then."""

from peers.testing.rules import FAIR, Rules, Weather


def test_the_later_rule_counts_where_two_meet() -> None:
    rules = Rules()
    assert rules.weather("direct", "a", "b") is FAIR
    rules.add("cut", True, None, None, None)
    rules.add("cut", False, "direct", "a", "b")
    assert rules.weather("direct", "a", "b") == FAIR
    for path, sender, receiver in (("direct", "b", "a"), ("relay", "a", None), ("relay", None, None)):
        assert rules.weather(path, sender, receiver).cut
    rules.add("cut", True, "direct", "a", None)
    assert rules.weather("direct", "a", "b").cut


def test_each_kind_for_itself() -> None:
    rules = Rules()
    rules.add("delay", 0.5, None, None, None)
    rules.add("loss", 0.1, "direct", None, None)
    rules.add("delay", 0.2, "direct", None, "b")
    assert rules.weather("direct", "a", "b") == Weather(delay=0.2, loss=0.1)
    assert rules.weather("direct", "b", "a") == Weather(delay=0.5, loss=0.1)
    assert rules.weather("relay", "b", None) == Weather(delay=0.5)


def test_a_rule_about_one_program_does_not_concern_who_is_unknown() -> None:
    rules = Rules()
    rules.add("cut", True, "relay", "a", None)
    assert not rules.weather("relay", None, "a").cut
    assert not rules.weather("relay", None, None).cut


def test_rules_that_no_longer_count_are_forgotten() -> None:
    rules = Rules()
    for n in range(1_000):
        rules.add("delay", n / 1_000, "direct", "a", "b")
        rules.add("cut", bool(n % 2), None, None, None)
    assert len(rules._rules) == 2
    rules.clear()
    assert rules.weather("direct", "a", "b") is FAIR
