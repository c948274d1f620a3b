"""`eitherway webhooks`: receiving without a public address, and what was given up."""

import asyncio
import signal
from pathlib import Path

import aiohttp
import pytest

from tests.programs import run
from tests.serving import ServerProcess
from tests.signalling.actor import Actor
from tests.signalling.webhooks.receivers import SECRET, receiving
from tests.waiting import free_port

OWN = "whsec_" + "QUFB" * 8


async def posting(url: str, number: int, room: str = "shop") -> None:
    """Somebody posts."""
    actor = await Actor(url).connect()
    reply = await actor.call("post", {"room": room, "topic": "orders.new", "data": number})
    assert "error" not in reply, reply
    await actor.close()


async def test_a_room_s_webhooks_come_to_a_program_here(tmp_path: Path) -> None:
    options = ("--webhook-secret", SECRET, "--webhook-topics", "orders.*")
    async with ServerProcess(*options) as server, receiving() as receiver:
        command = ("webhooks", "listen", server.url, "--room", "shop", "--forward", receiver.url, "--secret", OWN)
        async with run(tmp_path, "listen", *command) as program:
            await program.says("signed by the server")
            await until_watched(server.url)
            for number in range(3):
                await posting(server.url, number)
            await posting(server.url, 99, "elsewhere")
            requests = await receiver.count(3)  # whose signatures are right: the server's
            assert [request.said["data"]["data"] for request in requests] == [0, 1, 2]
            await program.says(f"post {requests[2].id}: delivered in ")
            receiver.status = 302
            await posting(server.url, 3)
            await receiver.count(4)
            await program.says("it answered 302, to elsewhere: redirects are not followed")
            program.stop(signal.SIGINT)
            assert await program.wait() == 130
            assert program.err.read_text() == ""


async def test_without_a_secret_of_the_server_it_signs_itself_and_comes_back_after_a_restart(tmp_path: Path) -> None:
    async with ServerProcess("--webhook-topics", "**") as server, receiving() as receiver:
        receiver.secret = OWN
        command = ("webhooks", "listen", server.url, "--room", "shop", "--forward", receiver.url, "--secret", OWN)
        async with run(tmp_path, "listen", *command) as program:
            await program.says(f"or with {OWN}")
            await until_watched(server.url)
            await posting(server.url, 0)
            await receiver.count(1)
            await server.stop(signal.SIGKILL)
            await server.start()
            await until_watched(server.url)
            await posting(server.url, 1)
            requests = await receiver.count(2)
            assert [request.said["data"]["data"] for request in requests] == [0, 1]


async def test_what_was_given_up_is_listed_and_sent_again(tmp_path: Path) -> None:
    async with receiving() as receiver:
        receiver.status = 410
        options = ("--webhook", receiver.url, "--webhook-secret", SECRET, "--webhook-allow-private")
        more = ("--webhook-store", str(tmp_path / "store.db"), "--webhook-topics", "**", "--webhook-events", "post")
        async with ServerProcess(*options, *more) as server:
            await posting(server.url, 1)
            (request,) = await receiver.count(1)
            async with asyncio.timeout(20):
                while request.id not in (said := await output(tmp_path, "webhooks", "dead", server.url)):
                    await asyncio.sleep(0.1)
            assert said.startswith(f"{request.id}  20")
            assert f"  shop  post  {receiver.url}  the endpoint is disabled: it answered 410" in said
            receiver.status = 204
            said = await output(tmp_path, "webhooks", "replay", server.url, "--room", "elsewhere")
            assert said == "0 on their way again\n"
            said = await output(tmp_path, "webhooks", "replay", server.url, "--id", request.id)
            assert said == "1 on their way again\n"
            requests = await receiver.count(2)
            assert requests[1].id == request.id


@pytest.mark.parametrize("command", ["listen", "dead", "replay"])
async def test_errors_are_one_line(tmp_path: Path, command: str) -> None:
    more = ("--room", "shop", "--forward", "http://127.0.0.1:1/") if command == "listen" else ()
    nowhere = f"http://127.0.0.1:{free_port()}"
    async with run(tmp_path, "nowhere", "webhooks", command, nowhere, *more) as program:
        assert await program.wait() == 1
        assert "Is `eitherway serve` running there?" in program.err.read_text()
    async with run(tmp_path, "no-url", "webhooks", command, "shop", *more) as program:
        assert await program.wait() == 2
    async with ServerProcess("--token-secret", "a secret of more than 32 bytes, for tests") as server:
        async with run(tmp_path, "refused", "webhooks", command, server.url, *more) as program:
            assert await program.wait() == 3
            said = program.err.read_text()
            assert said.endswith("(unauthorized)\n")
            assert said.count("\n") == 1


async def test_where_to_forward_must_be_a_url(tmp_path: Path) -> None:
    command = ("webhooks", "listen", "--room", "shop", "--forward", "localhost:3000")
    async with run(tmp_path, "x", *command) as program:
        assert await program.wait() == 2
        assert "--forward: a URL looks like" in program.err.read_text()


async def output(folder: Path, *command: str) -> str:
    """What a command prints that ends well."""
    async with run(folder, "command", *command) as program:
        assert await program.wait() == 0, program.err.read_text()
        return program.out.read_text()


async def until_watched(url: str) -> None:
    """Until somebody watches the room."""
    async with asyncio.timeout(30), aiohttp.ClientSession() as http:
        while True:
            async with http.get(f"{url}/api/v1/rooms/shop") as answer:
                if answer.status == 200 and (await answer.json())["watchers"]:
                    return
            await asyncio.sleep(0.05)
