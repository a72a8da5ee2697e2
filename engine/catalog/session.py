"""A session: the connection of one transaction, and how its parts put their statements."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from numbers import Integral, Real
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Row, Select, text
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql import Executable

from ..errors import GalleryError
from . import sqlite

CHUNK = 1000
"""How many values one statement looks up, and how many rows a stream fetches at a time."""

RAW_BATCH = 100_000
"""How many plain rows are fetched at a time."""

T = TypeVar("T")


def chunks(values: Iterable[T]) -> Iterator[list[T]]:
    """`values` in lists of at most `CHUNK`, without repeats, in their first order."""
    unique = list(dict.fromkeys(values))
    for start in range(0, len(unique), CHUNK):
        yield unique[start : start + CHUNK]


def id_chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    """`chunks` of those that can be ids; nothing is there of the others, however large they are."""
    return chunks(int(value) for value in ids if can_be_id(value))


def can_be_id(value: Any) -> bool:
    """Whether a row could have that id: a positive whole number of 63 bits."""
    return isinstance(value, Integral) and 0 < int(value) < 1 << 63


def is_finite(value: object) -> bool:
    """Whether it is a number, and neither infinite nor not-a-number."""
    return isinstance(value, Real) and math.isfinite(value)


def bounded_limit(limit: int | None) -> int | None:
    """A count of rows asked for, as a statement takes it.

    Raises:
        GalleryError: it is negative.
    """
    if limit is not None and limit < 0:
        raise GalleryError(f"expected a count of 0 or more, but got {limit}")
    return None if limit is None else min(limit, (1 << 63) - 1)


class Session:
    """One transaction's connection, for one thread and for as long as the transaction lasts.

    The parts that read through it hold nothing else, and those that write only the `NewCommit`
    beside it; so each makes for itself the others that it needs.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def on_server(self) -> bool:
        """Whether the database is a PostgreSQL server's, and no SQLite file."""
        return self._connection.dialect.name == "postgresql"

    def execute(self, statement: Executable, rows: Any = None) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement, once or for each of `rows`."""
        return self._connection.execute(statement, rows)

    def batches(self, query: Executable, batch: int) -> Iterator[Sequence[Sequence[Any]]]:
        """Plain columns of a great many rows, streamed in batches.

        SQLite's own rows are several times faster than SQLAlchemy's; other drivers stream only
        what SQLAlchemy asks them to.
        """
        if self.on_server:
            yield from self.execute(query.execution_options(yield_per=batch)).partitions()
            return
        with self.execute(query) as result:
            while rows := result.cursor.fetchmany(batch):
                yield rows

    def rows(self, statement: str, **values: Any) -> Iterator[Sequence[Any]]:
        """The rows of a statement in plain SQL, whose `:names` are the values'."""
        if self.on_server:
            options = {"yield_per": RAW_BATCH}
            yield from self._connection.execute(text(statement), values, execution_options=options)
        else:
            file = self._connection.connection.driver_connection
            assert isinstance(file, sqlite.FileConnection)
            yield from file.execute(statement, values)

    def of_ids(
        self,
        query: Select[*tuple[Any, ...]],
        column: InstrumentedAttribute[int],
        ids: Iterable[int] | None,
    ) -> Iterator[Row[*tuple[Any, ...]]]:
        """The rows of a query, of the given ids or of all; ids not there are left out."""
        if ids is None:
            yield from self.execute(query)
            return
        for chunk in id_chunks(sorted(ids)):
            yield from self.execute(query.where(column.in_(chunk)))

    def stream(self, query: Executable) -> Iterator[Row[*tuple[Any, ...]]]:
        """The rows of a query, fetched as they are asked for."""
        yield from self.execute(query.execution_options(yield_per=CHUNK))
