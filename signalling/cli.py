"""The `serve` command. Its options are the fields of `Config`."""

import asyncio
import contextlib
import importlib.util
import logging
import signal
import sys
from collections.abc import Callable
from typing import Any, Final

import click
import msgspec
from aiohttp import web

from signalling.app import Signalling
from signalling.config import PREFIX, Config, is_list
from signalling.logs import set_up
from signalling.throttle import is_loopback
from signalling.tls import Certificate
from signalling.tokens import Verifier
from signalling.webhooks.database import StoreError
from signalling.webhooks.options import read_options

log = logging.getLogger(__name__)

_CANNOT_START: Final = 1
"""Exit code. 0 is a clean end, 2 is click's for wrong usage."""


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds a flag for each field of Config."""
    for field in reversed(msgspec.structs.fields(Config)):
        described = msgspec.inspect.type_info(field.type)
        text = (
            (described.extra_json_schema or {}).get("description", "")
            if isinstance(described, msgspec.inspect.Metadata)
            else ""
        )
        flag = "--" + field.name.replace("_", "-")
        default = "" if is_list(field) else f"  [default: {field.default}]"
        if isinstance(field.default, bool):
            flag, default = f"{flag}/--no-{flag[2:]}", f"  [default: {'on' if field.default else 'off'}]"
        kind: type[Any] | click.Choice[str] = str if is_list(field) else type(field.default)
        if isinstance(described, msgspec.inspect.Metadata) and isinstance(described.type, msgspec.inspect.LiteralType):
            kind = click.Choice([str(value) for value in described.type.values])
        command = click.option(flag, field.name, type=kind, default=None, multiple=is_list(field), help=text + default)(
            command
        )
    return command


@click.command(epilog=f"Each option is also an environment variable: --max-peers is {PREFIX}MAX_PEERS.")
@_options
def serve(**given: Any) -> None:
    """Run the signalling server.

    Without keys for tokens it is open to everyone who reaches it: then it listens on loopback alone, unless --open is
    given.

    Exit codes: 0 after SIGTERM or Ctrl-C, 1 if it cannot listen or keep webhooks, 2 for wrong usage.
    """
    try:
        config = Config.from_env().changed(**{name: value for name, value in given.items() if value not in (None, ())})
        asks = not Verifier.of(config).is_open
        certificate = Certificate.of(config)
        read_options(config)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if not asks and not config.open and not is_loopback(config.host):
        raise click.UsageError(
            f"everyone who reaches {config.host or 'this machine'} could join every room: ask for tokens, by "
            f"{PREFIX}TOKEN_SECRET (32 bytes or more) or --token-key, or let everyone in by --open"
        )
    set_up(config.log_format)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        sys.exit(runner.run(_serve(config, certificate, asks=asks)))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's event loop where there is one."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    import uvloop

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _serve(config: Config, certificate: Certificate | None, *, asks: bool) -> int:
    """Runs the server until a signal ends it. Returns the exit code."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if certificate is not None:
        with contextlib.suppress(AttributeError, NotImplementedError):  # Windows has no SIGHUP
            loop.add_signal_handler(signal.SIGHUP, _reload, certificate)
    signalling = Signalling(config)
    # Clients are let go by Signalling.close; what aiohttp would still wait for then isn't worth waiting for.
    runner = web.AppRunner(signalling.aiohttp_app(), shutdown_timeout=1.0)
    try:
        try:
            await runner.setup()
        except StoreError as error:
            click.echo(f"cannot keep webhooks in {error}", err=True)
            return _CANNOT_START
        context = certificate.context if certificate is not None else None
        site = web.TCPSite(runner, config.host, config.port, ssl_context=context)
        try:
            await site.start()
        except OSError as error:
            click.echo(
                f"cannot listen on {config.host}:{config.port}: {error.strerror or error}. "
                "Choose another --port or --host, or stop what is using it.",
                err=True,
            )
            return _CANNOT_START
        admits = "asks for tokens" if asks else "OPEN: no admission control, everyone who reaches it may join"
        click.echo(f"eitherway serves {_url(runner, 'http' if context is None else 'https')} ({admits})")
        await ended.wait()
        await signalling.close()  # before aiohttp begins to: from then on it hears no client any longer
    finally:
        await runner.cleanup()
    return 0


def _reload(certificate: Certificate) -> None:
    try:
        certificate.reload()
    except ValueError as error:
        log.error("goes on with the certificate that it has: %s", error)
    else:
        log.info("read the certificate again")


def _url(runner: web.AppRunner, scheme: str) -> str:
    host, port = runner.addresses[0][:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
