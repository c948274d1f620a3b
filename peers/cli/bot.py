"""`eitherway bot MODULE:BOT --room ROOM`: runs bots."""

import logging
import sys
import traceback
from typing import Any

import click

from peers.bot.bot import STOP_SECONDS
from peers.bot.health import CannotListen, parse_address
from peers.bot.loading import CannotLoad, load_all
from peers.bot.process import serve
from peers.bot.service import StartupFailed
from peers.cli.running import Failure, connection_options, run, transports
from signalling.protocol.ids import check_room_name


class RoomName(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2
    """A room's name; several of them in a variable are separated by commas."""

    name = "room"
    envvar_list_splitter = ","

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name itself, or a usage error."""
        try:
            return check_room_name(str(value).strip())
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command(
    context_settings={"auto_envvar_prefix": "EITHERWAY"},
    epilog="Each option is also an environment variable: --health is EITHERWAY_HEALTH. EITHERWAY_ROOM may name several "
    "rooms, separated by commas.",
)
@click.argument("bots", metavar="MODULE:BOT...", nargs=-1, required=True)
@click.option(
    "--room",
    "rooms",
    envvar="EITHERWAY_ROOM",
    type=RoomName(),
    multiple=True,
    required=True,
    help="A room to join; again for each.",
)
@click.option("--health", metavar="HOST:PORT", help="Answer /healthz there, for supervisors.")
@click.option(
    "--stop-timeout",
    type=click.FloatRange(0),
    default=STOP_SECONDS,
    show_default=True,
    help="Seconds that handlers get to finish when the bots are to stop.",
)
@connection_options
def bot(
    bots: tuple[str, ...],
    rooms: tuple[str, ...],
    health: str | None,
    stop_timeout: float,
    verbose: bool,
    **options: Any,
) -> None:
    """Run bots: services that join rooms as peers, and stay there whatever happens.

    Each MODULE:BOT is a module and the Bot in it; modules are found in the working directory too. All bots are in all
    rooms. They wait for a server that is not there, and come back to one that was gone, for ever.

    Exits with 0 after SIGTERM or Ctrl-C; with 1 if a bot fails to start or the health address is taken, with 3 if the
    server refuses for good.
    """
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("eitherway.bot").setLevel(logging.INFO)
    run(_bot(bots, rooms, health, stop_timeout, **options), verbose=verbose)


async def _bot(
    specs: tuple[str, ...],
    rooms: tuple[str, ...],
    health: str | None,
    stop_timeout: float,
    *,
    url: str,
    token: str | None,
    identity: str,
    p2p: Any,
    transport: str,
    timeout: float,
) -> None:
    if identity and len(specs) > 1:
        raise ValueError("--identity is for one bot: several with the same identity would take each other's place")
    address = parse_address(health) if health else None
    try:
        await serve(
            load_all(specs),
            url,
            rooms,
            health=address,
            stop_timeout=stop_timeout,
            identity=identity or None,
            token=token or None,
            transports=transports(transport),
            timeout=timeout,
            p2p=p2p,
        )
    except (CannotLoad, StartupFailed) as error:
        if error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        raise Failure(str(error), 2 if isinstance(error, CannotLoad) else 1) from None
    except CannotListen as error:
        raise Failure(str(error)) from None
