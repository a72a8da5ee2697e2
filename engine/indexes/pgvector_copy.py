"""Brings many vectors into a table at once, by PostgreSQL's binary COPY.

Ten times as fast as statements, since no number is written out as text and read again. The format:
https://www.postgresql.org/docs/current/sql-copy.html, with vectors as pgvector's `vector_recv`
takes them (the dimension and a reserved number, two bytes each, then the components).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy.exc import DBAPIError

from ..types import FloatArray, IntArray

if TYPE_CHECKING:
    from sqlalchemy import Connection

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"


def copy_rows(connection: Connection, table: str, ids: IntArray, rows: FloatArray) -> None:
    """Add `rows (n, dim) float32` under `ids (n,)` to a table of `example_id` and `vector`."""
    statement = f"COPY {table} (example_id, vector) FROM STDIN (FORMAT BINARY)"
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(_HEADER + packed(ids, rows) + _TRAILER)
    except connection.dialect.loaded_dbapi.Error as error:  # not through SQLAlchemy, which wraps
        raise DBAPIError(statement, None, error) from error


def packed(ids: IntArray, rows: FloatArray) -> bytes:
    """The rows as COPY's binary format has them, without header and trailer."""
    dimension = rows.shape[1]
    row = np.dtype(
        [
            ("fields", ">i2"),
            ("id_bytes", ">i4"),
            ("id", ">i8"),
            ("vector_bytes", ">i4"),
            ("dimension", ">i2"),
            ("reserved", ">i2"),
            ("vector", ">f4", (dimension,)),
        ]
    )
    made = np.zeros(len(ids), row)
    made["fields"] = 2
    made["id_bytes"], made["id"] = 8, ids
    made["vector_bytes"], made["dimension"] = 4 + 4 * dimension, dimension
    made["vector"] = rows
    return made.tobytes()
