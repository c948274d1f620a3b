"""The link to one peer in one room: one session over up to two paths."""

from peers.link.link import Link, LinkStats
from peers.link.outlets import DEFAULT, Key
from peers.link.received import Received

__all__ = ["DEFAULT", "Key", "Link", "LinkStats", "Received"]
