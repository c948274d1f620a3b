"""For tests of programs that use this library: a real server, and a network that fails when told to.

With pytest they are fixtures, `eitherway_server` and `eitherway_network`; without it, context managers. Nothing here is
loaded before it is used, and nothing here needs pytest but `peers.testing.plugin`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peers.testing.network import Network as Network
    from peers.testing.server import Server as Server

_HOMES = {"Network": "network", "Server": "server"}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'peers.testing' has no attribute {name!r}")
    return getattr(import_module(f"peers.testing.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
