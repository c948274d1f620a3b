"""What a bot has to say of its handlers does not fill the log, and what was left out is counted."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest

from peers import Bot, Client, complaints
from peers.bot.handling import Handling
from peers.channel import Message
from tests.bots.running import running
from tests.bots.test_handling import visit
from tests.peers.test_complaints import left_out

Connect = Callable[..., Client]
MANY = 60


async def test_a_handler_that_raises_at_every_message_does_not_fill_the_log(
    url: str, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot("b")

    @bot.on("message")
    async def fail(message: Message[Any]) -> None:
        raise ValueError(f"number {message.data}")

    async with running(bot, url):
        ada = await visit(connect, "Ada")
        for number in range(MANY):
            await ada.bot.send(number)
        await ada.bot.flush()
        assert bot.status().handlers.raised == MANY
    assert caplog.text.count("Traceback") == complaints.FIRST
    assert "ValueError: number 4" in caplog.text
    ((kind, count),) = left_out(caplog.text).items()
    assert count == MANY - complaints.FIRST
    assert re.fullmatch(r"\S+\.fail raised ValueError \(test_complaints\.py:\d+\)", kind)


async def test_whatever_becomes_of_handlers_is_told_so_often_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    handling, times = Handling("b", 0.2, 50), 10

    async def hang() -> None:
        await asyncio.Event().wait()

    async def wait() -> None:
        gone = asyncio.get_running_loop().create_future()
        gone.cancel()
        await gone

    async def work() -> None:
        await asyncio.sleep(0)

    await asyncio.gather(*(handling.call(one, (), "test") for one in (hang, wait, work) for _ in range(times)))
    handling.complaints.close()
    counts = left_out(caplog.text)
    assert len(counts) == 2
    assert set(counts.values()) == {times - complaints.FIRST}
    assert (handling.late, handling.raised, handling.done) == (times, times, times)
