"""Which webhooks are kept, and which go when there is no room: no I/O."""

from collections import OrderedDict
from collections.abc import Iterator


class Kept:
    """The sizes of all that are kept, waiting or dead, bounded in number and in bytes."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._sizes: dict[int, int] = {}
        self._dead: OrderedDict[int, None] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._sizes)

    def __contains__(self, number: int) -> bool:
        return number in self._sizes

    @property
    def dead(self) -> int:
        """How many dead letters there are."""
        return len(self._dead)

    @property
    def full(self) -> bool:
        """Whether there are more than there is room for."""
        return len(self._sizes) > self._most or self.bytes > self._most_bytes

    def add(self, number: int, size: int) -> None:
        """There is another one."""
        self._sizes[number] = size
        self.bytes += size

    def remove(self, number: int) -> None:
        """One is gone."""
        self.bytes -= self._sizes.pop(number, 0)
        self._dead.pop(number, None)

    def bury(self, number: int) -> None:
        """One is a dead letter now."""
        self._dead[number] = None

    def is_dead(self, number: int) -> bool:
        """Whether this is a dead letter."""
        return number in self._dead

    def replay(self, old: int, new: int) -> None:
        """A dead letter waits again, under another number."""
        size = self._sizes[old]
        self.remove(old)
        self.add(new, size)

    def surplus(self) -> Iterator[int]:
        """Dead letters that are to go, the oldest first, for as long as there is no room. They are forgotten here."""
        while self.full and self._dead:
            number = next(iter(self._dead))
            self.remove(number)
            yield number
