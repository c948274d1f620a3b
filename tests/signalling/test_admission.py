"""Which origins a proof may name."""

import pytest

from signalling.access import OPEN
from signalling.admission import check_join
from signalling.protocol.errors import ProtocolError
from signalling.protocol.events import Join
from tests.signalling.actor import Actor


def join(origin: str, host: str, origins: tuple[str, ...] = ()) -> None:
    actor = Actor(origin)
    proof = actor.proof("lobby", sid="sid")
    check_join(Join(**actor.join_fields("lobby", proof=proof)), access=OPEN, sid="sid", host=host, origins=origins)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://example.org", "example.org"),
        ("https://example.org", "example.org:443"),
        ("https://example.org:443", "example.org"),
        ("http://EXAMPLE.org/", "example.org"),
        ("http://[::1]:8080", "[::1]:8080"),
    ],
)
def test_without_configured_origins_it_is_the_dialled_host(origin: str, host: str) -> None:
    join(origin, host)
    with pytest.raises(ProtocolError, match="unauthorized"):
        join(origin, "other.example")


def test_configured_origins_decide_alone() -> None:
    origins = ("https://example.org", "http://10.0.0.1:8080")
    join("https://example.org:443", "whatever", origins)
    join("http://10.0.0.1:8080", "whatever", origins)
    with pytest.raises(ProtocolError, match="unauthorized"):
        join("http://evil.example", "evil.example", origins)
    with pytest.raises(ProtocolError, match="unauthorized"):
        join("http://example.org", "example.org", origins)
