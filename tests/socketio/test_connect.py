"""CONNECT, CONNECT_ERROR and DISCONNECT."""

import json

import pytest

from tests.engineio.clients import Poller, Server, Socket
from tests.socketio.packets import Namespace


async def test_a_client_connects_to_a_namespace(server: Server, namespace: Namespace) -> None:
    async with Socket(server) as socket:
        await socket.send(namespace.packet("0"))
        head, answer = namespace.packet("0"), await socket.receive()
        assert answer.startswith(head)
        told = json.loads(answer[len(head) :])
        assert set(told) == {"sid"}
        assert isinstance(told["sid"], str)
        assert told["sid"] != socket.handshake["sid"]
        assert await socket.receive() == namespace.packet("2", '["auth",{}]')


async def test_a_client_connects_to_a_namespace_by_polling(server: Server, namespace: Namespace) -> None:
    async with Poller(server) as poller:
        await poller.post(namespace.packet("0", '{"token":"abc"}'))
        answer, auth = await poller.packets(2)
        assert answer.startswith(namespace.packet("0", '{"sid":"'))
        assert auth == namespace.packet("2", '["auth",{"token":"abc"}]')


async def test_a_client_connects_with_a_payload(server: Server, namespace: Namespace) -> None:
    async with Socket(server) as socket:
        await socket.send(namespace.packet("0", '{"token":"123"}'))
        assert (await socket.receive()).startswith(namespace.packet("0", '{"sid":"'))
        assert await socket.receive() == namespace.packet("2", '["auth",{"token":"123"}]')


async def test_the_main_namespace_needs_no_more_than_its_payload(server: Server) -> None:
    async with Socket(server) as socket:
        await socket.send("40" + server.main_auth)
        assert (await socket.receive()).startswith('40{"sid":"')


async def test_two_namespaces_have_ids_of_their_own(server: Server) -> None:
    async with Socket(server) as socket:
        await socket.send("40" + server.main_auth, "40/custom,")
        answers = [await socket.receive() for _ in range(3 + server.plays_in_main)]
        sids = [json.loads(answer[answer.index("{") :])["sid"] for answer in answers if answer.startswith("40")]
        assert len(set(sids)) == 2


@pytest.mark.differs("stock", "python-socketio sends a text, as version 4 did, where an object is due")
@pytest.mark.parametrize("packet", ["40/random", "40/random,", '40/random,{"token":"abc"}'])
async def test_an_unknown_namespace_is_refused(server: Server, packet: str) -> None:
    async with Socket(server) as socket:
        await socket.send(packet)
        answer = await socket.receive()
        assert answer.startswith("44/random,")
        error = json.loads(answer.partition(",")[2])
        assert error == {"message": "Invalid namespace"}


async def test_our_namespace_says_why_it_refuses(server: Server) -> None:
    main, answered = ("40", "44") if server.kind == "serve" else ("40/eitherway,", "44/eitherway,")
    if server.kind not in ("serve", "attached"):
        pytest.skip("only our own server has this namespace")
    async with Socket(server) as socket:
        await socket.send(main)
        answer = await socket.receive()
        assert answer.startswith(answered + "{")
        error = json.loads(answer[len(answered) :])
        assert error["message"]
        assert error["data"]["code"] == "unsupported-protocol"
        await socket.send(main + '{"protocol":1}')
        assert (await socket.receive()).startswith(main + '{"sid":"'), "it may try again on the same connection"


@pytest.mark.differs("stock", "python-socketio logs it, and the session goes on")
async def test_what_is_no_connect_closes(server: Server) -> None:
    async with Socket(server) as socket:
        await socket.send("4abc")
        assert await socket.is_closed()


@pytest.mark.differs("stock", "python-socketio does not look for these")
async def test_who_connects_to_no_namespace_is_closed(server: Server) -> None:
    if server.kind == "attached":
        pytest.skip("beside an application, who uses which namespace is not ours to say")
    async with Socket(server) as socket:
        assert await socket.is_closed()


@pytest.mark.differs("url", "Socket.IO's own server closes such a client, of which the document says nothing")
async def test_events_before_the_connect_are_not_handled(server: Server, namespace: Namespace) -> None:
    async with Socket(server) as socket:
        await socket.send(namespace.packet("2", '["message","too early"]'), namespace.packet("0"))
        assert (await socket.receive()).startswith(namespace.packet("0", "{"))
        assert await socket.receive() == namespace.packet("2", '["auth",{}]')
        await socket.send(namespace.packet("2", '["message","in time"]'))
        assert await socket.receive() == namespace.packet("2", '["message-back","in time"]')


async def test_a_client_disconnects_from_a_namespace(socket: Socket, namespace: Namespace) -> None:
    await socket.send(namespace.packet("1"), "40/nowhere,")
    assert (await socket.receive()).startswith("44/nowhere,"), "the connection is alive"


async def test_one_namespace_is_left_and_another_goes_on(server: Server) -> None:
    async with Socket(server) as socket:
        await socket.send("40" + server.main_auth, "40/custom,")
        greetings = [await socket.receive() for _ in range(3 + server.plays_in_main)]
        assert sum(greeting.startswith("40") for greeting in greetings) == 2
        if server.plays_in_main:
            await socket.send("41/custom,", '42["message","to the main one"]')
            assert await socket.receive() == '42["message-back","to the main one"]'
        else:
            await socket.send("41", '42/custom,["message","to the other one"]')
            assert await socket.receive() == '42/custom,["message-back","to the other one"]'


@pytest.mark.differs("url", "Socket.IO's own server closes such a client, of which the document says nothing")
async def test_who_has_disconnected_connects_again(socket: Socket, namespace: Namespace) -> None:
    await socket.send(namespace.packet("1"), namespace.packet("0"))
    assert (await socket.receive()).startswith(namespace.packet("0", "{"))
    assert await socket.receive() == namespace.packet("2", '["auth",{}]')
