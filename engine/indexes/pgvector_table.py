"""One table of vectors in PostgreSQL, and the SQL that fills and searches it through pgvector.

A searched space has one table, of `example_id` and `vector`, float32 as given. Its HNSW graph is
over half-precision copies: as good at finding, at half the size, and up to 4,000 dimensions; what
it finds is compared again in full. The table `vector_index` says of each how many vectors it holds
and up to which generation of its source. One that is being filled has another name and takes its
place at the end, so no search meets a half-filled one.

Everything here works within a transaction of the caller's. A table's name needs no quoting; the
schema of pgvector's types comes quoted.
"""

# ruff: noqa: S608 - names are made here, values are passed apart

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..types import FloatArray, IntArray
from .pgvector_copy import copy_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

NEIGHBOURS = 16
BUILD_EFFORT = 64
"""The graph's `m` and `ef_construction`, pgvector's defaults."""

CANDIDATES_PER_NEIGHBOUR, LEAST_CANDIDATES = 2, 64
"""So many are compared in full for each neighbour asked for, and at least."""

SEARCH_EFFORT_PER_NEIGHBOUR = 4
LEAST_SEARCH_EFFORT, MOST_SEARCH_EFFORT = 100, 1000
"""`hnsw.ef_search`; the server takes no more than 1,000."""

_OVERVIEW = "vector_index"

_AMONG = (
    "WHERE CASE WHEN example_id < 8 * length(%(bits)s::bytea) "
    "THEN get_bit(%(bits)s::bytea, example_id) = 1 ELSE false END "
)


@dataclass(frozen=True, slots=True)
class TableState:
    """What a table holds: up to which generation of its source, and how many vectors."""

    generation: int
    size: int


@dataclass(frozen=True, slots=True)
class Bitmap:
    """A set of ids, as the server looks them up for each row that it comes by.

    Attributes:
        size: how many there are.
        bits: of `example_id` the bit of that number, as PostgreSQL's `get_bit` counts them.
    """

    size: int
    bits: bytes

    @classmethod
    def of(cls, ids: IntArray) -> Bitmap:
        """The set of `ids (n,)`, distinct."""
        there = np.zeros(int(ids.max(initial=0)) + 1, np.bool_)
        there[ids] = True
        return cls(ids.size, np.packbits(there, bitorder="little").tobytes())


class VectorTable:
    """The vectors of one searched space.

    Args:
        name: the table's.
        types: the schema of pgvector's types, quoted.
    """

    def __init__(self, name: str, dimension: int, types: str) -> None:
        self.name = name
        self._vector = f"{types}.vector({dimension})"
        self._half = f"{types}.halfvec({dimension})"
        self._half_operators = f"{types}.halfvec_ip_ops"
        self._send = f"{types}.vector_send"
        self._product = f"OPERATOR({types}.<#>)"

    def state(self, connection: Connection) -> TableState | None:
        """What it holds; None where there is no such table."""
        if not has_overview(connection):
            return None
        row = connection.exec_driver_sql(
            f"SELECT generation, size FROM {_OVERVIEW} WHERE name = %s", (self.name,)
        ).one_or_none()
        return None if row is None else TableState(int(row[0]), int(row[1]))

    def create(self, connection: Connection, generation: int) -> None:
        """Make it, empty and without a graph; it will hold the source's `generation`."""
        connection.exec_driver_sql(
            f"CREATE TABLE IF NOT EXISTS {_OVERVIEW} (name text PRIMARY KEY, "
            "generation bigint NOT NULL, size bigint NOT NULL)"
        )
        connection.exec_driver_sql(
            f"CREATE TABLE {self.name} (example_id bigint PRIMARY KEY, "
            f"vector {self._vector} NOT NULL)"
        )
        connection.exec_driver_sql(
            f"INSERT INTO {_OVERVIEW} VALUES (%s, %s, 0)", (self.name, generation)
        )

    def build_graph(self, connection: Connection) -> None:
        """Make the graph over what is there; what comes later is linked in as it comes."""
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql(
            f"CREATE INDEX ON {self.name} USING hnsw "
            f"((CAST(vector AS {self._half})) {self._half_operators}) "
            f"WITH (m = {NEIGHBOURS}, ef_construction = {BUILD_EFFORT})"
        )

    def drop(self, connection: Connection) -> None:
        """Remove it, if it is there."""
        drop_table(connection, self.name)

    def take_place_of(self, connection: Connection, old: VectorTable) -> None:
        """Get the name of `old`, which is dropped, as are the tables of all other spaces."""
        for name in table_names(connection):
            if name != self.name:
                drop_table(connection, name)
        connection.exec_driver_sql(f"ALTER TABLE {self.name} RENAME TO {old.name}")
        connection.exec_driver_sql(
            f"UPDATE {_OVERVIEW} SET name = %s WHERE name = %s", (old.name, self.name)
        )

    def insert(self, connection: Connection, ids: IntArray, rows: FloatArray) -> None:
        """Add vectors `(n, dim)`, none of whose ids may be there."""
        if ids.size:
            copy_rows(connection, self.name, ids, rows)

    def delete(self, connection: Connection, ids: IntArray) -> None:
        """Remove vectors; ids that aren't there are ignored."""
        if ids.size:
            connection.exec_driver_sql(
                f"DELETE FROM {self.name} WHERE example_id = ANY(%s)", (ids.tolist(),)
            )

    def note(self, connection: Connection, *, generation: int, grown: int) -> None:
        """Write down up to which generation it is now, and by how many vectors it has grown."""
        connection.exec_driver_sql(
            f"UPDATE {_OVERVIEW} SET generation = %s, size = size + %s WHERE name = %s",
            (generation, grown, self.name),
        )

    def held(self, connection: Connection, ids: IntArray) -> IntArray:
        """Those of `ids` that are there, ascending."""
        found = connection.exec_driver_sql(
            f"SELECT example_id FROM {self.name} WHERE example_id = ANY(%s) ORDER BY 1",
            (ids.tolist(),),
        )
        return np.array(found.scalars().all(), np.int64)

    def all_ids(self, connection: Connection) -> IntArray:
        """All ids, ascending."""
        packed = connection.exec_driver_sql(
            f"SELECT string_agg(int8send(example_id), '' ORDER BY example_id) FROM {self.name}"
        ).scalar_one()
        return np.frombuffer(packed or b"", ">i8").astype(np.int64)

    def last_id(self, connection: Connection) -> int:
        """The highest id; 0 where there is none."""
        query = f"SELECT coalesce(max(example_id), 0) FROM {self.name}"
        return int(connection.exec_driver_sql(query).scalar_one())

    def vectors(self, connection: Connection, ids: IntArray) -> dict[int, FloatArray]:
        """The vectors of those of `ids` that are there, `(dim,) float32` each."""
        found = connection.exec_driver_sql(
            f"SELECT example_id, {self._send}(vector) FROM {self.name} WHERE example_id = ANY(%s)",
            (np.unique(ids).tolist(),),
        )
        # pgvector sends the dimension and a reserved number, two bytes each, then the components.
        return {row[0]: np.frombuffer(row[1], ">f4", offset=4).astype(np.float32) for row in found}

    def search(
        self,
        connection: Connection,
        queries: FloatArray,
        k: int,
        *,
        among: Bitmap | None = None,
        exactly: bool = False,
    ) -> list[Sequence[Sequence[Any]]]:
        """`(id, similarity)` of the k nearest of each of `queries (m, dim)`, best first.

        Args:
            among: the ids that count; the graph's scan goes on until it has met enough of them, or
                `hnsw.max_scan_tuples` rows.
            exactly: compare all rows, whatever it takes.
        """
        effort = min(max(SEARCH_EFFORT_PER_NEIGHBOUR * k, LEAST_SEARCH_EFFORT), MOST_SEARCH_EFFORT)
        connection.exec_driver_sql(
            "SELECT set_config('hnsw.ef_search', %s, true), "
            "set_config('hnsw.iterative_scan', 'relaxed_order', true), "
            "set_config('enable_indexscan', %s, true), set_config('enable_seqscan', %s, true)",
            # How many rows a bitmap leaves is nothing that the server's planner could guess.
            (str(effort), "off" if exactly else "on", "on" if exactly or not among else "off"),
        )
        candidates = max(CANDIDATES_PER_NEIGHBOUR * k, LEAST_CANDIDATES)
        bits = b"" if among is None else among.bits
        # Limits are written out, lest the server plans once for whatever they may be.
        nearest = (
            f"SELECT example_id, -(vector {self._product} query) AS similarity FROM ("
            f"SELECT example_id, vector, CAST(%(query)s AS {self._vector}) AS query "
            f"FROM {self.name} {'' if among is None else _AMONG}"
            f"ORDER BY CAST(vector AS {self._half}) {self._product} "
            f"CAST(CAST(%(query)s AS {self._vector}) AS {self._half}) "
            f"LIMIT {candidates}) AS candidate "
            f"ORDER BY similarity DESC, example_id LIMIT {k}"
        )
        return [
            connection.exec_driver_sql(nearest, {"query": as_text(query), "bits": bits}).all()
            for query in queries
        ]

    def megabytes(self, connection: Connection) -> float:
        """How much room it takes on the server's disk, its graph included."""
        query = "SELECT pg_total_relation_size(CAST(%s AS regclass)) / 1e6"
        return float(connection.exec_driver_sql(query, (self.name,)).scalar_one())


def has_overview(connection: Connection) -> bool:
    """Whether the schema has, or once had, any table of vectors."""
    query = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = %s"
    return bool(connection.exec_driver_sql(query, (_OVERVIEW,)).scalar_one())


def table_names(connection: Connection) -> list[str]:
    """The names of all tables of vectors in the schema."""
    if not has_overview(connection):
        return []
    return list(connection.exec_driver_sql(f"SELECT name FROM {_OVERVIEW}").scalars())


def drop_table(connection: Connection, name: str) -> None:
    """Remove a table of vectors, if it is there."""
    if has_overview(connection):
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
        connection.exec_driver_sql(f"DELETE FROM {_OVERVIEW} WHERE name = %s", (name,))


def as_text(vector: FloatArray) -> str:
    """A vector as pgvector reads it; float32 comes back as it was."""
    return json.dumps(vector.tolist())
