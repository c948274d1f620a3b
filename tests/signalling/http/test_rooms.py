"""Rooms and their members over HTTP."""

import asyncio
from urllib.parse import quote

import pytest
from yarl import URL

from peers import Client
from signalling.protocol.events import PeerLeft
from tests.signalling.conftest import Connect, Server
from tests.signalling.http.reading import Api, watched


async def test_rooms_are_listed_in_pages(api: Api, server: Server, connect: Connect) -> None:
    ada = await connect(server.url)
    for room in ("b", "d", "a/ü"):
        await ada.join(room)
    id = await api.post(room="c")
    await api.post(room="b")
    status, page = await api.call("GET", "/rooms?limit=3")
    assert status == 200
    assert [room["name"] for room in page["rooms"]] == ["a/ü", "b", "c"]
    assert (page["rooms"][2]["peers"], page["rooms"][2]["posts"], page["rooms"][2]["id"]) == (0, 1, id)
    assert (page["rooms"][1]["peers"], page["rooms"][1]["posts"]) == (1, 1)
    assert page["next"] == "c"
    _, page = await api.call("GET", "/rooms?limit=3&after=c")
    assert ([room["name"] for room in page["rooms"]], page["next"]) == (["d"], None)
    _, room = await api.call("GET", "/rooms/a%2F%C3%BC")
    assert room == {"name": "a/ü", "peers": 1, "watchers": 0, "posts": 0, "bytes": 0, "id": None}


@pytest.mark.parametrize("room", ["{", "a{b}", "{room}", "a b", "a%2Fb", "?#&=+;", ".", "..", "\u2028", "💬" * 32])
async def test_every_name_that_a_room_may_have_is_reached(
    api: Api, server: Server, connect: Connect, room: str
) -> None:
    ada = await connect(server.url)
    await ada.join(room)
    path = f"{api.url}/rooms/{quote(room, safe='').replace('.', '%2E')}"
    async with api.http.post(URL(f"{path}/feed", encoded=True), json={"topic": "a", "data": 1}) as answer:
        assert answer.status == 201, await answer.text()
    async with api.http.get(URL(path, encoded=True)) as answer:
        assert (await answer.json())["name"] == room
    async with api.http.delete(URL(f"{path}/peers/{ada.id}", encoded=True)) as answer:
        assert answer.status == 204


async def test_an_unknown_room_is_not_found(api: Api) -> None:
    await api.call("GET", "/rooms/nowhere/feed")
    for method, path in (("GET", ""), ("GET", "/peers"), ("DELETE", "")):
        status, problem = await api.call(method, f"/rooms/nowhere{path}")
        assert (status, problem["code"]) == (404, "not-found")
        assert "nowhere" in problem["detail"]


async def test_members_are_listed_in_pages(api: Api, server: Server, connect: Connect) -> None:
    actors = [await connect(server.url) for _ in range(3)]
    for actor in actors:
        await actor.join("lobby", '{"name":"Ada"}')
    status, page = await api.call("GET", "/rooms/lobby/peers?limit=2")
    assert status == 200
    assert [peer["id"] for peer in page["peers"]] == [actor.id for actor in actors[:2]]
    assert page["peers"][0]["profile"] == '{"name":"Ada"}'
    assert (page["count"], page["next"]) == (3, actors[1].id)
    _, page = await api.call("GET", f"/rooms/lobby/peers?limit=2&after={actors[1].id}")
    assert ([peer["id"] for peer in page["peers"]], page["next"]) == ([actors[2].id], None)
    status, problem = await api.call("GET", "/rooms/lobby/peers?after=somebody")
    assert (status, problem["code"]) == (400, "bad-request")
    await api.post(room="empty")
    assert await api.call("GET", "/rooms/empty/peers") == (200, {"peers": [], "count": 0, "next": None})


async def test_a_member_is_removed(api: Api, server: Server, connect: Connect) -> None:
    ada, eve = await connect(server.url), await connect(server.url)
    await ada.join("lobby")
    await eve.join("lobby")
    assert await api.call("DELETE", f"/rooms/lobby/peers/{eve.id}") == (204, None)
    assert (await eve.next("room-closed"))["room"] == "lobby"
    assert await ada.change(PeerLeft) == PeerLeft(id=eve.id, reason="removed")
    status, problem = await api.call("DELETE", f"/rooms/lobby/peers/{eve.id}")
    assert (status, problem["code"]) == (404, "unknown-peer")
    _, page = await api.call("GET", "/rooms/lobby/peers")
    assert [peer["id"] for peer in page["peers"]] == [ada.id]


async def test_a_room_is_closed(api: Api, server: Server, connect: Connect) -> None:
    ada = await connect(server.url)
    await ada.join("lobby")
    id = await api.post()
    async with api.events() as events:
        await events.next("watching")
        assert await api.call("DELETE", "/rooms/lobby") == (204, None)
        assert (await ada.next("room-closed"))["room"] == "lobby"
        _, page = await api.call("GET", f"/rooms/lobby/feed?since={id - 1}")
        assert (page["posts"], page["missed"]) == ([], True)
        await api.post(data="anew")
        assert (await events.post())["data"] == "anew"
    await watched(api, 0)
    assert await api.call("DELETE", "/rooms/lobby") == (204, None)
    assert (await api.call("DELETE", "/rooms/lobby"))[0] == 404


async def test_our_own_library_stays_out_until_it_decides_to_join_again(api: Api, server: Server) -> None:
    closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with Client(server.url) as ada, Client(server.url) as eve:
        hall = await ada.join("lobby")
        room = await eve.join("lobby")
        room.on("closed", closed.set_result)
        peer = await hall.wait_for_peer()
        assert (await api.call("DELETE", f"/rooms/lobby/peers/{peer.id}"))[0] == 204
        assert await asyncio.wait_for(closed, 10) == "removed from the room"
        await eve.join("lobby")
        _, page = await api.call("GET", "/rooms/lobby/peers")
        assert page["count"] == 2
