"""`eitherway pipe ROOM`: what netcat is to TCP."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Any

import click

from peers.channel import Channel
from peers.cli.running import Failure, connection_options, run, transports
from peers.cli.stdio import read_chunks, write
from peers.client import Client
from peers.errors import EitherwayError
from peers.peer import Peer
from peers.room import Room

CHUNK = 256 * 1024
LABEL = "pipe"
PATIENCE = 5.0
"""Seconds after which a pipe says that it waits."""


@click.command()
@click.argument("room")
@click.option("--peer", metavar="ID", help="Connect to this peer; without it, to the only other pipe in the room.")
@click.option("--progress", is_flag=True, help="Tell on standard error how far it is, once a second.")
@connection_options
def pipe(room: str, peer: str | None, progress: bool, verbose: bool, **options: Any) -> None:
    """Connect standard input and output to those of another `eitherway pipe ROOM`, for any number of bytes.

    Exactly two of them make a pair; a third is refused. Exits with 0 when both sides have ended and everything was
    written out on both.
    """
    run(_pipe(room, peer, progress, **options), verbose=verbose)


async def _pipe(
    room_name: str,
    wanted: str | None,
    progress: bool,
    *,
    url: str,
    token: str | None,
    identity: str,
    p2p: Any,
    transport: str,
    timeout: float,
) -> None:
    client = Client(
        url, identity=identity or None, token=token or None, transports=transports(transport), timeout=timeout
    )
    joining = client.join(room_name, profile={"pipe": wanted or ""}, p2p=p2p)
    async with client, joining as room:
        peer = await _partner(room, wanted)
        done: asyncio.Future[Any] = asyncio.ensure_future(_connect(room, peer, progress))
        gone: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def lost(reason: str) -> None:
            if not gone.done():
                gone.set_result(reason)

        peer.on(
            "peer_left", lambda _, reason: lost(f"the other side is gone ({reason}) before everything was delivered")
        )
        peer.on("undelivered", lambda report: lost(str(report)))
        room.on("closed", lambda reason: lost(f"the room is closed: {reason}"))
        if peer.id not in room.peers:
            lost("the other side is gone before anything was delivered")
        try:
            await asyncio.wait({done, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not done.done():
                done.cancel()
                await asyncio.wait([done])
        if done.cancelled():
            raise Failure(gone.result())
        done.result()


async def _partner(room: Room, wanted: str | None) -> Peer:
    """The other end: the peer that was asked for, or the only other pipe."""
    if wanted is not None:
        with _patience(f"the peer {wanted} is not in room {room.name!r} yet: waiting for it"):
            return await room.wait_for_peer(wanted)
    # Everyone sees joins in the server's order, so those that were here before decide who is a pair.
    await room._presence.caught_up()
    earlier = room._presence.before
    before = [peer for id, peer in room.peers.items() if id in earlier and peer.profile.get("pipe") == ""]
    if len(before) > 1:
        raise Failure(
            f"room {room.name!r} has two pipes already: choose another room, or one of them by --peer", code=3
        )
    news = asyncio.Event()
    room.on("peer_joined", lambda _: news.set())
    room.on("closed", lambda _: news.set())
    with _patience(f"waiting for another `eitherway pipe {room.name}`"):
        while True:
            for peer in room.peers.values():
                if peer.profile.get("pipe") in ("", room.id):
                    return peer
            news.clear()
            await news.wait()
            room.check()


@contextlib.contextmanager
def _patience(word: str) -> Iterator[None]:
    """Say so on standard error, once, if it takes long."""
    timer = asyncio.get_running_loop().call_later(PATIENCE, lambda: click.echo(f"eitherway: {word}", err=True))
    try:
        yield
    finally:
        timer.cancel()


async def _connect(room: Room, peer: Peer, progress: bool) -> None:
    channel = peer.channel(LABEL, bytes, lane="bulk")
    meter = Meter(peer) if progress else None
    ticking = asyncio.ensure_future(meter.run()) if meter else None
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_send(channel, peer, meter))
            tasks.create_task(_receive(channel, meter))
    except* ConnectionError as group:
        broken = isinstance(group.exceptions[0], BrokenPipeError)
        reason = "standard output is closed: nobody reads what arrives" if broken else str(group.exceptions[0])
        raise Failure(reason) from None
    except* OSError as group:
        raise Failure(f"standard input or output cannot be used: {group.exceptions[0]}") from None
    except* EitherwayError as group:
        raise Failure(f"not everything was delivered: {group.exceptions[0]}") from None
    finally:
        if ticking is not None:
            ticking.cancel()


async def _send(channel: Channel[bytes], peer: Peer, meter: "Meter | None") -> None:
    async for chunk in read_chunks(0, CHUNK):
        await channel.send(chunk)
        if meter:
            meter.sent += len(chunk)
    channel.close()
    await peer.flush()


async def _receive(channel: Channel[bytes], meter: "Meter | None") -> None:
    async for message in channel:
        await write(1, message.data)
        if meter:
            meter.received += len(message.data)


class Meter:
    """Progress on standard error: a line that is renewed on a terminal, plain lines elsewhere."""

    def __init__(self, peer: Peer) -> None:
        self.peer, self.sent, self.received = peer, 0, 0

    async def run(self) -> None:
        """Tell once a second, until cancelled."""
        start = time.monotonic()
        end, begin = ("", "\r") if sys.stderr.isatty() else ("\n", "")
        while True:
            await asyncio.sleep(1)
            seconds = time.monotonic() - start
            rate = (self.sent + self.received) / seconds / 1e6
            amounts = f"{self.sent / 1e6:.1f} MB out, {self.received / 1e6:.1f} MB in"
            sys.stderr.write(f"{begin}{seconds:.0f} s: {amounts}, {rate:.1f} MB/s, {self.peer.path}{end}")
            sys.stderr.flush()
