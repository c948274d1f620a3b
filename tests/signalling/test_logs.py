"""The log in both formats: ids are fields, and nobody forges a line."""

import asyncio
import contextlib
import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from signalling.logs import JsonFormatter, Line, LogFormat, TextFormatter
from tests.serving import COMMAND
from tests.signalling.actor import DEADLINE, Actor
from tests.signalling.http.reading import Api

HOSTILE = "a\n2026-01-01 00:00:00,000 ERROR signalling forged\r\x1b[2J\x00\x85\u2028\u2029\u202e\ud800\x7f\"'\\"
TEXT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ \S+ .+|  .*")
"""A line for people, or one of an exception."""


@contextlib.contextmanager
def written(formatter: logging.Formatter) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger, and what a handler makes of it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.Logger("signalling.example")
    logger.addHandler(handler)
    yield logger, stream


def say_everything(logger: logging.Logger, text: str) -> int:
    """Lines with a text in all places. Returns how many."""
    logger.info(text)
    logger.info("plain: %s and %r", text, text)
    logger.info(Line("of a room", room=text, peer="abc", sid=None, user="Ada L.", count=2, resumed=True))
    logger.info(Line(text))
    try:
        raise ValueError(text)
    except ValueError:
        logger.exception(Line("failed", room=text))
    return 5


def test_text_reads_well() -> None:
    with written(TextFormatter()) as (logger, stream):
        logger.info(Line("replaced", room="lobby", peer="abc", user=None, sid="x-Y_1", reason="too slow", count=3))
        logger.warning("nothing: %d", 1)
    lines = stream.getvalue().splitlines()
    assert re.fullmatch(
        r"[\d-]+ [\d:,]+ INFO signalling.example replaced: room=lobby peer=abc sid=x-Y_1 reason='too slow' count=3",
        lines[0],
    )
    assert lines[1].endswith(" WARNING signalling.example nothing: 1")


def test_json_has_ids_as_fields() -> None:
    with written(JsonFormatter()) as (logger, stream):
        logger.info(Line("replaced", room="lobby", peer="abc", user=None, count=3))
        logger.warning("nothing: %d", 1)
        say_everything(logger, HOSTILE)
    entries = [json.loads(line) for line in stream.getvalue().splitlines()]
    time = entries[0].pop("time")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)
    assert abs(datetime.fromisoformat(time) - datetime.now(UTC)) < timedelta(seconds=60)
    assert entries[0] == {
        "level": "INFO",
        "logger": "signalling.example",
        "message": "replaced",
        "room": "lobby",
        "peer": "abc",
        "count": 3,
    }
    assert entries[1]["message"] == "nothing: 1"
    assert "exception" not in entries[1]
    of_a_room, failed = entries[4], entries[6]
    assert (of_a_room["room"], of_a_room["user"], of_a_room["resumed"]) == (HOSTILE, "Ada L.", True)
    assert (failed["message"], failed["room"]) == ("failed", HOSTILE)
    assert failed["exception"].startswith("Traceback (most recent call last):\n")
    assert f"ValueError: {HOSTILE}" in failed["exception"]


def test_nobody_forges_a_line_of_text() -> None:
    with written(TextFormatter()) as (logger, stream):
        count = say_everything(logger, HOSTILE)
    lines = stream.getvalue().splitlines()  # which knows more ends of lines than most readers
    assert all(TEXT.fullmatch(line) for line in lines), lines
    assert sum(not line.startswith("  ") for line in lines) == count
    assert all(line.isprintable() for line in lines)


def test_nobody_forges_a_line_of_json() -> None:
    with written(JsonFormatter()) as (logger, stream):
        count = say_everything(logger, HOSTILE)
    assert stream.getvalue().isascii()
    assert [type(json.loads(line)) for line in stream.getvalue().splitlines()] == [dict] * count


def logged(format: LogFormat, lines: list[str]) -> list[dict[str, Any]]:
    """What the lines of a server's log say: the whole line as `message`, if they are text."""
    if format == "json":
        return [json.loads(line) for line in lines]
    assert all(TEXT.fullmatch(line) for line in lines), lines
    return [{"message": line} for line in lines]


@pytest.mark.parametrize("format", ["text", "json"])
async def test_a_hostile_name_in_the_log_of_a_server(format: LogFormat) -> None:
    room = "hall\u2028\x85\u202e"  # which names of rooms may have
    process = await asyncio.create_subprocess_exec(
        *(*COMMAND, "serve", "--port", "0", "--stun-port", "0", "--log-format", format),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE):
        line = (await process.stdout.readline()).decode()
    found = re.search(r"http://\S+", line)
    assert found, line
    actor = Actor(found[0])
    await actor.connect()
    await actor.join(room)
    async with Api(found[0]) as api:
        assert (await api.call("DELETE", f"/rooms/{quote(room)}/peers/{actor.id}"))[0] == 204
    await actor.close()
    process.terminate()
    async with asyncio.timeout(DEADLINE):
        _, errors = await process.communicate()
    entries = logged(format, errors.decode().splitlines())
    (removed,) = [entry for entry in entries if "removed" in entry["message"]]
    if format == "json":
        assert (removed["room"], removed["peer"]) == (room, actor.id)
        assert removed["logger"] == "signalling.membership"
    else:
        assert f"removed: room={room!r} peer={actor.id}" in removed["message"]
