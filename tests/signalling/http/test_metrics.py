"""`/metrics`: who may read it, and in which formats."""

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

from signalling.app import Signalling
from signalling.config import Config
from tests.signalling.conftest import Connect, Server, StartServer
from tests.signalling.http.test_access import SECRET, token

OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0, text/plain;version=0.0.4;q=0.5"}


async def get(server: Server, token: str | None = None, **headers: str) -> aiohttp.ClientResponse:
    """The answer, read to its end."""
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    async with aiohttp.ClientSession() as http, http.get(f"{server.url}/metrics", headers=headers) as answer:
        await answer.read()
        return answer


async def test_both_formats_can_be_read_and_say_the_same(server: Server, connect: Connect) -> None:
    ada = await connect(server.url)
    await ada.join("lobby")
    assert "error" in await ada.call("juggle", {})
    plain = await get(server)
    assert plain.content_type == "text/plain"
    other = await get(server, **OPENMETRICS)
    assert other.content_type == "application/openmetrics-text"
    for text, parse in (
        (await plain.text(), parser.text_string_to_metric_families),
        (await other.text(), openmetrics.text_string_to_metric_families),
    ):
        families = list(parse(text))  # the second raises for what the standard forbids
        samples = {
            (s.name, *(s.labels[label] for label in sorted(s.labels))): s.value
            for family in families
            for s in family.samples
        }
        assert samples["eitherway_rooms",] == 1
        assert samples["eitherway_refusals_total", "bad-request", "other"] == 1
        assert samples["eitherway_event_seconds_bucket", "join", "+Inf"] == 1
        assert samples["process_start_time_seconds",] > 0
        assert all(family.documentation for family in families if not family.name.endswith("_created"))


async def refused(answer: aiohttp.ClientResponse) -> tuple[int, str]:
    """Status and code of a problem."""
    assert answer.content_type == "application/problem+json"
    return answer.status, (await answer.json(content_type=None))["code"]


@pytest.mark.parametrize(
    ("options", "hidden"),
    [
        ({}, True),  # it listens on loopback alone: whoever comes from elsewhere comes by a proxy, named or not
        ({"trust_forwarded": True}, False),
        ({"host": "0.0.0.0"}, False),
        ({"host": "::1", "trust_forwarded": True}, False),
        ({"host": "localhost"}, True),
    ],
)
async def test_where_tokens_are_asked_for(start_server: StartServer, options: dict[str, object], hidden: bool) -> None:
    server = await start_server(token_secret=(SECRET,), **options)
    assert (await get(server, token("admin"))).status == 200
    assert (await get(server, token("admin", rooms=("lobby",)))).status == 200
    if hidden:
        answer = await get(server)
        assert await refused(answer) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert await refused(await get(server, token("join", "watch"))) == (403, "forbidden")
    else:
        assert (await get(server)).status == 200
        assert (await get(server, Host="localhost:8080")).status == 200


PROXIES = [
    {"X-Forwarded-For": "192.0.2.1"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"Forwarded": "for=192.0.2.1"},
    {"Via": "1.1 proxy"},
    {"Host": "rooms.example"},
    {"Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("headers", PROXIES, ids=str)
@pytest.mark.parametrize("options", [{"trust_forwarded": True}, {"host": "0.0.0.0"}], ids=str)
async def test_what_a_proxy_or_a_page_sends_on_is_not_from_this_machine(
    start_server: StartServer, options: dict[str, object], headers: dict[str, str]
) -> None:
    server = await start_server(token_secret=(SECRET,), **options)
    assert await refused(await get(server, **headers)) == (401, "unauthorized")
    assert (await get(server, token("admin"), **headers)).status == 200


@pytest.mark.parametrize("headers", PROXIES, ids=str)
async def test_an_open_server_shows_it_to_programs_on_its_own_machine(server: Server, headers: dict[str, str]) -> None:
    assert (await get(server)).status == 200
    assert await refused(await get(server, **headers)) == (403, "forbidden")


async def test_other_methods_are_problems_too(server: Server) -> None:
    async with aiohttp.ClientSession() as http, http.post(f"{server.url}/metrics") as answer:
        assert await refused(answer) == (405, "bad-request")
    async with aiohttp.ClientSession() as http, http.head(f"{server.url}/metrics") as answer:
        assert answer.status == 200


async def test_below_a_prefix_of_another_application() -> None:
    outer = web.Application()
    outer.add_subapp("/signalling/", Signalling(Config(stun_port=0)).aiohttp_app())
    runner = web.AppRunner(outer)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/signalling"
        async with aiohttp.ClientSession() as http:
            for path, status in (("/metrics", 200), ("/readyz", 200), ("/metrics/x", 404)):
                async with http.get(url + path) as answer:
                    assert answer.status == status, path
    finally:
        await runner.cleanup()
