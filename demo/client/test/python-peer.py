"""A Python peer for tests: does what lines of JSON on its standard input say, and tells what happens in lines of JSON.

Commands are lists. ["send", label, lane, data]: to everyone; ["bytes", label, lane, size, seed]: the same of bytes that
both sides can make; ["flush"]; ["leave"]. It tells of joined, peer, message, path, undelivered, flushed, left.
"""

import argparse
import asyncio
import hashlib
import json
import sys
from typing import Any

from peers import Client
from peers.channel import Message
from peers.errors import Undelivered
from peers.peer import Peer


def tell(event: str, **what: Any) -> None:
    print(json.dumps({"event": event, **what}), flush=True)


def shown(data: Any) -> Any:
    """Data as JSON: bytes by their size and hash, as `shown` of python-peer.ts does."""
    if isinstance(data, bytes):
        return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return data


def make(size: int, seed: int) -> bytes:
    """Bytes that both sides can make: of a small linear congruential generator."""
    period = bytes((seed + 167 * at) % 251 for at in range(251))
    return (period * (size // 251 + 1))[:size]


async def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("url", "room", "name"):
        parser.add_argument(name)
    parser.add_argument("--p2p", default="never")
    parser.add_argument("--echo", action="store_true", help="send everything back to where it came from")
    parser.add_argument("--channel", action="append", default=[], help="label:lane, to listen to beside the default")
    options = parser.parse_args()
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader(limit=2**26)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)

    async with Client(options.url) as client:
        room = await client.join(options.room, profile={"name": options.name}, p2p=options.p2p)
        channels = {("", "reliable"): room.channel("")}
        for label, lane in (text.split(":") for text in options.channel):
            channels[label, lane] = room.channel(label, lane=lane)

        async def show(message: Message[Any]) -> None:
            tell(
                "message",
                peer=message.peer.name,
                data=shown(message.data),
                kind=type(message.data).__name__,
                channel=message.channel,
                lane=message.lane,
                path=message.path,
            )
            if options.echo:
                await message.peer.channel(message.channel, lane=message.lane).send(message.data)

        def undelivered(error: Undelivered) -> None:
            tell("undelivered", messages=[shown(message.data) for message in error.messages])

        def appeared(peer: Peer) -> None:
            tell("peer", id=peer.id, name=peer.name, profile=dict(peer.profile))

        for channel in channels.values():
            channel.on("message", show)
        room.on("undelivered", undelivered)
        room.on("peer_joined", appeared)
        room.on("peer_updated", appeared)
        room.on("peer_left", lambda peer, reason: tell("gone", id=peer.id, reason=reason))
        room.on("path_changed", lambda peer, path: tell("path", id=peer.id, path=path))
        tell("joined", id=room.id)
        for peer in room.peers.values():
            appeared(peer)
        while line := await commands.readline():
            match json.loads(line):
                case ["send", label, lane, data]:
                    await room.channel(label, lane=lane).send(data)
                case ["bytes", label, lane, size, seed]:
                    await room.channel(label, lane=lane).send(make(size, seed))
                case ["flush"]:
                    await room.flush()
                    tell("flushed")
                case ["leave"]:
                    await room.leave()
                    tell("left")


if __name__ == "__main__":
    asyncio.run(main())
