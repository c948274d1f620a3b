"""What the network does to packets, by path and by who sends to whom."""

from typing import Literal

import msgspec

PATHS = ("direct", "relay")
Kind = Literal["cut", "delay", "loss"]


class Weather(msgspec.Struct, frozen=True):
    """What holds for one packet: `delay` in seconds one way, `loss` from 0 to 1."""

    cut: bool = False
    delay: float = 0.0
    loss: float = 0.0


class _Rule(msgspec.Struct, frozen=True):
    kind: Kind
    value: float
    path: str | None
    sender: str | None
    receiver: str | None

    def concerns(self, path: str, sender: str | None, receiver: str | None) -> bool:
        return self.path in (None, path) and self.sender in (None, sender) and self.receiver in (None, receiver)

    def covers(self, other: "_Rule") -> bool:
        """Whether nothing that `other` says counts any more."""
        return (
            self.kind == other.kind
            and self.path in (None, other.path)
            and self.sender in (None, other.sender)
            and self.receiver in (None, other.receiver)
        )


class Rules:
    """What was said of the network so far: where two rules meet, the later one counts."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []

    def add(self, kind: Kind, value: float, path: str | None, sender: str | None, receiver: str | None) -> None:
        """One more rule. None is every path, every sender, every receiver."""
        rule = _Rule(kind, value, path, sender, receiver)
        # A new list, since another thread may be reading the old one.
        self._rules = [*(old for old in self._rules if not rule.covers(old)), rule]

    def clear(self) -> None:
        """The network is as it was at first."""
        self._rules = []

    def weather(self, path: str, sender: str | None, receiver: str | None) -> Weather:
        """What happens to a packet. A sender or receiver that is None is unknown, or the server."""
        values: dict[Kind, float] = {}
        for rule in self._rules:
            if rule.concerns(path, sender, receiver):
                values[rule.kind] = rule.value
        if not values:
            return FAIR
        return Weather(bool(values.get("cut")), values.get("delay", 0.0), values.get("loss", 0.0))


FAIR = Weather()
