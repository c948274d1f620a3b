"""What a bot has to say of its handlers does not fill the log, and what was left out is counted."""

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest

from peers import Bot, Client
from peers.bot import complaints
from peers.bot.complaints import Complaints
from peers.bot.handling import Handling
from peers.channel import Message
from tests.bots.running import running
from tests.bots.test_handling import visit
from tests.waiting import eventually

Connect = Callable[..., Client]
MANY = 60


def left_out(text: str) -> dict[str, int]:
    """What a log says of lines that were left out: how many of each kind."""
    counts: dict[str, int] = {}
    for count, kind in re.findall(r"(\d+) more lines were left out here: (.*)", text):
        counts[kind] = counts.get(kind, 0) + int(count)
    return counts


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


async def test_what_was_left_out_is_told_while_it_goes_on_and_then_all_is_new(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(complaints, "EVERY", 0.05)
    some, total = Complaints("b"), 0

    def say(kind: str) -> None:
        some.say(kind, logging.ERROR, "%s happened", kind)

    async with asyncio.timeout(20):
        while caplog.text.count("were left out here: a") < 2:
            say("a")
            total += 1
            await asyncio.sleep(0)
    assert caplog.text.count("a happened") == complaints.FIRST
    for _ in range(complaints.FIRST):
        say("b")  # another kind is none the less told
    assert caplog.text.count("b happened") == complaints.FIRST
    await eventually(lambda: not some._kinds)  # both were quiet for a while
    assert left_out(caplog.text) == {"a": total - complaints.FIRST}
    say("a")
    assert caplog.text.count("a happened") == complaints.FIRST + 1
    some.close()


async def test_kinds_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    some = Complaints("b")
    for number in range(3 * complaints.KINDS):
        some.say(f"kind {number}", logging.WARNING, "line %d", number)
    assert len(some._kinds) == complaints.KINDS + 1
    some.close()
    assert len(re.findall(r"line \d+", caplog.text)) == complaints.KINDS + complaints.FIRST
    assert left_out(caplog.text) == {complaints.OTHERS: 2 * complaints.KINDS - complaints.FIRST}
    assert not some._kinds
