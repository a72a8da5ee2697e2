"""Search in PostgreSQL with pgvector: no process holds the vectors, the database does.

Its table is shared by all processes that use the gallery. Whichever of them finds it behind
brings it up (`follow`), a step at a time, each step a transaction under one advisory lock; the
others see what has been done, or wait. So it may be ahead of what a process knows otherwise: ids
come and go here without that process's doing.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import GalleryError, ReadOnlyError, UnavailableError
from ..types import FloatArray, IntArray
from .base import (
    VectorIndex,
    VectorReader,
    already_there,
    as_ids,
    as_pairs,
    as_unit_rows,
    check_k,
    no_such_id,
)
from .pgvector_extension import Transaction, schema_of_types
from .pgvector_table import (
    Bitmap,
    TableState,
    VectorTable,
    drop_table,
    table_names,
)
from .sketched_index import StateReader

if TYPE_CHECKING:
    from sqlalchemy import Connection

LOGGER = logging.getLogger(__name__)
MOST_DIMENSIONS = 4000
BATCH = 4096
"""Vectors read and written at a time."""

FETCHED = 4096
"""So many vectors, and no more, are searched here instead of there."""


class Changes(NamedTuple):
    """What happened up to `generation`: ids that came and ids that went, `(n,) int64` each."""

    generation: int
    added: IntArray
    removed: IntArray


class Source(Protocol):
    """Where the vectors come from: the truth, of which the table is a copy."""

    def generation(self) -> int:
        """Grows with every change."""

    def changes_since(self, generation: int) -> Changes | None:
        """What has changed since; None where that isn't known any more."""

    def vectors(self, ids: IntArray) -> tuple[IntArray, FloatArray]:
        """The vectors of those of `ids` that are there still: ids and unit rows `(n, dim)`."""

    def vectors_after(self, example_id: int, count: int) -> tuple[IntArray, FloatArray]:
        """The first `count` vectors whose ids are greater, in ascending order."""


class PgvectorIndex(VectorIndex):
    """An index in a table of the database; approximate by its HNSW graph, re-scored exactly.

    Args:
        transaction: of the database that it lies in.
        space: the searched space's id, by which the table is named.

    Attributes:
        made: whether the table wasn't there and was filled by this process.

    Raises:
        GalleryError: pgvector isn't there, or can't search so many dimensions; says what to do.
    """

    def __init__(self, dimension: int, transaction: Transaction, *, space: str) -> None:
        super().__init__(dimension)
        if dimension > MOST_DIMENSIONS:
            raise GalleryError(
                f"expected a searched space of at most {MOST_DIMENSIONS:,} dimensions, as pgvector "
                f"can index, but got {dimension:,}; use the index `faiss`"
            )
        self._transaction = transaction
        types = schema_of_types(transaction)
        name = f"vectors_{hashlib.sha256(space.encode()).hexdigest()[:16]}"
        self._table = VectorTable(name, dimension, types)
        self._filling = VectorTable(f"{name}_new", dimension, types)
        self._size = 0
        self._looking = threading.Lock()
        self.made = False

    def make_empty(self) -> None:
        """Make the table, empty, for use without a source; nothing where it is there already."""
        with self._writing() as connection:
            if self._table.state(connection) is None:
                self._table.create(connection, 0)
                self._table.build_graph(connection)

    def exists(self) -> bool:
        """Whether the table is there still: others may do without it, or search another space."""
        with self._transaction() as connection:
            return self._table.state(connection) is not None

    def follow(self, source: Source, *, make: bool = True) -> None:
        """Bring the table up to its source, made and filled if need be; or see that others did.

        Where this process may not write, the table stays as it is.

        Args:
            make: whether it is made where there is none.

        Raises:
            ReadOnlyError: there is no table, and this process may not make one.
            UnavailableError: there is none, and it isn't to be made.
        """
        while not self._is_up_to(source):
            try:
                with self._transaction(write=True) as connection:
                    if not make:
                        self._state(connection)
                    self._step(connection, source)
            except ReadOnlyError as error:
                with self._transaction() as connection:
                    if self._table.state(connection) is None:
                        raise ReadOnlyError(
                            f"{error}; the table for searching with pgvector must be made first, "
                            "by a process that may write"
                        ) from error
                LOGGER.info("searching the table as it is: %s", error)
                return

    def rebuild(self, source: Source) -> None:
        """Fill another table, and put it in the place of this one, which serves until then."""
        with self._transaction(write=True) as connection:
            self._begin(connection, source)
        filling = True
        while filling:
            with self._transaction(write=True) as connection:
                filling = self._fill(connection, source)
        self.follow(source)

    def reader(self) -> PgvectorIndex:
        return self  # the table is everybody's: whoever reads it filters what it knows nothing of

    def __len__(self) -> int:
        """As of when this process last wrote or followed, so that a search needn't ask."""
        return self._size

    def ids(self) -> IntArray:
        with self._transaction() as connection:
            return self._table.all_ids(connection)

    def contains(self, ids: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        wanted = as_ids(ids, distinct=False)
        with self._transaction() as connection:
            return np.isin(wanted, self._table.held(connection, wanted))

    def add(self, ids: npt.ArrayLike, vectors: npt.ArrayLike) -> None:
        new_ids, new_rows = as_pairs(ids, vectors, self.dimension)
        with self._writing() as connection:
            for example_id in self._table.held(connection, new_ids):
                raise already_there(int(example_id))
            self._table.insert(connection, new_ids, new_rows)
            self._grow(connection, new_ids.size)

    def remove(self, ids: npt.ArrayLike) -> None:
        gone = as_ids(ids)
        with self._writing() as connection:
            for example_id in np.setdiff1d(gone, self._table.held(connection, gone)):
                raise no_such_id(int(example_id))
            self._table.delete(connection, gone)
            self._grow(connection, -gone.size)

    def search(self, queries: npt.ArrayLike, k: int) -> tuple[FloatArray, IntArray]:
        return self.search_among(None, queries, k)

    def nearly_same(self, queries: npt.ArrayLike, k: int) -> tuple[FloatArray, IntArray]:
        return self.search(queries, k)  # a walk of the graph costs the same

    def search_among(
        self, some: Bitmap | None, queries: npt.ArrayLike, k: int
    ) -> tuple[FloatArray, IntArray]:
        """`search` among those ids alone; among all of them where that is None."""
        check_k(k)
        unit_queries = as_unit_rows(queries, self.dimension, what="queries")
        similarities = np.full((len(unit_queries), k), -np.inf, np.float32)
        ids = np.full((len(unit_queries), k), -1, np.int64)
        with self._transaction() as connection:
            found = self._table.search(connection, unit_queries, k, among=some)
            size = self._state(connection).size if some is None else some.size
            if found and min(map(len, found)) < min(k, size):
                found = self._table.search(connection, unit_queries, k, among=some, exactly=True)
        for place, rows in enumerate(found):
            ids[place, : len(rows)] = [row[0] for row in rows]
            similarities[place, : len(rows)] = [row[1] for row in rows]
        return similarities, ids

    def vectors(self, ids: npt.ArrayLike) -> FloatArray:
        wanted = as_ids(ids, distinct=False)
        with self._transaction() as connection:
            found = self._table.vectors(connection, wanted)
        for example_id in wanted.tolist():
            if example_id not in found:
                raise no_such_id(example_id)
        return self._stacked([found[i] for i in wanted.tolist()])

    def held(self, ids: IntArray) -> tuple[IntArray, FloatArray]:
        with self._transaction() as connection:
            found = self._table.vectors(connection, ids)
        kept = [i for i in ids.tolist() if i in found]
        return np.array(kept, np.int64), self._stacked([found[i] for i in kept])

    def among(self, ids: IntArray) -> VectorReader:
        """Few are fetched and compared exactly; of more, the graph is walked past the others."""
        if ids.size <= FETCHED:
            return StateReader.of_vectors(*self.held(ids))
        return _Some(self, ids)

    def describe(self) -> dict[str, Any]:
        with self._transaction() as connection:
            state = self._state(connection)
            megabytes = self._table.megabytes(connection)
        return {
            "kind": "approximate",
            "size": state.size,
            "dimension": self.dimension,
            "table": self._table.name,
            "generation": state.generation,
            "megabytes": round(megabytes, 1),
        }

    def compact(self) -> None:
        pass  # the server's vacuum does it

    def _is_up_to(self, source: Source) -> bool:
        with self._looking:
            with self._transaction() as connection:
                state = self._table.state(connection)
            self._size = 0 if state is None else state.size
        return state is not None and state.generation == source.generation()

    def _step(self, connection: Connection, source: Source) -> None:
        state = self._table.state(connection)
        changes = None if state is None else source.changes_since(state.generation)
        if changes is not None:
            self._apply(connection, source, changes)
        elif self._can_be_filled(connection, source):
            self._fill(connection, source)
        else:
            self._begin(connection, source)

    def _apply(self, connection: Connection, source: Source, changes: Changes) -> None:
        gone = self._table.held(connection, changes.removed)
        self._table.delete(connection, gone)
        fresh = np.setdiff1d(changes.added, changes.removed)
        fresh = np.setdiff1d(fresh, self._table.held(connection, fresh))
        grown = -gone.size
        for start in range(0, fresh.size, BATCH):
            ids, rows = source.vectors(fresh[start : start + BATCH])
            self._table.insert(connection, ids, rows)
            grown += ids.size
        self._table.note(connection, generation=changes.generation, grown=grown)

    def _can_be_filled(self, connection: Connection, source: Source) -> bool:
        state = self._filling.state(connection)
        return state is not None and source.changes_since(state.generation) is not None

    def _begin(self, connection: Connection, source: Source) -> None:
        """Start to fill a table, as of now; what changes meanwhile is applied at the end."""
        self._filling.drop(connection)
        self._filling.create(connection, source.generation())
        LOGGER.info("the database's table for searching with pgvector is made anew")

    def _fill(self, connection: Connection, source: Source) -> bool:
        """One batch, or when all are there the graph; whether there is more to do."""
        state = self._filling.state(connection)
        if state is None:
            return False  # another process was faster
        ids, rows = source.vectors_after(self._filling.last_id(connection), BATCH)
        if ids.size:
            self._filling.insert(connection, ids, rows)
            self._filling.note(connection, generation=state.generation, grown=ids.size)
            return True
        LOGGER.info("the graph over %d vectors is being made in the database", state.size)
        self._filling.build_graph(connection)
        self._filling.take_place_of(connection, self._table)
        self.made = True
        return False

    def _state(self, connection: Connection) -> TableState:
        state = self._table.state(connection)
        if state is None:
            raise UnavailableError(
                f"expected the table {self._table.name} to search in, but it is gone; open the "
                "gallery again, which makes it anew"
            )
        return state

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction that changes the table; its size is known here when it has committed.

        Whoever notes the size looks for it while it holds `_looking`: a search, whose view of the
        table may be an old one by the time that it ends, must not.
        """
        with self._looking:
            with self._transaction(write=True) as connection:
                yield connection
                size = self._state(connection).size
            self._size = size

    def _grow(self, connection: Connection, grown: int) -> None:
        generation = self._state(connection).generation
        self._table.note(connection, generation=generation, grown=grown)

    def _stacked(self, rows: list[FloatArray]) -> FloatArray:
        return np.stack(rows) if rows else np.empty((0, self.dimension), np.float32)


class _Some(VectorReader):
    """Reads some of a table's vectors; those that are removed from it are found no more."""

    def __init__(self, index: PgvectorIndex, ids: IntArray) -> None:
        super().__init__(index.dimension)
        self._index = index
        self._ids = np.sort(ids)
        self._bitmap = Bitmap.of(self._ids)

    def __len__(self) -> int:
        return self._ids.size

    def ids(self) -> IntArray:
        return self._ids[self._index.contains(self._ids)]

    def contains(self, ids: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        wanted = as_ids(ids, distinct=False)
        return np.isin(wanted, self._ids) & self._index.contains(wanted)

    def search(self, queries: npt.ArrayLike, k: int) -> tuple[FloatArray, IntArray]:
        return self._index.search_among(self._bitmap, queries, k)

    def vectors(self, ids: npt.ArrayLike) -> FloatArray:
        wanted = as_ids(ids, distinct=False)
        for example_id in wanted[~np.isin(wanted, self._ids)]:
            raise no_such_id(int(example_id))
        return self._index.vectors(wanted)

    def among(self, ids: IntArray) -> VectorReader:
        return self._index.among(np.intersect1d(ids, self._ids))

    def describe(self) -> dict[str, Any]:
        return self._index.describe() | {"size": len(self)}


def has_table(transaction: Transaction) -> bool:
    """Whether the database holds a table that an index searches."""
    with transaction() as connection:
        return any(not name.endswith("_new") for name in table_names(connection))


def drop_tables(transaction: Transaction) -> None:
    """Remove every table that an index fills or searches."""
    with transaction(write=True) as connection:
        for name in table_names(connection):
            drop_table(connection, name)
