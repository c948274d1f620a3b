"""Every option of the server and every limit that an operator may set, with its default.

The command's flags and the EITHERWAY_* variables are both made from this one struct: `max_peers` is `--max-peers`
and `EITHERWAY_MAX_PEERS`. Sizes are in bytes, times in seconds.
"""

import os
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Self

import msgspec

from signalling.logs import LogFormat

PREFIX: Final = "EITHERWAY_"


def _option(description: str, **constraints: Any) -> msgspec.Meta:
    return msgspec.Meta(description=description, **constraints)


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The server's options. The struct itself checks nothing; `from_env` and `changed` raise ValueError."""

    host: Annotated[str, _option("Address to listen on; 0.0.0.0 is every one of IPv4, an empty text every one.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, _option("TCP port to listen on; 0 takes any free one.", ge=0, le=65_535)] = 8080
    origins: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9+.-]*://[^\s/?#@]+/?$")], ...],
        _option(
            "Origin (scheme://host[:port]) of pages that may use the server, or by which peers may dial it; again for "
            "each. None: every origin."
        ),
    ] = ()
    tls_cert: Annotated[
        str, _option("PEM file of a certificate and those that lead up from it: serve https. Read again on SIGHUP.")
    ] = ""
    tls_key: Annotated[str, _option("PEM file of the certificate's private key, if it is not in the same file.")] = ""
    trust_forwarded: Annotated[
        bool, _option("Behind a reverse proxy: believe X-Forwarded-For about a client's address.")
    ] = False

    token_secret: Annotated[
        tuple[str, ...],
        _option(
            "Secret of 32 bytes or more that tokens are signed with; again for a change of secrets, the new one "
            "first. The variable is seen by fewer."
        ),
    ] = ()
    token_key: Annotated[
        tuple[str, ...],
        _option("File of a key for tokens: a secret, a PEM key (RSA or Ed25519), a JWK or a JWK Set; again for more."),
    ] = ()
    token_audience: Annotated[str, _option("What tokens must name in `aud`. None: tokens without it alone.")] = ""
    open: Annotated[
        bool, _option("Listen on more than loopback though no token is asked for: let in everyone who gets there.")
    ] = False
    log_format: Annotated[
        LogFormat, _option("Lines of the log: `text`, or `json`, an object each, with ids as fields.")
    ] = "text"

    stun: Annotated[bool, _option("Answer STUN binding requests on UDP, and tell peers of it.")] = True
    stun_port: Annotated[int, _option("UDP port of the STUN responder; 0 takes any free one.", ge=0, le=65_535)] = 3478
    ice_servers: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern=r"^(stun|turn)s?:[^\s/]+$")], ...],
        _option("URL of a further STUN or TURN server (stun:host:port) to tell peers of; again for each."),
    ] = ()
    turn_secret: Annotated[
        str,
        _option("Secret shared with the TURN servers (coturn: static-auth-secret). The variable is seen by fewer."),
    ] = ""
    turn_lifetime: Annotated[
        float, _option("How long a credential for the TURN servers holds; peers ask for fresh ones before.", ge=1)
    ] = 43_200.0

    grace: Annotated[float, _option("How long a member that lost its connection may take to come back.", ge=0)] = 30.0
    ping_interval: Annotated[float, _option("How often each client is pinged.", ge=1)] = 7.0
    ping_timeout: Annotated[float, _option("How long a client may take to answer a ping.", ge=1)] = 7.0
    hello_timeout: Annotated[float, _option("How long a new connection may take to greet the server.", gt=0)] = 10.0
    slow_timeout: Annotated[float, _option("A client whose outbox stays full for this long is cut off.", gt=0)] = 15.0
    drain_timeout: Annotated[
        float, _option("At the end, how long clients may take to read what waits for them.", ge=0, le=6)
    ] = 5.0
    reconnect_after: Annotated[float, _option("When clients are asked to come back after a shutdown.", ge=0)] = 1.0

    outbox_bytes: Annotated[
        int, _option("Bytes that may wait for one client; beyond that its senders are told `busy`.", ge=131_072)
    ] = 4_194_304
    message_bytes: Annotated[int, _option("Bytes in one WebSocket message or one polling request.", ge=131_072)] = (
        2_000_000
    )
    guests: Annotated[
        bool, _option("Let programs join that hold no key, if they may at all: to signal in the clear, nothing else.")
    ] = True
    max_peers: Annotated[int, _option("Peers in one room, those that are away included.", ge=1)] = 1_000
    max_rooms: Annotated[int, _option("Rooms that one client may be in.", ge=1)] = 64
    max_connections: Annotated[int, _option("Connections from one address.", ge=1)] = 1_024
    event_rate: Annotated[
        float, _option("Events a second from one client; posts over HTTP from one address, and of one user.", gt=0)
    ] = 5_000.0
    event_burst: Annotated[int, _option("Events, or posts, at once, likewise.", ge=1)] = 10_000
    relay_rate: Annotated[float, _option("Relayed bytes a second from one client.", gt=0)] = 256_000_000.0
    relay_burst: Annotated[int, _option("Relayed bytes from one client at once.", ge=1_000_000)] = 64_000_000

    post_bytes: Annotated[int, _option("Bytes of JSON in one post to a room's feed.", ge=1_024)] = 8_000_000
    history_posts: Annotated[int, _option("Posts that a room keeps for those who come back.", ge=1)] = 10_000
    history_bytes: Annotated[int, _option("Bytes of posts that a room keeps; the newest one always.", ge=65_536)] = (
        33_554_432
    )
    history_age: Annotated[float, _option("How long a room keeps a post.", gt=0)] = 3_600.0
    max_feeds: Annotated[int, _option("Rooms that have a feed at a time.", ge=1)] = 10_000
    feeds_bytes: Annotated[
        int, _option("Bytes of posts that all rooms keep; beyond that the quietest forget first.", ge=1_000_000)
    ] = 536_870_912

    max_streams: Annotated[int, _option("Streams and long-polls of feeds over HTTP, from one address.", ge=1)] = 1_024
    max_all_streams: Annotated[int, _option("The same, from all addresses together.", ge=1)] = 10_000

    webhook: Annotated[
        tuple[str, ...], _option("URL that is told of what happens in rooms, by HTTP requests; again for each.")
    ] = ()
    webhook_secret: Annotated[
        tuple[str, ...],
        _option(
            "Secret (whsec_ and base64) that webhooks are signed with; again for a change of secrets: each signs. The "
            "variable is seen by fewer."
        ),
    ] = ()
    webhook_topics: Annotated[
        tuple[str, ...],
        _option("Pattern of topics (orders.*) whose posts webhooks tell of; again for each. None: of no posts."),
    ] = ()
    webhook_events: Annotated[
        tuple[str, ...], _option("Type of event (peer.joined) that webhooks tell of; again for each. None: every type.")
    ] = ()
    webhook_store: Annotated[
        str, _option("SQLite file that keeps webhooks until they have arrived; `:memory:` keeps them while it runs.")
    ] = "eitherway-webhooks.db"
    webhook_allow_private: Annotated[
        bool, _option("Send webhooks to addresses that aren't public too: this machine, the network that it is in.")
    ] = False
    webhook_timeout: Annotated[
        float, _option("How long a receiver of webhooks may take for its answer.", ge=0.1, le=120)
    ] = 20.0
    webhook_backlog: Annotated[
        int, _option("Webhooks that are kept, dead letters included; beyond that these go first.", ge=100)
    ] = 100_000
    webhook_bytes: Annotated[int, _option("Bytes of webhooks that are kept, likewise.", ge=1_000_000)] = 268_435_456

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """The defaults, overridden by EITHERWAY_* variables. A list is separated by commas.

        Raises ValueError that names the variable.
        """
        given: dict[str, Any] = {}
        for field in msgspec.structs.fields(cls):
            name = PREFIX + field.name.upper()
            if name not in environ:
                continue
            text = environ[name].strip()
            given[field.name] = [part.strip() for part in text.split(",") if part.strip()] if is_list(field) else text
        try:
            return msgspec.convert(given, cls, strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(_say(error, lambda name: PREFIX + name.upper())) from None

    def changed(self, **options: Any) -> Self:
        """A copy with some options changed. Raises ValueError that names the option."""
        try:
            return msgspec.convert({**msgspec.to_builtins(self), **options}, type(self), strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(_say(error, lambda name: "--" + name.replace("_", "-"))) from None


def is_list(field: msgspec.structs.FieldInfo) -> bool:
    """Whether an option can be given more than once."""
    return isinstance(field.default, tuple)


def _say(error: msgspec.ValidationError, spell: Callable[[str], str]) -> str:
    """msgspec's message, which ends in "- at `$.name...`", with the option spelled as its giver knows it."""
    text, _, place = str(error).partition(" - at `$.")
    name = place.rstrip("`").partition("[")[0]
    return f"{spell(name)}: {text[0].lower()}{text[1:]}" if name else text
