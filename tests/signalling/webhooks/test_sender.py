"""One try: what is sent, and what is made of the answers of receivers that are well, ill or hostile."""

import asyncio
import email.utils
import resource
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from signalling.webhooks.sender import Outcome, Sender
from tests.signalling.webhooks.receivers import Receiver, hang, receiving
from tests.waiting import free_port

MakeSender = Callable[..., Sender]
BODY = '{"type":"post","data":"grüß dich"}'.encode()


async def test_a_receiver_gets_it_signed(receiver: Receiver, make_sender: MakeSender) -> None:
    assert await make_sender().send(receiver.url, "msg_1", BODY) == Outcome()
    (request,) = receiver.requests  # it has checked the signature
    assert request.body == BODY
    assert request.id == "msg_1"
    assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 5


async def test_connections_are_kept(receiver: Receiver, make_sender: MakeSender) -> None:
    ports = set()

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername"))
        return web.json_response({"fine": True})

    receiver.answer = answer
    sender = make_sender()
    for number in range(5):
        assert not (await sender.send(receiver.url, f"msg_{number}", BODY)).error
    assert len(ports) == 1


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_2xx_is_success(receiver: Receiver, make_sender: MakeSender, status: int) -> None:
    receiver.status = status
    assert await make_sender().send(receiver.url, "msg_1", BODY) == Outcome()


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 502, 503, 504])
async def test_the_rest_is_failure(receiver: Receiver, make_sender: MakeSender, status: int) -> None:
    receiver.status = status
    outcome = await make_sender().send(receiver.url, "msg_1", BODY)
    assert (outcome.error, outcome.gone) == (f"it answered {status}", False)


async def test_410_is_for_good(receiver: Receiver, make_sender: MakeSender) -> None:
    receiver.status = 410
    assert (await make_sender().send(receiver.url, "msg_1", BODY)).gone


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(receiver: Receiver, make_sender: MakeSender, status: int) -> None:
    async with receiving() as other:
        receiver.status, receiver.headers = status, {"Location": other.url}
        outcome = await make_sender().send(receiver.url, "msg_1", BODY)
        assert outcome.error == (
            f"it answered {status}, to {other.url}: redirects are not followed; name that URL instead"
        )
        assert other.requests == []


async def test_what_it_says_is_kept_short_and_harmless(receiver: Receiver, make_sender: MakeSender) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=500, text="no\x1b[31m\n  table " + "x" * 1_000_000)

    receiver.answer = answer
    outcome = await make_sender().send(receiver.url, "msg_1", BODY)
    assert outcome.error.startswith("it answered 500: no?[31m table xxx")
    assert len(outcome.error) < 250


async def test_retry_after(receiver: Receiver, make_sender: MakeSender) -> None:
    sender = make_sender()
    receiver.status = 503
    for text, least, most in (
        ("120", 120, 120),
        (email.utils.formatdate(time.time() + 300, usegmt=True), 290, 301),
        (email.utils.formatdate(time.time() - 300, usegmt=True), 0, 0),
        ("soon", 0, 0),
        ("-5", 0, 0),
        ("9" * 400, 1e11, 1e12),
    ):
        receiver.headers = {"Retry-After": text}
        outcome = await sender.send(receiver.url, "msg_1", BODY)
        assert least <= outcome.retry_after <= most, text


async def test_one_that_hangs_is_given_up(receiver: Receiver, make_sender: MakeSender) -> None:
    receiver.answer = hang
    begun = time.monotonic()
    outcome = await make_sender(timeout=0.5).send(receiver.url, "msg_1", BODY)
    assert outcome.error == "no answer within 0.5 s"
    assert time.monotonic() - begun < 5


async def test_one_that_accepts_and_says_nothing_is_given_up(make_sender: MakeSender) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert (await make_sender(timeout=0.5).send(url, "msg_1", BODY)).error == "no answer within 0.5 s"


async def test_nobody_there(make_sender: MakeSender) -> None:
    outcome = await make_sender().send(f"http://127.0.0.1:{free_port()}/", "msg_1", BODY)
    assert outcome.error.startswith("cannot connect: ")


@pytest.mark.parametrize("status", [200, 500])
async def test_two_gigabytes_are_not_read(receiver: Receiver, make_sender: MakeSender, status: int) -> None:
    sent = 0
    closed = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(status=status, headers={"Content-Length": str(2 * 1024**3)})
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65_536)
                sent += 65_536
        finally:
            closed.set()

    receiver.answer = answer
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = await make_sender().send(receiver.url, "msg_1", BODY)
    assert bool(outcome.error) == (status == 500)
    async with asyncio.timeout(5):
        await closed.wait()
    assert sent < 32_000_000  # what fits into the sockets of this machine
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64_000  # KiB


async def test_a_success_whose_body_never_ends_is_one(receiver: Receiver, make_sender: MakeSender) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"thank")
        return await hang(request)

    receiver.answer = answer
    begun = time.monotonic()
    assert await make_sender(timeout=20).send(receiver.url, "msg_1", BODY) == Outcome()
    assert time.monotonic() - begun < 10


async def test_one_that_answers_no_http(make_sender: MakeSender) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 mail.example.com ESMTP\r\n" * 1_000)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        outcome = await make_sender().send(url, "msg_1", BODY)
    assert outcome.error.startswith("the request failed: ")
    assert len(outcome.error) < 300


# ---- addresses that are not public


class Names(AbstractResolver):
    """A name server that gives another answer each time."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
            for address in self.answers.pop(0)
        ]

    async def close(self) -> None:
        pass


PUBLIC = "1.0.0.0"
"""Nobody answers there; and where there is no network, nothing is reached."""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"])
async def test_private_addresses_are_refused(receiver: Receiver, make_sender: MakeSender, host: str) -> None:
    outcome = await make_sender(allow_private=False).send(f"http://{host}:{receiver.port}/hook", "msg_1", BODY)
    assert "--webhook-allow-private allows it" in outcome.error
    assert receiver.requests == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "017700000001"])
async def test_nor_by_unusual_spellings(receiver: Receiver, make_sender: MakeSender, host: str) -> None:
    assert (await make_sender(allow_private=False).send(f"http://{host}:{receiver.port}/hook", "msg_1", BODY)).error
    assert receiver.requests == []


async def test_nor_when_a_name_resolves_to_them_the_second_time(receiver: Receiver, make_sender: MakeSender) -> None:
    names = Names([PUBLIC], ["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["127.0.0.1"])
    sender = make_sender(timeout=1.0, allow_private=False, resolver=names)
    url = f"http://hooks.example.com:{receiver.port}/hook"
    assert "refused to connect" not in (await sender.send(url, "msg_1", BODY)).error
    assert (await sender.send(url, "msg_1", BODY)).error == (
        "refused to connect: 127.0.0.1 is a loopback address; --webhook-allow-private allows it"
    )
    assert (await sender.send(url, "msg_1", BODY)).error
    assert receiver.requests == []
    allowed = make_sender(resolver=names)
    assert not (await allowed.send(url, "msg_1", BODY)).error  # the receiver is there
