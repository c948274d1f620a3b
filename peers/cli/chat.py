"""`eitherway chat ROOM`: people in a room."""

import asyncio
import getpass
from typing import Any

import click

from peers.cli.running import Failure, connection_options, run, transports
from peers.cli.stdio import printable, read_lines
from peers.client import Client
from peers.peer import Peer


@click.command()
@click.argument("room")
@click.option("--name", help="What the others see; your user name if it is left out.")
@connection_options
def chat(room: str, name: str | None, verbose: bool, **options: Any) -> None:
    """Talk to everyone in ROOM: what you type is sent, line by line. The end of input leaves."""
    run(_chat(room, name or _user(), **options), verbose=verbose)


async def _chat(
    room_name: str, name: str, *, url: str, token: str | None, identity: str, p2p: Any, transport: str, timeout: float
) -> None:
    client = Client(
        url, identity=identity or None, token=token or None, transports=transports(transport), timeout=timeout
    )
    joining = client.join(room_name, profile={"name": name}, p2p=p2p)
    async with client, joining as room:
        others = ", ".join(printable(peer) for peer in room.peers.values()) or "nobody else yet"
        click.echo(f"* you are {name} in {room_name!r}; here: {others}")
        over: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def show(text: str) -> None:
            try:
                click.echo(text)
            except OSError as error:  # nobody reads what we print: there is nothing to stay for
                if not over.done():
                    over.set_exception(Failure(f"standard output cannot be used: {error.strerror}"))

        def note(text: str) -> None:
            show(f"* {text}")

        def gone(reason: str) -> None:
            note(f"the server is gone ({reason}); trying again")

        def path(peer: Peer, path: str) -> None:
            note(f"{printable(peer)} is now reached {'directly' if path == 'direct' else 'over the server'}")

        def closed(reason: str) -> None:
            if not over.done():
                over.set_result(reason)

        client.on("disconnected", gone)
        client.on("connected", lambda: note("the server is back"))
        room.on("message", lambda message: show(f"{printable(message.peer)}: {printable(message.data)}"))
        room.on("peer_joined", lambda peer: note(f"{printable(peer)} joined"))
        room.on("peer_left", lambda peer, reason: note(f"{printable(peer)} left ({reason})"))
        room.on("path_changed", path)
        room.on("undelivered", lambda report: note(printable(report)))
        room.on("closed", closed)

        async def talk() -> None:
            async for line in read_lines(0):
                if line:
                    await room.send(line)

        talking: asyncio.Future[Any] = asyncio.ensure_future(talk())
        try:
            await asyncio.wait({talking, over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            client.off("disconnected", gone)  # from now on that is our own doing
            if not talking.done():
                talking.cancel()
                await asyncio.wait([talking])
        if over.done():
            over.result()
        elif not talking.cancelled():
            talking.result()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"
