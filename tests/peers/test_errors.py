"""What the report of messages whose fate is unknown says: how many, or that there are none, and what to do."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from peers import Client, Message, Undelivered
from tests.waiting import Log, eventually

Connect = Callable[..., Client]


@pytest.mark.parametrize(
    ("messages", "begins"), [(["a"], "1 message to Ada may"), (["a", "b"], "2 messages to Ada may")]
)
def test_it_counts_the_messages_and_says_what_to_do(messages: list[str], begins: str) -> None:
    error = Undelivered("Ada", messages, "it is gone (lost)")
    assert str(error).startswith(begins)
    assert "it is gone (lost). Send again what must arrive" in str(error)
    assert error.messages == messages


async def test_what_arrived_and_is_not_handled_is_no_message_to_send_again(connect: Connect) -> None:
    a, b = await connect().join("r", p2p="never"), await connect().join("r", p2p="never")
    arrived, never = Log[Message[Any]](), asyncio.Event()
    reports: Log[Undelivered] = Log()

    async def handle(message: Message[Any]) -> None:
        arrived(message)
        await never.wait()

    b.on("message", handle)
    a.on("undelivered", reports)
    peer = await a.wait_for_peer(timeout=10)
    await peer.send("x")
    flushing = asyncio.ensure_future(peer.flush())
    await arrived.count(1)
    await eventually(lambda: peer.stats().session.unacknowledged == 0)
    assert not flushing.done()
    await b.leave()
    with pytest.raises(Undelivered) as caught:
        await flushing
    assert str(caught.value) == f"everything arrived, but {peer} may not have handled it all: it is gone (left)"
    assert (caught.value.peer, caught.value.messages) == (peer, [])
    assert reports.items == []
