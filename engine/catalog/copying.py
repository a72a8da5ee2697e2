"""Copies a catalog, row by row and id by id, between a file and a server.

Large tables are copied in order of their ids, a batch a transaction, and the gallery's own row last
of all: until then the copy is no gallery that could be opened, and a copy that was interrupted
goes on where it stopped. At the end every table of both is counted and hashed.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Generator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Integer,
    Table,
    delete,
    func,
    insert,
    literal_column,
    select,
    text,
)

from ..errors import GalleryError
from ..patience import patiently
from . import migrate, sqlite
from .database import Database, parse_location
from .models import Base, GalleryRow
from .service.models import JobFileRow

BATCH = 500
PATIENCE = 60.0
PARTIAL = ".migrating"

Progress = Callable[[int], None]


def copy_catalog(
    source: str | Path, destination: str | Path, progress: Progress = lambda _rows: None
) -> dict[str, int]:
    """Copy the catalog at `source` to `destination`, where none may be; rows by table.

    All but the gallery's `uuid` and the files of unfinished jobs is copied: from then on the copy
    is a gallery of its own. Other processes may read the source meanwhile; what they write after
    the start is not copied.

    Args:
        progress: called with the number of rows copied since its last call.

    Raises:
        GalleryError: a gallery is at `destination`, or what an interrupted copy left there is not
            of `source` as it is now.
        GalleryVersionError: a server's tables are missing or must be upgraded first.
    """
    place = parse_location(destination)
    if not isinstance(place, Path):
        with Database(place) as target:
            migrate.prepare(target)
            return _copy(source, target, progress)
    if place.exists():
        raise _occupied(str(place))
    unfinished = place.with_name(place.name + PARTIAL)
    if not unfinished.exists():
        with sqlite.errors_of(str(unfinished)):
            sqlite.connect(unfinished, mode="rwc", timeout=0.0).close()
    with Database(unfinished) as target:
        with target.transaction(write=True) as connection:
            migrate.upgrade(connection)
        rows = _copy(source, target, progress)
        target.checkpoint()
    sqlite.publish(unfinished, place, overwrite=False)
    sqlite.remove(unfinished)
    return rows


def _copy(source: str | Path, target: Database, progress: Progress) -> dict[str, int]:
    gallery = Base.metadata.tables[GalleryRow.__tablename__]
    left = (gallery.name, JobFileRow.__tablename__)
    tables = [table for table in Base.metadata.sorted_tables if table.name not in left]
    tables = sorted(tables, key=lambda table: table.name == "space", reverse=True)
    with Database(parse_location(source), read_only=True) as origin:
        migrate.prepare(origin)
        with origin.transaction() as reader:
            with target.transaction() as connection:
                if connection.execute(select(gallery)).first() is not None:
                    raise _occupied(target.name)
            for table in tables:
                _copy_table(reader, target, table, progress)
            found = {table.name: _digest(reader, table) for table in tables}
            with target.transaction() as connection:
                for table in tables:
                    if _digest(connection, table) != found[table.name]:
                        raise GalleryError(
                            f"{target.name}: its table {table.name} differs from that of "
                            f"{origin.name}, which was changed since the copying began; empty "
                            "the destination and start again"
                        )
            row = dict(reader.execute(select(gallery)).mappings().one())
            row["uuid"] = str(uuid.uuid4())
            sequences = {t: _sequence(reader, t) for t in tables if _numbered(t)}
            with target.transaction(write=True) as connection:
                for table, last in sequences.items():
                    _set_sequence(connection, table, last)
                connection.execute(insert(gallery).values(**row))
    return {name: rows for name, (rows, _) in found.items()}


def _copy_table(reader: Connection, target: Database, table: Table, progress: Progress) -> None:
    """Copy what is missing; the row that an interrupted copy wrote last is written again."""
    key = next(iter(table.primary_key.columns))
    query = select(table).order_by(*table.primary_key.columns)
    with target.transaction(write=True) as connection:
        if isinstance(key.type, Integer):
            last = connection.execute(select(func.max(key))).scalar()
            if last is not None:
                connection.execute(delete(table).where(key == last))
                query = query.where(key >= last)
        else:
            connection.execute(delete(table))

    def write(rows: list[dict[str, Any]]) -> None:
        with target.transaction(write=True) as connection:
            connection.execute(insert(table), rows)

    with closing(_batches(reader, query)) as batches:
        for batch in batches:
            patiently(partial(write, batch), seconds=PATIENCE)
            progress(len(batch))


def _batches(connection: Connection, query: Any) -> Generator[list[dict[str, Any]], None, None]:
    with connection.execute(query.execution_options(yield_per=BATCH)) as result:
        for rows in result.mappings().partitions():
            yield [dict(row) for row in rows]


def _digest(connection: Connection, table: Table) -> tuple[int, str]:
    """How many rows a table has, and a SHA-256 that tells their values, whatever their order."""
    total, rows = 0, 0
    for batch in _batches(connection, select(table)):
        for row in batch:
            values = [_canonical(row[column.key]) for column in table.columns]
            total += int.from_bytes(hashlib.sha256(repr(values).encode()).digest())
        rows += len(batch)
    return rows, f"{total % 2**256:064x}"


def _canonical(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True)
    return bytes(value) if isinstance(value, memoryview) else value


def _numbered(table: Table) -> bool:
    return "id" in table.c and table.c["id"].identity is not None


def _sequence(connection: Connection, table: Table) -> int:
    """The highest id that a table ever gave."""
    if connection.dialect.name == "sqlite":
        query = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return int(connection.execute(query, {"name": table.name}).scalar() or 0)
    name = connection.execute(
        text("SELECT pg_get_serial_sequence(:name, 'id')"), {"name": f'"{table.name}"'}
    ).scalar_one()
    last: Any = connection.execute(
        select(literal_column("last_value"), literal_column("is_called")).select_from(text(name))
    ).one()
    return int(last[0]) if last[1] else 0


def _set_sequence(connection: Connection, table: Table, last: int) -> None:
    """Go on numbering above it, so that the ids of what was removed are not given again."""
    if not last:
        return
    values = {"name": table.name, "last": last}
    if connection.dialect.name == "sqlite":
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), values)
        connection.execute(text("INSERT INTO sqlite_sequence VALUES (:name, :last)"), values)
        return
    values["name"] = f'"{table.name}"'
    connection.execute(text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)"), values)


def _occupied(name: str) -> GalleryError:
    return GalleryError(f"{name}: expected a free destination, but a gallery is there already")
