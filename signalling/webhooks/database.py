"""The webhooks that are kept on disk, in SQLite. Everything here blocks: it is called in a thread of its own."""

import os
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

IN_MEMORY: Final = ":memory:"
_VERSION: Final = 1
_APPLICATION: Final = 0x65697468
"""In the file's header: this is one of ours."""

_SCHEMA: Final = """
CREATE TABLE webhook (
    number INTEGER PRIMARY KEY,
    endpoint TEXT NOT NULL,
    room TEXT NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    at INTEGER NOT NULL,
    body BLOB NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    dead INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT ''
)
"""


class StoreError(Exception):
    """The store cannot be read or written; the text says why."""


class Webhook(NamedTuple):
    """One event on its way to one endpoint. `at` is when it happened, in milliseconds of Unix time."""

    endpoint: str
    room: str
    id: str
    type: str
    at: int
    body: bytes


class State(NamedTuple):
    """What has become of one: how often it failed, whether for good, and why."""

    failures: int
    dead: bool
    error: str


class Waiting(NamedTuple):
    """One that was there when the server started."""

    number: int
    endpoint: str
    room: str
    size: int
    failures: int
    dead: bool


class Dead(NamedTuple):
    """A dead letter, without its body."""

    number: int
    endpoint: str
    room: str
    id: str
    type: str
    at: int
    failures: int
    error: str


class Database:
    """A file of webhooks that this process alone uses. All of it raises StoreError."""

    def __init__(self, path: str) -> None:
        try:
            if path != IN_MEMORY:  # made for nobody else to read
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._sql = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{path}: {error}") from None
        try:
            self._prepare()
        except StoreError as error:
            self._sql.close()
            raise StoreError(f"{path}: {error}") from None
        except sqlite3.Error as error:
            self._sql.close()
            locked = "locked" in str(error)
            why = "another server uses it: name another file with --webhook-store" if locked else str(error)
            raise StoreError(f"{path}: {why}") from None

    def load(self) -> list[Waiting]:
        """All, oldest first."""
        rows = self._read("SELECT number, endpoint, room, length(body), failures, dead FROM webhook ORDER BY number")
        return [Waiting._make((*row[:5], bool(row[5]))) for row in rows]

    def write(
        self,
        added: Mapping[int, Webhook],
        changed: Mapping[int, State],
        removed: Iterable[int],
        moved: Mapping[int, int],
    ) -> None:
        """All of it or nothing, and on disk when it returns: first what was added, then changes. `moved` has dead
        letters that are to be tried again: their old numbers by their new ones.
        """
        try:
            self._sql.execute("BEGIN IMMEDIATE")
            try:
                self._sql.executemany(
                    "INSERT INTO webhook (number, endpoint, room, id, type, at, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    ((number, *webhook) for number, webhook in added.items()),
                )
                self._sql.executemany(
                    "UPDATE webhook SET number = ?, failures = 0, dead = 0, error = '' WHERE number = ?",
                    moved.items(),
                )
                self._sql.executemany(
                    "UPDATE webhook SET failures = ?, dead = ?, error = ? WHERE number = ?",
                    ((*state, number) for number, state in changed.items()),
                )
                self._sql.executemany("DELETE FROM webhook WHERE number = ?", ((number,) for number in removed))
                self._sql.execute("COMMIT")
            except BaseException:
                if self._sql.in_transaction:
                    self._sql.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StoreError(str(error)) from None

    def find(self, number: int) -> Webhook | None:
        """One that is kept."""
        rows = self._read("SELECT endpoint, room, id, type, at, body FROM webhook WHERE number = ?", number)
        return Webhook(*rows[0]) if rows else None

    def dead(self, after: int, most: int) -> list[Dead]:
        """Dead letters with higher numbers than `after`, oldest first."""
        rows = self._read(
            "SELECT number, endpoint, room, id, type, at, failures, error FROM webhook "
            "WHERE dead AND number > ? ORDER BY number LIMIT ?",
            after,
            most,
        )
        return [Dead(*row) for row in rows]

    def close(self) -> None:
        """Ends the use of it."""
        self._sql.close()

    def _read(self, question: str, *values: int) -> list[Any]:
        try:
            return self._sql.execute(question, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(str(error)) from None

    def _prepare(self) -> None:
        # One process has it at a time. Then SQLite also keeps the index of its log in memory of its own: one that is
        # mapped from a file would end the process when the disk is full.
        self._sql.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._sql.execute("PRAGMA journal_mode = WAL")
        # Each commit is on disk, so that what was acknowledged outlives a power cut too: commits are for groups.
        self._sql.execute("PRAGMA synchronous = FULL")
        self._sql.execute("PRAGMA journal_size_limit = 4194304")
        self._sql.execute("BEGIN IMMEDIATE")
        (tables,) = self._sql.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        (application,) = self._sql.execute("PRAGMA application_id").fetchone()
        (version,) = self._sql.execute("PRAGMA user_version").fetchone()
        if not tables:
            self._sql.execute(_SCHEMA)
            self._sql.execute("CREATE INDEX dead ON webhook (number) WHERE dead")
            self._sql.execute(f"PRAGMA application_id = {_APPLICATION}")
            self._sql.execute(f"PRAGMA user_version = {_VERSION}")
        elif (application, version) != (_APPLICATION, _VERSION):
            raise StoreError("this is not a store of webhooks of this version: name another file with --webhook-store")
        self._sql.execute("COMMIT")
