"""What every part of reading and writing has: a connection within a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Row
from sqlalchemy.sql import Executable

CHUNK = 1000
"""How many values one statement looks up, and how many rows a stream fetches at a time."""

T = TypeVar("T")


def chunks(values: Iterable[T]) -> Iterator[list[T]]:
    """`values` in lists of at most `CHUNK`, without repeats, in their first order."""
    unique = list(dict.fromkeys(values))
    for start in range(0, len(unique), CHUNK):
        yield unique[start : start + CHUNK]


class View:
    """A consistent view of a catalog for as long as its transaction lasts; for one thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _execute(self, statement: Executable, rows: Any = None) -> CursorResult[*tuple[Any, ...]]:
        return self._connection.execute(statement, rows)

    def _raw(self, query: Executable, batch: int) -> Iterator[Sequence[Sequence[Any]]]:
        """Plain columns of a great many rows, streamed in batches.

        SQLite's own rows are several times faster than SQLAlchemy's; other drivers stream only
        what SQLAlchemy asks them to.
        """
        if self._connection.dialect.name != "sqlite":
            yield from self._execute(query.execution_options(yield_per=batch)).partitions()
            return
        with self._execute(query) as result:
            while rows := result.cursor.fetchmany(batch):
                yield rows

    def _stream(self, query: Executable) -> Iterator[Row[*tuple[Any, ...]]]:
        yield from self._execute(query.execution_options(yield_per=CHUNK))
