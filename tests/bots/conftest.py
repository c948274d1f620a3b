"""A server, clients, and the assurance that nothing of them or of bots remains."""

from tests.peers.conftest import connect, nothing_remains, url

__all__ = ["connect", "nothing_remains", "url"]
