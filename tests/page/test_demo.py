"""`eitherway demo` as a user starts it."""

import asyncio
import re
import signal
import socket
from pathlib import Path

import aiohttp
import pytest

from peers import Client
from tests.programs import run
from tests.waiting import eventually


async def test_it_serves_the_page_with_two_bots_in_its_room_until_ctrl_c(static: Path, tmp_path: Path) -> None:
    async with run(tmp_path, "demo", "demo", "--port", "0", EITHERWAY_STUN_PORT="0") as demo:
        said = await demo.says("Ctrl-C ends it.")
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert found is not None
        url = found[0]
        assert "make page" not in said
        async with aiohttp.ClientSession() as session, session.get(f"{url}/") as answer:
            assert answer.status == 200
            assert 'name="eitherway-invite" content=""' in await answer.text()
        async with Client(url) as client, client.join("lobby", profile={"name": "Ada"}) as room:
            await eventually(lambda: {peer.name for peer in room.peers.values()} >= {"echo", "clock"})
            echo = next(peer for peer in room.peers.values() if peer.name == "echo")
            assert echo.profile["counts"] is True
            numbered = {"from": client.id, "run": 1, "n": 1, "got": None}
            channel = echo.channel("count")
            await channel.send(numbered)
            async with asyncio.timeout(10):
                async for message in channel:
                    assert message.data == numbered
                    break
            demo.stop(signal.SIGINT)
            assert await demo.wait(20) == 0
        assert demo.err.read_text() == ""


async def test_a_port_that_is_taken_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        async with run(tmp_path, "demo", "demo", "--port", port, EITHERWAY_STUN_PORT="0") as demo:
            assert await demo.wait(20) == 1
            lines = demo.err.read_text().splitlines()
    assert len(lines) == 1
    assert f"cannot listen on port {port}" in lines[0]
    assert "--port" in lines[0]


async def test_lan_lets_others_in_and_says_by_which_address(static: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine is in no network")
    async with run(tmp_path, "demo", "demo", "--lan", "--port", "0", EITHERWAY_STUN_PORT="0") as demo:
        said = await demo.says("Ctrl-C ends it.")
        host, port = re.findall(r"http://([\d.]+):(\d+)", said)[-1]
        assert host != "127.0.0.1"
        assert "█" in said or "▄" in said
        async with aiohttp.ClientSession() as session, session.get(f"http://{host}:{port}/") as answer:
            assert answer.status == 200
            assert f'name="eitherway-invite" content="{host}"' in await answer.text()
        demo.stop(signal.SIGTERM)
        assert await demo.wait(20) == 0
