"""What a switch is: one mechanism of the product, how to break it from outside, and the tests that must then fail."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest

from peers.session.rules import Rules
from tests.session import simulation

Patch = pytest.MonkeyPatch
Breaker = Callable[[Patch], None]


class Switch(NamedTuple):
    """`breaker` breaks the mechanism for as long as its MonkeyPatch lasts; each of `tests` must fail meanwhile."""

    name: str
    rules: tuple[str, ...]
    """The rules of the protocol and the promises that lean on it."""
    broken: str
    """What happens with it, in words."""
    breaker: Breaker
    tests: tuple[str, ...]
    """Node ids of pytest's. One without brackets means all its parameters, and each must fail."""
    elsewhere: bool = False
    """Whether the mechanism is broken in the processes too that the tests start."""


def of(file: str, *tests: str) -> tuple[str, ...]:
    """The node ids of tests of one file, which is named from tests/ on."""
    return tuple(f"tests/{file}::{test}" for test in tests)


def lives(*first: int) -> tuple[str, ...]:
    """Batches of random lives of two sessions."""
    return of("session/test_lives.py", *(f"test_lives[{number}]" for number in first))


def nothing(*_: object, **__: object) -> None:
    """In place of something that should happen."""


def always(value: Any) -> Callable[..., Any]:
    """In place of something that should be found out."""
    return lambda *_, **__: value


def instead(owner: Any, name: str, other: Any) -> Breaker:
    """Another method, property, function or constant."""
    return lambda patch: patch.setattr(owner, name, other)


def constants(**changes: Any) -> Breaker:
    """Other constants of sessions, the protocol's and those of the simulations."""

    def breaks(patch: Patch) -> None:
        patch.setattr(simulation, "SMALL", msgspec.structs.replace(simulation.SMALL, **changes))
        patch.setattr("peers.session.session.Rules", lambda: Rules(**changes))

    return breaks
