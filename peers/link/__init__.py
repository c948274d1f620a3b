"""The link to one peer in one room: one session over up to two paths."""

from peers.link.link import Link
from peers.link.outlets import DEFAULT, Key
from peers.link.received import Received
from peers.link.stats import LinkStats

__all__ = ["DEFAULT", "Key", "Link", "LinkStats", "Received"]
