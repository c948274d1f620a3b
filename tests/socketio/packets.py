"""How packets are written in a namespace."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Namespace:
    """The name of a namespace. Packets name it, but for the main one."""

    name: str

    def packet(self, head: str, payload: str = "") -> str:
        """A packet: `head` is its type, and its number of attachments (`51-`); the payload may begin with an id."""
        return f"4{head}" + ("" if self.name == "/" else f"{self.name},") + payload


PLACEHOLDERS = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'
BYTES = (bytes([1, 2, 3]), bytes([4, 5, 6]))
