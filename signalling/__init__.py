"""The signalling server: admits clients, keeps rosters, brokers signals, relays sealed packets."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from signalling.app import Signalling
    from signalling.config import Config
    from signalling.tokens import create_token

__all__ = ["Config", "Signalling", "create_token"]


def __getattr__(name: str) -> Any:
    """Loads the server on first use (PEP 562): peers import this package for its protocol alone."""
    if name == "Signalling":
        from signalling.app import Signalling

        return Signalling
    if name == "Config":
        from signalling.config import Config

        return Config
    if name == "create_token":
        from signalling.tokens import create_token

        return create_token
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
