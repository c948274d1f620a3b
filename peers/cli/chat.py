"""`eitherway chat ROOM`: people in a room."""

import asyncio
import getpass
from typing import Any

import click

from peers.channel import Message
from peers.cli.running import connection_options, run, transports
from peers.cli.stdio import read_lines
from peers.client import Client
from peers.errors import Undelivered
from peers.peer import Peer


@click.command()
@click.argument("room")
@click.option("--name", help="What the others see; your user name if it is left out.")
@connection_options
def chat(room: str, name: str | None, verbose: bool, **options: Any) -> None:
    """Talk to everyone in ROOM: what you type is sent, line by line. The end of input leaves."""
    run(_chat(room, name or _user(), **options), verbose=verbose)


async def _chat(
    room_name: str, name: str, *, url: str, identity: str, p2p: Any, transport: str, timeout: float
) -> None:
    client = Client(url, identity=identity or None, transports=transports(transport), timeout=timeout)
    joining = client.join(room_name, profile={"name": name}, p2p=p2p)
    async with client, joining as room:
        others = ", ".join(str(peer) for peer in room.peers.values()) or "nobody else yet"
        _say(f"you are {name} in {room_name!r}; here: {others}")
        client.on("disconnected", lambda reason: _say(f"the server is gone ({reason}); trying again"))
        client.on("connected", lambda: _say("the server is back"))
        closed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        @room.on("message")
        def show(message: Message[Any]) -> None:
            click.echo(f"{message.peer}: {message.data}")

        @room.on("peer_joined")
        def joined(peer: Peer) -> None:
            _say(f"{peer} joined")

        @room.on("peer_left")
        def left(peer: Peer, reason: str) -> None:
            _say(f"{peer} left ({reason})")

        @room.on("path_changed")
        def path(peer: Peer, path: str) -> None:
            _say(f"{peer} is now reached {'directly' if path == 'direct' else 'over the server'}")

        @room.on("undelivered")
        def lost(report: Undelivered) -> None:
            _say(str(report))

        @room.on("closed")
        def over(reason: str) -> None:
            if not closed.done():
                closed.set_result(reason)

        async def talk() -> None:
            async for line in read_lines(0):
                if line:
                    await room.send(line)

        talking: asyncio.Future[Any] = asyncio.ensure_future(talk())
        try:
            await asyncio.wait({talking, closed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not talking.done():
                talking.cancel()
                await asyncio.wait([talking])
        if talking.done() and not talking.cancelled():
            talking.result()


def _say(text: str) -> None:
    click.echo(f"* {text}")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"
