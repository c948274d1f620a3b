"""What no honest client sends: each has its error code or ends its sender's connection, and nobody else notices."""

from typing import Any

import pytest

from signalling.protocol.ids import from_text, to_text
from tests.signalling.actor import Actor
from tests.signalling.conftest import Connect, Server
from tests.signalling.raw import RawClient

MALFORMED: dict[str, dict[str, Any]] = {
    "join": {
        "room": ["", "x" * 129, "a\nb", None, 1, b"x"],
        "peer": ["", "a" * 32, None, 7],
        "key": ["", "!", "AA==", to_text(bytes(31)), None],
        "incarnation": [-1, 2**53, "1", 1.5, None, True],
        "connection": [-1, 2**53, "1", None],
        "statement": ["!", None, 3],
        "proof": ["!", None, 3],
        "profile": ["", "no JSON", "[]", "1", None, {}],
    },
    "leave": {"room": ["", "x" * 129, None, 1]},
    "profile": {"room": ["", None], "profile": ["", "[]", None], "statement": ["!", None]},
    "signal": {"to": [None, 1], "kind": ["gossip", None, 1], "attempt": [-1, 2**53, "1", None], "room": [None, 1]},
}
VALID: dict[str, dict[str, Any]] = {
    "leave": {"room": "lobby"},
    "profile": {"room": "lobby", "profile": "{}", "statement": "AAAA"},
    "signal": {"room": "lobby", "to": "a" * 32, "kind": "offer", "attempt": 1, "packet": None},
}
OPTIONAL = {("join", "profile"), ("signal", "attempt")}


@pytest.mark.parametrize("event", MALFORMED)
async def test_fields_that_make_no_sense(server: Server, connect: Connect, event: str) -> None:
    ada = await connect(server.url)
    valid = VALID.get(event) or ada.join_fields("lobby")
    if event != "join":
        await ada.join("lobby")
    for field, values in MALFORMED[event].items():
        for value in values:
            reply = await ada.call(event, {**valid, field: value})
            assert reply["error"]["code"] == "bad-request", (field, value)
        missing = {name: value for name, value in valid.items() if name != field}
        if (event, field) not in OPTIONAL:
            assert (await ada.call(event, missing))["error"]["code"] == "bad-request", field


@pytest.mark.parametrize("event", ["join", "leave", "profile", "signal"])
@pytest.mark.parametrize("data", [None, [], "x", 1, b"x", True, {}, {"room": {"room": "lobby"}}])
async def test_data_that_is_no_object(server: Server, connect: Connect, event: str, data: Any) -> None:
    ada = await connect(server.url)
    assert (await ada.call(event, data))["error"]["code"] == "bad-request"


@pytest.mark.parametrize("event", ["connect", "disconnect", "", "Join", "relay ", "trigger_event", "message", "*"])
async def test_events_that_do_not_exist(server: Server, event: str) -> None:
    async with RawClient(server.url) as raw:
        sid = await raw.greet()
        for data in ({}, None, {"protocol": 1}):
            assert (await raw.call(event, data))["error"]["code"] == "bad-request"
        ada = Actor(server.url)
        fields = ada.join_fields("lobby", proof=to_text(b"")) | {"proof": _proof(ada, sid)}
        assert (await raw.call("join", fields))["version"] == 1, "still the same connection, still able to join"


def _proof(actor: Actor, sid: str) -> str:
    return actor.proof("lobby", sid=sid)


async def test_a_member_that_emits_connect_and_disconnect_stays_one(server: Server, connect: Connect) -> None:
    ada, bob = await connect(server.url), await connect(server.url)
    await ada.join("lobby")
    async with RawClient(server.url) as raw:
        sid = await raw.greet()
        eve = Actor(server.url)
        await raw.call("join", eve.join_fields("lobby", proof=_proof(eve, sid)))
        await raw.call("disconnect", "ping timeout")
        await raw.call("connect", {"protocol": 1})
        members = (await bob.join("lobby"))["peers"]
        assert [member.get("away", False) for member in members] == [False] * 3


BAD_PROOFS: dict[str, dict[str, Any]] = {
    "replayed from another connection": {"sid": "another sid"},
    "for another room": {"room": "hall"},
    "for another incarnation": {"incarnation": 999},
    "for another connection number": {"connection": 9},
    "for another server": {"origin": "http://evil.example:8080"},
    "for another port": {"origin": "http://127.0.0.1:1"},
    "for no origin": {"origin": ""},
    "for an origin with a path": {"origin": "http://127.0.0.1/path"},
    "for an origin of another kind": {"origin": "ftp://127.0.0.1"},
    "for a port that is none": {"origin": "http://127.0.0.1:x"},
}


@pytest.mark.parametrize("changed", BAD_PROOFS.values(), ids=BAD_PROOFS)
async def test_a_proof_that_proves_nothing(server: Server, connect: Connect, changed: dict[str, Any]) -> None:
    ada = await connect(server.url)
    reply = await ada.call("join", ada.join_fields("lobby", proof=ada.proof("lobby", **changed)))
    assert reply["error"]["code"] == "unauthorized"


async def test_a_forged_proof(server: Server, connect: Connect) -> None:
    ada, eve = await connect(server.url), await connect(server.url)
    stolen = eve.join_fields(
        "lobby", key=to_text(ada.key), peer=ada.id, statement=ada.statement("lobby"), proof=eve.proof("lobby")
    )
    assert (await eve.call("join", stolen))["error"]["code"] == "unauthorized"
    replayed = {**ada.join_fields("lobby")}
    assert (await eve.call("join", replayed))["error"]["code"] == "unauthorized"
    assert (await ada.call("join", replayed))["version"] == 1


async def test_a_statement_that_does_not_fit(server: Server, connect: Connect) -> None:
    ada, eve = await connect(server.url), await connect(server.url)

    async def code(statement: str) -> str:
        return str((await ada.call("join", ada.join_fields("lobby", statement=statement)))["error"]["code"])

    assert await code(ada.statement("hall")) == "unauthorized"
    assert await code(eve.statement("lobby")) == "unauthorized"
    assert await code(ada.statement("lobby", key=eve.key)) == "unauthorized"
    assert await code(ada.statement("lobby", incarnation=999)) == "unauthorized"
    assert await code(ada.statement("lobby", '{"other":1}')) == "unauthorized"
    assert await code(to_text(from_text(ada.statement("lobby"))[:-1])) == "unauthorized"
    assert await code("") == "unauthorized"


async def test_a_swapped_key(server: Server, connect: Connect) -> None:
    ada, eve = await connect(server.url), await connect(server.url)
    fields = eve.join_fields("lobby", peer=ada.id)
    assert (await eve.call("join", fields))["error"]["code"] == "bad-request"


BROKEN_PACKETS: dict[str, list[str | bytes]] = {
    "no packet": ["x"],
    "nothing": [""],
    "unknown engine.io type": ["9"],
    "unknown Socket.IO type": ["49"],
    "no Socket.IO type": ["4"],
    "no JSON": ["42[oops"],
    "deep JSON": ["42" + "[" * 100_000],
    "an object for an event": ["42{}"],
    "no name": ["42[]"],
    "a number for a name": ["42[1]"],
    "endless id": ["42" + "1" * 200 + '["join"]'],
    "bytes out of the blue": [b"\x00" * 10],
    "too many attachments": ['45258-["relay",{}]'],
    "a billion attachments": ['459999999999-["relay",{}]'],
    "no attachment at all": ['450-["relay",{}]'],
    "text for an attachment": ['451-["relay",{"_placeholder":true,"num":0}]', '42["x"]'],
    "a placeholder for nothing": ['451-["relay",{"_placeholder":true,"num":7}]', b"x"],
    "a placeholder for text": ['451-["relay",{"_placeholder":true,"num":"a"}]', b"x"],
    "large attachments": ['452-["relay",1]', bytes(600_000), bytes(600_000)],
    "a large message": ['42["relay","' + "x" * 2_100_000 + '"]'],
    "a server's packet": ['44{"message":"x"}'],
    "a long ping": ["2" + "x" * 1_000],
}


@pytest.mark.parametrize("packets", BROKEN_PACKETS.values(), ids=BROKEN_PACKETS)
async def test_a_packet_that_is_none_ends_its_senders_connection(
    server: Server, connect: Connect, packets: list[str | bytes]
) -> None:
    ada, bob = await connect(server.url), await connect(server.url)
    await ada.join("lobby")
    await bob.join("lobby")
    async with RawClient(server.url) as raw:
        await raw.greet()
        for packet in packets:
            if isinstance(packet, str):
                await raw.ws.send_str(packet)
            else:
                await raw.ws.send_bytes(packet)
        assert await raw.closed()
    await ada.relay("lobby", [bob.id], [b"unmoved"])
    assert (await bob.next("relay"))["packet"] == b"unmoved"


async def test_attachments_without_end(server: Server) -> None:
    async with RawClient(server.url) as raw:
        await raw.greet()
        await raw.ws.send_str('45257-["relay",{}]')
        sent = 0
        try:
            while sent < 200_000_000:
                await raw.ws.send_bytes(bytes(100_000))
                sent += 100_000
        except (ConnectionError, RuntimeError):
            pass
        assert sent < 20_000_000, "more than what the kernel's buffers took before the server closed"


@pytest.mark.parametrize(
    ("auth", "told"),
    [
        ({"protocol": 0}, "update the client"),
        ({"protocol": -1}, "update the client"),
        ({"protocol": 2}, "update the server"),
        ({"protocol": 10**30}, "update the server"),
        ({"protocol": True}, "connect with auth"),
        ({"protocol": "1"}, "connect with auth"),
        ({}, "connect with auth"),
        ("x", "connect with auth"),
        ([], "connect with auth"),
    ],
)
async def test_another_protocol_is_refused_and_told_what_to_update(server: Server, auth: Any, told: str) -> None:
    async with RawClient(server.url) as raw:
        with pytest.raises(AssertionError, match=f'{told}.*"code":"unsupported-protocol"'):
            await raw.greet(auth)
