"""Programs that come with a token and join: what they say is made beforehand, so that the server alone has work."""

import json

import aiohttp

from signalling import create_token
from tests.benchmarks.joining import join_fields
from tests.benchmarks.programs.child import Benchmark, run


async def _connect(session: aiohttp.ClientSession, url: str, token: str) -> tuple[aiohttp.ClientWebSocketResponse, str]:
    """One that has been let in, and its sid."""
    socket = await session.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket", compress=0, max_msg_size=0)
    await socket.receive_str()
    await socket.send_str("40" + json.dumps({"protocol": 1, "token": token}))
    answer = await socket.receive_str()
    if not answer.startswith("40"):
        raise RuntimeError(answer)
    return socket, json.loads(answer[2:])["sid"]


async def _join(socket: aiohttp.ClientWebSocketResponse, join: str) -> None:
    await socket.send_str(join)
    while not (answer := await socket.receive_str()).startswith("431"):
        pass
    if "error" in (reply := json.loads(answer[3:])[0]):
        raise RuntimeError(reply["error"])


async def joiners(benchmark: Benchmark, url: str, secret: str, count: int, in_a_room: int) -> None:
    """So many connect one after another when told, and then join one after another when told, so many in a room."""
    tokens = [create_token(secret, user=f"user-{number}", rooms=["joins-*"]) for number in range(count)]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        benchmark.tell(ready=count)
        await benchmark.hear()
        connected = [await _connect(session, url, token) for token in tokens]
        benchmark.tell(connected=count)
        joins = [
            "421" + json.dumps(["join", join_fields(url, sid, f"joins-{number // in_a_room}")])
            for number, (_, sid) in enumerate(connected)
        ]
        benchmark.tell(ready=count)
        await benchmark.hear()
        for (socket, _), join in zip(connected, joins, strict=True):
            await _join(socket, join)
        benchmark.tell(joined=count)
        await benchmark.hear()


if __name__ == "__main__":
    run({"joiners": joiners})
