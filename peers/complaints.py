"""Lines in the log that repeat themselves: the first few of a kind as they are, then how many more there were.

What there is to complain of is often in a peer's hands: a handler that raises at every message would fill the disk.
"""

import asyncio
import logging
from typing import Final

FIRST: Final = 5
"""Lines of a kind that are written as they come."""
EVERY: Final = 10.0
"""Seconds between lines that say how many more of a kind there were; one that was quiet for so long is new again."""
KINDS: Final = 100
"""Kinds that are told apart at a time; all others together are one more."""
OTHERS: Final = "of other kinds"


class _Kind:
    """What has been said of one kind since it was last quiet, and what was not."""

    def __init__(self, level: int) -> None:
        self.level, self.said, self.left_out = level, 0, 0
        self.timer: asyncio.TimerHandle | None = None


class Complaints:
    """What is to be said in `log`, within bounds. `who`: how a line begins that says how many were left out."""

    def __init__(self, log: logging.Logger, who: str = "") -> None:
        self._log, self._who = log, who
        self._kinds: dict[str, _Kind] = {}

    def say(self, kind: str, level: int, text: str, *args: object, error: BaseException | None = None) -> None:
        """Log a line, with the traceback of `error`, unless there were too many of its `kind` of late."""
        if kind not in self._kinds and len(self._kinds) >= KINDS:
            kind = OTHERS
        if (known := self._kinds.get(kind)) is None:
            known = self._kinds[kind] = _Kind(level)
            self._look_later(kind, known)
        if known.said < FIRST:
            known.said += 1
            self._log.log(level, text, *args, exc_info=error)
        else:
            known.left_out += 1

    def close(self) -> None:
        """Say what was left out and has not been told."""
        for kind, known in self._kinds.items():
            if known.timer is not None:
                known.timer.cancel()
            self._tell(kind, known)
        self._kinds.clear()

    # ---- inside

    def _look_later(self, kind: str, known: _Kind) -> None:
        known.timer = asyncio.get_running_loop().call_later(EVERY, self._look, kind, known)

    def _look(self, kind: str, known: _Kind) -> None:
        if known.left_out:
            self._tell(kind, known)
            self._look_later(kind, known)
        else:
            del self._kinds[kind]

    def _tell(self, kind: str, known: _Kind) -> None:
        if known.left_out:
            self._log.log(known.level, "%s%d more lines were left out here: %s", self._who, known.left_out, kind)
            known.left_out = 0
