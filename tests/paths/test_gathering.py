"""Which ICE servers are asked, in what order, and which of them a description waits for."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from peers.paths import gathering
from peers.paths.ice_servers import IceServers, Memory, Server
from peers.paths.loading import load_stack
from signalling.protocol.events import IceServer
from tests.paths.check_path import DEADLINE, open_sockets, settled
from tests.paths.direct_pair import MakeEnd, ends
from tests.paths.servers import MAPPED, RELAYED, ice_server
from tests.waiting import eventually


@pytest.fixture(autouse=True)
async def nothing_remains() -> AsyncIterator[None]:
    """No task and no socket."""
    await load_stack()
    tasks, sockets = len(asyncio.all_tasks()), open_sockets()
    yield
    await settled(lambda: len(asyncio.all_tasks()) <= tasks and open_sockets() <= sockets)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that answer are waited for as long as it takes, however busy the machine is."""
    for wait in ("HEAD_START", "LAST_WORD", "STUN_PATIENCE", "TURN_PATIENCE"):
        monkeypatch.setattr(gathering, wait, DEADLINE)


class Silent:
    """A UDP server that never answers, and notes whether it was asked."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]

    @property
    def told(self) -> list[IceServer]:
        return [IceServer(urls=[f"stun:127.0.0.1:{self.port}"])]

    def was_asked(self) -> bool:
        try:
            return bool(self.socket.recv(2_000))
        except BlockingIOError:
            return False


@pytest.fixture
def silent() -> Iterator[Silent]:
    server = Silent()
    yield server
    server.socket.close()


def parsed(told: list[IceServer]) -> Server:
    servers = IceServers(told, Memory())
    return (*servers.stun, *servers.turn)[0]


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("known", ["unknown", "silent", "near, wrongly"])
async def test_a_stun_server_that_never_answers_holds_up_nothing(
    known: str, silent: Silent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "STUN_TIMEOUT", 3 * DEADLINE)
    monkeypatch.setattr(gathering, "HEAD_START", 0.1 if known == "near, wrongly" else 3 * DEADLINE)
    memory = Memory()
    if known == "silent":
        memory.failed(parsed(silent.told), now())
    elif known == "near, wrongly":
        memory.answered(parsed(silent.told), 0.001, now())
    left, right = ends(silent.told, memory)
    async with contextlib.AsyncExitStack() as stack:
        for end in (left, right):
            stack.push_async_callback(end.direct.close)
        async with asyncio.timeout(DEADLINE):
            begun = now()
            offer = await left.direct.offer()
            assert (now() - begun >= gathering.HEAD_START) == (known == "near, wrongly")
            await left.direct.take_answer(await right.direct.answer(offer))
        for end in (left, right):
            await end.until(lambda end=end: end.opened == 1)  # type: ignore[misc]
        assert "end-of-candidates" not in offer["sdp"]


async def test_one_that_was_silent_is_remembered(
    silent: Silent, monkeypatch: pytest.MonkeyPatch, offering: MakeEnd
) -> None:
    monkeypatch.setattr(gathering, "STUN_TIMEOUT", 0.5)
    monkeypatch.setattr(gathering, "ASKED_FOR", 0.0)
    memory = Memory()
    end = offering(silent.told, memory=memory)
    await end.direct.offer()
    await end.until(lambda: end.candidates == [None])
    assert silent.was_asked()
    assert memory.has_failed(parsed(silent.told), now())


@pytest.mark.parametrize(("scheme", "address"), [("stun", MAPPED), ("turn", RELAYED[0])])
async def test_one_that_comes_back_in_the_midst_of_an_attempt_is_of_use_to_it(
    scheme: str, address: str, silent: Silent, monkeypatch: pytest.MonkeyPatch, offering: MakeEnd
) -> None:
    for name, seconds in (("STUN_TIMEOUT", 0.2), ("TURN_TIMEOUT", 0.2), ("ASKED_ANEW", 0.1)):
        monkeypatch.setattr(gathering, name, seconds)
    told = [IceServer(urls=[f"{scheme}:127.0.0.1:{silent.port}"], username="user", credential="secret")]
    memory = Memory()
    end = offering(told, memory=memory)
    await end.direct.offer()
    await eventually(lambda: memory.has_failed(parsed(told), now()))
    assert end.candidates == []
    silent.socket.close()
    async with ice_server(scheme, port=silent.port):
        await end.until(lambda: end.candidates[-1:] == [None])
        assert address in str(end.candidates[0])
        assert memory.seconds(parsed(told), now()) is not None


@pytest.mark.parametrize("scheme", ["stun", "turn"])
async def test_one_that_is_silent_is_asked_anew_for_a_while(
    scheme: str, silent: Silent, monkeypatch: pytest.MonkeyPatch, offering: MakeEnd
) -> None:
    for name, seconds in (("STUN_TIMEOUT", 0.1), ("TURN_TIMEOUT", 0.1), ("ASKED_ANEW", 0.2), ("ASKED_FOR", 0.7)):
        monkeypatch.setattr(gathering, name, seconds)
    told = [IceServer(urls=[f"{scheme}:127.0.0.1:{silent.port}"], username="user", credential="secret")]
    end = offering(told)
    await end.direct.offer()
    begun = now()
    await end.until(lambda: end.candidates == [None])
    assert 0.6 <= now() - begun < DEADLINE
    asked = 0
    while silent.was_asked():
        asked += 1
    sockets = len(end.direct._stack._gatherer.ipv4_sockets()) if scheme == "stun" else 1  # type: ignore[union-attr]
    assert 2 * sockets <= asked <= 4 * sockets


async def test_one_that_refuses_is_not_asked_anew(monkeypatch: pytest.MonkeyPatch, offering: MakeEnd) -> None:
    monkeypatch.setattr(gathering, "ASKED_ANEW", 0.0)
    async with ice_server("turn", refuses=True) as told:
        end = offering(told)
        begun = now()
        await end.direct.offer()
        await end.until(lambda: end.candidates == [None])
        assert now() - begun < gathering.ASKED_FOR / 2


async def test_giving_up_early_says_nothing_of_a_server(silent: Silent, offering: MakeEnd) -> None:
    memory = Memory()
    end = offering(silent.told, memory=memory)
    await end.direct.offer()
    await end.direct.close()
    assert not memory.is_known(parsed(silent.told), now())


@pytest.mark.usefixtures("patient")
async def test_an_offer_that_is_given_up_while_it_waits_leaves_nothing(silent: Silent, offering: MakeEnd) -> None:
    memory = Memory()
    memory.answered(parsed(silent.told), 0.001, now())
    end = offering(silent.told, memory=memory)
    offer = asyncio.ensure_future(end.direct.offer())
    while not silent.was_asked():
        await asyncio.sleep(0)
    offer.cancel()
    await asyncio.wait([offer])
    assert offer.cancelled()


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(("scheme", "address"), [("stun", MAPPED), ("turn", RELAYED[0])])
async def test_what_a_near_server_tells_is_in_the_description(scheme: str, address: str, offering: MakeEnd) -> None:
    async with ice_server(scheme) as told:
        memory = Memory()
        memory.answered(parsed(told), 0.001, now())
        end = offering(told, memory=memory)
        offer = await end.direct.offer()
        assert f" {address} " in offer["sdp"]
        assert [candidate for candidate in end.candidates if candidate is not None] == []


@pytest.mark.parametrize(("scheme", "address"), [("stun", MAPPED), ("turn", RELAYED[0])])
async def test_what_an_unknown_server_tells_follows_and_is_remembered(
    scheme: str, address: str, offering: MakeEnd
) -> None:
    async with ice_server(scheme) as told:
        memory = Memory()
        end = offering(told, memory=memory)
        offer = await end.direct.offer()
        assert address not in offer["sdp"]
        await end.until(lambda: end.candidates[-1:] == [None])
        assert address in str(end.candidates[0])
        seconds = memory.seconds(parsed(told), now())
        assert seconds is not None
        assert 0 < seconds < 5


@pytest.mark.usefixtures("patient")
async def test_the_quickest_stun_server_is_asked_alone(silent: Silent, offering: MakeEnd) -> None:
    async with ice_server() as told:
        memory = Memory()
        memory.answered(parsed(silent.told), 0.02, now())
        memory.answered(parsed(told), 0.01, now())
        end = offering([*silent.told, *told], memory=memory)
        assert MAPPED in (await end.direct.offer())["sdp"]
        assert not silent.was_asked()


async def test_one_that_was_silent_is_asked_when_nobody_else_tells(
    silent: Silent, monkeypatch: pytest.MonkeyPatch, offering: MakeEnd
) -> None:
    monkeypatch.setattr(gathering, "STUN_PATIENCE", 0.1)
    async with ice_server() as told:
        memory = Memory()
        memory.failed(parsed(told), now())
        end = offering([*told, *silent.told], memory=memory)
        await end.direct.offer()
        await end.until(lambda: len(end.candidates) == 1)
        assert MAPPED in str(end.candidates)
        assert silent.was_asked()
        assert memory.seconds(parsed(told), now()) is not None  # it is well again


class Stream:
    """A server on TCP that reads one request of a TURN client, and says no more."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # An Allocate request (RFC 8656) has come; that is all there is to see here.
        assert (await reader.readexactly(2)) == b"\x00\x03"
        self.asked.set()
        writer.close()


@pytest.mark.parametrize("known", [False, True])
async def test_a_turn_server_that_does_not_answer_makes_way_for_the_next(
    known: bool, silent: Silent, monkeypatch: pytest.MonkeyPatch, offering: MakeEnd
) -> None:
    # When it is known to be silent, at once.
    monkeypatch.setattr(gathering, "TURN_PATIENCE", 60.0 if known else 0.2)
    monkeypatch.setattr(gathering, "TURN_TIMEOUT", 0.5)
    monkeypatch.setattr(gathering, "ASKED_FOR", 0.0)
    stream = Stream()
    server = await asyncio.start_server(stream.answer, "127.0.0.1", 0)
    urls = [
        f"turn:127.0.0.1:{silent.port}",
        f"turn:127.0.0.1:{server.sockets[0].getsockname()[1]}?transport=tcp",
    ]
    told = [IceServer(urls=urls, username="u", credential="c")]
    memory = Memory()
    if known:
        memory.failed(parsed(told), now())
    end = offering(told, memory=memory)
    await end.direct.offer()
    async with asyncio.timeout(5):
        await stream.asked.wait()
    assert silent.was_asked() != known
    await end.until(lambda: end.candidates == [None])
    assert all(memory.has_failed(one, now()) for one in IceServers(told, memory).turn)
    server.close()
    await server.wait_closed()


async def test_one_turn_server_is_enough(silent: Silent, monkeypatch: pytest.MonkeyPatch, offering: MakeEnd) -> None:
    monkeypatch.setattr(gathering, "TURN_PATIENCE", 0.1)
    async with ice_server("turn") as told, ice_server("turn") as more:
        first = [IceServer(urls=[f"turn:127.0.0.1:{silent.port}"], username="u", credential="c")]
        begun = time.monotonic()
        end = offering([*first, *told, *more])
        await end.direct.offer()
        await end.until(lambda: end.candidates[-1:] == [None])
        assert time.monotonic() - begun < gathering.TURN_TIMEOUT  # the silent one is asked no further
        assert len(end.candidates) == 2
