"""What fills no log, whoever repeats it, and is counted all the same."""

import asyncio
import logging
import re
from collections.abc import Callable

import pytest

from peers import Client, complaints
from peers.complaints import Complaints
from tests.waiting import Log, eventually

Connect = Callable[..., Client]
MANY = 20


def left_out(text: str) -> dict[str, int]:
    """What a log says of lines that were left out: how many of each kind."""
    counts: dict[str, int] = {}
    for count, kind in re.findall(r"(\d+) more lines were left out here: (.*)", text):
        counts[kind] = counts.get(kind, 0) + int(count)
    return counts


async def test_what_was_left_out_is_told_while_it_goes_on_and_then_all_is_new(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(complaints, "EVERY", 0.05)
    some, total = Complaints(logging.getLogger("eitherway"), "b: "), 0

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
    some = Complaints(logging.getLogger("eitherway"), "b: ")
    for number in range(3 * complaints.KINDS):
        some.say(f"kind {number}", logging.WARNING, "line %d", number)
    assert len(some._kinds) == complaints.KINDS + 1
    some.close()
    assert len(re.findall(r"line \d+", caplog.text)) == complaints.KINDS + complaints.FIRST
    assert left_out(caplog.text) == {complaints.OTHERS: 2 * complaints.KINDS - complaints.FIRST}
    assert not some._kinds


async def test_messages_that_do_not_fit_do_not_fill_the_log(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    a, b = await connect().join("r", p2p="never"), await connect().join("r", p2p="never")
    errors: Log[BaseException] = Log()
    b.client.on("error", errors)
    b.channel("numbers", int).on("message", lambda message: None)
    to_b = await a.wait_for_peer(timeout=10)
    for _ in range(MANY):
        await a.channel("numbers").send("a word")
    await to_b.flush()
    assert len(await errors.count(MANY)) == MANY
    await b.client.close()
    assert caplog.text.count("does not fit its type") == complaints.FIRST
    assert left_out(caplog.text) == {f"messages of {a.id} that do not fit their type": MANY - complaints.FIRST}


async def test_a_peer_that_breaks_the_protocol_again_and_again_does_not_fill_the_log(
    connect: Connect, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(complaints, "FIRST", 1)  # the next session takes some seconds to begin
    monkeypatch.setattr(complaints, "EVERY", 600.0)
    a, b = await connect().join("r", p2p="never"), await connect().join("r", p2p="never")
    b.on("message", lambda message: None)
    liar = await a.wait_for_peer(timeout=10)
    for number in range(3):
        await liar.send(number)
        await liar.flush()
        session = liar._link.core.session
        (channel,) = session._receiver.channels.values()
        channel.handled += 10**9  # of what was never sent
        channel.limit += 10**9
        session.listen(0, 0.0)
        await b.peers[a.id].send(number)
        await eventually(lambda session=session: liar._link.core.session is not session)  # type: ignore[misc]
    await b.client.close()
    assert caplog.text.count("broke the protocol, and another session") == 1
    assert left_out(caplog.text) == {f"{a.id} broke the protocol": 2}
