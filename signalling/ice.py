"""The ICE servers that a newcomer is told of, and its credentials for those that relay."""

import base64
import hmac
import math
from urllib.parse import urlsplit

from signalling.config import Config
from signalling.protocol.events import IceServer


def ice_servers(config: Config, *, stun_port: int | None, host: str, peer: str, now: float) -> list[IceServer]:
    """The configured ones, after our own STUN responder under the name that the client dialled (a Host header).

    `peer` is whom credentials are minted for, `now` the wall clock in seconds. TURN servers come without a credential
    if there is no secret to make one with.
    """
    turn = [url for url in config.ice_servers if is_turn(url)]
    servers = [IceServer(urls=[url]) for url in config.ice_servers if not is_turn(url)]
    name = _hostname(host)
    if stun_port is not None and name:
        servers.insert(0, IceServer(urls=[f"stun:{name}:{stun_port}"]))
    if turn and config.turn_secret:
        expiry = math.ceil(now + config.turn_lifetime)
        username, credential = mint(config.turn_secret, expiry, peer)
        servers.append(
            IceServer(urls=turn, username=username, credential=credential, lifetime=config.turn_lifetime),
        )
    elif turn:
        servers.append(IceServer(urls=turn))
    return servers


def mint(secret: str, expiry: int, name: str) -> tuple[str, str]:
    """User name and credential for TURN servers that share a secret with us, until `expiry` (Unix time).

    This is the form of draft-uberti-behave-turn-rest-00, which coturn calls use-auth-secret.
    """
    username = f"{expiry}:{name}"
    digest = hmac.digest(secret.encode(), username.encode(), "sha1")
    return username, base64.b64encode(digest).decode()


def is_turn(url: str) -> bool:
    """Whether a URL is one of RFC 7065: a server that relays."""
    return url.startswith(("turn:", "turns:"))


def _hostname(host: str) -> str | None:
    """The host without its port; an IPv6 address keeps its brackets (RFC 7064)."""
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return None
    return f"[{name}]" if name and ":" in name else name
