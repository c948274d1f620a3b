"""The command `eitherway`.

Exit codes: 0 all went well; 1 it did not (the server cannot be reached, the peer is gone before all was delivered);
2 the command line makes no sense; 3 refused (by the server, or a room that has two pipes already); 130 interrupted.
"""

from importlib import import_module
from typing import Any

import click

from peers.cli.stdio import keep_standard_descriptors

COMMANDS = {
    "demo": ("peers.cli.demo", "demo"),
    "serve": ("signalling.cli", "serve"),
    "token": ("peers.cli.token", "token"),
    "chat": ("peers.cli.chat", "chat"),
    "ping": ("peers.cli.ping", "ping"),
    "pipe": ("peers.cli.pipe", "pipe"),
    "bot": ("peers.cli.bot", "bot"),
    "webhooks": ("peers.cli.webhooks", "webhooks"),
    "doctor": ("peers.cli.doctor", "doctor"),
}


class Lazy(click.Group):
    """Loads a command's module when the command is used: help is quick, and `serve` needs nothing of the peers."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name]
        command: Any = getattr(import_module(module), attribute)
        return command if isinstance(command, click.Command) else None


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="eitherway")
def main() -> None:
    """Rooms of peers that talk directly when the network lets them, and over a server when it doesn't.

    \b
    Exit codes: 0 all went well, 1 it did not, 2 the command line makes no sense,
    3 refused, 130 interrupted.
    """
    keep_standard_descriptors()
