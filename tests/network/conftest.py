"""Labs for tests, or the reason why there are none."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.network.lab import Lab
from tests.network.spaces import why_not


@pytest.fixture(scope="session")
def labs_work() -> None:
    """Skips the test where there can be no lab."""
    if (reason := why_not()) is not None:
        pytest.skip(reason)


@pytest.fixture
def make_lab(labs_work: None) -> Iterator[Callable[..., Lab]]:
    """Makes labs, which are taken down after the test."""
    with ExitStack() as stack:
        yield lambda *routers, **options: stack.enter_context(Lab(*routers, **options))
