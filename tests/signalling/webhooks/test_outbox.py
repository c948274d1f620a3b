"""What is kept: on disk soon, whole or not at all, and read again after the end of the process."""

import asyncio
import os
import sqlite3
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from signalling.webhooks import outbox as module
from signalling.webhooks.database import Database, State, StoreError, Waiting, Webhook
from signalling.webhooks.outbox import Outbox
from tests.waiting import eventually


def webhook(text: str = "", room: str = "room") -> Webhook:
    return Webhook("http://a/", room, f"msg_{text}", "post", 1_000, text.encode())


Open = Callable[..., "asyncio.Future[tuple[Outbox, list[Waiting]]]"]


@pytest.fixture
async def boxes() -> AsyncIterator[list[Outbox]]:
    """Outboxes that are closed afterwards."""
    made: list[Outbox] = []
    yield made
    for box in made:
        await box.close()


async def opened(boxes: list[Outbox], path: str) -> tuple[Outbox, list[Waiting]]:
    box = Outbox(path, lambda number: None)
    boxes.append(box)
    return box, await box.open()


async def test_what_was_settled_is_there_again(boxes: list[Outbox], tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    box, waiting = await opened(boxes, path)
    assert waiting == []
    for number in range(1, 5):
        box.add(number, webhook(f"{number}"))
    await box.settled()
    box.remove(1)
    box.change(2, State(3, False, "no"))
    box.change(4, State(86, True, "never"))
    await box.close()
    box, waiting = await opened(boxes, path)
    assert [(w.number, w.failures, w.dead) for w in waiting] == [(2, 3, False), (3, 0, False), (4, 86, True)]
    assert await box.find(2) == webhook("2")
    assert await box.find(1) is None
    (dead,) = await box.dead(0, 10)
    assert (dead.number, dead.id, dead.failures, dead.error) == (4, "msg_4", 86, "never")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


async def test_a_thousand_are_a_few_commits(
    boxes: list[Outbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = []
    write = Database.write

    def counted(self: Database, *arguments: object) -> None:
        commits.append(arguments)
        write(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Database, "write", counted)
    box, _ = await opened(boxes, str(tmp_path / "store.db"))
    for number in range(1_000):
        box.add(number, webhook(f"{number}"))
        if number % 10 == 0:
            await asyncio.sleep(0)
    await box.settled()
    assert len(commits) < 100
    assert sum(len(added) for added, *_ in commits) == 1_000  # type: ignore[arg-type, misc]


async def test_settled_does_not_wait_for_what_has_arrived(boxes: list[Outbox], tmp_path: Path) -> None:
    box, _ = await opened(boxes, str(tmp_path / "store.db"))
    box.add(1, webhook("1"))
    box.remove(1)
    await box.settled()
    assert await box.find(1) is None


async def test_a_dead_letter_moves_to_the_end(boxes: list[Outbox], tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    box, _ = await opened(boxes, path)
    for number in (1, 2):
        box.add(number, webhook(f"{number}"))
    box.change(1, State(86, True, "never"))
    assert len(await box.dead(0, 10)) == 1
    box.move(1, 3)
    assert await box.find(3) == webhook("1")
    assert await box.dead(0, 10) == []
    assert await box.find(3) == webhook("1")
    await box.close()
    _, waiting = await opened(boxes, path)
    assert [(w.number, w.failures, w.dead) for w in waiting] == [(2, 0, False), (3, 0, False)]


class Disk:
    """Takes nothing while it is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        write = Database.write

        def limited(database: Database, *arguments: object) -> None:
            # A real limit of SQLite's, not an error of ours: what it has may not grow.
            pages = database._sql.execute("PRAGMA page_count").fetchone()[0] if self.full else 1_000_000
            database._sql.execute(f"PRAGMA max_page_count = {pages}")
            write(database, *arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(Database, "write", limited)
        monkeypatch.setattr(module, "_AGAIN", 0.05)


async def test_a_full_disk_is_told_and_nothing_is_forgotten(
    boxes: list[Outbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    path = str(tmp_path / "store.db")
    box, _ = await opened(boxes, path)
    box.add(1, webhook("x" * 10_000))
    await box.settled()
    disk.full = True
    box.add(2, webhook("y" * 100_000))
    with pytest.raises(StoreError, match="full"):
        await box.settled()
    assert box.error is not None
    assert box.failures >= 1
    assert await box.find(2) == webhook("y" * 100_000)  # it can be sent all the same
    box.add(3, webhook("z" * 100_000))
    with pytest.raises(StoreError):
        await box.settled()
    box.remove(2)
    disk.full = False
    await box.settled()
    await eventually(lambda: box.error is None)
    await box.close()
    _, waiting = await opened(boxes, path)
    assert [w.number for w in waiting] == [1, 3]


async def test_while_the_disk_is_full_memory_is_bounded(
    boxes: list[Outbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    lost: list[int] = []
    box = Outbox(str(tmp_path / "store.db"), lost.append)
    boxes.append(box)
    await box.open()
    disk.full = True
    for number in range(400):
        box.add(number, webhook("x" * 100_000))
        await asyncio.sleep(0)
    assert lost
    assert len(set(lost)) == len(lost)
    with pytest.raises(StoreError):
        await box.settled()
    kept = [number for number in range(400) if await box.find(number) is not None]
    assert len(kept) + len(lost) == 400
    assert len(kept) * 100_000 < 2 * module._UNWRITTEN


async def test_two_servers_cannot_share_a_store(boxes: list[Outbox], tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    await opened(boxes, path)
    with pytest.raises(StoreError, match="another server uses it: name another file with --webhook-store"):
        await opened(boxes, path)


async def test_what_is_no_store_is_left_alone(boxes: list[Outbox], tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but something that somebody wrote\n" * 100)
    with pytest.raises(StoreError, match=r"notes\.txt: file is not a database"):
        await opened(boxes, str(text))
    other = tmp_path / "other.db"
    sql = sqlite3.connect(other)
    sql.execute("CREATE TABLE webhook (number INTEGER)")
    sql.commit()
    sql.close()
    with pytest.raises(StoreError, match="not a store of webhooks"):
        await opened(boxes, str(other))
    with pytest.raises(StoreError, match="No such file"):
        await opened(boxes, str(tmp_path / "nowhere" / "store.db"))


async def test_in_memory(boxes: list[Outbox]) -> None:
    box, _ = await opened(boxes, ":memory:")
    box.add(1, webhook("1"))
    await box.settled()
    assert await box.find(1) == webhook("1")


async def test_after_the_end_nobody_waits(boxes: list[Outbox], tmp_path: Path) -> None:
    box, _ = await opened(boxes, str(tmp_path / "store.db"))
    await box.close()
    box.add(1, webhook("1"))
    with pytest.raises(StoreError, match="closing"):
        await box.settled()


async def test_who_waits_for_what_arrives_meanwhile_is_told(boxes: list[Outbox], tmp_path: Path) -> None:
    box, _ = await opened(boxes, str(tmp_path / "store.db"))
    box.add(1, webhook("1"))
    while box._writing is None:
        await asyncio.sleep(0)
    box.add(2, webhook("2"))  # while that one is being written
    waiting = asyncio.ensure_future(box.settled())
    await asyncio.sleep(0)
    box.remove(2)
    async with asyncio.timeout(5):
        await waiting
