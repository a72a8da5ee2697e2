"""Reading a SQLite file in plain SQL, over connections that are kept for the next read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..forking import abandon, before_fork, in_forked_child
from . import sqlite


class FileSession:
    """One transaction of a file: the `PlainSession` of `engine.catalog.whole`."""

    on_server = False

    def __init__(self, connection: sqlite.FileConnection) -> None:
        self._connection = connection

    def rows(self, statement: str, **values: Any) -> Iterator[Sequence[Any]]:
        return self._connection.execute(statement, values)


class FileReads:
    """Connections to a file, each for one reading at a time; used by any number of threads.

    Raises what SQLite raises, and StorageError where the file is gone.
    """

    def __init__(self, path: Path, *, mode: str, timeout: float) -> None:
        self._path, self._mode, self._timeout = path, mode, timeout
        self._idle: list[sqlite.FileConnection] = []
        before_fork(self.close)
        in_forked_child(self._renew)

    @contextmanager
    def session(self) -> Iterator[FileSession]:
        """One consistent view of the file."""
        with self.connection() as connection:
            connection.execute("BEGIN")
            try:
                yield FileSession(connection)
            finally:
                connection.rollback()

    @contextmanager
    def connection(self) -> Iterator[sqlite.FileConnection]:
        """A connection outside any transaction, to be left so."""
        connection, idle = self._taken(), self._idle
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        idle.append(connection)

    def close(self) -> None:
        """Close the connections that nobody uses; the next read opens another."""
        while self._idle:
            self._idle.pop().close()

    def _renew(self) -> None:
        """Leave what another thread of the parent gave back meanwhile to the parent."""
        abandon(self._idle)
        self._idle = []

    def _taken(self) -> sqlite.FileConnection:
        while self._idle:
            connection = self._idle.pop()
            if not sqlite.outdated(self._path, connection):
                return connection
            connection.close()
        connection = sqlite.connect(self._path, mode=self._mode, timeout=self._timeout)
        sqlite.outdated(self._path, connection)  # which remembers what the file looks like now
        return connection
