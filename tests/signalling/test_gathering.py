"""How long the changes of a large room are gathered: with the numbers of the protocol, on a clock."""

import time

from signalling.announcer import SMALL_ROOM
from signalling.protocol.events import PeerLeft
from tests.signalling.conftest import Connect, Server


async def test_a_large_room_hears_of_a_change_soon(server: Server, connect: Connect) -> None:
    crowd = [await connect(server.url) for _ in range(SMALL_ROOM + 2)]
    for actor in crowd:
        await actor.join("lobby")
    first, last = crowd[0], crowd[-1]
    begun = time.monotonic()
    await last.call("leave", {"room": "lobby"})
    assert (await first.change(PeerLeft)).id == last.id
    assert time.monotonic() - begun < 2.0, "50 ms, and a busy machine"
