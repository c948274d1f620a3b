"""`eitherway webhooks listen`, `dead` and `replay`: a server's webhooks on this machine, and those it has given up."""

import time
from collections.abc import Callable
from typing import Any

import click
import msgspec

from peers.cli.api import Api
from peers.cli.listening import follow
from peers.cli.running import DEFAULT_URL, run
from peers.cli.stdio import printable
from signalling.webhooks.options import check_url
from signalling.webhooks.sender import Sender
from signalling.webhooks.signing import headers, new_secret, read_secret, sign
from signalling.webhooks.webhooks import Told

_TIMEOUT = 30.0
"""Seconds that the receiver may take."""

_SHOWN = ("id", "timestamp", "room", "type", "endpoint", "error")


@click.group()
def webhooks() -> None:
    """Webhooks of a server: receive them here, and send again those that were given up."""


def _server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--verbose", "-v", is_flag=True, help="Log what happens to standard error."),
        click.option(
            "--token", envvar="EITHERWAY_TOKEN", help="One with the grant `admin`, if the server asks for it."
        ),
        click.argument("url", envvar="EITHERWAY_URL", default=DEFAULT_URL),
    ):
        command = option(command)
    return command


@webhooks.command()
@_server_options
@click.option("--room", required=True, help="The room whose webhooks are wanted.")
@click.option("--forward", required=True, help="Where to send them: a URL, as http://127.0.0.1:3000/hook.")
@click.option("--secret", help="What to sign with if the server does not; without it, a new one, which is shown.")
def listen(url: str, room: str, forward: str, secret: str | None, token: str | None, verbose: bool) -> None:
    """Receive a room's webhooks from the server at URL, without a public address, and forward each to a program here.

    What the server signs is forwarded as it is.
    """
    run(_listen(url, room, forward, secret or new_secret(), token), verbose=verbose)


@webhooks.command()
@_server_options
def dead(url: str, token: str | None, verbose: bool) -> None:
    """List the webhooks that the server at URL has given up, oldest first."""
    run(_dead(url, token), verbose=verbose)


@webhooks.command()
@_server_options
@click.option("--id", "ids", multiple=True, help="Only the one with this webhook-id; again for each.")
@click.option("--endpoint", help="Only those for this URL.")
@click.option("--room", help="Only those of this room.")
def replay(
    url: str, ids: tuple[str, ...], endpoint: str | None, room: str | None, token: str | None, verbose: bool
) -> None:
    """Have the server at URL send again what it has given up: all, or what the options say."""
    run(_replay(url, list(ids) or None, endpoint, room, token), verbose=verbose)


async def _listen(url: str, room: str, forward: str, secret: str, token: str | None) -> None:
    check_url(forward, "--forward")
    keys = [read_secret(secret)]
    sender = Sender(keys, timeout=_TIMEOUT, allow_private=True)
    try:
        async with Api(url, token) as api:
            click.echo(f"webhooks of room {room!r} go to {forward}")
            click.echo(f"signed by the server, or with {secret} if it has no secret")
            async for line in follow(api, room, "$webhooks"):
                if line is None:
                    click.echo("some were missed: the server keeps them no longer", err=True)
                    continue
                told = msgspec.convert(line["data"], Told)
                await _forward(sender, keys, forward, line["event"], told)
    finally:
        await sender.close()


async def _forward(sender: Sender, keys: list[bytes], forward: str, kind: str, told: Told) -> None:
    body = told.body.encode()
    timestamp, signature = told.timestamp, told.signature
    if not signature:
        timestamp = int(time.time())
        signature = sign(keys, told.id, timestamp, body)
    begun = time.monotonic()
    outcome = await sender.send_signed(forward, headers(told.id, timestamp, signature), body)
    took = f"{(time.monotonic() - begun) * 1e3:.0f} ms"
    click.echo(f"{kind} {told.id}: {outcome.error or f'delivered in {took}'}")


async def _dead(url: str, token: str | None) -> None:
    async with Api(url, token) as api:
        after = 0
        while after is not None:
            page = await api.ask("GET", "/webhooks/dead", params={"limit": 1_000, "after": after})
            for each in page["webhooks"]:
                click.echo("  ".join(printable(str(each[field])) for field in _SHOWN))
            after = page["next"]


async def _replay(url: str, ids: list[str] | None, endpoint: str | None, room: str | None, token: str | None) -> None:
    async with Api(url, token) as api:
        wanted = {"ids": ids, "endpoint": endpoint, "room": room}
        answer = await api.ask("POST", "/webhooks/replay", json=wanted)
    click.echo(f"{answer['count']} on their way again")
