"""`eitherway ping ROOM`: round trips to every peer, and by which path."""

import asyncio
from typing import Any

import click

from peers.cli.running import Failure, connection_options, run, transports
from peers.cli.stdio import printable
from peers.client import Client
from peers.errors import NotInRoom
from peers.peer import Peer


@click.command()
@click.argument("room")
@click.option("--count", "-c", type=click.IntRange(1), help="Rounds; without it, until interrupted.")
@click.option("--interval", "-i", type=click.FloatRange(0.01), default=1.0, show_default=True, help="Seconds between.")
@click.option("--wait", type=click.FloatRange(0), default=10.0, show_default=True, help="Seconds for a peer to come.")
@connection_options
def ping(room: str, count: int | None, interval: float, wait: float, verbose: bool, **options: Any) -> None:
    """Ping every peer in ROOM: the library of each answers by itself. Exits with 0 if any did."""
    run(_ping(room, count, interval, wait, **options), verbose=verbose)


async def _ping(
    room_name: str,
    count: int | None,
    interval: float,
    wait: float,
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
    joining = client.join(room_name, profile={"name": "ping"}, p2p=p2p)
    async with client, joining as room:
        try:
            await room.wait_for_peer(timeout=wait)
        except TimeoutError:
            raise Failure(f"nobody else is in room {room_name!r}: start `eitherway chat {room_name}` there") from None
        room.on("path_changed", lambda peer, path: click.echo(f"{printable(peer)} {peer.id[:8]}: now {_way(path)}"))
        times: dict[str, list[float]] = {}
        try:
            round = 0
            while count is None or round < count:
                if round:
                    await asyncio.sleep(interval)
                round += 1
                await asyncio.gather(*(_one(peer, round, times) for peer in room.peers.values()))
        finally:
            for name, values in times.items():
                values.sort()
                click.echo(
                    f"{name}: {len(values)} answered, round trip min/median/max "
                    f"{values[0] * 1e3:.2f}/{values[len(values) // 2] * 1e3:.2f}/{values[-1] * 1e3:.2f} ms"
                )
        if not times:
            raise Failure("no peer answered")


async def _one(peer: Peer, round: int, times: dict[str, list[float]]) -> None:
    name = f"{printable(peer)} {peer.id[:8]}"
    try:
        seconds, path = await peer.ping(timeout=5)
    except TimeoutError:
        click.echo(f"{name}: round {round}: no answer in 5 s")
        return
    except NotInRoom as error:
        click.echo(f"{name}: round {round}: {error}")
        return
    times.setdefault(name, []).append(seconds)
    click.echo(f"{name}: round {round}: {seconds * 1e3:.2f} ms {_way(path)}")


def _way(path: str) -> str:
    return "directly" if path == "direct" else "over the server"
