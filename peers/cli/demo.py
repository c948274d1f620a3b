"""`eitherway demo`: the server, the page, and two bots that are in its room already."""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Final

import click
from aiohttp import web

from peers.bot.bot import Bot
from peers.bot.loading import load_all
from peers.cli.running import Failure
from signalling.app import Signalling
from signalling.config import Config
from signalling.http.page import INVITE, NOT_BUILT, STATIC

BOTS: Final = ("peers.bots.echo:bot", "peers.bots.clock:bot")
ROOM: Final = "lobby"
"""The room that the page joins when its address names none."""
LEAVING: Final = 5.0
"""Seconds that the bots have to leave in good order."""


@click.command()
@click.option("--lan", is_flag=True, help="Let in other devices of this network: a phone, by a QR code.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8080, show_default=True, help="TCP port; 0: any.")
def demo(lan: bool, port: int) -> None:
    """Show what it does: a server, a page to open in browsers, and two bots to talk to.

    Prints the address of the page, and runs until Ctrl-C. Exits with 0 then, with 1 if the port is taken.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    # Pages that have cut themselves off are what it is about: that the server misses them is no news.
    logging.getLogger("signalling.engine").setLevel(logging.ERROR)
    logging.getLogger("signalling.tokens").setLevel(logging.ERROR)  # what it says of open servers is meant for others
    try:
        # It is there to be played with: whoever is meant to see it has no token.
        given = {
            "host": "0.0.0.0" if lan else "127.0.0.1",
            "port": port,
            "open": True,
            "token_secret": (),
            "token_key": (),
        }
        config = Config.from_env().changed(**given)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        asyncio.run(_demo(config, lan))
    except Failure as failure:
        click.echo(f"eitherway: {failure}", err=True)
        sys.exit(failure.code)


async def _demo(config: Config, lan: bool) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C is an exception there
            loop.add_signal_handler(number, ended.set)
    invite = _lan_address() if lan else None
    async with _serving(config, invite) as port, _running(load_all(BOTS), f"http://127.0.0.1:{port}"):
        _say(f"http://127.0.0.1:{port}", f"http://{invite}:{port}" if invite else None)
        await ended.wait()
        click.echo("Ending ...")


@contextlib.asynccontextmanager
async def _serving(config: Config, invite: str | None) -> AsyncIterator[int]:
    """A server; gives its port. Raises Failure if it cannot listen."""
    signalling = Signalling(config)
    app = signalling.aiohttp_app()
    # Browsers that keep a connection open are not worth waiting for.
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    if invite is not None:
        app[INVITE] = invite
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, config.host, config.port).start()
        except OSError as error:
            raise Failure(
                f"cannot listen on port {config.port}: {error.strerror or error}. Choose another --port, or stop what "
                "is using it."
            ) from None
        yield runner.addresses[0][1]
        await signalling.close()  # before aiohttp begins to: from then on it hears no client any longer
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def _running(bots: Sequence[Bot], url: str) -> AsyncIterator[None]:
    """Bots in the room. One that ends by an error is told of, and stops nothing else."""
    tasks = [asyncio.create_task(_run(bot, url), name=bot.name) for bot in bots]
    try:
        yield
    finally:
        for bot in bots:
            bot.stop()
        _, late = await asyncio.wait(tasks, timeout=LEAVING)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


async def _run(bot: Bot, url: str) -> None:
    try:
        await bot.run(url, ROOM, stop_timeout=1.0)
    except Exception as error:
        click.echo(f"eitherway: the bot {bot.name} has ended: {error}", err=True)


def _say(url: str, invite: str | None) -> None:
    bots = " and ".join(spec.partition(":")[0].rpartition(".")[2] for spec in BOTS)
    click.echo(f"\n  eitherway is at {url}\n")
    click.echo(f"  Open it in two tabs or browsers; {bots} are in the room already.")
    if not (STATIC / "index.html").exists():
        click.echo("\n  " + NOT_BUILT.strip().replace("\n", "\n  "))
    if invite is not None:
        click.echo(f"\n  On a phone, or whatever else is in this network: {invite}\n")
        _draw(invite)
    click.echo("\n  Ctrl-C ends it.\n")


def _draw(text: str) -> None:
    """A QR code in the terminal, if that can show its blocks."""
    import segno  # 20 ms, which only this needs

    if "utf" in (sys.stdout.encoding or "").lower():
        segno.make(text, error="m").terminal(border=2, compact=True)


def _lan_address() -> str:
    """The address by which this network knows this machine. Raises Failure if it is in none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation: it is only routed, nothing is sent
            address: str = probe.getsockname()[0]
        except OSError:
            raise Failure("this machine is in no network: leave --lan out, or connect it to one") from None
    return address
