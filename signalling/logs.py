"""Lines of the log: what happened, and which room, peer or client it happened to; as text, or as JSON for programs.

Whatever clients and other services choose stands in them, and forges no line in either format.
"""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any, Final, Literal

LogFormat = Literal["text", "json"]

_PLAIN: Final = re.compile(r"[\w.:/@+-]+", re.ASCII)
"""A value that needs no quotes."""


class Line:
    """What is given to a logger where there is more to say than a sentence: `log.info(Line("replaced", room=room))`.

    As text it is `replaced: room=lobby`; a formatter finds its parts in `record.msg`. A field that is None is left out.
    """

    def __init__(self, what: str, /, **fields: str | float | None) -> None:
        self.what = what
        self.fields = {name: value for name, value in fields.items() if value is not None}

    def __str__(self) -> str:
        fields = " ".join(f"{name}={_shown(value)}" for name, value in self.fields.items())
        return f"{self.what}: {fields}" if fields else self.what


class TextFormatter(logging.Formatter):
    """One line for people; what follows of an exception is indented."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return _printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return "\n".join("  " + _printable(line) for line in super().formatException(ei).split("\n"))


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time` (RFC 3339, UTC), `level`, `logger`, `message`, the fields of a `Line`, and
    `exception` if there is one. It is ASCII, so that no reader takes anything inside for the end of a line.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = record.msg if isinstance(record.msg, Line) else Line(record.getMessage())
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        said: dict[str, object] = {"time": time, "level": record.levelname, "logger": record.name, "message": line.what}
        said |= line.fields
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said)


def set_up(format: LogFormat) -> None:
    """Writes the process's log to its standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


def _shown(value: str | float) -> str:
    return repr(value) if isinstance(value, str) and not _PLAIN.fullmatch(value) else str(value)


def _printable(text: str) -> str:
    """A text with escapes for what would end a line, or change how others are shown."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
