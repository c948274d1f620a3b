"""One message to several peers of a room."""

import asyncio
from collections.abc import Iterable

from peers.channel import as_message
from peers.codec.frames import FrameType, Lane
from peers.errors import NotInRoom, Undelivered
from peers.link import Key
from peers.peer import Peer

FULL_SECONDS = 5.0
"""A link that stays full for so long is reported for its peer, and the room's message to it given up."""


async def send_to(peers: Iterable[Peer], key: Key, type: FrameType, payload: bytes, *, wait: bool) -> list[Peer]:
    """Queue a message on every link that has room; `wait` for the others, or leave them out.

    Returns the peers it was not queued for; what timed out is also reported as `undelivered`. Raises NotInRoom,
    ValueError of the first that cannot be sent to, once all others have been.
    """
    if key[1] is Lane.DATAGRAM:
        return [peer for peer in peers if not peer._link.outlets.send_datagram(key, type, payload)]
    full: list[Peer] = []
    failure: Exception | None = None
    for peer in peers:  # one that is gone, or has no channel to spare, does not keep the message from the others
        try:
            if not peer._link.outlets.try_send(key, type, payload):
                full.append(peer)
        except (NotInRoom, ValueError) as error:
            failure = failure or error
    if full and wait:
        late = await asyncio.gather(*(_send_late(peer, key, type, payload) for peer in full))
        full = [peer for peer, sent in zip(full, late, strict=True) if not sent]
    if failure is not None:
        raise failure
    return full


async def _send_late(peer: Peer, key: Key, type: FrameType, payload: bytes) -> bool:
    """Whether a message could be sent to a peer whose link was full."""
    try:
        async with asyncio.timeout(FULL_SECONDS):
            await peer._link.outlets.send(key, type, payload)
    except TimeoutError:
        message = as_message(peer, key, type, payload)
        why = f"its link stayed full for {FULL_SECONDS:g} s"
        peer.room._tell(peer, "undelivered", Undelivered(peer, [message], why))
        return False
    except NotInRoom:
        return False
    return True
