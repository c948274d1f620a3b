"""The kind of NAT that this machine is behind, by how several servers see one socket (RFC 5780 section 4.3)."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

Address = tuple[str, int]
Mapping = Literal["none", "endpoint-independent", "address-dependent", "unknown"]


class Seen(NamedTuple):
    """How one server saw a socket."""

    server: Address
    local: Address
    """The socket's own address, as on the way to that server."""
    mapped: Address
    """What the server saw."""


def classify(seen: Sequence[Seen]) -> Mapping:
    """How the mapping depends on the destination.

    RFC 5780 tells address-dependent from address-and-port-dependent; for peers both come to the same. It is unknown if
    one server alone is beyond a NAT, since nothing can be compared, or if all of them are on this machine.
    """
    beyond = [one for one in seen if one.mapped != one.local]
    if not beyond:
        return "none" if any(one.server[0] != one.local[0] for one in seen) else "unknown"
    if len({one.mapped for one in beyond}) > 1:
        return "address-dependent"
    return "endpoint-independent" if len({one.server for one in beyond}) > 1 else "unknown"
