"""Two programs in a room, for tests of what they say to each other."""

from collections.abc import Callable
from typing import Any, Literal

from peers import Client, Message, Peer, Room
from tests.waiting import Log, eventually

Connect = Callable[..., Client]
P2P = Literal["auto", "eager", "never"]


async def pair(connect: Connect, p2p: P2P = "never", room: str = "lobby") -> tuple[Room, Room, Peer, Peer]:
    """Two programs in one room, and each as the other sees it."""
    a = await connect().join(room, profile={"name": "Ada"}, p2p=p2p)
    b = await connect().join(room, profile={"name": "Grace"}, p2p=p2p)
    to_b = await a.wait_for_peer(timeout=10)
    to_a = await b.wait_for_peer(timeout=10)
    return a, b, to_b, to_a


def data_into(log: Log[Any]) -> Callable[[Message[Any]], None]:
    """A handler that keeps what messages say."""
    return lambda message: log(message.data)


async def direct(*peers: Peer) -> None:
    """Until the peers are reached directly."""
    for peer in peers:
        await eventually(lambda peer=peer: peer.path == "direct")  # type: ignore[misc]
