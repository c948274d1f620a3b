"""`eitherway token --user USER --room ROOM`: makes a token for a server that asks for them."""

import re
from typing import Any, Final

import click

from signalling.access import GRANTS
from signalling.config import Config
from signalling.keys import Key, load_keys
from signalling.tokens import USUAL_GRANTS, create_token

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2
    """Seconds, spelled as 90s, 15m, 12h or 7d."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Fails with how it is spelled."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)([smhd])", str(value))
        if found is None or not float(found[1]):
            self.fail(f"{value!r} is not spelled like 90s, 15m, 12h or 7d", param, ctx)
        return float(found[1]) * _UNITS[found[2]]


@click.command(
    epilog="EITHERWAY_TOKEN_SECRET and EITHERWAY_TOKEN_KEY are those of the server. A secret is no option here, since "
    "others on this machine can see a command line."
)
@click.option("--user", required=True, help="Who it is for: others see it beside the member.")
@click.option(
    "--room",
    "rooms",
    multiple=True,
    required=True,
    help="A room that it is for, * stands for any text; again for each.",
)
@click.option(
    "--grant",
    "grants",
    type=click.Choice(sorted(GRANTS)),
    multiple=True,
    default=USUAL_GRANTS,
    show_default=True,
    help="What it allows; again for each.",
)
@click.option(
    "--for", "lifetime", type=Duration(), default="1h", show_default=True, help="How long: 90s, 15m, 12h, 7d."
)
@click.option(
    "--attribute", "attributes", multiple=True, metavar="NAME=TEXT", help="What others see beside it; again for each."
)
@click.option("--audience", envvar="EITHERWAY_TOKEN_AUDIENCE", help="The server's --token-audience, if it has one.")
@click.option(
    "--key",
    "file",
    type=click.Path(dir_okay=False),
    help="File of the key to sign with: a secret, a PEM private key or a JWK.",
)
def token(
    user: str,
    rooms: tuple[str, ...],
    grants: tuple[Any, ...],
    lifetime: float,
    attributes: tuple[str, ...],
    audience: str | None,
    file: str | None,
) -> None:
    """Make a token for a server that asks for them, and print it.

    It is signed with the key in a file, or the secret in EITHERWAY_TOKEN_SECRET.
    """
    try:
        made = create_token(
            _key(file),
            user=user,
            rooms=rooms,
            grants=grants,
            lifetime=lifetime,
            attributes=_attributes(attributes),
            audience=audience or "",
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    click.echo(made)


def _key(file: str | None) -> Key:
    """Raises ValueError."""
    config = Config.from_env()
    keys = load_keys((), [file]) if file else load_keys(config.token_secret, config.token_key)
    if not keys:
        raise ValueError("nothing to sign with: set EITHERWAY_TOKEN_SECRET to the server's secret, or give --key FILE")
    return next((key for key in keys if key.signing is not None), keys[0])


def _attributes(given: tuple[str, ...]) -> dict[str, str]:
    """Raises ValueError."""
    found = {}
    for each in given:
        name, sign, text = each.partition("=")
        if not name or not sign:
            raise ValueError(f"--attribute: {each!r} is not spelled like role=teacher")
        found[name] = text
    return found
