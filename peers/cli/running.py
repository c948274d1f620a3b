"""What the commands share: the options that say where to go, and how they end."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

import click

from peers.errors import EitherwayError, Refused

DEFAULT_URL = "http://127.0.0.1:8080"

token_option = click.option(
    "--token",
    envvar="EITHERWAY_TOKEN",
    help="What the server admits by, if it asks for that; it is seen by fewer in EITHERWAY_TOKEN.",
)


class Failure(Exception):
    """A command that did not do what it was asked: one line for the user (none: it has said all) and an exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def connection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that joins a room."""
    for option in (
        click.option("--verbose", "-v", is_flag=True, help="Log what happens to standard error."),
        click.option("--timeout", default=10.0, show_default=True, help="Seconds to wait for the server."),
        click.option(
            "--transport",
            type=click.Choice(["auto", "websocket", "polling"]),
            default="auto",
            help="How to reach the server; auto: WebSocket, then long-polling.",
        ),
        click.option(
            "--p2p",
            type=click.Choice(["auto", "eager", "never"]),
            default="auto",
            help="Whether to try direct paths.",
            show_default=True,
        ),
        click.option(
            "--identity",
            type=click.Path(dir_okay=False),
            help="A PEM file that keeps this program's key, made if it is not there; without it, a new one.",
        ),
        token_option,
        click.option(
            "--url", envvar="EITHERWAY_URL", default=DEFAULT_URL, show_default=True, help="The signalling server."
        ),
    ):
        command = option(command)
    return command


def transports(choice: str) -> tuple[str, ...]:
    """The transports to try, in order."""
    return ("websocket", "polling") if choice == "auto" else (choice,)


def run(work: Coroutine[Any, Any, None], *, verbose: bool) -> NoReturn:
    """Run a command to its end and exit with its code. SIGINT and SIGTERM end it in good order."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.CRITICAL,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    sys.exit(asyncio.run(_run(work)))


async def _run(work: Coroutine[Any, Any, None]) -> int:
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    stopped: list[int] = []

    def stop(number: int) -> None:
        stopped.append(number)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop, number)
        except NotImplementedError:  # Windows
            break
    try:
        await task
    except asyncio.CancelledError:
        if not stopped:
            raise
        return 128 + stopped[0]
    except Failure as failure:
        return _say(str(failure), failure.code)
    except Refused as refused:
        return _say(str(refused), 3)
    except EitherwayError as error:
        return _say(str(error), 1)
    except ValueError as error:
        return _say(str(error), 2)
    except OSError as error:
        return _say(str(error), 1)
    return 0


def _say(message: str, code: int) -> int:
    if message:
        click.echo(f"eitherway: {' '.join(message.split())}", err=True)
    return code
