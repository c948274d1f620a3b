"""Events and acknowledgements, with bytes and without, by WebSocket and by long-polling."""

import base64
import json

import pytest

from tests.engineio.clients import Poller, Server, Socket
from tests.socketio.packets import BYTES, PLACEHOLDERS, Namespace

ARGUMENTS = '1,"2",{"3":[true]}'


async def test_an_event(socket: Socket, namespace: Namespace) -> None:
    await socket.send(namespace.packet("2", f'["message",{ARGUMENTS}]'))
    assert await socket.receive() == namespace.packet("2", f'["message-back",{ARGUMENTS}]')


async def test_an_event_without_arguments(socket: Socket, namespace: Namespace) -> None:
    await socket.send(namespace.packet("2", '["message"]'))
    assert await socket.receive() == namespace.packet("2", '["message-back"]')


async def test_an_event_in_another_script(socket: Socket, namespace: Namespace) -> None:
    await socket.send(namespace.packet("2", '["message","\\u20ac zażółć 日本 🙂"]'))
    head = namespace.packet("2")
    answer = await socket.receive()
    assert answer.startswith(head)
    assert json.loads(answer[len(head) :]) == ["message-back", "€ zażółć 日本 🙂"]


async def test_events_come_back_in_order(socket: Socket, namespace: Namespace) -> None:
    await socket.send(*(namespace.packet("2", f'["message",{number}]') for number in range(100)))
    for number in range(100):
        assert await socket.receive() == namespace.packet("2", f'["message-back",{number}]')


async def test_an_event_with_bytes(socket: Socket, namespace: Namespace) -> None:
    await socket.send(namespace.packet("52-", f'["message",{PLACEHOLDERS}]'), *BYTES)
    assert await socket.receive() == namespace.packet("52-", f'["message-back",{PLACEHOLDERS}]')
    assert [await socket.receive() for _ in BYTES] == list(BYTES)


async def test_bytes_deep_in_an_event(socket: Socket, namespace: Namespace) -> None:
    deep = '[1,{"a":[{"_placeholder":true,"num":0}]},{"_placeholder":true,"num":1}]'
    await socket.send(namespace.packet("52-", f'["message",{deep}]'), *BYTES)
    assert await socket.receive() == namespace.packet("52-", f'["message-back",{deep}]')
    assert [await socket.receive() for _ in BYTES] == list(BYTES)


async def test_an_acknowledgement(socket: Socket, namespace: Namespace) -> None:
    await socket.send(namespace.packet("2", f'456["message-with-ack",{ARGUMENTS}]'))
    assert await socket.receive() == namespace.packet("3", f"456[{ARGUMENTS}]")


async def test_an_acknowledgement_of_nothing(socket: Socket, namespace: Namespace) -> None:
    await socket.send(namespace.packet("2", '0["message-with-ack"]'))
    assert await socket.receive() == namespace.packet("3", "0[]")


async def test_an_acknowledgement_with_bytes(socket: Socket, namespace: Namespace) -> None:
    await socket.send(namespace.packet("52-", f'789["message-with-ack",{PLACEHOLDERS}]'), *BYTES)
    assert await socket.receive() == namespace.packet("62-", f"789[{PLACEHOLDERS}]")
    assert [await socket.receive() for _ in BYTES] == list(BYTES)


async def test_a_ping_may_come_between(socket: Socket, namespace: Namespace) -> None:
    await socket.send(namespace.packet("52-", f'["message",{PLACEHOLDERS}]'), BYTES[0], "3", BYTES[1])
    assert await socket.receive() == namespace.packet("52-", f'["message-back",{PLACEHOLDERS}]')


async def test_events_by_polling(server: Server, namespace: Namespace) -> None:
    async with Poller(server) as poller:
        await poller.post(namespace.packet("0"))
        await poller.packets(2)
        attached = ["b" + base64.b64encode(part).decode() for part in BYTES]
        assert (await poller.post(namespace.packet("2", f'["message",{ARGUMENTS}]')))[0] == 200
        assert await poller.packets(1) == [namespace.packet("2", f'["message-back",{ARGUMENTS}]')]
        event = namespace.packet("52-", f'7["message-with-ack",{PLACEHOLDERS}]')
        assert (await poller.post("\x1e".join([event, *attached])))[0] == 200
        assert await poller.packets(3) == [namespace.packet("62-", f"7[{PLACEHOLDERS}]"), *attached]


@pytest.mark.differs("stock", "python-socketio logs it, and the session goes on")
@pytest.mark.parametrize(
    ("head", "payload"),
    [
        ("a", "bc"),
        ("9", ""),
        ("2", "{}"),
        ("2", "[]"),
        ("2", ""),
        ("2", "[1]"),
        ("2", '["message"'),
        ("2", 'abc["message-with-ack",1]'),
        ("51-", '["message",{"_placeholder":true,"num":5}]'),
        ("4", '{"message":"no"}'),
    ],
    ids=[
        "no packet",
        "an unknown type",
        "an object for an event",
        "an empty event",
        "an event of nothing",
        "a nameless event",
        "no JSON",
        "no id",
        "a placeholder of nothing",
        "a refusal from a client",
    ],
)
async def test_what_is_no_packet_closes(socket: Socket, namespace: Namespace, head: str, payload: str) -> None:
    await socket.send(namespace.packet(head, payload), BYTES[0])
    assert await socket.is_closed()


@pytest.mark.differs("stock", "python-socketio drops the bytes")
async def test_bytes_that_nothing_asked_for_close(socket: Socket) -> None:
    await socket.send(BYTES[0])
    assert await socket.is_closed()


@pytest.mark.differs("stock", "python-socketio takes a text for the bytes")
async def test_a_text_where_bytes_are_due_closes(socket: Socket, namespace: Namespace) -> None:
    await socket.send(namespace.packet("51-", '["message",{"_placeholder":true,"num":0}]'), "4text")
    assert await socket.is_closed()
