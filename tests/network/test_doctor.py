"""What `eitherway doctor` says behind real routers, with a STUN server at two addresses beyond them."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.network.lab import SERVER, TURN, Lab
from tests.network.routers import Routers
from tests.waiting import eventually

pytestmark = pytest.mark.network

PORT = 8080
EITHERWAY = (sys.executable, "-m", "peers.cli")


@asynccontextmanager
async def serving(lab: Lab, host: str, address: str) -> AsyncIterator[None]:
    """A signalling server at a host, with its STUN responder."""
    options = ("--host", address, "--open", "--port", str(PORT), "--stun-port", "3478")
    server = await asyncio.create_subprocess_exec(
        *lab.command(host, *EITHERWAY, "serve", *options), stdout=asyncio.subprocess.DEVNULL, stderr=-3
    )
    try:
        await eventually(lambda: lab.listens(host, PORT))
        yield
    finally:
        server.kill()
        await server.wait()


async def doctor(lab: Lab) -> tuple[dict[str, Any], str]:
    """What it says at the first peer's host: the data of each check, and the verdict."""
    options = ("--url", lab.url("a", PORT), "--ice-server", f"stun:{TURN}:3478", "--json")
    program = await asyncio.create_subprocess_exec(*lab.command("a", *EITHERWAY, "doctor", *options), stdout=-1)
    async with asyncio.timeout(60):
        out, _ = await program.communicate()
    assert program.returncode == 0, out.decode()
    told = json.loads(out)
    return {finding["check"]: finding["data"] for finding in told["findings"]}, told["verdict"]


@pytest.mark.parametrize(
    ("router", "udp", "mapping", "said"),
    [
        ("none", "passes", "none", "directly wherever"),
        ("cone", "passes", "endpoint-independent", "directly wherever"),
        ("double", "passes", "endpoint-independent", "directly wherever"),
        ("symmetric", "passes", "address-dependent", "maps each destination anew"),
        ("no-udp", "silent", "unknown", "nothing answers over UDP"),
    ],
)
async def test_the_kind_of_router_is_told(
    make_lab: Callable[..., Lab], router: Routers, udp: str, mapping: str, said: str
) -> None:
    lab = await asyncio.to_thread(make_lab, router, "none")
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(serving(lab, "server", SERVER))
        await stack.enter_async_context(serving(lab, "turn", TURN))
        found, verdict = await doctor(lab)
    assert found["server"]["transport"] == "websocket"
    assert (found["udp"]["state"], found["nat"]["mapping"]) == (udp, mapping)
    assert found["peers"]["path"] == "direct"
    assert said in verdict
    if mapping == "endpoint-independent":
        assert [address.split(":")[0] for address in found["nat"]["mapped"]] == [lab.outside("a")]
