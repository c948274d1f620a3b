"""Receivers of webhooks, and senders."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from signalling.webhooks.sender import Sender
from signalling.webhooks.signing import read_secret
from tests.signalling.webhooks.receivers import SECRET, Receiver, receiving


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that is well."""
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def make_sender() -> AsyncIterator[Callable[..., Sender]]:
    """Makes senders, which are closed afterwards."""
    senders: list[Sender] = []

    def make(*, timeout: float = 5.0, allow_private: bool = True, **options: Any) -> Sender:
        senders.append(Sender([read_secret(SECRET)], timeout=timeout, allow_private=allow_private, **options))
        return senders[-1]

    yield make
    for sender in senders:
        await sender.close()
