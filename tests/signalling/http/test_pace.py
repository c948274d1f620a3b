"""How many posts over HTTP are taken: from one address, and of one token's user."""

from typing import Any

from signalling.tokens import create_token
from tests.signalling.conftest import StartServer
from tests.signalling.http.reading import Api
from tests.signalling.http.test_access import SECRET

POST = {"topic": "orders.1", "data": 1}
SLOW: dict[str, Any] = {"event_rate": 0.1, "event_burst": 3}


def token(user: str) -> str:
    """One that allows to post."""
    return create_token(SECRET, user=user, rooms=["*"], grants=["post"])


async def statuses(api: Api, count: int, address: str) -> list[int]:
    """What so many posts are answered, that a proxy says to be from an address."""
    headers = {"X-Forwarded-For": address}
    return [(await api.call("POST", "/rooms/lobby/feed", json=POST, headers=headers))[0] for _ in range(count)]


async def test_who_posts_too_fast_is_told_when_to_come_again(start_server: StartServer) -> None:
    server = await start_server(**SLOW)
    async with Api(server.url) as api:
        for _ in range(3):
            await api.post()
        async with api.http.post(f"{api.url}/rooms/hall/feed", json=POST) as answer:
            assert answer.status == 429
            assert answer.content_type == "application/problem+json"
            problem = await answer.json(content_type=None)
            assert problem["code"] == "rate-limited"
            assert 5 < problem["retry_after"] <= 10
            assert abs(int(answer.headers["Retry-After"]) - problem["retry_after"]) <= 1
        assert (await api.call("GET", "/rooms/lobby/feed"))[0] == 200
        assert server.signalling._feeds.posts == 3


async def test_each_address_has_its_own(start_server: StartServer) -> None:
    server = await start_server(trust_forwarded=True, **SLOW)
    async with Api(server.url) as api:
        assert await statuses(api, 4, "192.0.2.1") == [201, 201, 201, 429]
        assert await statuses(api, 4, "192.0.2.2, 192.0.2.1") == [429] * 4
        assert await statuses(api, 4, "192.0.2.2") == [201, 201, 201, 429]


async def test_a_user_has_no_more_from_many_addresses_nor_an_address_by_many_users(start_server: StartServer) -> None:
    server = await start_server(token_secret=(SECRET,), trust_forwarded=True, **SLOW)
    async with Api(server.url, token("ada")) as ada, Api(server.url, token("bob")) as bob:
        assert await statuses(ada, 2, "192.0.2.1") == [201, 201]
        assert await statuses(ada, 2, "192.0.2.2") == [201, 429]
        assert await statuses(bob, 2, "192.0.2.1") == [201, 429]
        assert await statuses(bob, 1, "192.0.2.3") == [201]
    async with Api(server.url) as nobody:
        assert await statuses(nobody, 2, "192.0.2.4") == [401, 401], "who may not post takes nothing"
    async with Api(server.url, token("eve")) as eve:
        assert await statuses(eve, 3, "192.0.2.4") == [201] * 3


async def test_the_document_says_so(start_server: StartServer) -> None:
    server = await start_server()
    async with Api(server.url) as api:
        _, document = await api.call("GET", "/openapi.json")
    assert "429" in document["paths"]["/rooms/{room}/feed"]["post"]["responses"]
    assert "Retry-After" in document["components"]["responses"]["429"]["headers"]
