"""The peer library: rooms of peers, over WebRTC data channels or over the server.

Names are loaded when they are first used (PEP 562), so that importing the package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peers.bot import Bot as Bot
    from peers.channel import Channel as Channel
    from peers.channel import Message as Message
    from peers.client import Client as Client
    from peers.errors import ConnectionFailed as ConnectionFailed
    from peers.errors import EitherwayError as EitherwayError
    from peers.errors import NotInRoom as NotInRoom
    from peers.errors import Refused as Refused
    from peers.errors import TooLarge as TooLarge
    from peers.errors import Undelivered as Undelivered
    from peers.feed import Feed as Feed
    from peers.feed_watch import Post as Post
    from peers.feed_watch import Watch as Watch
    from peers.guests import Guest as Guest
    from peers.identity import Identity as Identity
    from peers.peer import Peer as Peer
    from peers.room import Room as Room

_HOMES = {
    "Bot": "bot",
    "Channel": "channel",
    "Client": "client",
    "ConnectionFailed": "errors",
    "EitherwayError": "errors",
    "Feed": "feed",
    "Guest": "guests",
    "Identity": "identity",
    "Message": "channel",
    "NotInRoom": "errors",
    "Peer": "peer",
    "Post": "feed_watch",
    "Refused": "errors",
    "Room": "room",
    "TooLarge": "errors",
    "Undelivered": "errors",
    "Watch": "feed_watch",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'peers' has no attribute {name!r}")
    value = getattr(import_module(f"peers.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
