"""The STUN responder: binding requests are answered, everything else is ignored."""

import asyncio
import os
import socket
import struct

import pytest
from aioice import stun

from signalling.stun import StunResponder, respond

ADDRESS = ("192.0.2.1", 4_000)


def request(**attributes: object) -> stun.Message:
    return stun.Message(stun.Method.BINDING, stun.Class.REQUEST, attributes=attributes)


def test_a_binding_request_is_answered_with_where_it_came_from() -> None:
    asked = request()
    answer = respond(bytes(asked), ADDRESS)
    assert answer is not None
    response = stun.parse_message(answer)
    assert response.transaction_id == asked.transaction_id
    assert response.message_class == stun.Class.RESPONSE
    assert response.attributes == {"XOR-MAPPED-ADDRESS": ADDRESS}


def test_a_fingerprint_is_answered_with_one() -> None:
    asked = request()
    asked.add_fingerprint()
    answer = respond(bytes(asked), ADDRESS)
    assert answer is not None
    assert "FINGERPRINT" in stun.parse_message(answer).attributes


@pytest.mark.parametrize(
    ("address", "mapped"),
    [
        (("::ffff:192.0.2.1", 5), ("192.0.2.1", 5)),
        (("2001:db8::1", 5), ("2001:db8::1", 5)),
        (("fe80::1%lo", 5), ("fe80::1", 5)),
    ],
)
def test_ipv6(address: tuple[str, int], mapped: tuple[str, int]) -> None:
    answer = respond(bytes(request()), address)
    assert answer is not None
    assert stun.parse_message(answer).attributes["XOR-MAPPED-ADDRESS"] == mapped


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        bytes(20),
        bytes(request())[:-1],
        bytes(request()) + b"x",
        bytes(stun.Message(stun.Method.BINDING, stun.Class.RESPONSE)),
        bytes(stun.Message(stun.Method.BINDING, stun.Class.INDICATION)),
        bytes(stun.Message(stun.Method.ALLOCATE, stun.Class.REQUEST)),
        struct.pack("!HHI12sHH", 1, 4, stun.COOKIE, bytes(12), 0x0024, 0xFFFF),
        struct.pack("!HHI12sHHB3x", 1, 8, stun.COOKIE, bytes(12), 0x0020, 1, 0),
        struct.pack("!HHI12sHHI", 1, 8, stun.COOKIE, bytes(12), 0x8028, 4, 0),
        bytes(request(SOFTWARE="x" * 600)),
    ],
)
def test_anything_else_is_ignored(data: bytes) -> None:
    if data[20:22] == b"\x00\x24":
        respond(data, ADDRESS)  # a value cut short: whether it parses is the codec's business, it must not raise
    else:
        assert respond(data, ADDRESS) is None


def test_noise_is_ignored() -> None:
    for size in range(200):
        respond(b"\x00\x01" + struct.pack("!HI", size, stun.COOKIE) + bytes(12) + os.urandom(size), ADDRESS)


async def test_it_listens() -> None:
    responder = StunResponder()
    port = await responder.start("127.0.0.1", 0)
    loop = asyncio.get_running_loop()
    received: asyncio.Queue[bytes] = asyncio.Queue()

    class Asker(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            received.put_nowait(data)

    transport, _ = await loop.create_datagram_endpoint(Asker, remote_addr=("127.0.0.1", port))
    transport.sendto(b"noise")
    transport.sendto(bytes(request()))
    async with asyncio.timeout(5):
        response = stun.parse_message(await received.get())
    assert response.attributes["XOR-MAPPED-ADDRESS"] == transport.get_extra_info("sockname")
    transport.close()
    responder.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_an_empty_host_is_every_address_of_both_kinds(address: str) -> None:
    if ":" in address and not socket.has_dualstack_ipv6():
        pytest.skip("there is no IPv6 here")
    responder = StunResponder()
    port = await responder.start("", 0)
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.setblocking(False)
            asking.bind((address, 0))
            loop = asyncio.get_running_loop()
            await loop.sock_sendto(asking, bytes(request()), (address, port))
            async with asyncio.timeout(5):
                answer = stun.parse_message(await loop.sock_recv(asking, 1_000))
            assert answer.attributes["XOR-MAPPED-ADDRESS"] == (address, asking.getsockname()[1])
    finally:
        responder.close()
